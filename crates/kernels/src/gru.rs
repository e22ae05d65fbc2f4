//! A gated recurrent unit along segments, in the form of Cho et al. (EMNLP 2014), with the reset gate inside the product:
//! `r = σ(x_r + h U_r)`, `z = σ(x_z + h U_z)`, `c = tanh(x_c + (r ⊙ h) U_c)`, `h ← h + a z ⊙ (c − h)`. The gate a of an event is 1
//! where there is none; an attention weight there is AUGRU (Zhou et al., "Deep Interest Evolution Network", AAAI 2019).

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_panels, over_parts};
use crate::product::{linear_weight_gradient, linear_weight_gradient_scratch};
use crate::simd::{fma, fold_sum, math};
use crate::size;
use crate::views::{elements, elements_mut};

/// Scratch of [`gru`], in f32.
pub fn gru_scratch(t: usize, width: usize) -> usize {
    size::times([t, 2, width])
}

/// The recurrence, and along what it runs.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    /// [D, 3 D]
    pub u: ArrayView2<'a, f32>,
    /// The gates of the events, [T]; none for 1.
    pub a: Option<ArrayView1<'a, f32>>,
    /// [B + 1]
    pub offsets: ArrayView1<'a, i32>,
}

/// h [T, D] from x [T, 3 D], what the inputs give to r, z and c. A segment begins at zeros. `gates` [T, 3 D] takes r, z and c.
pub fn gru(
    run: &impl Parallel,
    x: ArrayView2<f32>,
    &Unit { u, a, offsets }: &Unit,
    h: ArrayViewMut2<f32>,
    gates: ArrayViewMut2<f32>,
    scratch: &mut [f32],
) {
    let (width, wide, offsets) = (u.nrows(), 3 * u.nrows(), elements(&offsets));
    assert!(u.ncols() == wide && x.ncols() == wide && h.dim() == (x.nrows(), width) && gates.dim() == x.dim());
    assert!(width > 0 && a.is_none_or(|a| a.len() == x.nrows()));
    let scratch = &mut scratch[..gru_scratch(x.nrows(), width)];
    let (x, u, a) = (elements(&x), elements(&u), a.map(|a| elements(&a)));
    let panels = [
        Segmented { data: elements_mut(h), width, offsets },
        Segmented { data: elements_mut(gates), width: wide, offsets },
        Segmented { data: scratch, width: 2 * width, offsets },
    ];
    over_panels(run, panels, 1, |_, group| {
        for (segment, [mut h, mut gates, mut held]) in group {
            for t in 0..h.rows() {
                let row = offsets[segment] as usize + t;
                // The state and r ⊙ h stand in the segment's first row of scratch.
                let held = held.row(0);
                if t == 0 {
                    held.fill(0.0);
                }
                step(&x[row * wide..][..wide], u, a.map_or(1.0, |a| a[row]), held, gates.row(t));
                h.row(t).copy_from_slice(&held[..width]);
            }
        }
    });
}

/// One event: `held` is the state h, and room for r ⊙ h.
#[inline(always)]
fn step_body<const FMA: bool>(x: &[f32], u: &[f32], a: f32, held: &mut [f32], gates: &mut [f32]) {
    let width = held.len() / 2;
    let (h, reset) = held.split_at_mut(width);
    gates.copy_from_slice(x);
    let (rz, c) = gates.split_at_mut(2 * width);
    for (h, u) in h.iter().zip(u.chunks_exact(3 * width)) {
        add_scaled::<FMA>(*h, &u[..2 * width], rz);
    }
    rz.iter_mut().for_each(|x| *x = math::sigmoid::<FMA>(*x));
    for i in 0..width {
        reset[i] = rz[i] * h[i];
    }
    for (reset, u) in reset.iter().zip(u.chunks_exact(3 * width)) {
        add_scaled::<FMA>(*reset, &u[2 * width..], c);
    }
    c.iter_mut().for_each(|x| *x = math::tanh::<FMA>(*x));
    let z = &rz[width..];
    for i in 0..width {
        h[i] = fma::<FMA>(a * z[i], c[i] - h[i], h[i]);
    }
}

