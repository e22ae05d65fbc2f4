//! Plain stochastic gradient descent, and Adagrad (Duchi, Hazan and Singer, JMLR 2011), with decoupled weight decay.

use ndarray::{ArrayView1, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{PART, Parallel, over_rows, rows_per_part, zip_parts};
use crate::table::RowsById;
use crate::views::{elements, elements_mut};

/// One step's settings.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    pub rate: f32,
    /// What a parameter loses of itself: rate · decay.
    pub decay: f32,
    /// What the gradient is multiplied by first.
    pub clip: f32,
    pub epsilon: f32,
}

impl Descent {
    pub fn new(rate: f64, decay: f64, clip: f64, epsilon: f64) -> Self {
        Self { rate: rate as f32, decay: (rate * decay) as f32, clip: clip as f32, epsilon: epsilon as f32 }
    }
}

/// `θ −= rate · decay · θ + rate · g` with g = clip · gradient.
pub fn sgd(run: &impl Parallel, parameter: ArrayViewMut1<f32>, gradient: ArrayView1<f32>, by: &Descent) {
    assert_eq!(parameter.len(), gradient.len());
    let (parameter, gradient) = (elements_mut(parameter), elements(&gradient));
    zip_parts(run, [parameter], [PART], |block, [parameter]| {
        sgd_step(parameter, &gradient[block * PART..][..parameter.len()], by);
    });
}

/// The same on the rows alone that the gradient holds.
pub fn sgd_rows(run: &impl Parallel, parameter: ArrayViewMut2<f32>, RowsById { rows, ids }: RowsById, by: &Descent) {
    let width = parameter.ncols();
    assert!(rows.dim() == (ids.len(), width));
    let (parameter, rows, ids) = (elements_mut(parameter), elements(&rows), elements(&ids));
    over_rows(run, [parameter], ids, width, rows_per_part(width), |index, [parameter]| {
        sgd_step(parameter, &rows[index * width..][..width], by);
    });
}

/// `s += g²`, `θ −= rate · decay · θ + rate · g / (√s + ε)` with g = clip · gradient.
pub fn adagrad(
    run: &impl Parallel,
    parameter: ArrayViewMut1<f32>,
    squares: ArrayViewMut1<f32>,
    gradient: ArrayView1<f32>,
    by: &Descent,
) {
    assert!(parameter.len() == gradient.len() && squares.len() == gradient.len());
    let gradient = elements(&gradient);
    zip_parts(run, [parameter, squares].map(elements_mut), [PART; 2], |block, [parameter, squares]| {
        adagrad_step(parameter, squares, &gradient[block * PART..][..parameter.len()], by);
    });
}

/// The same on the rows alone that the gradient holds.
pub fn adagrad_rows(
    run: &impl Parallel,
    parameter: ArrayViewMut2<f32>,
    squares: ArrayViewMut2<f32>,
    RowsById { rows, ids }: RowsById,
    by: &Descent,
) {
    let width = parameter.ncols();
    assert!(squares.dim() == parameter.dim() && rows.dim() == (ids.len(), width));
    let (rows, ids) = (elements(&rows), elements(&ids));
    let tables = [parameter, squares].map(elements_mut);
    over_rows(run, tables, ids, width, rows_per_part(width), |index, [parameter, squares]| {
        adagrad_step(parameter, squares, &rows[index * width..][..width], by);
    });
}

#[inline(always)]
fn sgd_body<const FMA: bool>(parameter: &mut [f32], gradient: &[f32], by: &Descent) {
    for (theta, gradient) in parameter.iter_mut().zip(gradient) {
        *theta -= by.decay * *theta + by.rate * (by.clip * gradient);
    }
}

#[inline(always)]
fn adagrad_body<const FMA: bool>(parameter: &mut [f32], squares: &mut [f32], gradient: &[f32], by: &Descent) {
    for ((theta, square), gradient) in parameter.iter_mut().zip(squares).zip(gradient) {
        let g = by.clip * gradient;
        *square += g * g;
        *theta -= by.decay * *theta + by.rate * g / (square.sqrt() + by.epsilon);
    }
}

