//! Rows of a table by id, and gradients that hold the touched rows alone.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, over_parts, rows_per_part, zip_parts};
use crate::simd;
use crate::views::{elements, elements_mut};

/// A gradient that holds the touched rows of a table alone.
#[derive(Clone, Copy)]
pub struct RowsById<'a> {
    /// [U, width]
    pub rows: ArrayView2<'a, f32>,
    /// [U], ascending and distinct
    pub ids: ArrayView1<'a, i32>,
}

/// `y` [T, width] = the rows `ids` [T] of `table`.
pub fn gather(run: &impl Parallel, table: ArrayView2<f32>, ids: ArrayView1<i32>, y: ArrayViewMut2<f32>) {
    assert!(y.dim() == (ids.len(), table.ncols()));
    let (width, table, ids, y) = (table.ncols(), elements(&table), elements(&ids), elements_mut(y));
    let per = rows_per_part(width);
    over_parts(run, y, per * width, |block, y| {
        for (y, &id) in y.chunks_exact_mut(width).zip(&ids[block * per..]) {
            y.copy_from_slice(row(table, width, id as usize));
        }
    });
}

/// [`gather`], and zeros for the id −1.
pub fn gather_or_none(run: &impl Parallel, table: ArrayView2<f32>, ids: ArrayView1<i32>, y: ArrayViewMut2<f32>) {
    assert!(y.dim() == (ids.len(), table.ncols()));
    let (width, table, ids) = (table.ncols(), elements(&table), elements(&ids));
    let per = rows_per_part(width);
    over_parts(run, elements_mut(y), per * width, |block, y| {
        for (y, &id) in y.chunks_exact_mut(width).zip(&ids[block * per..]) {
            match usize::try_from(id) {
                Ok(id) => y.copy_from_slice(row(table, width, id)),
                Err(_) => y.fill(0.0),
            }
        }
    });
}

/// `y` [T, width] = factor · the rows `ids` [T] of `table` + the rows `positions` [T] of `places`.
pub fn embed(
    run: &impl Parallel,
    table: ArrayView2<f32>,
    ids: ArrayView1<i32>,
    factor: f32,
    places: ArrayView2<f32>,
    positions: ArrayView1<i32>,
    y: ArrayViewMut2<f32>,
) {
    let width = table.ncols();
    assert!(y.dim() == (ids.len(), width) && places.ncols() == width && ids.len() == positions.len());
    let (table, ids, places) = (elements(&table), elements(&ids), elements(&places));
    let (positions, y) = (elements(&positions), elements_mut(y));
    let per = rows_per_part(width);
    over_parts(run, y, per * width, |block, y| {
        let from = block * per;
        embed_rows([table, places], [&ids[from..], &positions[from..]], factor, width, y);
    });
}

#[inline(always)]
fn embed_rows_body<const FMA: bool>(
    [table, places]: [&[f32]; 2],
    [ids, positions]: [&[i32]; 2],
    factor: f32,
    width: usize,
    y: &mut [f32],
) {
    for ((y, &id), &position) in y.chunks_exact_mut(width).zip(ids).zip(positions) {
        let (x, place) = (row(table, width, id as usize), row(places, width, position as usize));
        simd::zip(x, place, y, |x, place| factor * x + place);
    }
}

multiversion!(
    fn embed_rows = embed_rows_body(
        tables: [&[f32]; 2], ids: [&[i32]; 2], factor: f32, width: usize, y: &mut [f32])
);

/// `order` = the positions of `ids` by ascending id, equal ids in order of occurrence; returns how many ids differ.
pub fn sort_ids(ids: ArrayView1<i32>, order: &mut [u32]) -> usize {
    assert_eq!(ids.len(), order.len());
    let ids = elements(&ids);
    for (position, order) in (0..).zip(&mut *order) {
        *order = position;
    }
    // Positions break ties, so the order is that of a stable sort, without its memory.
    order.sort_unstable_by_key(|&position| (ids[position as usize], position));
    runs(ids, order).count()
}

/// Of an order by [`sort_ids`], which holds `distinct` ids, what is left without the id −1, and how many ids it holds then.
pub fn without_none<'a>(ids: ArrayView1<i32>, order: &'a [u32], distinct: usize) -> (&'a [u32], usize) {
    let ids = elements(&ids);
    let none = order.partition_point(|&position| ids[position as usize] < 0);
    (&order[none..], distinct - usize::from(none > 0))
}