/// `y += factor · x`.
#[inline(always)]
fn add_scaled<const FMA: bool>(factor: f32, x: &[f32], y: &mut [f32]) {
    let n = y.len();
    let x = &x[..n];
    for i in 0..n {
        y[i] = fma::<FMA>(factor, x[i], y[i]);
    }
}

/// Scratch of [`gru_gradient`], in f32: the states before, and r ⊙ these; what goes back along a segment; two products.
pub fn gru_gradient_scratch(t: usize, width: usize) -> usize {
    let product = linear_weight_gradient_scratch(t, width, size::times([3, width]));
    size::plus([size::times([4, t, width]), size::times([6, width, width]), product])
}

/// What [`gru`] gave, and the gradient of h: [T, D], [T, 3 D], [T, D].
#[derive(Clone, Copy)]
pub struct Ran<'a> {
    pub h: ArrayView2<'a, f32>,
    pub gates: ArrayView2<'a, f32>,
    pub dh: ArrayView2<'a, f32>,
}

/// Gradients of x, u and the gates a, the last empty where there are none.
pub struct Gradients<'a> {
    pub x: ArrayViewMut2<'a, f32>,
    pub u: ArrayViewMut2<'a, f32>,
    pub a: ArrayViewMut1<'a, f32>,
}

/// Back along each segment, event by event; du then is a product over all events.
pub fn gru_gradient(
    run: &impl Parallel,
    &Unit { u, a, offsets }: &Unit,
    ran: &Ran,
    to: Gradients,
    mut scratch: &mut [f32],
) {
    let (events, width, offsets) = (ran.h.nrows(), u.nrows(), elements(&offsets));
    let wide = 3 * width;
    assert!(u.ncols() == wide && ran.gates.dim() == (events, wide) && ran.dh.dim() == ran.h.dim());
    assert!(to.x.dim() == ran.gates.dim() && to.u.dim() == u.dim() && to.a.len() == a.map_or(0, |a| a.len()));
    let (shape, a) = (u.dim(), a.map(|a| elements(&a)));
    let [u, h, gates, dh] = [u, ran.h, ran.gates, ran.dh].map(|x| elements(&x));
    let (dx, du, da) = (elements_mut(to.x), elements_mut(to.u), elements_mut(to.a));
    let mut take = |n: usize| scratch.split_off_mut(..n).unwrap_or_else(|| panic!("scratch is large enough"));
    let [before, reset] = [0; 2].map(|_| take(events * width));
    let [back, products] = [2 * events * width, 2 * wide * width].map(&mut take);
    let panels = [
        Segmented { data: &mut *dx, width: wide, offsets },
        Segmented { data: &mut *before, width, offsets },
        Segmented { data: &mut *reset, width, offsets },
        Segmented { data: back, width: 2 * width, offsets },
        Segmented { data: da, width: usize::from(a.is_some()), offsets },
    ];
    over_panels(run, panels, 1, |_, group| {
        for (segment, [mut dx, mut before, mut reset, mut back, mut da]) in group {
            for t in (0..dx.rows()).rev() {
                let row = offsets[segment] as usize + t;
                let last = if t == 0 { None } else { Some(&h[(row - 1) * width..][..width]) };
                let (state, back) = (before.row(t), back.row(0));
                match last {
                    Some(last) => state.copy_from_slice(last),
                    None => state.fill(0.0),
                }
                if t + 1 == dx.rows() {
                    back.fill(0.0);
                }
                let (gates, dh) = (&gates[row * wide..][..wide], &dh[row * width..][..width]);
                let d = step_back(u, a.map_or(1.0, |a| a[row]), (state, gates), dh, [back, dx.row(t), reset.row(t)]);
                if a.is_some() {
                    da.row(t)[0] = d;
                }
            }
        }
    });
    let (of_state, of_reset) = products.split_at_mut(wide * width);
    let dx = rows(dx, (events, wide));
    for (x, product) in [(&*before, &mut *of_state), (&*reset, &mut *of_reset)] {
        let product = ArrayViewMut2::from_shape(shape, product).expect("as long as u");
        linear_weight_gradient(run, rows(x, (events, width)), dx, product, scratch);
    }
    over_parts(run, du, wide, |k, du| {
        du[..2 * width].copy_from_slice(&of_state[k * wide..][..2 * width]);
        du[2 * width..].copy_from_slice(&of_reset[k * wide + 2 * width..][..width]);
    });
}

