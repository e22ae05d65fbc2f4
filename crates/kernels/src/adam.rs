//! Adam with decoupled weight decay (Kingma and Ba, ICLR 2015; Loshchilov and Hutter, ICLR 2019).

use ndarray::{ArrayView1, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_rows, rows_per_part, zip_parts};
use crate::simd::{LANES, fma};
use crate::table::RowsById;
use crate::views::{elements, elements_mut};

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

/// A parameter and its moments, of one shape.
pub struct Variable<V> {
    pub parameter: V,
    pub first: V,
    pub second: V,
}

/// `g = clip · gradient`, `m = β1 m + (1 − β1) g`, `v = β2 v + (1 − β2) g²`,
/// `θ −= rate · decay · θ + rate · m̂ / (√v̂ + ε)` with m̂ = m / (1 − β1^step), v̂ = v / (1 − β2^step).
pub fn adam(
    run: &impl Parallel,
    Variable { parameter, first, second }: Variable<ArrayViewMut1<f32>>,
    gradient: ArrayView1<f32>,
    settings: &Adam,
) {
    let n = gradient.len();
    assert!(parameter.len() == n && first.len() == n && second.len() == n);
    let [parameter, first, second] = [parameter, first, second].map(elements_mut);
    let gradient = elements(&gradient);
    let factors = Factors::of(settings);
    zip_parts(run, [parameter, first, second], [PART; 3], |block, [parameter, first, second]| {
        let gradient = &gradient[block * PART..][..parameter.len()];
        step(parameter, first, second, gradient, &factors);
    });
}

/// The same on the rows alone that the gradient holds.
pub fn adam_rows(
    run: &impl Parallel,
    Variable { parameter, first, second }: Variable<ArrayViewMut2<f32>>,
    RowsById { rows, ids }: RowsById,
    settings: &Adam,
) {
    let width = parameter.ncols();
    assert!(first.dim() == parameter.dim() && second.dim() == parameter.dim());
    assert!(rows.dim() == (ids.len(), width));
    let [parameter, first, second] = [parameter, first, second].map(elements_mut);
    let (rows, ids) = (elements(&rows), elements(&ids));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, close, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    const SETTINGS: Adam =
        Adam { rate: 1e-2, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, decay: 0.1, step: 3.0, clip: 0.5 };

    fn variable<'a>([parameter, first, second]: [&'a mut [f32]; 3]) -> Variable<ArrayViewMut1<'a, f32>> {
        let [parameter, first, second] = [parameter, first, second].map(vector_mut);
        Variable { parameter, first, second }
    }

    /// The formula in f64: [θ, m, v].
    fn naive(theta: f64, m: f64, v: f64, gradient: f64, by: &Adam) -> [f64; 3] {
        let g = by.clip * gradient;
        let m = by.beta1 * m + (1.0 - by.beta1) * g;
        let v = by.beta2 * v + (1.0 - by.beta2) * g * g;
        let (m_hat, v_hat) = (m / (1.0 - by.beta1.powf(by.step)), v / (1.0 - by.beta2.powf(by.step)));
        [theta - by.rate * by.decay * theta - by.rate * m_hat / (v_hat.sqrt() + by.epsilon), m, v]
    }

    /// [θ, m, v, gradient]
    fn state(n: usize) -> [Vec<f32>; 4] {
        let second = values(3, n).iter().map(|x| x * x).collect();
        [values(1, n), values(2, n), second, values(4, n)]
    }

    #[test]
    fn every_set_is_the_formula() {
        for &n in LENGTHS {
            let [theta, m, v, g] = state(n);
            let [wt, wm, wv, wg] = [&theta, &m, &v, &g].map(|x| wide(x));
            let expected: Vec<[f64; 3]> = (0..n).map(|i| naive(wt[i], wm[i], wv[i], wg[i], &SETTINGS)).collect();
            for &set in sets() {
                let mut new = [theta.clone(), m.clone(), v.clone()];
                let [a, b, c] = &mut new;
                step::on(set, a, b, c, &g, &Factors::of(&SETTINGS));
                for (part, new) in new.iter().enumerate() {
                    close(new, &expected.iter().map(|x| x[part]).collect::<Vec<_>>(), 1e-6);
                }
            }
        }
    }

    #[test]
    fn the_first_step_moves_by_the_rate() {
        let mut theta = [1.0, 1.0, 1.0];
        let by = Adam { decay: 0.0, step: 1.0, clip: 1.0, ..SETTINGS };
        adam(&Serial, variable([&mut theta, &mut [0.0; 3], &mut [0.0; 3]]), vector(&[5.0, -1e-3, 0.0]), &by);
        close(&theta, &[0.99, 1.01, 1.0], 1e-6);
    }

    #[test]
    fn powers_are_exact_enough() {
        assert_eq!(power(0.5, 10.0), 1.0 / 1024.0);
        assert_eq!(power(0.9, 0.0), 1.0);
        assert!((power(0.999, 12_345.0) / 0.999f64.powf(12_345.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn blocks_may_run_in_any_order() {
        let n = if cfg!(miri) { 40 } else { 2 * PART + 7 };
        let [theta, m, v, g] = state(n);
        let both = [0, 1].map(|threads| {
            let mut new = [theta.clone(), m.clone(), v.clone()];
            let [a, b, c] = &mut new;
            if threads == 0 {
                adam(&Serial, variable([a, b, c]), vector(&g), &SETTINGS);
            } else {
                adam(&TwoThreads, variable([a, b, c]), vector(&g), &SETTINGS);
            }
            new.map(|x| bits(&x))
        });
        assert!(both[0] == both[1] && both[0][0] != bits(&theta));
    }

    #[test]
    fn rows_move_as_in_the_dense_step_and_the_rest_stands_still() {
        let (count, width) = if cfg!(miri) { (5, 3) } else { (900, 50) };
        let [theta, m, v, g] = state(count * width);
        let ids: Vec<i32> = (0..count as i32).filter(|id| id % 3 != 1).collect();
        let rows: Vec<f32> = ids.iter().flat_map(|&id| g[id as usize * width..][..width].to_vec()).collect();
        let [mut dense, mut sparse] = [0, 1].map(|_| [theta.clone(), m.clone(), v.clone()]);
        let [a, b, c] = &mut dense;
        adam(&Serial, variable([a, b, c]), vector(&g), &SETTINGS);
        let [a, b, c] = &mut sparse;
        let [parameter, first, second] = [a, b, c].map(|x| matrix_mut(x, width));
        let by_id = RowsById { rows: matrix(&rows, width), ids: vector(&ids) };
        adam_rows(&TwoThreads, Variable { parameter, first, second }, by_id, &SETTINGS);
        for (part, before) in [&theta, &m, &v].into_iter().enumerate() {
            for row in 0..count {
                let range = row * width..(row + 1) * width;
                let expected = if row % 3 == 1 { before } else { &dense[part] };
                assert_eq!(bits(&sparse[part][range.clone()]), bits(&expected[range]));
            }
        }
    }
}