/// The first places in `order` of each distinct id.
fn runs<'a>(ids: &'a [i32], order: &'a [u32]) -> impl Iterator<Item = usize> + 'a {
    let id = |place: usize| ids[order[place] as usize];
    (0..order.len()).filter(move |&place| place == 0 || id(place) != id(place - 1))
}

/// `dy` [T, width] summed by id: `rows` [U, width] and `unique` [U], ids ascending, duplicates added in order of
/// occurrence; `order` and U are those of [`sort_ids`], or of [`without_none`].
pub fn gather_gradient(
    run: &impl Parallel,
    dy: ArrayView2<f32>,
    ids: ArrayView1<i32>,
    order: &[u32],
    rows: ArrayViewMut2<f32>,
    unique: ArrayViewMut1<i32>,
) {
    let width = dy.ncols();
    assert!(dy.nrows() == ids.len() && order.len() <= ids.len() && rows.dim() == (unique.len(), width));
    let (dy, ids, rows, unique) = (elements(&dy), elements(&ids), elements_mut(rows), elements_mut(unique));
    for (unique, place) in unique.iter_mut().zip(runs(ids, order)) {
        *unique = ids[order[place] as usize];
    }
    let unique = &*unique;
    let per = rows_per_part(width);
    over_parts(run, rows, per * width, |block, rows| {
        let unique = &unique[block * per..];
        let mut place = order.partition_point(|&position| ids[position as usize] < unique[0]);
        for (sum, &id) in rows.chunks_exact_mut(width).zip(unique) {
            sum.copy_from_slice(row(dy, width, order[place] as usize));
            place += 1;
            while place < order.len() && ids[order[place] as usize] == id {
                add(sum, row(dy, width, order[place] as usize));
                place += 1;
            }
        }
    });
}

/// How many ids two ascending lists hold together.
pub fn merged_count(a_ids: ArrayView1<i32>, b_ids: ArrayView1<i32>) -> usize {
    merged(elements(&a_ids), elements(&b_ids)).count()
}

/// The ascending union of two ascending lists of ids.
fn merged<'a>(mut a: &'a [i32], mut b: &'a [i32]) -> impl Iterator<Item = i32> + 'a {
    std::iter::from_fn(move || {
        let id = match (a.first(), b.first()) {
            (Some(&a), Some(&b)) => a.min(b),
            (first, second) => *first.or(second)?,
        };
        a = &a[usize::from(a.first() == Some(&id))..];
        b = &b[usize::from(b.first() == Some(&id))..];
        Some(id)
    })
}

/// Two gradients by rows as one: ids ascending, a + b where an id is in both.
pub fn merge_rows(run: &impl Parallel, a: RowsById, b: RowsById, rows: ArrayViewMut2<f32>, ids: ArrayViewMut1<i32>) {
    let width = rows.ncols();
    assert!(a.rows.dim() == (a.ids.len(), width) && b.rows.dim() == (b.ids.len(), width));
    assert_eq!(rows.nrows(), ids.len());
    let [a_rows, b_rows] = [elements(&a.rows), elements(&b.rows)];
    let [a_ids, b_ids] = [elements(&a.ids), elements(&b.ids)];
    let (rows, ids) = (elements_mut(rows), elements_mut(ids));
    for (id, merged) in ids.iter_mut().zip(merged(a_ids, b_ids)) {
        *id = merged;
    }
    let per = rows_per_part(width);
    let ids = &*ids;
    over_parts(run, rows, per * width, |block, rows| {
        for (y, id) in rows.chunks_exact_mut(width).zip(&ids[block * per..]) {
            match (a_ids.binary_search(id), b_ids.binary_search(id)) {
                (Ok(a), Ok(b)) => {
                    y.copy_from_slice(row(a_rows, width, a));
                    add(y, row(b_rows, width, b));
                }
                (Ok(a), Err(_)) => y.copy_from_slice(row(a_rows, width, a)),
                (Err(_), Ok(b)) => y.copy_from_slice(row(b_rows, width, b)),
                (Err(_), Err(_)) => unreachable!("a merged id is in one of the lists"),
            }
        }
    });
}

/// `y` [count, width] = the rows by their ids, zero elsewhere.
pub fn scatter(run: &impl Parallel, RowsById { rows, ids }: RowsById, y: ArrayViewMut2<f32>) {
    let width = y.ncols();
    assert!(rows.dim() == (ids.len(), width));
    let (rows, ids, y) = (elements(&rows), elements(&ids), elements_mut(y));
    let per = rows_per_part(width);
    zip_parts(run, [y], [per * width], |block, [y]| {
        y.fill(0.0);
        let first = ids.partition_point(|&id| (id as usize) < block * per);
        for (place, &id) in ids.iter().enumerate().skip(first) {
            let start = (id as usize - block * per) * width;
            if start >= y.len() {
                break;
            }
            y[start..][..width].copy_from_slice(row(rows, width, place));
        }
    });
}

