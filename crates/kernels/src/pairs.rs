//! Every pair of an event and a candidate of one user, candidate by candidate as `segments::pairs` has them, without the
//! rows of both written out for each pair.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::elementwise::add_to;
use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_parts, over_segments, rows_per_part};
use crate::segments::bounds;
use crate::simd::matrix::{Into, Left, PANEL, multiply};
use crate::simd::{Instructions, LANES, fma, instructions};
use crate::views::{elements, elements_mut};

/// Rows of a panel of weights that is scaled by a candidate: 16 KiB, half of the nearest cache.
const DEPTH: usize = 64;

/// Where the events and the candidates of each user are, and where the pairs of each candidate.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// Of the events, [B + 1].
    pub offsets: ArrayView1<'a, i32>,
    /// Of the candidates, [B + 1].
    pub candidate_offsets: ArrayView1<'a, i32>,
    /// Of the pairs, by candidate, [C + 1], as [`pair_offsets`] gives them.
    pub pair_offsets: ArrayView1<'a, i32>,
}

impl<'a> Places<'a> {
    fn slices(&self) -> [&'a [i32]; 3] {
        [elements(&self.offsets), elements(&self.candidate_offsets), elements(&self.pair_offsets)]
    }
}

/// Where the pairs of each candidate begin, [C + 1].
pub fn pair_offsets(offsets: ArrayView1<i32>, candidate_offsets: ArrayView1<i32>, pair_offsets: ArrayViewMut1<i32>) {
    assert_eq!(offsets.len(), candidate_offsets.len());
    let pair_offsets = elements_mut(pair_offsets);
    let mut at = 0;
    pair_offsets[0] = 0;
    for (events, candidates) in elements(&offsets).windows(2).zip(elements(&candidate_offsets).windows(2)) {
        for end in &mut pair_offsets[candidates[0] as usize + 1..=candidates[1] as usize] {
            at += events[1] - events[0];
            *end = at;
        }
    }
}

/// What [`pair_linear`] reads of T events and C candidates.
#[derive(Clone, Copy)]
pub struct PairLinear<'a> {
    /// a [T, O]
    pub events: ArrayView2<'a, f32>,
    /// b [C, O]
    pub candidates: ArrayView2<'a, f32>,
    /// x [T, I]
    pub of_events: ArrayView2<'a, f32>,
    /// y [C, I]
    pub of_candidates: ArrayView2<'a, f32>,
    /// w [I, O]
    pub w: ArrayView2<'a, f32>,
}

/// `out[p] = a_t + b_c + (x_t ⊙ y_c) · w` for each pair, out [P, O]. Bits of a pair depend on its rows alone.
///
/// A linear layer over what is made of an event, of a candidate and of their product falls into three parts, of which one alone
/// needs work for each pair; there the candidate scales the weights once, and not each of its pairs.
pub fn pair_linear(run: &impl Parallel, operands: PairLinear, places: Places, out: ArrayViewMut2<f32>) {
    let PairLinear { events, candidates, of_events, of_candidates, w } = operands;
    let (inner, outer) = w.dim();
    assert!(events.ncols() == outer && candidates.ncols() == outer && out.ncols() == outer);
    assert!(of_events.dim() == (events.nrows(), inner) && of_candidates.dim() == (candidates.nrows(), inner));
    let [offsets, candidate_offsets, pair_offsets] = places.slices();
    let [events, candidates, of_events, of_candidates, w] =
        [events, candidates, of_events, of_candidates, w].map(|view| elements(&view));
    let set = instructions();
    let outs = [Segmented { data: elements_mut(out), width: outer, offsets: pair_offsets }];
    over_segments(run, outs, |candidate, [out]| {
        let user = user_of(candidate_offsets, candidate);
        let [a, x] = [(events, outer), (of_events, inner)].map(|(rows, width)| &rows[bounds(offsets, user, width)]);
        let b = &candidates[candidate * outer..][..outer];
        let y = &of_candidates[candidate * inner..][..inner];
        pairs_of_candidate(set, [a, x], [b, y], w, (inner, outer), out);
    });
}

/// The user whose a candidate is.
fn user_of(candidate_offsets: &[i32], candidate: usize) -> usize {
    candidate_offsets.partition_point(|&offset| offset as usize <= candidate) - 1
}

