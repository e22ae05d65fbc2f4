//! Products of 8-bit codes: four codes of an item, each plus 128, are the bytes of an i32, lowest first; those of a query are
//! signed. Their sums are integers, so every instruction set gives the same.

use super::bytes::PortableBytes;
use super::matrix::PANEL;
use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// What follows the codes in a query's row: what sums of products begin with, the slack for a bound and 0 for an estimate, where
/// an item's bytes are taken as they are (less 128 times the sum of the query's codes) and where they are not; then the scale,
/// what a product of codes is worth (bits of f32).
pub const QUERY_TAIL: usize = 5;

/// Vectors as codes, [rows, `words` + [`QUERY_TAIL`]].
#[derive(Clone, Copy)]
pub struct Queries<'a> {
    pub values: &'a [i32],
    pub words: usize,
}

impl Queries<'_> {
    /// i32 of a panel: `words` rows of the codes of 64 items, and one of their scales (bits of f32).
    fn panel(&self) -> usize {
        (self.words + 1) * PANEL
    }
}

/// Upper bounds of scores for some panels, [panels, rows, 64], `scale_i · (codes · codes_i + slack)` in units of the row's scale,
/// as thresholds are; bit i of `passing` [panels, rows] is set where one is greater than the row's threshold.
pub fn bounds(
    set: Instructions,
    queries: Queries,
    panels: &[i32],
    thresholds: &[f32],
    scores: &mut [f32],
    passing: &mut [u64],
) {
    assert!(queries.values.len() == thresholds.len() * (queries.words + QUERY_TAIL));
    assert!(
        panels.len() * thresholds.len() == queries.panel() * passing.len() && scores.len() == passing.len() * PANEL
    );
    run(set, Work { queries, panels, begin: 0, thresholds }, scores, passing);
}

/// `largest[r, i] = max(largest[r, i], scale_i · codes · codes_i)`, estimates of scores in units of the row's scale, for the items
/// of a panel whose bits in `eligible` [rows] are set; a NaN is none.
pub fn estimates(
    set: Instructions,
    queries: Queries,
    panel: &[i32],
    eligible: &[u64],
    largest: &mut [f32],
    scores: &mut [f32],
) {
    assert!(queries.values.len() == eligible.len() * (queries.words + QUERY_TAIL));
    assert!(panel.len() == queries.panel() && largest.len() == eligible.len() * PANEL && scores.len() == largest.len());
    // Nobody asks which of them pass.
    let (thresholds, mut passing) = ([0.0; PANEL], [0; PANEL]);
    let parts = queries.values.chunks(PANEL * (queries.words + QUERY_TAIL));
    for (values, scores) in parts.zip(scores.chunks_mut(PANEL * PANEL)) {
        let (queries, rows) = (Queries { values, ..queries }, scores.len() / PANEL);
        run(
            set,
            Work { queries, panels: panel, begin: 1, thresholds: &thresholds[..rows] },
            scores,
            &mut passing[..rows],
        );
    }
    masked_max(set, eligible, scores, largest);
}

/// What bounds are made of and where they go.
#[derive(Clone, Copy)]
struct Work<'a> {
    queries: Queries<'a>,
    panels: &'a [i32],
    /// Which of the numbers behind a query's codes its sums begin with, where items' bytes are taken as they are.
    begin: usize,
    thresholds: &'a [f32],
}

fn run(set: Instructions, work: Work, scores: &mut [f32], passing: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    {
        use super::bytes::{Avx2OfBytes, Avx512OfBytes};
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        unsafe fn avx512(work: Work, scores: &mut [f32], passing: &mut [u64]) {
            // SAFETY: this function has the features; the rest by its caller.
            unsafe { body::<Avx512OfBytes>(work, scores, passing) }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(work: Work, scores: &mut [f32], passing: &mut [u64]) {
            // SAFETY: as above.
            unsafe { body::<Avx2OfBytes>(work, scores, passing) }
        }
        let set = set.min(super::best());
        if set == Instructions::Avx512 && is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the CPU has the instructions; the lengths were asserted.
            return unsafe { avx512(work, scores, passing) };
        }
        if set >= Instructions::Avx2 {
            // SAFETY: as above.
            return unsafe { avx2(work, scores, passing) };
        }
    }
    let _ = set;
    // SAFETY: every machine has the portable set, and the module simd128; the lengths were asserted.
    unsafe { body::<PortableBytes>(work, scores, passing) }
}

