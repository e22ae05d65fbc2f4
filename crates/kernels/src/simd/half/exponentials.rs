//! Exponentials as words of bf16, paired in both ways that products read them, made in one go.

use super::{interleave_plane, pack_plane, planes};
use crate::simd::math::exp;
use crate::simd::matrix::PANEL;

/// Numbers `exp(logits[i, lane] − shifts[lane])` of n ≤ 64 rows of 64 lanes, in panels of `across` lanes [64 / across][n, across]:
/// words of neighbouring lanes, `rows` [n, 32], and of neighbouring rows, `columns` in panels [64 / across][32, across], where
/// zeros stand for missing rows; their sums by lane are added to `sums`. Twice as many words get a second plane: of `rows`, and
/// of each panel. `across` is 32 or 64. Shifted logits are at most 88; what `logits` holds afterwards is not said.
pub fn exponentials(
    logits: &mut [f32],
    across: usize,
    shifts: &[f32],
    sums: &mut [f32],
    rows: &mut [f32],
    columns: &mut [f32],
) {
    let n = logits.len() / PANEL;
    assert!((1..=PANEL).contains(&n) && logits.len() == n * PANEL && shifts.len() == PANEL && sums.len() == PANEL);
    let count = columns.len() / (PANEL * PANEL / 2);
    assert!(columns.len() == count * PANEL * PANEL / 2 && rows.len() == count * n * PANEL / 2, "as many planes");
    match (count, across) {
        (1, 32) => by_panels::<false, 32>(logits, shifts, sums, rows, columns),
        (1, 64) => by_panels::<false, 64>(logits, shifts, sums, rows, columns),
        (2, 32) => by_panels::<true, 32>(logits, shifts, sums, rows, columns),
        (2, 64) => by_panels::<true, 64>(logits, shifts, sums, rows, columns),
        _ => panic!("{count} planes of panels of {across} lanes"),
    }
}

#[inline(always)]
fn by_panels<const LOW: bool, const ACROSS: usize>(
    logits: &mut [f32],
    shifts: &[f32],
    sums: &mut [f32],
    rows: &mut [f32],
    columns: &mut [f32],
) {
    let n = logits.len() / PANEL;
    let panels = logits.chunks_exact_mut(n * ACROSS).zip(shifts.as_chunks().0).zip(sums.as_chunks_mut().0);
    let (rows, low_rows) = planes(rows, n * PANEL / 2);
    let size = PANEL / 2 * ACROSS;
    let columns = columns.chunks_exact_mut(if LOW { 2 * size } else { size });
    for (panel, (((logits, shifts), sums), columns)) in panels.zip(columns).enumerate() {
        let (columns, low_columns) = columns.split_at_mut(size);
        let lane = panel * ACROSS;
        let high = [&mut rows[lane / 2..], columns];
        let low = if LOW { [&mut low_rows[lane / 2..], low_columns] } else { [&mut [][..], &mut []] };
        of_panel::<LOW, ACROSS>(logits, shifts, sums, high, low);
    }
}

/// The same of one panel, whose words begin its rows; `low` is empty where there is one plane.
fn of_panel<const LOW: bool, const ACROSS: usize>(
    logits: &mut [f32],
    shifts: &[f32; ACROSS],
    sums: &mut [f32; ACROSS],
    high: [&mut [f32]; 2],
    low: [&mut [f32]; 2],
) {
    let filled = logits.len().div_ceil(2 * ACROSS) * ACROSS;
    let ([rows, columns], [low_rows, low_columns]) = (high, low);
    columns[filled..].fill(0.0);
    if LOW {
        low_columns[filled..].fill(0.0);
    }
    #[cfg(target_arch = "x86_64")]
    if super::has_bf16() {
        // SAFETY: the CPU has the instructions, and the lengths were asserted.
        return unsafe {
            x86::exponentials::<LOW, ACROSS>(logits, shifts, sums, [rows, columns], [low_rows, low_columns]);
        };
    }
    for row in logits.as_chunks_mut::<ACROSS>().0 {
        for ((x, shift), sum) in row.iter_mut().zip(shifts).zip(&mut *sums) {
            *x = exp::<false>(*x - shift);
            *sum += *x;
        }
    }
    words_of::<false>(logits, ACROSS, rows, columns);
    if LOW {
        words_of::<true>(logits, ACROSS, low_rows, low_columns);
    }
}

