//! Elementary functions, lane by lane.

use super::fma;

/// `exp(x)`, relative error below 2e-7 on [-87, 88]; smaller arguments (and `-inf`) give 0, larger ones the largest power.
#[inline(always)]
pub fn exp<const FMA: bool>(x: f32) -> f32 {
    let clamped = if x > -87.0 { x } else { -87.0 };
    let clamped = if clamped < 88.0 { clamped } else { 88.0 };
    let y = exp_within::<FMA>(clamped);
    // A NaN stays a NaN: neither comparison holds for it.
    if x < -87.0 {
        0.0
    } else if x.is_nan() {
        x
    } else {
        y
    }
}

/// [`exp`] of what is known to lie in [-87, 88]: the same bits.
#[inline(always)]
pub fn exp_within<const FMA: bool>(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to an integer that stands in the low bits.
    let magic = 12_582_912.0f32;
    let t = fma::<FMA>(x, std::f32::consts::LOG2_E, magic);
    let n = t - magic;
    let r = fma::<FMA>(n, -0.693_359_4, x);
    let r = fma::<FMA>(n, 2.121_944_4e-4, r);
    let mut p = 1.406_142_3e-3f32;
    p = fma::<FMA>(p, r, 8.379_059e-3);
    p = fma::<FMA>(p, r, 4.166_477e-2);
    p = fma::<FMA>(p, r, 1.666_636_5e-1);
    p = fma::<FMA>(p, r, 0.500_000_06);
    p = fma::<FMA>(p, r, 1.0);
    p = fma::<FMA>(p, r, 1.0);
    // p is near 1, and the power of two goes to its exponent.
    f32::from_bits(p.to_bits().wrapping_add(t.to_bits() << 23))
}

/// `ln(x)` for normal, positive `x`: error below 1e-7, absolute or relative.
#[inline(always)]
pub fn ln<const FMA: bool>(x: f32) -> f32 {
    // x = m · 2^e with m in [√½, √2).
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let e = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let z = m * m;
    let mut p = 7.037_683_6e-2f32;
    p = fma::<FMA>(p, m, -1.151_461e-1);
    p = fma::<FMA>(p, m, 1.167_699_9e-1);
    p = fma::<FMA>(p, m, -1.242_014_1e-1);
    p = fma::<FMA>(p, m, 1.424_932_3e-1);
    p = fma::<FMA>(p, m, -1.666_805_8e-1);
    p = fma::<FMA>(p, m, 2.000_071_5e-1);
    p = fma::<FMA>(p, m, -2.499_999_4e-1);
    p = fma::<FMA>(p, m, 3.333_333e-1);
    let y = fma::<FMA>(e, -2.121_944_4e-4, p * m * z);
    let y = fma::<FMA>(-0.5, z, y);
    fma::<FMA>(e, 0.693_359_4, m + y)
}

/// The logistic function, accurate in both tails.
#[inline(always)]
pub fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    let e = exp::<FMA>(-x.abs());
    (if x >= 0.0 { 1.0 } else { e }) / (1.0 + e)
}

/// `tanh(x)`, relative error below 3e-7 everywhere.
#[inline(always)]
pub fn tanh<const FMA: bool>(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.704_988_7e-3f32;
    p = fma::<FMA>(p, z, 2.063_909e-2);
    p = fma::<FMA>(p, z, -5.373_971_6e-2);
    p = fma::<FMA>(p, z, 1.333_144_2e-1);
    p = fma::<FMA>(p, z, -3.333_328e-1);
    let near = fma::<FMA>(x * z, p, x);
    let far = 1.0 - 2.0 / (exp::<FMA>(2.0 * x.abs()) + 1.0);
    let far = if x < 0.0 { -far } else { far };
    if x.abs() < 0.625 { near } else { far }
}

