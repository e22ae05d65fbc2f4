use super::*;
use crate::Serial;
use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, sets, values, wide};
use crate::random;
use crate::views::testing::{matrix, shaped, shaped_mut, vector};

/// `a · b` in f64: a [rows, depth], b [depth, columns].
fn naive(a: &[f64], b: &[f64], rows: usize, depth: usize, columns: usize) -> Vec<f64> {
    let mut y = vec![0.0; rows * columns];
    for r in 0..rows {
        for k in 0..depth {
            for c in 0..columns {
                y[r * columns + c] += a[r * depth + k] * b[k * columns + c];
            }
        }
    }
    y
}

fn transposed(x: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

/// All four products of one shape, over buffers full of garbage: [linear, dx, dw, inner].
fn all(set: Instructions, run: &impl Parallel, (rows, inner, outer): (usize, usize, usize)) -> [Vec<f32>; 4] {
    let (x, w) = (values(1, rows * inner), values(2, inner * outer));
    let (bias, dy) = (values(3, outer), values(4, rows * outer));
    let (of_x, of_w, of_y) = ((rows, inner), (inner, outer), (rows, outer));
    let garbage = |n| vec![f32::NAN; n];
    let mut y = [garbage(rows * outer), garbage(rows * inner), garbage(inner * outer), garbage(rows * rows)];
    let mut scratch = garbage(linear_scratch(rows, inner, outer));
    let [x, dy] = [shaped(of_x, &x), shaped(of_y, &dy)];
    let operands = Linear { x, w: shaped(of_w, &w), bias: Some(vector(&bias)), then: Then::Stay };
    linear_on(set, run, operands, shaped_mut(of_y, &mut y[0]), &mut scratch);
    let mut scratch = garbage(linear_input_gradient_scratch(rows, inner, outer));
    inner_on(set, run, dy, shaped(of_w, &w), shaped_mut(of_x, &mut y[1]), &mut scratch);
    let mut scratch = garbage(linear_weight_gradient_scratch(rows, inner, outer));
    weight_gradient_on(set, run, x, dy, shaped_mut(of_w, &mut y[2]), &mut scratch);
    let mut scratch = garbage(inner_scratch(rows, rows, inner));
    inner_on(set, run, x, x, shaped_mut((rows, rows), &mut y[3]), &mut scratch);
    y
}

fn shapes() -> Vec<(usize, usize, usize)> {
    let lengths = [0, 1, 2, 7, 16, 17, 48, 64, 65, 100, 130, 257, 300, 520];
    let (few, most) = if cfg!(miri) { (6, 5) } else { (60, lengths.len()) };
    let pick = |i: u32, j: u32| lengths[random::bits(7, i, j) as usize % most];
    let fixed = [(3, 0, 5), (3, 0, 144), (0, 4, 4), (2, 3, 0), (1, 1, 1)];
    fixed.into_iter().chain((0..few).map(|i| (pick(i, 0), pick(i, 1), pick(i, 2)))).collect()
}

#[test]
fn products_are_their_formulas_on_every_set() {
    for (rows, inner, outer) in shapes() {
        let (x, w) = (wide(&values(1, rows * inner)), wide(&values(2, inner * outer)));
        let (bias, dy) = (values(3, outer), wide(&values(4, rows * outer)));
        let mut y = naive(&x, &w, rows, inner, outer);
        for (i, y) in y.iter_mut().enumerate() {
            *y += f64::from(bias[i % outer]);
        }
        let dx = naive(&dy, &transposed(&w, inner, outer), rows, outer, inner);
        let dw = naive(&transposed(&x, rows, inner), &dy, inner, rows, outer);
        let own = naive(&x, &transposed(&x, rows, inner), rows, inner, rows);
        for &set in sets() {
            let actual = all(set, &Serial, (rows, inner, outer));
            for (actual, expected) in actual.iter().zip([&y, &dx, &dw, &own]) {
                close(actual, expected, 5e-5);
            }
        }
    }
}

#[test]
fn what_becomes_of_a_product_has_the_bits_of_a_pass_of_its_own() {
    let more = if cfg!(miri) { vec![] } else { vec![(600, 64, 64), (700, 40, 48), (130, 300, 100)] };
    for (rows, inner, outer) in shapes().into_iter().chain(more) {
        let (x, w) = (values(1, rows * inner), values(2, inner * outer));
        let (bias, onto) = (values(3, outer), values(4, rows * outer));
        for &set in sets() {
            let shape = (rows, inner, outer);
            let then = |then| {
                let mut y = vec![f32::NAN; rows * outer];
                let mut scratch = vec![f32::NAN; linear_scratch(rows, inner, outer)];
                let (x, w) = (shaped((rows, inner), &x), shaped((inner, outer), &w));
                let operands = Linear { x, w, bias: Some(vector(&bias)), then };
                linear_on(set, &TwoThreads, operands, shaped_mut((rows, outer), &mut y), &mut scratch);
                y
            };
            let plain = then(Then::Stay);
            let relu: Vec<f32> = plain.iter().map(|&y| if y <= 0.0 { 0.0 } else { y }).collect();
            let sum: Vec<f32> = plain.iter().zip(&onto).map(|(y, onto)| onto + y).collect();
            assert_eq!(bits(&then(Then::Relu)), bits(&relu), "{set:?} {shape:?}");
            assert_eq!(bits(&then(Then::Onto(shaped((rows, outer), &onto)))), bits(&sum), "{set:?} {shape:?}");
        }
    }
}

#[test]
fn sets_with_fused_products_agree_to_the_bit() {
    let shape = if cfg!(miri) { (3, 17, 5) } else { (61, 300, 100) };
    let [a, b] = [Instructions::Avx2, Instructions::Avx512].map(|set| all(set, &Serial, shape).map(|y| bits(&y)));
    if crate::simd::best() >= Instructions::Avx2 {
        assert_eq!(a, b);
    }
}

#[test]
fn a_row_alone_has_the_bits_it_has_in_a_batch() {
    let rows = if cfg!(miri) { 5 } else { 517 };
    let lengths = |all: &'static [usize]| if cfg!(miri) { &all[..2] } else { all };
    for &inner in lengths(&[7, 17, 64, 100, 256, 300]) {
        for &outer in lengths(&[7, 48, 64, 100, 144]) {
            let (x, w, bias) = (values(1, rows * inner), values(2, inner * outer), values(3, outer));
            let one = |set, rows: usize, x: &[f32]| {
                let mut y = vec![f32::NAN; rows * outer];
                let mut scratch = vec![f32::NAN; linear_scratch(rows, inner, outer)];
                let (x, w, bias) = (matrix(x, inner), matrix(&w, outer), Some(vector(&bias)));
                let operands = Linear { x, w, bias, then: Then::Stay };
                linear_on(set, &Serial, operands, shaped_mut((rows, outer), &mut y), &mut scratch);
                bits(&y)
            };
            for &set in sets() {
                let batch = one(set, rows, &x);
                for row in [0, 1, 4, 46, 47, 48, 515, 516].into_iter().filter(|&row| row < rows) {
                    let alone = one(set, 1, &x[row * inner..][..inner]);
                    assert_eq!(alone, batch[row * outer..][..outer], "{set:?} row {row} {inner} {outer}");
                }
            }
        }
    }
}

#[test]
fn an_inner_product_depends_on_its_two_rows_alone() {
    let (n, m) = if cfg!(miri) { (3, 5) } else { (50, 130) };
    for &width in if cfg!(miri) { &[7][..] } else { &[7, 64, 100, 256, 300] } {
        let (a, b) = (values(1, n * width), values(2, m * width));
        let product = |set, a: &[f32], b: &[f32]| {
            let (n, m) = (a.len() / width, b.len() / width);
            let mut y = vec![f32::NAN; n * m];
            let mut scratch = vec![f32::NAN; inner_scratch(n, m, width)];
            inner_on(set, &Serial, matrix(a, width), matrix(b, width), shaped_mut((n, m), &mut y), &mut scratch);
            bits(&y)
        };
        for &set in sets() {
            let whole = product(set, &a, &b);
            for i in [0, n / 2, n - 1] {
                for j in [0, m / 2, m - 2, m - 1] {
                    let alone = product(set, &a[i * width..][..width], &b[j * width..][..width]);
                    assert_eq!(alone[0], whole[i * m + j], "{set:?} {i} {j} width {width}");
                }
            }
        }
    }
}

#[test]
fn threads_do_not_change_the_bits() {
    for shape in if cfg!(miri) { [(3, 5, 7), (9, 2, 3)] } else { [(517, 65, 130), (5_000, 20, 64)] } {
        let [linear, dx, dw, own] = all(instructions(), &Serial, shape).map(|y| bits(&y));
        let [a, b, c, d] = all(instructions(), &Reverse, shape).map(|y| bits(&y));
        assert!(linear == a && dx == b && dw == c && own == d);
        let [a, b, c, d] = all(instructions(), &TwoThreads, shape).map(|y| bits(&y));
        assert!(linear == a && dx == b && dw == c && own == d);
    }
}

#[test]
fn gradients_are_central_differences() {
    let (rows, inner, outer) = (3, 5, 4);
    let (x, w) = (wide(&values(1, rows * inner)), wide(&values(2, inner * outer)));
    let dy = values(4, rows * outer);
    let [_, dx, dw, _] = all(instructions(), &Serial, (rows, inner, outer));
    let dy = wide(&dy);
    close(&dx, &differences(&x, &dy, |x| naive(x, &w, rows, inner, outer)), 1e-5);
    close(&dw, &differences(&w, &dy, |w| naive(&x, w, rows, inner, outer)), 1e-5);
}

#[test]
fn a_product_by_hand() {
    // [1 2; 3 4] · [5 6; 7 8] + [10 20] = [29 42; 53 70]
    let (x, w) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
    let mut y = [0.0; 4];
    let mut scratch = vec![0.0; linear_scratch(2, 2, 2)];
    let (x, w, bias) = (matrix(&x, 2), matrix(&w, 2), [10.0, 20.0]);
    let operands = Linear { x, w, bias: Some(vector(&bias)), then: Then::Stay };
    linear(&Serial, operands, shaped_mut((2, 2), &mut y), &mut scratch);
    assert_eq!(y, [29.0, 42.0, 53.0, 70.0]);
    let mut scratch = vec![0.0; inner_scratch(2, 2, 2)];
    inner(&Serial, x, w, shaped_mut((2, 2), &mut y), &mut scratch);
    assert_eq!(y, [17.0, 23.0, 39.0, 53.0]);
}
