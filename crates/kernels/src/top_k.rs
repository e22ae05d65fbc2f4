//! The k best items of each user, without a matrix of scores: panels of 64 items at a time are scored for a block of users,
//! and what passes a user's bar becomes a candidate.

mod bars;
mod codes;
mod columns;
mod exact;
mod guess;
mod keys;
mod masks;
mod pass;
mod plan;
mod quantized;
mod search;
mod select;
#[cfg(test)]
mod tests;

pub use codes::{quantize, quantize_scratch, quantized_rows};
pub use masks::Masks;

use crate::Parallel;
use crate::parallel::{over_parts, zip_mixed};
use crate::simd::compare::above;
use crate::simd::instructions;
use crate::simd::matrix::PANEL;
use crate::size::{plus, times};
use bars::shared_bars;
use exact::Exact;
use keys::{ABSENT, Candidates, capacity, item_of, keep_best, score_of, sort_best};
use plan::{Plan, SIZES};
use quantized::Quantized;
use search::{Search, Table};

/// Working memory of [`top_k`].
pub struct Scratch<'a> {
    /// Candidates, and what users may get.
    pub keys: &'a mut [u64],
    /// Vectors as codes.
    pub queries: &'a mut [i32],
    pub values: &'a mut [f32],
}

/// Elements of `keys`, `queries` and `values` of [`Scratch`].
pub fn top_k_scratch(offsets: &[i32], items: usize, width: usize, quantized: bool, k: usize) -> [usize; 3] {
    let plan = plan_of(offsets, items, width, quantized, k);
    let vectors = offsets.last().map_or(0, |&vectors| vectors as usize);
    let queries = if quantized { times([vectors, codes::query_size(width)]) } else { 0 };
    [times([plan.work(), plan.words()]), queries, times([plan.work(), plan.scratch().total])]
}

fn plan_of(offsets: &[i32], items: usize, width: usize, quantized: bool, k: usize) -> Plan {
    Plan::new(SIZES, offsets, items, width, if quantized { codes::words(width) } else { width }, k)
}

/// The k best items for each user, score = max over the user's vectors of vector · item, best first, ties by ascending id;
/// vectors [S, D] at `offsets` [B + 1], items [V, D], outputs [B, k]. `out_interests` tells which of the user's vectors
/// won. Absent places hold −1, −∞, −1; an item whose scores are all NaN or −∞ is never returned.
///
/// With the items' `quantized` form, as [`quantize`] makes it, the codes are read in their place, and only items that the
/// codes cannot rule out are scored: the result is the same to the bit.
///
/// A table of 32 MiB or more is cut into ranges, so that threads share the work for one user too.
pub fn top_k(
    run: &impl Parallel,
    vectors: &[f32],
    offsets: &[i32],
    items: &[f32],
    quantized: Option<&[i32]>,
    width: usize,
    k: usize,
    masks: &Masks,
    out_items: &mut [i32],
    out_scores: &mut [f32],
    out_interests: &mut [i32],
    scratch: Scratch,
) {
    assert!(width > 0 && !offsets.is_empty());
    let plan = plan_of(offsets, items.len() / width, width, quantized.is_some(), k);
    let exact = Exact { set: instructions(), items, vectors, width };
    let Scratch { keys, queries, values } = scratch;
    let mut outputs = Outputs { items: out_items, scores: out_scores, interests: out_interests };
    let Some(codes) = quantized else {
        let search = Search { table: exact, offsets, masks, plan };
        return search_all(run, &search, k, &mut outputs, keys, values);
    };
    codes::encode(run, vectors, width, codes, queries);
    let search = Search { table: Quantized { exact, codes, queries }, offsets, masks, plan };
    search_all(run, &search, k, &mut outputs, keys, values);
}

/// Results [B, k].
struct Outputs<'a> {
    items: &'a mut [i32],
    scores: &'a mut [f32],
    interests: &'a mut [i32],
}