/// The normal distribution at `x`: (its function Φ, its density φ). Absolute error of Φ below 2e-7, relative error of a
/// small Φ below 1e-5.
///
/// Φ(-√2 z) = ½ erfc(z), and erfc(z) exp(z²) = t P(t) with t = 1 / (1 + 0.4 z): P is the Chebyshev fit of degree 8 on
/// z ≤ 9.8, relative error 1.2e-7.
#[inline(always)]
pub fn normal<const FMA: bool>(x: f32) -> (f32, f32) {
    let bell = exp::<FMA>(-0.5 * x * x);
    let t = 1.0 / fma::<FMA>(x.abs(), 0.4 * std::f32::consts::FRAC_1_SQRT_2, 1.0);
    let mut p = 3.807_435e-2_f32;
    p = fma::<FMA>(p, t, -1.252_846_7e-1);
    p = fma::<FMA>(p, t, 5.387_122e-2);
    p = fma::<FMA>(p, t, 1.212_352_6e-1);
    p = fma::<FMA>(p, t, 5.765_062_3e-2);
    p = fma::<FMA>(p, t, 2.024_127_9e-1);
    p = fma::<FMA>(p, t, 1.996_859_8e-1);
    p = fma::<FMA>(p, t, 2.267_365_4e-1);
    p = fma::<FMA>(p, t, 2.256_178_9e-1);
    let tail = 0.5 * t * p * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, 0.398_942_3 * bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest `error(f(x), x)` over a grid, with and without fused arithmetic.
    fn worst(low: f64, high: f64, f: [fn(f32) -> f32; 2], error: impl Fn(f64, f64) -> f64) -> f64 {
        let steps = if cfg!(miri) { 50 } else { 100_000 };
        (0..=steps)
            .map(|i| (low + (high - low) * f64::from(i) / f64::from(steps)) as f32)
            .flat_map(|x| f.map(|f| error(f64::from(f(x)), f64::from(x))))
            .fold(0.0, f64::max)
    }

    fn relative(truth: impl Fn(f64) -> f64) -> impl Fn(f64, f64) -> f64 {
        move |y, x| {
            if y == truth(x) { 0.0 } else { (y / truth(x) - 1.0).abs() }
        }
    }

    #[test]
    fn exp_is_accurate_and_total() {
        assert!(worst(-87.0, 88.0, [exp::<false>, exp::<true>], relative(f64::exp)) < 2e-7);
        assert_eq!(exp::<false>(0.0), 1.0);
        assert_eq!(exp::<false>(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp::<false>(-87.1), 0.0);
        assert!(exp::<false>(f32::INFINITY) > 1e38);
        assert!(exp::<false>(f32::NAN).is_nan());
        let bits = |f: fn(f32) -> f32| [-87.0, -1.5, 0.3, 88.0].map(|x| f(x).to_bits());
        assert_eq!(bits(exp_within::<true>), bits(exp::<true>));
    }

    #[test]
    fn ln_is_accurate() {
        let error = |y: f64, x: f64| (y - x.ln()).abs() / x.ln().abs().max(1.0);
        assert!(worst(1e-3, 4.0, [ln::<false>, ln::<true>], error) < 1e-7);
        assert!(worst(1.0, 1e6, [ln::<false>, ln::<true>], error) < 1e-7);
        assert_eq!(ln::<true>(1.0), 0.0);
    }

    #[test]
    fn sigmoid_is_accurate_in_both_tails() {
        let truth = |x: f64| 1.0 / (1.0 + (-x).exp());
        assert!(worst(-80.0, 20.0, [sigmoid::<false>, sigmoid::<true>], relative(truth)) < 4e-7);
        assert_eq!(sigmoid::<false>(0.0), 0.5);
        assert_eq!(sigmoid::<false>(-200.0), 0.0);
        assert_eq!(sigmoid::<false>(200.0), 1.0);
    }

    #[test]
    fn tanh_is_accurate_near_zero_and_far() {
        let both = [tanh::<false>, tanh::<true>];
        assert!(worst(-1.5, 1.5, both, relative(f64::tanh)) < 3e-7);
        assert!(worst(1e-6, 1e-3, both, relative(f64::tanh)) < 3e-7);
        assert!(worst(-40.0, 40.0, both, relative(f64::tanh)) < 3e-7);
        assert_eq!(tanh::<false>(-100.0), -1.0);
    }

    /// Φ by Simpson's rule from 0, where it is ½.
    fn normal_function(x: f64) -> f64 {
        let n = 2000;
        let h = x / f64::from(n);
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let inner: f64 = (1..n).map(|i| density(h * f64::from(i)) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        0.5 + h / 3.0 * (density(0.0) + inner + density(x))
    }

    #[test]
    fn normal_is_accurate() {
        let steps = if cfg!(miri) { 2 } else { 300 };
        for x in (-steps..=steps).map(|i| 6.0 * i as f32 / steps as f32) {
            let truth = normal_function(f64::from(x));
            for (function, density) in [normal::<false>(x), normal::<true>(x)] {
                assert!((f64::from(function) - truth).abs() < 2e-7, "Φ({x}) = {function}, not {truth}");
                let bell = (-0.5 * f64::from(x).powi(2)).exp() / std::f64::consts::TAU.sqrt();
                assert!((f64::from(density) - bell).abs() < 1e-7);
            }
        }
        // Φ(-8) = 6.22096e-16: the tail keeps its relative accuracy.
        assert!((f64::from(normal::<true>(-8.0).0) / 6.220_960_574_271_786e-16 - 1.0).abs() < 1e-5);
        assert_eq!(normal::<true>(0.0).0, 0.5);
    }
}
