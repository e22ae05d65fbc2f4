//! Cross entropy where an event has K vectors and every item is scored by the best of them: the logit of item i is
//! `max_k h_k · E_i`. Forward and gradients in one call, never [T, V] in memory.
//!
//! # What is computed
//!
//! Events t with vectors h_tk [T · K, D] in rows t · K + k, items E [V, D], targets y_t, weights w_t (1 where none are given).
//! With s_tv = max_k h_tk · e_v, k_tv the first k that attains it, and p_tv = exp(s_tv) / Σ_u exp(s_tu):
//!
//! ```text
//! loss     = Σ_t w_t (log Σ_v exp(s_tv) − s_{t, y_t}) / Σ_t w_t
//! dh_tk    = w_t / Σ w (Σ_{v: k_tv = k} p_tv e_v − [k = k_{t, y_t}] e_{y_t})
//! de_v     = Σ_t w_t / Σ w (p_tv − [v = y_t]) h_{t, k_tv}
//! ```
//!
//! `formula` in `max_cross_entropy/tests.rs` is this in f64. [`max_sampled_softmax`] is the same over drawn items, as
//! [`sampled_softmax`](crate::sampled_softmax).
//!
//! # In what blocks, and why
//!
//! As in [`cross_entropy`](crate::cross_entropy), exponentials are made before their sums are known. A **group** of events stands
//! side by side in lanes, vector k of event e in lane `k · events + e`. One product gives a chunk of items the logits of all
//! lanes; the largest of an item's K lanes keeps its exponential and the others become zeros, so that the two products of the
//! gradients are plain ones. They follow while the lanes are near the core.
//!
//! | file          | what it does                                                               |
//! | ------------- | -------------------------------------------------------------------------- |
//! | this one      | the door                                                                   |
//! | `schedule.rs` | blocks of events in order                                                  |
//! | `forward.rs`  | panels, shifts, exponentials and their sums                                |
//! | `backward.rs` | the loss and the gradients from the sums                                   |
//! | `loops.rs`    | the elementwise loops over a chunk of items and the lanes of a group       |
//! | `plan.rs`     | how the work is divided, how much scratch that takes                       |

mod backward;
mod forward;
mod loops;
mod plan;
mod schedule;

use ndarray::{ArrayView2, ArrayViewMut1};

use crate::cross_entropy::{Positives, Problem, Terms};
use crate::parallel::{Parallel, over_parts, rows_per_part};
use crate::simd::matrix::dot;
use crate::simd::{Instructions, instructions};
use crate::views::{elements, elements_mut};
use crate::{cross_entropy, sampled_softmax};
use backward::Gradients;
use plan::Plan;

/// Scratch of [`max_cross_entropy`] over `v` items and of [`max_sampled_softmax`] over as many negatives, in f32.
pub fn max_cross_entropy_scratch(t: usize, interests: usize, v: usize, width: usize) -> usize {
    Plan::new(t, interests, v, width).scratch()
}

/// Mean over T of `LSE_i(max_k h_k · items_i) − max_k h_k · items[target]`, with its gradients. h and dh [T · K, D] hold the
/// K vectors of each event one after the other. An item's gradient flows to the vector that scores it, the first among equals.
/// With weights the mean is Σ w l / Σ w. A NaN or an infinity makes the loss NaN or infinite.
pub fn max_cross_entropy(
    run: &impl Parallel,
    examples: &cross_entropy::Examples,
    cross_entropy::Gradients { dh, ditems }: cross_entropy::Gradients,
    scratch: &mut [f32],
) -> f64 {
    let cross_entropy::Examples { h, items, targets, weights } = *examples;
    assert!(dh.dim() == h.dim() && ditems.dim() == items.dim());
    let problem = Problem {
        set: instructions(),
        h: elements(&h),
        items: elements(&items),
        targets: elements(&targets),
        positives: None,
        terms: Terms { weights, ..Terms::default() },
    };
    let gradients = Gradients { h: elements_mut(dh), items: elements_mut(ditems), positives: &mut [] };
    plan_of(&problem, items.ncols()).run(run, &problem, gradients, scratch)
}

/// The same over each event's target and negatives that all events share; h and dh [T · K, D], all else as of
/// [`sampled_softmax`](crate::sampled_softmax::sampled_softmax).
pub fn max_sampled_softmax(
    run: &impl Parallel,
    examples: &sampled_softmax::Examples,
    sampled_softmax::Gradients { dh, dpositives, dnegatives }: sampled_softmax::Gradients,
    scratch: &mut [f32],
) -> f64 {
    let sampled_softmax::Examples { h, positives, negatives, targets, drawn, terms } = *examples;
    assert!(dh.dim() == h.dim() && dpositives.dim() == positives.dim() && dnegatives.dim() == negatives.dim());
    let problem = Problem {
        set: instructions(),
        h: elements(&h),
        items: elements(&negatives),
        targets: elements(&targets),
        positives: Some(Positives { vectors: elements(&positives), drawn: elements(&drawn) }),
        terms,
    };
    let [dh, dpositives, dnegatives] = [dh, dpositives, dnegatives].map(elements_mut);
    let gradients = Gradients { h: dh, items: dnegatives, positives: dpositives };
    plan_of(&problem, negatives.ncols()).run(run, &problem, gradients, scratch)
}

/// The row of h [T · K, D] whose product with its event's row of items [T, D] is the greatest, the first among equals.
pub fn best_interests(run: &impl Parallel, h: ArrayView2<f32>, items: ArrayView2<f32>, best: ArrayViewMut1<i32>) {
    let (set, width) = (instructions(), items.ncols());
    let (h, items, best) = (elements(&h), elements(&items), elements_mut(best));
    let size = h.len().checked_div(best.len()).unwrap_or(0);
    assert!(width > 0 && items.len() == best.len() * width && h.len() == best.len() * size && size % width == 0);
    let per = rows_per_part(size);
    over_parts(run, best, per, |block, best| {
        for (event, best) in (block * per..).zip(best) {
            let (k, _) = best_vector(set, &h[event * size..][..size], &items[event * width..][..width]);
            *best = (event * size / width + k) as i32;
        }
    });
}

/// The first of the vectors whose product with an item is the greatest, and the product.
fn best_vector(set: Instructions, h: &[f32], item: &[f32]) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (k, h) in h.chunks_exact(item.len()).enumerate() {
        let x = dot(set, h, item);
        best = if x > best.1 { (k, x) } else { best };
    }
    best
}

fn plan_of(problem: &Problem, width: usize) -> Plan {
    assert!(width > 0, "items have a width");
    let events = problem.targets.len();
    let interests = (problem.h.len() / width).checked_div(events).unwrap_or(1);
    Plan::new(events, interests, problem.items.len() / width, width)
}

#[cfg(test)]
mod tests;
