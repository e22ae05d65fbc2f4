use super::*;
use crate::attention::{self as causal, Attention, attention, attention_gradient};
use crate::parallel::Serial;
use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, values, wide};
use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

#[derive(Clone)]
struct World {
    /// q, k, v, places, times
    data: [Vec<f32>; 5],
    seconds: [Vec<i32>; 2],
    queries: Vec<i32>,
    offsets: Vec<i32>,
    width: usize,
    heads: usize,
    causal: bool,
    form: Form,
    dropout: Dropout,
}

fn ends(lengths: &[i32]) -> Vec<i32> {
    let mut ends = vec![0];
    lengths.iter().for_each(|n| ends.push(ends[ends.len() - 1] + n));
    ends
}

impl World {
    /// Segments of (queries, keys).
    fn new(segments: &[(i32, i32)], width: usize, heads: usize, causal: bool, form: Form) -> Self {
        let queries = ends(&segments.iter().map(|s| s.0).collect::<Vec<_>>());
        let offsets = ends(&segments.iter().map(|s| s.1).collect::<Vec<_>>());
        let [q, t] = [&queries, &offsets].map(|x| x[x.len() - 1] as usize);
        let seconds = [(q, 977), (t, 89)].map(|(n, step)| (0..n).map(|i| (i * i * step % 5_000) as i32).collect());
        let data = [q * width, t * width, t * width, 7, TIMES];
        let data = data.map(|n| values(n as u32, n).iter().map(|x| 1.5 * x).collect());
        Self { data, seconds, queries, offsets, width, heads, causal, form, dropout: Dropout::NONE }
    }

    fn without_biases(mut self) -> Self {
        (self.data[3], self.data[4]) = (vec![], vec![]);
        self
    }

    fn inputs(&self) -> Inputs<'_> {
        let [q, k, v] = [0, 1, 2].map(|i| matrix(&self.data[i], self.width));
        let [places, times] = [3, 4].map(|i| Some(vector(&self.data[i])).filter(|x| !x.is_empty()));
        Inputs {
            q,
            k,
            v,
            queries: vector(&self.queries),
            offsets: vector(&self.offsets),
            heads: self.heads,
            causal: self.causal,
            form: self.form,
            places,
            times: times.map(|table| Times {
                table,
                keys: vector(&self.seconds[1]),
                queries: vector(&self.seconds[0]),
            }),
            dropout: &self.dropout,
        }
    }

    /// The formula in f64, without dropout.
    fn naive(&self, data: &[Vec<f64>; 5]) -> Vec<f64> {
        let [q, k, v, places, times] = data;
        let (d, width) = (self.width / self.heads, self.width);
        let mut out = vec![0.0; q.len()];
        for b in 0..self.offsets.len() - 1 {
            let (first, keys) = (self.offsets[b], self.offsets[b + 1] - self.offsets[b]);
            let count = self.queries[b + 1] - self.queries[b];
            for (i, head) in (0..count).flat_map(|i| (0..self.heads).map(move |head| (i, head))) {
                let (row, place) = ((self.queries[b] + i) as usize, keys - count + i);
                let seen = if self.causal { place + 1 } else { keys };
                let score = |j: i32| {
                    let key = (first + j) as usize;
                    let at = |r: usize| r * width + head * d;
                    let dot: f64 = (0..d).map(|c| q[at(row) + c] * k[at(key) + c]).sum();
                    let mut s = if self.form == Form::Softmax { dot / (d as f64).sqrt() } else { dot };
                    if !places.is_empty() {
                        s += places[(3 + j - place).clamp(0, 6) as usize];
                    }
                    if !times.is_empty() {
                        let seconds = f64::from(self.seconds[0][row] - self.seconds[1][key]).abs().max(1.0);
                        s += times[(seconds.ln() / 0.301).floor() as usize];
                    }
                    s
                };
                let scores: Vec<f64> = (0..seen).map(score).collect();
                let total: f64 = scores.iter().map(|s| s.exp()).sum();
                for (j, s) in scores.iter().enumerate() {
                    let weight = match self.form {
                        Form::Softmax => s.exp() / total,
                        Form::Silu { length } => s / (1.0 + (-s).exp()) / f64::from(length),
                    };
                    for c in head * d..(head + 1) * d {
                        out[row * width + c] += weight * v[(first as usize + j) * width + c];
                    }
                }
            }
        }
        out
    }

    fn dout(&self) -> Vec<f32> {
        values(77, self.data[0].len())
    }

    /// [out, lse], and the gradients of all inputs, over buffers full of garbage.
    fn run(&self, run: &impl Parallel) -> ([Vec<f32>; 2], [Vec<f32>; 5]) {
        let (width, heads, rows) = (self.width, self.heads, self.data[0].len() / self.width);
        let (mut out, mut lse, dout) = (vec![f32::NAN; rows * width], vec![f32::NAN; rows * heads], self.dout());
        attend(run, &self.inputs(), matrix_mut(&mut out, width), matrix_mut(&mut lse, heads));
        let mut gradients = self.data.clone().map(|x| vec![f32::NAN; x.len()]);
        let [q, k, v, places, times] = &mut gradients;
        let size = attend_gradient_scratch(self.offsets.len() - 1, heads, self.data[3].len(), !self.data[4].is_empty());
        let (mut scratch, mut indices) = (vec![f32::NAN; size[0]], vec![-1; size[1]]);
        let attended = Attended { out: matrix(&out, width), lse: matrix(&lse, heads), dout: matrix(&dout, width) };
        let to = Gradients {
            q: matrix_mut(q, width),
            k: matrix_mut(k, width),
            v: matrix_mut(v, width),
            places: vector_mut(places),
            times: vector_mut(times),
        };
        attend_gradient(run, &self.inputs(), &attended, to, &mut scratch, &mut indices);
        ([out, lse], gradients)
    }

    #[track_caller]
    fn agrees(&self) {
        let data = self.data.clone().map(|x| wide(&x));
        let ([out, _], gradients) = self.run(&Serial);
        close(&out, &self.naive(&data), 2e-6);
        for (i, gradient) in gradients.iter().enumerate() {
            let moved = |x: &[f64]| {
                let mut data = data.clone();
                data[i] = x.to_vec();
                self.naive(&data)
            };
            close(gradient, &differences(&data[i], &wide(&self.dout()), moved), 2e-5);
        }
    }
}

