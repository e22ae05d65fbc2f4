//! Against the formula in f64.

use super::*;
use crate::Serial;
use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, distance, sets, values, wide};
use crate::views::testing::{matrix, matrix_mut, vector};

/// The formula: [loss, dh, ditems] in f64.
fn formula(h: &[f64], items: &[f64], targets: &[i32], width: usize) -> (f64, Vec<f64>, Vec<f64>) {
    let count = targets.len().max(1) as f64;
    let (mut loss, mut dh, mut ditems) = (0.0, vec![0.0; h.len()], vec![0.0; items.len()]);
    for (row, (h, target)) in h.chunks_exact(width).zip(targets).enumerate() {
        let logits: Vec<f64> =
            items.chunks_exact(width).map(|item| h.iter().zip(item).map(|(x, y)| x * y).sum()).collect();
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logits.iter().map(|x| (x - most).exp()).sum();
        loss += (total.ln() + most - logits[*target as usize]) / count;
        for (i, logit) in logits.iter().enumerate() {
            let won = f64::from(u8::from(i as i32 == *target));
            let p = ((logit - most).exp() / total - won) / count;
            for k in 0..width {
                dh[row * width + k] += p * items[i * width + k];
                ditems[i * width + k] += p * h[k];
            }
        }
    }
    (loss, dh, ditems)
}

/// [loss, dh, ditems] of the kernel, over buffers full of garbage.
fn fused(
    set: Instructions,
    run: &impl Parallel,
    h: &[f32],
    items: &[f32],
    targets: &[i32],
    width: usize,
) -> (f64, Vec<f32>, Vec<f32>) {
    fused_in(Precision::F32, set, run, h, items, targets, width)
}

fn fused_in(
    precision: Precision,
    set: Instructions,
    run: &impl Parallel,
    h: &[f32],
    items: &[f32],
    targets: &[i32],
    width: usize,
) -> (f64, Vec<f32>, Vec<f32>) {
    let size = cross_entropy_scratch(targets.len(), items.len() / width, width, precision);
    let mut scratch = vec![f32::NAN; size];
    let (mut dh, mut ditems) = (vec![f32::NAN; h.len()], vec![f32::NAN; items.len()]);
    let examples =
        Examples { h: matrix(h, width), items: matrix(items, width), targets: vector(targets), weights: None };
    let out = Gradients { dh: matrix_mut(&mut dh, width), ditems: matrix_mut(&mut ditems, width) };
    let loss = cross_entropy_on(set, run, &examples, precision, out, &mut scratch);
    (loss, dh, ditems)
}

fn world(t: usize, v: usize, width: usize, size: f32) -> (Vec<f32>, Vec<f32>, Vec<i32>) {
    let scaled = |x: Vec<f32>| x.iter().map(|x| x * size).collect();
    let targets = (0..t).map(|i| ((i * i * 31 + 7 * i) % v) as i32).collect();
    (scaled(values(1, t * width)), scaled(values(2, v * width)), targets)
}

/// Gradients of a mean are compared times T, so that the tolerance means the same for every T.
#[track_caller]
fn agree(t: usize, v: usize, width: usize, size: f32, tolerance: f64) {
    let (h, items, targets) = world(t, v, width, size);
    let (loss, dh, ditems) = formula(&wide(&h), &wide(&items), &targets, width);
    let times = |x: &[f64]| x.iter().map(|x| x * t as f64).collect::<Vec<_>>();
    for &set in sets() {
        let actual = fused(set, &Serial, &h, &items, &targets, width);
        let error = (actual.0 - loss).abs() / (1.0 + loss.abs());
        assert!(error < tolerance, "{set:?} {t} {v} {width}: {} is not {loss}", actual.0);
        let scaled = |x: &[f32]| x.iter().map(|x| x * t as f32).collect::<Vec<_>>();
        close(&scaled(&actual.1), &times(&dh), tolerance * f64::from(size).max(1.0));
        close(&scaled(&actual.2), &times(&ditems), tolerance * f64::from(size).max(1.0));
    }
}

#[test]
fn is_the_formula() {
    agree(0, 3, 4, 1.0, 0.0001);
    agree(1, 1, 1, 1.0, 1e-6);
    agree(5, 1, 7, 1.0, 1e-6);
    agree(1, 17, 16, 1.0, 1e-5);
    agree(3, 50, 7, 1.0, 1e-5);
    if !cfg!(miri) {
        agree(64, 48, 64, 0.5, 1e-5);
        agree(65, 257, 65, 0.5, 1e-5);
        agree(17, 300, 300, 0.3, 1e-5);
        agree(300, 700, 16, 1.0, 2e-5);
        agree(600, 100, 100, 0.5, 2e-5);
        agree(70, 2_500, 5, 1.0, 2e-5);
    }
}

