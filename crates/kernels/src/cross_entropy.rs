//! Cross entropy over the whole catalogue, forward and gradients in one call, never [T, V] in memory.
//!
//! # What is computed
//!
//! Rows h [T, D], items E [V, D], and of each row t the target y_t. With logits s_tv = h_t · e_v, lse_t = log Σ_v exp(s_tv) and
//! p_tv = exp(s_tv − lse_t):
//!
//! ```text
//! loss    = 1/T Σ_t (lse_t − s_{t, y_t})
//! dh_t    = 1/T (Σ_v p_tv e_v − e_{y_t})
//! de_v    = 1/T (Σ_t p_tv h_t − Σ_{t: y_t = v} h_t)
//! ```
//!
//! `formula` in `cross_entropy/tests.rs` is this, line by line, in f64. Where rows have weights, w_t / Σ w stands for 1/T
//! ([`Terms`]). [`sampled_softmax`](crate::sampled_softmax) is the same over drawn items, where each row has a target vector of
//! its own, items that are the row's target are masked, and corrections may be subtracted from the logits.
//!
//! # In what blocks, and why
//!
//! Both gradients need p, and p needs the sum over all items first. Exponentials x_tv = exp(s_tv − shift_t) need it not: they are
//! p but for one factor a row. So rows go in **row blocks** of one to four **tiles** of 64 rows, and for each block
//!
//! 1. *prepare*: hᵀ of each tile is packed as a panel, and each row gets its shift. By Cauchy–Schwarz no logit exceeds ‖h_t‖ times
//!    the largest ‖e_v‖; where that is small, as it nearly always is, the shift is 0, and no pass for the maximum is made. Only
//!    rows beyond the bound get their largest logit as the shift, by one more pass over the items.
//! 2. *accumulate*: the items, in **chunks** of 48, are multiplied with the panel, exponentiated in place, summed, and multiplied
//!    back onto the row block's unnormalised dh = Σ_v x_tv e_v, while the chunk is in the nearest cache. The exponentials stay.
//! 3. *normalise*: the sums give each row's loss, its factor 1 / (T Σ_v x_tv), and its target's coefficient (p(target) − 1) / T.
//! 4. *gradients*: E's gradient takes xᵀ · (factor · h) of the exponentials that stayed, and dh is multiplied by the factor.
//!
//! Each logit is computed once. Steps 4 of one row block and 2 of the next are one pass over **strips** of 768 items: a strip's
//! exponentials are read and then overwritten while they are in the core's second cache, and the threads meet once a row block.
//!
//! The items are divided into some 16 **splits**, which the threads share; each has its own sums, added in the order of the splits.
//! How rows and items are divided follows from T, V and D alone, and every sum has one order: bits do not depend on the threads.
//!
//! # What is held in memory
//!
//! The exponentials of a row block, 64 to 256 rows by V; two sets of sums [splits, rows, D + 1] (the last block's are read while
//! the next one's are made); panels and scaled rows of a block; one number a row. In bf16 ([`Precision`]) the exponentials, the
//! panels and a copy of the items are stored as pairs of bf16; logits and sums are f32.
//!
//! # Which file does which step
//!
//! From the top down; each file uses those below it only.
//!
//! | file            | what it does                                                                |
//! | --------------- | --------------------------------------------------------------------------- |
//! | this one        | the door                                                                    |
//! | `schedule.rs`   | row blocks in order: the gradients of the last with the exponentials of the next |
//! | `forward.rs`    | steps 1 and 2                                                               |
//! | `backward.rs`   | steps 3 and 4                                                               |
//! | `bf16_items.rs` | the items as pairs of bf16, and the products that read them                 |
//! | `loops.rs`      | the elementwise loops: exponentials, maxima, norms, masks                   |
//! | `plan.rs`       | what is asked, how it is divided, how much scratch that takes               |

mod backward;
mod bf16_items;
mod forward;
mod loops;
mod plan;
mod schedule;
#[cfg(test)]
mod tests;

pub(crate) use loops::{bounded_rows, max_norm, subtract_corrections, whole_vectors};
pub use plan::Terms;
pub(crate) use plan::{Plan, Positives, Problem};

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::Parallel;
use crate::simd::bf16::Precision;
use crate::simd::{Instructions, instructions};
use crate::views::{elements, elements_mut};

/// Scratch of [`cross_entropy`], in f32: the exponentials of some rows, `64 · V` or up to a million where that is more, and their sums.
pub fn cross_entropy_scratch(t: usize, v: usize, width: usize, precision: Precision) -> usize {
    Plan::new(t, v, width, precision).scratch()
}

/// Rows, the items and each row's target.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    /// [T, D]
    pub h: ArrayView2<'a, f32>,
    /// [V, D]
    pub items: ArrayView2<'a, f32>,
    /// [T] in 0 .. V
    pub targets: ArrayView1<'a, i32>,
    /// Weights of the rows, [T].
    pub weights: Option<&'a [f32]>,
}

/// What [`cross_entropy`] fills.
pub struct Gradients<'a> {
    /// [T, D]
    pub dh: ArrayViewMut2<'a, f32>,
    /// [V, D]
    pub ditems: ArrayViewMut2<'a, f32>,
}

/// Mean over T of `LSE_V(h · itemsᵀ) − h · items[target]`, with its gradients. With weights the mean is Σ w l / Σ w; no weight
/// gives zeros. No rows: a loss of 0 and zero gradients. A NaN or an infinity makes the loss NaN or infinite.
pub fn cross_entropy(
    run: &impl Parallel,
    examples: &Examples,
    precision: Precision,
    gradients: Gradients,
    scratch: &mut [f32],
) -> f64 {
    cross_entropy_on(instructions(), run, examples, precision, gradients, scratch)
}

fn cross_entropy_on(
    set: Instructions,
    run: &impl Parallel,
    &Examples { h, items, targets, weights }: &Examples,
    precision: Precision,
    Gradients { dh, ditems }: Gradients,
    scratch: &mut [f32],
) -> f64 {
    let (rows, width) = h.dim();
    assert!(targets.len() == rows && items.ncols() == width && dh.dim() == h.dim() && ditems.dim() == items.dim());
    let plan = Plan::new(rows, items.nrows(), width, precision);
    let (h, items, targets) = (elements(&h), elements(&items), elements(&targets));
    let terms = Terms { weights, ..Terms::default() };
    let problem = Problem { set, h, items, targets, positives: None, terms };
    plan.run(run, &problem, elements_mut(dh), elements_mut(ditems), scratch)
}
