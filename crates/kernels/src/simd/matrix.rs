//! The one inner loop of all products: a few rows of the left operand times a panel of the right one, in registers.
//!
//! An element is `acc = fma(left[k], right[k], acc)` for ascending k, whatever tile it falls into, so its bits depend on
//! its row, its column and K alone.

use super::vector::{Floats, Vector};
use super::{Instructions, LANES, fma, vectorized};

/// Columns of a panel: the right operand of [`multiply`] has this many at most.
pub const PANEL: usize = 64;

/// Depth of one sum in registers; a longer K is cut into such blocks, added in order.
pub const DEPTH: usize = 256;

/// A matrix whose element (i, k) is `values[i · row + k · step]`.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    pub values: &'a [f32],
    pub row: usize,
    pub step: usize,
}

/// What a product does with its output.
#[derive(Clone, Copy)]
pub enum Into<'a> {
    /// `out = product`
    Set,
    /// `out = row + product`, the same row for each
    SetOnto(&'a [f32]),
    /// `out += product`
    Add,
}

/// `out = left · right` in one block of depth: left [rows, depth], right [depth, columns ≤ 64] with `right_row` between
/// its rows, out [rows, columns] with `out_row` between its rows.
///
/// `right` is read in whole vectors: its rows must be readable up to `columns` rounded up to sixteen.
#[expect(clippy::too_many_arguments, reason = "two operands, an output, how rows lie in each, and the shape")]
pub fn multiply(
    set: Instructions,
    left: Left,
    right: &[f32],
    right_row: usize,
    (rows, depth, columns): (usize, usize, usize),
    into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    check(left, right, right_row, (rows, depth, columns), into, out, out_row);
    tiles(set, left, right, [right_row, out_row], (rows, depth, columns), into, out);
}

/// Asserts that the slices hold what [`multiply`] reads and writes.
pub(super) fn check(
    left: Left,
    right: &[f32],
    right_row: usize,
    (rows, depth, columns): (usize, usize, usize),
    into: Into,
    out: &[f32],
    out_row: usize,
) {
    assert!(columns <= PANEL, "a panel has at most {PANEL} columns");
    assert!((rows - 1) * out_row + columns <= out.len(), "out holds its rows");
    if depth > 0 {
        let last = (rows - 1) * left.row + (depth - 1) * left.step;
        assert!(last < left.values.len(), "left holds its rows");
        let last = (depth - 1) * right_row + columns.next_multiple_of(LANES);
        assert!(last <= right.len(), "right holds its rows");
    }
    if let Into::SetOnto(row) = into {
        assert!(row.len() >= columns, "the row is as wide as the product");
    }
}

vectorized!(tiles = tiles_body(
    left: Left,
    right: &[f32],
    rows: [usize; 2],
    shape: (usize, usize, usize),
    into: Into,
    out: &mut [f32],
));

/// Everything that a tile needs to know.
#[derive(Clone, Copy)]
struct Tile<'a> {
    left: *const f32,
    row: usize,
    step: usize,
    right: *const f32,
    right_row: usize,
    depth: usize,
    columns: usize,
    into: Into<'a>,
    onto: *const f32,
    out: *mut f32,
    out_row: usize,
}

#[inline(always)]
pub(super) unsafe fn tiles_body<V: Vector>(
    left: Left,
    right: &[f32],
    [right_row, out_row]: [usize; 2],
    (rows, depth, columns): (usize, usize, usize),
    into: Into,
    out: &mut [f32],
) {
    let mut r = 0;
    while r < rows {
        let high = (rows - r).min(V::ROWS);
        let mut c = 0;
        while c < columns {
            let rest = columns - c;
            let across = if V::ACROSS >= 4 && rest > 48 {
                4
            } else if V::ACROSS >= 2 && rest > 16 {
                2
            } else {
                1
            };
            // SAFETY: `multiply` asserted that rows below `rows` and columns below `columns` lie inside the slices.
            unsafe {
                let tile = Tile {
                    left: left.values.as_ptr().wrapping_add(r * left.row),
                    row: left.row,
                    step: left.step,
                    right: right.as_ptr().wrapping_add(c),
                    right_row,
                    depth,
                    columns: rest.min(across * LANES),
                    into,
                    onto: if let Into::SetOnto(row) = into { row.as_ptr().add(c) } else { std::ptr::null() },
                    out: out.as_mut_ptr().add(r * out_row + c),
                    out_row,
                };
                match across {
                    4 if V::ACROSS >= 4 => tile_of_height::<V, 4>(tile, high),
                    2 if V::ACROSS >= 2 => tile_of_height::<V, 2>(tile, high),
                    _ => tile_of_height::<V, 1>(tile, high),
                }
            }
            c += across * LANES;
        }
        r += high;
    }
}

