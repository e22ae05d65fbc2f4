//! The k best items of each user, without a matrix of scores.
//!
//! # What is computed
//!
//! A user b has vectors q_s, s in S_b, and may get the items A_b: those that are allowed and that they have not seen.
//!
//! ```text
//! score(b, v) = max_{s ∈ S_b} q_s · e_v
//! top_k(b)    = the first k of A_b by (score descending, id ascending), without scores of NaN and −∞
//! ```
//!
//! `World::expected` in `top_k/tests.rs` is this: all scores, sorted. Every way through this module gives its result to the bit.
//!
//! # In what blocks, and why
//!
//! Users go in blocks of up to 256, so that each **panel** of 64 items is read once for all of them, and their scores [rows, 64]
//! stay in the nearest cache. Each user has a **threshold**, what an item must score more than, at first −∞. What exceeds it
//! becomes a **candidate**, a key of (score, id) that sorts as one u64. When a user's list of candidates is full it is **pruned**
//! to the k best, and the k-th score is the new threshold: of a long table nearly all items are ruled out by one comparison.
//!
//! A table of 32 MiB and more is divided into ranges, too, so that threads share the work for one user; the ranges share
//! thresholds as they rise, and their lists are merged at the end.
//!
//! # How quantised codes bound scores, and what is rescored
//!
//! With 8-bit codes of the items, made once, a panel is a quarter as large and a product four times as fast. An item is
//! x = s (c + e): scale, codes, rounding error; a vector is q = t d + f. So
//!
//! ```text
//! q · x = s (t d · c + q · e + f · c) ≤ s (t d · c + ‖q‖ ‖e‖ + ‖f‖ ‖c‖) = bound
//! ```
//!
//! where d · c is a sum of integers, and the slack ‖q‖ ‖e‖ + ‖f‖ ‖c‖, with the largest ‖e‖ and ‖c‖ of all items and what f32 rounds
//! added, is one number a vector. An item whose bound does not exceed the threshold cannot be among the k best, and is never
//! scored. The others are candidates by their bounds; where the list is pruned, those with the best bounds are **rescored** with
//! the exact products in f32, which raises the threshold, and then only those whose bounds still exceed it. So the codes decide
//! what is read, never what is found.
//!
//! A threshold of −∞ rules nothing out, so before the first panel it is **estimated** from a sample of the panels, and once more
//! after the first third. Who then finds fewer than k items above the estimate is searched again without one.
//!
//! # What is held in memory
//!
//! Of each user in each range: k keys and room for k, 128 to 4,096, more; a bit for each item of a window of 256 panels. Of each
//! block of work one panel and the scores of one. Nothing is [B, V].
//!
//! # Why bits do not depend on threads
//!
//! Blocks and ranges follow from the shape. A score is summed over D in one order, whichever path takes it. How early a range
//! learns of another's threshold depends on the threads, and with it how many candidates there are; which k remain does not, since
//! what a threshold excludes has k better items.
//!
//! # Which file does which step
//!
//! From the top down; each file uses those below it only. `Pass` has methods in three of them.
//!
//! | file            | what it does                                                                  |
//! | --------------- | ----------------------------------------------------------------------------- |
//! | this one        | the doors: blocks and ranges, merged lists, which vector gave each result     |
//! | `select.rs`     | the search of a range; candidates shortlisted, rescored and pruned to k       |
//! | `estimate.rs`   | thresholds estimated from a sample                                            |
//! | `pass.rs`       | panels scored for a block of users, candidates taken                          |
//! | `quantized.rs`  | the table of codes: bounds first, exact scores of what they cannot rule out   |
//! | `table.rs`      | what a table is, and that of f32 items                                        |
//! | `exact.rs`      | exact scores                                                                  |
//! | `codes.rs`      | quantisation of items and vectors, and the slack                              |
//! | `thresholds.rs` | thresholds that ranges share                                                  |
//! | `maxima.rs`     | maxima over a user's vectors, and the n-th largest of a sample                |
//! | `plan.rs`       | how the work is divided                                                       |
//! | `given.rs`      | scores of given candidates, with the bits of the search                       |
//! | `candidates.rs` | the best of given candidates by given scores                                  |
//! | `masks.rs`      | what a user may get                                                           |
//! | `keys.rs`       | keys of (score, id), and selections among them                                |

mod candidates;
mod codes;
mod estimate;
mod exact;
mod given;
mod keys;
mod masks;
mod maxima;
mod pass;
mod plan;
mod quantized;
mod select;
mod table;
#[cfg(test)]
mod tests;
mod thresholds;

pub use candidates::{CandidateOutputs, top_k_candidates};
pub use codes::{quantize, quantize_scratch, quantized_rows};
pub use given::{PairOutputs, pair_best};
pub use masks::Masks;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::Parallel;
use crate::parallel::{over_parts, zip_mixed};
use crate::simd::compare::passes;
use crate::simd::instructions;
use crate::simd::matrix::PANEL;
use crate::size::{plus, times};
use crate::views::{elements, elements_mut};
use exact::Exact;
use keys::{ABSENT, Candidates, capacity, item_of, score_of, select_best, sort_best};
use plan::{Plan, SIZES};
use quantized::Quantized;
use select::search_range;
use table::{Search, Table};
use thresholds::shared_thresholds;