/// Rows, items, widths and sizes: ragged rows, items, splits and chunks; one row block and several.
const BF16: [(usize, usize, usize, f32); 9] = [
    (1, 1, 32, 1.0),
    (7, 33, 32, 0.5),
    (9, 40, 32, 4.0),
    (65, 257, 64, 0.5),
    (3, 66, 128, 0.5),
    (130, 2_501, 96, 0.3),
    (300, 135, 64, 0.5),
    (5, 1_095, 64, 0.5),
    (20, 1_152, 32, 4.0),
];

#[test]
fn bf16_is_near_the_formula() {
    // A number keeps 8 bits: gradients are off by some 2⁻⁸, and less where errors cancel.
    let tolerance = 0.02;
    for (t, v, width, size) in BF16 {
        if cfg!(miri) && t * v * width > 10_000 {
            continue;
        }
        let (h, items, targets) = world(t, v, width, size);
        let (loss, dh, ditems) = formula(&wide(&h), &wide(&items), &targets, width);
        let actual = fused_in(Precision::Bf16, instructions(), &Serial, &h, &items, &targets, width);
        let off = (actual.0 - loss).abs() / (1.0 + loss);
        assert!(off < tolerance, "{t} {v} {width}: {} is not {loss}", actual.0);
        if v > 1 {
            let off = [distance(&actual.1, &dh), distance(&actual.2, &ditems)];
            assert!(off.iter().all(|&x| x > 0.0 && x < tolerance), "{t} {v} {width}: {off:?}");
        }
    }
}

#[test]
fn bf16_leaves_other_widths_to_f32() {
    let (t, v) = if cfg!(miri) { (2, 9) } else { (20, 30) };
    let (h, items, targets) = world(t, v, 33, 1.0);
    let in_precision = |p| fused_in(p, instructions(), &Serial, &h, &items, &targets, 33);
    let (half, full) = (in_precision(Precision::Bf16), in_precision(Precision::F32));
    assert_eq!((bits(&half.1), bits(&half.2)), (bits(&full.1), bits(&full.2)));
}

#[test]
fn weights_count_rows_as_often_and_ones_change_no_bit() {
    let (t, v) = if cfg!(miri) { (4, 9) } else { (70, 300) };
    let (h, items, targets) = world(t, v, 32, 1.0);
    let with = |h: &[f32], targets: &[i32], weights: Option<&[f32]>, precision| {
        let mut scratch = vec![f32::NAN; cross_entropy_scratch(targets.len(), v, 32, precision)];
        let (mut dh, mut ditems) = (vec![f32::NAN; h.len()], vec![f32::NAN; items.len()]);
        let examples = Examples { h: matrix(h, 32), items: matrix(&items, 32), targets: vector(targets), weights };
        let out = Gradients { dh: matrix_mut(&mut dh, 32), ditems: matrix_mut(&mut ditems, 32) };
        let loss = cross_entropy(&Serial, &examples, precision, out, &mut scratch);
        (loss, dh, ditems)
    };
    for precision in [Precision::F32, Precision::Bf16] {
        let plain = with(&h, &targets, None, precision);
        let ones = with(&h, &targets, Some(&vec![1.0; t]), precision);
        assert_eq!((plain.0.to_bits(), bits(&plain.1)), (ones.0.to_bits(), bits(&ones.1)));
        assert_eq!(bits(&plain.2), bits(&ones.2));
        // Weights 0, 1 and 2 are rows left out and rows that stand there twice.
        let times = |i: usize| [1, 0, 2, 2][i % 4];
        let weights: Vec<f32> = (0..t).map(|i| times(i) as f32).collect();
        let rows: Vec<usize> = (0..t).flat_map(|i| vec![i; times(i)]).collect();
        let repeated: Vec<f32> = rows.iter().flat_map(|&i| h[i * 32..][..32].to_vec()).collect();
        let again: Vec<i32> = rows.iter().map(|&i| targets[i]).collect();
        let (weighted, repeated) =
            (with(&h, &targets, Some(&weights), precision), with(&repeated, &again, None, precision));
        assert!((weighted.0 - repeated.0).abs() < 1e-5);
        // Rounded to bf16, sums in another order differ more.
        close(&weighted.2, &wide(&repeated.2), if precision == Precision::F32 { 1e-6 } else { 1e-2 });
        assert!(weighted.1.chunks(32).enumerate().all(|(i, dh)| times(i) > 0 || dh.iter().all(|&x| x == 0.0)));
        let none = with(&h, &targets, Some(&vec![0.0; t]), precision);
        assert!(none.0 == 0.0 && none.1.iter().chain(&none.2).all(|&x| x == 0.0));
    }
}

