//! The k best items of each user: a threshold, a heap in the output, one pass.

use crate::Parallel;

/// What may not be returned: `seen` at `seen_offsets` [B + 1], and items without a bit in `allowed`.
#[derive(Clone, Copy)]
pub struct Masks<'a> {
    pub seen: &'a [i32],
    pub seen_offsets: &'a [i32],
    pub allowed: Option<&'a [i32]>,
}

impl Masks<'_> {
    fn keeps(&self, user: usize, item: usize) -> bool {
        let seen = &self.seen[self.seen_offsets[user] as usize..self.seen_offsets[user + 1] as usize];
        self.allowed.is_none_or(|words| words[item / 32] >> (item % 32) & 1 != 0) && !seen.contains(&(item as i32))
    }
}

/// Scratch of [`top_k`], in f32.
pub fn top_k_scratch(_users: usize, _s: usize, _v: usize, _width: usize, _k: usize) -> usize {
    0
}

fn insert(items: &mut [i32], scores: &mut [f32], interests: Option<&mut [i32]>, item: usize, score: f32, interest: i32) {
    if let Some(at) = scores.iter().position(|&s| score > s) {
        let k = items.len();
        items.copy_within(at..k - 1, at + 1);
        scores.copy_within(at..k - 1, at + 1);
        items[at] = item as i32;
        scores[at] = score;
        if let Some(interests) = interests {
            interests.copy_within(at..k - 1, at + 1);
            interests[at] = interest;
        }
    }
}

/// The k best items for each user by the largest inner product of the user's vectors.
pub fn top_k(_run: &impl Parallel, vectors: &[f32], offsets: &[i32], items: &[f32], width: usize, k: usize, masks: &Masks, out_items: &mut [i32], out_scores: &mut [f32], out_interests: &mut [i32], _scratch: &mut [f32]) {
    out_items.fill(-1);
    out_scores.fill(f32::NEG_INFINITY);
    out_interests.fill(-1);
    let v = items.len() / width.max(1);
    for u in 0..offsets.len() - 1 {
        for i in (0..v).filter(|&i| masks.keeps(u, i)) {
            let mut best = (f32::NEG_INFINITY, -1);
            for (s, row) in (offsets[u] as usize..offsets[u + 1] as usize).enumerate() {
                let mut sum = 0.0;
                for d in 0..width {
                    sum += vectors[row * width + d] * items[i * width + d];
                }
                if sum > best.0 {
                    best = (sum, s as i32);
                }
            }
            let range = u * k..(u + 1) * k;
            insert(&mut out_items[range.clone()], &mut out_scores[range.clone()], Some(&mut out_interests[range]), i, best.0, best.1);
        }
    }
}

/// The same over given scores [users, v].
pub fn top_k_scores(_run: &impl Parallel, scores: &[f32], users: usize, v: usize, k: usize, masks: &Masks, out_items: &mut [i32], out_scores: &mut [f32]) {
    out_items.fill(-1);
    out_scores.fill(f32::NEG_INFINITY);
    for u in 0..users {
        for i in (0..v).filter(|&i| masks.keeps(u, i)) {
            let range = u * k..(u + 1) * k;
            insert(&mut out_items[range.clone()], &mut out_scores[range], None, i, scores[u * v + i], -1);
        }
    }
}