/// Whose best items are asked for, and among which.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// [S, D]
    pub vectors: ArrayView2<'a, f32>,
    /// The vectors of user b are rows `offsets[b] .. offsets[b + 1]`: [B + 1].
    pub offsets: ArrayView1<'a, i32>,
    /// [V, D]
    pub items: ArrayView2<'a, f32>,
    /// The items' codes, as [`quantize`] makes them.
    pub quantized: Option<ArrayView2<'a, i32>>,
    pub masks: &'a Masks<'a>,
}

/// Results, [B, k] each.
pub struct Outputs<'a> {
    /// −1 where there are fewer items than k.
    pub items: ArrayViewMut2<'a, i32>,
    /// −∞ there.
    pub scores: ArrayViewMut2<'a, f32>,
    /// Which of the user's vectors gave the score; −1 there.
    pub interests: ArrayViewMut2<'a, i32>,
}

/// Working memory of [`top_k`].
pub struct Scratch<'a> {
    /// Candidates, and what users may get.
    pub keys: &'a mut [u64],
    /// Vectors as codes.
    pub queries: &'a mut [i32],
    pub values: &'a mut [f32],
}

/// Elements of `keys`, `queries` and `values` of [`Scratch`].
pub fn top_k_scratch(
    offsets: ArrayView1<i32>,
    (items, width): (usize, usize),
    quantized: bool,
    k: usize,
) -> [usize; 3] {
    let offsets = elements(&offsets);
    let plan = plan_of(offsets, (items, width), quantized, k);
    let vectors = offsets.last().map_or(0, |&vectors| vectors as usize);
    let queries = if quantized { times([vectors, codes::query_size(width)]) } else { 0 };
    [times([plan.work(), plan.words()]), queries, times([plan.work(), plan.scratch().total])]
}

fn plan_of(offsets: &[i32], (items, width): (usize, usize), quantized: bool, k: usize) -> Plan {
    Plan::new(SIZES, offsets, items, width, if quantized { codes::words(width) } else { width }, k)
}

/// The k best items for each user, score = max over the user's vectors of vector · item, best first, ties by ascending id. An item
/// whose scores are all NaN or −∞ is never returned.
///
/// With the items' codes these are read in their place, and only items that the codes cannot rule out are scored: the result is
/// the same to the bit. A table of 32 MiB or more is divided into ranges, so that threads share the work for one user too.
pub fn top_k(run: &impl Parallel, query: &Query, outputs: Outputs, scratch: Scratch) {
    let Query { vectors, offsets, items, quantized, masks } = *query;
    let (width, offsets, k) = (items.ncols(), elements(&offsets), outputs.items.ncols());
    assert!(width > 0 && !offsets.is_empty() && vectors.ncols() == width);
    let plan = plan_of(offsets, items.dim(), quantized.is_some(), k);
    let (vectors, items) = (elements(&vectors), elements(&items));
    let exact = Exact { set: instructions(), items, vectors, width };
    let Scratch { keys, queries, values } = scratch;
    let Some(codes) = quantized else {
        let search = Search { table: exact, offsets, masks, plan };
        return search_all(run, &search, outputs, keys, values);
    };
    let codes = elements(&codes);
    codes::encode(run, vectors, width, codes, queries);
    let search = Search { table: Quantized { exact, codes, queries }, offsets, masks, plan };
    search_all(run, &search, outputs, keys, values);
}

fn search_all<T: Table>(
    run: &impl Parallel,
    search: &Search<T>,
    Outputs { items, scores, interests }: Outputs,
    keys: &mut [u64],
    scratch: &mut [f32],
) {
    let (plan, users, k) = (search.plan, search.offsets.len() - 1, items.ncols());
    assert_eq!(search.masks.seen_offsets.len(), users + 1);
    assert!([items.dim(), scores.dim(), interests.dim()] == [(users, k); 3]);
    if k == 0 || users == 0 {
        return;
    }
    let (part, size) = (plan.words(), plan.scratch().total);
    let (keys, scratch) = (&mut keys[..plan.work() * part], &mut scratch[..plan.work() * size]);
    let thresholds = shared_thresholds(&plan, users);
    zip_mixed(run, ([&mut *keys], [part]), ([&mut *scratch], [size]), |block, [keys], [scratch]| {
        search_range(search, [block / plan.ranges, block % plan.ranges], &thresholds, keys, scratch);
    });
    if plan.ranges > 1 {
        over_parts(run, keys, plan.ranges * part, |_, keys| merge(&plan, keys));
    }
    let keys = &*keys;
    let (ids, numbers) = ([items, interests].map(elements_mut), [elements_mut(scores), scratch]);
    let sizes = ([plan.users * k; 2], [plan.users * k, plan.ranges * size]);
    zip_mixed(run, (ids, sizes.0), (numbers, sizes.1), |block, [items, interests], [scores, scratch]| {
        let lists = keys[block * plan.ranges * part..][..plan.keys()].chunks_exact(plan.capacity);
        let places = items.chunks_exact_mut(k).zip(scores.chunks_exact_mut(k)).zip(interests.chunks_exact_mut(k));
        for (i, (keys, ((items, scores), interests))) in lists.zip(places).enumerate() {
            let count = write(&keys[..plan.k], items, scores);
            interests.fill(-1);
            winning_interests(search, block * plan.users + i, &keys[..count], &mut interests[..count], scratch);
        }
    });
}

