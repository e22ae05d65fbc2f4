//! Items as 8-bit codes with a scale each, and vectors as codes with a scale and a slack, so that a product of codes bounds the
//! score from above.
//!
//! With x = s (c + e) for an item and q = t d + f for a vector, c and d whole numbers up to 127,
//! q · x = s (t d · c + q · e + f · c) ≤ s (t d · c + ‖q‖ ‖e‖ + ‖f‖ ‖c‖). The largest ‖e‖ and ‖c‖ of all items stand in the
//! table, so the slack, ‖q‖ ‖e‖ + ‖f‖ ‖c‖ and what f32 rounds, is one number for each vector.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Parallel;
use crate::parallel::{over_parts, zip_mixed};
use crate::simd::codes::QUERY_TAIL;
use crate::simd::matrix::PANEL;
use crate::simd::{LANES, instructions, padded};
use crate::size::{plus, times};
use crate::views::{elements, elements_mut};

/// The smallest scale: products of codes with it are normal numbers, and what is smaller counts as an error.
const SMALLEST: f32 = f32::from_bits(27 << 23);

/// 2⁵⁰, above which a magnitude has no code: no sum of products of smaller ones leaves the f32.
const LARGEST: f32 = f32::from_bits(177 << 23);

/// The largest slack in products of codes: with all that there are of them it stays in an i32.
const MOST: f64 = (1 << 28) as f64;

/// i32 that hold the codes of a row: four in each.
pub(super) fn words(width: usize) -> usize {
    width.div_ceil(4)
}

/// i32 of a panel of 64 items: their codes by words, then their scales.
pub(super) fn panel_size(width: usize) -> usize {
    times([words(width) + 1, PANEL])
}

/// Rows of 64 i32 that [`quantize`] fills for a table of items.
pub fn quantized_rows(items: usize, width: usize) -> usize {
    plus([times([items.div_ceil(PANEL), words(width) + 1]), 1])
}

/// Scratch of [`quantize`], in f32.
pub fn quantize_scratch(items: usize) -> usize {
    2 * items.div_ceil(PANEL)
}

/// Items [V, D] as 8-bit codes: `table` [[`quantized_rows`], 64] of i32.
///
/// An item that holds an infinity, a NaN or a magnitude above [`LARGEST`] has an infinite scale: its score has no bound.
pub fn quantize(run: &impl Parallel, items: ArrayView2<f32>, table: ArrayViewMut2<i32>, scratch: &mut [f32]) {
    let (count, width) = items.dim();
    assert!(width > 0 && table.dim() == (quantized_rows(count, width), PANEL));
    let (items, table) = (elements(&items), elements_mut(table));
    let (panels, last) = table.split_at_mut(table.len() - PANEL);
    let extents = &mut scratch[..quantize_scratch(count)];
    let sizes = (panel_size(width), 2);
    zip_mixed(run, ([panels], [sizes.0]), ([&mut *extents], [sizes.1]), |block, [panel], [extents]| {
        let from = block * PANEL * width;
        let rows = &items[from..items.len().min(from + PANEL * width)];
        extents.copy_from_slice(&panel_of::on(instructions(), rows, width, panel));
    });
    let largest = |i: usize| extents.iter().skip(i).step_by(2).fold(0.0f32, |max, &x| max.max(x));
    last.fill(0);
    for i in 0..2 {
        last[i] = largest(i).to_bits() as i32;
    }
}

crate::multiversion!(fn panel_of = panel_body(rows: &[f32], width: usize, panel: &mut [i32]) -> [f32; 2]);

/// Up to 64 items; gives the largest ‖e‖ and ‖c‖.
#[inline(always)]
fn panel_body<const FMA: bool>(rows: &[f32], width: usize, panel: &mut [i32]) -> [f32; 2] {
    let (codes, scales) = panel.split_at_mut(words(width) * PANEL);
    codes.fill(0x8080_8080_u32 as i32);
    scales.fill(0);
    let (mut errors, mut lengths) = (0.0f64, 0.0f64);
    for (i, row) in rows.chunks_exact(width).enumerate() {
        let scale = scale_of(row);
        scales[i] = scale.to_bits() as i32;
        if scale.is_infinite() {
            continue;
        }
        let (mut error, mut length) = (0.0, 0.0);
        for (word, four) in row.chunks(4).enumerate() {
            let mut bytes = [128u8; 4];
            for (byte, &x) in bytes.iter_mut().zip(four) {
                let (code, signed) = code_of(x, scale);
                *byte = signed ^ 128;
                error += (f64::from(x) - f64::from(scale) * f64::from(code)).powi(2);
                length += f64::from(code) * f64::from(code);
            }
            codes[word * PANEL + i] = i32::from_le_bytes(bytes);
        }
        errors = errors.max(error / f64::from(scale).powi(2));
        lengths = lengths.max(length);
    }
    [errors, lengths].map(|x| above(x.sqrt()))
}

