use super::estimate::rank_of;
use super::keys::key;
use super::pass::{STRETCH, SWEEPS};
use super::plan::Sizes;
use super::*;
use crate::Serial;
use crate::parallel::testing::{Reverse, SETS, TwoThreads, bits, values};
use crate::product::{inner, inner_scratch};
use crate::simd::Instructions;
use crate::views::testing::{matrix, matrix_mut, shaped, shaped_mut};

/// Items, scores as bits, interests.
type Found = (Vec<i32>, Vec<u32>, Vec<i32>);

struct World {
    vectors: Vec<f32>,
    offsets: Vec<i32>,
    items: Vec<f32>,
    width: usize,
    seen: Vec<i32>,
    seen_offsets: Vec<i32>,
    allowed: Option<Vec<i32>>,
    sizes: Sizes,
}

impl World {
    /// Users with `0, 1, 2, … % 4` vectors, who have seen a few items each.
    fn new(users: usize, v: usize, width: usize) -> Self {
        let mut world = Self {
            vectors: vec![],
            offsets: vec![0],
            items: values(2, v * width),
            width,
            seen: vec![],
            seen_offsets: vec![0],
            allowed: None,
            sizes: SIZES,
        };
        for user in 0..users {
            let count = (user + 1) % 4;
            world.vectors.extend(values(10 + user as u32, count * width));
            world.offsets.push(world.offsets[user] + count as i32);
            world.seen.extend((0..(user % 5).min(v)).map(|i| ((i * 17 + user) % v) as i32));
            world.seen_offsets.push(world.seen.len() as i32);
        }
        world
    }

    fn masks(&self) -> Masks<'_> {
        let allowed = self.allowed.as_deref();
        Masks { seen: &self.seen, seen_offsets: &self.seen_offsets, allowed }
    }

    fn run(&self, set: Instructions, run: &impl Parallel, k: usize) -> Found {
        let found = self.run_on(set, run, k, false);
        assert_eq!(found, self.run_on(set, run, k, true), "{set:?} by codes");
        found
    }

    fn run_on(&self, set: Instructions, run: &impl Parallel, k: usize, quantized: bool) -> Found {
        let (users, items) = (self.offsets.len() - 1, self.items.len() / self.width);
        let read = if quantized { codes::words(self.width) } else { self.width };
        let plan = Plan::new(self.sizes, &self.offsets, items, self.width, read, k);
        let (mut ids, mut scores, mut interests) = (vec![7; users * k], vec![f32::NAN; users * k], vec![7; users * k]);
        let outputs = Outputs {
            items: shaped_mut((users, k), &mut ids),
            scores: shaped_mut((users, k), &mut scores),
            interests: shaped_mut((users, k), &mut interests),
        };
        let (mut keys, mut scratch) =
            (vec![7; plan.work() * plan.words()], vec![f32::NAN; plan.work() * plan.scratch().total]);
        let (exact, masks) =
            (Exact { set, items: &self.items, vectors: &self.vectors, width: self.width }, self.masks());
        let (offsets, masks) = (&self.offsets[..], &masks);
        if quantized {
            let (codes, queries) = self.codes();
            let search = Search { table: Quantized { exact, codes: &codes, queries: &queries }, offsets, masks, plan };
            search_all(run, &search, outputs, &mut keys, &mut scratch);
        } else {
            let search = Search { table: exact, offsets, masks, plan };
            search_all(run, &search, outputs, &mut keys, &mut scratch);
        }
        (ids, bits(&scores), interests)
    }

    /// The items and the vectors as codes.
    fn codes(&self) -> (Vec<i32>, Vec<i32>) {
        let items = self.items.len() / self.width;
        let mut codes = vec![7; quantized_rows(items, self.width) * PANEL];
        let mut queries = vec![7; self.vectors.len() / self.width * codes::query_size(self.width)];
        let (table, mut scratch) = (matrix_mut(&mut codes, PANEL), vec![f32::NAN; quantize_scratch(items)]);
        quantize(&TwoThreads, matrix(&self.items, self.width), table, &mut scratch);
        codes::encode(&TwoThreads, &self.vectors, self.width, &codes, &mut queries);
        (codes, queries)
    }

    /// Scores of every item for every user [B, V], by the product of matrices, and who won.
    fn scores(&self) -> (Vec<f32>, Vec<i32>) {
        let (s, v) = (self.vectors.len() / self.width, self.items.len() / self.width);
        let mut products = vec![0.0; s * v];
        let mut scratch = vec![0.0; inner_scratch(s, v, self.width)];
        let (vectors, items) = (matrix(&self.vectors, self.width), matrix(&self.items, self.width));
        inner(&Serial, vectors, items, shaped_mut((s, v), &mut products), &mut scratch);
        let (mut scores, mut winners) = (vec![], vec![]);
        for range in self.offsets.windows(2) {
            for item in 0..v {
                let mut best = (f32::NEG_INFINITY, -1);
                for row in range[0]..range[1] {
                    let score = products[row as usize * v + item];
                    best = if score > best.0 { (score, row - range[0]) } else { best };
                }
                scores.push(best.0);
                winners.push(best.1);
            }
        }
        (scores, winners)
    }

    /// By sorting everything.
    fn expected(&self, k: usize) -> Found {
        let v = self.items.len() / self.width;
        let (scores, winners) = self.scores();
        let mut found: Found = (vec![], vec![], vec![]);
        for user in 0..self.offsets.len() - 1 {
            let seen = &self.seen[self.seen_offsets[user] as usize..self.seen_offsets[user + 1] as usize];
            let at = |item: i32| user * v + item as usize;
            let mut order: Vec<i32> = (0..v as i32)
                .filter(|item| !seen.contains(item) && scores[at(*item)] > f32::NEG_INFINITY)
                .filter(|item| self.allowed.as_ref().is_none_or(|a| a[*item as usize / 32] >> (item % 32) & 1 == 1))
                .collect();
            order.sort_by(|&a, &b| scores[at(b)].total_cmp(&scores[at(a)]).then(a.cmp(&b)));
            for i in 0..k {
                let item = order.get(i).copied();
                found.0.push(item.unwrap_or(-1));
                found.1.push(item.map_or(f32::NEG_INFINITY, |item| scores[at(item)]).to_bits());
                found.2.push(item.map_or(-1, |item| winners[at(item)]));
            }
        }
        found
    }
}

