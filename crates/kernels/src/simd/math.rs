//! Elementary functions, lane by lane.

use super::fma;

/// `exp(x)`, relative error below 2e-7 on [-87, 88]; smaller arguments (and `-inf`) give 0, larger ones the largest power.
#[inline(always)]
pub fn exp<const FMA: bool>(x: f32) -> f32 {
    let clamped = if x > -87.0 { x } else { -87.0 };
    let clamped = if clamped < 88.0 { clamped } else { 88.0 };
    // Adding 1.5 · 2^23 rounds to an integer that stands in the low bits, 127 more makes it an exponent.
    let magic = 12_582_912.0f32 + 127.0;
    let t = fma::<FMA>(clamped, std::f32::consts::LOG2_E, magic);
    let n = t - magic;
    let r = fma::<FMA>(n, -0.693_359_4, clamped);
    let r = fma::<FMA>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_1e-4f32;
    p = fma::<FMA>(p, r, 1.398_199_9e-3);
    p = fma::<FMA>(p, r, 8.333_452e-3);
    p = fma::<FMA>(p, r, 4.166_579_6e-2);
    p = fma::<FMA>(p, r, 1.666_666_5e-1);
    p = fma::<FMA>(p, r, 0.5);
    let p = fma::<FMA>(p, r * r, r + 1.0);
    let y = p * f32::from_bits(t.to_bits() << 23);
    // A NaN stays a NaN: neither comparison holds for it.
    if x < -87.0 { 0.0 } else if x.is_nan() { x } else { y }
}
