//! Products of 8-bit codes: four codes of an item, each plus 128, are the bytes of an i32, lowest first; those of a query are
//! signed. Their sums are integers, so every instruction set gives the same.

use super::matrix::PANEL;
use super::vector::{Floats, Vector};
use super::{Instructions, LANES};

/// What follows the codes in a query's row: 128 times their sum, the scale and the slack (bits of f32).
pub const BESIDE: usize = 3;

/// Vectors as codes, [rows, `words` + [`BESIDE`]].
#[derive(Clone, Copy)]
pub struct Queries<'a> {
    pub values: &'a [i32],
    pub words: usize,
}

impl Queries<'_> {
    fn rows(&self) -> usize {
        self.values.len() / (self.words + BESIDE)
    }

    /// i32 of a panel: `words` rows of the codes of 64 items, and one of their scales (bits of f32).
    fn panel(&self) -> usize {
        (self.words + 1) * PANEL
    }
}

/// Upper bounds of scores for some panels, [panels, rows, 64], `scale_i · (scale · codes · codes_i + slack)`; bit i of
/// `passing` [panels, rows] is set where one is greater than the row's bar.
pub fn bounds(
    set: Instructions,
    queries: Queries,
    panels: &[i32],
    bars: &[f32],
    scores: &mut [f32],
    passing: &mut [u64],
) {
    assert!(bars.len() == queries.rows() && queries.values.len() == bars.len() * (queries.words + BESIDE));
    assert!(
        panels.len() / queries.panel() * bars.len() == passing.len() && panels.len().is_multiple_of(queries.panel())
    );
    assert!(scores.len() == passing.len() * PANEL);
    run(set, queries, panels, scores, Then::Pass { bars, passing });
}

/// `largest[r, i] = max(largest[r, i], scale_i · (scale · codes · codes_i − slack))`, lower bounds of scores, for the items of
/// a panel whose bits in `open` [rows] are set; a NaN is none.
pub fn floors(
    set: Instructions,
    queries: Queries,
    panel: &[i32],
    open: &[u64],
    largest: &mut [f32],
    scores: &mut [f32],
) {
    assert!(open.len() == queries.rows() && queries.values.len() == open.len() * (queries.words + BESIDE));
    assert!(panel.len() == queries.panel() && largest.len() == open.len() * PANEL && scores.len() == largest.len());
    run(set, queries, panel, scores, Then::Raise { open, largest });
}

/// What becomes of bounds.
enum Then<'a> {
    Pass { bars: &'a [f32], passing: &'a mut [u64] },
    Raise { open: &'a [u64], largest: &'a mut [f32] },
}

fn run(set: Instructions, queries: Queries, panels: &[i32], scores: &mut [f32], then: Then) {
    use super::vector::Portable;
    #[cfg(target_arch = "x86_64")]
    {
        use super::bytes::{Avx2OfBytes, Avx512OfBytes};
        use super::vector::{Avx2, Avx512};
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        unsafe fn avx512(queries: Queries, panels: &[i32], scores: &mut [f32], then: Then) {
            // SAFETY: this function has the features.
            unsafe { body::<Avx512OfBytes, Avx512, true>(queries, panels, scores, then) }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(queries: Queries, panels: &[i32], scores: &mut [f32], then: Then) {
            // SAFETY: as above.
            unsafe { body::<Avx2OfBytes, Avx2, false>(queries, panels, scores, then) }
        }
        let set = set.min(super::best());
        if set == Instructions::Avx512 && is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the CPU has the instructions; the lengths were asserted.
            return unsafe { avx512(queries, panels, scores, then) };
        }
        if set >= Instructions::Avx2 {
            // SAFETY: as above.
            return unsafe { avx2(queries, panels, scores, then) };
        }
    }
    let _ = set;
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    // SAFETY: the module has the instructions; the lengths were asserted.
    unsafe {
        body::<Portable, Portable, true>(queries, panels, scores, then)
    }
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    // SAFETY: every machine has the portable set; the lengths were asserted.
    unsafe {
        body::<super::bytes::LanesOfBytes, Portable, false>(queries, panels, scores, then)
    }
}

