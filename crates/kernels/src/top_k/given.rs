//! Scores of given candidates, with the bits that the search over a whole table gives them, and the best of these.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1};

use super::exact::Exact;
use crate::parallel::{Parallel, zip_mixed};
use crate::simd::instructions;
use crate::simd::matrix::PANEL;
use crate::simd::rows::FEW;
use crate::views::{elements, elements_mut};

/// What [`pair_best`] finds of each candidate, [C] each.
pub struct PairOutputs<'a> {
    pub scores: ArrayViewMut1<'a, f32>,
    /// Which of its user's vectors gave the score; −1 without vectors.
    pub interests: ArrayViewMut1<'a, i32>,
    /// The same as a row of vectors.
    pub winners: ArrayViewMut1<'a, i32>,
}

/// Of each candidate the greatest inner product with its user's vectors, as [`top_k`](super::top_k) takes it: vectors [S, D]
/// at `offsets` [B + 1], rows [C, D] at `row_offsets` [B + 1]. Of vectors with equal products the first counts. Without
/// vectors 0, −1, −1. A product that is NaN is the score.
pub fn pair_best(
    run: &impl Parallel,
    vectors: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    rows: ArrayView2<f32>,
    row_offsets: ArrayView1<i32>,
    PairOutputs { scores, interests, winners }: PairOutputs,
) {
    let (count, width) = rows.dim();
    assert!(width > 0 && vectors.ncols() == width && offsets.len() == row_offsets.len());
    assert!([scores.len(), interests.len(), winners.len()] == [count; 3]);
    let (offsets, row_offsets) = (elements(&offsets), elements(&row_offsets));
    let (scores, interests, winners) = (elements_mut(scores), elements_mut(interests), elements_mut(winners));
    let exact = Exact { set: instructions(), items: elements(&rows), vectors: elements(&vectors), width };
    zip_mixed(run, ([interests, winners], [PANEL; 2]), ([scores], [PANEL]), |block, [interests, winners], [scores]| {
        let first = block * PANEL;
        let mut user = row_offsets.partition_point(|&offset| offset as usize <= first) - 1;
        let mut at = 0;
        while at < scores.len() {
            let end = scores.len().min(row_offsets[user + 1] as usize - first);
            let part = at..end;
            let (scores, winners) = (&mut scores[part.clone()], &mut winners[part.clone()]);
            best_of(&exact, [offsets[user] as usize, offsets[user + 1] as usize], first + at, scores, winners);
            for (interest, winner) in interests[part].iter_mut().zip(winners) {
                *interest = if *winner < 0 { -1 } else { *winner - offsets[user] };
            }
            (at, user) = (end, user + 1);
        }
    });
}