#[inline(always)]
unsafe fn body<V: Tiles>(work: Work, scores: &mut [f32], passing: &mut [u64]) {
    let Work { queries, mut panels, begin, thresholds } = work;
    let (rows, row, mut first) = (thresholds.len(), queries.words + QUERY_TAIL, 0);
    while first < passing.len() {
        let (panel, rest) = panels.split_at(queries.panel());
        panels = rest;
        for r in (0..rows).step_by(V::ROWS) {
            let at = first + r;
            let tile = Tile {
                queries: queries.values[r * row..].as_ptr(),
                words: queries.words,
                panel: panel.as_ptr(),
                begin: begin + if V::OFFSET { 0 } else { 2 },
                thresholds: thresholds[r..].as_ptr(),
                scores: scores[at * PANEL..].as_mut_ptr(),
                passing: passing[at..].as_mut_ptr(),
            };
            // SAFETY: the callers of `run` asserted the lengths: there are as many rows of everything.
            unsafe {
                match V::ROWS.min(rows - r) {
                    6 if V::ROWS >= 6 => V::bounds::<6>(&tile),
                    5 if V::ROWS >= 5 => V::bounds::<5>(&tile),
                    4 if V::ROWS >= 4 => V::bounds::<4>(&tile),
                    3 if V::ROWS >= 3 => V::bounds::<3>(&tile),
                    2 => V::bounds::<2>(&tile),
                    _ => V::bounds::<1>(&tile),
                }
            }
        }
        first += rows;
    }
}

/// A few rows before one panel.
pub(super) struct Tile {
    queries: *const i32,
    pub words: usize,
    pub panel: *const i32,
    begin: usize,
    pub thresholds: *const f32,
    pub scores: *mut f32,
    pub passing: *mut u64,
}

impl Tile {
    /// The codes of a row.
    #[inline(always)]
    pub unsafe fn query(&self, row: usize) -> *const i32 {
        // SAFETY: the row is one of the tile, by the caller's promise.
        unsafe { self.queries.add(row * (self.words + QUERY_TAIL)) }
    }

    /// What the sums of a row begin with.
    #[inline(always)]
    pub unsafe fn start(&self, row: usize) -> i32 {
        // SAFETY: as above.
        unsafe { *self.query(row).add(self.words + self.begin) }
    }
}

/// Tiles of bounds, as one instruction set makes them.
pub(super) trait Tiles {
    /// Rows at a time.
    const ROWS: usize;
    /// Whether items' bytes are taken as they are.
    const OFFSET: bool;

    /// Scores of M rows, and the bits of those that are greater than their row's threshold.
    ///
    /// # Safety
    /// The set must be there, and M rows of all that the tile points to.
    unsafe fn bounds<const M: usize>(tile: &Tile);
}

vectorized!(masked_max = masked_max_body(eligible: &[u64], scores: &mut [f32], largest: &mut [f32]));

/// `largest[r, i] = max(largest[r, i], scores[r, i])` where bit i of `eligible[r]` is set.
#[inline(always)]
unsafe fn masked_max_body<F: Floats>(eligible: &[u64], scores: &mut [f32], largest: &mut [f32]) {
    for ((scores, largest), &eligible) in
        scores.chunks_exact_mut(PANEL).zip(largest.chunks_exact_mut(PANEL)).zip(eligible)
    {
        mask(scores, eligible);
        for i in (0..PANEL).step_by(LANES) {
            // SAFETY: both slices hold 64.
            unsafe {
                let before = F::load(largest.as_ptr().add(i));
                F::load(scores.as_ptr().add(i)).max(before).store(largest.as_mut_ptr().add(i));
            }
        }
    }
}