fn rows(x: &[f32], shape: (usize, usize)) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape(shape, x).expect("whole rows")
}

/// One event back: `back` holds the gradient of the state after it, and room; then that of the state before. Gives da.
#[inline(always)]
fn step_back_body<const FMA: bool>(
    u: &[f32],
    a: f32,
    (h, gates): (&[f32], &[f32]),
    dh: &[f32],
    [back, dx, reset]: [&mut [f32]; 3],
) -> f32 {
    let width = h.len();
    let (carried, of_reset) = back.split_at_mut(width);
    let (r, zc) = gates.split_at(width);
    let (z, c) = zc.split_at(width);
    let mut da = 0.0;
    for i in 0..width {
        let d = carried[i] + dh[i];
        let dz = d * (c[i] - h[i]);
        da = fma::<FMA>(dz, z[i], da);
        dx[width + i] = a * dz * z[i] * (1.0 - z[i]);
        dx[2 * width + i] = d * a * z[i] * fma::<FMA>(-c[i], c[i], 1.0);
        carried[i] = d * (1.0 - a * z[i]);
        reset[i] = r[i] * h[i];
    }
    let sum = |x: &[f32], y: &[f32]| fold_sum(x, y, |sum, a, b| fma::<FMA>(a, b, sum));
    for (of_reset, u) in of_reset.iter_mut().zip(u.chunks_exact(3 * width)) {
        *of_reset = sum(&u[2 * width..], &dx[2 * width..]);
    }
    for i in 0..width {
        dx[i] = of_reset[i] * h[i] * r[i] * (1.0 - r[i]);
        carried[i] = fma::<FMA>(of_reset[i], r[i], carried[i]);
    }
    for (carried, u) in carried.iter_mut().zip(u.chunks_exact(3 * width)) {
        *carried += sum(&u[..2 * width], &dx[..2 * width]);
    }
    da
}

