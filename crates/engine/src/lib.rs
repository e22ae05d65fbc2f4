//! Tensors by id: an arena with scopes and generations, checks of shapes and ids, the process's thread pool, and the one
//! table of operations that both bindings expand.
#![deny(unsafe_code)]

mod arena;
mod buffer;
mod fault;
mod frozen;
mod lifetimes;
mod operations;
mod ops;
mod panics;
mod pool;
mod shape;
mod slots;
mod tensor;

pub use arena::Arena;
pub use fault::{Code, Fault, Result};
pub use operations::Ids;
pub use panics::{keep_panics, last_panic, message_of};
pub use pool::{Pool, set_threads, threads, work_alone};

/// The instruction set that the kernels run on: `portable`, `avx2`, `avx512` or `simd128`.
pub fn instructions() -> &'static str {
    foci_kernels::simd::instructions().name()
}
