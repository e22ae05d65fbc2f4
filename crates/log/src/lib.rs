//! A log's rows, many at a time: ids are numbered by first appearance, rows put by user and time, CSV read; and lists
//! written. What a log is and what is wrong with a row, `src/read` says; it does the same in TypeScript where there is no
//! addon.
#![deny(unsafe_code)]

pub mod csv;
pub mod json;
pub mod lists;
pub mod numbers;
mod records;
pub mod rows;
pub mod sort;
mod source;
pub mod text;
mod times;

pub use numbers::Numbers;
pub use text::Text;
