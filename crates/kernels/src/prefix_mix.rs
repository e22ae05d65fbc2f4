//! Softmax pooling of every prefix of a segment in one scan: logits that do not depend on who asks give all prefixes at once.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Panel, Parallel, Segmented, over_panels};
use crate::simd::{LANES, fma, fold_sum, math};
use crate::views::{elements, elements_mut};

/// Columns that run through a segment together, in registers.
const COLUMNS: usize = 4 * LANES;

/// `out[t, k] = Σ_{s ≤ t} e^{l_sk} x_s / Σ_{s ≤ t} e^{l_sk}` over the rows s of t's segment, and the logarithms of the sums
/// below; logits [T, K], x [T, D], out [T · K, D], lse [T, K]. Where all logits of a prefix are −∞, zeros and −∞.
pub fn prefix_mix(
    run: &impl Parallel,
    logits: ArrayView2<f32>,
    x: ArrayView2<f32>,
    offsets: ArrayView1<i32>,
    out: ArrayViewMut2<f32>,
    lse: ArrayViewMut2<f32>,
) {
    let (heads, width, offsets) = (logits.ncols(), x.ncols(), elements(&offsets));
    let (logits, x) = (elements(&logits), elements(&x));
    if heads == 0 {
        return;
    }
    let out = Segmented { data: elements_mut(out), width: heads * width, offsets };
    let lse = Segmented { data: elements_mut(lse), width: heads, offsets };
    over_panels(run, [out, lse], heads, |head, group| {
        for (segment, [mut out, mut lse]) in group {
            let from = offsets[segment] as usize;
            mix(&logits[from * heads..], &x[from * width..], (heads, head, width), &mut out, &mut lse);
        }
    });
}

/// The running sums are scaled by the largest logit so far.
#[inline(always)]
fn mix_body<const FMA: bool>(
    logits: &[f32],
    x: &[f32],
    (heads, head, width): (usize, usize, usize),
    out: &mut Panel<'_>,
    lse: &mut Panel<'_>,
) {
    for from in (0..width.max(1)).step_by(COLUMNS) {
        let count = COLUMNS.min(width - from);
        let (mut max, mut total, mut sums) = (f32::NEG_INFINITY, 0.0f32, [0.0f32; COLUMNS]);
        for t in 0..out.rows() {
            let logit = logits[t * heads + head];
            if logit > max {
                let less = math::exp::<FMA>(max - logit);
                total *= less;
                sums.iter_mut().for_each(|sum| *sum *= less);
                max = logit;
            }
            // A NaN is no −∞, and shows.
            let e = if logit == f32::NEG_INFINITY { 0.0 } else { math::exp::<FMA>(logit - max) };
            total += e;
            for (sum, x) in sums.iter_mut().zip(&x[t * width + from..][..count]) {
                *sum = fma::<FMA>(e, *x, *sum);
            }
            let share = if total == 0.0 { 0.0 } else { 1.0 / total };
            for (y, sum) in out.row(t)[from..][..count].iter_mut().zip(&sums) {
                *y = sum * share;
            }
            lse.row(t)[0] = if total == 0.0 { f32::NEG_INFINITY } else { max + math::ln::<FMA>(total) };
        }
    }
}

multiversion!(
    fn mix = mix_body(
        logits: &[f32], x: &[f32], shape: (usize, usize, usize), out: &mut Panel<'_>, lse: &mut Panel<'_>)
);

/// What [`prefix_mix`] read and gave, and the gradient of its result: [T, K], [T, D], [T · K, D], [T, K], [T · K, D].
pub struct Mixed<'a> {
    pub logits: ArrayView2<'a, f32>,
    pub x: ArrayView2<'a, f32>,
    pub out: ArrayView2<'a, f32>,
    pub lse: ArrayView2<'a, f32>,
    pub dout: ArrayView2<'a, f32>,
}

/// With `L` the logarithms of the sums and scans from the last row back,
/// `a_s = dout_s + e^{L_s − L_{s+1}} a_{s+1}` and `b_s = out_s · dout_s + e^{L_s − L_{s+1}} b_{s+1}`:
/// `dx_s = Σ_k e^{l_s − L_s} a_s` and `dl_s = e^{l_s − L_s} (x_s · a_s − b_s)`. No exponent is above 0.
pub fn prefix_mix_gradient(
    run: &impl Parallel,
    mixed: &Mixed,
    offsets: ArrayView1<i32>,
    dlogits: ArrayViewMut2<f32>,
    dx: ArrayViewMut2<f32>,
) {
    let (heads, width, offsets) = (mixed.logits.ncols(), mixed.x.ncols(), elements(&offsets));
    let dlogits = Segmented { data: elements_mut(dlogits), width: heads, offsets };
    let dx = Segmented { data: elements_mut(dx), width, offsets };
    let [logits, x, out, lse, dout] = [mixed.logits, mixed.x, mixed.out, mixed.lse, mixed.dout].map(|x| elements(&x));
    over_panels(run, [dlogits, dx], 1, |_, group| {
        for (segment, [mut dlogits, mut dx]) in group {
            let from = offsets[segment] as usize;
            let rows = Rows {
                logits: &logits[from * heads..],
                x: &x[from * width..],
                out: &out[from * heads * width..],
                lse: &lse[from * heads..],
                dout: &dout[from * heads * width..],
            };
            differentiate(&rows, (heads, width), &mut dlogits, &mut dx);
        }
    });
}

