//! The operations: each checks shapes and ids, takes its results from the arena and calls its kernel.

mod attention;
mod checks;
mod elementwise;
mod losses;
mod optimisers;
mod products;
mod rows;
mod selection;
mod tables;

pub use attention::*;
pub use elementwise::*;
pub use losses::*;
pub use optimisers::*;
pub use products::*;
pub use rows::*;
pub use selection::*;
pub use tables::*;

/// What every operation is written with.
mod prelude {
    pub use super::checks::*;
    pub use crate::arena::Arena;
    pub use crate::fault::{Fault, Result};
    pub use crate::pool::Pool;
    pub use crate::shape::Shape;
    pub use crate::tensor::{Tensor, View};
}
