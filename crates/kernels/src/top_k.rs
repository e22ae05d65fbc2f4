//! The k best items of each user: scores of 64 items at a time, a bar that they must pass, a heap in the output.

mod heap;

pub use heap::Masks;

use heap::{Heap, Mask, collect};

use crate::Parallel;
use crate::parallel::zip_mixed;
use crate::product::{Panels, rows_by_panels};
use crate::simd::matrix::{PANEL, transpose};
use crate::simd::{Instructions, instructions};
use crate::size;

/// Users of a block, who share each panel of items.
const USERS: usize = 32;

/// Vectors that are scored at once.
const VECTORS: usize = 64;

crate::multiversion!(fn largest = largest_body(rows: &[f32], best: &mut [f32; PANEL]));

/// `best[i] = max(best[i], rows[.., i])`; a NaN is no score.
#[inline(always)]
fn largest_body<const FMA: bool>(rows: &[f32], best: &mut [f32; PANEL]) {
    for row in rows.as_chunks::<PANEL>().0 {
        for i in 0..PANEL {
            best[i] = if row[i] > best[i] { row[i] } else { best[i] };
        }
    }
}

/// Vectors of users against all items.
#[derive(Clone, Copy)]
struct Search<'a> {
    set: Instructions,
    vectors: &'a [f32],
    offsets: &'a [i32],
    items: &'a [f32],
    width: usize,
    k: usize,
    masks: &'a Masks<'a>,
}

/// Scratch of [`top_k`], in f32.
pub fn top_k_scratch(users: usize, _s: usize, _v: usize, width: usize, _k: usize) -> usize {
    size::times([users.div_ceil(USERS), 2, width, PANEL])
}

/// The k best items for each user, score = max over the user's vectors of vector · item, best first, ties by ascending id;
/// vectors [S, D] at `offsets` [B + 1], items [V, D], outputs [B, k]. `out_interests` tells which of the user's vectors
/// won. Absent places hold −1, −∞, −1; an item whose scores are all NaN or −∞ is never returned.
pub fn top_k(
    run: &impl Parallel,
    vectors: &[f32],
    offsets: &[i32],
    items: &[f32],
    width: usize,
    k: usize,
    masks: &Masks,
    out_items: &mut [i32],
    out_scores: &mut [f32],
    out_interests: &mut [i32],
    scratch: &mut [f32],
) {
    let search = Search { set: instructions(), vectors, offsets, items, width, k, masks };
    search.run(run, out_items, out_scores, out_interests, scratch);
}

