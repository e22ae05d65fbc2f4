//! One query of one head.

use super::Form;
use super::bias::Biases;
use crate::attention::weight_index;
use crate::multiversion;
use crate::parallel::Panel;
use crate::random::Stream;
use crate::simd::{fma, fold_sum, math};

/// Keys that are scored together.
const KEYS: usize = 64;

/// A query, and its keys and values from the segment's first on.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    /// From a key to the next
    pub width: usize,
    /// Keys that it sees
    pub keys: usize,
    pub form: Form,
    pub bias: Biases<'a>,
    /// Its row, by which weights are dropped
    pub row: usize,
    pub stream: Stream,
    pub threshold: u32,
    /// What kept weights are multiplied by
    pub kept: f32,
}

impl Query<'_> {
    #[inline(always)]
    fn key(&self, j: usize) -> &[f32] {
        &self.k[j * self.width..][..self.q.len()]
    }

    #[inline(always)]
    fn value(&self, j: usize) -> &[f32] {
        &self.v[j * self.width..][..self.q.len()]
    }

    #[inline(always)]
    fn scale(&self) -> f32 {
        if self.form == Form::Softmax { 1.0 / (self.q.len() as f32).sqrt() } else { 1.0 }
    }

    /// What the weight of key `j` is multiplied by.
    #[inline(always)]
    fn mask(&self, j: usize) -> f32 {
        let dropped = self.threshold > 0 && self.stream.bits(weight_index(self.row as u32, j as u32)) < self.threshold;
        if dropped { 0.0 } else { self.kept }
    }

    /// Scores of the keys from `start` on.
    #[inline(always)]
    fn scores<const FMA: bool>(&self, start: usize, scores: &mut [f32]) {
        let scale = self.scale();
        for (j, score) in (start..).zip(scores) {
            let product = fold_sum(self.q, self.key(j), |sum, a, b| fma::<FMA>(a, b, sum));
            *score = fma::<FMA>(product, scale, self.bias.of(j));
        }
    }
}

/// Fills a row of the output and returns the logarithm of the softmax's sum, 0 for SiLU.
#[inline(always)]
fn forward_body<const FMA: bool>(query: &Query<'_>, out: &mut [f32]) -> f32 {
    out.fill(0.0);
    let (mut max, mut total) = (f32::NEG_INFINITY, 0.0f32);
    for start in (0..query.keys).step_by(KEYS) {
        let mut room = [0.0f32; KEYS];
        let weights = &mut room[..KEYS.min(query.keys - start)];
        query.scores::<FMA>(start, weights);
        match query.form {
            Form::Silu { length } => weights.iter_mut().for_each(|s| *s *= math::sigmoid::<FMA>(*s) / length),
            Form::Softmax => {
                // What was summed before is scaled to the larger maximum.
                let most = weights.iter().fold(max, |most, &s| if s > most { s } else { most });
                let less = if max == f32::NEG_INFINITY { 0.0 } else { math::exp::<FMA>(max - most) };
                total *= less;
                out.iter_mut().for_each(|y| *y *= less);
                for (j, s) in (start..).zip(&mut *weights) {
                    let e = math::exp::<FMA>(*s - most);
                    total += e;
                    *s = e * query.mask(j);
                }
                max = most;
            }
        }
        for (j, weight) in (start..).zip(&*weights) {
            add_scaled::<FMA>(*weight, query.value(j), out);
        }
    }
    if query.form != Form::Softmax {
        return 0.0;
    }
    let share = if query.keys == 0 { 0.0 } else { 1.0 / total };
    out.iter_mut().for_each(|y| *y *= share);
    if query.keys == 0 { f32::NEG_INFINITY } else { max + math::ln::<FMA>(total) }
}

/// The gradients of a row of the output; those of keys, values and biases are added.
#[inline(always)]
fn backward_body<const FMA: bool>(
    query: &Query<'_>,
    (out, dout, lse): (&[f32], &[f32], f32),
    dq: &mut [f32],
    dk: &mut Panel<'_>,
    dv: &mut Panel<'_>,
    dbias: &mut [f32],
) {
    dq.fill(0.0);
    let (scale, delta) = (query.scale(), fold_sum(out, dout, |sum, a, b| fma::<FMA>(a, b, sum)));
    for start in (0..query.keys).step_by(KEYS) {
        let mut room = [0.0f32; KEYS];
        let scores = &mut room[..KEYS.min(query.keys - start)];
        query.scores::<FMA>(start, scores);
        for (j, &s) in (start..).zip(&*scores) {
            let along = fold_sum(dout, query.value(j), |sum, a, b| fma::<FMA>(a, b, sum));
            let (weight, ds) = match query.form {
                Form::Softmax => {
                    let (p, mask) = (math::exp::<FMA>(s - lse), query.mask(j));
                    (p * mask, p * fma::<FMA>(mask, along, -delta))
                }
                Form::Silu { length } => {
                    let sigmoid = math::sigmoid::<FMA>(s);
                    let slope = sigmoid * fma::<FMA>(s, 1.0 - sigmoid, 1.0);
                    (s * sigmoid / length, slope * along / length)
                }
            };
            add_scaled::<FMA>(weight, dout, dv.row(j));
            add_scaled::<FMA>(ds * scale, query.key(j), dq);
            add_scaled::<FMA>(ds * scale, query.q, dk.row(j));
            query.bias.take(j, ds, dbias);
        }
    }
}

/// `y += factor · x`.
#[inline(always)]
fn add_scaled<const FMA: bool>(factor: f32, x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    for i in 0..n {
        y[i] = fma::<FMA>(factor, x[i], y[i]);
    }
}

multiversion!(pub(super) fn forward = forward_body(query: &Query<'_>, out: &mut [f32]) -> f32);
multiversion!(
    pub(super) fn backward = backward_body(
        query: &Query<'_>,
        up: (&[f32], &[f32], f32),
        dq: &mut [f32],
        dk: &mut Panel<'_>,
        dv: &mut Panel<'_>,
        dbias: &mut [f32],
    )
);
