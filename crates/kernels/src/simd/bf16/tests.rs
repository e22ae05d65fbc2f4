//! Words and their products beside plain sums of the rounded numbers.

use super::*;
use crate::parallel::testing::values;

#[test]
fn rounds_to_the_nearest_even() {
    // bf16 has 7 bits of fraction: 1 + 2⁻⁸ lies between 1 and 1 + 2⁻⁷ and goes to the even one, 1 + 3 · 2⁻⁸ to 1 + 2⁻⁶.
    let x: Vec<f32> = [1.0, 1.003_906_3, 1.011_718_8, -3.0, 0.0, f32::INFINITY].repeat(16);
    let mut words = vec![0.0; 48];
    pack(&x, &mut words);
    let all: Vec<f32> = words.iter().flat_map(|&word| halves(word)).collect();
    assert_eq!(all, [1.0, 1.0, 1.015_625, -3.0, 0.0, f32::INFINITY].repeat(16));
}

#[test]
fn rows_go_in_pairs() {
    for (rows, width) in [(1, 16), (2, 32), (3, 64), (8, 96)] {
        let x = values(3, rows * width);
        let mut words = vec![f32::NAN; rows.div_ceil(2) * width];
        interleave(&x, width, &mut words);
        for (i, &word) in words.iter().enumerate() {
            let (j, c) = (i / width, i % width);
            for half in [0, 1] {
                let x = if 2 * j + half < rows { x[(2 * j + half) * width + c] } else { 0.0 };
                assert_eq!(f64::from(halves(word)[half]), near(x), "{rows} {width} {i}");
            }
        }
    }
}

/// What the word of a number stands for.
fn near(x: f32) -> f64 {
    f64::from(halves(pair(x, 0.0))[0])
}

/// A product, onto 0.5.
fn agrees((rows, depth, columns): (usize, usize, usize)) {
    let (a, b) = (values(1, rows * depth * 32), values(2, 2 * depth * columns));
    let (mut left, mut right) = (vec![0.0; rows * depth * 16], vec![0.0; depth * columns]);
    pack(&a, &mut left);
    interleave(&b, columns, &mut right);
    let mut out = vec![0.5; rows * columns];
    multiply_pairs([&left, &right], [16 * depth, columns], (rows, depth, columns), Into::Add, &mut out, columns);
    for (i, &actual) in out.iter().enumerate() {
        let (a, c) = (&a[i / columns * 32 * depth..], i % columns);
        let expected: f64 = (0..2 * depth).map(|k| near(a[k]) * near(b[k * columns + c])).sum();
        let off = f64::from(actual) - 0.5 - expected;
        assert!(off.abs() < 1e-5 * (depth as f64 + 1.0), "{rows} {depth} {columns} {i}: {off}");
    }
}

#[test]
fn products_are_those_of_the_rounded_numbers() {
    for shape in [(1, 1, 16), (7, 5, 48), (13, 32, 64), (6, 3, 32), (33, 16, 32)] {
        if !cfg!(miri) || shape.0 < 8 {
            agrees(shape);
        }
    }
}