impl Search<'_> {
    fn run(
        &self,
        run: &impl Parallel,
        out_items: &mut [i32],
        out_scores: &mut [f32],
        out_interests: &mut [i32],
        scratch: &mut [f32],
    ) {
        let users = self.offsets.len().saturating_sub(1);
        assert!(self.width > 0 && self.masks.seen_offsets.len() == users + 1);
        assert!([out_items.len(), out_scores.len(), out_interests.len()] == [users * self.k; 3]);
        if self.k == 0 || users == 0 {
            return;
        }
        let size = USERS * self.k;
        let panels = &mut scratch[..top_k_scratch(users, 0, 0, self.width, 0)];
        let ids = ([out_items, out_interests], [size, size]);
        let numbers = ([out_scores, panels], [size, 2 * self.width * PANEL]);
        zip_mixed(run, ids, numbers, |block, [items, interests], [scores, panels]| {
            let first = block * USERS;
            let (panel, rows) = panels.split_at_mut(self.width * PANEL);
            self.users(first, items, scores, panel);
            for (i, interests) in interests.chunks_exact_mut(self.k).enumerate() {
                let found = i * self.k..(i + 1) * self.k;
                self.winners(first + i, &items[found.clone()], &scores[found], interests, panel, rows);
            }
        });
    }

    /// The vectors of a user.
    fn vectors_of(&self, user: usize) -> std::ops::Range<usize> {
        self.offsets[user] as usize..self.offsets[user + 1] as usize
    }

    /// One pass over the items for the users from `first` on, k results each.
    fn users(&self, first: usize, out_items: &mut [i32], out_scores: &mut [f32], panel: &mut [f32]) {
        let users = out_items.len() / self.k;
        let masks: [Mask; USERS] = std::array::from_fn(|i| self.masks.of(first + i.min(users - 1)));
        let mut lengths = [0; USERS];
        let mut best = [[0.0; PANEL]; USERS];
        let mut scores = [0.0; VECTORS * PANEL];
        let count = self.items.len() / self.width;
        for from in (0..count).step_by(PANEL) {
            let n = PANEL.min(count - from);
            transpose(self.set, &self.items[from * self.width..], n, self.width, panel);
            self.score(first, panel, &mut scores, &mut best[..users]);
            for (i, length) in lengths[..users].iter_mut().enumerate() {
                let range = i * self.k..(i + 1) * self.k;
                let (items, scores) = (&mut out_items[range.clone()], &mut out_scores[range]);
                let mut heap = Heap { items, scores, length: *length };
                collect::on(self.set, &best[i][..n], from, &masks[i], &mut heap);
                *length = heap.length;
            }
        }
        for (i, &length) in lengths[..users].iter().enumerate() {
            let range = i * self.k..(i + 1) * self.k;
            let (items, scores) = (&mut out_items[range.clone()], &mut out_scores[range]);
            Heap { items, scores, length }.finish();
        }
    }

    /// The best scores of the users from `first` on for the 64 items of a panel.
    fn score(&self, first: usize, panel: &[f32], scores: &mut [f32], best: &mut [[f32; PANEL]]) {
        best.fill([f32::NEG_INFINITY; PANEL]);
        let end = self.offsets[first + best.len()] as usize;
        let mut user = first;
        for from in (self.offsets[first] as usize..end).step_by(VECTORS) {
            let until = end.min(from + VECTORS);
            let scores = &mut scores[..(until - from) * PANEL];
            self.products(from..until, panel, scores);
            let mut row = from;
            while row < until {
                while self.vectors_of(user).end <= row {
                    user += 1;
                }
                let next = self.vectors_of(user).end.min(until);
                let rows = &scores[(row - from) * PANEL..(next - from) * PANEL];
                largest::on(self.set, rows, &mut best[user - first]);
                row = next;
            }
        }
    }

    /// Some vectors times the items of a panel.
    fn products(&self, rows: std::ops::Range<usize>, panel: &[f32], scores: &mut [f32]) {
        let vectors = &self.vectors[rows.start * self.width..];
        let panel = Panels::packed(panel, self.width);
        let shape = (rows.len(), self.width, PANEL);
        rows_by_panels(self.set, vectors, panel, None, shape, scores);
    }

    /// The first of the user's vectors that gives each result its score: the products once more, for the results alone.
    fn winners(
        &self,
        user: usize,
        items: &[i32],
        scores: &[f32],
        interests: &mut [i32],
        panel: &mut [f32],
        rows: &mut [f32],
    ) {
        let vectors = self.vectors_of(user);
        let alone = vectors.len() == 1;
        interests.fill(-1);
        let count = items.iter().position(|&item| item < 0).unwrap_or(items.len());
        if alone {
            interests[..count].fill(0);
        }
        for from in (0..if alone { 0 } else { count }).step_by(PANEL) {
            let found = &items[from..count.min(from + PANEL)];
            for (to, &item) in rows.chunks_exact_mut(self.width).zip(found) {
                to.copy_from_slice(&self.items[item as usize * self.width..][..self.width]);
            }
            transpose(self.set, rows, found.len(), self.width, panel);
            for (i, row) in vectors.clone().enumerate() {
                let mut products = [0.0; PANEL];
                self.products(row..row + 1, panel, &mut products);
                for at in from..from + found.len() {
                    if interests[at] < 0 && products[at - from] == scores[at] {
                        interests[at] = i as i32;
                    }
                }
            }
        }
    }
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
) {
    assert!(scores.len() == users * v && masks.seen_offsets.len() == users + 1);
    assert!(out_items.len() == users * k && out_scores.len() == users * k);
    if k == 0 {
        return;
    }
    zip_mixed(run, ([out_items], [k]), ([out_scores], [k]), |user, [items], [best]| {
        let mut heap = Heap { items, scores: best, length: 0 };
        collect(&scores[user * v..][..v], 0, &masks.of(user), &mut heap);
        heap.finish();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Serial;
    use crate::parallel::testing::{Reverse, SETS, TwoThreads, bits, values};
    use crate::product::{inner, inner_scratch};

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
            let users = self.offsets.len() - 1;
            let (mut ids, mut scores, mut interests) =
                (vec![7; users * k], vec![f32::NAN; users * k], vec![7; users * k]);
            let size =
                top_k_scratch(users, self.vectors.len() / self.width, self.items.len() / self.width, self.width, k);
            let masks = self.masks();
            let search = Search {
                set,
                vectors: &self.vectors,
                offsets: &self.offsets,
                items: &self.items,
                width: self.width,
                k,
                masks: &masks,
            };
            search.run(run, &mut ids, &mut scores, &mut interests, &mut vec![f32::NAN; size]);
            (ids, bits(&scores), interests)
        }

        /// Scores of every item for every user [B, V], by the product of matrices, and who won.
        fn scores(&self) -> (Vec<f32>, Vec<i32>) {
            let (s, v) = (self.vectors.len() / self.width, self.items.len() / self.width);
            let mut products = vec![0.0; s * v];
            let mut scratch = vec![0.0; inner_scratch(s, v, self.width)];
            inner(&Serial, &self.vectors, &self.items, s, v, self.width, &mut products, &mut scratch);
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

    fn shapes() -> Vec<(usize, usize, usize, usize)> {
        let small = [(0, 5, 4, 3), (1, 1, 1, 1), (3, 5, 7, 10), (6, 17, 2, 4)];
        let large = [(5, 64, 16, 0), (40, 65, 20, 65), (70, 700, 64, 10), (33, 300, 100, 1), (2, 1_000, 300, 100)];
        small.into_iter().chain(large.into_iter().filter(|_| !cfg!(miri))).collect()
    }

    #[test]
    fn is_a_sort_of_all_scores() {
        for (users, v, width, k) in shapes() {
            let mut world = World::new(users, v, width);
            assert_eq!(world.run(instructions(), &Serial, k), world.expected(k), "{users} {v} {width} {k}");
            world.allowed = Some((0..v.div_ceil(32)).map(|i| 0x5a5a_1234 ^ i as i32).collect());
            assert_eq!(world.run(instructions(), &Serial, k), world.expected(k), "{users} {v} {width} {k}");
        }
    }

    #[test]
    fn every_set_finds_the_same_items() {
        let world = World::new(9, if cfg!(miri) { 40 } else { 400 }, 20);
        let best = SETS.map(|set| world.run(set, &Serial, 5));
        assert!(best[0].0 == best[1].0 && best[1] == best[2] || crate::simd::best() == Instructions::Portable);
        assert_eq!(best[0].0, best[2].0);
        assert_eq!(best[0].2, best[2].2);
    }

    #[test]
    fn a_user_alone_gets_what_they_get_among_others() {
        let world = World::new(if cfg!(miri) { 5 } else { 70 }, if cfg!(miri) { 30 } else { 500 }, 20);
        let (ids, scores, interests) = world.run(instructions(), &Serial, 7);
        for user in 0..world.offsets.len() - 1 {
            let rows = world.offsets[user] as usize * 20..world.offsets[user + 1] as usize * 20;
            let seen = world.seen_offsets[user] as usize..world.seen_offsets[user + 1] as usize;
            let alone = World {
                offsets: vec![0, (rows.len() / 20) as i32],
                vectors: world.vectors[rows].to_vec(),
                items: world.items.clone(),
                width: 20,
                seen_offsets: vec![0, seen.len() as i32],
                seen: world.seen[seen].to_vec(),
                allowed: None,
            };
            let at = user * 7..(user + 1) * 7;
            let expected = (ids[at.clone()].to_vec(), scores[at.clone()].to_vec(), interests[at].to_vec());
            assert_eq!(alone.run(instructions(), &Serial, 7), expected);
        }
    }

    #[test]
    fn threads_do_not_change_the_result() {
        let world = World::new(if cfg!(miri) { 40 } else { 100 }, if cfg!(miri) { 10 } else { 300 }, 8);
        let serial = world.run(instructions(), &Serial, 5);
        assert_eq!(serial, world.run(instructions(), &Reverse, 5));
        assert_eq!(serial, world.run(instructions(), &TwoThreads, 5));
    }

    fn given(scores: &[f32], k: usize, seen: &[i32], allowed: Option<&[i32]>) -> (Vec<i32>, Vec<f32>) {
        let (mut ids, mut best) = (vec![7; k], vec![f32::NAN; k]);
        let masks = Masks { seen, seen_offsets: &[0, seen.len() as i32], allowed };
        top_k_scores(&Serial, scores, 1, scores.len(), k, &masks, &mut ids, &mut best);
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
        top_k_scores(&TwoThreads, &scores, 9, 100, 6, &world.masks(), &mut ids, &mut best);
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
}