fn pairs_of_candidate(
    set: Instructions,
    [a, x]: [&[f32]; 2],
    [b, y]: [&[f32]; 2],
    w: &[f32],
    (inner, outer): (usize, usize),
    out: &mut [f32],
) {
    if out.is_empty() {
        return;
    }
    let rows = out.len() / outer;
    let mut panel = [0.0; DEPTH * PANEL];
    for from in (0..outer).step_by(PANEL) {
        let count = PANEL.min(outer - from);
        for k in (0..inner.max(1)).step_by(DEPTH) {
            let depth = DEPTH.min(inner - k);
            scale_panel::on(set, &w[k * outer + from..], outer, &y[k..][..depth], count, &mut panel);
            let left = Left { values: &x[k..], row: inner, step: 1 };
            let into = if k == 0 { Into::SetOnto(&b[from..]) } else { Into::Add };
            multiply(set, left, &panel, PANEL, (rows, depth, count), into, &mut out[from..], outer);
        }
    }
    add_to::on(set, a, out);
}

/// Rows of a panel: `panel[i] = y[i] · w[i]` in the first `count` columns; what follows them up to a whole vector is 0.
#[inline(always)]
fn scale_panel_body<const FMA: bool>(w: &[f32], w_row: usize, y: &[f32], count: usize, panel: &mut [f32]) {
    let whole = count.next_multiple_of(LANES);
    for (i, (&y, panel)) in y.iter().zip(panel.chunks_exact_mut(PANEL)).enumerate() {
        let w = &w[i * w_row..][..count];
        let (scaled, rest) = panel[..whole].split_at_mut(count);
        for (scaled, w) in scaled.iter_mut().zip(w) {
            *scaled = y * w;
        }
        rest.fill(0.0);
    }
}

multiversion!(
    fn scale_panel = scale_panel_body(w: &[f32], w_row: usize, y: &[f32], count: usize, panel: &mut [f32])
);

/// `out[c] = Σ_t weights[c, t] · values[t]` over the events of the user whose candidate c is; weights [P], values [T, D],
/// out [C, D], zeros for no events.
pub fn pair_mix(
    run: &impl Parallel,
    weights: ArrayView1<f32>,
    values: ArrayView2<f32>,
    places: Places,
    out: ArrayViewMut2<f32>,
) {
    let width = values.ncols();
    assert!(out.ncols() == width && out.nrows() + 1 == places.pair_offsets.len());
    let [offsets, candidate_offsets, pair_offsets] = places.slices();
    let (weights, values) = (elements(&weights), elements(&values));
    if width == 0 {
        return;
    }
    let events = (values.len() / width).div_ceil(offsets.len().saturating_sub(1).max(1)); // of a user
    let per = rows_per_part(width * events.max(1));
    over_parts(run, elements_mut(out), per * width, |block, out| {
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let candidate = block * per + i;
            let user = user_of(candidate_offsets, candidate);
            mix_rows(&weights[bounds(pair_offsets, candidate, 1)], &values[bounds(offsets, user, width)], out);
        }
    });
}

#[inline(always)]
fn mix_body<const FMA: bool>(weights: &[f32], values: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    let width = y.len();
    for (&weight, values) in weights.iter().zip(values.chunks_exact(width)) {
        for i in 0..width {
            y[i] = fma::<FMA>(weight, values[i], y[i]);
        }
    }
}

