//! Tiles by their definition, and the instructions as the compiler writes them.

use super::*;
use crate::parallel::testing::values;
use crate::simd::half::{interleave, pack};

thread_local! {
    /// Whether this thread takes the unit for one that is there.
    pub static EMULATED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `body` with the unit, emulated where the CPU has none; false where that cannot be.
pub fn with_tiles(body: impl FnOnce()) -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
    if super::super::half::Precision::Bf16.available() {
        if !amx::permitted() {
            trap::emulate();
        }
        EMULATED.set(true);
        body();
        EMULATED.set(false);
        return true;
    }
    let _ = body;
    false
}

/// What the instructions do, by their definition.
#[derive(Default)]
pub(super) struct Emulated {
    tiles: [[[u32; SIDE]; SIDE]; 8],
    rows: [usize; 8],
}

impl Emulated {
    pub fn configure(&mut self, rows: [usize; 8]) {
        *self = Self { rows, ..Self::default() };
    }

    pub fn zero(&mut self, tile: usize) {
        assert!(self.rows[tile] > 0, "an instruction fails where its tile has no rows");
        self.tiles[tile] = Default::default();
    }

    pub unsafe fn read(&mut self, tile: usize, from: *const u8, step: usize) {
        self.zero(tile);
        for r in 0..self.rows[tile] {
            // SAFETY: the caller's.
            self.tiles[tile][r] = unsafe { from.add(r * step).cast::<[u32; SIDE]>().read_unaligned() };
        }
    }

    pub unsafe fn write(&self, tile: usize, to: *mut u8, step: usize) {
        assert!(self.rows[tile] > 0, "an instruction fails where its tile has no rows");
        for r in 0..self.rows[tile] {
            // SAFETY: the caller's.
            unsafe { to.add(r * step).cast::<[u32; SIDE]>().write_unaligned(self.tiles[tile][r]) };
        }
    }

    pub fn add(&mut self, sum: usize, left: usize, right: usize) {
        assert!(self.rows[sum] == self.rows[left] && self.rows[right] == SIDE, "the tiles' shapes fit");
        let half = |word: u32| [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)];
        for (r, c) in (0..self.rows[sum] * SIDE).map(|i| (i / SIDE, i % SIDE)) {
            let mut total = f32::from_bits(self.tiles[sum][r][c]);
            for k in 0..SIDE {
                let (a, b) = (half(self.tiles[left][r][k]), half(self.tiles[right][k][c]));
                total = a[0].mul_add(b[0], total);
                total = a[1].mul_add(b[1], total);
            }
            self.tiles[sum][r][c] = total.to_bits();
        }
    }
}

impl Unit for Emulated {
    fn set_up(&mut self, [first, second]: [usize; 2]) {
        self.configure([first, first, second, second, first, second, SIDE, SIDE]);
    }

    fn clear(&mut self) {
        (0..4).for_each(|tile| self.zero(tile));
    }

    unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: usize) {
        // SAFETY: the caller's.
        unsafe { self.read(TILE, from.cast(), 4 * row) }
    }

    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize) {
        // SAFETY: the caller's.
        unsafe { self.write(TILE, to.cast(), 4 * row) }
    }

    fn add_products<const LOWER: bool>(&mut self) {
        let (sums, left) = if LOWER { ([2, 3], 5) } else { ([0, 1], 4) };
        self.add(sums[0], left, 6);
        self.add(sums[1], left, 7);
    }
}

