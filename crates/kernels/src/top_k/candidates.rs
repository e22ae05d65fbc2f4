//! The best of given candidates by given scores.

use ndarray::{ArrayView1, ArrayViewMut2};

use crate::parallel::{Parallel, zip_mixed};
use crate::views::{elements, elements_mut};

/// Results of [`top_k_candidates`], [B, k] each.
pub struct CandidateOutputs<'a> {
    /// −1 where there are fewer candidates than k.
    pub items: ArrayViewMut2<'a, i32>,
    /// −∞ there.
    pub scores: ArrayViewMut2<'a, f32>,
    /// The candidate's row in C; −1 there.
    pub places: ArrayViewMut2<'a, i32>,
}

/// The k best of each user's candidates, best first, ties by ascending item: scores and `items` [C] at `offsets` [B + 1].
/// Scores are finite.
pub fn top_k_candidates(
    run: &impl Parallel,
    scores: ArrayView1<f32>,
    items: ArrayView1<i32>,
    offsets: ArrayView1<i32>,
    outputs: CandidateOutputs,
) {
    let (users, k) = outputs.items.dim();
    assert!(scores.len() == items.len() && users + 1 == offsets.len());
    assert!(outputs.scores.dim() == (users, k) && outputs.places.dim() == (users, k));
    let (scores, items, offsets) = (elements(&scores), elements(&items), elements(&offsets));
    let (out_items, out_places) = (elements_mut(outputs.items), elements_mut(outputs.places));
    let out_scores = elements_mut(outputs.scores);
    if k == 0 {
        return;
    }
    // Users whose candidates are some thousand at once.
    let per = (4096 * users).div_ceil(scores.len().max(1)).max(1);
    let sizes = ([per * k; 2], [per * k]);
    let outs = ([out_items, out_places], [out_scores]);
    zip_mixed(run, (outs.0, sizes.0), (outs.1, sizes.1), |block, [out_items, out_places], [out_scores]| {
        let lists =
            out_items.chunks_exact_mut(k).zip(out_scores.chunks_exact_mut(k)).zip(out_places.chunks_exact_mut(k));
        for (i, ((out_items, out_scores), out_places)) in lists.enumerate() {
            let mut best = Best { items: out_items, scores: out_scores, places: out_places, length: 0 };
            let user = block * per + i;
            for at in offsets[user] as usize..offsets[user + 1] as usize {
                best.add(scores[at], items[at], at as i32);
            }
            best.fill();
        }
    });
}

/// The best so far, in their order.
struct Best<'a> {
    items: &'a mut [i32],
    scores: &'a mut [f32],
    places: &'a mut [i32],
    length: usize,
}

impl Best<'_> {
    fn add(&mut self, score: f32, item: i32, place: i32) {
        let k = self.items.len();
        let behind = |at: usize| self.scores[at] < score || (self.scores[at] == score && self.items[at] > item);
        if self.length == k && !behind(k - 1) {
            return;
        }
        let mut at = self.length.min(k - 1);
        while at > 0 && behind(at - 1) {
            at -= 1;
        }
        let end = self.length.min(k - 1);
        self.items.copy_within(at..end, at + 1);
        self.scores.copy_within(at..end, at + 1);
        self.places.copy_within(at..end, at + 1);
        (self.items[at], self.scores[at], self.places[at]) = (item, score, place);
        self.length = k.min(self.length + 1);
    }

    /// Marks the places behind the last as absent.
    fn fill(&mut self) {
        self.items[self.length..].fill(-1);
        self.scores[self.length..].fill(f32::NEG_INFINITY);
        self.places[self.length..].fill(-1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits};
    use crate::random;
    use crate::views::testing::{shaped_mut, vector};

    type Found = (Vec<i32>, Vec<u32>, Vec<i32>);

    fn best(run: &impl Parallel, scores: &[f32], items: &[i32], offsets: &[i32], k: usize) -> Found {
        let shape = (offsets.len() - 1, k);
        let count = shape.0 * k;
        let (mut ids, mut found, mut places) = (vec![9; count], vec![f32::NAN; count], vec![9; count]);
        let [to_items, to_places] = [&mut ids, &mut places].map(|x| shaped_mut(shape, x));
        let outputs = CandidateOutputs { items: to_items, scores: shaped_mut(shape, &mut found), places: to_places };
        top_k_candidates(run, vector(scores), vector(items), vector(offsets), outputs);
        (ids, bits(&found), places)
    }

    #[test]
    fn lists_are_those_of_a_full_sort() {
        let counts = if cfg!(miri) { vec![0, 5, 1] } else { (0..200).map(|user| user * 37 % 90).collect::<Vec<i32>>() };
        let offsets: Vec<i32> = (0..=counts.len()).map(|b| counts[..b].iter().sum()).collect();
        let count = offsets[counts.len()] as u32;
        // Few values of either, so that there are many ties, and items twice.
        let scores: Vec<f32> = (0..count).map(|i| (random::bits(1, 0, i) % 7) as f32 - 3.0).collect();
        let items: Vec<i32> = (0..count).map(|i| (random::bits(2, 0, i) % 20) as i32).collect();
        for k in [0, 1, 3, 10, 100] {
            let found = best(&Serial, &scores, &items, &offsets, k);
            assert_eq!(found, best(&TwoThreads, &scores, &items, &offsets, k));
            for user in 0..counts.len() {
                let mut places: Vec<usize> = (offsets[user] as usize..offsets[user + 1] as usize).collect();
                places.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(items[a].cmp(&items[b])).then(a.cmp(&b)));
                for at in 0..k {
                    let (item, score, place) = match places.get(at) {
                        Some(&place) => (items[place], scores[place], place as i32),
                        None => (-1, f32::NEG_INFINITY, -1),
                    };
                    let at = user * k + at;
                    assert_eq!((found.0[at], found.1[at], found.2[at]), (item, score.to_bits(), place));
                }
            }
        }
    }
}
