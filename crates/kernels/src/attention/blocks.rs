//! How one head of a segment is divided: its keys into chunks, its queries into blocks.

use std::ops::Range;

use crate::simd::matrix::PANEL;
use crate::simd::{LANES, Lane};

/// Keys of a chunk, at most.
pub(super) const KEYS: usize = 256;
/// Numbers of a chunk's keys, at most: a block's working memory is on its stack.
pub(super) const AREA: usize = 16_384;
/// Queries of a block, at most; whole vectors.
pub(super) const ROWS: usize = 48;
/// Queries that are taken as if they saw the same keys, or keys as if the same queries saw them.
pub(super) const GROUP: usize = 12;

/// Keys of a chunk for heads of `columns`: by the width alone, so that a query's bits do not depend on the batch.
pub(super) fn chunk(columns: usize) -> usize {
    let most = AREA / columns.next_multiple_of(LANES);
    KEYS.min(if most < PANEL { most / LANES * LANES } else { most / PANEL * PANEL })
}

/// Some keys in a row, and the segment's queries.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    /// The first key.
    pub(super) start: usize,
    pub(super) keys: usize,
    pub(super) queries: usize,
    /// Where the first query stands among the segment's keys.
    pub(super) place: usize,
}

impl Chunk {
    /// The queries that see some of the keys.
    pub(super) fn blocks(self) -> impl Iterator<Item = Block> {
        let Self { start, keys, queries, place } = self;
        (start.saturating_sub(place)..queries).step_by(ROWS).map(move |first| {
            let visible = place + first + 1 - start;
            Block { first, count: ROWS.min(queries - first), start, keys, visible }
        })
    }

    /// Keys in whole vectors.
    pub(super) fn lanes(&self) -> usize {
        self.keys.next_multiple_of(LANES)
    }

    /// Numbers of a block's scores.
    pub(super) fn scores(&self) -> usize {
        ROWS * stride(self.keys)
    }
}

/// From one row of scores to the next: whole vectors, and an odd number of them, since rows that are a power of two apart
/// would share few lines of the cache.
fn stride(keys: usize) -> usize {
    keys.next_multiple_of(LANES) | LANES
}

/// Queries in a row, and the keys of a chunk.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// The first query.
    pub(super) first: usize,
    /// Queries, at most [`ROWS`].
    pub(super) count: usize,
    /// The first key of the chunk.
    pub(super) start: usize,
    /// Keys of the chunk.
    pub(super) keys: usize,
    /// Keys that the first query sees from the chunk's first on, maybe beyond the chunk; each later query sees one more.
    pub(super) visible: usize,
}

impl Block {
    /// Keys of the chunk that query `i` of the block sees.
    #[inline(always)]
    pub(super) fn visible(&self, i: usize) -> usize {
        (self.visible + i).min(self.keys)
    }

    /// Keys of the chunk that some query sees.
    pub(super) fn end(&self) -> usize {
        self.visible(self.count - 1)
    }

    /// Keys of the chunk that blocks before this one see, too.
    pub(super) fn before(&self) -> usize {
        (self.visible - 1).min(self.keys)
    }

    /// Whether no block before this one sees the chunk.
    pub(super) fn opens(&self) -> bool {
        self.first == 0 || self.visible == 1
    }

    #[inline(always)]
    pub(super) fn stride(&self) -> usize {
        stride(self.keys)
    }

    /// The scores of query `i` of the block.
    #[inline(always)]
    pub(super) fn row<'a>(&self, scores: &'a mut [f32], i: usize) -> &'a mut [Lane] {
        scores[i * self.stride()..][..self.stride()].as_chunks_mut().0
    }

    /// Those vectors of [`Block::row`] that hold a key that the query sees.
    #[inline(always)]
    pub(super) fn seen<'a>(&self, scores: &'a mut [f32], i: usize) -> &'a mut [Lane] {
        &mut self.row(scores, i)[..self.visible(i).div_ceil(LANES)]
    }

    /// The block's queries in groups of `size`, as ranges within the block.
    pub(super) fn groups(&self, size: usize) -> impl Iterator<Item = Range<usize>> {
        let count = self.count;
        (0..count).step_by(size).map(move |from| from..count.min(from + size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::MAX_HEAD;

    #[test]
    fn chunks_fit_their_area() {
        assert_eq!([1, 50, 64, 65, 100, 128, 300, MAX_HEAD].map(chunk), [256, 256, 256, 192, 128, 128, 48, 16]);
        for columns in 1..=MAX_HEAD {
            let keys = chunk(columns);
            assert!(keys > 0 && keys.is_multiple_of(LANES) && keys * columns.next_multiple_of(LANES) <= AREA);
        }
    }

    #[test]
    fn every_query_meets_the_keys_up_to_it() {
        for (queries, place) in [(1, 0), (1, 99), (50, 0), (50, 3), (100, 0), (60, 40)] {
            let mut met = vec![0; queries];
            for start in (0..place + queries).step_by(16) {
                let chunk = Chunk { start, keys: 16.min(place + queries - start), queries, place };
                for block in chunk.blocks() {
                    for i in 0..block.count {
                        met[block.first + i] += block.visible(i);
                    }
                }
            }
            assert!(met.iter().enumerate().all(|(i, &met)| met == place + i + 1), "{queries} {place} {met:?}");
        }
    }
}
