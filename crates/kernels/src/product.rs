//! Matrix products. An element is summed over K in one order that depends on K alone, so rows never influence each other.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::Parallel;
use crate::activation::relu_of;
use crate::elementwise::add_to;
use crate::parallel::over_parts;
use crate::simd::matrix::{DEPTH, Into, Left, PANEL, multiply, transpose};
use crate::simd::{Instructions, LANES, instructions};
use crate::size;
use crate::views::{elements, elements_mut};

/// Rows of a block of work, at least; a multiple of the rows of every tile of [`multiply`].
const ROWS: usize = 48;
/// Multiply-adds below which one thread does a product.
const SMALL: usize = 1 << 20;

/// f32 that a matrix of `columns` takes in panels.
pub(crate) fn panels_size(depth: usize, columns: usize) -> usize {
    size::times([depth, size::padded(columns, PANEL)])
}

/// The columns of b [depth, columns] in panels [⌈columns / 64⌉, depth, 64], zeros beyond the last.
pub(crate) fn pack(run: &impl Parallel, b: &[f32], depth: usize, columns: usize, panels: &mut [f32]) {
    over_parts(run, panels, depth * PANEL, |block, panel| {
        let from = block * PANEL;
        let count = PANEL.min(columns - from);
        for (row, to) in panel.chunks_exact_mut(PANEL).enumerate() {
            to[..count].copy_from_slice(&b[row * columns + from..][..count]);
            to[count..].fill(0.0);
        }
    });
}

/// The rows of b [rows, depth] as the columns of panels [⌈rows / 64⌉, depth, 64], zeros beyond the last.
pub(crate) fn pack_transposed(
    set: Instructions,
    run: &impl Parallel,
    b: &[f32],
    rows: usize,
    depth: usize,
    panels: &mut [f32],
) {
    over_parts(run, panels, depth * PANEL, |block, panel| {
        let from = block * PANEL;
        transpose(set, &b[from * depth..], PANEL.min(rows - from), depth, panel);
    });
}

/// The right operand [depth, columns] in panels of 64 columns.
#[derive(Clone, Copy)]
pub(crate) struct Panels<'a> {
    values: &'a [f32],
    /// From a row of a panel to the next.
    row: usize,
    /// From a panel to the next.
    panel: usize,
}

impl<'a> Panels<'a> {
    /// As [`pack`] leaves them.
    pub fn packed(values: &'a [f32], depth: usize) -> Self {
        Self { values, row: PANEL, panel: depth * PANEL }
    }

    /// A matrix as it is; its rows must be whole vectors.
    fn direct(values: &'a [f32], columns: usize) -> Self {
        debug_assert!(columns.is_multiple_of(LANES));
        Self { values, row: columns, panel: PANEL }
    }
}

/// `y = a · b + bias` for some rows: a [rows, depth], b in panels, y [rows, columns].
pub(crate) fn rows_by_panels(
    set: Instructions,
    a: &[f32],
    b: Panels,
    bias: Option<&[f32]>,
    (rows, depth, columns): (usize, usize, usize),
    y: &mut [f32],
) {
    for from in (0..columns).step_by(PANEL) {
        let count = PANEL.min(columns - from);
        let panel = b.values.get(from / PANEL * b.panel..).unwrap_or_default();
        let first = bias.map_or(Into::Set, |bias| Into::SetOnto(&bias[from..]));
        let out = y.get_mut(from..).unwrap_or_default();
        for k in (0..depth.max(1)).step_by(DEPTH) {
            let left = Left { values: &a[k..], row: depth, step: 1 };
            let into = if k == 0 { first } else { Into::Add };
            let shape = (rows, DEPTH.min(depth - k), count);
            multiply(set, left, &panel[k * b.row..], b.row, shape, into, out, columns);
        }
    }
}

/// Scratch of [`linear`], in f32.
pub fn linear_scratch(_rows: usize, inner: usize, outer: usize) -> usize {
    panels_size(inner, outer)
}

