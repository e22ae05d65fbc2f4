//! Matrix products. An element is summed over K in one order that depends on K alone, so rows never influence each other.

use crate::Parallel;
use crate::parallel::over_parts;
use crate::simd::matrix::{DEPTH, Into, Left, PANEL, multiply, transpose};
use crate::simd::{Instructions, LANES, instructions};
use crate::size;

/// Rows of a block of work, at least; a multiple of the rows of every tile.
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

/// `y = x · w + bias`; x [rows, inner], w [inner, outer], bias [outer], y [rows, outer].
pub fn linear(
    run: &impl Parallel,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    rows: usize,
    inner: usize,
    outer: usize,
    y: &mut [f32],
    scratch: &mut [f32],
) {
    linear_on(instructions(), run, x, w, bias, (rows, inner, outer), y, scratch);
}

fn linear_on(
    set: Instructions,
    run: &impl Parallel,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    (rows, inner, outer): (usize, usize, usize),
    y: &mut [f32],
    scratch: &mut [f32],
) {
    assert!(x.len() == rows * inner && w.len() == inner * outer && y.len() == rows * outer);
    // Copying w pays where many rows share it, or where its rows are not whole vectors.
    let direct = outer == PANEL || (rows <= ROWS && outer.is_multiple_of(LANES));
    let panels = if direct {
        Panels::direct(w, outer)
    } else {
        let panels = &mut scratch[..panels_size(inner, outer)];
        pack(run, w, inner, outer, panels);
        Panels::packed(panels, inner)
    };
    by_rows(set, run, x, panels, bias, (rows, inner, outer), y);
}

fn by_rows(
    set: Instructions,
    run: &impl Parallel,
    a: &[f32],
    b: Panels,
    bias: Option<&[f32]>,
    (rows, depth, columns): (usize, usize, usize),
    y: &mut [f32],
) {
    debug_assert_eq!(y.len(), rows * columns);
    // A product as small as a single request's is done before another thread would be awake.
    let size = if rows * depth * columns < SMALL { rows.max(1) } else { ROWS };
    over_parts(run, y, size * columns, |block, y| {
        let a = a.get(block * size * depth..).unwrap_or_default();
        rows_by_panels(set, a, b, bias, (y.len() / columns, depth, columns), y);
    });
}

/// Scratch of [`linear_input_gradient`], in f32.
pub fn linear_input_gradient_scratch(rows: usize, inner: usize, outer: usize) -> usize {
    inner_scratch(rows, inner, outer)
}

/// `dx = dy · wᵀ`; dy [rows, outer], w [inner, outer], dx [rows, inner].
pub fn linear_input_gradient(
    run: &impl Parallel,
    dy: &[f32],
    w: &[f32],
    rows: usize,
    inner: usize,
    outer: usize,
    dx: &mut [f32],
    scratch: &mut [f32],
) {
    self::inner(run, dy, w, rows, inner, outer, dx, scratch);
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
    x: &[f32],
    dy: &[f32],
    rows: usize,
    inner: usize,
    outer: usize,
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    weight_gradient_on(instructions(), run, x, dy, (rows, inner, outer), dw, scratch);
}