fn row(table: &[f32], width: usize, index: usize) -> &[f32] {
    &table[index * width..][..width]
}

fn add(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{LENGTHS, Reverse, TwoThreads, bits, sets, values};
    use crate::random;
    use crate::views::testing::{matrix, matrix_mut, shaped_mut, vector, vector_mut};
    use std::collections::BTreeMap;

    const COUNTS: &[usize] = if cfg!(miri) { &[0, 1, 9] } else { &[0, 1, 2, 17, 300, 2000] };

    fn ids(seed: u32, n: usize, below: u32) -> Vec<i32> {
        (0..n).map(|i| (random::bits(seed, 1, i as u32) % below) as i32).collect()
    }

    /// The sums by id, in order of occurrence.
    fn naive(dy: &[f32], width: usize, ids: &[i32]) -> BTreeMap<i32, Vec<f32>> {
        let mut sums = BTreeMap::<i32, Vec<f32>>::new();
        for (i, &id) in ids.iter().enumerate() {
            let row = &dy[i * width..][..width];
            sums.entry(id)
                .and_modify(|sum| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x))
                .or_insert_with(|| row.to_vec());
        }
        sums
    }

    fn gradient(run: &impl Parallel, dy: &[f32], width: usize, ids: &[i32]) -> (Vec<f32>, Vec<i32>) {
        let mut order = vec![u32::MAX; ids.len()];
        let count = sort_ids(vector(ids), &mut order);
        let (mut rows, mut unique) = (vec![f32::NAN; count * width], vec![-1; count]);
        let (out, dy) = (matrix_mut(&mut rows, width), matrix(dy, width));
        gather_gradient(run, dy, vector(ids), &order, out, vector_mut(&mut unique));
        (rows, unique)
    }

    #[test]
    fn an_id_of_none_gives_zeros_and_takes_no_gradient() {
        let mut y = [f32::NAN; 8];
        gather_or_none(&Serial, matrix(&[1.0, 2.0, 3.0, 4.0], 2), vector(&[1, -1, 0, -1]), matrix_mut(&mut y, 2));
        assert_eq!(y, [3.0, 4.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
        for (ids, rows) in [(&[1i32, -1, 1, 0][..], &[0, 1][..]), (&[-1, -1], &[]), (&[], &[]), (&[3], &[3])] {
            let mut order = vec![0; ids.len()];
            let distinct = sort_ids(vector(ids), &mut order);
            let (order, distinct) = without_none(vector(ids), &order, distinct);
            let (mut sums, mut unique) = (vec![f32::NAN; distinct], vec![9; distinct]);
            let dy: Vec<f32> = (1..=ids.len()).map(|i| i as f32).collect();
            let (to_rows, to_ids) = (shaped_mut((distinct, 1), &mut sums), vector_mut(&mut unique));
            gather_gradient(&Serial, matrix(&dy, 1), vector(ids), order, to_rows, to_ids);
            assert_eq!(unique, rows);
            let sum = |row: &i32| ids.iter().zip(&dy).filter(|(id, _)| *id == row).map(|(_, dy)| dy).sum::<f32>();
            assert_eq!(sums, rows.iter().map(sum).collect::<Vec<_>>());
        }
    }

    #[test]
    fn gathers_rows() {
        let mut y = [f32::NAN; 6];
        let table = [0.0, 1.0, 10.0, 11.0, 20.0, 21.0];
        gather(&Serial, matrix(&table, 2), vector(&[2, 0, 2]), matrix_mut(&mut y, 2));
        assert_eq!(y, [20.0, 21.0, 0.0, 1.0, 20.0, 21.0]);
        for &width in LENGTHS.iter().filter(|&&width| width > 0) {
            let (table, ids) = (values(1, 30 * width), ids(2, 1000, 30));
            let mut y = vec![f32::NAN; ids.len() * width];
            gather(&TwoThreads, matrix(&table, width), vector(&ids), matrix_mut(&mut y, width));
            for (y, &id) in y.chunks(width).zip(&ids) {
                assert_eq!(y, &table[id as usize * width..][..width]);
            }
        }
    }

    #[test]
    fn sorting_is_stable() {
        let mut order = [9; 5];
        assert_eq!(sort_ids(vector(&[3, 1, 3, 0, 1]), &mut order), 3);
        assert_eq!(order, [3, 1, 4, 0, 2]);
        assert_eq!(sort_ids(vector(&[]), &mut []), 0);
    }

    #[test]
    fn gradients_are_summed_by_id_in_order_of_occurrence() {
        for &n in COUNTS {
            for width in [1, 7, 64] {
                for below in [1, 10, 1000] {
                    let (dy, ids) = (values(3, n * width), ids(4, n, below));
                    let expected = naive(&dy, width, &ids);
                    let (rows, unique) = gradient(&Serial, &dy, width, &ids);
                    assert_eq!(unique, expected.keys().copied().collect::<Vec<_>>());
                    assert_eq!(rows, expected.values().flatten().copied().collect::<Vec<_>>());
                    assert_eq!(bits(&rows), bits(&gradient(&TwoThreads, &dy, width, &ids).0));
                    assert_eq!(bits(&rows), bits(&gradient(&Reverse, &dy, width, &ids).0));
                }
            }
        }
    }

    #[test]
    fn merging_adds_rows_of_both() {
        for &n in COUNTS {
            let width = 5;
            let (a, a_ids) = gradient(&Serial, &values(1, n * width), width, &ids(1, n, 700));
            let (b, b_ids) = gradient(&Serial, &values(2, n / 2 * width), width, &ids(2, n / 2, 900));
            let together = ([&a[..], &b].concat(), [&a_ids[..], &b_ids].concat());
            let expected = naive(&together.0, width, &together.1);
            let count = merged_count(vector(&a_ids), vector(&b_ids));
            assert_eq!(count, expected.len());
            let (mut rows, mut ids) = (vec![f32::NAN; count * width], vec![-1; count]);
            let [a, b] = [(&a, &a_ids), (&b, &b_ids)]
                .map(|(rows, ids)| RowsById { rows: matrix(rows, width), ids: vector(ids) });
            merge_rows(&TwoThreads, a, b, matrix_mut(&mut rows, width), vector_mut(&mut ids));
            assert_eq!(ids, expected.keys().copied().collect::<Vec<_>>());
            assert_eq!(rows, expected.values().flatten().copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn embeds_rows_with_the_bits_of_separate_passes() {
        for &width in LENGTHS.iter().filter(|&&width| width > 0) {
            let count = if cfg!(miri) { 20 } else { 1000 };
            let (table, at) = (values(1, 30 * width), ids(2, count, 30));
            let (places, positions) = (values(3, 9 * width), ids(4, count, 9));
            let expected = at.iter().zip(&positions).flat_map(|(&id, &position)| {
                let rows = row(&table, width, id as usize).iter().zip(row(&places, width, position as usize));
                rows.map(|(x, place)| 0.3 * x + place).collect::<Vec<f32>>()
            });
            let expected = bits(&expected.collect::<Vec<f32>>());
            let mut y = vec![f32::NAN; count * width];
            let (items, places_by_row) = (matrix(&table, width), matrix(&places, width));
            let (by, to) = (vector(&positions), matrix_mut(&mut y, width));
            embed(&TwoThreads, items, vector(&at), 0.3, places_by_row, by, to);
            assert_eq!(bits(&y), expected);
            for &set in sets() {
                let mut y = vec![f32::NAN; count * width];
                embed_rows::on(set, [&table, &places], [&at, &positions], 0.3, width, &mut y);
                assert_eq!(bits(&y), expected, "{set:?}");
            }
        }
    }

    #[test]
    fn scatters_rows_between_zeros() {
        let mut y = [f32::NAN; 8];
        let by_id = RowsById { rows: matrix(&[1.0, 2.0, 3.0, 4.0], 2), ids: vector(&[0, 2]) };
        scatter(&Serial, by_id, matrix_mut(&mut y, 2));
        assert_eq!(y, [1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        let (width, count) = if cfg!(miri) { (5, 20) } else { (50, 3000) };
        let ids: Vec<i32> = (0..count as i32).filter(|&i| random::mix(i as u32).is_multiple_of(3)).collect();
        let rows = values(5, ids.len() * width);
        let mut y = vec![f32::NAN; count * width];
        let by_id = RowsById { rows: matrix(&rows, width), ids: vector(&ids) };
        scatter(&Reverse, by_id, matrix_mut(&mut y, width));
        let mut expected = vec![0.0; y.len()];
        for (row, &id) in rows.chunks(width).zip(&ids) {
            expected[id as usize * width..][..width].copy_from_slice(row);
        }
        assert_eq!(y, expected);
    }
}
