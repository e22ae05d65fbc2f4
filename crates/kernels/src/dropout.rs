//! Dropout whose mask is a function of position, so that the gradient draws it again instead of keeping it.

use ndarray::{ArrayView1, ArrayViewMut1};

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_parts};
use crate::random::{Stream, mix};
use crate::views::{elements, elements_mut};

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

    /// The random bits for the weights of one attention head. The head is in the seed: in the draw it would meet the
    /// draws of other steps.
    #[inline(always)]
    pub(crate) fn head(&self, head: usize) -> Stream {
        Stream::new(self.seed ^ mix(head as u32), mix(self.draw.wrapping_add(1)))
    }
}

/// Zeroes each element with probability `rate` and scales the rest by 1 / (1 − rate). It is its own gradient.
pub fn dropout(run: &impl Parallel, x: ArrayView1<f32>, mask: &Dropout, y: ArrayViewMut1<f32>) {
    assert_eq!(x.len(), y.len());
    let (x, y) = (elements(&x), elements_mut(y));
    over_parts(run, y, PART, |block, y| {
        part(&x[block * PART..][..y.len()], block * PART, mask, y);
    });
}

#[inline(always)]
fn body<const FMA: bool>(x: &[f32], start: usize, mask: &Dropout, y: &mut [f32]) {
    let (stream, threshold, scale) = (mask.stream(), mask.threshold(), mask.scale());
    let (n, start) = (y.len(), start as u32);
    let x = &x[..n];
    for i in 0..n {
        let kept = stream.bits(start.wrapping_add(i as u32)) >= threshold;
        y[i] = if kept { x[i] * scale } else { 0.0 };
    }
}

multiversion!(fn part = body(x: &[f32], start: usize, mask: &Dropout, y: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, sets, values};
    use crate::random;
    use crate::views::testing::{vector, vector_mut};

    const MASK: Dropout = Dropout { rate: 0.25, seed: 5, draw: 9 };

    #[test]
    fn every_set_drops_where_the_bits_are_low() {
        for &n in LENGTHS {
            let x = values(1, n);
            for &set in sets() {
                let mut y = vec![f32::NAN; n];
                part::on(set, &x, 0, &MASK, &mut y);
                for i in 0..n {
                    let dropped = random::bits(5, 9, i as u32) < 1 << 30; // ¼ of 2³²
                    assert_eq!(y[i], if dropped { 0.0 } else { x[i] * (1.0 / 0.75) });
                }
            }
        }
    }

    #[test]
    fn keeps_the_share_that_it_says_in_any_order_of_blocks() {
        let n = if cfg!(miri) { 100 } else { 3 * PART };
        let x = vec![1.0; n];
        let (mut y, mut z) = (vec![f32::NAN; n], vec![f32::NAN; n]);
        dropout(&Serial, vector(&x), &MASK, vector_mut(&mut y));
        dropout(&TwoThreads, vector(&x), &MASK, vector_mut(&mut z));
        assert_eq!(bits(&y), bits(&z));
        let kept = y.iter().filter(|&&y| y > 0.0).count() as f64 / n as f64;
        // Five standard deviations.
        assert!((kept - 0.75).abs() < 5.0 * (0.25 * 0.75 / n as f64).sqrt(), "{kept}");
    }

    #[test]
    fn rates_of_nothing_and_everything() {
        let x = values(1, 50);
        let mut y = vec![f32::NAN; 50];
        dropout(&Serial, vector(&x), &Dropout::NONE, vector_mut(&mut y));
        assert_eq!(y, x);
        dropout(&Serial, vector(&x), &Dropout { rate: 1.0, ..MASK }, vector_mut(&mut y));
        assert_eq!(y, [0.0; 50]);
    }
}
