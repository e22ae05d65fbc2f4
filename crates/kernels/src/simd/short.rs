//! A few rows times up to sixteen others, with the bits of [`multiply`], and where registers are many nothing in memory
//! between: packing would cost as much as the products.

use super::matrix::{Into, Left, PANEL, multiply};
use super::rows::suits;
use super::transpose::to_columns;
use super::vector::Floats;
use super::{Instructions, LANES, Lane, best, vectorized};

/// Rows on the left that are taken at a time, and that `out` has room for whole groups of.
pub const FEW: usize = 8;

/// Some rows of a matrix, `stride` apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// `out[m, r]` = left m · right r over `width` columns; right of 1 to 16 rows. Lanes without a row on the right, and rows of
/// `out` without one on the left, hold anything. `columns` is scratch of [width, 16].
pub fn multiply_short(set: Instructions, left: Rows, right: Rows, width: usize, columns: &mut [f32], out: &mut [Lane]) {
    assert!(suits(width) && (1..=LANES).contains(&right.count), "a few rows of whole lanes");
    assert!(left.count.next_multiple_of(FEW) <= out.len(), "out holds groups of rows");
    for rows in [left, right] {
        assert!(rows.count > 0 && (rows.count - 1) * rows.stride + width <= rows.values.len(), "rows are there");
    }
    if left.count == 1 || set.min(best()) == Instructions::Avx512 {
        return products(set, left, right, width, out);
    }
    to_columns(set, right.values, right.stride, (right.count, width), columns, LANES);
    let shape = (left.count, width, LANES);
    let left = Left { values: left.values, row: left.stride, step: 1 };
    multiply(set, left, columns, LANES, shape, Into::Set, out.as_flattened_mut(), LANES);
}

vectorized!(products = products_body(left: Rows, right: Rows, width: usize, out: &mut [Lane]));

#[inline(always)]
unsafe fn products_body<V: Floats>(left: Rows, right: Rows, width: usize, out: &mut [Lane]) {
    let from: [usize; LANES] = std::array::from_fn(|i| i.min(right.count - 1) * right.stride);
    let (right, out) = (right.values.as_ptr(), out.as_mut_ptr());
    // SAFETY: `multiply_short` asserted that rows below the counts are there, and that `out` holds whole groups.
    unsafe {
        let row = |m: usize| left.values.as_ptr().add(m.min(left.count - 1) * left.stride);
        if left.count == 1 {
            group::<V, 1>([row(0)], right, &from, width, out);
        } else if V::ACROSS >= 4 {
            for first in (0..left.count).step_by(FEW) {
                group::<V, FEW>(std::array::from_fn(|m| row(first + m)), right, &from, width, out.add(first));
            }
        } else {
            unreachable!("the registers hold no group");
        }
    }
}

/// M rows, and sixteen of `right` by where they begin.
#[inline(always)]
unsafe fn group<V: Floats, const M: usize>(
    rows: [*const f32; M],
    right: *const f32,
    from: &[usize; LANES],
    width: usize,
    out: *mut Lane,
) {
    // SAFETY: the caller's memory holds `width` elements of each row, and M vectors of `out`.
    unsafe {
        let mut sums = [V::splat(0.0); M];
        for c in (0..width).step_by(LANES) {
            let mut x = [V::splat(0.0); LANES];
            for i in 0..LANES {
                x[i] = V::load(right.add(from[i] + c));
            }
            x = V::transpose(x);
            for i in 0..LANES {
                for m in 0..M {
                    sums[m] = V::splat(*rows[m].add(c + i)).fma(x[i], sums[m]);
                }
            }
        }
        for m in 0..M {
            sums[m].store(out.add(m).cast());
        }
    }
}

/// `out` = factor · Σ_r weights[r] · row r, for as many rows as there are weights; `out` is whole lanes wide.
pub fn weighted_sum_short(set: Instructions, weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]) {
    assert!(!weights.is_empty() && weights.len() <= rows.count && out.len().is_multiple_of(LANES), "a weight a row");
    assert!((rows.count - 1) * rows.stride + out.len() <= rows.values.len(), "rows are there");
    sums(set, weights, rows, factor, out);
}

