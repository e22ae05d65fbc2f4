//! Of a user's candidates the k best, by their scores.

use super::keys::{keep_best, keep_some, score_of, sort_best};
use super::pass::{Pass, User};
use super::search::Table;
use crate::simd::LANES;

impl<T: Table> Pass<'_, '_, T> {
    /// Makes room for more candidates of a user.
    #[inline(never)]
    pub fn make_room(&mut self, at: usize) {
        let first = self.choose(at);
        self.select(at, first);
    }

    /// Moves those of a user's candidates to the front that are to be settled first, and gives where they end: the best bounds,
    /// of which the scores keep most of the others from being scored.
    fn choose(&mut self, at: usize) -> usize {
        let User { place, length, settled, .. } = self.users[at];
        let (keys, k) = (&mut self.keys[place + settled..place + length], self.search.plan.k);
        let most = (k + 4).next_multiple_of(LANES);
        let count = keep_some(self.search.table.exact().set, keys, k.max(most - 1), most);
        self.search.table.fetch(&keys[..count]);
        settled + count
    }

    /// Keeps the k best of a user's candidates, all with their scores; those up to `first` were chosen.
    fn select(&mut self, at: usize, first: usize) {
        let k = self.search.plan.k;
        let User { place, ref vectors, length, settled, .. } = self.users[at];
        let keys = &mut self.keys[place..][..length];
        let mut settle = |keys: &mut [u64]| self.search.table.settle(vectors.clone(), keys, self.panel);
        let mut kept = settled + settle(&mut keys[settled..first]);
        kept = keep_best(&mut keys[..kept], k);
        let mut bar = bar_of(&keys[..kept], k);
        let mut end = kept;
        for i in first..length {
            keys[end] = keys[i];
            end += usize::from(score_of(keys[i]) >= bar);
        }
        if end > kept {
            kept += settle(&mut keys[kept..end]);
            kept = keep_best(&mut keys[..kept], k);
            bar = bar_of(&keys[..kept], k);
        }
        (self.users[at].length, self.users[at].settled) = (kept, kept);
        self.lift(at, bar);
    }

    /// Puts the k best of each user at the start of the user's keys.
    pub fn finish(&mut self) {
        let (k, users) = (self.search.plan.k, self.users.len());
        // The next user's items are on their way while one's are scored.
        let mut chosen = if users > 0 { self.choose(0) } else { 0 };
        for at in 0..users {
            let first = chosen;
            chosen = if at + 1 < users { self.choose(at + 1) } else { 0 };
            self.select(at, first);
            let length = self.users[at].length;
            sort_best(self.keys_of(at), length, k);
        }
    }
}

/// The smallest score of k keys; none where there are fewer.
fn bar_of(keys: &[u64], k: usize) -> f32 {
    let worst = keys.iter().max().filter(|_| keys.len() == k);
    worst.map_or(f32::NEG_INFINITY, |&key| score_of(key))
}
