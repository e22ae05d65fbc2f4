//! What a user may get, and the best of it so far.

use crate::simd::LANES;

/// What may not be returned: a user's `seen` [X] at `seen_offsets` [B + 1] (searched faster where they ascend), and items
/// without a bit in `allowed`, bit i % 32 of word i / 32.
#[derive(Clone, Copy)]
pub struct Masks<'a> {
    pub seen: &'a [i32],
    pub seen_offsets: &'a [i32],
    pub allowed: Option<&'a [i32]>,
}

impl<'a> Masks<'a> {
    pub(super) fn of(&self, user: usize) -> Mask<'a> {
        let range = self.seen_offsets[user] as usize..self.seen_offsets[user + 1] as usize;
        let seen = &self.seen[range];
        Mask { seen, ascending: seen.is_sorted(), allowed: self.allowed }
    }
}

/// One user's mask.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    seen: &'a [i32],
    ascending: bool,
    allowed: Option<&'a [i32]>,
}

impl Mask<'_> {
    fn keeps(&self, item: i32) -> bool {
        let word = item as usize / 32;
        let seen = || {
            if self.ascending { self.seen.binary_search(&item).is_ok() } else { self.seen.contains(&item) }
        };
        self.allowed.is_none_or(|words| words[word] >> (item % 32) & 1 != 0) && !seen()
    }
}

/// A user's results so far: the worst at the root, so that one comparison turns an item away.
pub(super) struct Heap<'a> {
    pub items: &'a mut [i32],
    pub scores: &'a mut [f32],
    pub length: usize,
}

impl Heap<'_> {
    /// A score must be above this to enter. Ids come in ascending order, so a tie with the worst never does.
    fn bar(&self) -> f32 {
        if self.length < self.items.len() { f32::NEG_INFINITY } else { self.scores[0] }
    }

    fn worse(&self, a: usize, b: usize) -> bool {
        let (x, y) = (self.scores[a], self.scores[b]);
        x < y || (x == y && self.items[a] > self.items[b])
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
        self.scores.swap(a, b);
    }

    fn push(&mut self, item: i32, score: f32) {
        let full = self.length == self.items.len();
        let mut at = if full { 0 } else { self.length };
        (self.items[at], self.scores[at]) = (item, score);
        if full {
            return self.sink(self.length);
        }
        self.length += 1;
        while at > 0 && self.worse(at, (at - 1) / 2) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    /// Moves the root of the first `length` down to its place.
    fn sink(&mut self, length: usize) {
        let mut at = 0;
        while 2 * at + 1 < length {
            let left = 2 * at + 1;
            let child = if left + 1 < length && self.worse(left + 1, left) { left + 1 } else { left };
            if !self.worse(child, at) {
                break;
            }
            self.swap(child, at);
            at = child;
        }
    }

    /// Best first; absent places −1, −∞.
    pub fn finish(&mut self) {
        for end in (1..self.length).rev() {
            self.swap(0, end);
            self.sink(end);
        }
        self.items[self.length..].fill(-1);
        self.scores[self.length..].fill(f32::NEG_INFINITY);
    }

    /// Takes what passes the bar and the mask; `first` is the id of the first score.
    #[cold]
    #[inline(never)]
    fn offer(&mut self, scores: &[f32], first: usize, mask: &Mask) {
        for (i, &score) in scores.iter().enumerate() {
            let item = (first + i) as i32;
            if score > self.bar() && mask.keeps(item) {
                self.push(item, score);
            }
        }
    }
}

crate::multiversion!(pub(super) fn collect = collect_body(scores: &[f32], first: usize, mask: &Mask, heap: &mut Heap));

/// Offers sixteen scores where one of them passes the bar; −∞ and NaN never do.
#[inline(always)]
fn collect_body<const FMA: bool>(scores: &[f32], first: usize, mask: &Mask, heap: &mut Heap) {
    let mut bar = heap.bar();
    let (vectors, tail) = scores.as_chunks::<LANES>();
    for (n, x) in vectors.iter().enumerate() {
        let mut above = 0;
        for i in 0..LANES {
            above |= i32::from(x[i] > bar);
        }
        if above != 0 {
            heap.offer(x, first + n * LANES, mask);
            bar = heap.bar();
        }
    }
    heap.offer(tail, first + vectors.len() * LANES, mask);
}
