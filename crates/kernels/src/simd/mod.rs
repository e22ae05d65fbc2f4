//! One source, many instruction sets: a body of lane loops is compiled once per set and picked at run time.
//!
//! A body is an `#[inline(always)] fn body<const FMA: bool>(…)` over `[f32; LANES]`; [`multiversion!`] wraps it in one
//! function per instruction set and a function that picks. Sums inside a body follow an order that depends on the length
//! alone, so the result does not depend on the caller's batch.

use std::sync::OnceLock;

pub mod bf16;
mod bytes;
pub mod codes;
pub mod compare;
pub mod lane_reduce;
pub mod layer_norm;
pub mod math;
pub mod matrix;
pub mod memory;
pub mod peak;
pub mod rows;
pub mod short;
pub mod transpose;
mod vector;

/// Lanes of every loop, the same for every instruction set, so that all of them sum in the same order.
pub const LANES: usize = 16;

/// One vector of lanes.
pub type Lane = [f32; LANES];

/// The instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instructions {
    /// What the compilation target promises: SSE2 on x86-64, NEON on aarch64, simd128 in WebAssembly.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Instructions {
    /// The name that `FOCI_SIMD` takes and that reports print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable if cfg!(target_arch = "wasm32") => "simd128",
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether [`vector`] has registers for it, and no arrays that the compiler moves about.
    pub(crate) fn has_registers(self) -> bool {
        self > Self::Portable || cfg!(all(target_arch = "wasm32", target_feature = "simd128"))
    }

    /// The best set of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
            {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// The set in use: `FOCI_SIMD` (`portable`, `avx2`, `avx512`) where the machine has it, else the best. Fixed at first use.
pub fn instructions() -> Instructions {
    if cfg!(target_arch = "wasm32") {
        return Instructions::Portable;
    }
    static CHOSEN: OnceLock<Instructions> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let best = Instructions::detect();
        match std::env::var("FOCI_SIMD").as_deref() {
            Ok("portable") => Instructions::Portable,
            Ok("avx2") => best.min(Instructions::Avx2),
            _ => best,
        }
    })
}

/// `a * b + c`, in one rounding where the instruction set has it.
#[inline(always)]
pub fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The sum of the lanes, always in the same tree.
#[inline(always)]
pub fn sum_lanes(mut x: Lane) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            x[i] += x[i + width];
        }
        width /= 2;
    }
    x[0]
}

/// The largest of lanes among which no NaN is.
#[inline(always)]
pub fn max_lanes(mut x: Lane) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            x[i] = if x[i + width] > x[i] { x[i + width] } else { x[i] };
        }
        width /= 2;
    }
    x[0]
}

/// `y[i] = f(x[i])`; an element's bits do not depend on its place.
#[inline(always)]
pub fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    let n = y.len();
    let x = &x[..n];
    // One flat loop by index: over chunks of lanes the compiler gathers, and of a zip it leaves the last vectors to scalars.
    for i in 0..n {
        y[i] = f(x[i]);
    }
}

/// `y[i] = f(a[i], b[i])`; an element's bits do not depend on its place.
#[inline(always)]
pub fn zip(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    let n = y.len();
    let (a, b) = (&a[..n], &b[..n]);
    for i in 0..n {
        y[i] = f(a[i], b[i]);
    }
}

/// A part of a vector, followed by zeros.
#[inline(always)]
pub fn padded(x: &[f32]) -> Lane {
    // Of a known length it is a load; else the copy is a call.
    x.try_into().unwrap_or_else(|_| {
        let mut lane = [0.0; LANES];
        lane[..x.len()].copy_from_slice(x);
        lane
    })
}

/// Each lane folded by `sum = add(sum, a[i], b[i])`, element `i` in lane `i % LANES`, then the lanes in their tree. Zeros
/// fill the last vector, so `add(sum, 0, 0)` must be `sum`.
#[inline(always)]
pub fn fold_sum(a: &[f32], b: &[f32], add: impl Fn(f32, f32, f32) -> f32) -> f32 {
    assert_eq!(a.len(), b.len());
    let mut sum = [0.0; LANES];
    let (a, a_tail) = a.as_chunks::<LANES>();
    let (b, b_tail) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sum[i] = add(sum[i], a[i], b[i]);
        }
    }
    if !a_tail.is_empty() {
        let (a, b) = (padded(a_tail), padded(b_tail));
        for i in 0..LANES {
            sum[i] = add(sum[i], a[i], b[i]);
        }
    }
    sum_lanes(sum)
}

/// Compiles `body::<FMA>(args)` once per instruction set.
///
/// `multiversion!(pub(crate) fn name = body(x: &[f32], y: &mut [f32]) -> f32);` makes `name(x, y)`, which picks by
/// [`instructions`], and `name::on(set, x, y)`, which takes the set (tests compare them).
#[macro_export]
#[doc(hidden)]
macro_rules! multiversion {
    ($vis:vis fn $name:ident = $body:ident ( $($arg:ident : $type:ty),* $(,)? ) $(-> $result:ty)?) => {
        #[allow(dead_code)]
        $vis mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]
            fn avx512($($arg: $type),*) $(-> $result)? { super::$body::<true>($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) $(-> $result)? { super::$body::<true>($($arg),*) }

            fn portable($($arg: $type),*) $(-> $result)? {
                super::$body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
            }

            /// Runs on the given instruction set, or on the best that the machine has below it.
            pub fn on(set: $crate::simd::Instructions, $($arg: $type),*) $(-> $result)? {
                #[cfg(target_arch = "x86_64")]
                match set.min($crate::simd::best()) {
                    // SAFETY: `best` found these features on this machine.
                    $crate::simd::Instructions::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    $crate::simd::Instructions::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::simd::Instructions::Portable => {}
                }
                let _ = set;
                portable($($arg),*)
            }
        }
        #[allow(dead_code)]
        #[inline]
        $vis fn $name($($arg: $type),*) $(-> $result)? { $name::on($crate::simd::instructions(), $($arg),*) }
    };
}

/// Compiles `body::<V>(args)` once per instruction set, as `multiversion!` does, for bodies over `Vector`. Whoever calls the
/// function has asserted what the body needs of its slices.
macro_rules! vectorized {
    ($name:ident = $body:ident ( $($arg:ident : $type:ty),* $(,)? )) => {
        fn $name(set: $crate::simd::Instructions, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: this function has the features; the rest by its caller.
                unsafe { $body::<$crate::simd::vector::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: as above.
                unsafe { $body::<$crate::simd::vector::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            match set.min($crate::simd::best()) {
                // SAFETY: `best` found these features; the bounds were asserted by the caller.
                $crate::simd::Instructions::Avx512 => return unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                $crate::simd::Instructions::Avx2 => return unsafe { avx2($($arg),*) },
                $crate::simd::Instructions::Portable => {}
            }
            let _ = set;
            // SAFETY: every machine has the portable set; the bounds were asserted by the caller.
            unsafe { $body::<$crate::simd::vector::Portable>($($arg),*) }
        }
    };
}

use vectorized;

/// [`Instructions::detect`], cached.
pub fn best() -> Instructions {
    static BEST: OnceLock<Instructions> = OnceLock::new();
    *BEST.get_or_init(Instructions::detect)
}