/// What one code is worth: the largest magnitude has 127. Infinite where one has no code.
#[inline(always)]
fn scale_of(row: &[f32]) -> f32 {
    // As whole numbers magnitudes are in the same order, and what is no number comes last.
    let largest = row.iter().fold(0, |max: u32, x| max.max(x.abs().to_bits()));
    if largest <= LARGEST.to_bits() { (f32::from_bits(largest) / 127.0).max(SMALLEST) } else { f32::INFINITY }
}

/// 1.5 · 2²³: a sum with it is a whole number, of ties the even one, and ends with the byte of what was added.
const WHOLE: f32 = 12_582_912.0;

/// A code, at most 127 by what its scale is, and its byte.
#[inline(always)]
fn code_of(x: f32, scale: f32) -> (f32, u8) {
    let sum = x / scale + WHOLE;
    (sum - WHOLE, sum.to_bits() as u8)
}

/// An f32 that is larger, whatever rounding lost before.
fn above(x: f64) -> f32 {
    ((x * (1.0 + 1e-6)) as f32).next_up()
}

/// i32 of a vector: its codes, and the numbers behind them.
pub(super) fn query_size(width: usize) -> usize {
    words(width) + QUERY_TAIL
}

/// What a product of a vector's codes is worth.
pub(super) fn query_scale(query: &[i32]) -> f32 {
    f32::from_bits(query[query.len() - 1] as u32)
}

/// The slack of a vector's bounds, in products of codes.
pub(super) fn slack_of(query: &[i32]) -> f32 {
    query[query.len() - 3] as f32
}

/// Vectors [S, D] as codes for a table of items, [S, [`query_size`]].
pub(super) fn encode(run: &impl Parallel, vectors: &[f32], width: usize, table: &[i32], queries: &mut [i32]) {
    let extents = [0, 1].map(|i| f64::from(f32::from_bits(table[table.len() - PANEL + i] as u32)));
    let (set, queries) = (instructions(), &mut queries[..vectors.len() / width * query_size(width)]);
    over_parts(run, queries, PANEL * query_size(width), |block, queries| {
        for (i, query) in queries.chunks_exact_mut(query_size(width)).enumerate() {
            let at = (block * PANEL + i) * width;
            encode_one::on(set, &vectors[at..at + width], extents, query);
        }
    });
}

crate::multiversion!(fn encode_one = encode_body(vector: &[f32], extents: [f64; 2], query: &mut [i32]));

#[inline(always)]
fn encode_body<const FMA: bool>(vector: &[f32], [error, length]: [f64; 2], query: &mut [i32]) {
    let (codes, tail) = query.split_at_mut(words(vector.len()));
    let scale = scale_of(vector);
    if scale.is_infinite() {
        return encode_none(codes, tail);
    }
    let (mut sums, mut norms, mut losts) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for (words, part) in codes.chunks_mut(LANES / 4).zip(vector.chunks(LANES)) {
        let (x, mut bytes) = (padded(part), [0; LANES]);
        for i in 0..LANES {
            let code;
            (code, bytes[i]) = code_of(x[i], scale);
            sums[i] += code;
            let (q, own) = (f64::from(x[i]), f64::from(scale) * f64::from(code));
            norms[i] += q * q;
            losts[i] += (q - own) * (q - own);
        }
        let own: [i32; LANES / 4] = std::array::from_fn(|word| i32::from_le_bytes(bytes.as_chunks().0[word]));
        match words.first_chunk_mut() {
            Some(words) => *words = own,
            None => words.copy_from_slice(&own[..words.len()]),
        }
    }
    // Whole numbers of which f32 hold all sums that i32 hold 128 times.
    let sum = sums.iter().sum::<f32>() as i32;
    let [norm, lost] = [norms, losts].map(|lanes| lanes.iter().sum::<f64>().sqrt());
    let slack = (slack(vector.len() as f64, norm, lost, error, length) / f64::from(scale)).ceil();
    if slack > MOST {
        return encode_none(codes, tail);
    }
    let slack = slack as i32;
    tail.copy_from_slice(&[slack - 128 * sum, -128 * sum, slack, 0, scale.to_bits() as i32]);
}

/// A vector of which every bound is infinite: one that has no codes, or so small a one that they tell nothing.
fn encode_none(codes: &mut [i32], tail: &mut [i32]) {
    codes.fill(0);
    tail.copy_from_slice(&[1, 0, 1, 0, f32::INFINITY.to_bits() as i32]);
}

/// ‖q‖ ‖e‖ + ‖f‖ ‖c‖, and for what f32 rounds twice what it can be: a chain of `width` products over ‖q‖ ‖c + e‖, the four
/// operations of a bound and its threshold over ‖t d‖ ‖c‖, and products so small that their last bits are missing.
fn slack(width: f64, norm: f64, lost: f64, error: f64, length: f64) -> f64 {
    let rounding = f64::from(f32::EPSILON);
    let chain = (width + 8.0) * rounding * norm * (length + error);
    let own = 8.0 * rounding * (norm + lost) * length;
    (norm * error + lost * length + chain + own + width * rounding * rounding) * (1.0 + 1e-6)
}
