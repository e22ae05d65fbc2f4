//! Tensors by id: an arena with scopes and generations, checks of shapes and ids, the process's thread pool, and the one
//! table of operations that both bindings expand.
#![deny(unsafe_code)]
// What only training needs stays in its place beside the forward.
#![cfg_attr(not(feature = "training"), allow(dead_code))]

mod arena;
mod buffer;
mod fault;
mod frozen;
mod lifetimes;
mod operations;
mod ops;
mod panics;
mod pool;
#[cfg(not(target_arch = "wasm32"))]
mod program;
mod shape;
mod slots;
mod tensor;

pub use arena::Arena;
pub use fault::{Code, Fault, Result};
pub use operations::{Id, Ids};
pub use panics::{keep_panics, last_panic, message_of};
pub use pool::{Pool, set_threads, threads, work_alone};
#[cfg(not(target_arch = "wasm32"))]
pub use program::Program;

use foci_kernels::{Parallel, simd};

/// The instruction set that the kernels run on: `portable`, `avx2`, `avx512` or `simd128`.
pub fn instructions() -> &'static str {
    simd::instructions().name()
}

/// Runs `rounds` rounds of multiply-adds in registers on every thread, and returns how many f32 operations they were: in a
/// second of it, the peak.
pub fn multiply_adds(rounds: u32) -> f64 {
    let done = std::sync::Mutex::new(0.0);
    Pool.run(threads(), &|_| {
        let operations = simd::peak::multiply_adds(simd::instructions(), rounds as usize);
        *done.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += operations;
    });
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