/// Pieces so small that a small world has several of each kind.
const SMALL: Sizes = Sizes { users: 2, vectors: 3, range: 1_000, blocks: 12 };

fn shapes() -> Vec<(usize, usize, usize, usize)> {
    let small = [(0, 5, 4, 3), (1, 1, 1, 1), (3, 5, 7, 10), (6, 17, 2, 4)];
    let large = [
        (5, 64, 16, 0),
        (40, 65, 20, 65),
        (70, 700, 64, 10),
        (33, 300, 100, 1),
        (2, 1_000, 300, 100),
        (2, 1_000, 64, 20),
    ];
    small.into_iter().chain(large.into_iter().filter(|_| !cfg!(miri))).collect()
}

/// Halves: inner products of them are exact and often equal.
fn coarse(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = (*x * 2.0).round() / 2.0);
}

#[test]
fn is_a_sort_of_all_scores() {
    let some = |i: usize| if i % 5 < 2 { 0 } else { 0x5a5a_1234 ^ i as i32 };
    for (users, v, width, k) in shapes() {
        let mut world = World::new(users, v, width);
        for case in 0..4 {
            world.allowed = (case % 2 == 1).then(|| (0..v.div_ceil(32)).map(some).collect());
            if case == 2 {
                coarse(&mut world.vectors);
                coarse(&mut world.items);
            }
            let expected = world.expected(k);
            for sizes in [SIZES, SMALL] {
                world.sizes = sizes;
                assert_eq!(world.run(instructions(), &Serial, k), expected, "{users} {v} {width} {k} {case}");
            }
        }
    }
}

