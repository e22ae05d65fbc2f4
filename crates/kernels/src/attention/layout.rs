//! A batch: its segments by head.

use super::MAX_HEAD;
use super::blocks::{Chunk, chunk};
use super::softmax::Mask;
use crate::dropout::Dropout;
use crate::simd::LANES;
use crate::simd::short::Rows;

/// How rows are cut into segments and columns into heads.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) queries: &'a [i32],
    pub(super) offsets: &'a [i32],
    pub(super) width: usize,
    pub(super) heads: usize,
}

impl<'a> Shape<'a> {
    pub(super) fn new(queries: &'a [i32], offsets: &'a [i32], width: usize, heads: usize) -> Self {
        assert!(width > 0 && heads > 0 && width.is_multiple_of(heads), "heads divide the width");
        assert!(width / heads <= MAX_HEAD, "a head has at most {MAX_HEAD} columns");
        assert_eq!(queries.len(), offsets.len());
        let fewer = |(q, k): (&[i32], &[i32])| q[1] - q[0] <= k[1] - k[0];
        assert!(queries.windows(2).zip(offsets.windows(2)).all(fewer), "queries are rows of their segment");
        Self { queries, offsets, width, heads }
    }

    pub(super) fn columns(&self) -> usize {
        self.width / self.heads
    }

    /// What scores are multiplied by.
    pub(super) fn scale(&self) -> f32 {
        1.0 / (self.columns() as f32).sqrt()
    }

    /// Queries of a segment.
    pub(super) fn queries(&self, segment: usize) -> usize {
        (self.queries[segment + 1] - self.queries[segment]) as usize
    }

    /// Keys of a segment.
    pub(super) fn keys(&self, segment: usize) -> usize {
        (self.offsets[segment + 1] - self.offsets[segment]) as usize
    }

    /// One head's columns of one segment's rows.
    pub(super) fn rows<'d>(&self, data: &'d [f32], offsets: &[i32], segment: usize, head: usize) -> View<'d> {
        let columns = self.columns();
        let start = offsets[segment] as usize * self.width + head * columns;
        View { data, stride: self.width, start, columns }
    }
}

/// Some columns of a row-major matrix, from some row on.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) data: &'a [f32],
    pub(super) stride: usize,
    pub(super) start: usize,
    pub(super) columns: usize,
}

impl<'a> View<'a> {
    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> &'a [f32] {
        &self.data[self.start + i * self.stride..][..self.columns]
    }

    /// Without its first `rows` rows.
    pub(super) fn skip(self, rows: usize) -> Self {
        Self { start: self.start + rows * self.stride, ..self }
    }

    /// Its first `count` rows.
    pub(super) fn first(&self, count: usize) -> Rows<'a> {
        Rows { values: self.values(), stride: self.stride, count }
    }

    /// Everything from its first row on.
    pub(super) fn values(&self) -> &'a [f32] {
        self.data.get(self.start..).unwrap_or_default()
    }
}

pub(super) struct Inputs<'a> {
    pub(super) q: &'a [f32],
    pub(super) k: &'a [f32],
    pub(super) v: &'a [f32],
    pub(super) shape: Shape<'a>,
    pub(super) dropout: Dropout,
}

impl<'a> Inputs<'a> {
    pub(super) fn head(&self, b: usize, head: usize) -> Head<'a> {
        let Shape { queries, offsets, .. } = self.shape;
        Head {
            q: self.shape.rows(self.q, queries, b, head),
            k: self.shape.rows(self.k, offsets, b, head),
            v: self.shape.rows(self.v, offsets, b, head),
            queries: self.shape.queries(b),
            keys: self.shape.keys(b),
            scale: self.shape.scale(),
            mask: Mask {
                stream: self.dropout.head(head),
                threshold: self.dropout.threshold(),
                scale: self.dropout.scale(),
                row: queries[b] as u32,
            },
        }
    }
}

/// One head of one segment.
pub(super) struct Head<'a> {
    pub(super) q: View<'a>,
    pub(super) k: View<'a>,
    pub(super) v: View<'a>,
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) scale: f32,
    pub(super) mask: Mask,
}

impl Head<'_> {
    /// Its keys by chunks.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> {
        let (size, keys, queries) = (chunk(self.k.columns), self.keys, self.queries);
        let place = keys - queries;
        (0..keys).step_by(size).map(move |start| Chunk { start, keys: size.min(keys - start), queries, place })
    }

    /// Columns in whole vectors.
    pub(super) fn padded(&self) -> usize {
        self.k.columns.next_multiple_of(LANES)
    }

    /// Whether the columns fill no whole vectors.
    pub(super) fn ragged(&self) -> bool {
        !self.k.columns.is_multiple_of(LANES)
    }
}

/// What the gradient reads beside the inputs.
pub(super) struct Upstream<'a> {
    pub(super) out: View<'a>,
    pub(super) dout: View<'a>,
    pub(super) lse: View<'a>,
}

impl<'a> Upstream<'a> {
    pub(super) fn new(
        shape: &Shape<'_>,
        out: &'a [f32],
        dout: &'a [f32],
        lse: &'a [f32],
        segment: usize,
        head: usize,
    ) -> Self {
        let (queries, heads) = (shape.queries, shape.heads);
        let start = queries[segment] as usize * heads + head;
        Self {
            out: shape.rows(out, queries, segment, head),
            dout: shape.rows(dout, queries, segment, head),
            lse: View { data: lse, stride: heads, start, columns: 1 },
        }
    }
}
