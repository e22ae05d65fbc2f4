//! Against the formula in f64, on ragged batches.

use super::*;
use crate::parallel::Serial;
use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, sets, values, wide};
use crate::random;
use crate::views::testing::{matrix, matrix_mut, vector};

/// A batch of ragged segments, of which the last `queries[b]` rows ask.
struct World {
    width: usize,
    heads: usize,
    queries: Vec<i32>,
    offsets: Vec<i32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    dout: Vec<f32>,
    dropout: Dropout,
}

fn offsets(lengths: &[usize]) -> Vec<i32> {
    let ends = lengths.iter().scan(0, |end, &n| {
        *end += n as i32;
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

impl World {
    fn new(lengths: &[usize], asked: &[usize], width: usize, heads: usize, rate: f32) -> Self {
        let (queries, offsets) = (offsets(asked), offsets(lengths));
        let (rows, keys) = (asked.iter().sum::<usize>(), lengths.iter().sum::<usize>());
        let scaled = |seed, n| values(seed, n * width).iter().map(|x| 2.0 * x).collect::<Vec<_>>();
        Self {
            width,
            heads,
            queries,
            offsets,
            q: scaled(1, rows),
            k: scaled(2, keys),
            v: scaled(3, keys),
            dout: scaled(4, rows),
            dropout: Dropout { rate, seed: 7, draw: 3 },
        }
    }

    fn read(&self) -> Attention<'_> {
        let [q, k, v] = [&self.q, &self.k, &self.v].map(|x| matrix(x, self.width));
        let [queries, offsets] = [&self.queries, &self.offsets].map(|x| vector(x));
        Attention { q, k, v, queries, offsets, heads: self.heads, dropout: self.dropout }
    }

    fn forward(&self, run: &impl Parallel) -> (Vec<f32>, Vec<f32>) {
        let mut out = vec![f32::NAN; self.q.len()];
        let mut lse = vec![f32::NAN; self.q.len() / self.width.max(1) * self.heads];
        attention(run, &self.read(), matrix_mut(&mut out, self.width), matrix_mut(&mut lse, self.heads));
        (out, lse)
    }

    fn backward(&self, run: &impl Parallel) -> [Vec<f32>; 3] {
        let (out, lse) = self.forward(run);
        let mut dq = vec![f32::NAN; self.q.len()];
        let (mut dk, mut dv) = (vec![f32::NAN; self.k.len()], vec![f32::NAN; self.k.len()]);
        let [out, dout] = [&out, &self.dout].map(|x| matrix(x, self.width));
        let given = Given { out, lse: matrix(&lse, self.heads), dout };
        let [to_q, to_k, to_v] = [&mut dq, &mut dk, &mut dv].map(|x| matrix_mut(x, self.width));
        attention_gradient(run, &self.read(), &given, Gradients { dq: to_q, dk: to_k, dv: to_v });
        [dq, dk, dv]
    }

    /// (out, lse) by the formula, in f64.
    fn naive(&self, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let d = self.width / self.heads;
        let (mut out, mut lse) = (vec![0.0; q.len()], Vec::new());
        for b in 0..self.offsets.len() - 1 {
            let [from, to] = [self.queries[b] as usize, self.queries[b + 1] as usize];
            let [start, end] = [self.offsets[b] as usize, self.offsets[b + 1] as usize];
            for row in from..to {
                for head in 0..self.heads {
                    let keys = end - start - (to - row) + 1;
                    let at = |x: &[f64], row: usize, c: usize| x[row * self.width + head * d + c];
                    let score = |j| (0..d).map(|c| at(q, row, c) * at(k, start + j, c)).sum::<f64>();
                    let weights: Vec<f64> = (0..keys).map(|j| (score(j) / (d as f64).sqrt()).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    lse.push(total.ln());
                    for j in 0..keys {
                        let (seed, draw) =
                            (self.dropout.seed ^ random::mix(head as u32), random::mix(self.dropout.draw + 1));
                        let index = (row * 65_536 + j) as u32 ^ ((row >> 16) as u32).wrapping_mul(0x9e37_79b9);
                        let rate = f64::from(self.dropout.rate);
                        let drawn = f64::from(random::bits(seed, draw, index));
                        if drawn >= (rate * 2f64.powi(32)).floor() {
                            for c in 0..d {
                                let value = weights[j] / total * at(v, start + j, c) / (1.0 - rate);
                                out[row * self.width + head * d + c] += value;
                            }
                        }
                    }
                }
            }
        }
        (out, lse)
    }
}

fn worlds() -> Vec<World> {
    let mut worlds = vec![
        World::new(&[], &[], 4, 2, 0.0),
        World::new(&[0, 0], &[0, 0], 4, 1, 0.0),
        World::new(&[1, 0, 3, 2], &[1, 0, 3, 0], 6, 2, 0.0),
        World::new(&[5, 18, 1], &[1, 17, 1], 7, 1, 0.3),
        World::new(&[3, 0, 17, 2, 9], &[3, 0, 17, 0, 1], 16, 1, 0.0),
    ];
    if !cfg!(miri) {
        worlds.extend([
            World::new(&[17, 0, 64, 65, 1], &[17, 0, 64, 65, 1], 50, 1, 0.0),
            World::new(&[16, 130, 3], &[16, 130, 3], 64, 2, 0.2),
            World::new(&[200, 31, 7], &[1, 20, 0], 100, 1, 0.5),
            World::new(&[9, 70], &[9, 3], 300, 2, 0.1),
            World::new(&[33], &[33], 2, 2, 0.1),
            // Short ones: more than a block has queries for, beside long ones and empty ones, in one and four heads.
            World::new(&[9, 16, 0, 1, 16, 8, 16, 7, 30, 5], &[9, 16, 0, 1, 16, 8, 16, 7, 30, 5], 64, 1, 0.0),
            World::new(&[12, 16, 16, 2, 20, 0, 3], &[3, 16, 9, 0, 2, 0, 1], 64, 4, 0.0),
            World::new(&[11; 30], &[1; 30], 112, 1, 0.0),
            World::new(&[20], &[20], MAX_HEAD, 1, 0.0),
            World::new(&[120, 7], &[120, 3], 3, 1, 0.2),
            // More keys than a chunk, of which queries see all or some.
            World::new(&[300], &[60], 2, 1, 0.2),
            World::new(&[1, 270, 600], &[1, 270, 20], 33, 1, 0.1),
        ]);
    }
    worlds
}

#[test]
fn is_the_formula() {
    for world in worlds() {
        let (out, lse) = world.forward(&Serial);
        let (expected, expected_lse) = world.naive(&wide(&world.q), &wide(&world.k), &wide(&world.v));
        close(&out, &expected, 1e-5);
        close(&lse, &expected_lse, 1e-5);
    }
}

#[test]
fn gradients_are_central_differences() {
    for world in worlds().into_iter().filter(|world| world.k.len() < if cfg!(miri) { 60 } else { 3000 }) {
        let (q, k, v, dout) = (wide(&world.q), wide(&world.k), wide(&world.v), wide(&world.dout));
        let [dq, dk, dv] = world.backward(&Serial);
        close(&dq, &differences(&q, &dout, |q| world.naive(q, &k, &v).0), 2e-5);
        close(&dk, &differences(&k, &dout, |k| world.naive(&q, k, &v).0), 2e-5);
        close(&dv, &differences(&v, &dout, |v| world.naive(&q, &k, v).0), 2e-5);
    }
}

impl World {
    fn inputs(&self) -> Inputs<'_> {
        let shape = Shape::new(&self.queries, &self.offsets, self.width, self.heads);
        Inputs { q: &self.q, k: &self.k, v: &self.v, shape, dropout: self.dropout }
    }
}

#[test]
fn every_set_is_the_formula() {
    for world in worlds() {
        let (expected, _) = world.naive(&wide(&world.q), &wide(&world.k), &wide(&world.v));
        let gradients = world.backward(&Serial).map(|x| wide(&x));
        for &set in sets() {
            let (mut out, mut lse) = world.forward(&Serial);
            attention_on(set, &Serial, &world.inputs(), &mut out, &mut lse);
            close(&out, &expected, 1e-5);
            let mut new = world.backward(&Serial).map(|x| vec![f32::NAN; x.len()]);
            let [dq, dk, dv] = &mut new;
            let [out, dout] = [&out, &world.dout].map(|x| matrix(x, world.width));
            let given = Given { out, lse: matrix(&lse, world.heads), dout };
            gradient_on(set, &Serial, &world.inputs(), &given, [dq, dk, dv]);
            for (new, expected) in new.iter().zip(&gradients) {
                close(new, expected, 2e-5);
            }
        }
    }
}

#[test]
fn blocks_may_run_in_any_order() {
    for world in worlds().into_iter().take(if cfg!(miri) { 3 } else { usize::MAX }) {
        let (out, lse) = world.forward(&Serial);
        let gradients = world.backward(&Serial).map(|x| bits(&x));
        assert_eq!((bits(&out), bits(&lse)), bits_of(world.forward(&Reverse)));
        assert_eq!((bits(&out), bits(&lse)), bits_of(world.forward(&TwoThreads)));
        assert_eq!(gradients, world.backward(&Reverse).map(|x| bits(&x)));
        assert_eq!(gradients, world.backward(&TwoThreads).map(|x| bits(&x)));
    }
}

fn bits_of((out, lse): (Vec<f32>, Vec<f32>)) -> (Vec<u32>, Vec<u32>) {
    (bits(&out), bits(&lse))
}

/// The last `asked` rows of one segment alone, its keys as they stand in the batch.
fn ask_alone(world: &World, b: usize, asked: usize) -> (Vec<u32>, Vec<u32>) {
    let rows = world.offsets[b] as usize * world.width..world.offsets[b + 1] as usize * world.width;
    let keys = (world.offsets[b + 1] - world.offsets[b]) as usize;
    let last = world.queries[b + 1] as usize * world.width;
    let part = World {
        queries: offsets(&[asked]),
        offsets: offsets(&[keys]),
        q: world.q[last - asked * world.width..last].to_vec(),
        k: world.k[rows.clone()].to_vec(),
        v: world.v[rows].to_vec(),
        dout: Vec::new(),
        dropout: world.dropout,
        ..*world
    };
    bits_of(part.forward(&Serial))
}

#[test]
fn a_query_has_the_same_bits_alone_and_in_a_batch() {
    let lengths = if cfg!(miri) { vec![2, 0, 17] } else { vec![17, 0, 64, 1, 131, 300] };
    for &(width, heads) in if cfg!(miri) { &[(3, 1)][..] } else { &[(7, 1), (50, 2), (64, 1)] } {
        let world = World::new(&lengths, &lengths, width, heads, 0.0);
        let (out, lse) = bits_of(world.forward(&Serial));
        for (b, &n) in lengths.iter().enumerate() {
            for asked in [1, 2, 15, 16, 33, n].into_iter().filter(|&asked| asked <= n) {
                let last = world.offsets[b + 1] as usize;
                let (some, some_lse) = ask_alone(&world, b, asked);
                assert_eq!(some, out[(last - asked) * width..last * width], "{asked} of {n}");
                assert_eq!(some_lse, lse[(last - asked) * heads..last * heads]);
            }
        }
    }
}

#[test]
fn a_short_history_has_the_bits_of_a_long_one_that_begins_with_it() {
    let n = if cfg!(miri) { 18 } else { 40 };
    for (width, heads) in [(16, 1), (64, 1), (64, 2), (112, 1)].into_iter().take(if cfg!(miri) { 1 } else { 4 }) {
        let long = World::new(&[n], &[n], width, heads, 0.0);
        for cut in [1, 2, 8, 9, 15, 16, 17] {
            let beginning = |x: &[f32]| x[..cut * width].to_vec();
            let mut short = World::new(&[cut], &[cut], width, heads, 0.0);
            (short.q, short.k, short.v) = (beginning(&long.q), beginning(&long.k), beginning(&long.v));
            for &set in sets() {
                let bits_on = |world: &World| {
                    let (mut out, mut lse) = world.forward(&Serial);
                    out.fill(f32::NAN);
                    attention_on(set, &Serial, &world.inputs(), &mut out, &mut lse);
                    bits_of((out, lse))
                };
                let ((some, some_lse), (out, lse)) = (bits_on(&short), bits_on(&long));
                assert_eq!(some, out[..cut * width], "{set:?} {cut} of {n}, {width} in {heads}");
                assert_eq!(some_lse, lse[..cut * heads]);
            }
        }
    }
}

#[test]
fn what_follows_is_not_seen_whatever_it_holds() {
    for (n, width) in [(if cfg!(miri) { 5 } else { 270 }, 7), (5, 16), (16, 64)] {
        let world = World::new(&[n], &[n], width, 1, 0.0);
        let (out, lse) = bits_of(world.forward(&Serial));
        for cut in [1, n / 2, n - 1] {
            for poison in [1e3, f32::NAN, f32::INFINITY] {
                let mut world = World::new(&[n], &[n], width, 1, 0.0);
                world.k[cut * width..].fill(poison);
                world.v[cut * width..].fill(poison);
                let (some, some_lse) = bits_of(world.forward(&Serial));
                assert_eq!(some[..cut * width], out[..cut * width], "{poison} from {cut} of {n}, {width} wide");
                assert_eq!(some_lse[..cut], lse[..cut]);
            }
        }
    }
}

#[test]
fn one_key_gives_its_value() {
    let (mut out, mut lse) = ([f32::NAN; 3], [f32::NAN]);
    let (q, k, v) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]);
    let ([x, y, z], one) = ([&q, &k, &v].map(|x| matrix(x, 3)), [0, 1]);
    let read =
        Attention { q: x, k: y, v: z, queries: vector(&one), offsets: vector(&one), heads: 1, dropout: Dropout::NONE };
    attention(&Serial, &read, matrix_mut(&mut out, 3), matrix_mut(&mut lse, 1));
    assert_eq!(out, v);
    close(&lse, &[32.0 / 3f64.sqrt()], 1e-6); // q · k = 4 + 10 + 18
}

#[test]
fn dropping_everything_gives_zeros() {
    let world = World::new(&[4], &[4], 6, 2, 1.0);
    assert_eq!(world.forward(&Serial).0, [0.0; 24]);
    assert_eq!(world.backward(&Serial).map(|x| x.iter().all(|&x| x == 0.0)), [true; 3]);
}