/// `OFFSET` where products stand too high by 128 times the sum of their query's codes.
#[inline(always)]
unsafe fn body<V: Vector, F: Floats, const OFFSET: bool>(
    queries: Queries,
    panels: &[i32],
    scores: &mut [f32],
    mut then: Then,
) {
    let (words, rows) = (queries.words, queries.rows());
    for (p, panel) in panels.chunks_exact(queries.panel()).enumerate() {
        let scores = &mut scores[p * rows * PANEL..(p + 1) * rows * PANEL];
        // SAFETY: the callers of `run` asserted the lengths of rows and panels.
        unsafe { products::<V>(queries, panel, scores) };
        for (r, query) in queries.values.chunks_exact(words + BESIDE).enumerate() {
            let [offset, scale, slack] = [words, words + 1, words + 2].map(|i| query[i]);
            let by = [scale, slack].map(|bits| f32::from_bits(bits as u32));
            let offset = if OFFSET { offset } else { 0 };
            let (scales, scores) = (&panel[words * PANEL..], &mut scores[r * PANEL..(r + 1) * PANEL]);
            // SAFETY: scales and scores are a panel long.
            unsafe {
                match &mut then {
                    Then::Pass { bars, passing } => {
                        passing[p * rows + r] = bound::<F>(offset, by, scales, scores, bars[r])
                    }
                    Then::Raise { open, largest } => {
                        bound::<F>(offset, [by[0], -by[1]], scales, scores, 0.0);
                        close(scores, open[r]);
                        raise::<F>(scores, &mut largest[r * PANEL..(r + 1) * PANEL]);
                    }
                }
            }
        }
    }
}

/// Products [rows, 64] as the bits of i32.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
unsafe fn products<V: Vector>(queries: Queries, panel: &[i32], out: &mut [f32]) {
    // SAFETY: an i32 is as good a slot as an f32.
    let out = unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), out.len()) };
    super::bytes::products(queries.values, queries.words + BESIDE, queries.words, panel, out);
}

/// Products [rows, 64] as the bits of i32.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[inline(always)]
unsafe fn products<V: Vector>(queries: Queries, panel: &[i32], out: &mut [f32]) {
    use super::matrix::{Into, Left, tiles_body};
    // SAFETY: an i32 is as good a slot as an f32: the vectors of bytes only move them and multiply their bytes.
    let [values, panel] =
        unsafe { [queries.values, panel].map(|x| std::slice::from_raw_parts(x.as_ptr().cast(), x.len())) };
    let left = Left { values, row: queries.words + BESIDE, step: 1 };
    let shape = (out.len() / PANEL, queries.words, PANEL);
    // SAFETY: by the caller's promise.
    unsafe { tiles_body::<V>(left, panel, PANEL, shape, Into::Set, out, PANEL) }
}

/// Products of one row as bounds; a bit is set where one is greater than the bar.
#[inline(always)]
unsafe fn bound<F: Floats>(offset: i32, [scale, slack]: [f32; 2], scales: &[i32], scores: &mut [f32], bar: f32) -> u64 {
    let mut passing = 0;
    for i in (0..PANEL).step_by(LANES) {
        // SAFETY: both slices hold 64.
        unsafe {
            let product = F::load_whole(scores.as_ptr().add(i).cast(), offset);
            let scaled = F::splat(scale).fma(product, F::splat(slack));
            let bound = F::load(scales.as_ptr().add(i).cast()).fma(scaled, F::splat(0.0));
            bound.store(scores.as_mut_ptr().add(i));
            passing |= u64::from(bound.above(F::splat(bar))) << i;
        }
    }
    passing
}