#[test]
fn is_the_formula_and_its_derivative() {
    let own: &[(i32, i32)] = if cfg!(miri) { &[(2, 3)] } else { &[(3, 3), (0, 0), (0, 2), (1, 5), (4, 4), (2, 7)] };
    let cross: &[(i32, i32)] = if cfg!(miri) { &[(3, 2)] } else { &[(5, 2), (1, 0), (0, 3), (2, 70), (3, 3)] };
    for form in [Form::Softmax, Form::Silu { length: 5.0 }] {
        for (width, heads) in [(1, 1), (6, 2)] {
            World::new(own, width, heads, true, form).agrees();
            World::new(own, width, heads, true, form).without_biases().agrees();
            World::new(cross, width, heads, false, form).agrees();
        }
    }
    World::new(&[(1, 2), (2, 1)], 34, 2, false, Form::Softmax).agrees();
}

#[test]
fn is_causal_attention_without_biases_dropped_weights_included() {
    let segments: &[(i32, i32)] = if cfg!(miri) { &[(2, 3)] } else { &[(3, 3), (0, 0), (1, 100), (70, 70), (5, 9)] };
    let dropout = Dropout { rate: 0.3, seed: 5, draw: 6 };
    let world = World { dropout, ..World::new(segments, 8, 2, true, Form::Softmax).without_biases() };
    let ([out, lse], gradients) = world.run(&Serial);
    let [q, k, v, ..] = &world.data;
    let [mut fast, mut fast_lse] = [q.len(), lse.len()].map(|n| vec![0.0; n]);
    let (q, k, v) = (matrix(q, 8), matrix(k, 8), matrix(v, 8));
    let (queries, offsets) = (vector(&world.queries), vector(&world.offsets));
    let read = Attention { q, k, v, queries, offsets, heads: 2, dropout };
    attention(&Serial, &read, matrix_mut(&mut fast, 8), matrix_mut(&mut fast_lse, 2));
    close(&out, &wide(&fast), 2e-6);
    close(&lse, &wide(&fast_lse), 2e-6);
    let [mut dq, mut dk, mut dv] = [q, k, v].map(|x| vec![0.0; x.len()]);
    let dout = world.dout();
    let given = causal::Given { out: matrix(&fast, 8), lse: matrix(&fast_lse, 2), dout: matrix(&dout, 8) };
    let [to_q, to_k, to_v] = [&mut dq, &mut dk, &mut dv].map(|x| matrix_mut(x, 8));
    attention_gradient(&Serial, &read, &given, causal::Gradients { dq: to_q, dk: to_k, dv: to_v });
    for (gradient, fast) in gradients.iter().zip([dq, dk, dv]) {
        close(gradient, &wide(&fast), 5e-6);
    }
}

#[test]
fn times_fall_into_buckets() {
    let known = [(0, 0), (1, 0), (2, 2), (10, 7), (60, 13), (3_600, 27), (86_400, 37), (604_800, 44), (31_536_000, 57)];
    for (seconds, expected) in known {
        assert_eq!([bucket(seconds), bucket(-seconds)], [expected; 2], "{seconds}");
    }
    for seconds in (1..3_000).chain([i64::from(u32::MAX), 1 << 31]) {
        assert_eq!(bucket(seconds), ((seconds as f64).ln() / 0.301).floor() as usize, "{seconds}");
    }
}

#[test]
fn shifting_all_times_changes_nothing() {
    let world = World::new(&[(3, 3), (2, 6)], 4, 1, true, Form::Silu { length: 10.0 });
    let mut later = world.clone();
    later.seconds.iter_mut().flatten().for_each(|seconds| *seconds += 1_700_000_000);
    assert_eq!(world.run(&Serial), later.run(&Serial));
}

#[test]
fn threads_and_company_do_not_change_the_bits() {
    let segments: &[(i32, i32)] = if cfg!(miri) { &[(2, 2), (1, 3)] } else { &[(90, 90), (1, 3), (0, 5), (200, 200)] };
    let world = World::new(segments, 12, 2, true, Form::Softmax);
    let all = |x: ([Vec<f32>; 2], [Vec<f32>; 5])| (x.0.map(|x| bits(&x)), x.1.map(|x| bits(&x)));
    let serial = all(world.run(&Serial));
    assert_eq!(serial, all(world.run(&Reverse)));
    assert_eq!(serial, all(world.run(&TwoThreads)));
    let alone = World::new(&segments[..1], 12, 2, true, Form::Softmax);
    let mut alone = World { data: world.data.clone(), seconds: world.seconds.clone(), ..alone };
    let (rows, keys) = (segments[0].0 as usize, segments[0].1 as usize);
    for (x, n) in alone.data.iter_mut().zip([rows, keys, keys]) {
        x.truncate(n * 12);
    }
    alone.seconds[0].truncate(rows);
    alone.seconds[1].truncate(keys);
    let alone = all(alone.run(&Serial));
    assert_eq!(alone.0[0], serial.0[0][..rows * 12]);
    assert_eq!(alone.1[1], serial.1[1][..keys * 12]);
}
