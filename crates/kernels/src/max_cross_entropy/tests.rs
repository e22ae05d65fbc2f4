use super::*;
use crate::Serial;
use crate::cross_entropy::cross_entropy_scratch;
use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, sets, values, wide};
use crate::simd::bf16::Precision;
use crate::views::testing::{matrix, matrix_mut, vector, vector_mut};

#[derive(Clone)]
struct World {
    h: Vec<f32>,
    items: Vec<f32>,
    /// None: the targets are items
    positives: Option<Vec<f32>>,
    targets: Vec<i32>,
    drawn: Vec<i32>,
    weights: Option<Vec<f32>>,
    /// Of the drawn and of the targets
    log_q: Option<[Vec<f32>; 2]>,
    interests: usize,
    width: usize,
}

impl World {
    fn full(t: usize, interests: usize, v: usize, width: usize, size: f32) -> Self {
        let scaled = |seed, n| values(seed, n).iter().map(|x| x * size).collect();
        Self {
            h: scaled(1, t * interests * width),
            items: scaled(2, v * width),
            positives: None,
            targets: (0..t).map(|i| ((i * i * 31 + 7 * i) % v) as i32).collect(),
            drawn: (0..v as i32).collect(),
            weights: None,
            log_q: None,
            interests,
            width,
        }
    }

    /// Few ids, so that a row meets its target among the negatives more than once.
    fn sampled(t: usize, interests: usize, n: usize, width: usize, size: f32) -> Self {
        let full = Self::full(t, interests, n.max(1), width, size);
        Self {
            items: full.items[..n * width].to_vec(),
            positives: Some(values(3, t * width).iter().map(|x| x * size).collect()),
            targets: (0..t).map(|i| (i * 5 % 7) as i32).collect(),
            drawn: (0..n).map(|i| (i * 3 % 11) as i32).collect(),
            ..full
        }
    }

    fn weighted(self) -> Self {
        let weights = values(4, self.targets.len()).iter().map(|x| (1.5 + x).floor()).collect();
        Self { weights: Some(weights), ..self }
    }

    fn corrected(self) -> Self {
        let sizes = [(5, self.drawn.len()), (6, self.targets.len())];
        let log_q = sizes.map(|(seed, n)| values(seed, n).iter().map(|x| 4.0 * x - 3.0).collect());
        Self { log_q: Some(log_q), ..self }
    }

