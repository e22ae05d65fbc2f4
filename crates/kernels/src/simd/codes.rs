//! Products of 8-bit codes: four codes of an item, each plus 128, are the bytes of an i32, lowest first; those of a query are
//! signed. Their sums are integers, so every instruction set gives the same.

use super::Instructions;
use super::bytes::LanesOfBytes;
use super::matrix::{Into, Left, PANEL, tiles_body};
use super::vector::Vector;

/// What follows the codes in a query's row: 128 times their sum, the scale and the slack (bits of f32).
pub const BESIDE: usize = 3;

/// Upper bounds of scores [rows, 64]: scale_i · (scale · codes · codes_i + slack) for each query, a row of `words` and
/// [`BESIDE`], and the 64 items of a panel, `words` rows of their codes and one of their scales (bits of f32).
pub fn bounds(set: Instructions, queries: &[i32], words: usize, panel: &[i32], scores: &mut [f32]) {
    let row = words + BESIDE;
    let rows = scores.len() / PANEL;
    assert!(scores.len() == rows * PANEL && queries.len() == rows * row && panel.len() == (words + 1) * PANEL);
    if rows == 0 {
        return;
    }
    let offset = products(set, queries, words, panel, scores);
    let scales = &panel[words * PANEL..];
    for (query, scores) in queries.chunks_exact(row).zip(scores.chunks_exact_mut(PANEL)) {
        let beside = &query[words..];
        let [scale, slack] = [beside[1], beside[2]].map(|bits| f32::from_bits(bits as u32));
        bound::on(set, if offset { beside[0] } else { 0 }, scale, slack, scales, scores);
    }
}

crate::multiversion!(
    fn bound = bound_body(offset: i32, scale: f32, slack: f32, scales: &[i32], scores: &mut [f32])
);

#[inline(always)]
fn bound_body<const FMA: bool>(offset: i32, scale: f32, slack: f32, scales: &[i32], scores: &mut [f32]) {
    for i in 0..PANEL {
        let product = scores[i].to_bits() as i32 - offset;
        scores[i] = f32::from_bits(scales[i] as u32) * (scale * product as f32 + slack);
    }
}

/// The products as i32 bits; true where those of a row stand too high by 128 times the sum of its query's codes.
fn products(set: Instructions, queries: &[i32], words: usize, panel: &[i32], out: &mut [f32]) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use super::bytes::{Avx2OfBytes, Avx512OfBytes};
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        unsafe fn avx512(queries: &[i32], words: usize, panel: &[i32], out: &mut [f32]) {
            // SAFETY: this function has the features.
            unsafe { body::<Avx512OfBytes>(queries, words, panel, out) }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(queries: &[i32], words: usize, panel: &[i32], out: &mut [f32]) {
            // SAFETY: as above.
            unsafe { body::<Avx2OfBytes>(queries, words, panel, out) }
        }
        let set = set.min(super::best());
        if set == Instructions::Avx512 && is_x86_feature_detected!("avx512vnni") {
            // SAFETY: the CPU has the instructions; the lengths were asserted.
            unsafe { avx512(queries, words, panel, out) };
            return true;
        }
        if set >= Instructions::Avx2 {
            // SAFETY: as above.
            unsafe { avx2(queries, words, panel, out) };
            return false;
        }
    }
    let _ = set;
    // SAFETY: every machine has the portable set; the lengths were asserted.
    unsafe { body::<LanesOfBytes>(queries, words, panel, out) };
    false
}

#[inline(always)]
unsafe fn body<V: Vector>(queries: &[i32], words: usize, panel: &[i32], out: &mut [f32]) {
    // SAFETY: an i32 is as good a slot as an f32: the vectors of bytes only move them and multiply their bytes.
    let [queries, panel] = unsafe { [queries, panel].map(|x| std::slice::from_raw_parts(x.as_ptr().cast(), x.len())) };
    let left = Left { values: queries, row: words + BESIDE, step: 1 };
    let shape = (out.len() / PANEL, words, PANEL);
    // SAFETY: `bounds` asserted the lengths of rows and panels.
    unsafe { tiles_body::<V>(left, panel, PANEL, shape, Into::Set, out, PANEL) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::testing::{SETS, bits};
    use crate::random;

    #[test]
    fn a_bound_is_its_formula_on_every_set() {
        for (rows, words) in [(1, 1), (2, 3), (7, 16), (13, 5), (30, 2)] {
            let code = |seed, i: usize| (random::bits(seed, 0, i as u32) % 255) as i32 - 127;
            let extreme = |seed, i: usize| if random::bits(seed, 1, i as u32) & 1 == 0 { -127 } else { 127 };
            for draw in [&code as &dyn Fn(u32, usize) -> i32, &extreme] {
                let (query, item) = (|i: usize| draw(1, i), |i: usize| draw(2, i));
                let mut queries = vec![];
                for r in 0..rows {
                    let codes: Vec<i32> = (0..4 * words).map(|k| query(r * 4 * words + k)).collect();
                    let words = codes.as_chunks::<4>().0.iter();
                    queries.extend(words.map(|four| i32::from_le_bytes(four.map(|code| code as u8))));
                    queries.push(128 * codes.iter().sum::<i32>());
                    queries.extend([0.5f32, 3.0].map(|x| x.to_bits() as i32));
                }
                let at = |word: usize, i: usize| [0, 1, 2, 3].map(|b| item((word * PANEL + i) * 4 + b));
                let mut panel: Vec<i32> = (0..words * PANEL)
                    .map(|w| i32::from_le_bytes(at(w / PANEL, w % PANEL).map(|code| (code + 128) as u8)))
                    .collect();
                panel.extend((0..PANEL).map(|i| (0.25 * i as f32).to_bits() as i32));
                let expected: Vec<f32> = (0..rows * PANEL)
                    .map(|at_| {
                        let (r, i) = (at_ / PANEL, at_ % PANEL);
                        let product: i32 = (0..4 * words).map(|k| query(r * 4 * words + k) * at(k / 4, i)[k % 4]).sum();
                        0.25 * i as f32 * (0.5 * product as f32 + 3.0)
                    })
                    .collect();
                for set in SETS {
                    let mut scores = vec![f32::NAN; rows * PANEL];
                    bounds(set, &queries, words, &panel, &mut scores);
                    assert_eq!(bits(&scores), bits(&expected), "{set:?} {rows} {words}");
                }
            }
        }
    }
}