/// Of the lists of all ranges, one after another, the k best of each user in the first.
fn merge(plan: &Plan, keys: &mut [u64]) {
    let &Plan { k, capacity, .. } = plan;
    let (first, others) = keys.split_at_mut(plan.words());
    for (user, best) in first[..plan.keys()].chunks_exact_mut(capacity).enumerate() {
        let mut length = k;
        for other in others.chunks_exact(plan.words()) {
            for found in other[user * capacity..][..k].chunks(capacity - k) {
                if length + found.len() > capacity {
                    length = select_best(&mut best[..length], k);
                }
                best[length..length + found.len()].copy_from_slice(found);
                length += found.len();
            }
        }
        sort_best(best, length, k);
    }
}

/// A list of keys as items and scores; gives how many there are.
fn write(keys: &[u64], items: &mut [i32], scores: &mut [f32]) -> usize {
    items.fill(-1);
    scores.fill(f32::NEG_INFINITY);
    let found = keys.iter().take_while(|&&key| key != ABSENT);
    let places = items.iter_mut().zip(scores);
    found.zip(places).map(|(&key, (item, score))| (*item, *score) = (item_of(key) as i32, score_of(key))).count()
}

/// The first of the user's vectors that gives each result its score: the products once more, for the results alone.
fn winning_interests<T: Table>(
    search: &Search<T>,
    user: usize,
    keys: &[u64],
    interests: &mut [i32],
    scratch: &mut [f32],
) {
    let vectors = search.vectors_of(user);
    if vectors.len() == 1 {
        return interests.fill(0);
    }
    for (keys, interests) in keys.chunks(PANEL).zip(interests.chunks_mut(PANEL)) {
        let products = &mut scratch[..vectors.len() * PANEL];
        search.table.exact().score_items(vectors.clone(), keys, products);
        for (i, (&key, interest)) in keys.iter().zip(interests).enumerate() {
            let won = products.chunks_exact(PANEL).position(|row| row[i] == score_of(key));
            *interest = won.map_or(-1, |won| won as i32);
        }
    }
}

/// Scratch of [`top_k_scores`], in u64.
pub fn top_k_scores_scratch(users: usize, items: usize, k: usize) -> usize {
    times([users, plus([capacity(k.min(items)), items.div_ceil(PANEL)])])
}

/// The k best items for each user by given scores [B, V], as [`top_k`] does; outputs [B, k].
pub fn top_k_scores(
    run: &impl Parallel,
    scores: ArrayView2<f32>,
    masks: &Masks,
    out_items: ArrayViewMut2<i32>,
    out_scores: ArrayViewMut2<f32>,
    scratch: &mut [u64],
) {
    let ((users, v), k) = (scores.dim(), out_items.ncols());
    assert!(masks.seen_offsets.len() == users + 1);
    assert!(out_items.dim() == (users, k) && out_scores.dim() == (users, k));
    if k == 0 {
        return;
    }
    let (scores, out_items, out_scores) = (elements(&scores), elements_mut(out_items), elements_mut(out_scores));
    let (capacity, panels) = (capacity(k.min(v)), v.div_ceil(PANEL));
    let words = &mut scratch[..users * (capacity + panels)];
    over_parts(run, words, capacity + panels, |user, words| {
        let (keys, eligible) = words.split_at_mut(capacity);
        masks.allow(0..v, eligible);
        masks.exclude_seen(user, 0, eligible, 1);
        best_of(&scores[user * v..][..v], k.min(v), eligible, keys);
    });
    let words = &*words;
    zip_mixed(run, ([out_items], [k]), ([out_scores], [k]), |user, [items], [scores]| {
        write(&words[user * (capacity + panels)..][..k.min(v)], items, scores);
    });
}

/// The k best of one user's scores, of which those with a bit in `eligible` count, at the start of `keys`.
fn best_of(scores: &[f32], k: usize, eligible: &[u64], keys: &mut [u64]) {
    let (mut candidates, mut threshold) = (Candidates { keys: &mut *keys, length: 0 }, f32::NEG_INFINITY);
    let mut last = [f32::NAN; PANEL];
    for (panel, mut part) in scores.chunks(PANEL).enumerate() {
        if part.len() < PANEL {
            last[..part.len()].copy_from_slice(part);
            part = &last;
        }
        let (part, mut bits) = (&part.as_chunks().0[0], [0]);
        passes(instructions(), part, &[threshold], &mut bits);
        if bits[0] & eligible[panel] != 0 {
            candidates.add(bits[0] & eligible[panel], panel * PANEL, part);
            threshold = if candidates.is_full() { candidates.select(k) } else { threshold };
        }
    }
    let length = candidates.length;
    sort_best(keys, length, k);
}
