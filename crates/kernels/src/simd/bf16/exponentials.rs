//! Exponentials as words of bf16, paired in both ways that products read them, made in one go.

use crate::simd::matrix::PANEL;

/// Numbers `exp(logits[i, lane] − shifts[lane])` of n ≤ 64 rows of 64 lanes: words of neighbouring lanes, `rows` [n, 32], and of
/// neighbouring rows, `columns` [32, 64], where zeros stand for missing rows; their sums by lane are added to `sums`. Shifted
/// logits are at most 88; what `logits` holds afterwards is not said.
pub fn exponentials(logits: &mut [f32], shifts: &[f32], sums: &mut [f32], rows: &mut [f32], columns: &mut [f32]) {
    let n = logits.len() / PANEL;
    assert!((1..=PANEL).contains(&n) && logits.len() == n * PANEL && shifts.len() == PANEL && sums.len() == PANEL);
    assert!(columns.len() == PANEL * PANEL / 2 && rows.len() == n * PANEL / 2, "a word for two numbers");
    columns[n.div_ceil(2) * PANEL..].fill(0.0);
    #[cfg(target_arch = "x86_64")]
    if super::has_bf16() {
        // SAFETY: the CPU has the instructions, and the lengths were asserted.
        return unsafe { x86::exponentials(logits, shifts, sums, rows, columns) };
    }
    for row in logits.as_chunks_mut::<PANEL>().0 {
        for ((x, shift), sum) in row.iter_mut().zip(shifts).zip(&mut *sums) {
            *x = crate::simd::math::exp::<false>(*x - shift);
            *sum += *x;
        }
    }
    super::pack(logits, rows);
    super::interleave(logits, PANEL, &mut columns[..n.div_ceil(2) * PANEL]);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::simd::LANES;
    use crate::simd::matrix::PANEL;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    /// A fit of 2^x on [0, 1), lowest power first, that misses it by 2.7e-6 of itself: bf16 does not tell it from 2^x.
    const FIT: [f32; 5] = [1.000_002_6, 0.693_003_83, 0.241_442_67, 0.052_011_605, 0.013_534_096];

    /// 2^x, by the fit.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    #[inline]
    fn power_of_two(x: __m512) -> __m512 {
        const FRACTION: i32 = 0x09; // x − ⌊x⌋, without an exception
        let fraction = _mm512_reduce_ps::<FRACTION>(x);
        let mut y = _mm512_set1_ps(FIT[FIT.len() - 1]);
        for &next in FIT.iter().rev().skip(1) {
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
    /// The CPU has the instructions; logits are n whole rows of 64, `rows` and `columns` hold their words, and `shifts` and `sums`
    /// 64 numbers.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
    pub(super) unsafe fn exponentials(
        logits: &[f32],
        shifts: &[f32],
        sums: &mut [f32],
        rows: &mut [f32],
        columns: &mut [f32],
    ) {
        let (n, scale) = (logits.len() / PANEL, _mm512_set1_ps(std::f32::consts::LOG2_E));
        let (rows, columns) = (rows.as_mut_ptr(), columns.as_mut_ptr());
        for lane in (0..PANEL).step_by(2 * LANES) {
            // SAFETY: lanes are below 64 and rows below n; words of a row take half of its numbers, and a second row is read and
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
                            let logit = _mm512_loadu_ps(logits.as_ptr().add((i + row) * PANEL + at[half]));
                            x[row][half] = power_of_two(_mm512_fmsub_ps(logit, scale, less[half]));
                            parts[half] = _mm512_add_ps(parts[half], x[row][half]);
                        }
                    }
                    let places = Places {
                        rows: [0, 1].map(|row| rows.wrapping_add(((i + row) * PANEL + lane) / 2)),
                        columns: columns.add(i / 2 * PANEL + lane),
                    };
                    places.put([words(x[0]), words(x[1])], both);
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

    /// The numbers that words by lane and words by row stand for: [n, 64] and [64, 64].
    fn numbers(rows: &[f32], columns: &[f32]) -> [Vec<f32>; 2] {
        let by_lane = rows.iter().flat_map(|&word| halves(word)).collect();
        let by_row = (0..PANEL * PANEL).map(|i| {
            let (row, lane) = (i / PANEL, i % PANEL);
            halves(columns[row / 2 * PANEL + lane])[row % 2]
        });
        [by_lane, by_row.collect()]
    }

    fn agree(n: usize) {
        let logits: Vec<f32> = values(1, n * PANEL).iter().map(|x| x * 20.0).collect();
        let shifts = values(2, PANEL);
        let (mut rows, mut columns) = (vec![f32::NAN; n * PANEL / 2], vec![f32::NAN; PANEL * PANEL / 2]);
        let mut sums = vec![0.5; PANEL];
        exponentials(&mut logits.clone(), &shifts, &mut sums, &mut rows, &mut columns);
        let expected = |i: usize| (f64::from(logits[i]) - f64::from(shifts[i % PANEL])).exp();
        let [by_lane, by_row] = numbers(&rows, &columns);
        for i in 0..PANEL * PANEL {
            let x = if i < n * PANEL { expected(i) } else { 0.0 };
            // One bf16 is off by 2⁻⁸ at most, and so is the fit, by less.
            assert!((f64::from(by_row[i]) - x).abs() <= 0.003_92 * x, "{n} {i}: {} is not {x}", by_row[i]);
            assert!(i >= n * PANEL || by_lane[i] == by_row[i], "{n} {i}: {} {}", by_lane[i], by_row[i]);
        }
        for lane in 0..PANEL {
            let sum: f64 = 0.5 + (0..n).map(|i| expected(i * PANEL + lane)).sum::<f64>();
            let off = (f64::from(sums[lane]) - sum).abs();
            assert!(off < 6e-6 * sum, "{n} {lane}: {} is not {sum}", sums[lane]);
        }
    }

    #[test]
    fn are_the_exponentials_in_both_pairings() {
        [1, 2, 7, 33, 64].into_iter().for_each(agree);
    }

    #[test]
    fn nothing_comes_of_what_is_left_out_and_nan_stays() {
        let mut logits = vec![f32::NEG_INFINITY; 3 * PANEL];
        (logits[5], logits[6], logits[40]) = (f32::NAN, -500.0, f32::NAN);
        let (mut rows, mut columns, mut sums) = (vec![f32::NAN; 96], vec![f32::NAN; 32 * PANEL], vec![0.0; PANEL]);
        exponentials(&mut logits, &[0.0; PANEL], &mut sums, &mut rows, &mut columns);
        let [by_lane, _] = numbers(&rows, &columns);
        for i in (0..3 * PANEL).filter(|&i| i != 5 && i != 40) {
            assert_eq!(by_lane[i], 0.0, "{i}");
        }
        assert!([by_lane[5], by_lane[40]].iter().all(|x| x.is_nan()) && sums[5].is_nan() && sums[6] == 0.0);
    }
}
