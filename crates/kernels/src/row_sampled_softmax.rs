//! Cross entropy over the target and negatives that each row has for itself.

use crate::multiversion;
use crate::parallel::{Parallel, rows_per_part, zip_parts};
use crate::sampled_softmax::{Examples, Gradients};
use crate::simd::{fma, fold_sum, math};
use crate::size;
use crate::views::{elements, elements_mut};

/// Scratch of [`row_sampled_softmax`], in f32: a row's exponentials and its loss.
pub fn row_sampled_softmax_scratch(t: usize, n: usize) -> usize {
    size::times([t, size::plus([n, 1])])
}

/// Mean over T of the cross entropy over {target} ∪ the row's negatives, with its gradients. A negative with the id of the
/// row's target is masked.
pub fn row_sampled_softmax(
    run: &impl Parallel,
    examples: &Examples,
    Gradients { dh, dpositives, dnegatives }: Gradients,
    scratch: &mut [f32],
) -> f64 {
    let Examples { h, positives, negatives, targets, drawn, terms } = *examples;
    let (rows, width) = h.dim();
    let each = drawn.len().checked_div(rows).unwrap_or(0);
    assert!(width > 0 && targets.len() == rows && drawn.len() == rows * each && terms.fit(rows, drawn.len()));
    assert!(positives.dim() == h.dim() && negatives.dim() == (rows * each, width));
    assert!(dh.dim() == h.dim() && dpositives.dim() == h.dim() && dnegatives.dim() == negatives.dim());
    let [h, positives, negatives] = [h, positives, negatives].map(|x| elements(&x));
    let [dh, dpositives, dnegatives] = [dh, dpositives, dnegatives].map(elements_mut);
    let (targets, drawn) = (elements(&targets), elements(&drawn));
    let total = terms.total_weight(rows);
    let per = rows_per_part((each + 1) * width);
    let scratch = &mut scratch[..rows * (each + 1)];
    let sizes = [per * width, per * width, per * each * width, per * (each + 1)];
    zip_parts(run, [dh, dpositives, dnegatives, &mut *scratch], sizes, |block, [dh, dpos, dneg, scratch]| {
        for (i, scratch) in scratch.chunks_exact_mut(each + 1).enumerate() {
            let t = block * per + i;
            let row = Row {
                h: &h[t * width..][..width],
                positive: &positives[t * width..][..width],
                negatives: &negatives[t * each * width..][..each * width],
                target: targets[t],
                drawn: &drawn[t * each..][..each],
                log_q: terms.log_q.map(|log_q| &log_q[t * each..][..each]),
                target_log_q: terms.target_log_q.map_or(0.0, |log_q| log_q[t]),
                part: (f64::from(terms.weight(t)) / total) as f32,
            };
            let (dh, dpos) = (&mut dh[i * width..][..width], &mut dpos[i * width..][..width]);
            of_row(&row, dh, dpos, &mut dneg[i * each * width..][..each * width], scratch);
        }
    });
    let losses = scratch.chunks_exact(each + 1).enumerate();
    losses.map(|(t, scratch)| f64::from(terms.weight(t)) / total * f64::from(scratch[each])).sum()
}

struct Row<'a> {
    h: &'a [f32],
    positive: &'a [f32],
    negatives: &'a [f32],
    target: i32,
    drawn: &'a [i32],
    log_q: Option<&'a [f32]>,
    target_log_q: f32,
    /// w / Σ w
    part: f32,
}

#[inline(always)]
fn row_body<const FMA: bool>(row: &Row<'_>, dh: &mut [f32], dpos: &mut [f32], dneg: &mut [f32], scratch: &mut [f32]) {
    let width = row.h.len();
    let dot = |x: &[f32]| fold_sum(row.h, x, |sum, a, b| fma::<FMA>(a, b, sum));
    let own = dot(row.positive) - row.target_log_q;
    let (logits, loss) = scratch.split_at_mut(row.drawn.len());
    let mut most = own;
    for (n, (logit, id)) in logits.iter_mut().zip(row.drawn).enumerate() {
        let x = dot(&row.negatives[n * width..][..width]) - row.log_q.map_or(0.0, |log_q| log_q[n]);
        *logit = if *id == row.target { f32::NEG_INFINITY } else { x };
        most = if *logit > most { *logit } else { most };
    }
    let won = math::exp::<FMA>(own - most);
    let mut total = f64::from(won);
    for x in &mut *logits {
        *x = math::exp::<FMA>(*x - most);
        total += f64::from(*x);
    }
    loss[0] = (total.ln() + f64::from(most) - f64::from(own)) as f32;
    let factor = (f64::from(row.part) / total) as f32;
    let coefficient = ((f64::from(won) / total - 1.0) * f64::from(row.part)) as f32;
    for c in 0..width {
        dh[c] = coefficient * row.positive[c];
        dpos[c] = coefficient * row.h[c];
    }
    for (n, x) in logits.iter().enumerate() {
        let (p, negative) = (x * factor, &row.negatives[n * width..][..width]);
        let dneg = &mut dneg[n * width..][..width];
        for c in 0..width {
            dh[c] = fma::<FMA>(p, negative[c], dh[c]);
            dneg[c] = p * row.h[c];
        }
    }
}

