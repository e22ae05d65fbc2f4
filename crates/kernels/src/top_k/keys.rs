//! A score and its item as one number that sorts, score descending, then id ascending; and the candidates of a user.

use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES};

/// What sorts behind every candidate.
pub(super) const ABSENT: u64 = u64::MAX;

/// A score as a number that is smaller for the better; the score is no NaN, and −0 counts as 0.
pub(super) fn descending(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 0 { !bits ^ 1 << 31 } else { bits }
}

/// The score of [`descending`].
pub(super) fn ascending(number: u32) -> f32 {
    f32::from_bits(if number >> 31 == 0 { !number ^ 1 << 31 } else { number })
}

/// The smaller, the better.
pub(super) fn key(score: f32, item: usize) -> u64 {
    u64::from(descending(score)) << 32 | item as u64
}

pub(super) fn score_of(key: u64) -> f32 {
    ascending((key >> 32) as u32)
}

pub(super) fn item_of(key: u64) -> usize {
    key as u32 as usize
}

/// Keys that are sorted as soon as a selection is made of them.
const SORTED: usize = 32;

crate::multiversion!(fn sort_few = sort_few_body(keys: &mut [u64]));

/// Sorts at most [`SORTED`] keys, of which only absent ones are equal: a key's place is the number of smaller ones.
#[inline(always)]
fn sort_few_body<const FMA: bool>(keys: &mut [u64]) {
    if keys.len() > LANES { by_ranks::<SORTED>(keys) } else { by_ranks::<LANES>(keys) }
}

#[inline(always)]
fn by_ranks<const N: usize>(keys: &mut [u64]) {
    let (mut from, mut ranks) = ([ABSENT; N], [0u64; N]);
    from[..keys.len()].copy_from_slice(keys);
    for &key in &*keys {
        for i in 0..N {
            ranks[i] += u64::from(key < from[i]);
        }
    }
    keys.fill(ABSENT);
    for i in 0..keys.len() {
        keys[ranks[i] as usize] = from[i];
    }
}

/// How often the range of scores is halved in search of a pivot before a selection tells it.
const HALVINGS: usize = 16;

/// Moves the k best keys to the front, in any order; gives how many are there.
pub(super) fn select_best(keys: &mut [u64], k: usize) -> usize {
    if keys.len() > k.max(SORTED) {
        keys.select_nth_unstable(k - 1);
    } else if keys.len() > k {
        sort_few(keys);
    }
    keys.len().min(k)
}

/// Moves the best keys to the front, `least` at least and `most` at most if there are as many; gives how many are there.
pub(super) fn select_about(set: Instructions, keys: &mut [u64], least: usize, most: usize) -> usize {
    if keys.len() <= most {
        return keys.len();
    }
    match pivot::on(set, keys, least, most) {
        Some(pivot) => partition(keys, pivot),
        None => select_best(keys, least),
    }
}

crate::multiversion!(pub(super) fn pivot = pivot_body(keys: &[u64], least: usize, most: usize) -> Option<u64>);

/// What `least` to `most` keys are below; none where scores are too close to each other.
#[inline(always)]
fn pivot_body<const FMA: bool>(keys: &[u64], least: usize, most: usize) -> Option<u64> {
    let (lanes, tail) = keys.as_chunks::<8>();
    let mut last = [ABSENT; 8];
    last[..tail.len()].copy_from_slice(tail);
    let (low, high) = keys.iter().fold((u64::MAX, 0), |(low, high), &key| (low.min(key), high.max(key)));
    let (mut low, mut high) = (low >> 32, high >> 32);
    for _ in 0..HALVINGS {
        let middle = low.midpoint(high) << 32;
        let mut counts = [0u64; 8];
        for lane in lanes.iter().chain([&last]) {
            for i in 0..8 {
                counts[i] += u64::from(lane[i] < middle);
            }
        }
        let count = counts.iter().sum::<u64>() as usize;
        if count < least {
            low = middle >> 32;
        } else if count > most {
            high = middle >> 32;
        } else {
            return Some(middle);
        }
    }
    None
}

/// Moves the keys below a pivot to the front; gives how many they are.
fn partition(keys: &mut [u64], pivot: u64) -> usize {
    let mut end = 0;
    for i in 0..keys.len() {
        let below = usize::from(keys[i] < pivot);
        keys.swap(i, end);
        end += below;
    }
    end
}

