//! A few vectors times rows that stand as they are in a table: the bits of [`transpose`](super::matrix::transpose) and
//! [`multiply`](super::matrix::multiply), without the panel.

use super::matrix::{DEPTH, PANEL};
use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// Vectors that are taken at a time.
pub const FEW: usize = 4;

/// Whether vectors of this width can be taken so: whole lanes, and one block of depth.
pub fn suits(width: usize) -> bool {
    width.is_multiple_of(LANES) && (LANES..=DEPTH).contains(&width)
}

/// `out[m, r] = vectors[m] · rows[r]` for at most [`FEW`] vectors [M, width] and 64 rows [64, width]. What stands behind the
/// rows is asked for ahead of time.
pub fn multiply_rows(set: Instructions, vectors: &[f32], rows: &[f32], width: usize, out: &mut [f32]) {
    let count = vectors.len() / width;
    assert!(suits(width) && vectors.len() == count * width && (1..=FEW).contains(&count), "a few vectors");
    assert!(PANEL * width <= rows.len() && out.len() == count * PANEL);
    all_rows(set, vectors, rows, width, out);
}

vectorized!(all_rows = all_rows_body(vectors: &[f32], rows: &[f32], width: usize, out: &mut [f32]));

#[inline(always)]
unsafe fn all_rows_body<V: Floats>(vectors: &[f32], rows: &[f32], width: usize, out: &mut [f32]) {
    let (vectors, to) = (vectors.as_ptr(), out.as_mut_ptr());
    // SAFETY: the lengths were asserted; what stands behind the rows is only asked for.
    unsafe {
        let row = |r: usize| rows.as_ptr().wrapping_add(r * width);
        // As many groups of sixteen rows at once as were fastest on AVX-512: a chain of sums alone would wait for itself.
        match out.len() / PANEL {
            1 => products::<V, 1, 4, true>(vectors, row, PANEL, width, to),
            2 => products::<V, 2, 4, true>(vectors, row, PANEL, width, to),
            3 => products::<V, 3, 1, true>(vectors, row, PANEL, width, to),
            _ => products::<V, 4, 1, true>(vectors, row, PANEL, width, to),
        }
    }
}

/// `out[m, i] = vectors[m] · table[ids[i]]` for any number of vectors [M, width], up to 64 rows of a table [V, width], and out
/// [M, 64]; the columns from the number of ids on hold anything.
pub fn multiply_some(set: Instructions, vectors: &[f32], table: &[f32], ids: &[usize], width: usize, out: &mut [f32]) {
    assert!(suits(width) && ids.len() <= PANEL && out.len() == vectors.len() / width * PANEL);
    let rows = table.len() / width;
    assert!(ids.iter().all(|&id| id < rows), "rows of the table");
    let Some(&first) = ids.first() else { return };
    let mut padded = [first; PANEL];
    padded[..ids.len()].copy_from_slice(ids);
    let rows = ids.len().next_multiple_of(LANES);
    for (vectors, out) in vectors.chunks(FEW * width).zip(out.chunks_mut(FEW * PANEL)) {
        some_rows(set, vectors, table, &padded[..rows], width, out);
    }
}

vectorized!(some_rows = some_rows_body(vectors: &[f32], table: &[f32], ids: &[usize], width: usize, out: &mut [f32]));

#[inline(always)]
unsafe fn some_rows_body<V: Floats>(vectors: &[f32], table: &[f32], ids: &[usize], width: usize, out: &mut [f32]) {
    let (vectors, to) = (vectors.as_ptr(), out.as_mut_ptr());
    // SAFETY: the lengths and the ids were asserted.
    unsafe {
        let row = |r: usize| table.as_ptr().add(ids[r] * width);
        match out.len() / PANEL {
            1 => products::<V, 1, 1, false>(vectors, row, ids.len(), width, to),
            2 => products::<V, 2, 1, false>(vectors, row, ids.len(), width, to),
            3 => products::<V, 3, 1, false>(vectors, row, ids.len(), width, to),
            _ => products::<V, 4, 1, false>(vectors, row, ids.len(), width, to),
        }
    }
}