/// A plane of the words of x [n, across], by lane and by row.
fn words_of<const LOW: bool>(x: &[f32], across: usize, rows: &mut [f32], columns: &mut [f32]) {
    for (x, to) in x.chunks_exact(across).zip(rows.chunks_mut(PANEL / 2)) {
        pack_plane::<LOW>(x, &mut to[..across / 2]);
    }
    interleave_plane::<LOW>(x, across, across, columns);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::simd::LANES;
    use crate::simd::matrix::PANEL;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// Fits of 2^x on [0, 1), lowest power first, that miss it by 2.7e-6 and 1.5e-7 of itself.
    const COARSE: [f32; 5] = [1.000_002_6, 0.693_003_83, 0.241_442_67, 0.052_011_605, 0.013_534_096];
    const FINE: [f32; 6] = [0.999_999_94, 0.693_153_1, 0.240_153_63, 0.055_826_314, 0.008_989_342, 0.001_877_577_7];

    /// 2^x; a fit that bf16 does not tell from it, or with two planes one that f32 hardly does.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    #[inline]
    fn power_of_two<const LOW: bool>(x: __m512) -> __m512 {
        const FRACTION: i32 = 0x09; // x − ⌊x⌋, without an exception
        let fraction = _mm512_reduce_ps::<FRACTION>(x);
        let fit = if LOW { &FINE[..] } else { &COARSE[..] };
        let mut y = _mm512_set1_ps(fit[fit.len() - 1]);
        for &next in fit.iter().rev().skip(1) {
            y = _mm512_fmadd_ps(y, fraction, _mm512_set1_ps(next));
        }
        _mm512_scalef_ps(y, x)
    }

    /// Words of 32 numbers.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    #[inline]
    fn words([low, high]: [__m512; 2]) -> __m512i {
        // SAFETY: both are 512 bits.
        unsafe { transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low)) }
    }

    /// What their words leave of 32 numbers.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    #[inline]
    fn rest(x: [__m512; 2], words: __m512i) -> [__m512; 2] {
        let halves = [_mm512_castsi512_si256(words), _mm512_extracti64x4_epi64::<1>(words)];
        let wide = halves.map(|half| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half))));
        [_mm512_sub_ps(x[0], wide[0]), _mm512_sub_ps(x[1], wide[1])]
    }

    /// Where two rows of 32 numbers go, as words by lane and as words by row.
    struct Places {
        rows: [*mut f32; 2],
        columns: *mut f32,
    }

    impl Places {
        /// # Safety
        /// They are in words that can be written, the second row only where there is one.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
        #[inline]
        unsafe fn put(&self, [first, second]: [__m512i; 2], both: bool) {
            const fn neighbours(from: usize) -> [u16; 2 * LANES] {
                let mut at = [0; 2 * LANES];
                let mut i = 0;
                while i < at.len() {
                    at[i] = (from + i / 2 + i % 2 * 2 * LANES) as u16;
                    i += 1;
                }
                at
            }
            const NEAR: [[u16; 2 * LANES]; 2] = [neighbours(0), neighbours(LANES)];
            // SAFETY: by the caller; `NEAR` holds two times 64 bytes.
            unsafe {
                _mm512_storeu_si512(self.rows[0].cast(), first);
                if both {
                    _mm512_storeu_si512(self.rows[1].cast(), second);
                }
                for (i, near) in NEAR.iter().enumerate() {
                    let near = _mm512_loadu_si512(near.as_ptr().cast());
                    let to = self.columns.add(i * LANES).cast();
                    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(first, near, second));
                }
            }
        }
    }

    /// # Safety
    /// The CPU has the instructions; logits are whole rows of `ACROSS`, a multiple of 32, which `columns` have room for in each
    /// plane, as have `rows` of words that begin 32 apart.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn exponentials<const LOW: bool, const ACROSS: usize>(
        logits: &[f32],
        shifts: &[f32; ACROSS],
        sums: &mut [f32; ACROSS],
        high: [&mut [f32]; 2],
        low: [&mut [f32]; 2],
    ) {
        let (n, scale) = (logits.len() / ACROSS, _mm512_set1_ps(std::f32::consts::LOG2_E));
        let [high, low] = [high, low].map(|plane| plane.map(<[f32]>::as_mut_ptr));
        for lane in (0..ACROSS).step_by(2 * LANES) {
            // SAFETY: lanes are below `ACROSS` and rows below n; words of a row take half of its numbers, and a second row is read and
            // written where it is there.
            unsafe {
                let at = [0, 1].map(|i| lane + i * LANES);
                let less = at.map(|at| _mm512_mul_ps(_mm512_loadu_ps(shifts.as_ptr().add(at)), scale));
                let mut parts = [_mm512_setzero_ps(); 2];
                for i in (0..n).step_by(2) {
                    let mut x = [[_mm512_setzero_ps(); 2]; 2];
                    let both = i + 1 < n;
                    for row in 0..if both { 2 } else { 1 } {
                        for half in 0..2 {
                            let logit = _mm512_loadu_ps(logits.as_ptr().add((i + row) * ACROSS + at[half]));
                            x[row][half] = power_of_two::<LOW>(_mm512_fmsub_ps(logit, scale, less[half]));
                            parts[half] = _mm512_add_ps(parts[half], x[row][half]);
                        }
                    }
                    let place = |[rows, columns]: [*mut f32; 2]| Places {
                        rows: [0, 1].map(|row| rows.wrapping_add(((i + row) * PANEL + lane) / 2)),
                        columns: columns.add(i / 2 * ACROSS + lane),
                    };
                    let near = [words(x[0]), words(x[1])];
                    place(high).put(near, both);
                    if LOW {
                        let left = [words(rest(x[0], near[0])), words(rest(x[1], near[1]))];
                        place(low).put(left, both);
                    }
                }
                for half in 0..2 {
                    let sum = sums.as_mut_ptr().add(at[half]);
                    _mm512_storeu_ps(sum, _mm512_add_ps(_mm512_loadu_ps(sum), parts[half]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::halves;
    use super::*;
    use crate::parallel::testing::values;

    /// The numbers that words by lane and words by row stand for, of all planes together: [n, 64] and [64, 64].
    fn numbers(n: usize, across: usize, rows: &[f32], columns: &[f32]) -> [Vec<f64>; 2] {
        let add = |words: &[f32], size: usize, at: usize, half: usize| -> f64 {
            words.chunks_exact(size).map(|plane| f64::from(halves(plane[at])[half])).sum()
        };
        let by_lane = (0..n * PANEL).map(|i| add(rows, n * PANEL / 2, i / 2, i % 2));
        let panels: Vec<&[f32]> = columns.chunks_exact(columns.len() * across / PANEL).collect();
        let by_row = (0..PANEL * PANEL).map(|i| {
            let (row, lane) = (i / PANEL, i % PANEL);
            add(panels[lane / across], PANEL / 2 * across, row / 2 * across + lane % across, row % 2)
        });
        [by_lane.collect(), by_row.collect()]
    }

    /// [n, 64] in panels of `across` columns.
    fn in_panels(x: &[f32], across: usize) -> Vec<f32> {
        (0..PANEL / across)
            .flat_map(|p| x.chunks(PANEL).flat_map(move |row| &row[p * across..][..across]))
            .copied()
            .collect()
    }

    fn agree(n: usize, count: usize, across: usize) {
        let logits: Vec<f32> = values(1, n * PANEL).iter().map(|x| x * 20.0).collect();
        let shifts = values(2, PANEL);
        let (mut rows, mut columns) =
            (vec![f32::NAN; count * n * PANEL / 2], vec![f32::NAN; count * PANEL * PANEL / 2]);
        let mut sums = vec![0.5; PANEL];
        exponentials(&mut in_panels(&logits, across), across, &shifts, &mut sums, &mut rows, &mut columns);
        let expected = |i: usize| (f64::from(logits[i]) - f64::from(shifts[i % PANEL])).exp();
        let [by_lane, by_row] = numbers(n, across, &rows, &columns);
        // One bf16 is off by 2⁻⁸ at most, two of them by 2⁻¹⁶; and so are the fits, by less.
        let tolerance = if count == 1 { 0.003_92 } else { 1.7e-5 };
        for i in 0..PANEL * PANEL {
            let (x, name) = (if i < n * PANEL { expected(i) } else { 0.0 }, (n, count, across, i));
            assert!((by_row[i] - x).abs() <= tolerance * x, "{name:?}: {} is not {x}", by_row[i]);
            assert!(i >= n * PANEL || by_lane[i] == by_row[i], "{name:?}: {} {}", by_lane[i], by_row[i]);
        }
        for lane in 0..PANEL {
            let sum: f64 = 0.5 + (0..n).map(|i| expected(i * PANEL + lane)).sum::<f64>();
            let off = (f64::from(sums[lane]) - sum).abs();
            assert!(off < 6e-6 * sum, "{n} {count} {across} {lane}: {} is not {sum}", sums[lane]);
        }
    }

    #[test]
    fn are_the_exponentials_in_both_pairings() {
        for (n, count) in [(1, 1), (2, 1), (7, 1), (33, 1), (64, 1), (1, 2), (2, 2), (7, 2), (33, 2), (64, 2)] {
            for across in [PANEL / 2, PANEL] {
                agree(n, count, across);
            }
        }
    }

    #[test]
    fn nothing_comes_of_what_is_left_out_and_nan_stays() {
        for (count, across) in [(1, 32), (2, 32), (1, 64), (2, 64)] {
            let mut logits = vec![f32::NEG_INFINITY; 3 * PANEL];
            (logits[5], logits[6], logits[40]) = (f32::NAN, -500.0, f32::NAN);
            let (mut rows, mut columns) = (vec![f32::NAN; count * 96], vec![f32::NAN; count * 32 * PANEL]);
            let mut sums = vec![0.0; PANEL];
            exponentials(&mut in_panels(&logits, across), across, &[0.0; PANEL], &mut sums, &mut rows, &mut columns);
            let [by_lane, _] = numbers(3, across, &rows, &columns);
            for i in (0..3 * PANEL).filter(|&i| i != 5 && i != 40) {
                assert_eq!(by_lane[i], 0.0, "{i}");
            }
            assert!([by_lane[5], by_lane[40]].iter().all(|x| x.is_nan()) && sums[5].is_nan() && sums[6] == 0.0);
        }
    }
}