/// A linear layer's operands.
#[derive(Clone, Copy)]
pub struct Linear<'a> {
    /// [rows, inner]
    pub x: ArrayView2<'a, f32>,
    /// [inner, outer]
    pub w: ArrayView2<'a, f32>,
    /// [outer]
    pub bias: Option<ArrayView1<'a, f32>>,
    pub then: Then<'a>,
}

/// What becomes of the elements of a product.
#[derive(Clone, Copy)]
pub enum Then<'a> {
    Stay,
    /// `max(y, 0)`
    Relu,
    /// `onto + y`, onto [rows, outer]
    Onto(ArrayView2<'a, f32>),
}

impl Then<'_> {
    /// Finishes a part of the product, whose first element is `from`, while it is in the nearest cache.
    fn finish(self, set: Instructions, from: usize, y: &mut [f32]) {
        match self {
            Self::Stay => {}
            Self::Relu => relu_of::on(set, y),
            Self::Onto(onto) => add_to::on(set, &elements(&onto)[from..][..y.len()], y),
        }
    }
}

/// `y = x · w + bias`, and `then`; y [rows, outer].
pub fn linear(run: &impl Parallel, operands: Linear, y: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    linear_on(instructions(), run, operands, y, scratch);
}

fn linear_on(
    set: Instructions,
    run: &impl Parallel,
    Linear { x, w, bias, then }: Linear,
    y: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    let ((rows, inner), outer) = (x.dim(), w.ncols());
    assert!(w.nrows() == inner && y.dim() == (rows, outer));
    assert!(bias.is_none_or(|bias| bias.len() == outer), "a bias for each column");
    if let Then::Onto(onto) = then {
        assert!(onto.dim() == y.dim());
    }
    let (x, w, y, bias) = (elements(&x), elements(&w), elements_mut(y), bias.map(|bias| elements(&bias)));
    // Copying w pays where many rows share it, or where its rows are not whole vectors.
    let direct = outer == PANEL || (rows <= ROWS && outer.is_multiple_of(LANES));
    let panels = if direct {
        Panels::direct(w, outer)
    } else {
        let panels = &mut scratch[..panels_size(inner, outer)];
        pack(run, w, inner, outer, panels);
        Panels::packed(panels, inner)
    };
    by_rows(set, run, x, panels, (bias, then), (rows, inner, outer), y);
}

fn by_rows(
    set: Instructions,
    run: &impl Parallel,
    a: &[f32],
    b: Panels,
    (bias, then): (Option<&[f32]>, Then),
    (rows, depth, columns): (usize, usize, usize),
    y: &mut [f32],
) {
    debug_assert_eq!(y.len(), rows * columns);
    // A product as small as a single request's is done before another thread would be awake.
    let size = if rows * depth * columns < SMALL { rows.max(1) } else { ROWS };
    over_parts(run, y, size * columns, |block, y| {
        let a = a.get(block * size * depth..).unwrap_or_default();
        rows_by_panels(set, a, b, bias, (y.len() / columns, depth, columns), y);
        then.finish(set, block * size * columns, y);
    });
}

/// Scratch of [`linear_input_gradient`], in f32.
pub fn linear_input_gradient_scratch(rows: usize, inner: usize, outer: usize) -> usize {
    inner_scratch(rows, inner, outer)
}

/// `dx = dy · wᵀ`; dy [rows, outer], w [inner, outer], dx [rows, inner].
pub fn linear_input_gradient(
    run: &impl Parallel,
    dy: ArrayView2<f32>,
    w: ArrayView2<f32>,
    dx: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    inner(run, dy, w, dx, scratch);
}

/// Rows of a product over rows that are multiplied while they are in the nearest cache: a column of 64 is on as many lines,
/// and where rows are a power of two wide, all of these fall into a quarter of the cache.
const NEAR: usize = 64;

/// Groups of rows whose sums are taken apart and added in order; by the shape alone.
fn groups(rows: usize) -> (usize, usize) {
    let size = rows.div_ceil(16).next_multiple_of(DEPTH).max(DEPTH);
    (size, rows.div_ceil(size).max(1))
}