/// Products of random numbers by the unit; `planes` as in [`super::super::half::Words`].
fn product(unit: &mut impl Unit, shape: (usize, usize, usize), planes: usize, into: Into) -> Vec<f32> {
    let (rows, depth, columns) = shape;
    let (a, b) = (values(1, rows * depth * 2), values(2, 2 * depth * columns));
    let (mut left, mut right) = (vec![0.0; rows * depth * planes], vec![0.0; depth * columns * planes]);
    pack(&a, &mut left);
    interleave(&b, columns, columns, &mut right);
    let (left, right) =
        (left.chunks(rows * depth).collect::<Vec<_>>(), right.chunks(depth * columns).collect::<Vec<_>>());
    let terms = [[left[planes - 1], right[0]], [left[0], right[planes - 1]], [left[0], right[0]]];
    let mut out = vec![0.5; rows * columns];
    let terms = if planes == 1 { &terms[..1] } else { &terms };
    // SAFETY: the slices hold the shape.
    unsafe { multiply_by(unit, terms, [depth, columns], shape, into, &mut out, columns) };
    let before = if matches!(into, Into::Add) { 0.5 } else { 0.0 };
    let tolerance = if planes == 1 { 0.01 } else { 2e-5 };
    for (i, &actual) in out.iter().enumerate() {
        let (row, column) = (&a[i / columns * 2 * depth..], i % columns);
        let expected: f64 = (0..2 * depth).map(|k| f64::from(row[k]) * f64::from(b[k * columns + column])).sum();
        let off = (f64::from(actual) - before - expected).abs();
        assert!(off < tolerance * (depth as f64).sqrt(), "{shape:?} {planes} {i}: {actual} is not {expected}");
    }
    out
}

const SHAPES: [(usize, usize, usize); 6] =
    [(1, 16, 32), (16, 16, 64), (17, 32, 32), (32, 32, 64), (47, 48, 64), (64, 32, 64)];

#[test]
fn blocks_are_the_products_of_their_tiles() {
    assert!(is_right(&mut Emulated::default()));
    for shape in SHAPES.into_iter().take(if cfg!(miri) { 3 } else { 6 }) {
        for planes in [1, 2] {
            product(&mut Emulated::default(), shape, planes, Into::Set);
            product(&mut Emulated::default(), shape, planes, Into::Add);
        }
    }
}

#[test]
fn a_wrong_unit_is_found_out() {
    struct Wrong(Emulated);
    impl Unit for Wrong {
        fn set_up(&mut self, high: [usize; 2]) {
            self.0.set_up(high);
        }
        fn clear(&mut self) {
            self.0.clear();
        }
        unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: usize) {
            // SAFETY: the caller's.
            unsafe { self.0.load::<TILE>(from, row) }
        }
        unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize) {
            // SAFETY: the caller's.
            unsafe { self.0.store::<TILE>(to, row) }
        }
        fn add_products<const LOWER: bool>(&mut self) {
            // Right but for one of the four.
            self.0.add(if LOWER { 2 } else { 0 }, if LOWER { 5 } else { 4 }, 6);
            self.0.add(if LOWER { 3 } else { 1 }, if LOWER { 5 } else { 4 }, if LOWER { 6 } else { 7 });
        }
    }
    assert!(!is_right(&mut Wrong(Emulated::default())));
}

/// The instructions of [`amx`], as the compiler wrote them: where the CPU lacks them, each traps, and is emulated.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[test]
fn the_instructions_are_what_they_should_be() {
    use crate::parallel::testing::bits;
    use crate::simd::Instructions;
    if Instructions::detect() < Instructions::Avx2 || !is_x86_feature_detected!("fma") {
        return println!("skipped: products are emulated in one rounding, which this CPU lacks");
    }
    let there = amx::permitted();
    if !there {
        trap::emulate();
    }
    assert!(is_right(&mut amx::Amx));
    for shape in SHAPES {
        for (planes, into) in [(1, Into::Set), (1, Into::Add), (2, Into::Set), (2, Into::Add)] {
            let actual = product(&mut amx::Amx, shape, planes, into);
            if !there {
                assert_eq!(bits(&actual), bits(&product(&mut Emulated::default(), shape, planes, into)));
            }
        }
    }
    amx::rest();
    assert_eq!(trap::trapped() > 1000, !there);
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod trap;