/// Scores without a bit in `open` become −∞.
#[inline(always)]
fn close(scores: &mut [f32], open: u64) {
    let mut closed = !open;
    while closed != 0 {
        scores[closed.trailing_zeros() as usize] = f32::NEG_INFINITY;
        closed &= closed - 1;
    }
}

#[inline(always)]
unsafe fn raise<F: Floats>(scores: &[f32], largest: &mut [f32]) {
    for i in (0..PANEL).step_by(LANES) {
        // SAFETY: both slices hold 64.
        unsafe {
            let before = F::load(largest.as_ptr().add(i));
            F::load(scores.as_ptr().add(i)).larger(before).store(largest.as_mut_ptr().add(i));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::SETS;
    use crate::random;

    /// Products of codes that `draw(seed, i)` gives, beside queries [rows, words + 3] and panels made of them.
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
            world.queries.push(128 * codes.iter().sum::<i32>());
            world.queries.extend([0.5f32, 3.0].map(|x| x.to_bits() as i32));
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

    fn scale(item: usize) -> f32 {
        0.25 * item as f32
    }

    fn for_each_world(test: impl Fn(usize, usize, usize, World)) {
        let code = |seed, i: usize| (random::bits(seed, 0, i as u32) % 255) as i32 - 127;
        let extreme = |seed, i: usize| if random::bits(seed, 1, i as u32) & 1 == 0 { -127 } else { 127 };
        for (rows, words, panels) in [(1, 1, 3), (2, 3, 1), (7, 16, 2), (13, 5, 1), (30, 2, 1)] {
            for draw in [&code as &dyn Fn(u32, usize) -> i32, &extreme] {
                test(rows, words, panels, world(rows, words, panels, draw));
            }
        }
    }

    #[test]
    fn a_bound_is_its_formula_on_every_set() {
        for_each_world(|rows, words, panels, World { queries, panels: items, products }| {
            let bound = |(at, &product): (usize, &i32)| scale(at % PANEL) * (0.5 * product as f32 + 3.0);
            let expected: Vec<f32> = products.iter().enumerate().map(bound).collect();
            let bars: Vec<f32> = (0..rows).map(|r| expected[r * PANEL + 20 + r]).collect();
            for set in SETS {
                let (mut scores, mut passing) = (vec![f32::NAN; expected.len()], vec![7; panels * rows]);
                bounds(set, Queries { values: &queries, words }, &items, &bars, &mut scores, &mut passing);
                assert_eq!(scores, expected, "{set:?} {rows} {words}");
                for (at, bound) in expected.iter().enumerate() {
                    let passes = passing[at / PANEL] >> (at % PANEL) & 1 == 1;
                    assert_eq!(passes, *bound > bars[at / PANEL % rows], "{set:?} {rows} {words} {at}");
                }
            }
        });
    }

    #[test]
    fn a_floor_is_its_formula_where_an_item_is_open() {
        for_each_world(|rows, words, _, World { queries, panels, products }| {
            let open: Vec<u64> =
                (0..rows).map(|r| if r % 2 == 0 { 0x0123_4567_89ab_cdef << r } else { u64::MAX }).collect();
            let before = |at: usize| (at % 7) as f32 * 50.0;
            let expected: Vec<f32> = (0..rows * PANEL)
                .map(|at| {
                    let floor = scale(at % PANEL) * (0.5 * products[at] as f32 - 3.0);
                    if open[at / PANEL] >> (at % PANEL) & 1 == 1 { floor.max(before(at)) } else { before(at) }
                })
                .collect();
            for set in SETS {
                let mut largest: Vec<f32> = (0..rows * PANEL).map(before).collect();
                let (panel, mut scores) = (&panels[..(words + 1) * PANEL], vec![f32::NAN; rows * PANEL]);
                floors(set, Queries { values: &queries, words }, panel, &open, &mut largest, &mut scores);
                assert_eq!(largest, expected, "{set:?} {rows} {words}");
            }
        });
    }
}
