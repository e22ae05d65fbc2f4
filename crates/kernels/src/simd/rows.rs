//! A few vectors times rows that stand as they are in a table.

use super::matrix::{DEPTH, PANEL};
use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// Vectors that [`multiply_rows`] takes.
pub const FEW: usize = 4;

/// `out[m, r] = vectors[m] · values[r]` for at most [`FEW`] vectors [M, width] and 64 rows [64, width], width a multiple of
/// sixteen and at most [`DEPTH`]: the bits of [`transpose`](super::matrix::transpose) and [`multiply`](super::matrix::multiply), without the panel.
pub fn multiply_rows(set: Instructions, vectors: &[f32], values: &[f32], width: usize, out: &mut [f32]) {
    assert!(width.is_multiple_of(LANES) && (LANES..=DEPTH).contains(&width), "whole vectors");
    assert!(vectors.len().is_multiple_of(width) && (1..=FEW * width).contains(&vectors.len()), "a few vectors");
    assert!(PANEL * width <= values.len() && out.len() == vectors.len() / width * PANEL);
    rows_by_few(set, vectors, values, width, out);
}

vectorized!(rows_by_few = rows_by_few_body(vectors: &[f32], values: &[f32], width: usize, out: &mut [f32]));

#[inline(always)]
unsafe fn rows_by_few_body<V: Floats>(vectors: &[f32], values: &[f32], width: usize, out: &mut [f32]) {
    let (vectors, values, to) = (vectors.as_ptr(), values.as_ptr(), out.as_mut_ptr());
    // SAFETY: the lengths were asserted.
    unsafe {
        // The G that was fastest on AVX-512: the compiler keeps no more than these sums in registers.
        match out.len() / PANEL {
            1 => rows_by::<V, 1, 4>(vectors, values, width, to),
            2 => rows_by::<V, 2, 4>(vectors, values, width, to),
            3 => rows_by::<V, 3, 1>(vectors, values, width, to),
            _ => rows_by::<V, 4, 1>(vectors, values, width, to),
        }
    }
}

#[inline(always)]
unsafe fn rows_by<V: Floats, const M: usize, const G: usize>(
    vectors: *const f32,
    values: *const f32,
    width: usize,
    out: *mut f32,
) {
    // G groups of sixteen rows at once: a chain of sums alone would wait for itself.
    for r in (0..PANEL).step_by(G * LANES) {
        // SAFETY: the caller's slices hold M vectors, 64 rows and M · 64 results.
        unsafe {
            let mut sums = [[V::splat(0.0); G]; M];
            for c in (0..width).step_by(LANES) {
                for g in 0..G {
                    let from = values.add((r + g * LANES) * width + c);
                    let mut x = [V::splat(0.0); LANES];
                    for i in 0..LANES {
                        V::prefetch(from.wrapping_add((PANEL + i) * width));
                        x[i] = V::load(from.add(i * width));
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
    use crate::parallel::testing::{SETS, bits, values};
    use crate::simd::matrix::{Into, Left, multiply, transpose};

    #[test]
    fn few_vectors_by_rows_have_the_bits_of_a_panel() {
        for set in SETS {
            for (count, width) in [1, 2, 3, 4].into_iter().flat_map(|count| [16, 48, 256].map(|width| (count, width))) {
                let (vectors, rows) = (values(1, count * width), values(2, PANEL * width));
                let (mut panel, mut expected) = (vec![f32::NAN; width * PANEL], vec![f32::NAN; count * PANEL]);
                transpose(set, &rows, PANEL, width, &mut panel);
                let left = Left { values: &vectors, row: width, step: 1 };
                multiply(set, left, &panel, PANEL, (count, width, PANEL), Into::Set, &mut expected, PANEL);
                let mut actual = vec![f32::NAN; count * PANEL];
                multiply_rows(set, &vectors, &rows, width, &mut actual);
                assert_eq!(bits(&actual), bits(&expected), "{set:?} {count} {width}");
            }
        }
    }
}
