//! Cross entropy over the target and a set of negatives that all rows share.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::Parallel;
use crate::cross_entropy::{Plan, Positives, Problem, Terms};
use crate::parallel::over_parts;
use crate::simd::bf16::Precision;
use crate::simd::{Instructions, instructions};
use crate::views::{elements, elements_mut};

/// Rows of dpositives in a block.
const ROWS: usize = 256;

/// Scratch of [`sampled_softmax`], in f32.
pub fn sampled_softmax_scratch(t: usize, n: usize, width: usize, precision: Precision) -> usize {
    Plan::new(t, n, width, precision).scratch()
}

/// Rows, a positive for each, and negatives.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    /// [T, D]
    pub h: ArrayView2<'a, f32>,
    /// [T, D]
    pub positives: ArrayView2<'a, f32>,
    /// Those that all rows share [N, D], or the N of each row one after the other [T · N, D].
    pub negatives: ArrayView2<'a, f32>,
    /// The ids of the positives [T].
    pub targets: ArrayView1<'a, i32>,
    /// The ids of the negatives.
    pub drawn: ArrayView1<'a, i32>,
    /// Weights of the rows and corrections of the logits.
    pub terms: Terms<'a>,
}

/// What [`sampled_softmax`] fills.
pub struct Gradients<'a> {
    pub dh: ArrayViewMut2<'a, f32>,
    pub dpositives: ArrayViewMut2<'a, f32>,
    pub dnegatives: ArrayViewMut2<'a, f32>,
}

/// Mean over T of the cross entropy over {target} ∪ negatives, which all rows share, with its gradients. A negative with the id
/// of a row's target is masked in that row.
pub fn sampled_softmax(
    run: &impl Parallel,
    examples: &Examples,
    precision: Precision,
    gradients: Gradients,
    scratch: &mut [f32],
) -> f64 {
    sampled_softmax_on(instructions(), run, examples, precision, gradients, scratch)
}