#[test]
fn a_sample_that_misleads_costs_time_alone() {
    // Of sixteen panels every fifth is sampled: there all items have scores three times as far from 0, so that the best of the
    // sample are the best of all, and fewer than k pass the estimate. So it is with the first four of every twelve, which are the
    // first sweep.
    assert!([10, 30].iter().all(|&k| rank_of(k, 5.0) < k) && rank_of(90, SWEEPS as f64) * 3 / 2 < 90);
    for (every, loud) in [(5, 1), (SWEEPS * STRETCH, STRETCH)] {
        let mut world = World::new(if cfg!(miri) { 2 } else { 9 }, 1_024, if cfg!(miri) { 2 } else { 16 });
        let panel = PANEL * world.width;
        world.items.chunks_mut(every * panel).for_each(|some| some[..loud * panel].iter_mut().for_each(|x| *x *= 3.0));
        for k in (1..31).chain([90]).filter(|&k| !cfg!(miri) || k == 10) {
            for sizes in if cfg!(miri) { &[SIZES][..] } else { &[SIZES, SMALL, Sizes { vectors: 3, ..SIZES }] } {
                world.sizes = *sizes;
                let expected = world.expected(k);
                assert_eq!(world.run(instructions(), &Serial, k), expected, "{every} {k}");
                if !cfg!(miri) {
                    assert_eq!(world.run(instructions(), &TwoThreads, k), expected, "{every} {k}");
                }
            }
        }
    }
}

#[test]
fn every_set_finds_the_same_items() {
    let mut world = World::new(9, if cfg!(miri) { 40 } else { 400 }, 20);
    for sizes in [SIZES, SMALL] {
        world.sizes = sizes;
        let best = SETS.map(|set| world.run(set, &Serial, 5));
        assert!(best[1] == best[2] || crate::simd::best() == Instructions::Portable);
        assert_eq!([&best[0].0, &best[0].0], [&best[1].0, &best[2].0]);
        assert_eq!([&best[0].2, &best[0].2], [&best[1].2, &best[2].2]);
    }
}

#[test]
fn a_user_alone_gets_what_they_get_among_others() {
    for (set, width) in SETS.into_iter().flat_map(|set| [16, 20, 64].map(|width| (set, width))) {
        let world = World::new(if cfg!(miri) { 5 } else { 70 }, if cfg!(miri) { 30 } else { 500 }, width);
        let (ids, scores, interests) = world.run(set, &Serial, 7);
        for user in 0..world.offsets.len() - 1 {
            let rows = world.offsets[user] as usize * width..world.offsets[user + 1] as usize * width;
            let seen = world.seen_offsets[user] as usize..world.seen_offsets[user + 1] as usize;
            let alone = World {
                offsets: vec![0, (rows.len() / width) as i32],
                vectors: world.vectors[rows].to_vec(),
                items: world.items.clone(),
                width,
                seen_offsets: vec![0, seen.len() as i32],
                seen: world.seen[seen].to_vec(),
                allowed: None,
                sizes: SMALL,
            };
            let at = user * 7..(user + 1) * 7;
            let expected = (ids[at.clone()].to_vec(), scores[at.clone()].to_vec(), interests[at].to_vec());
            assert_eq!(alone.run(set, &Serial, 7), expected, "{set:?} {width} {user}");
        }
    }
}

#[test]
fn threads_do_not_change_the_result() {
    let mut world = World::new(if cfg!(miri) { 40 } else { 100 }, if cfg!(miri) { 10 } else { 300 }, 8);
    for case in 0..3 {
        if case == 1 {
            world.sizes = SMALL;
        }
        if case == 2 {
            // Ties in every range: the shared threshold must let them pass.
            coarse(&mut world.vectors);
            coarse(&mut world.items);
        }
        let serial = world.run(instructions(), &Serial, 5);
        assert_eq!(serial, world.run(instructions(), &Reverse, 5));
        assert_eq!(serial, world.run(instructions(), &TwoThreads, 5));
        assert_eq!(serial, world.expected(5));
    }
}