/// M vectors times `rows`, a multiple of 16 G; `AHEAD` asks for the rows 64 further on.
#[inline(always)]
unsafe fn products<V: Floats, const M: usize, const G: usize, const AHEAD: bool>(
    vectors: *const f32,
    row: impl Fn(usize) -> *const f32,
    rows: usize,
    width: usize,
    out: *mut f32,
) {
    for r in (0..rows).step_by(G * LANES) {
        // SAFETY: the caller's memory holds M vectors, the rows and M · 64 results.
        unsafe {
            let mut sums = [[V::splat(0.0); G]; M];
            for c in (0..width).step_by(LANES) {
                for g in 0..G {
                    let first = r + g * LANES;
                    let mut x = [V::splat(0.0); LANES];
                    for i in 0..LANES {
                        if AHEAD {
                            V::prefetch(row(first + i + PANEL).wrapping_add(c));
                        }
                        x[i] = V::load(row(first + i).add(c));
                    }
                    x = V::transpose(x);
                    for i in 0..LANES {
                        for m in 0..M {
                            sums[m][g] = V::splat(*vectors.add(m * width + c + i)).fma(x[i], sums[m][g]);
                        }
                    }
                }
            }
            for m in 0..M {
                for g in 0..G {
                    sums[m][g].store(out.add(m * PANEL + r + g * LANES));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{bits, sets, values};
    use crate::simd::matrix::{Into, Left, multiply, transpose};

    /// Products by a panel.
    fn expected(set: Instructions, vectors: &[f32], rows: &[f32], width: usize) -> Vec<f32> {
        let count = vectors.len() / width;
        let (mut panel, mut products) = (vec![f32::NAN; width * PANEL], vec![f32::NAN; count * PANEL]);
        transpose(set, rows, rows.len() / width, width, &mut panel);
        let left = Left { values: vectors, row: width, step: 1 };
        multiply(set, left, &panel, PANEL, (count, width, PANEL), Into::Set, &mut products, PANEL);
        products
    }

    #[test]
    fn few_vectors_by_rows_have_the_bits_of_a_panel() {
        for &set in sets() {
            let widths = if cfg!(miri) { [16, 32, 48] } else { [16, 48, 256] };
            for (count, width) in [1, 2, 3, 4].into_iter().flat_map(|count| widths.map(|width| (count, width))) {
                let (vectors, rows) = (values(1, count * width), values(2, PANEL * width));
                let mut actual = vec![f32::NAN; count * PANEL];
                multiply_rows(set, &vectors, &rows, width, &mut actual);
                let expected = expected(set, &vectors, &rows, width);
                assert_eq!(bits(&actual), bits(&expected), "{set:?} {count} {width}");
            }
        }
    }

    #[test]
    fn some_rows_have_the_bits_of_a_panel() {
        for &set in sets() {
            for (count, some) in [(1, 0), (1, 1), (2, 16), (3, 17), (4, 63), (5, 64), (9, 30)] {
                let (vectors, table) = (values(1, count * 32), values(2, 100 * 32));
                let ids: Vec<usize> = (0..some).map(|i| i * 37 % 100).collect();
                let rows: Vec<f32> = ids.iter().flat_map(|&id| table[id * 32..][..32].to_vec()).collect();
                let mut actual = vec![f32::NAN; count * PANEL];
                multiply_some(set, &vectors, &table, &ids, 32, &mut actual);
                let expected = expected(set, &vectors, &rows, 32);
                for (actual, expected) in actual.chunks(PANEL).zip(expected.chunks(PANEL)) {
                    assert_eq!(bits(&actual[..some]), bits(&expected[..some]), "{set:?} {count} {some}");
                }
            }
        }
    }
}
