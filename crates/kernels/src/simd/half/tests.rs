//! Words and their products beside plain sums of the rounded numbers.

use super::*;
use crate::parallel::testing::values;
use crate::simd::tiles::tests::with_tiles;

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
fn rows_go_in_pairs_to_panels() {
    for (rows, width, across) in [(1, 16, 16), (2, 32, 16), (3, 64, 32), (3, 64, 64), (8, 96, 32)] {
        let (x, size) = (values(3, rows * width), rows.div_ceil(2) * across);
        for planes in [1, 2] {
            let mut words = vec![f32::NAN; width / across * size * planes];
            interleave(&x, width, across, &mut words);
            for (i, &word) in words.iter().enumerate() {
                let (panel, plane, j, c) =
                    (i / (planes * size), i / size % planes, i / across % (size / across), i % across);
                let word = halves(word);
                for half in [0, 1] {
                    let x = if 2 * j + half < rows { x[(2 * j + half) * width + panel * across + c] } else { 0.0 };
                    let expected = if plane == 0 { near(x, 1) } else { near(x, 2) - near(x, 1) };
                    assert_eq!(f64::from(word[half]), expected, "{rows} {width} {across} {planes} {i}");
                }
            }
        }
    }
}

/// What the words of a number stand for.
fn near(x: f32, planes: usize) -> f64 {
    let first = halves(pair(x, 0.0))[0];
    f64::from(first) + if planes > 1 { f64::from(halves(pair(x - first, 0.0))[0]) } else { 0.0 }
}

/// Sums of products over `count` pairs of operands, onto 0.5.
fn agrees((rows, depth, columns): (usize, usize, usize), planes: usize, count: usize) {
    let (a, b) = (values(1, count * rows * depth * 32), values(2, 2 * count * depth * columns));
    let [left, right] = [rows * depth * 16, depth * columns].map(|size| size * planes);
    let (mut lefts, mut rights) = (vec![0.0; count * left], vec![0.0; count * right]);
    for (to, x) in lefts.chunks_mut(left).zip(a.chunks(rows * depth * 32)) {
        pack(x, to);
    }
    for (to, x) in rights.chunks_mut(right).zip(b.chunks(2 * depth * columns)) {
        interleave(x, columns, columns, to);
    }
    let operands = lefts.chunks(left).zip(rights.chunks(right));
    let operands = operands.map(|(left, right)| [left, right].map(|words| Words::new(words, planes)));
    let mut out = vec![0.5; rows * columns];
    multiply_pairs(operands, [16 * depth, columns], (rows, depth, columns), Into::Add, &mut out, columns);
    let tolerance = if planes == 1 { 1e-5 } else { 3e-5 };
    for (i, &actual) in out.iter().enumerate() {
        let (r, c) = (i / columns, i % columns);
        let of_one = |one: usize| -> f64 {
            let (a, b) = (&a[(one * rows + r) * 32 * depth..], &b[one * 2 * depth * columns + c..]);
            (0..2 * depth).map(|k| near(a[k], planes) * near(b[k * columns], planes)).sum()
        };
        let off = f64::from(actual) - 0.5 - (0..count).map(of_one).sum::<f64>();
        assert!(off.abs() < tolerance * (depth as f64 + 1.0), "{rows} {depth} {columns} {planes} {count} {i}: {off}");
    }
}

fn products_are_those_of_the_rounded_numbers() {
    for shape in [(1, 1, 16), (7, 5, 48), (13, 32, 64), (6, 3, 32), (33, 16, 32)] {
        for (planes, count) in [(1, 1), (2, 1), (1, 2), (1, 4), (2, 4)] {
            if !cfg!(miri) || shape.0 * count < 8 {
                agrees(shape, planes, count);
            }
        }
    }
}

#[test]
fn products_are_those_of_the_rounded_numbers_everywhere() {
    products_are_those_of_the_rounded_numbers();
    with_tiles(products_are_those_of_the_rounded_numbers);
}