multiversion!(
    fn of_row = row_body(row: &Row<'_>, dh: &mut [f32], dpos: &mut [f32], dneg: &mut [f32], scratch: &mut [f32])
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_entropy::{Plan, Positives, Problem, Terms};
    use crate::parallel::Serial;
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, values, wide};
    use crate::simd::bf16::Precision;
    use crate::simd::instructions;
    use crate::views::testing::{matrix, matrix_mut, vector};

    struct World {
        h: Vec<f32>,
        positives: Vec<f32>,
        negatives: Vec<f32>,
        targets: Vec<i32>,
        drawn: Vec<i32>,
        weights: Vec<f32>,
        log_q: Vec<f32>,
        width: usize,
    }

    impl World {
        fn new(t: usize, n: usize, width: usize, size: f32) -> Self {
            let scaled = |seed, n| values(seed, n).iter().map(|x| x * size).collect();
            Self {
                h: scaled(1, t * width),
                positives: scaled(2, t * width),
                negatives: scaled(3, t * n * width),
                targets: (0..t).map(|i| (i * 5 % 7) as i32).collect(),
                drawn: (0..t * n).map(|i| (i * 3 % 11) as i32).collect(),
                weights: values(4, t).iter().map(|x| (1.5 + x).floor()).collect(),
                log_q: values(5, t * n),
                width,
            }
        }

        fn terms(&self) -> Terms<'_> {
            Terms { weights: Some(&self.weights), log_q: Some(&self.log_q), target_log_q: None }
        }

        fn run(&self, run: &impl Parallel, terms: Terms) -> (f64, [Vec<f32>; 3]) {
            let mut all = [&self.h, &self.positives, &self.negatives].map(|x| vec![f32::NAN; x.len()]);
            let [dh, dpositives, dnegatives] = all.each_mut().map(|x| matrix_mut(x, self.width));
            let [h, positives, negatives] = [&self.h, &self.positives, &self.negatives].map(|x| matrix(x, self.width));
            let (targets, drawn) = (vector(&self.targets), vector(&self.drawn));
            let examples = Examples { h, positives, negatives, targets, drawn, terms };
            let mut scratch = vec![f32::NAN; self.targets.len() + self.drawn.len()];
            let loss = row_sampled_softmax(run, &examples, Gradients { dh, dpositives, dnegatives }, &mut scratch);
            (loss, all)
        }
    }

    /// Row by row, what negatives that all rows share give of one row.
    #[test]
    fn is_the_shared_form_of_each_row() {
        for (t, n, width, size) in [(1, 1, 1, 1.0), (5, 7, 6, 1.0), (4, 0, 3, 1.0), (3, 20, 65, 0.5), (6, 9, 4, 8.0)] {
            let world = World::new(t, n, width, size);
            let (loss, d) = world.run(&Serial, world.terms());
            let total: f64 = world.weights.iter().map(|&w| f64::from(w)).sum();
            let mut expected = 0.0;
            for i in 0..t {
                let (at, own) = (i * width..(i + 1) * width, i * n * width..(i + 1) * n * width);
                let drawn = &world.drawn[i * n..(i + 1) * n];
                let problem = Problem {
                    set: instructions(),
                    h: &world.h[at.clone()],
                    items: &world.negatives[own.clone()],
                    targets: &world.targets[i..=i],
                    positives: Some(Positives { vectors: &world.positives[at.clone()], drawn }),
                    terms: Terms { log_q: Some(&world.log_q[i * n..(i + 1) * n]), ..Terms::default() },
                };
                let plan = Plan::new(1, n, width, Precision::F32);
                let (mut dh, mut dneg) = (vec![0.0; width], vec![0.0; n * width]);
                let mut scratch = vec![0.0; plan.scratch()];
                let part = f64::from(world.weights[i]) / total;
                expected += part * plan.run(&Serial, &problem, &mut dh, &mut dneg, &mut scratch);
                let scaled = |x: &[f32]| wide(x).iter().map(|x| x * part).collect::<Vec<_>>();
                close(&d[0][at.clone()], &scaled(&dh), 1e-5);
                close(&d[2][own], &scaled(&dneg), 1e-5);
                let dpos: Vec<f32> = problem.h.iter().map(|x| x * scratch[0]).collect();
                close(&d[1][at], &scaled(&dpos), 1e-5);
            }
            assert!((loss - expected).abs() < 1e-5 * (1.0 + expected), "{loss} is not {expected}");
        }
    }

    #[test]
    fn no_rows_and_no_weight_give_zeros() {
        assert_eq!(World::new(0, 3, 2, 1.0).run(&Serial, Terms::default()), (0.0, [vec![], vec![], vec![]]));
        let world = World { weights: vec![0.0; 3], ..World::new(3, 4, 5, 1.0) };
        let (loss, d) = world.run(&Serial, world.terms());
        assert!(loss == 0.0 && d.iter().flatten().all(|&x| x == 0.0));
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let world = if cfg!(miri) { World::new(3, 5, 4, 1.0) } else { World::new(200, 9, 20, 1.0) };
        let all = |x: (f64, [Vec<f32>; 3])| (x.0.to_bits(), x.1.map(|x| bits(&x)));
        let serial = all(world.run(&Serial, world.terms()));
        assert_eq!(serial, all(world.run(&Reverse, world.terms())));
        assert_eq!(serial, all(world.run(&TwoThreads, world.terms())));
    }
}