#[inline(always)]
unsafe fn tile_of_height<V: Vector, const N: usize>(tile: Tile, height: usize) {
    // SAFETY: passed on from the caller.
    unsafe {
        match height {
            6 if V::ROWS >= 6 => run_tile::<V, 6, N>(tile),
            5 if V::ROWS >= 5 => run_tile::<V, 5, N>(tile),
            4 if V::ROWS >= 4 => run_tile::<V, 4, N>(tile),
            3 if V::ROWS >= 3 => run_tile::<V, 3, N>(tile),
            2 => run_tile::<V, 2, N>(tile),
            _ => run_tile::<V, 1, N>(tile),
        }
    }
}

#[inline(always)]
unsafe fn run_tile<V: Vector, const M: usize, const N: usize>(tile: Tile) {
    // SAFETY: the caller's slices hold M rows, `depth` steps and `columns` columns (right: N whole vectors).
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        let (mut a, mut b) = (tile.left, tile.right);
        for _ in 0..tile.depth {
            let mut across = [V::splat(0.0); N];
            for n in 0..N {
                across[n] = V::load(b.add(n * LANES));
            }
            for m in 0..M {
                let x = V::splat(*a.add(m * tile.row));
                for n in 0..N {
                    sums[m][n] = x.fma(across[n], sums[m][n]);
                }
            }
            a = a.wrapping_add(tile.step);
            b = b.wrapping_add(tile.right_row);
        }
        if tile.columns < N * LANES {
            return store_ragged(tile, sums);
        }
        for m in 0..M {
            for n in 0..N {
                let to = tile.out.add(m * tile.out_row + n * LANES);
                match tile.into {
                    Into::Set => sums[m][n].store(to),
                    Into::SetOnto(_) => V::load(tile.onto.add(n * LANES)).add(sums[m][n]).store(to),
                    Into::Add => V::load(to).add(sums[m][n]).store(to),
                }
            }
        }
    }
}

/// The last columns, which fill no vector: through the stack.
#[inline(always)]
unsafe fn store_ragged<V: Vector, const M: usize, const N: usize>(tile: Tile, sums: [[V; N]; M]) {
    for m in 0..M {
        let mut row = [0.0f32; PANEL];
        // SAFETY: N ≤ 4 vectors fit a panel; the caller's slices hold `columns` columns.
        unsafe {
            for n in 0..N {
                sums[m][n].store(row.as_mut_ptr().add(n * LANES));
            }
            let out = std::slice::from_raw_parts_mut(tile.out.add(m * tile.out_row), tile.columns);
            for (c, y) in out.iter_mut().enumerate() {
                *y = match tile.into {
                    Into::Set => row[c],
                    Into::SetOnto(_) => *tile.onto.add(c) + row[c],
                    Into::Add => *y + row[c],
                };
            }
        }
    }
}

/// The inner product of two rows, with the bits that [`multiply`] gives over blocks of [`DEPTH`].
pub fn dot(set: Instructions, a: &[f32], b: &[f32]) -> f32 {
    chain::on(set, a, b)
}

crate::multiversion!(fn chain = chain_body(a: &[f32], b: &[f32]) -> f32);

#[inline(always)]
fn chain_body<const FMA: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (block, (a, b)) in a.chunks(DEPTH).zip(b.chunks(DEPTH)).enumerate() {
        let part = a.iter().zip(b).fold(0.0, |sum, (x, y)| fma::<FMA>(*x, *y, sum));
        sum = if block == 0 { part } else { sum + part };
    }
    sum
}

/// Up to 64 rows of [rows, width] as a panel [width, 64]: row r becomes column r, missing ones become zeros.
pub fn transpose(set: Instructions, values: &[f32], rows: usize, width: usize, panel: &mut [f32]) {
    assert!(rows <= PANEL && rows * width <= values.len(), "values hold their rows");
    assert!(width * PANEL <= panel.len(), "the panel is large enough");
    transposed(set, values, rows, width, panel);
}

vectorized!(transposed = transpose_body(values: &[f32], rows: usize, width: usize, panel: &mut [f32]));

#[inline(always)]
unsafe fn transpose_body<V: Floats>(values: &[f32], rows: usize, width: usize, panel: &mut [f32]) {
    for r in (0..PANEL).step_by(LANES) {
        let mut c = 0;
        if r + LANES <= rows {
            while c + LANES <= width {
                // SAFETY: rows r .. r + 16 and columns c .. c + 16 are inside both matrices.
                unsafe {
                    let from = values.as_ptr().add(r * width + c);
                    square::<V>(from, width, panel.as_mut_ptr().add(c * PANEL + r), PANEL);
                }
                c += LANES;
            }
        }
        for c in c..width {
            for i in r..r + LANES {
                panel[c * PANEL + i] = if i < rows { values[i * width + c] } else { 0.0 };
            }
        }
    }
}

/// Transposes 16 × 16.
#[inline(always)]
unsafe fn square<V: Floats>(from: *const f32, from_row: usize, to: *mut f32, to_row: usize) {
    // SAFETY: the caller's matrices hold sixteen rows of sixteen.
    unsafe {
        let mut x = [V::splat(0.0); LANES];
        for i in 0..LANES {
            x[i] = V::load(from.add(i * from_row));
        }
        x = V::transpose(x);
        for i in 0..LANES {
            x[i].store(to.add(i * to_row));
        }
    }
}