/// Moves the k best keys to the front in their order, and absent ones behind them up to k.
pub(super) fn sort_best(keys: &mut [u64], length: usize, k: usize) {
    let kept = select_best(&mut keys[..length], k);
    if kept > SORTED {
        keys[..kept].sort_unstable()
    } else {
        sort_few(&mut keys[..kept])
    }
    keys[kept..k].fill(ABSENT);
}

/// Keys that a user has at a time: k, and room for others before a selection.
pub(super) fn capacity(k: usize) -> usize {
    k + k.clamp(128, 4096) + PANEL
}

/// Puts the keys of items from `from` on, whose bits are set, at the start of `keys`, of 64 at least; gives how many they are.
/// Scores are in units of `unit`.
#[inline(always)]
pub(super) fn add(keys: &mut [u64], mut bits: u64, from: usize, scores: &[f32; PANEL], unit: f32) -> usize {
    let (keys, mut count) = (&mut keys[..PANEL], 0);
    while bits != 0 {
        let i = bits.trailing_zeros() as usize % PANEL;
        bits &= bits - 1;
        keys[count % PANEL] = key(scores[i] * unit, from + i);
        count += 1;
    }
    count
}

/// One user's candidates among items that come by ascending id.
pub(super) struct Candidates<'a> {
    /// [`capacity`] of them.
    pub keys: &'a mut [u64],
    pub length: usize,
}

impl Candidates<'_> {
    /// Adds the items from `from` on whose bits are set.
    pub fn add(&mut self, bits: u64, from: usize, scores: &[f32; PANEL]) {
        self.length += add(&mut self.keys[self.length..], bits, from, scores, 1.0);
    }

    /// Whether another panel might not fit.
    pub fn is_full(&self) -> bool {
        self.length > self.keys.len() - PANEL
    }

    /// Of more than k candidates keeps the k best, and gives the threshold: what scores no more comes behind them.
    pub fn select(&mut self, k: usize) -> f32 {
        self.length = select_best(&mut self.keys[..self.length], k);
        score_of(self.keys[k - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::sets;

    #[test]
    fn keys_sort_by_score_then_by_item() {
        let ranked = [
            (f32::INFINITY, 3),
            (2.5, 0),
            (2.5, 7),
            (f32::MIN_POSITIVE / 2.0, 1),
            (0.0, 1),
            (-0.0, 2),
            (0.0, 4),
            (-1e-40, 0),
            (-3.0, 0),
            (f32::MIN, 9),
        ];
        let keys = ranked.map(|(score, item)| key(score, item));
        assert!(keys.is_sorted_by(|a, b| a < b) && keys[9] < ABSENT);
        for ((score, item), key) in ranked.into_iter().zip(keys) {
            assert_eq!((score_of(key), item_of(key)), (score, item));
        }
        assert_eq!(score_of(key(-0.0, 0)).to_bits(), 0);
    }

    #[test]
    fn the_best_come_first() {
        let mut keys: Vec<u64> = (0..100).map(|i| key((i * 37 % 100) as f32, i)).collect();
        assert_eq!(select_best(&mut keys, 10), 10);
        let mut best: Vec<f32> = keys[..10].iter().map(|&key| score_of(key)).collect();
        best.sort_by(f32::total_cmp);
        assert_eq!(best, (90..100).map(|i| i as f32).collect::<Vec<_>>());
        assert_eq!(select_best(&mut keys[..5], 10), 5);
    }

    #[test]
    fn about_as_many_of_the_best_as_were_asked_for_come_first() {
        let numbers = |i: usize| (i * 37 % 101) as f32 - 50.0;
        let [even, skewed, equal]: [fn(f32) -> f32; 3] = [|x| x, |x| if x > 40.0 { x * 1e30 } else { x }, |_| 1.0];
        for (score, n) in [even, skewed, equal].into_iter().flat_map(|score| [0, 9, 33, 90].map(|n| (score, n))) {
            for (least, most) in [(1, 1), (10, 16), (31, 32), (64, 64)] {
                for &set in sets() {
                    let mut keys: Vec<u64> = (0..n).map(|i| key(score(numbers(i)), i)).collect();
                    let mut sorted = keys.clone();
                    sorted.sort_unstable();
                    let count = select_about(set, &mut keys, least, most);
                    assert!((least.min(n)..=most).contains(&count), "{count} of {n} between {least} and {most}");
                    let (first, last) = keys.split_at_mut(count);
                    assert!(first.iter().max() < last.iter().min() || last.is_empty());
                    keys.sort_unstable();
                    assert_eq!(keys, sorted);
                }
            }
        }
    }
}
