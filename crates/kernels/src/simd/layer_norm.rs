//! Layer normalisation of rows of whole lanes, sixteen at a time and step by step: of one row after the other, each would
//! wait for a long chain of steps.

use super::lane_reduce::sum;
use super::vector::Floats;
use super::{Instructions, LANES, vectorized};

/// A width that loops are written out for: that saves a third of the time.
const COMMON: usize = 64;

/// `y = gain ⊙ (x − mean) / √(variance + epsilon) + bias` along rows of `gain.len()`, a multiple of sixteen.
pub fn layer_norm_lanes(set: Instructions, x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = gain.len();
    assert!(width > 0 && width.is_multiple_of(LANES) && bias.len() == width, "rows of whole lanes");
    assert!(x.len() == y.len() && x.len().is_multiple_of(width), "whole rows");
    layer_norm(set, x, gain, bias, epsilon, y);
}

vectorized!(layer_norm = layer_norm_body(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]));

#[inline(always)]
unsafe fn layer_norm_body<V: Floats>(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    // SAFETY: passed on from the caller.
    unsafe {
        match gain.len() {
            COMMON => of_width::<V, COMMON>(x, gain, bias, epsilon, y),
            _ => of_width::<V, 0>(x, gain, bias, epsilon, y),
        }
    }
}

/// Rows of W, or of any width where W is 0.
#[inline(always)]
unsafe fn of_width<V: Floats, const W: usize>(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let width = if W > 0 { W } else { gain.len() };
    let (mut lanes, mut each) = ([[0.0; LANES]; LANES], [0.0; LANES]);
    for (x, y) in x.chunks(LANES * width).zip(y.chunks_mut(LANES * width)) {
        let rows = x.len() / width;
        // SAFETY: the set is there; `layer_norm_lanes` asserted that x and y hold whole rows of whole lanes.
        unsafe {
            let count = V::splat(width as f32);
            for r in 0..rows {
                let mut sum = V::splat(0.0);
                for c in (0..width).step_by(LANES) {
                    sum = sum.add(V::load(x.as_ptr().add(r * width + c)));
                }
                sum.store(lanes[r].as_mut_ptr());
            }
            sum::<V>(&lanes).divide(count).store(each.as_mut_ptr());
            for r in 0..rows {
                let (mut sum, less) = (V::splat(0.0), V::splat(-each[r]));
                for c in (0..width).step_by(LANES) {
                    let centred = V::load(x.as_ptr().add(r * width + c)).add(less);
                    centred.store(y.as_mut_ptr().add(r * width + c));
                    sum = centred.fma(centred, sum);
                }
                sum.store(lanes[r].as_mut_ptr());
            }
            let deviations = sum::<V>(&lanes).divide(count).add(V::splat(epsilon)).sqrt();
            V::splat(1.0).divide(deviations).store(each.as_mut_ptr());
            for r in 0..rows {
                let factor = V::splat(each[r]);
                for c in (0..width).step_by(LANES) {
                    let y = y.as_mut_ptr().add(r * width + c);
                    let (gain, bias) = (V::load(gain.as_ptr().add(c)), V::load(bias.as_ptr().add(c)));
                    V::load(y).multiply(factor).fma(gain, bias).store(y);
                }
            }
        }
    }
}
