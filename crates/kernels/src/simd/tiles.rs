//! Products of words of bf16 on the CPU's tile unit (Intel AMX): sixteen rows of sixteen words at a time.
//!
//! A tile of the left operand holds sixteen of its rows, one of the right sixteen of its rows (pairs of numbers, one above the
//! other) and sixteen columns, and sums are f32. Blocks are two tiles high and two wide: of eight registers the sums take four.

use super::matrix::Into;

/// Rows of a tile, and words of a row.
const SIDE: usize = 16;

/// Rows and columns of a block.
const BLOCK: usize = 2 * SIDE;

/// Whether a product [rows, columns] over `depth` words is one of whole tiles; rows may be any.
pub(super) fn suits((_, depth, columns): (usize, usize, usize), into: Into) -> bool {
    depth.is_multiple_of(SIDE) && columns.is_multiple_of(BLOCK) && !matches!(into, Into::SetOnto(_))
}

/// Whether the unit is there, the system lets this process use it, and a product of it is right. Linux alone is asked.
pub fn available() -> bool {
    #[cfg(test)]
    if tests::EMULATED.get() {
        return true;
    }
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        use std::sync::OnceLock;
        static FOUND: OnceLock<bool> = OnceLock::new();
        *FOUND.get_or_init(|| amx::permitted() && is_right(&mut amx::Amx))
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// `out = Σ left · right` over pairs of planes, or `out += …`; as [`super::half::multiply_pairs`], which asserted the bounds.
/// The unit stays as it was set up until [`rest`].
pub(super) fn multiply(
    terms: &[[&[f32]; 2]],
    rows: [usize; 2],
    shape: (usize, usize, usize),
    into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    assert!(available() && suits(shape, into));
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    // SAFETY: the unit is there, and the bounds were asserted.
    unsafe {
        multiply_by(&mut amx::Amx, terms, rows, shape, into, out, out_row);
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    let _ = (terms, rows, into, out, out_row);
}

/// Lets the unit go: a thread whose tiles are in use costs more to put aside.
pub fn rest() {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    amx::rest();
}

/// Eight registers of tiles: sums in 0 to 3, two of the left operand in 4 and 5, two of the right one in 6 and 7.
trait Unit {
    /// From here on registers 0, 1 and 4 have `high[0]` rows, and 2, 3 and 5 `high[1]`, 1 to 16 each.
    fn set_up(&mut self, high: [usize; 2]);

    fn clear(&mut self);

    /// # Safety
    /// The register's rows of 16 words can be read, `row` words apart.
    unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: usize);

    /// # Safety
    /// The same can be written.
    unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize);

    /// The sums of two tiles, 0 and 1 or 2 and 3 as `LOWER` says, take what the left one of them makes with both right ones.
    fn add_products<const LOWER: bool>(&mut self);
}

/// # Safety
/// The slices hold what the shape says, by [`super::matrix::check`], and the shape suits.
#[inline(always)]
unsafe fn multiply_by<U: Unit>(
    unit: &mut U,
    terms: &[[&[f32]; 2]],
    [left_row, right_row]: [usize; 2],
    (rows, depth, columns): (usize, usize, usize),
    into: Into,
    out: &mut [f32],
    out_row: usize,
) {
    for r in (0..rows).step_by(BLOCK) {
        let rest = rows - r;
        unit.set_up([rest.min(SIDE), rest.saturating_sub(SIDE).clamp(1, SIDE)]);
        for c in (0..columns).step_by(BLOCK) {
            // SAFETY: rows from r on and columns from c on are inside what was checked: all that the registers hold where there
            // are more than sixteen rows, else the upper half of them.
            unsafe {
                let to = out.as_mut_ptr().add(r * out_row + c);
                if rest > SIDE {
                    block::<U, true>(unit, terms, [r * left_row, c], [left_row, right_row], depth, into, to, out_row);
                } else {
                    block::<U, false>(unit, terms, [r * left_row, c], [left_row, right_row], depth, into, to, out_row);
                }
            }
        }
    }
}

/// A block of two tiles by two, or without `BOTH` of one by two.
#[inline(always)]
unsafe fn block<U: Unit, const BOTH: bool>(
    unit: &mut U,
    terms: &[[&[f32]; 2]],
    [left_at, right_at]: [usize; 2],
    [left_row, right_row]: [usize; 2],
    depth: usize,
    into: Into,
    out: *mut f32,
    out_row: usize,
) {
    // SAFETY: passed on from the caller.
    unsafe {
        let below = SIDE * out_row;
        if matches!(into, Into::Add) {
            unit.load::<0>(out, out_row);
            unit.load::<1>(out.add(SIDE), out_row);
            if BOTH {
                unit.load::<2>(out.add(below), out_row);
                unit.load::<3>(out.add(below + SIDE), out_row);
            }
        } else {
            unit.clear();
        }
        for [left, right] in terms {
            let (left, right) = (left.as_ptr().add(left_at), right.as_ptr().add(right_at));
            for k in (0..depth).step_by(SIDE) {
                let right = right.add(k * right_row);
                unit.load::<6>(right, right_row);
                unit.load::<7>(right.add(SIDE), right_row);
                unit.load::<4>(left.add(k), left_row);
                unit.add_products::<false>();
                if BOTH {
                    unit.load::<5>(left.add(SIDE * left_row + k), left_row);
                    unit.add_products::<true>();
                }
            }
        }
        unit.store::<0>(out, out_row);
        unit.store::<1>(out.add(SIDE), out_row);
        if BOTH {
            unit.store::<2>(out.add(below), out_row);
            unit.store::<3>(out.add(below + SIDE), out_row);
        }
    }
}

