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
    assert!(available() && suits(shape, into) && !terms.is_empty());
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
pub(crate) mod tests;