fn given(scores: &[f32], k: usize, seen: &[i32], allowed: Option<&[i32]>) -> (Vec<i32>, Vec<f32>) {
    let (mut ids, mut best) = (vec![7; k], vec![f32::NAN; k]);
    let masks = Masks { seen, seen_offsets: &[0, seen.len() as i32], allowed };
    let mut scratch = vec![7; top_k_scores_scratch(1, scores.len(), k)];
    let (scores, out) = (shaped((1, scores.len()), scores), (1, k));
    top_k_scores(&Serial, scores, &masks, shaped_mut(out, &mut ids), shaped_mut(out, &mut best), &mut scratch);
    (ids, best)
}

const NONE: f32 = f32::NEG_INFINITY;

#[test]
fn ties_go_to_the_smaller_id() {
    let scores: Vec<f32> = (0..40).map(|i| (i / 2 % 3) as f32).collect();
    // Twos stand at 4, 5, 10, 11, …
    assert_eq!(given(&scores, 3, &[], None), (vec![4, 5, 10], vec![2.0; 3]));
    assert_eq!(given(&[1.0, 3.0, 1.0, 3.0, 1.0], 4, &[], None), (vec![1, 3, 0, 2], vec![3.0, 3.0, 1.0, 1.0]));
    assert_eq!(given(&[0.0, -0.0], 2, &[], None).0, [0, 1]);
}

