//! The search of a range: its pass, and of each user's candidates the k best by their scores.

use std::sync::atomic::AtomicU32;

use super::keys::{ABSENT, score_of, select_about, select_best, sort_best};
use super::pass::{Pass, User};
use super::plan::Plan;
use super::table::{Search, Table};
use crate::simd::LANES;

/// The k best of a range of items for each user of a block, best first, then absent ones, at the start of the user's keys.
/// `thresholds` are those of all users, whatever range found them.
pub(super) fn search_range<T: Table>(
    search: &Search<T>,
    [block, range]: [usize; 2],
    thresholds: &[AtomicU32],
    words: &mut [u64],
    scratch: &mut [f32],
) {
    let Plan { k, capacity, .. } = search.plan;
    let (keys, eligible) = words.split_at_mut(search.plan.keys());
    keys.chunks_exact_mut(capacity).for_each(|keys| keys[..k].fill(ABSENT));
    let (panel, scores) = scratch.split_at_mut(search.plan.scratch().panel);
    let mut pass = Pass::new(search, block, thresholds, keys, eligible, panel);
    pass.scan_range(search.plan.items(range), scores, true);
    pass.finish();
    if pass.retain_missed() {
        pass.scan_range(search.plan.items(range), scores, false);
        pass.finish();
    }
}

impl<T: Table> Pass<'_, '_, T> {
    /// Prunes a user's candidates to the k best: there is room for more.
    #[inline(never)]
    pub fn prune(&mut self, at: usize) {
        let first = self.shortlist(at);
        self.select(at, first);
    }

    /// Moves those of a user's candidates to the front that are to be rescored first, and gives where they end: the best bounds,
    /// of which the scores keep most of the others from being scored.
    fn shortlist(&mut self, at: usize) -> usize {
        let User { place, length, rescored, .. } = self.users[at];
        let (keys, k) = (&mut self.keys[place + rescored..place + length], self.search.plan.k);
        let most = (k + 4).next_multiple_of(LANES);
        let count = select_about(self.search.table.exact().set, keys, k.max(most - 1), most);
        self.search.table.prefetch_items(&keys[..count]);
        rescored + count
    }

    /// Keeps the k best of a user's candidates, all with their scores; those up to `first` were chosen.
    fn select(&mut self, at: usize, first: usize) {
        let k = self.search.plan.k;
        let User { place, ref vectors, length, rescored, .. } = self.users[at];
        let keys = &mut self.keys[place..][..length];
        let mut rescore = |keys: &mut [u64]| self.search.table.rescore(vectors.clone(), keys, self.panel);
        let mut kept = rescored + rescore(&mut keys[rescored..first]);
        kept = select_best(&mut keys[..kept], k);
        let mut threshold = kth_score(&keys[..kept], k);
        let mut end = kept;
        for i in first..length {
            keys[end] = keys[i];
            end += usize::from(score_of(keys[i]) >= threshold);
        }
        if end > kept {
            kept += rescore(&mut keys[kept..end]);
            kept = select_best(&mut keys[..kept], k);
            threshold = kth_score(&keys[..kept], k);
        }
        (self.users[at].length, self.users[at].rescored) = (kept, kept);
        self.raise_threshold(at, threshold);
    }

    /// Puts the k best of each user at the start of the user's keys.
    pub fn finish(&mut self) {
        let (k, users) = (self.search.plan.k, self.users.len());
        // The next user's items are on their way while one's are scored.
        let mut chosen = if users > 0 { self.shortlist(0) } else { 0 };
        for at in 0..users {
            let first = chosen;
            chosen = if at + 1 < users { self.shortlist(at + 1) } else { 0 };
            self.select(at, first);
            let length = self.users[at].length;
            sort_best(self.keys_of(at), length, k);
        }
    }
}

/// The smallest score of k keys; none where there are fewer.
fn kth_score(keys: &[u64], k: usize) -> f32 {
    let worst = keys.iter().max().filter(|_| keys.len() == k);
    worst.map_or(f32::NEG_INFINITY, |&key| score_of(key))
}
