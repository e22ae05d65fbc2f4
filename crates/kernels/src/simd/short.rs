//! A few rows times up to sixteen others, with the bits of [`multiply`](super::matrix::multiply) and nothing in memory between:
//! packing would cost more than the products.

use super::matrix::{DEPTH, PANEL};
use super::vector::Floats;
use super::{Instructions, LANES, Lane, vectorized};

/// Rows on the left that are taken at a time, and that `out` has room for whole groups of.
pub const FEW: usize = 8;

/// Some rows of a matrix, `stride` apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
    pub count: usize,
}

/// Whether rows of this width can be taken so: whole lanes, and one block of depth.
pub fn suits(width: usize) -> bool {
    width.is_multiple_of(LANES) && (LANES..=DEPTH).contains(&width)
}

/// `out[m, r]` = left m · right r over `width` columns; right of 1 to 16 rows. Lanes without a row on the right, and rows of
/// `out` without one on the left, hold anything.
pub fn multiply_short(set: Instructions, left: Rows, right: Rows, width: usize, out: &mut [Lane]) {
    assert!(suits(width) && (1..=LANES).contains(&right.count), "a few rows of whole lanes");
    assert!(left.count.next_multiple_of(FEW) <= out.len(), "out holds groups of rows");
    for rows in [left, right] {
        assert!(rows.count > 0 && (rows.count - 1) * rows.stride + width <= rows.values.len(), "rows are there");
    }
    products(set, left, right, width, out);
}

vectorized!(products = products_body(left: Rows, right: Rows, width: usize, out: &mut [Lane]));

#[inline(always)]
unsafe fn products_body<V: Floats>(left: Rows, right: Rows, width: usize, out: &mut [Lane]) {
    let from: [usize; LANES] = std::array::from_fn(|i| i.min(right.count - 1) * right.stride);
    // SAFETY: `multiply_short` asserted that rows below the counts are there, and that `out` holds whole groups.
    unsafe {
        if left.count == 1 {
            return group::<V, 1>(left.values.as_ptr(), [0], right.values.as_ptr(), &from, width, out.as_mut_ptr());
        }
        for first in (0..left.count).step_by(FEW) {
            let rows = std::array::from_fn(|m| (first + m).min(left.count - 1) * left.stride);
            let out = out.as_mut_ptr().add(first);
            group::<V, FEW>(left.values.as_ptr(), rows, right.values.as_ptr(), &from, width, out);
        }
    }
}

/// M rows of `left` and sixteen of `right`, by where they begin.
#[inline(always)]
unsafe fn group<V: Floats, const M: usize>(
    left: *const f32,
    rows: [usize; M],
    right: *const f32,
    from: &[usize; LANES],
    width: usize,
    out: *mut Lane,
) {
    // SAFETY: the caller's memory holds `width` elements of each row, and M vectors of `out`.
    unsafe {
        let left = rows.map(|row| left.add(row));
        let mut sums = [V::splat(0.0); M];
        for c in (0..width).step_by(LANES) {
            let mut x = [V::splat(0.0); LANES];
            for i in 0..LANES {
                x[i] = V::load(right.add(from[i] + c));
            }
            x = V::transpose(x);
            for i in 0..LANES {
                for m in 0..M {
                    sums[m] = V::splat(*left[m].add(c + i)).fma(x[i], sums[m]);
                }
            }
        }
        for m in 0..M {
            sums[m].store(out.add(m).cast());
        }
    }
}

/// `out` = factor · Σ_r weights[r] · row r, for as many rows as there are weights; `out` is whole lanes wide.
pub fn mix_short(set: Instructions, weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]) {
    assert!(!weights.is_empty() && weights.len() <= rows.count && out.len().is_multiple_of(LANES), "a weight a row");
    assert!((rows.count - 1) * rows.stride + out.len() <= rows.values.len(), "rows are there");
    sums(set, weights, rows, factor, out);
}

vectorized!(sums = sums_body(weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]));

#[inline(always)]
unsafe fn sums_body<V: Floats>(weights: &[f32], rows: Rows, factor: f32, out: &mut [f32]) {
    let mut c = 0;
    // SAFETY: `mix_short` asserted that the columns of `out` are there in each row.
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
                    multiply_short(set, rows(&left, m), rows(&right, n), width, &mut out);
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
                mix_short(set, &weights, Rows { values: &rows, stride, count }, 0.3, &mut out);
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
        multiply_short(Instructions::Portable, rows(&x, 2), rows(&x, 3), 16, &mut [[0.0; LANES]; FEW]);
    }
}