multiversion!(fn sgd_step = sgd_body(parameter: &mut [f32], gradient: &[f32], by: &Descent));
multiversion!(fn adagrad_step = adagrad_body(parameter: &mut [f32], squares: &mut [f32], gradient: &[f32], by: &Descent));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, TwoThreads, bits, close, sets, values, wide};
    use crate::views::testing::{shaped, shaped_mut, vector, vector_mut};

    const BY: (f64, f64, f64, f64) = (0.1, 0.2, 0.5, 1e-8);

    fn by() -> Descent {
        Descent::new(BY.0, BY.1, BY.2, BY.3)
    }

    /// [θ, s, gradient]
    fn state(n: usize) -> [Vec<f32>; 3] {
        [values(1, n), values(2, n).iter().map(|x| x * x).collect(), values(3, n)]
    }

    #[test]
    fn every_set_is_the_formula() {
        let (rate, decay, clip, epsilon) = BY;
        for &n in LENGTHS {
            let [theta, squares, gradient] = state(n);
            let [t, s, g] = [&theta, &squares, &gradient].map(|x| wide(x));
            let sgd: Vec<f64> = (0..n).map(|i| t[i] - rate * decay * t[i] - rate * clip * g[i]).collect();
            let sums: Vec<f64> = (0..n).map(|i| s[i] + (clip * g[i]).powi(2)).collect();
            let moved = |i: usize| rate * decay * t[i] + rate * clip * g[i] / (sums[i].sqrt() + epsilon);
            let adagrad: Vec<f64> = (0..n).map(|i| t[i] - moved(i)).collect();
            for &set in sets() {
                let mut new = theta.clone();
                sgd_step::on(set, &mut new, &gradient, &by());
                close(&new, &sgd, 1e-6);
                let mut new = [theta.clone(), squares.clone()];
                let [a, b] = &mut new;
                adagrad_step::on(set, a, b, &gradient, &by());
                close(&new[0], &adagrad, 1e-6);
                close(&new[1], &sums, 1e-6);
            }
        }
    }

    #[test]
    fn rows_move_as_in_the_dense_step_and_the_rest_stands_still() {
        let (count, width) = if cfg!(miri) { (5, 3) } else { (900, 50) };
        let [theta, squares, gradient] = state(count * width);
        let ids: Vec<i32> = (0..count as i32).filter(|id| id % 3 != 1).collect();
        let rows: Vec<f32> = ids.iter().flat_map(|&id| gradient[id as usize * width..][..width].to_vec()).collect();
        let by_id = RowsById { rows: shaped((ids.len(), width), &rows), ids: vector(&ids) };
        let (mut dense, mut sparse) = ([theta.clone(), squares.clone()], [theta.clone(), squares.clone()]);
        let [a, b] = &mut dense;
        adagrad(&Serial, vector_mut(a), vector_mut(b), vector(&gradient), &by());
        let [a, b] = &mut sparse;
        let shape = (count, width);
        adagrad_rows(&TwoThreads, shaped_mut(shape, a), shaped_mut(shape, b), by_id, &by());
        let (mut plain, mut some) = (theta.clone(), theta.clone());
        sgd(&Serial, vector_mut(&mut plain), vector(&gradient), &by());
        sgd_rows(&TwoThreads, shaped_mut(shape, &mut some), by_id, &by());
        for row in 0..count {
            let range = row * width..(row + 1) * width;
            let moves = row % 3 != 1;
            assert_eq!(bits(&sparse[0][range.clone()]), bits(&(if moves { &dense[0] } else { &theta })[range.clone()]));
            assert_eq!(
                bits(&sparse[1][range.clone()]),
                bits(&(if moves { &dense[1] } else { &squares })[range.clone()])
            );
            assert_eq!(bits(&some[range.clone()]), bits(&(if moves { &plain } else { &theta })[range]));
        }
    }
}