    fn terms(&self) -> Terms<'_> {
        let [log_q, target_log_q] =
            self.log_q.as_ref().map_or([None; 2], |log_q| log_q.each_ref().map(|q| Some(&q[..])));
        Terms { weights: self.weights.as_deref(), log_q, target_log_q }
    }

    /// The formula in f64: [loss, dh, ditems, dpositives].
    fn formula(&self, h: &[f64], items: &[f64], positives: &[f64]) -> (f64, [Vec<f64>; 3]) {
        let (d, k) = (self.width, self.interests);
        let weight = |t: usize| self.weights.as_ref().map_or(1.0, |w| f64::from(w[t]));
        let total: f64 = (0..self.targets.len()).map(weight).sum();
        let (mut dh, mut ditems) = (vec![0.0; h.len()], vec![0.0; items.len()]);
        let (mut dpositives, mut loss) = (vec![0.0; positives.len()], 0.0);
        for (t, &target) in self.targets.iter().enumerate().filter(|&(t, _)| weight(t) > 0.0) {
            let own = |k_of: usize| &h[(t * k + k_of) * d..][..d];
            let read = |item: &[f64]| {
                let scores: Vec<f64> = (0..k).map(|k| own(k).iter().zip(item).map(|(x, y)| x * y).sum()).collect();
                (1..k).fold((0, scores[0]), |best, k| if scores[k] > best.1 { (k, scores[k]) } else { best })
            };
            let mut logits: Vec<(usize, f64)> = items.chunks_exact(d).map(read).collect();
            for (i, logit) in logits.iter_mut().enumerate() {
                logit.1 -= self.log_q.as_ref().map_or(0.0, |q| f64::from(q[0][i]));
                if self.positives.is_some() && self.drawn[i] == target {
                    logit.1 = f64::NEG_INFINITY;
                }
            }
            let best = match self.positives {
                Some(_) => {
                    let (k, own) = read(&positives[t * d..][..d]);
                    (k, own - self.log_q.as_ref().map_or(0.0, |q| f64::from(q[1][t])))
                }
                None => logits[target as usize],
            };
            let sampled = self.positives.is_some();
            let most = logits.iter().fold(best.1, |most, x| most.max(x.1));
            let exponentials = logits.iter().map(|x| (x.1 - most).exp());
            let all = exponentials.sum::<f64>() + if sampled { (best.1 - most).exp() } else { 0.0 };
            let part = weight(t) / total;
            loss += part * (all.ln() + most - best.1);
            let won = if sampled { (best.1 - most).exp() / all } else { 0.0 };
            for c in 0..d {
                let item = if sampled { positives[t * d + c] } else { items[target as usize * d + c] };
                dh[(t * k + best.0) * d + c] += part * (won - 1.0) * item;
                let to = if sampled { &mut dpositives[t * d + c] } else { &mut ditems[target as usize * d + c] };
                *to += part * (won - 1.0) * own(best.0)[c];
            }
            for (i, (k_of, logit)) in logits.iter().enumerate() {
                let p = part * (logit - most).exp() / all;
                for c in 0..d {
                    dh[(t * k + k_of) * d + c] += p * items[i * d + c];
                    ditems[i * d + c] += p * own(*k_of)[c];
                }
            }
        }
        (loss, [dh, ditems, dpositives])
    }

    fn expected(&self) -> (f64, [Vec<f64>; 3]) {
        self.formula(&wide(&self.h), &wide(&self.items), &wide(self.positives.as_deref().unwrap_or_default()))
    }

    /// The kernel, over buffers full of garbage.
    fn run(&self, set: Instructions, run: &impl Parallel) -> (f64, [Vec<f32>; 3]) {
        let garbage = |n| vec![f32::NAN; n];
        let positives = self.positives.as_deref();
        let problem = Problem {
            set,
            h: &self.h,
            items: &self.items,
            targets: &self.targets,
            positives: positives.map(|vectors| Positives { vectors, drawn: &self.drawn }),
            terms: self.terms(),
        };
        let (mut dh, mut ditems) = (garbage(self.h.len()), garbage(self.items.len()));
        let mut dpositives = garbage(positives.map_or(0, <[f32]>::len));
        let plan = Plan::new(self.targets.len(), self.interests, self.drawn.len(), self.width);
        let to = Gradients { h: &mut dh, items: &mut ditems, positives: &mut dpositives };
        let loss = plan.run(run, &problem, to, &mut garbage(plan.scratch()));
        (loss, [dh, ditems, dpositives])
    }

    /// Gradients of a mean are compared times T, so that the tolerance means the same for every T.
    #[track_caller]
    fn agrees(&self, tolerance: f64) {
        let (loss, d) = self.expected();
        let count = self.targets.len() as f32;
        for &set in sets() {
            let actual = self.run(set, &Serial);
            assert!((actual.0 - loss).abs() / (1.0 + loss) < tolerance, "{set:?}: {} is not {loss}", actual.0);
            for (actual, expected) in actual.1.iter().zip(&d) {
                let actual: Vec<f32> = actual.iter().map(|x| x * count).collect();
                let expected: Vec<f64> = expected.iter().map(|x| x * f64::from(count)).collect();
                close(&actual, &expected, tolerance);
            }
        }
    }
}

/// T, K, V, D: groups and blocks of several kinds, lanes of part of a panel and of several.
const SIZES: [(usize, usize, usize, usize); 10] = [
    (1, 1, 1, 1),
    (3, 2, 5, 4),
    (17, 4, 30, 7),
    (5, 3, 50, 16),
    (40, 5, 20, 3),
    (70, 1, 100, 20),
    (130, 4, 257, 64),
    (33, 8, 100, 65),
    (20, 17, 60, 5),
    (66, 2, 900, 100),
];

