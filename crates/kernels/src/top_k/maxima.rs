//! Scores of some vectors for a panel, [rows, 64]: the maxima of their columns.

use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES, max_lanes};

/// Puts scores [rows, 64] in the place of scores in units of each row.
pub(super) fn rescale(rows: &mut [f32], units: &[f32]) {
    for (row, unit) in rows.as_chunks_mut::<PANEL>().0.iter_mut().zip(units) {
        row.iter_mut().for_each(|score| *score *= unit);
    }
}

crate::multiversion!(fn column_max_into = column_max_body(rows: &[f32], best: &mut [f32; PANEL]));

/// `best[i] = max(best[i], rows[.., i])`; a NaN is no score.
#[inline(always)]
fn column_max_body<const FMA: bool>(rows: &[f32], best: &mut [f32; PANEL]) {
    for row in rows.as_chunks::<PANEL>().0 {
        for i in 0..PANEL {
            best[i] = if row[i] > best[i] { row[i] } else { best[i] };
        }
    }
}

/// The largest of each column of scores [rows, 64].
pub(super) fn column_max(set: Instructions, rows: &[f32]) -> [f32; PANEL] {
    let mut best = [f32::NEG_INFINITY; PANEL];
    column_max_into::on(set, rows, &mut best);
    best
}

crate::multiversion!(fn nth = nth_body(rows: &[f32], n: usize) -> f32);

#[inline(always)]
fn nth_body<const FMA: bool>(rows: &[f32], n: usize) -> f32 {
    let mut best = [f32::NEG_INFINITY; PANEL];
    column_max_body::<FMA>(rows, &mut best);
    let mut top = f32::NEG_INFINITY;
    for _ in 0..n {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        for part in best.as_chunks::<LANES>().0 {
            for i in 0..LANES {
                lanes[i] = if part[i] > lanes[i] { part[i] } else { lanes[i] };
            }
        }
        top = max_lanes(lanes);
        for x in &mut best {
            *x = if *x < top { *x } else { f32::NEG_INFINITY };
        }
    }
    top
}

/// The n-th of the different numbers among the largest of each column of scores [rows, 64], from 1 on; −∞ where there are fewer.
pub(super) fn nth_largest(set: Instructions, rows: &[f32], n: usize) -> f32 {
    nth::on(set, rows, n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{sets, values};

    #[test]
    fn the_nth_is_that_of_a_sort_of_the_largest() {
        let mut rows = values(1, 3 * PANEL);
        (rows[5], rows[70], rows[7], rows[8]) = (f32::NAN, f32::NAN, 9.0, 9.0);
        for &set in sets() {
            let mut largest = column_max(set, &rows).to_vec();
            for (i, &x) in largest.iter().enumerate() {
                assert!((0..3).map(|row| rows[row * PANEL + i]).filter(|y| !y.is_nan()).all(|y| y <= x), "{set:?} {i}");
            }
            largest.sort_by(|x, y| y.total_cmp(x));
            largest.dedup();
            assert_eq!(largest[..2].iter().filter(|&&x| x == 9.0).count(), 1);
            for n in 1..30 {
                assert_eq!(nth_largest(set, &rows, n), largest[n - 1], "{set:?} {n}");
            }
            assert_eq!(nth_largest(set, &rows, 64), f32::NEG_INFINITY);
        }
    }

    #[test]
    fn a_row_is_scaled_by_its_unit() {
        let mut rows = [1.0; 2 * PANEL];
        rescale(&mut rows, &[2.0, 0.5]);
        assert!(rows[..PANEL].iter().all(|&x| x == 2.0) && rows[PANEL..].iter().all(|&x| x == 0.5));
    }
}