/// Scores at most 64 rows from `first` on by the vectors of one user.
fn best_of(exact: &Exact, [from, to]: [usize; 2], first: usize, scores: &mut [f32], winners: &mut [i32]) {
    scores.fill(0.0);
    winners.fill(-1);
    let mut keys = [0; PANEL];
    keys.iter_mut().zip(first as u64..).for_each(|(key, row)| *key = row);
    let mut products = [0.0; FEW * PANEL];
    for start in (from..to).step_by(FEW) {
        let vectors = start..to.min(start + FEW);
        let products = &mut products[..vectors.len() * PANEL];
        exact.score_items(vectors.clone(), &keys[..scores.len()], products);
        for (vector, products) in vectors.zip(products.chunks_exact(PANEL)) {
            for ((score, winner), product) in scores.iter_mut().zip(&mut *winners).zip(products) {
                if *winner < 0 || *product > *score || (product.is_nan() && !score.is_nan()) {
                    // −0 counts as 0, as in a list of the best.
                    (*score, *winner) = (product + 0.0, vector as i32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Masks, Outputs, Query, Scratch, top_k, top_k_scratch};
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, values};
    use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

    /// Scores as bits, interests and winners.
    type Found = (Vec<u32>, Vec<i32>, Vec<i32>);

    fn best(run: &impl Parallel, vectors: &[f32], offsets: &[i32], rows: &[f32], at: &[i32], width: usize) -> Found {
        let count = rows.len() / width;
        let (mut scores, mut interests, mut winners) = (vec![f32::NAN; count], vec![9; count], vec![9; count]);
        let (vectors, rows) = (matrix(vectors, width), matrix(rows, width));
        let [to_interests, to_winners] = [&mut interests, &mut winners].map(|x| vector_mut(x));
        let outputs = PairOutputs { scores: vector_mut(&mut scores), interests: to_interests, winners: to_winners };
        pair_best(run, vectors, vector(offsets), rows, vector(at), outputs);
        (bits(&scores), interests, winners)
    }

    /// All rows for each of three users with `counts` vectors.
    fn has_the_bits_of_a_list(width: usize, counts: [usize; 3], rows: usize) {
        let items = values(2, rows * width);
        let vectors = values(1, counts.iter().sum::<usize>() * width);
        let offsets: Vec<i32> = (0..4).map(|b| counts[..b].iter().sum::<usize>() as i32).collect();
        let row_offsets: Vec<i32> = (0..4).map(|b| (b * rows) as i32).collect();
        let found = best(&TwoThreads, &vectors, &offsets, &items.repeat(3), &row_offsets, width);
        let [keys, queries, floats] = top_k_scratch(vector(&offsets), (rows, width), false, rows);
        let (mut keys, mut queries, mut floats) = (vec![0; keys], vec![0; queries], vec![0.0; floats]);
        let (mut ids, mut scores, mut interests) = (vec![9; 3 * rows], vec![f32::NAN; 3 * rows], vec![9; 3 * rows]);
        let masks = Masks { seen: &[], seen_offsets: &[0; 4], allowed: None };
        let scratch = Scratch { keys: &mut keys, queries: &mut queries, values: &mut floats };
        let query = Query {
            vectors: matrix(&vectors, width),
            offsets: vector(&offsets),
            items: matrix(&items, width),
            quantized: None,
            masks: &masks,
        };
        let [to_items, to_interests] = [&mut ids, &mut interests].map(|x| matrix_mut(x, rows));
        let outputs = Outputs { items: to_items, scores: matrix_mut(&mut scores, rows), interests: to_interests };
        top_k(&Serial, &query, outputs, scratch);
        for (user, count) in counts.into_iter().enumerate() {
            for at in user * rows..(user + 1) * rows {
                if count == 0 {
                    assert_eq!((ids[at], found.0[at], found.1[at], found.2[at]), (-1, 0, -1, -1));
                    continue;
                }
                let given = user * rows + ids[at] as usize;
                assert_eq!(found.0[given], scores[at].to_bits(), "width {width}");
                assert_eq!(found.1[given], interests[at]);
                assert_eq!(found.2[given], interests[at] + offsets[user]);
            }
        }
    }

    #[test]
    fn a_score_has_the_bits_that_a_list_of_the_best_has() {
        let widths =
            if cfg!(miri) { &[3, 17][..] } else { &[1, 2, 3, 7, 15, 16, 17, 48, 64, 65, 100, 255, 256, 257, 300, 513] };
        for &width in widths {
            has_the_bits_of_a_list(width, [1, 0, 3], if cfg!(miri) { 5 } else { 130 });
            has_the_bits_of_a_list(width, [9, 4, 5], 3);
        }
    }

    #[test]
    fn a_candidate_has_the_same_bits_in_any_company() {
        let (width, counts) = (24, [70, 0, 1, 64, 3, 200]);
        let at: Vec<i32> = (0..=6).map(|b| counts[..b].iter().sum()).collect();
        let offsets: Vec<i32> = (0..=6).map(|b| 2 * b).collect();
        let (vectors, rows) = (values(1, 12 * width), values(2, at[6] as usize * width));
        let all = best(&TwoThreads, &vectors, &offsets, &rows, &at, width);
        assert_eq!(all, best(&Serial, &vectors, &offsets, &rows, &at, width));
        for user in 0..6 {
            for row in at[user] as usize..at[user + 1] as usize {
                let mine = &vectors[2 * user * width..][..2 * width];
                let alone = best(&Serial, mine, &[0, 2], &rows[row * width..][..width], &[0, 1], width);
                assert_eq!((alone.0[0], alone.1[0]), (all.0[row], all.1[row]));
            }
        }
    }

    #[test]
    fn the_first_of_equals_wins_and_a_nan_stays() {
        let vectors = [1.0, 1.0, 1.0, -1.0, f32::NAN, 0.0];
        let (scores, interests, winners) =
            best(&Serial, &vectors, &[0, 1, 3, 6], &[2.0, 5.0, -0.0, 3.0], &[0, 1, 2, 4], 1);
        assert_eq!((interests, winners), (vec![0, 0, 1, 1], vec![0, 1, 4, 4]));
        assert_eq!(scores[..2], [2f32.to_bits(), 5f32.to_bits()]);
        assert!(f32::from_bits(scores[2]).is_nan() && f32::from_bits(scores[3]).is_nan());
        let zero = best(&Serial, &[-1.0], &[0, 1], &[0.0], &[0, 1], 1);
        assert_eq!(zero, (vec![0], vec![0], vec![0]));
    }
}
