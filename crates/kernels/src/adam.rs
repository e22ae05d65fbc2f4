//! Adam with decoupled weight decay (Kingma and Ba, ICLR 2015; Loshchilov and Hutter, ICLR 2019).

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_rows, rows_per_part, zip_parts};
use crate::simd::{LANES, fma};

/// One step's settings: `rate`, `decay` and `clip` are of this step, `step` counts from 1.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    pub rate: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub epsilon: f64,
    pub decay: f64,
    pub step: f64,
    /// What the gradient is multiplied by first.
    pub clip: f64,
}

/// `g = clip · gradient`, `m = β1 m + (1 − β1) g`, `v = β2 v + (1 − β2) g²`,
/// `θ −= rate · decay · θ + rate · m̂ / (√v̂ + ε)` with m̂ = m / (1 − β1^step), v̂ = v / (1 − β2^step).
pub fn adam(
    run: &impl Parallel,
    parameter: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    settings: &Adam,
) {
    let n = gradient.len();
    assert!(parameter.len() == n && first.len() == n && second.len() == n);
    let factors = Factors::of(settings);
    zip_parts(run, [parameter, first, second], [PART; 3], |block, [parameter, first, second]| {
        let gradient = &gradient[block * PART..][..parameter.len()];
        step(parameter, first, second, gradient, &factors);
    });
}

/// The same on the rows `ids` alone (ascending, distinct), with their gradients `rows` [U, width].
pub fn adam_rows(
    run: &impl Parallel,
    parameter: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    rows: &[f32],
    ids: &[i32],
    width: usize,
    settings: &Adam,
) {
    assert_eq!(rows.len(), ids.len() * width);
    let factors = Factors::of(settings);
    let per = rows_per_part(width);
    over_rows(run, [parameter, first, second], ids, width, per, |index, [parameter, first, second]| {
        step(parameter, first, second, &rows[index * width..][..width], &factors);
    });
}

/// The scalars of a step, worked out in f64.
#[derive(Clone, Copy)]
struct Factors {
    clip: f32,
    beta1: f32,
    beta1_rest: f32,
    beta2: f32,
    beta2_rest: f32,
    /// √(1 / (1 − β2^step)).
    root: f32,
    epsilon: f32,
    decay: f32,
    /// rate / (1 − β1^step).
    rate: f32,
}

impl Factors {
    fn of(settings: &Adam) -> Self {
        let Adam { rate, beta1, beta2, epsilon, decay, step, clip } = *settings;
        Self {
            clip: clip as f32,
            beta1: beta1 as f32,
            beta1_rest: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            beta2_rest: (1.0 - beta2) as f32,
            root: (1.0 / (1.0 - power(beta2, step))).sqrt() as f32,
            epsilon: epsilon as f32,
            decay: (rate * decay) as f32,
            rate: (rate / (1.0 - power(beta1, step))) as f32,
        }
    }

    /// The moments and the parameter after one step.
    #[inline(always)]
    fn apply<const FMA: bool>(&self, theta: f32, m: f32, v: f32, gradient: f32) -> [f32; 3] {
        let g = self.clip * gradient;
        let m = fma::<FMA>(self.beta1, m, self.beta1_rest * g);
        let v = fma::<FMA>(self.beta2, v, self.beta2_rest * g * g);
        let change = self.rate * m / fma::<FMA>(v.sqrt(), self.root, self.epsilon);
        [theta - fma::<FMA>(self.decay, theta, change), m, v]
    }
}

/// `base^exponent` for a whole exponent, by squaring: the same bits on every platform, unlike the system's `pow`.
fn power(mut base: f64, exponent: f64) -> f64 {
    let mut left = exponent as u64;
    let mut result = 1.0;
    while left > 0 {
        if left & 1 == 1 {
            result *= base;
        }
        base *= base;
        left >>= 1;
    }
    result
}

#[inline(always)]
fn body<const FMA: bool>(parameter: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], by: &Factors) {
    let (theta, theta_tail) = parameter.as_chunks_mut::<LANES>();
    let (m, m_tail) = first.as_chunks_mut::<LANES>();
    let (v, v_tail) = second.as_chunks_mut::<LANES>();
    let (g, g_tail) = gradient.as_chunks::<LANES>();
    for (((theta, m), v), g) in theta.iter_mut().zip(m).zip(v).zip(g) {
        for i in 0..LANES {
            [theta[i], m[i], v[i]] = by.apply::<FMA>(theta[i], m[i], v[i], g[i]);
        }
    }
    for (((theta, m), v), g) in theta_tail.iter_mut().zip(m_tail).zip(v_tail).zip(g_tail) {
        [*theta, *m, *v] = by.apply::<FMA>(*theta, *m, *v, *g);
    }
}

multiversion!(
    fn step = body(parameter: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32], by: &Factors)
);
