//! The one table of operations. Each binding crate expands it into its exports, and the arena into its methods.

use crate::arena::Arena;
use crate::fault::Result;
use crate::ops;
use crate::tensor::Tensor;

/// The results of an operation that has several.
pub type Ids = Vec<u32>;

/// Hands every operation to the macro `$each`, as
/// `name "nameInJavaScript" (argument: type, …) -> result;` with tensors as `u32` ids.
#[macro_export]
macro_rules! operations {
    ($each:ident) => {
        $each! {
            add "add" (a: u32, b: u32) -> u32;
            multiply "multiply" (a: u32, b: u32) -> u32;
            scale "scale" (x: u32, factor: f64) -> u32;
            scale_by "scaleBy" (x: u32, s: u32) -> u32;
            relu "relu" (x: u32) -> u32;
            gelu "gelu" (x: u32) -> u32;
            silu "silu" (x: u32) -> u32;
            sigmoid "sigmoid" (x: u32) -> u32;
            tanh "tanh" (x: u32) -> u32;

            add_row "addRow" (x: u32, row: u32) -> u32;
            sum_rows "sumRows" (x: u32) -> u32;
            sum "sum" (x: u32) -> u32;
            softmax "softmax" (x: u32) -> u32;
            layer_norm "layerNorm" (x: u32, gain: u32, bias: u32, epsilon: f64) -> u32;
            normalize "normalize" (x: u32) -> u32;

            linear "linear" (x: u32, w: u32, bias: u32) -> u32;
            inner "inner" (a: u32, b: u32) -> u32;

            gather "gather" (table: u32, ids: u32) -> u32;
            positions "positions" (offsets: u32) -> u32;
            last_rows "lastRows" (offsets: u32) -> Ids;

            attention "attention" (
                q: u32, k: u32, v: u32, queries: u32, offsets: u32, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            top_k "topK" (
                vectors: u32, offsets: u32, items: u32, k: u32, seen: u32, seen_offsets: u32, allowed: u32, quantized: u32
            ) -> Ids;
            quantize "quantize" (items: u32) -> u32;
            top_k_scores "topKScores" (scores: u32, k: u32, seen: u32, seen_offsets: u32, allowed: u32) -> Ids;
        }
        $crate::training_operations!($each);
    };
}

/// The operations of training alone, which a build that only serves leaves out.
#[cfg(feature = "training")]
#[macro_export]
macro_rules! training_operations {
    ($each:ident) => {
        $each! {
            relu_gradient "reluGradient" (x: u32, dy: u32) -> u32;
            gelu_gradient "geluGradient" (x: u32, dy: u32) -> u32;
            silu_gradient "siluGradient" (x: u32, dy: u32) -> u32;
            sigmoid_gradient "sigmoidGradient" (y: u32, dy: u32) -> u32;
            tanh_gradient "tanhGradient" (y: u32, dy: u32) -> u32;
            dropout "dropout" (x: u32, rate: f64, seed: u32, draw: u32) -> u32;

            softmax_gradient "softmaxGradient" (y: u32, dy: u32) -> u32;
            layer_norm_gradient "layerNormGradient" (x: u32, gain: u32, dy: u32, epsilon: f64) -> Ids;
            normalize_gradient "normalizeGradient" (x: u32, dy: u32) -> u32;

            linear_input_gradient "linearInputGradient" (dy: u32, w: u32) -> u32;
            linear_weight_gradient "linearWeightGradient" (x: u32, dy: u32) -> u32;

            gather_gradient "gatherGradient" (dy: u32, ids: u32) -> Ids;
            merge_rows "mergeRows" (a_rows: u32, a_ids: u32, b_rows: u32, b_ids: u32) -> Ids;
            scatter "scatter" (rows: u32, ids: u32, count: u32) -> u32;

            attention_gradient "attentionGradient" (
                q: u32, k: u32, v: u32, out: u32, lse: u32, dout: u32,
                queries: u32, offsets: u32, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            cross_entropy "crossEntropy" (h: u32, items: u32, targets: u32) -> Ids;
            sampled_softmax "sampledSoftmax" (h: u32, positives: u32, negatives: u32, targets: u32, drawn: u32) -> Ids;

            squared_norm "squaredNorm" (x: u32) -> f64;
            finite "finite" (x: u32) -> f64;
            adam "adam" (
                parameter: u32, first: u32, second: u32, gradient: u32,
                rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: f64, clip: f64
            ) -> ();
            adam_rows "adamRows" (
                parameter: u32, first: u32, second: u32, rows: u32, ids: u32,
                rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: f64, clip: f64
            ) -> ();
        }
    };
}

#[cfg(not(feature = "training"))]
#[macro_export]
macro_rules! training_operations {
    ($each:ident) => {};
}

macro_rules! methods {
    ($($name:ident $js:literal ($($argument:ident: $type:ident),*) -> $result:tt;)*) => {
        /// The operations; `src/engine/engine.ts` says what each computes.
        impl Arena {
            $(pub fn $name(&mut self, $($argument: $type),*) -> Result<$result> {
                ops::$name(self, $($argument),*).and_then(|made| made.keep(self)).map_err(|fault| fault.of($js))
            })*
        }
    };
}
operations!(methods);

/// What an operation gives back, as it crosses to JavaScript.
trait Outcome {
    type Crossing;
    fn keep(self, arena: &mut Arena) -> Result<Self::Crossing>;
}

impl Outcome for Tensor {
    type Crossing = u32;
    fn keep(self, arena: &mut Arena) -> Result<u32> {
        arena.keep(self)
    }
}

impl<const N: usize> Outcome for [Tensor; N] {
    type Crossing = Ids;
    fn keep(self, arena: &mut Arena) -> Result<Ids> {
        self.into_iter().map(|tensor| arena.keep(tensor)).collect()
    }
}

impl Outcome for f64 {
    type Crossing = f64;
    fn keep(self, _: &mut Arena) -> Result<f64> {
        Ok(self)
    }
}

impl Outcome for () {
    type Crossing = ();
    fn keep(self, _: &mut Arena) -> Result<()> {
        Ok(())
    }
}
