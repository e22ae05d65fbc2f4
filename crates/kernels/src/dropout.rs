//! Dropout whose mask is a function of position, so that the gradient draws it again instead of keeping it.

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_parts};
use crate::random::{Stream, mix};

/// Which elements are dropped: each with probability `rate`, by the random bits of (seed, draw).
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    pub rate: f32,
    pub seed: u32,
    pub draw: u32,
}

impl Dropout {
    /// Keeps everything.
    pub const NONE: Self = Self { rate: 0.0, seed: 0, draw: 0 };

    /// An element is dropped where its bits are below this: ⌊rate · 2³²⌋.
    #[inline(always)]
    pub fn threshold(&self) -> u32 {
        (f64::from(self.rate) * 4_294_967_296.0) as u32
    }

    /// What the kept elements are multiplied by; 0 where nothing is kept.
    #[inline(always)]
    pub fn scale(&self) -> f32 {
        if self.rate < 1.0 { 1.0 / (1.0 - self.rate) } else { 0.0 }
    }

    #[inline(always)]
    pub(crate) fn stream(&self) -> Stream {
        Stream::new(self.seed, self.draw)
    }

    /// The random bits for the weights of one attention head.
    #[inline(always)]
    pub(crate) fn head(&self, head: usize) -> Stream {
        Stream::new(self.seed, mix(self.draw.wrapping_add(1).wrapping_add(head as u32)))
    }
}

/// Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). It is its own gradient.
pub fn dropout(run: &impl Parallel, x: &[f32], mask: &Dropout, y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    over_parts(run, y, PART, |block, y| {
        part(&x[block * PART..][..y.len()], block * PART, mask, y);
    });
}

#[inline(always)]
fn body<const FMA: bool>(x: &[f32], start: usize, mask: &Dropout, y: &mut [f32]) {
    let (stream, threshold, scale) = (mask.stream(), mask.threshold(), mask.scale());
    let start = start as u32;
    for (i, (x, y)) in x.iter().zip(y).enumerate() {
        let kept = stream.bits(start.wrapping_add(i as u32)) >= threshold;
        *y = if kept { x * scale } else { 0.0 };
    }
}

multiversion!(fn part = body(x: &[f32], start: usize, mask: &Dropout, y: &mut [f32]));