#[test]
fn is_the_formula() {
    for (t, k, v, d) in SIZES {
        if cfg!(miri) && t * k * v * d > 20_000 {
            continue;
        }
        World::full(t, k, v, d, 0.5).agrees(2e-5);
        World::full(t, k, v, d, 0.5).weighted().agrees(2e-5);
        World::sampled(t, k, v, d, 0.5).agrees(2e-5);
        World::sampled(t, k, v, d, 0.5).weighted().corrected().agrees(3e-5);
    }
    World::sampled(3, 2, 0, 4, 1.0).agrees(1e-5);
}

#[test]
fn large_logits_stay_right() {
    World::full(9, 3, 40, 8, 8.0).agrees(1e-3);
    World::sampled(20, 4, 40, 8, 8.0).agrees(1e-3);
    World::sampled(20, 4, 40, 8, 4.0).corrected().agrees(1e-3);
    // Worked by hand: the vectors are 500 and 100; item 1 is scored 500, item −1 is scored −100, and the second is the target.
    let world =
        World { h: vec![500.0, 100.0], items: vec![1.0, -1.0], targets: vec![1], ..World::full(1, 2, 2, 1, 1.0) };
    let (loss, [dh, ditems, _]) = world.run(instructions(), &Serial);
    assert_eq!((loss, dh, ditems), (600.0, vec![1.0, 1.0], vec![500.0, -100.0]));
}

#[test]
fn the_first_of_equal_vectors_takes_the_gradient() {
    let mut world = World::full(5, 4, 30, 6, 1.0);
    for h in world.h.chunks_exact_mut(24) {
        h.copy_within(..6, 6);
        h.copy_within(12..18, 18);
    }
    let (_, [dh, ..]) = world.run(instructions(), &Serial);
    for dh in dh.chunks_exact(24) {
        assert!(dh[..6].iter().any(|&x| x != 0.0) || dh[12..18].iter().any(|&x| x != 0.0));
        assert!(dh[6..12].iter().chain(&dh[18..]).all(|&x| x == 0.0));
    }
}

#[test]
fn one_vector_gives_the_cross_entropy() {
    let (t, v, width) = if cfg!(miri) { (3, 9, 4) } else { (70, 300, 20) };
    let world = World::full(t, 1, v, width, 1.0);
    let (mut dh, mut ditems) = (vec![0.0; t * width], vec![0.0; v * width]);
    let mut scratch = vec![0.0; cross_entropy_scratch(t, v, width, Precision::F32)];
    let (h, items) = (matrix(&world.h, width), matrix(&world.items, width));
    let examples = cross_entropy::Examples { h, items, targets: vector(&world.targets), weights: None };
    let out = cross_entropy::Gradients { dh: matrix_mut(&mut dh, width), ditems: matrix_mut(&mut ditems, width) };
    let full = cross_entropy::cross_entropy(&Serial, &examples, Precision::F32, out, &mut scratch);
    let actual = world.run(instructions(), &Serial);
    assert!((actual.0 - full).abs() < 1e-6);
    close(&actual.1[0], &wide(&dh), 1e-6);
    close(&actual.1[1], &wide(&ditems), 1e-6);
}

#[test]
fn no_rows_and_no_weight_give_zeros() {
    assert_eq!(World::full(0, 3, 2, 2, 1.0).run(instructions(), &Serial), (0.0, [vec![], vec![0.0; 4], vec![]]));
    let zeros = |world: World| {
        let (loss, d) = World { weights: Some(vec![0.0; 3]), ..world }.run(instructions(), &Serial);
        assert_eq!(loss, 0.0);
        assert!(d.iter().flatten().all(|&x| x == 0.0));
    };
    zeros(World::full(3, 2, 9, 4, 1.0));
    zeros(World::sampled(3, 2, 9, 4, 1.0));
}