vectorized!(sums = sums_body(weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]));

#[inline(always)]
unsafe fn sums_body<V: Floats>(weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]) {
    let mut c = 0;
    // SAFETY: `weighted_sum_short` asserted that the columns of `out` are there in each row.
    unsafe {
        while c + PANEL <= out.len() {
            columns::<V, { PANEL / LANES }>(weights, rows, factor, c, out);
            c += PANEL;
        }
        while c < out.len() {
            columns::<V, 1>(weights, rows, factor, c, out);
            c += LANES;
        }
    }
}

/// N vectors of columns from `c` on.
#[inline(always)]
unsafe fn columns<V: Floats, const N: usize>(weights: &[f32], rows: Rows, factor: f32, c: usize, out: &mut [f32]) {
    // SAFETY: the columns are there, by the caller.
    unsafe {
        let mut sums = [V::splat(0.0); N];
        for (r, &weight) in weights.iter().enumerate() {
            let row = rows.values.as_ptr().add(r * rows.stride + c);
            for n in 0..N {
                sums[n] = V::splat(weight).fma(V::load(row.add(n * LANES)), sums[n]);
            }
        }
        for n in 0..N {
            sums[n].multiply(V::splat(factor)).store(out.as_mut_ptr().add(c + n * LANES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{bits, sets, values};
    use crate::simd::matrix::dot;

    #[test]
    fn short_products_have_the_bits_of_single_ones() {
        let shapes = [(1, 1, 16), (1, 16, 64), (2, 3, 64), (8, 8, 32), (9, 5, 64), (16, 16, 256), (11, 13, 48)];
        for (m, n, width) in shapes.into_iter().take(if cfg!(miri) { 1 } else { 7 }) {
            for stride in [width, width + 5] {
                let matrix = |seed, count: usize| values(seed, (count - 1) * stride + width);
                let (left, right) = (matrix(1, m), matrix(2, n));
                let row = |x: &[f32], i: usize| x[i * stride..][..width].to_vec();
                for &set in sets() {
                    let rows = |values, count| Rows { values, stride, count };
                    let mut out = vec![[f32::NAN; LANES]; m.next_multiple_of(FEW)];
                    let mut columns = vec![f32::NAN; width * LANES];
                    multiply_short(set, rows(&left, m), rows(&right, n), width, &mut columns, &mut out);
                    for i in 0..m {
                        let expected: Vec<f32> = (0..n).map(|j| dot(set, &row(&left, i), &row(&right, j))).collect();
                        assert_eq!(bits(&out[i][..n]), bits(&expected), "{set:?} {m} {n} {width} {stride}");
                    }
                }
            }
        }
    }

    #[test]
    fn short_sums_have_the_bits_of_products() {
        for (count, width) in
            [(1, 16), (5, 64), (16, 48), (9, 112), (3, 128)].into_iter().take(if cfg!(miri) { 2 } else { 5 })
        {
            let stride = width + 3;
            let (weights, rows) = (values(1, count), values(2, count * stride));
            for &set in sets() {
                let mut out = vec![f32::NAN; width];
                weighted_sum_short(set, &weights, Rows { values: &rows, stride, count }, 0.3, &mut out);
                let column = |c: usize| (0..count).map(|r| rows[r * stride + c]).collect::<Vec<f32>>();
                let expected: Vec<f32> = (0..width).map(|c| dot(set, &weights, &column(c)) * 0.3).collect();
                assert_eq!(bits(&out), bits(&expected), "{set:?} {count} {width}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "rows are there")]
    fn short_products_stay_inside_their_matrices() {
        let rows = |values, count| Rows { values, stride: 16, count };
        let x = [0.0; 32];
        multiply_short(Instructions::Portable, rows(&x, 2), rows(&x, 3), 16, &mut [], &mut [[0.0; LANES]; FEW]);
    }
}
