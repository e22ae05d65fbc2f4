//! Cross entropy over the target and a set of negatives that all rows share.

use crate::Parallel;
use crate::cross_entropy::{Problem, Slabs};
use crate::parallel::over_parts;
use crate::simd::{Instructions, instructions};

/// Rows of dpositives in a block.
const ROWS: usize = 256;

/// Scratch of [`sampled_softmax`], in f32.
pub fn sampled_softmax_scratch(t: usize, n: usize, width: usize) -> usize {
    Slabs::new(t, n, width).scratch()
}

/// Mean over T of the cross entropy over {target} ∪ negatives, with its gradients; h, positives [T, D], negatives [N, D],
/// the ids `targets` [T] and `drawn` [N]. A negative with the id of a row's target is left out of that row.
pub fn sampled_softmax(
    run: &impl Parallel,
    h: &[f32],
    positives: &[f32],
    negatives: &[f32],
    targets: &[i32],
    drawn: &[i32],
    width: usize,
    dh: &mut [f32],
    dpositives: &mut [f32],
    dnegatives: &mut [f32],
    scratch: &mut [f32],
) -> f64 {
    let given = (h, positives, negatives, targets, drawn);
    sampled_softmax_on(instructions(), run, given, width, dh, dpositives, dnegatives, scratch)
}

fn sampled_softmax_on(
    set: Instructions,
    run: &impl Parallel,
    (h, positives, negatives, targets, drawn): (&[f32], &[f32], &[f32], &[i32], &[i32]),
    width: usize,
    dh: &mut [f32],
    dpositives: &mut [f32],
    dnegatives: &mut [f32],
    scratch: &mut [f32],
) -> f64 {
    assert!(positives.len() == h.len() && dpositives.len() == h.len());
    let slabs = Slabs::new(targets.len(), drawn.len(), width);
    let problem = Problem { set, h, items: negatives, targets, apart: Some((positives, drawn)) };
    let loss = slabs.run(run, &problem, dh, dnegatives, scratch);
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
