//! What this machine can do at most: `peak multiply THREADS` prints GFLOP/s of multiply-adds in registers, and
//! `peak read THREADS BYTES` milliseconds to read so much memory once, each as the bench's processes do (bench/outcome.ts).

use std::hint::black_box;
use std::time::Instant;

const LANES: usize = 16;
/// Independent sums: more than the eight multiply-adds that two units of four cycles have in flight.
const SUMS: usize = 12;
const ROUNDS: usize = 20;

type Lane = [f32; LANES];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse().ok()).expect("a number");
    let threads: usize = number(2);
    let (unit, figures) = match arguments[1].as_str() {
        "multiply" => ("GFLOP/s", multiply(threads)),
        "read" => ("ms", read(threads, number(3))),
        other => panic!("{other}: multiply or read"),
    };
    let unit = arguments.get(4).map_or(unit, String::as_str);
    println!("{{\"figures\":{{\"{unit}\":{figures:?}}},\"peakMiB\":0,\"version\":\"\",\"answer\":null}}");
}

/// GFLOP/s of all threads together, some rounds of it.
fn multiply(threads: usize) -> Vec<f64> {
    const STEPS: usize = 10_000_000;
    let flops = (2 * LANES * SUMS * STEPS * threads) as f64;
    timed(threads, |_| {
        black_box(chains(STEPS, black_box([1.0; LANES]), black_box([1e-9; LANES])));
    })
    .map(|seconds| flops / seconds / 1e9)
    .collect()
}

fn chains(steps: usize, factor: Lane, step: Lane) -> f32 {
    // One name each: an array of them would live in memory.
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h, mut i, mut j, mut k, mut l] = [step; SUMS];
    for _ in 0..steps {
        for sum in [&mut a, &mut b, &mut c, &mut d, &mut e, &mut f, &mut g, &mut h, &mut i, &mut j, &mut k, &mut l] {
            for lane in 0..LANES {
                sum[lane] = sum[lane].mul_add(factor[lane], step[lane]);
            }
        }
    }
    [a, b, c, d, e, f, g, h, i, j, k, l].iter().flatten().sum()
}

/// Milliseconds for all threads together to read the memory once, each its part.
fn read(threads: usize, bytes: usize) -> Vec<f64> {
    let values = vec![1f32; bytes / 4];
    let part = values.len().div_ceil(threads);
    let parts: Vec<&[f32]> = values.chunks(part).collect();
    timed(threads, |thread| {
        black_box(sum(parts[thread]));
    })
    .map(|seconds| 1e3 * seconds)
    .collect()
}

fn sum(values: &[f32]) -> [Lane; 4] {
    let mut sums = [[0f32; LANES]; 4];
    for chunk in values.chunks_exact(4 * LANES) {
        for (sum, lane) in sums.iter_mut().zip(chunk.chunks_exact(LANES)) {
            for i in 0..LANES {
                sum[i] += lane[i];
            }
        }
    }
    sums
}

/// Seconds of each round, after one that warms up.
fn timed(threads: usize, body: impl Fn(usize) + Sync) -> impl Iterator<Item = f64> {
    let round = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for thread in 1..threads {
                let body = &body;
                scope.spawn(move || body(thread));
            }
            body(0);
        });
        start.elapsed().as_secs_f64()
    };
    round();
    (0..ROUNDS).map(|_| round()).collect::<Vec<f64>>().into_iter()
}