/// Scratch of [`linear_weight_gradient`], in f32.
pub fn linear_weight_gradient_scratch(rows: usize, inner: usize, outer: usize) -> usize {
    size::times([groups(rows).1, size::plus([size::times([inner, outer]), NEAR * PANEL])])
}

/// `dw = xᵀ · dy`; x [rows, inner], dy [rows, outer], dw [inner, outer].
pub fn linear_weight_gradient(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    dy: ArrayView2<f32>,
    dw: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    weight_gradient_on(instructions(), run, x, dy, dw, scratch);
}

fn weight_gradient_on(
    set: Instructions,
    run: &impl Parallel,
    x: ArrayView2<f32>,
    dy: ArrayView2<f32>,
    dw: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    let ((rows, inner), outer) = (x.dim(), dy.ncols());
    assert!(dy.nrows() == rows && dw.dim() == (inner, outer));
    let (x, dy, dw) = (elements(&x), elements(&dy), elements_mut(dw));
    if dw.is_empty() {
        return;
    }
    let (size, count) = groups(rows);
    let each = inner * outer + NEAR * PANEL;
    let scratch = &mut scratch[..count * each];
    over_parts(run, scratch, each, |group, part| {
        let from = group * size;
        let rows = size.min(rows - from);
        let (sum, panel) = part.split_at_mut(inner * outer);
        let (x, dy) = (&x[from * inner..], &dy[from * outer..]);
        sum_outer(set, x, dy, (rows, inner, outer), sum, panel);
    });
    over_parts(run, dw, 4096, |block, dw| {
        dw.copy_from_slice(&scratch[block * 4096..][..dw.len()]);
        for part in scratch.chunks_exact(each).skip(1) {
            for (y, x) in dw.iter_mut().zip(&part[block * 4096..]) {
                *y += x;
            }
        }
    });
}

/// `sum = xᵀ · dy` over the rows of one group; `panel` holds 64 columns of up to 64 rows of dy.
fn sum_outer(
    set: Instructions,
    x: &[f32],
    dy: &[f32],
    (rows, inner, outer): (usize, usize, usize),
    sum: &mut [f32],
    panel: &mut [f32],
) {
    for k in (0..rows.max(1)).step_by(NEAR) {
        let depth = NEAR.min(rows - k);
        let into = if k == 0 { Into::Set } else { Into::Add };
        let left = Left { values: &x[k * inner..], row: 1, step: inner };
        for from in (0..outer).step_by(PANEL) {
            let count = PANEL.min(outer - from);
            let right = if outer == PANEL {
                &dy[k * outer..]
            } else {
                for (row, to) in panel.chunks_exact_mut(PANEL).take(depth).enumerate() {
                    to[..count].copy_from_slice(&dy[(k + row) * outer + from..][..count]);
                    to[count..].fill(0.0);
                }
                &*panel
            };
            let shape = (inner, depth, count);
            multiply(set, left, right, PANEL, shape, into, &mut sum[from..], outer);
        }
    }
}

/// Scratch of [`inner`], in f32.
pub fn inner_scratch(_n: usize, m: usize, width: usize) -> usize {
    panels_size(width, m)
}

/// `y = a · bᵀ`; a [n, width], b [m, width], y [n, m].
pub fn inner(run: &impl Parallel, a: ArrayView2<f32>, b: ArrayView2<f32>, y: ArrayViewMut2<f32>, scratch: &mut [f32]) {
    inner_on(instructions(), run, a, b, y, scratch);
}

fn inner_on(
    set: Instructions,
    run: &impl Parallel,
    a: ArrayView2<f32>,
    b: ArrayView2<f32>,
    y: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    let ((n, width), m) = (a.dim(), b.nrows());
    assert!(b.ncols() == width && y.dim() == (n, m));
    let (a, b, y) = (elements(&a), elements(&b), elements_mut(y));
    let panels = &mut scratch[..panels_size(width, m)];
    pack_transposed(set, run, b, m, width, panels);
    by_rows(set, run, a, Panels::packed(panels, width), (None, Then::Stay), (n, width, m), y);
}

#[cfg(test)]
mod tests;