/// Scores without a bit in `eligible` become −∞.
#[inline(always)]
fn mask(scores: &mut [f32], eligible: u64) {
    let mut masked = !eligible;
    while masked != 0 {
        scores[masked.trailing_zeros() as usize] = f32::NEG_INFINITY;
        masked &= masked - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::SETS;
    use crate::random;

    /// Products of codes that `draw(seed, i)` gives, tail queries [rows, words + 5] and panels made of them.
    struct World {
        queries: Vec<i32>,
        panels: Vec<i32>,
        /// [panels, rows, 64]
        products: Vec<i32>,
    }

    fn world(rows: usize, words: usize, panels: usize, draw: &dyn Fn(u32, usize) -> i32) -> World {
        let (query, item) = (|i: usize| draw(1, i), |i: usize| draw(2, i));
        let mut world = World { queries: vec![], panels: vec![], products: vec![] };
        for r in 0..rows {
            let codes: Vec<i32> = (0..4 * words).map(|k| query(r * 4 * words + k)).collect();
            let words = codes.as_chunks::<4>().0.iter();
            world.queries.extend(words.map(|four| i32::from_le_bytes(four.map(|code| code as u8))));
            let sum = 128 * codes.iter().sum::<i32>();
            world.queries.extend([SLACK - sum, -sum, SLACK, 0, 1.0f32.to_bits() as i32]);
        }
        for p in 0..panels {
            let at = |word: usize, i: usize| [0, 1, 2, 3].map(|b| item(((p * words + word) * PANEL + i) * 4 + b));
            let codes = (0..words * PANEL).map(|w| at(w / PANEL, w % PANEL));
            world.panels.extend(codes.map(|four| i32::from_le_bytes(four.map(|code| (code + 128) as u8))));
            world.panels.extend((0..PANEL).map(|i| scale(i).to_bits() as i32));
            for (r, i) in (0..rows * PANEL).map(|at| (at / PANEL, at % PANEL)) {
                let products = (0..4 * words).map(|k| query(r * 4 * words + k) * at(k / 4, i)[k % 4]);
                world.products.push(products.sum());
            }
        }
        world
    }

    const SLACK: i32 = 7;

    fn scale(item: usize) -> f32 {
        0.25 * item as f32
    }

    fn for_each_world(test: impl Fn(usize, usize, usize, World)) {
        let code = |seed, i: usize| (random::bits(seed, 0, i as u32) % 255) as i32 - 127;
        let extreme = |seed, i: usize| if random::bits(seed, 1, i as u32) & 1 == 0 { -127 } else { 127 };
        let worlds = [(1, 1, 3), (2, 3, 1), (7, 16, 2), (13, 5, 1), (30, 2, 1), (70, 2, 1)];
        for (rows, words, panels) in worlds.into_iter().take(if cfg!(miri) { 2 } else { usize::MAX }) {
            for draw in [&code as &dyn Fn(u32, usize) -> i32, &extreme] {
                test(rows, words, panels, world(rows, words, panels, draw));
            }
        }
    }

    #[test]
    fn a_bound_is_its_formula_on_every_set() {
        for_each_world(|rows, words, panels, World { queries, panels: items, products }| {
            let bound = |(at, &product): (usize, &i32)| scale(at % PANEL) * (product + SLACK) as f32;
            let expected: Vec<f32> = products.iter().enumerate().map(bound).collect();
            let thresholds: Vec<f32> = (0..rows).map(|r| expected[r * PANEL + (20 + r) % PANEL]).collect();
            for set in SETS {
                let (mut scores, mut passing) = (vec![f32::NAN; expected.len()], vec![7; panels * rows]);
                bounds(set, Queries { values: &queries, words }, &items, &thresholds, &mut scores, &mut passing);
                assert_eq!(scores, expected, "{set:?} {rows} {words}");
                for (at, bound) in expected.iter().enumerate() {
                    let passes = passing[at / PANEL] >> (at % PANEL) & 1 == 1;
                    assert_eq!(passes, *bound > thresholds[at / PANEL % rows], "{set:?} {rows} {words} {at}");
                }
            }
        });
    }

    #[test]
    fn an_estimate_is_its_formula_where_an_item_is_open() {
        for_each_world(|rows, words, _, World { queries, panels, products }| {
            let eligible: Vec<u64> = (0..rows)
                .map(|r| if r % 2 == 0 { 0x0123_4567_89ab_cdef_u64.rotate_left(r as u32) } else { u64::MAX })
                .collect();
            let before = |at: usize| (at % 7) as f32 * 50.0;
            let expected: Vec<f32> = (0..rows * PANEL)
                .map(|at| {
                    let estimate = scale(at % PANEL) * products[at] as f32;
                    if eligible[at / PANEL] >> (at % PANEL) & 1 == 1 { estimate.max(before(at)) } else { before(at) }
                })
                .collect();
            for set in SETS {
                let mut largest: Vec<f32> = (0..rows * PANEL).map(before).collect();
                let (panel, mut scores) = (&panels[..(words + 1) * PANEL], vec![f32::NAN; rows * PANEL]);
                estimates(set, Queries { values: &queries, words }, panel, &eligible, &mut largest, &mut scores);
                assert_eq!(largest, expected, "{set:?} {rows} {words}");
            }
        });
    }
}