/// Whether a product of whole and of ragged blocks is what it should be: of small whole numbers every sum is exact.
fn is_right(unit: &mut impl Unit) -> bool {
    const SHAPE: (usize, usize, usize) = (2 * BLOCK + SIDE + 3, 2 * SIDE, BLOCK);
    let (rows, depth, columns) = SHAPE;
    let word = |seed: usize, i: usize| [0, 1].map(|half| ((i * 7 + half * 3 + seed) % 11) as f32 - 5.0);
    let bits = |[low, high]: [f32; 2]| f32::from_bits(low.to_bits() >> 16 | high.to_bits() & 0xffff_0000);
    let left: Vec<f32> = (0..rows * depth).map(|i| bits(word(1, i))).collect();
    let right: Vec<f32> = (0..depth * columns).map(|i| bits(word(2, i))).collect();
    [Into::Set, Into::Add].into_iter().all(|into| {
        let mut out = vec![2.0; rows * columns];
        // SAFETY: the slices hold the shape.
        unsafe { multiply_by(unit, &[[&left, &right]], [depth, columns], SHAPE, into, &mut out, columns) };
        let before = if matches!(into, Into::Add) { 2.0 } else { 0.0 };
        out.iter().enumerate().all(|(i, &actual)| {
            let term = |k: usize| {
                let (a, b) = (word(1, i / columns * depth + k), word(2, k * columns + i % columns));
                a[0] * b[0] + a[1] * b[1]
            };
            actual == before + (0..depth).map(term).sum::<f32>()
        })
    })
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx {
    use super::{SIDE, Unit};
    use std::arch::asm;
    use std::arch::x86_64::__cpuid_count;
    use std::cell::Cell;

    /// The unit of the calling thread. There is one only where [`permitted`] said so.
    pub struct Amx;

    thread_local! {
        /// How the registers are set up; zeros where they are not.
        static HIGH: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
    }

    /// What `ldtilecfg` reads: palette 1, the bytes of a row and the rows of each register.
    #[repr(C, align(64))]
    struct Config {
        palette: u8,
        first_row: u8,
        reserved: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }

    /// The system call, and what it is asked to do.
    const ARCH_PRCTL: isize = 158;
    const REQUEST_PERMISSION: usize = 0x1023;

    /// The state of tiles, as `arch_prctl` numbers it: bit 18 of XCR0, beside bit 17 for their configuration.
    const TILE_DATA: usize = 18;

    /// Whether the CPU multiplies bf16 in tiles, and the system keeps them for this process from here on.
    pub fn permitted() -> bool {
        const TILES: u32 = 1 << 24;
        const BF16: u32 = 1 << 22;
        if !is_x86_feature_detected!("avx512f") || !is_x86_feature_detected!("xsave") {
            return false;
        }
        let features = __cpuid_count(7, 0).edx;
        if features & TILES == 0 || features & BF16 == 0 {
            return false;
        }
        let (low, status): (u32, isize);
        // SAFETY: the CPU has XGETBV where AVX-512 is usable; the system call asks for a permission, and changes nothing else.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _, options(nomem, nostack));
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => status,
                in("rdi") REQUEST_PERMISSION,
                in("rsi") TILE_DATA,
                out("rcx") _,
                out("r11") _,
                options(nostack)
            );
        }
        low >> 17 & 3 == 3 && status == 0
    }

    pub fn rest() {
        if HIGH.replace([0; 2]) != [0; 2] {
            // SAFETY: the registers were set up, so the instruction is there.
            unsafe { asm!("tilerelease", options(nomem, nostack)) };
        }
    }

    impl Unit for Amx {
        #[inline(always)]
        fn set_up(&mut self, high: [usize; 2]) {
            if HIGH.replace(high) == high {
                return;
            }
            let [first, second] = high.map(|rows| rows as u8);
            let mut config = Config { palette: 1, first_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
            config.row_bytes[..8].fill(4 * SIDE as u16);
            config.rows[..8].copy_from_slice(&[first, first, second, second, first, second, SIDE as u8, SIDE as u8]);
            // SAFETY: the configuration is valid: palette 1, rows of 64 bytes, 1 to 16 of them.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(readonly, nostack)) };
        }

        #[inline(always)]
        fn clear(&mut self) {
            // SAFETY: the registers are set up, here and below.
            unsafe {
                asm!("tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3", options(nomem, nostack));
            }
        }

        #[inline(always)]
        unsafe fn load<const TILE: usize>(&mut self, from: *const f32, row: usize) {
            // SAFETY: the rows can be read.
            unsafe {
                asm!(
                    "tileloadd tmm{tile}, [{from} + {row}]",
                    tile = const TILE,
                    from = in(reg) from,
                    row = in(reg) 4 * row,
                    options(readonly, nostack)
                );
            }
        }

        #[inline(always)]
        unsafe fn store<const TILE: usize>(&mut self, to: *mut f32, row: usize) {
            // SAFETY: the rows can be written.
            unsafe {
                asm!(
                    "tilestored [{to} + {row}], tmm{tile}",
                    tile = const TILE,
                    to = in(reg) to,
                    row = in(reg) 4 * row,
                    options(nostack)
                );
            }
        }

        #[inline(always)]
        fn add_products<const LOWER: bool>(&mut self) {
            // SAFETY: as above.
            unsafe {
                if LOWER {
                    asm!("tdpbf16ps tmm2, tmm5, tmm6", "tdpbf16ps tmm3, tmm5, tmm7", options(nomem, nostack));
                } else {
                    asm!("tdpbf16ps tmm0, tmm4, tmm6", "tdpbf16ps tmm1, tmm4, tmm7", options(nomem, nostack));
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::parallel::testing::{bits, values};
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
        interleave(&b, columns, &mut right);
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
}
