//! A log's rows, many at a time: ids are numbered by first appearance, rows put by user and time, plain CSV read; and lists
//! written. What a log is and what is wrong with a row, `src/data` says; it does the same in TypeScript where there is no
//! addon.
#![deny(unsafe_code)]

pub mod csv;
pub mod lists;
pub mod numbers;
pub mod sort;
mod source;
pub mod text;

pub use numbers::Numbers;
pub use text::Text;