/// [`Mixed`] from a segment's first row on.
struct Rows<'a> {
    logits: &'a [f32],
    x: &'a [f32],
    out: &'a [f32],
    lse: &'a [f32],
    dout: &'a [f32],
}

#[inline(always)]
fn differentiate_body<const FMA: bool>(
    rows: &Rows<'_>,
    (heads, width): (usize, usize),
    dlogits: &mut Panel<'_>,
    dx: &mut Panel<'_>,
) {
    for t in 0..dx.rows() {
        dlogits.row(t).fill(0.0);
        dx.row(t).fill(0.0);
    }
    for (head, from) in (0..heads).flat_map(|head| (0..width).step_by(COLUMNS).map(move |from| (head, from))) {
        let count = COLUMNS.min(width - from);
        let (mut a, mut b, mut after) = ([0.0f32; COLUMNS], 0.0f32, f32::INFINITY);
        for t in (0..dx.rows()).rev() {
            let at = (t * heads + head) * width + from;
            let (out, dout) = (&rows.out[at..][..count], &rows.dout[at..][..count]);
            let x = &rows.x[t * width + from..][..count];
            let (logit, lse) = (rows.logits[t * heads + head], rows.lse[t * heads + head]);
            let less = ratio::<FMA>(lse, after);
            for (a, d) in a.iter_mut().zip(dout) {
                *a = fma::<FMA>(*a, less, *d);
            }
            b = fma::<FMA>(b, less, fold_sum(out, dout, |sum, a, b| fma::<FMA>(a, b, sum)));
            let share = ratio::<FMA>(logit, lse);
            for (dx, a) in dx.row(t)[from..].iter_mut().zip(&a[..count]) {
                *dx = fma::<FMA>(share, *a, *dx);
            }
            let along = fold_sum(x, &a[..count], |sum, a, b| fma::<FMA>(a, b, sum));
            dlogits.row(t)[head] += share * (along - b);
            after = lse;
        }
    }
}

/// `exp(a − b)`, 0 for −∞.
#[inline(always)]
fn ratio<const FMA: bool>(a: f32, b: f32) -> f32 {
    if a == f32::NEG_INFINITY { 0.0 } else { math::exp::<FMA>(a - b) }
}

