//! The one table of operations. Each binding crate expands it into its exports, and the arena into its methods.

use crate::arena::Arena;
use crate::fault::Result;
use crate::ops;
#[cfg(not(target_arch = "wasm32"))]
use crate::program::{Constant, Crossing};
use crate::tensor::Tensor;

/// A tensor: its handle.
pub type Id = u32;

/// The results of an operation that has several.
pub type Ids = Vec<Id>;

/// Hands every operation to the macro `$each`, as
/// `name "nameInJavaScript" (argument: type, …) -> result;` with tensors as `Id` and numbers as they are.
#[macro_export]
macro_rules! operations {
    ($each:ident) => {
        $each! {
            add "add" (a: Id, b: Id) -> Id;
            multiply "multiply" (a: Id, b: Id) -> Id;
            scale "scale" (x: Id, factor: f64) -> Id;
            scale_by "scaleBy" (x: Id, s: Id) -> Id;
            relu "relu" (x: Id) -> Id;
            gelu "gelu" (x: Id) -> Id;
            silu "silu" (x: Id) -> Id;
            sigmoid "sigmoid" (x: Id) -> Id;
            tanh "tanh" (x: Id) -> Id;

            add_row "addRow" (x: Id, row: Id) -> Id;
            sum_rows "sumRows" (x: Id) -> Id;
            sum "sum" (x: Id) -> Id;
            softmax "softmax" (x: Id) -> Id;
            layer_norm "layerNorm" (x: Id, gain: Id, bias: Id, epsilon: f64) -> Id;
            normalize "normalize" (x: Id) -> Id;

            linear "linear" (x: Id, w: Id, bias: Id) -> Id;
            linear_relu "linearRelu" (x: Id, w: Id, bias: Id) -> Id;
            linear_onto "linearOnto" (onto: Id, x: Id, w: Id, bias: Id) -> Id;
            inner "inner" (a: Id, b: Id) -> Id;

            gather "gather" (table: Id, ids: Id) -> Id;
            embed "embed" (table: Id, ids: Id, factor: f64, places: Id, positions: Id) -> Id;
            positions "positions" (offsets: Id) -> Id;
            last_rows "lastRows" (offsets: Id) -> Ids;

            attention "attention" (
                q: Id, k: Id, v: Id, queries: Id, offsets: Id, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            top_k "topK" (
                vectors: Id, offsets: Id, items: Id, k: u32, seen: Id, seen_offsets: Id, allowed: Id, quantized: Id
            ) -> Ids;
            quantize "quantize" (items: Id) -> Id;
            top_k_scores "topKScores" (scores: Id, k: u32, seen: Id, seen_offsets: Id, allowed: Id) -> Ids;
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
            relu_gradient "reluGradient" (x: Id, dy: Id) -> Id;
            gelu_gradient "geluGradient" (x: Id, dy: Id) -> Id;
            silu_gradient "siluGradient" (x: Id, dy: Id) -> Id;
            sigmoid_gradient "sigmoidGradient" (y: Id, dy: Id) -> Id;
            tanh_gradient "tanhGradient" (y: Id, dy: Id) -> Id;
            dropout "dropout" (x: Id, rate: f64, seed: u32, draw: u32) -> Id;

            softmax_gradient "softmaxGradient" (y: Id, dy: Id) -> Id;
            layer_norm_gradient "layerNormGradient" (x: Id, gain: Id, dy: Id, epsilon: f64) -> Ids;
            normalize_gradient "normalizeGradient" (x: Id, dy: Id) -> Id;

            linear_input_gradient "linearInputGradient" (dy: Id, w: Id) -> Id;
            linear_weight_gradient "linearWeightGradient" (x: Id, dy: Id) -> Id;

            gather_gradient "gatherGradient" (dy: Id, ids: Id) -> Ids;
            merge_rows "mergeRows" (a_rows: Id, a_ids: Id, b_rows: Id, b_ids: Id) -> Ids;
            scatter "scatter" (rows: Id, ids: Id, count: u32) -> Id;

            attention_gradient "attentionGradient" (
                q: Id, k: Id, v: Id, out: Id, lse: Id, dout: Id,
                queries: Id, offsets: Id, heads: u32, rate: f64, seed: u32, draw: u32
            ) -> Ids;

            cross_entropy "crossEntropy" (h: Id, items: Id, targets: Id) -> Ids;
            sampled_softmax "sampledSoftmax" (h: Id, positives: Id, negatives: Id, targets: Id, drawn: Id) -> Ids;

            squared_norm "squaredNorm" (x: Id) -> f64;
            finite "finite" (x: Id) -> f64;
            adam "adam" (
                parameter: Id, first: Id, second: Id, gradient: Id,
                rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: f64, clip: f64
            ) -> ();
            adam_rows "adamRows" (
                parameter: Id, first: Id, second: Id, rows: Id, ids: Id,
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
                let made = ops::$name(self, $($argument),*).and_then(|made| made.keep(self)).map_err(|fault| fault.of($js));
                #[cfg(not(target_arch = "wasm32"))]
                if let (true, Ok(made)) = (self.records(), &made) {
                    $(let $argument = place!(self, $argument: $type);)*
                    let run = move |arena: &mut Self, live: &[Id]| {
                        let made = arena.$name($($argument.at(live)),*)?;
                        Ok(made.ids().unwrap_or_default())
                    };
                    self.record(made.ids(), run);
                }
                made
            })*
        }
    };
}

/// An argument as a program keeps it.
#[cfg(not(target_arch = "wasm32"))]
macro_rules! place {
    ($arena:ident, $argument:ident: Id) => {
        $arena.place_of($argument)
    };
    ($arena:ident, $argument:ident: $number:ident) => {
        Constant($argument)
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