#[test]
fn ties_that_a_later_sweep_meets_go_to_the_smaller_id() {
    // The first sweep leaves panels 4 to 11 out. All items score 0.
    let mut world = World::new(1, 1_024, 16);
    world.vectors.fill(0.0);
    world.allowed = Some((0..32).map(|word| if word < 2 * STRETCH { 0 } else { -1 }).collect());
    let first = (STRETCH * PANEL) as i32;
    for k in [1, 10, 30] {
        assert_eq!(world.run(instructions(), &Serial, k).0, (first..first + k as i32).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_seen_or_not_allowed_or_no_number_stays_out() {
    let scores = [0.5, f32::NAN, 0.9, NONE, 0.7];
    assert_eq!(given(&scores, 4, &[], None), (vec![2, 4, 0, -1], vec![0.9, 0.7, 0.5, NONE]));
    assert_eq!(given(&scores, 2, &[4, 2, 4], None), (vec![0, -1], vec![0.5, NONE]));
    assert_eq!(given(&scores, 2, &[], Some(&[0b10001])), (vec![4, 0], vec![0.7, 0.5]));
    assert_eq!(given(&scores, 2, &[3, 1, 0, 4, 2], None), (vec![-1; 2], vec![NONE; 2]));
    assert_eq!(given(&scores, 1, &[], Some(&[0])), (vec![-1], vec![NONE]));
    assert_eq!(given(&[f32::NAN; 70], 1, &[], None), (vec![-1], vec![NONE]));
    assert_eq!(given(&[], 1, &[], None), (vec![-1], vec![NONE]));
}

#[test]
fn the_last_bit_of_a_word_is_an_item() {
    let scores = vec![1.0; 64];
    assert_eq!(given(&scores, 2, &[], Some(&[i32::MIN, i32::MIN])).0, [31, 63]);
}

#[test]
fn users_by_given_scores_are_users_by_vectors() {
    let world = World::new(9, 100, 8);
    let (scores, _) = world.scores();
    let (mut ids, mut best) = (vec![7; 9 * 6], vec![f32::NAN; 9 * 6]);
    let mut scratch = vec![7; top_k_scores_scratch(9, 100, 6)];
    let (to, by) = (matrix_mut(&mut ids, 6), matrix_mut(&mut best, 6));
    top_k_scores(&TwoThreads, matrix(&scores, 100), &world.masks(), to, by, &mut scratch);
    let (expected_ids, expected_best, _) = world.run(instructions(), &Serial, 6);
    assert_eq!((ids, bits(&best)), (expected_ids, expected_best));
}

#[test]
fn a_vector_that_is_no_number_never_wins() {
    let mut world = World::new(2, 20, 4);
    // The second user has two vectors, of which the first breaks, and has seen one item; item 7 breaks for everyone.
    let first = world.offsets[1] as usize * 4;
    world.vectors[first] = f32::NAN;
    world.items[7 * 4] = f32::NAN;
    let (ids, _, interests) = world.run(instructions(), &Serial, 20);
    assert!(!ids.contains(&7));
    assert_eq!(ids[20..].iter().filter(|&&id| id >= 0).count(), 18);
    assert!(interests[20..38].iter().all(|&interest| interest == 1));
}

#[test]
fn codes_bound_every_score() {
    let count = if cfg!(miri) { 20 } else { 150 };
    for (width, scale) in [(1, 1.0f32), (3, 1e-30), (16, 1e30), (20, 1e-41), (64, 1.0), (300, 1e-3)] {
        let mut world = World::new(3, count, width);
        world.items.iter_mut().enumerate().for_each(|(i, x)| *x *= scale * ((i / width % 5) as f32).exp2());
        world.vectors[..width].fill(0.0);
        // So small that its codes tell nothing, and small.
        world.vectors[width..2 * width].iter_mut().for_each(|x| *x *= 1e-30);
        world.vectors[2 * width..3 * width].iter_mut().for_each(|x| *x *= 1e-12);
        let (codes, queries) = world.codes();
        for set in SETS {
            let exact = Exact { set, items: &world.items, vectors: &world.vectors, width };
            let table = Quantized { exact, codes: &codes, queries: &queries };
            let vectors = world.vectors.len() / width;
            for from in (0..count).step_by(PANEL) {
                let [mut bounds, mut scores] = [0.0; 2].map(|x| vec![x; vectors * PANEL]);
                let (thresholds, mut passing) = (vec![0.0; vectors], vec![0; vectors]);
                table.score(0..vectors, from..count.min(from + PANEL), &[], &thresholds, &mut bounds, &mut passing);
                let keys: Vec<u64> = (from..count.min(from + PANEL)).map(|item| key(0.0, item)).collect();
                exact.score_items(0..vectors, &keys, &mut scores);
                for i in (0..scores.len()).filter(|i| i % PANEL < keys.len()) {
                    let (score, bound) = (scores[i], bounds[i] * table.scale(i / PANEL));
                    assert!(score <= bound, "{set:?} {width}: {score} {bound} at {i}");
                }
            }
        }
    }
}

#[test]
fn codes_leave_few_items_to_be_scored() {
    let world = World::new(1, 640, 64);
    let (codes, queries) = world.codes();
    let exact = Exact { set: instructions(), items: &world.items, vectors: &world.vectors, width: 64 };
    let table = Quantized { exact, codes: &codes, queries: &queries };
    let (scores, _) = world.scores();
    let mut bounds = [0.0; PANEL];
    for from in (0..640).step_by(PANEL) {
        table.score(0..1, from..from + PANEL, &[], &[0.0], &mut bounds, &mut [0]);
        for (bound, score) in bounds.iter().zip(&scores[from..]) {
            let bound = bound * table.scale(0);
            // Uniform in ±1 at width 64: ‖q‖ = ‖x‖ = 4.6, a code is worth 1 / 127, ‖e‖ ≤ 8 · 0.5 of it: 2 · 4.6 · 0.03 in all.
            assert!(bound - score < 0.29, "{bound} is far above {score}");
        }
    }
}

#[test]
fn items_and_vectors_that_are_not_finite_are_scored() {
    let mut world = World::new(6, 200, 5);
    for (i, x) in [(3, f32::INFINITY), (70, f32::NEG_INFINITY), (71, f32::NAN), (400, f32::MAX), (999, f32::INFINITY)] {
        world.items[i] = x;
    }
    world.vectors[7] = f32::INFINITY;
    world.vectors[22] = f32::MAX;
    world.vectors[31] = f32::NAN;
    world.vectors[10..15].iter_mut().for_each(|x| *x *= 1e-30);
    assert_eq!(world.run(instructions(), &Serial, 30), world.expected(30));
}