#[test]
fn one_item_has_no_loss() {
    let (loss, dh, ditems) = fused(instructions(), &Serial, &[2.0, 3.0], &[5.0, 7.0], &[0], 2);
    assert!(loss.abs() < 1e-6);
    assert!(dh.iter().chain(&ditems).all(|x| x.abs() < 1e-6));
}

#[test]
fn no_rows_give_zeros() {
    let (loss, dh, ditems) = fused(instructions(), &Serial, &[], &[1.0; 6], &[], 2);
    assert_eq!((loss, dh, ditems), (0.0, vec![], vec![0.0; 6]));
}

#[test]
fn gradients_are_central_differences() {
    let (h, items, targets) = world(3, 5, 4, 1.0);
    let (_, dh, ditems) = fused(instructions(), &Serial, &h, &items, &targets, 4);
    let (h, items) = (wide(&h), wide(&items));
    close(&dh, &differences(&h, &[1.0], |h| vec![formula(h, &items, &targets, 4).0]), 1e-5);
    close(&ditems, &differences(&items, &[1.0], |x| vec![formula(&h, x, &targets, 4).0]), 1e-5);
}

#[test]
fn large_logits_stay_right() {
    // |logit| up to about 8 · 8² = 500, where exp overflows f32 and e^-1000 is lost.
    agree(9, 40, 8, 8.0, 1e-4);
    if !cfg!(miri) {
        agree(70, 2_500, 8, 8.0, 1e-4);
    }
    // Around the size from where on the largest is taken off: some 80.
    for size in [3.5, 4.0, 4.5] {
        agree(9, 40, 8, size, 1e-4);
    }
    // Worked by hand: 300 items of logit 70 each, where the sum of their exponentials is 8e32.
    let (loss, dh, _) = fused(instructions(), &Serial, &[70.0], &[1.0; 300], &[1], 1);
    assert!((loss - 300f64.ln()).abs() < 1e-5 && dh[0].abs() < 1e-6);
    // Worked by hand: logits 500 and -500, the loss of the second is 1000 and its p(first) is 1.
    let (loss, dh, ditems) = fused(instructions(), &Serial, &[500.0], &[1.0, -1.0], &[1], 1);
    assert_eq!((loss, dh, ditems), (1000.0, vec![2.0], vec![500.0, -500.0]));
}

#[test]
fn small_and_large_rows_stand_side_by_side() {
    // The first row is safe as it is, the second needs its largest logit taken off: the first keeps its bits.
    let items = values(3, 30 * 4);
    let small = values(4, 4);
    let mut both = small.clone();
    both.extend(values(5, 4).iter().map(|x| x * 400.0));
    let set = instructions();
    let alone = fused(set, &Serial, &small, &items, &[3], 4).1;
    let pair = fused(set, &Serial, &both, &items, &[3, 4], 4).1;
    let halved: Vec<f32> = alone.iter().map(|x| x * 0.5).collect();
    assert_eq!(bits(&pair[..4]), bits(&halved));
}

#[test]
fn what_is_not_finite_shows_in_the_loss() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut h, mut items, targets) = world(3, 20, 4, 1.0);
        h[5] = bad;
        assert!(!fused(instructions(), &Serial, &h, &items, &targets, 4).0.is_finite());
        h[5] = 0.5;
        items[30] = bad;
        assert!(!fused(instructions(), &Serial, &h, &items, &targets, 4).0.is_finite());
    }
}

fn threads_do_not_change(precision: Precision, (t, v, width): (usize, usize, usize)) {
    let (h, items, targets) = world(t, v, width, 1.0);
    let all = |x: (f64, Vec<f32>, Vec<f32>)| (x.0.to_bits(), bits(&x.1), bits(&x.2));
    let set = instructions();
    let serial = all(fused_in(precision, set, &Serial, &h, &items, &targets, width));
    assert_eq!(serial, all(fused_in(precision, set, &Reverse, &h, &items, &targets, width)));
    assert_eq!(serial, all(fused_in(precision, set, &TwoThreads, &h, &items, &targets, width)));
}

#[test]
fn threads_do_not_change_the_bits() {
    let shape = if cfg!(miri) { (3, 20, 32) } else { (330, 1_300, 32) };
    for precision in [Precision::F32, Precision::Bf16] {
        threads_do_not_change(precision, shape);
    }
}

#[test]
fn scratch_is_bounded() {
    let bytes = |v| 4 * cross_entropy_scratch(100_000, v, 64, Precision::F32);
    assert!(bytes(12_101) < 20 << 20);
    assert!(bytes(65_536) < 20 << 20);
    assert!(bytes(1_000_000) < 300 << 20);
}