multiversion!(fn mix_rows = mix_body(weights: &[f32], values: &[f32], y: &mut [f32]));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{TwoThreads, bits, close, sets, values};
    use crate::views::testing::{matrix, shaped_mut, vector, vector_mut};

    const OFFSETS: [i32; 5] = [0, 3, 3, 20, 22];
    const CANDIDATES: [i32; 5] = [0, 2, 4, 9, 9];

    fn places() -> Vec<i32> {
        let mut ends = vec![-1; 10];
        pair_offsets(vector(&OFFSETS), vector(&CANDIDATES), vector_mut(&mut ends));
        ends
    }

    /// (event, candidate) of each pair.
    fn all_pairs() -> Vec<(usize, usize)> {
        let users = OFFSETS.windows(2).zip(CANDIDATES.windows(2));
        users
            .flat_map(|(t, c)| (c[0]..c[1]).flat_map(move |c| (t[0]..t[1]).map(move |t| (t as usize, c as usize))))
            .collect()
    }

    #[test]
    fn pairs_begin_where_those_before_end() {
        assert_eq!(places(), [0, 3, 6, 6, 6, 23, 40, 57, 74, 91]);
        assert_eq!([0, 1, 2, 4, 8].map(|c| user_of(&CANDIDATES, c)), [0, 0, 1, 2, 2]);
    }

    #[test]
    fn a_layer_over_pairs_is_the_formula_on_every_set_and_thread() {
        let ends = places();
        let by =
            Places { offsets: vector(&OFFSETS), candidate_offsets: vector(&CANDIDATES), pair_offsets: vector(&ends) };
        let sizes: &[(usize, usize)] = if cfg!(miri) { &[(3, 5)] } else { &[(1, 1), (3, 17), (64, 36), (130, 70)] };
        for &(inner, outer) in sizes {
            let [a, x] = [(1, outer), (2, inner)].map(|(seed, width)| values(seed, 22 * width));
            let [b, y] = [(3, outer), (4, inner)].map(|(seed, width)| values(seed, 9 * width));
            let w = values(5, inner * outer);
            let wide = |x: &[f32], i: usize| f64::from(x[i]);
            let element = |(t, c): (usize, usize), o: usize| {
                let products = (0..inner)
                    .map(|i| wide(&x, t * inner + i) * wide(&y, c * inner + i) * wide(&w, i * outer + o))
                    .sum::<f64>();
                wide(&a, t * outer + o) + wide(&b, c * outer + o) + products
            };
            let pairs = all_pairs();
            let expected: Vec<f64> = pairs.iter().flat_map(|&pair| (0..outer).map(move |o| element(pair, o))).collect();
            let operands = PairLinear {
                events: matrix(&a, outer),
                candidates: matrix(&b, outer),
                of_events: matrix(&x, inner),
                of_candidates: matrix(&y, inner),
                w: matrix(&w, outer),
            };
            let [mut one, mut two] = [(); 2].map(|()| vec![f32::NAN; pairs.len() * outer]);
            pair_linear(&Serial, operands, by, shaped_mut((pairs.len(), outer), &mut one));
            pair_linear(&TwoThreads, operands, by, shaped_mut((pairs.len(), outer), &mut two));
            close(&one, &expected, 1e-5);
            assert_eq!(bits(&one), bits(&two));
            for &set in sets() {
                let mut out = vec![f32::NAN; 17 * outer];
                let of = |rows: &'_ [f32], width: usize| rows[3 * width..20 * width].to_vec();
                let (a, x) = (of(&a, outer), of(&x, inner));
                pairs_of_candidate(
                    set,
                    [&a, &x],
                    [&b[5 * outer..6 * outer], &y[5 * inner..6 * inner]],
                    &w,
                    (inner, outer),
                    &mut out,
                );
                close(&out, &expected[23 * outer..40 * outer], 1e-5);
            }
        }
    }

    #[test]
    fn mixes_are_sums_over_the_events_of_a_candidate() {
        let ends = places();
        let by =
            Places { offsets: vector(&OFFSETS), candidate_offsets: vector(&CANDIDATES), pair_offsets: vector(&ends) };
        for width in [1, 17, 64] {
            let (weights, rows) = (values(1, 91), values(2, 22 * width));
            let mut expected = vec![0.0; 9 * width];
            for (p, (t, c)) in all_pairs().into_iter().enumerate() {
                for d in 0..width {
                    expected[c * width + d] += f64::from(weights[p]) * f64::from(rows[t * width + d]);
                }
            }
            let [mut one, mut two] = [(); 2].map(|()| vec![f32::NAN; 9 * width]);
            pair_mix(&Serial, vector(&weights), matrix(&rows, width), by, shaped_mut((9, width), &mut one));
            pair_mix(&TwoThreads, vector(&weights), matrix(&rows, width), by, shaped_mut((9, width), &mut two));
            close(&one, &expected, 1e-6);
            assert_eq!(bits(&one), bits(&two));
        }
    }
}
