//! The numbers of foci: forward beside backward, over views of arrays (`ndarray`). No state, no I/O, no threads of its own.

pub mod activation;
pub mod adam;
pub mod attend;
pub mod attention;
pub mod columns;
pub mod cross_entropy;
pub mod descent;
pub mod dropout;
pub mod elementwise;
pub mod gru;
pub mod layer_norm;
pub mod max_cross_entropy;
pub mod memory_scan;
pub mod normalize;
pub mod parallel;
pub mod prefix_mix;
pub mod product;
pub mod random;
pub mod recent;
pub mod reduce;
pub mod row_inner;
pub mod row_products;
pub mod row_sampled_softmax;
pub mod sampled_softmax;
pub mod segment_mix;
pub mod segment_softmax;
pub mod segment_sum;
pub mod segments;
pub mod simd;
pub mod size;
pub mod softmax;
pub mod table;
pub mod top_k;
mod views;

pub use parallel::{Parallel, Serial};