#[test]
fn a_row_whose_negatives_are_all_its_target_has_no_loss() {
    let mut world = World::sampled(2, 2, 5, 4, 1.0);
    (world.targets, world.drawn) = (vec![9, 9], vec![9; 5]);
    for size in [1.0, 300.0] {
        world.h.iter_mut().for_each(|x| *x *= size);
        let (loss, d) = world.run(instructions(), &Serial);
        assert_eq!(loss, 0.0);
        assert!(d.iter().flatten().all(|&x| x == 0.0));
    }
}

#[test]
fn what_is_not_finite_shows_in_the_loss() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for world in [World::full(3, 2, 20, 4, 1.0), World::sampled(3, 2, 20, 4, 1.0)] {
            let mut of_h = world.clone();
            of_h.h[5] = bad;
            assert!(!of_h.run(instructions(), &Serial).0.is_finite());
            let mut of_items = world;
            of_items.items[30] = bad;
            assert!(!of_items.run(instructions(), &Serial).0.is_finite());
        }
    }
}

#[test]
fn gradients_are_central_differences() {
    for world in [World::full(4, 3, 6, 3, 1.0), World::sampled(4, 3, 6, 3, 1.0).weighted().corrected()] {
        let (_, [dh, ditems, dpositives]) = world.run(instructions(), &Serial);
        let (h, items) = (wide(&world.h), wide(&world.items));
        let own = wide(world.positives.as_deref().unwrap_or_default());
        close(&dh, &differences(&h, &[1.0], |x| vec![world.formula(x, &items, &own).0]), 1e-5);
        close(&ditems, &differences(&items, &[1.0], |x| vec![world.formula(&h, x, &own).0]), 1e-5);
        close(&dpositives, &differences(&own, &[1.0], |x| vec![world.formula(&h, &items, x).0]), 1e-5);
    }
}

#[test]
fn threads_and_company_do_not_change_the_bits() {
    let (t, v) = if cfg!(miri) { (3, 20) } else { (130, 1_300) };
    let world = World::full(t, 4, v, 20, 1.0);
    let all = |x: (f64, [Vec<f32>; 3])| (x.0.to_bits(), x.1.map(|x| bits(&x)));
    let serial = all(world.run(instructions(), &Serial));
    assert_eq!(serial, all(world.run(instructions(), &Reverse)));
    assert_eq!(serial, all(world.run(instructions(), &TwoThreads)));
    // An event alone has 1 / T of its part as a factor, which is exact where T is a power of two.
    let pair = World { h: world.h[..160].to_vec(), targets: world.targets[..2].to_vec(), ..world.clone() };
    let alone = World { h: world.h[80..160].to_vec(), targets: vec![world.targets[1]], ..world };
    let halved: Vec<f32> = alone.run(instructions(), &Serial).1[0].iter().map(|x| x * 0.5).collect();
    assert_eq!(bits(&pair.run(instructions(), &Serial).1[0][80..]), bits(&halved));
}

#[test]
fn the_best_vector_of_an_event_is_the_first_among_equals() {
    // Two events of three vectors: products 1, 2, 2 and 3, −1, 0.
    let h = matrix(&[1.0, 2.0, 2.0, -3.0, 1.0, 0.0], 1);
    let items = matrix(&[1.0, -1.0], 1);
    let mut best = [9; 2];
    best_interests(&TwoThreads, h, items, vector_mut(&mut best));
    assert_eq!(best, [1, 3]);
    let none = matrix(&[], 1);
    best_interests(&Serial, none, none, vector_mut(&mut []));
}

#[test]
fn scratch_is_bounded() {
    let bytes = |v| 4 * max_cross_entropy_scratch(4_096, 4, v, 64);
    assert!(bytes(12_101) < 20 << 20);
    assert!(bytes(100_000) < 40 << 20);
    assert_eq!(max_cross_entropy_scratch(usize::MAX / 64, usize::MAX / 64, 100, 65), usize::MAX);
}