fn sampled_softmax_on(
    set: Instructions,
    run: &impl Parallel,
    examples: &Examples,
    precision: Precision,
    Gradients { dh, dpositives, dnegatives }: Gradients,
    scratch: &mut [f32],
) -> f64 {
    let Examples { h, positives, negatives, targets, drawn, terms } = *examples;
    let ((rows, width), count) = (h.dim(), negatives.nrows());
    assert!(positives.dim() == h.dim() && negatives.ncols() == width && targets.len() == rows && drawn.len() == count);
    assert!(dh.dim() == h.dim() && dpositives.dim() == h.dim() && dnegatives.dim() == negatives.dim());
    let [h, vectors, items] = [h, positives, negatives].map(|x| elements(&x));
    let positives = Some(Positives { vectors, drawn: elements(&drawn) });
    let problem = Problem { set, h, items, targets: elements(&targets), positives, terms };
    let plan = Plan::new(rows, count, width, precision);
    let loss = plan.run(run, &problem, elements_mut(dh), elements_mut(dnegatives), scratch);
    let dpositives = elements_mut(dpositives);
    over_parts(run, dpositives, ROWS * width, |block, part| {
        for (i, y) in part.chunks_exact_mut(width).enumerate() {
            let row = block * ROWS + i;
            for (y, x) in y.iter_mut().zip(&h[row * width..]) {
                *y = scratch[row] * x;
            }
        }
    });
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Serial;
    use crate::cross_entropy::{self, cross_entropy_scratch};
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, distance, sets, values, wide};
    use crate::views::testing::{matrix, matrix_mut, vector};

    /// h, positives, negatives, targets, drawn.
    struct World {
        h: Vec<f32>,
        positives: Vec<f32>,
        negatives: Vec<f32>,
        targets: Vec<i32>,
        drawn: Vec<i32>,
        width: usize,
        precision: Precision,
        weights: Option<Vec<f32>>,
        log_q: Option<[Vec<f32>; 2]>,
    }

    impl World {
        fn new(t: usize, n: usize, width: usize, size: f32) -> Self {
            let scaled = |seed, n| values(seed, n).iter().map(|x| x * size).collect();
            Self {
                h: scaled(1, t * width),
                positives: scaled(2, t * width),
                negatives: scaled(3, n * width),
                // Few ids, so that a row meets its target among the negatives more than once.
                targets: (0..t).map(|i| (i * 5 % 7) as i32).collect(),
                drawn: (0..n).map(|i| (i * 3 % 11) as i32).collect(),
                width,
                precision: Precision::F32,
                weights: None,
                log_q: None,
            }
        }

        /// With weights of 0 to 2, and corrections of either sign.
        fn with_terms(self) -> Self {
            let weights = values(4, self.targets.len()).iter().map(|x| (1.5 + x).floor()).collect();
            let log_q = [(5, self.drawn.len()), (6, self.targets.len())];
            let log_q = log_q.map(|(seed, n)| values(seed, n).iter().map(|x| 4.0 * x - 3.0).collect());
            Self { weights: Some(weights), log_q: Some(log_q), ..self }
        }

        fn terms(&self) -> Terms<'_> {
            let [log_q, target_log_q] =
                self.log_q.as_ref().map_or([None; 2], |log_q| log_q.each_ref().map(|q| Some(&q[..])));
            Terms { weights: self.weights.as_deref(), log_q, target_log_q }
        }

        /// The formula in f64: [loss, dh, dpositives, dnegatives].
        fn naive(&self, h: &[f64], positives: &[f64], negatives: &[f64]) -> (f64, [Vec<f64>; 3]) {
            let (width, terms) = (self.width, self.terms());
            let total = terms.total_weight(self.targets.len());
            let less = |q: Option<&[f32]>, i: usize| q.map_or(0.0, |q| f64::from(q[i]));
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            let mut d = [vec![0.0; h.len()], vec![0.0; h.len()], vec![0.0; negatives.len()]];
            let mut loss = 0.0;
            for (row, target) in self.targets.iter().enumerate() {
                let at = row * width..(row + 1) * width;
                let (h, positive) = (&h[at.clone()], &positives[at.clone()]);
                let count = total / f64::from(terms.weight(row));
                let own = dot(h, positive) - less(terms.target_log_q, row);
                let logits: Vec<f64> = (negatives.chunks_exact(width).zip(&self.drawn).enumerate())
                    .map(|(j, (x, id))| if id == target { f64::NEG_INFINITY } else { dot(h, x) - less(terms.log_q, j) })
                    .collect();
                let most = logits.iter().copied().fold(own, f64::max);
                let total = (own - most).exp() + logits.iter().map(|x| (x - most).exp()).sum::<f64>();
                loss += (total.ln() + most - own) / count;
                let won = ((own - most).exp() / total - 1.0) / count;
                for k in 0..width {
                    d[0][at.start + k] += won * positive[k];
                    d[1][at.start + k] = won * h[k];
                }
                for (j, logit) in logits.iter().enumerate() {
                    let p = (logit - most).exp() / total / count;
                    for k in 0..width {
                        d[0][at.start + k] += p * negatives[j * width + k];
                        d[2][j * width + k] += p * h[k];
                    }
                }
            }
            (loss, d)
        }

        fn expected(&self) -> (f64, [Vec<f64>; 3]) {
            self.naive(&wide(&self.h), &wide(&self.positives), &wide(&self.negatives))
        }

        /// The kernel, over buffers full of garbage.
        fn run(&self, set: Instructions, run: &impl Parallel) -> (f64, [Vec<f32>; 3]) {
            let garbage = |n| vec![f32::NAN; n];
            let (t, n) = (self.h.len(), self.negatives.len());
            let [mut dh, mut dpositives, mut dnegatives] = [garbage(t), garbage(t), garbage(n)];
            let size = sampled_softmax_scratch(self.targets.len(), self.drawn.len(), self.width, self.precision);
            let [h, positives, negatives] = [&self.h, &self.positives, &self.negatives].map(|x| matrix(x, self.width));
            let (targets, drawn) = (vector(&self.targets), vector(&self.drawn));
            let examples = Examples { h, positives, negatives, targets, drawn, terms: self.terms() };
            let [to_h, to_positives, to_negatives] =
                [&mut dh, &mut dpositives, &mut dnegatives].map(|x| matrix_mut(x, self.width));
            let out = Gradients { dh: to_h, dpositives: to_positives, dnegatives: to_negatives };
            let loss = sampled_softmax_on(set, run, &examples, self.precision, out, &mut garbage(size));
            (loss, [dh, dpositives, dnegatives])
        }

        #[track_caller]
        fn agrees(&self, tolerance: f64) {
            let (loss, d) = self.expected();
            let count = self.targets.len() as f32;
            for &set in sets() {
                let actual = self.run(set, &Serial);
                assert!((actual.0 - loss).abs() / (1.0 + loss) < tolerance, "{} is not {loss}", actual.0);
                for (actual, expected) in actual.1.iter().zip(&d) {
                    let actual: Vec<f32> = actual.iter().map(|x| x * count).collect();
                    let expected: Vec<f64> = expected.iter().map(|x| x * f64::from(count)).collect();
                    close(&actual, &expected, tolerance);
                }
            }
        }
    }

    #[test]
    fn is_the_formula() {
        for (t, n, width) in [(1, 1, 1), (3, 0, 4), (1, 40, 7), (7, 16, 16), (5, 17, 3)] {
            World::new(t, n, width, 1.0).agrees(1e-5);
        }
        for (t, n, width) in [(1, 1, 1), (3, 0, 4), (7, 16, 16), (5, 17, 3)] {
            World::new(t, n, width, 1.0).with_terms().agrees(1e-5);
        }
        if !cfg!(miri) {
            World::new(70, 600, 65, 0.5).with_terms().agrees(2e-5);
            World::new(9, 40, 8, 8.0).with_terms().agrees(1e-3);
            for (t, n, width) in [(64, 64, 64), (65, 100, 100), (300, 257, 20), (70, 600, 65), (9, 50, 300)] {
                World::new(t, n, width, 0.5).agrees(2e-5);
            }
        }
    }

    #[test]
    fn bf16_is_near_the_formula() {
        for (t, n, width, size) in [(2, 7, 32, 1.0), (7, 33, 96, 0.5), (70, 130, 64, 0.5), (70, 50, 32, 4.0)] {
            if cfg!(miri) && t * n > 20 {
                continue;
            }
            let world = World { precision: Precision::Bf16, ..World::new(t, n, width, size) };
            let ((loss, d), actual) = (world.expected(), world.run(instructions(), &Serial));
            assert!((actual.0 - loss).abs() / (1.0 + loss) < 0.02, "{} is not {loss}", actual.0);
            let off: Vec<f64> = actual.1.iter().zip(&d).map(|(actual, d)| distance(actual, d)).collect();
            assert!(off.iter().all(|&x| x < 0.02), "{t} {n} {width}: {off:?}");
            let world = world.with_terms();
            let (expected, actual) = (world.expected().0, world.run(instructions(), &Serial).0);
            assert!((actual - expected).abs() / (1.0 + expected) < 0.02, "{actual} is not {expected}");
        }
    }

    #[test]
    fn large_logits_stay_right() {
        World::new(9, 40, 8, 8.0).agrees(1e-3);
    }

    #[test]
    fn a_row_whose_negatives_are_all_its_target_has_no_loss() {
        let mut world = World::new(2, 5, 4, 1.0);
        world.targets = vec![9, 9];
        world.drawn = vec![9; 5];
        let (loss, d) = world.run(instructions(), &Serial);
        assert_eq!(loss, 0.0);
        assert!(d.iter().flatten().all(|&x| x == 0.0));
        // The same where logits are too large to go without their maximum, and far below zero.
        world.h.fill(300.0);
        world.positives.fill(-1.0);
        let (loss, d) = world.run(instructions(), &Serial);
        assert_eq!(loss, 0.0);
        assert!(d.iter().flatten().all(|&x| x == 0.0));
    }

    #[test]
    fn no_rows_give_zeros() {
        let (loss, d) = World::new(0, 3, 2, 1.0).run(instructions(), &Serial);
        assert_eq!((loss, d), (0.0, [vec![], vec![], vec![0.0; 6]]));
    }

    #[test]
    fn all_items_as_negatives_are_the_cross_entropy() {
        let (t, v, width) = (20, 30, 8);
        let mut world = World::new(t, v, width, 1.0);
        world.drawn = (0..v as i32).collect();
        world.positives =
            (world.targets.iter()).flat_map(|&id| world.negatives[id as usize * width..][..width].to_vec()).collect();
        let (loss, [dh, dpositives, mut dnegatives]) = world.run(instructions(), &Serial);
        let (mut full_dh, mut full_ditems) = (vec![0.0; t * width], vec![0.0; v * width]);
        let mut scratch = vec![0.0; cross_entropy_scratch(t, v, width, Precision::F32)];
        let (h, items) = (matrix(&world.h, width), matrix(&world.negatives, width));
        let examples = cross_entropy::Examples { h, items, targets: vector(&world.targets), weights: None };
        let out = cross_entropy::Gradients {
            dh: matrix_mut(&mut full_dh, width),
            ditems: matrix_mut(&mut full_ditems, width),
        };
        let full = cross_entropy::cross_entropy(&Serial, &examples, Precision::F32, out, &mut scratch);
        assert!((loss - full).abs() < 1e-6);
        close(&dh, &wide(&full_dh), 1e-6);
        for (row, &id) in world.targets.iter().enumerate() {
            for k in 0..width {
                dnegatives[id as usize * width + k] += dpositives[row * width + k];
            }
        }
        close(&dnegatives, &wide(&full_ditems), 1e-6);
    }

    #[test]
    fn gradients_are_central_differences() {
        let world = World::new(4, 6, 3, 1.0);
        let (_, [dh, dpositives, dnegatives]) = world.run(instructions(), &Serial);
        let (h, p, n) = (wide(&world.h), wide(&world.positives), wide(&world.negatives));
        close(&dh, &differences(&h, &[1.0], |x| vec![world.naive(x, &p, &n).0]), 1e-5);
        close(&dpositives, &differences(&p, &[1.0], |x| vec![world.naive(&h, x, &n).0]), 1e-5);
        close(&dnegatives, &differences(&n, &[1.0], |x| vec![world.naive(&h, &p, x).0]), 1e-5);
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let (t, n) = if cfg!(miri) { (3, 20) } else { (330, 700) };
        let world = World::new(t, n, 20, 1.0);
        let all = |x: (f64, [Vec<f32>; 3])| (x.0.to_bits(), x.1.map(|x| bits(&x)));
        let serial = all(world.run(instructions(), &Serial));
        assert_eq!(serial, all(world.run(instructions(), &Reverse)));
        assert_eq!(serial, all(world.run(instructions(), &TwoThreads)));
    }
}
