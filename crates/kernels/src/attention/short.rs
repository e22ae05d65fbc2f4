//! Short segments, some at a time and step by step: of one after the other, each would wait for a long chain of steps. The
//! bits are those of the general way.

use std::ops::Range;

use super::blocks::ROWS;
use super::layout::Inputs;
use super::softmax::{PerQuery, mask_after};
use crate::multiversion;
use crate::parallel::Group;
use crate::simd::lane_reduce::{max_each, sum_each};
use crate::simd::rows::suits;
use crate::simd::short::{FEW, multiply_short, weighted_sum_short};
use crate::simd::{Instructions, LANES, Lane, fma, math};

/// What [`forward`] works in, in f32: a row of sixteen scores for each query, and the keys of a segment as columns.
pub(super) fn room(inputs: &Inputs<'_>) -> [usize; 2] {
    [(ROWS + FEW) * LANES, inputs.shape.columns() * LANES]
}

/// How many segments, from the first on, can be taken together: as long as they have at most sixteen keys each and the
/// queries of a block in all. None where weights are dropped or columns fill no whole vectors.
pub(super) fn count(inputs: &Inputs<'_>, segments: Range<usize>) -> usize {
    if inputs.dropout.threshold() > 0 || !suits(inputs.shape.columns()) {
        return 0;
    }
    let mut rows = 0;
    let fits = |&b: &usize| {
        rows += inputs.shape.queries(b);
        inputs.shape.keys(b) <= LANES && rows <= ROWS
    };
    segments.take_while(fits).count()
}

/// The next `count` segments of a group, all of them short.
pub(super) fn forward(
    set: Instructions,
    inputs: &Inputs<'_>,
    head: usize,
    count: usize,
    group: &mut Group<'_, 2>,
    [scores, columns]: [&mut [f32]; 2],
) {
    let (shape, scores) = (inputs.shape, scores.as_chunks_mut().0);
    let mut visible = [LANES; ROWS];
    let rows = score(set, inputs, head, group.segments().take(count), columns, scores, &mut visible);
    let mut softmax = [PerQuery::of(0.0), PerQuery::of(0.0)];
    softmax::on(set, set, rows, &visible, shape.scale(), scores, &mut softmax);
    let (mut row, [new, whole]) = (0, softmax);
    for (b, [mut out, mut lse]) in group.take(count) {
        let v = shape.rows(inputs.v, shape.offsets, b, head).first(shape.keys(b));
        for i in 0..out.rows() {
            weighted_sum_short(set, &scores[row][..visible[row]], v, new.get(row), out.row(i));
            lse.row(i)[0] = whole.get(row);
            row += 1;
        }
    }
}

/// The scores · √d of each query, one row after the other, and how many keys it sees; returns the number of rows.
fn score(
    set: Instructions,
    inputs: &Inputs<'_>,
    head: usize,
    segments: impl Iterator<Item = usize>,
    columns: &mut [f32],
    scores: &mut [Lane],
    visible: &mut [usize],
) -> usize {
    let Inputs { q, k, shape, .. } = *inputs;
    let mut rows = 0;
    for b in segments {
        let (queries, keys) = (shape.queries(b), shape.keys(b));
        if queries > 0 {
            let q = shape.rows(q, shape.queries, b, head).first(queries);
            let k = shape.rows(k, shape.offsets, b, head).first(keys);
            multiply_short(set, q, k, shape.columns(), columns, &mut scores[rows..]);
            (keys - queries..keys).zip(&mut visible[rows..]).for_each(|(place, visible)| *visible = place + 1);
            rows += queries;
        }
    }
    rows
}

/// Rows of sixteen scores · √d, of which the first are seen, become weights exp(score − max), 0 for the others; [what sums of
/// values are multiplied by, `lse`].
#[inline(always)]
fn softmax_body<const FMA: bool>(
    set: Instructions,
    rows: usize,
    visible: &[usize; ROWS],
    scale: f32,
    scores: &mut [Lane],
    [new, lse]: &mut [PerQuery; 2],
) {
    let (scores, visible) = (scores.as_chunks_mut().0, visible.as_chunks::<LANES>().0);
    for (n, (scores, visible)) in scores.iter_mut().zip(visible).enumerate().take(rows.div_ceil(LANES)) {
        for (x, &visible) in scores.iter_mut().zip(visible) {
            mask_after(std::slice::from_mut(x), visible, f32::NEG_INFINITY);
        }
        let max = max_each(set, scores);
        for (x, max) in scores.iter_mut().zip(max) {
            for l in 0..LANES {
                x[l] = math::exp::<FMA>((x[l] - max) * scale);
            }
        }
        let total = sum_each(set, scores);
        for l in 0..LANES {
            new.0[n][l] = 1.0 / total[l];
            lse.0[n][l] = fma::<FMA>(max[l], scale, math::ln::<FMA>(total[l]));
        }
    }
}

multiversion!(
    fn softmax = softmax_body(
        set: Instructions, rows: usize, visible: &[usize; ROWS], scale: f32, scores: &mut [Lane],
        softmax: &mut [PerQuery; 2])
);