multiversion!(fn step = step_body(x: &[f32], u: &[f32], a: f32, held: &mut [f32], gates: &mut [f32]));
multiversion!(
    fn step_back = step_back_body(
        u: &[f32], a: f32, known: (&[f32], &[f32]), dh: &[f32], to: [&mut [f32]; 3]
    ) -> f32
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, values, wide};
    use crate::views::testing::{shaped, shaped_mut, vector, vector_mut};

    struct World {
        x: Vec<f32>,
        u: Vec<f32>,
        a: Option<Vec<f32>>,
        offsets: Vec<i32>,
        width: usize,
    }

    impl World {
        fn new(offsets: &[i32], width: usize) -> Self {
            let t = offsets[offsets.len() - 1] as usize;
            let a = Some(values(3, t).iter().map(|x| 0.5 + 0.5 * x).collect());
            Self { x: values(1, 3 * t * width), u: values(2, 3 * width * width), a, offsets: offsets.to_vec(), width }
        }

        fn naive(&self, x: &[f64], u: &[f64], a: Option<&[f64]>) -> Vec<f64> {
            let (d, mut out) = (self.width, vec![]);
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            for bounds in self.offsets.windows(2) {
                let mut h = vec![0.0; d];
                for t in bounds[0] as usize..bounds[1] as usize {
                    let of =
                        |h: &[f64], j: usize| x[t * 3 * d + j] + (0..d).map(|k| h[k] * u[k * 3 * d + j]).sum::<f64>();
                    let reset: Vec<f64> = (0..d).map(|i| sigmoid(of(&h, i)) * h[i]).collect();
                    let z: Vec<f64> = (0..d).map(|i| sigmoid(of(&h, d + i))).collect();
                    let c: Vec<f64> = (0..d).map(|i| of(&reset, 2 * d + i).tanh()).collect();
                    let a = a.map_or(1.0, |a| a[t]);
                    h = (0..d).map(|i| (1.0 - a * z[i]) * h[i] + a * z[i] * c[i]).collect();
                    out.extend(&h);
                }
            }
            out
        }

        /// [h, dx, du, da] over buffers full of garbage.
        fn run(&self, run: &impl Parallel, dh: &[f32]) -> [Vec<f32>; 4] {
            let (d, t) = (self.width, self.x.len() / 3 / self.width);
            let (x, u) = (shaped((t, 3 * d), &self.x), shaped((d, 3 * d), &self.u));
            let a = self.a.as_deref().map(vector);
            let unit = Unit { u, a, offsets: vector(&self.offsets) };
            let [mut h, mut gates, mut dx, mut du, mut da] =
                [t * d, 3 * t * d, 3 * t * d, 3 * d * d, a.map_or(0, |a| a.len())].map(|n| vec![f32::NAN; n]);
            let (to_h, to_gates) = (shaped_mut((t, d), &mut h), shaped_mut((t, 3 * d), &mut gates));
            gru(run, x, &unit, to_h, to_gates, &mut vec![f32::NAN; gru_scratch(t, d)]);
            let to = Gradients {
                x: shaped_mut((t, 3 * d), &mut dx),
                u: shaped_mut((d, 3 * d), &mut du),
                a: vector_mut(&mut da),
            };
            let ran = Ran { h: shaped((t, d), &h), gates: shaped((t, 3 * d), &gates), dh: shaped((t, d), dh) };
            gru_gradient(run, &unit, &ran, to, &mut vec![f32::NAN; gru_gradient_scratch(t, d)]);
            [h, dx, du, da]
        }
    }

    #[test]
    fn is_the_formula_and_its_derivative() {
        for (offsets, width) in [(&[0, 1][..], 1), (&[0, 0, 3, 3, 7], 5), (&[0], 3), (&[0, 2, 5], 18)] {
            for gated in [true, false] {
                let mut world = World::new(offsets, width);
                world.a = world.a.filter(|_| gated);
                let dh = values(9, world.x.len() / 3);
                let [h, dx, du, da] = world.run(&Serial, &dh);
                let (x, u, a, d) = (wide(&world.x), wide(&world.u), world.a.as_deref().map(wide), wide(&dh));
                close(&h, &world.naive(&x, &u, a.as_deref()), 2e-6);
                close(&dx, &differences(&x, &d, |x| world.naive(x, &u, a.as_deref())), 1e-5);
                close(&du, &differences(&u, &d, |u| world.naive(&x, u, a.as_deref())), 1e-5);
                if let Some(a) = &a {
                    close(&da, &differences(a, &d, |a| world.naive(&x, &u, Some(a))), 1e-5);
                }
            }
        }
    }

    #[test]
    fn a_gate_of_zero_keeps_the_state_and_of_one_is_plain() {
        let mut world = World::new(&[0, 4], 3);
        let dh = values(9, 12);
        world.a = Some(vec![0.0; 4]);
        assert_eq!(world.run(&Serial, &dh)[0], [0.0; 12]);
        world.a = Some(vec![1.0; 4]);
        let gated = world.run(&Serial, &dh);
        world.a = None;
        assert_eq!(gated[..3], world.run(&Serial, &dh)[..3]);
    }

    #[test]
    fn threads_and_company_do_not_change_the_bits() {
        let offsets: &[i32] = if cfg!(miri) { &[0, 2, 3] } else { &[0, 40, 40, 41, 200, 333] };
        let world = World::new(offsets, 6);
        let dh = values(9, world.x.len() / 3);
        let serial = world.run(&Serial, &dh).map(|x| bits(&x));
        assert_eq!(serial, world.run(&Reverse, &dh).map(|x| bits(&x)));
        assert_eq!(serial, world.run(&TwoThreads, &dh).map(|x| bits(&x)));
        let alone = World { x: world.x[..offsets[1] as usize * 18].to_vec(), a: None, ..World::new(&offsets[..2], 6) };
        let company = World { a: None, ..world };
        let n = offsets[1] as usize * 6;
        let (alone, company) = (alone.run(&Serial, &dh[..n]), company.run(&Serial, &dh));
        assert_eq!(bits(&alone[0]), bits(&company[0][..n]));
    }
}