fn search_all<T: Table>(
    run: &impl Parallel,
    search: &Search<T>,
    k: usize,
    outputs: &mut Outputs,
    keys: &mut [u64],
    scratch: &mut [f32],
) {
    let (plan, users) = (search.plan, search.offsets.len() - 1);
    assert_eq!(search.masks.seen_offsets.len(), users + 1);
    assert!([outputs.items.len(), outputs.scores.len(), outputs.interests.len()] == [users * k; 3]);
    if k == 0 || users == 0 {
        return;
    }
    let (part, size) = (plan.words(), plan.scratch().total);
    let (keys, scratch) = (&mut keys[..plan.work() * part], &mut scratch[..plan.work() * size]);
    let bars = shared_bars(&plan, users);
    zip_mixed(run, ([&mut *keys], [part]), ([&mut *scratch], [size]), |block, [keys], [scratch]| {
        search.run(block / plan.ranges, block % plan.ranges, &bars, keys, scratch);
    });
    if plan.ranges > 1 {
        over_parts(run, keys, plan.ranges * part, |_, keys| merge(&plan, keys));
    }
    let keys = &*keys;
    let (ids, numbers) = ([&mut *outputs.items, &mut *outputs.interests], [&mut *outputs.scores, scratch]);
    let sizes = ([plan.users * k; 2], [plan.users * k, plan.ranges * size]);
    zip_mixed(run, (ids, sizes.0), (numbers, sizes.1), |block, [items, interests], [scores, scratch]| {
        let lists = keys[block * plan.ranges * part..][..plan.keys()].chunks_exact(plan.capacity);
        let places = items.chunks_exact_mut(k).zip(scores.chunks_exact_mut(k)).zip(interests.chunks_exact_mut(k));
        for (i, (keys, ((items, scores), interests))) in lists.zip(places).enumerate() {
            let count = write(&keys[..plan.k], items, scores);
            interests.fill(-1);
            winners(search, block * plan.users + i, &keys[..count], &mut interests[..count], scratch);
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
                    length = keep_best(&mut best[..length], k);
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
fn winners<T: Table>(search: &Search<T>, user: usize, keys: &[u64], interests: &mut [i32], scratch: &mut [f32]) {
    let vectors = search.vectors_of(user);
    if vectors.len() == 1 {
        return interests.fill(0);
    }
    for (keys, interests) in keys.chunks(PANEL).zip(interests.chunks_mut(PANEL)) {
        let products = &mut scratch[..vectors.len() * PANEL];
        search.table.exact().rescore(vectors.clone(), keys, products);
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

/// The k best items for each user by given scores [B, V], as [`top_k`] does.
pub fn top_k_scores(
    run: &impl Parallel,
    scores: &[f32],
    users: usize,
    v: usize,
    k: usize,
    masks: &Masks,
    out_items: &mut [i32],
    out_scores: &mut [f32],
    scratch: &mut [u64],
) {
    assert!(scores.len() == users * v && masks.seen_offsets.len() == users + 1);
    assert!(out_items.len() == users * k && out_scores.len() == users * k);
    if k == 0 {
        return;
    }
    let (capacity, panels) = (capacity(k.min(v)), v.div_ceil(PANEL));
    let words = &mut scratch[..users * (capacity + panels)];
    over_parts(run, words, capacity + panels, |user, words| {
        let (keys, open) = words.split_at_mut(capacity);
        masks.allow(0..v, open);
        masks.leave_out(user, 0, open, 1);
        best_of(&scores[user * v..][..v], k.min(v), open, keys);
    });
    let words = &*words;
    zip_mixed(run, ([out_items], [k]), ([out_scores], [k]), |user, [items], [scores]| {
        write(&words[user * (capacity + panels)..][..k.min(v)], items, scores);
    });
}

/// The k best of one user's scores, of which those with a bit in `open` count, at the start of `keys`.
fn best_of(scores: &[f32], k: usize, open: &[u64], keys: &mut [u64]) {
    let (mut candidates, mut bar) = (Candidates { keys: &mut *keys, length: 0 }, f32::NEG_INFINITY);
    let mut last = [f32::NAN; PANEL];
    for (panel, mut part) in scores.chunks(PANEL).enumerate() {
        if part.len() < PANEL {
            last[..part.len()].copy_from_slice(part);
            part = &last;
        }
        let (part, mut bits) = (&part.as_chunks().0[0], [0]);
        above(instructions(), part, &[bar], &mut bits);
        if bits[0] & open[panel] != 0 {
            candidates.add(bits[0] & open[panel], panel * PANEL, part);
            bar = if candidates.is_full() { candidates.select(k) } else { bar };
        }
    }
    let length = candidates.length;
    sort_best(keys, length, k);
}