fn weight_gradient_on(
    set: Instructions,
    run: &impl Parallel,
    x: &[f32],
    dy: &[f32],
    (rows, inner, outer): (usize, usize, usize),
    dw: &mut [f32],
    scratch: &mut [f32],
) {
    assert!(x.len() == rows * inner && dy.len() == rows * outer && dw.len() == inner * outer);
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
pub fn inner(
    run: &impl Parallel,
    a: &[f32],
    b: &[f32],
    n: usize,
    m: usize,
    width: usize,
    y: &mut [f32],
    scratch: &mut [f32],
) {
    inner_on(instructions(), run, a, b, (n, m, width), y, scratch);
}

fn inner_on(
    set: Instructions,
    run: &impl Parallel,
    a: &[f32],
    b: &[f32],
    (n, m, width): (usize, usize, usize),
    y: &mut [f32],
    scratch: &mut [f32],
) {
    assert!(a.len() == n * width && b.len() == m * width && y.len() == n * m);
    let panels = &mut scratch[..panels_size(width, m)];
    pack_transposed(set, run, b, m, width, panels);
    by_rows(set, run, a, Panels::packed(panels, width), None, (n, width, m), y);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Serial;
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, sets, values, wide};
    use crate::random;

    /// `a · b` in f64: a [rows, depth], b [depth, columns].
    fn naive(a: &[f64], b: &[f64], rows: usize, depth: usize, columns: usize) -> Vec<f64> {
        let mut y = vec![0.0; rows * columns];
        for r in 0..rows {
            for k in 0..depth {
                for c in 0..columns {
                    y[r * columns + c] += a[r * depth + k] * b[k * columns + c];
                }
            }
        }
        y
    }

    fn transposed(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
        (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
    }

    /// All four products of one shape, over buffers full of garbage: [linear, dx, dw, inner].
    fn all(set: Instructions, run: &impl Parallel, (rows, inner, outer): (usize, usize, usize)) -> [Vec<f32>; 4] {
        let (x, w) = (values(1, rows * inner), values(2, inner * outer));
        let (bias, dy) = (values(3, outer), values(4, rows * outer));
        let shape = (rows, inner, outer);
        let garbage = |n| vec![f32::NAN; n];
        let mut y = [garbage(rows * outer), garbage(rows * inner), garbage(inner * outer), garbage(rows * rows)];
        let mut scratch = garbage(linear_scratch(rows, inner, outer));
        linear_on(set, run, &x, &w, Some(&bias), shape, &mut y[0], &mut scratch);
        let mut scratch = garbage(linear_input_gradient_scratch(rows, inner, outer));
        inner_on(set, run, &dy, &w, shape, &mut y[1], &mut scratch);
        let mut scratch = garbage(linear_weight_gradient_scratch(rows, inner, outer));
        weight_gradient_on(set, run, &x, &dy, shape, &mut y[2], &mut scratch);
        let mut scratch = garbage(inner_scratch(rows, rows, inner));
        inner_on(set, run, &x, &x, (rows, rows, inner), &mut y[3], &mut scratch);
        y
    }

    fn shapes() -> Vec<(usize, usize, usize)> {
        let lengths = [0, 1, 2, 7, 16, 17, 48, 64, 65, 100, 130, 257, 300, 520];
        let (few, most) = if cfg!(miri) { (6, 5) } else { (60, lengths.len()) };
        let pick = |i: u32, j: u32| lengths[random::bits(7, i, j) as usize % most];
        let fixed = [(3, 0, 5), (3, 0, 144), (0, 4, 4), (2, 3, 0), (1, 1, 1)];
        fixed.into_iter().chain((0..few).map(|i| (pick(i, 0), pick(i, 1), pick(i, 2)))).collect()
    }

    #[test]
    fn products_are_their_formulas_on_every_set() {
        for (rows, inner, outer) in shapes() {
            let (x, w) = (wide(&values(1, rows * inner)), wide(&values(2, inner * outer)));
            let (bias, dy) = (values(3, outer), wide(&values(4, rows * outer)));
            let mut y = naive(&x, &w, rows, inner, outer);
            for (i, y) in y.iter_mut().enumerate() {
                *y += f64::from(bias[i % outer]);
            }
            let dx = naive(&dy, &transposed(&w, inner, outer), rows, outer, inner);
            let dw = naive(&transposed(&x, rows, inner), &dy, inner, rows, outer);
            let own = naive(&x, &transposed(&x, rows, inner), rows, inner, rows);
            for &set in sets() {
                let actual = all(set, &Serial, (rows, inner, outer));
                for (actual, expected) in actual.iter().zip([&y, &dx, &dw, &own]) {
                    close(actual, expected, 5e-5);
                }
            }
        }
    }

    #[test]
    fn sets_with_fused_products_agree_to_the_bit() {
        let shape = if cfg!(miri) { (3, 17, 5) } else { (61, 300, 100) };
        let [a, b] = [Instructions::Avx2, Instructions::Avx512].map(|set| all(set, &Serial, shape).map(|y| bits(&y)));
        if crate::simd::best() >= Instructions::Avx2 {
            assert_eq!(a, b);
        }
    }

    #[test]
    fn a_row_alone_has_the_bits_it_has_in_a_batch() {
        let rows = if cfg!(miri) { 5 } else { 517 };
        let lengths = |all: &'static [usize]| if cfg!(miri) { &all[..2] } else { all };
        for &inner in lengths(&[7, 17, 64, 100, 256, 300]) {
            for &outer in lengths(&[7, 48, 64, 100, 144]) {
                let (x, w, bias) = (values(1, rows * inner), values(2, inner * outer), values(3, outer));
                let one = |set, rows: usize, x: &[f32]| {
                    let mut y = vec![f32::NAN; rows * outer];
                    let mut scratch = vec![f32::NAN; linear_scratch(rows, inner, outer)];
                    linear_on(set, &Serial, x, &w, Some(&bias), (rows, inner, outer), &mut y, &mut scratch);
                    bits(&y)
                };
                for &set in sets() {
                    let batch = one(set, rows, &x);
                    for row in [0, 1, 4, 46, 47, 48, 515, 516].into_iter().filter(|&row| row < rows) {
                        let alone = one(set, 1, &x[row * inner..][..inner]);
                        assert_eq!(alone, batch[row * outer..][..outer], "{set:?} row {row} {inner} {outer}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_inner_product_depends_on_its_two_rows_alone() {
        let (n, m) = if cfg!(miri) { (3, 5) } else { (50, 130) };
        for &width in if cfg!(miri) { &[7][..] } else { &[7, 64, 100, 256, 300] } {
            let (a, b) = (values(1, n * width), values(2, m * width));
            let product = |set, a: &[f32], b: &[f32]| {
                let (n, m) = (a.len() / width, b.len() / width);
                let mut y = vec![f32::NAN; n * m];
                let mut scratch = vec![f32::NAN; inner_scratch(n, m, width)];
                inner_on(set, &Serial, a, b, (n, m, width), &mut y, &mut scratch);
                bits(&y)
            };
            for &set in sets() {
                let whole = product(set, &a, &b);
                for i in [0, n / 2, n - 1] {
                    for j in [0, m / 2, m - 2, m - 1] {
                        let alone = product(set, &a[i * width..][..width], &b[j * width..][..width]);
                        assert_eq!(alone[0], whole[i * m + j], "{set:?} {i} {j} width {width}");
                    }
                }
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        for shape in if cfg!(miri) { [(3, 5, 7), (9, 2, 3)] } else { [(517, 65, 130), (5_000, 20, 64)] } {
            let [linear, dx, dw, own] = all(instructions(), &Serial, shape).map(|y| bits(&y));
            let [a, b, c, d] = all(instructions(), &Reverse, shape).map(|y| bits(&y));
            assert!(linear == a && dx == b && dw == c && own == d);
            let [a, b, c, d] = all(instructions(), &TwoThreads, shape).map(|y| bits(&y));
            assert!(linear == a && dx == b && dw == c && own == d);
        }
    }

    #[test]
    fn gradients_are_central_differences() {
        let (rows, inner, outer) = (3, 5, 4);
        let (x, w) = (wide(&values(1, rows * inner)), wide(&values(2, inner * outer)));
        let dy = values(4, rows * outer);
        let [_, dx, dw, _] = all(instructions(), &Serial, (rows, inner, outer));
        let dy = wide(&dy);
        close(&dx, &differences(&x, &dy, |x| naive(x, &w, rows, inner, outer)), 1e-5);
        close(&dw, &differences(&w, &dy, |w| naive(&x, w, rows, inner, outer)), 1e-5);
    }

    #[test]
    fn a_product_by_hand() {
        // [1 2; 3 4] · [5 6; 7 8] + [10 20] = [29 42; 53 70]
        let (x, w) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        let mut y = [0.0; 4];
        let mut scratch = vec![0.0; linear_scratch(2, 2, 2)];
        linear(&Serial, &x, &w, Some(&[10.0, 20.0]), 2, 2, 2, &mut y, &mut scratch);
        assert_eq!(y, [29.0, 42.0, 53.0, 70.0]);
        let mut scratch = vec![0.0; inner_scratch(2, 2, 2)];
        inner(&Serial, &x, &w, 2, 2, 2, &mut y, &mut scratch);
        assert_eq!(y, [17.0, 23.0, 39.0, 53.0]);
    }
}
