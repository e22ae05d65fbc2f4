//! The operations: each checks shapes and ids, takes its results from the arena and calls its kernel.
#![expect(clippy::too_many_arguments, reason = "an operation takes what its row of the table says")]

#[cfg(feature = "training")]
mod attend;
mod attention;
mod checks;
#[cfg(feature = "training")]
mod descent;
mod elementwise;
#[cfg(feature = "training")]
mod losses;
#[cfg(feature = "training")]
mod optimisers;
mod pairs;
mod products;
mod recent;
mod rows;
#[cfg(feature = "training")]
mod scans;
mod segments;
mod selection;
mod tables;

#[cfg(feature = "training")]
pub use attend::*;
pub use attention::*;
#[cfg(feature = "training")]
pub use descent::*;
pub use elementwise::*;
#[cfg(feature = "training")]
pub use losses::*;
#[cfg(feature = "training")]
pub use optimisers::*;
pub use pairs::*;
pub use products::*;
pub use recent::*;
pub use rows::*;
#[cfg(feature = "training")]
pub use scans::*;
pub use segments::*;
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