multiversion!(
    fn differentiate =
        differentiate_body(rows: &Rows<'_>, shape: (usize, usize), dlogits: &mut Panel<'_>, dx: &mut Panel<'_>)
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, values, wide};
    use crate::views::testing::{shaped, shaped_mut, vector};

    /// The formula, each prefix by itself.
    fn naive(logits: &[f64], x: &[f64], offsets: &[i32], (heads, width): (usize, usize)) -> Vec<f64> {
        let mut out = Vec::new();
        for bounds in offsets.windows(2) {
            let (from, to) = (bounds[0] as usize, bounds[1] as usize);
            for (t, head) in (from..to).flat_map(|t| (0..heads).map(move |head| (t, head))) {
                let e: Vec<f64> = (from..=t).map(|s| logits[s * heads + head].exp()).collect();
                let total: f64 = e.iter().sum();
                out.extend((0..width).map(|c| {
                    let sum: f64 = e.iter().enumerate().map(|(s, e)| e * x[(from + s) * width + c]).sum();
                    sum / total
                }));
            }
        }
        out
    }

    /// Logits, x and dout of segments of these lengths.
    struct World {
        logits: Vec<f32>,
        x: Vec<f32>,
        dout: Vec<f32>,
        offsets: Vec<i32>,
        heads: usize,
        width: usize,
    }

    impl World {
        fn new(lengths: &[i32], heads: usize, width: usize) -> Self {
            let mut offsets = vec![0];
            offsets.extend(lengths.iter().scan(0, |end, n| {
                *end += n;
                Some(*end)
            }));
            let t = offsets[lengths.len()] as usize;
            let logits = values(1, t * heads).iter().map(|x| 5.0 * x).collect();
            Self { logits, x: values(2, t * width), dout: values(3, t * heads * width), offsets, heads, width }
        }

        fn rows(&self) -> usize {
            *self.offsets.last().unwrap() as usize
        }

        /// [out, lse, dlogits, dx] over buffers full of garbage.
        fn run(&self, run: &impl Parallel) -> [Vec<f32>; 4] {
            let (t, heads, width) = (self.rows(), self.heads, self.width);
            let columns = [heads * width, heads, heads, width];
            let mut all = columns.map(|columns| vec![f32::NAN; t * columns]);
            let [out, lse, dlogits, dx] = &mut all;
            let (logits, x) = (shaped((t, heads), &self.logits), shaped((t, width), &self.x));
            let offsets = vector(&self.offsets);
            prefix_mix(run, logits, x, offsets, shaped_mut((t * heads, width), out), shaped_mut((t, heads), lse));
            let (out, dout) = (shaped((t * heads, width), out), shaped((t * heads, width), &self.dout));
            let mixed = Mixed { logits, x, out, lse: shaped((t, heads), lse), dout };
            prefix_mix_gradient(run, &mixed, offsets, shaped_mut((t, heads), dlogits), shaped_mut((t, width), dx));
            all
        }
    }

    #[test]
    fn is_the_softmax_of_each_prefix_and_its_derivative() {
        let lengths: &[i32] = if cfg!(miri) { &[0, 1, 5, 0] } else { &[0, 1, 5, 0, 20, 2] };
        for (heads, width) in [(1, 1), (3, 7), (2, 70), (2, 0), (0, 3)] {
            let world = World::new(lengths, heads, width);
            let (logits, x, dout) = (wide(&world.logits), wide(&world.x), wide(&world.dout));
            let [out, _, dlogits, dx] = world.run(&Serial);
            close(&out, &naive(&logits, &x, &world.offsets, (heads, width)), 1e-6);
            let of_logits = |l: &[f64]| naive(l, &x, &world.offsets, (heads, width));
            close(&dlogits, &differences(&logits, &dout, of_logits), 3e-6);
            close(&dx, &differences(&x, &dout, |x| naive(&logits, x, &world.offsets, (heads, width))), 3e-6);
        }
    }

    #[test]
    fn long_prefixes_stay_right() {
        let n = if cfg!(miri) { 9 } else { 1_000 };
        let mut world = World::new(&[n], 2, 3);
        // Logits that climb, fall, and lie far apart.
        for (t, logits) in world.logits.chunks_exact_mut(2).enumerate() {
            logits[0] += t as f32 * 0.3;
            logits[1] -= t as f32 * 0.3;
        }
        let [out, ..] = world.run(&Serial);
        let all = wide(&world.logits);
        // e^x of what lies 300 below is nothing, and of 300 above too much for the formula: less the largest.
        let less: Vec<f64> = all.iter().map(|l| l - all.iter().copied().fold(f64::MIN, f64::max)).collect();
        close(
            &out[2 * 3 * (n as usize - 1)..],
            &naive(&less, &wide(&world.x), &[0, n], (2, 3))[2 * 3 * (n as usize - 1)..],
            1e-6,
        );
    }

    #[test]
    fn rows_of_minus_infinity_have_no_part() {
        let mut world = World::new(&[3], 1, 2);
        world.logits = vec![f32::NEG_INFINITY, f32::NEG_INFINITY, 4.0];
        let [out, lse, dlogits, dx] = world.run(&Serial);
        assert_eq!(out[..4], [0.0; 4]);
        close(&out[4..], &wide(&world.x[4..]), 1e-6);
        assert_eq!(lse[..2], [f32::NEG_INFINITY; 2]);
        assert_eq!((&dlogits[..2], &dx[..4]), (&[0.0; 2][..], &[0.0; 4][..]));
        close(&dx[4..], &wide(&world.dout[4..]), 1e-6);
    }

    #[test]
    fn threads_and_company_do_not_change_the_bits() {
        let world = World::new(if cfg!(miri) { &[3, 2] } else { &[30, 0, 200, 7, 65, 1, 90] }, 3, 20);
        let serial = world.run(&Serial).map(|x| bits(&x));
        assert_eq!(serial, world.run(&Reverse).map(|x| bits(&x)));
        assert_eq!(serial, world.run(&TwoThreads).map(|x| bits(&x)));
        let n = world.offsets[1] as usize;
        let alone = World {
            logits: world.logits[..n * 3].to_vec(),
            x: world.x[..n * 20].to_vec(),
            dout: world.dout[..n * 60].to_vec(),
            offsets: vec![0, n as i32],
            ..world
        };
        for (alone, serial) in alone.run(&Serial).iter().zip(&serial) {
            assert_eq!(bits(alone), serial[..alone.len()]);
        }
    }
}
