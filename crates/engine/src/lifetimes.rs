//! How values come into an arena and leave it.

use crate::arena::Arena;
use crate::fault::{Fault, Result};
use crate::frozen::{self, Weights};
use crate::shape::{Shape, elements};
use crate::slots::Owner;
use crate::tensor::{Kind, Tensor, Values};
use std::fmt::Display;
use std::sync::Arc;

/// The values come by `fill`, which writes all `length` of them: straight from JavaScript's memory to the tensor's.
impl Arena {
    pub fn from_f32(&mut self, length: usize, shape: &[u32], fill: impl FnOnce(&mut [f32])) -> Result<u32> {
        let make = || {
            let mut tensor = self.f32_result(shape_of(length, shape)?)?;
            fill(tensor.f32_mut());
            Ok(tensor)
        };
        make().and_then(|tensor| self.keep(tensor)).map_err(|fault| fault.of("fromFloat32"))
    }

    pub fn from_i32(&mut self, length: usize, shape: &[u32], fill: impl FnOnce(&mut [i32])) -> Result<u32> {
        let make = || {
            let mut tensor = self.i32_result(shape_of(length, shape)?)?;
            fill(tensor.i32_mut());
            Ok(tensor)
        };
        make().and_then(|tensor| self.keep(tensor)).map_err(|fault| fault.of("fromInt32"))
    }

    /// A zeroed variable: outside all scopes, until released.
    pub fn variable(&mut self, shape: &[u32]) -> Result<u32> {
        let make = || {
            let shape = Shape::new(shape)?;
            Ok(Tensor { shape, values: Values::F32(self.lasting(shape.count())?) })
        };
        make().and_then(|tensor| self.hold(tensor, Owner::Holder)).map_err(|fault| fault.of("variable"))
    }

    /// Replaces a variable's values.
    pub fn write(&mut self, variable: u32, length: usize, fill: impl FnOnce(&mut [f32])) -> Result<()> {
        self.write_checked(variable, length, fill).map_err(|fault| fault.of("write"))
    }

    fn write_checked(&mut self, variable: u32, length: usize, fill: impl FnOnce(&mut [f32])) -> Result<()> {
        fits(length, self.variable_named("variable", variable)?.shape)?;
        let [tensor] = self.lend([variable])?;
        fill(tensor.f32_mut());
        Ok(())
    }

    /// A hold on weights that the process has already, or 0.
    pub fn frozen(&mut self, artefact: &str, name: &str) -> Result<u32> {
        match frozen::find(artefact, name) {
            Some(weights) => self.hold_weights(weights).map_err(|fault| fault.of("frozen")),
            None => Ok(0),
        }
    }

    /// Puts weights into the process, or finds them there, and holds them.
    pub fn freeze(
        &mut self,
        artefact: &str,
        name: &str,
        length: usize,
        shape: &[u32],
        fill: impl FnOnce(&mut [f32]),
    ) -> Result<u32> {
        let put = || {
            let shape = shape_of(length, shape)?;
            let mut buffer = self.lasting(length)?;
            fill(buffer.values_mut(length));
            frozen::put(artefact, name, Kind::F32, shape, buffer)
        };
        put().and_then(|weights| self.hold_weights(weights)).map_err(|fault| fault.of("freeze"))
    }

    /// Puts a copy of a tensor into the process, or finds such weights there, and holds them.
    pub fn freeze_tensor(&mut self, artefact: &str, name: &str, id: u32) -> Result<u32> {
        let put = || match self.f32("tensor", id) {
            Ok(view) => {
                let mut buffer = self.lasting(view.values.len())?;
                buffer.values_mut(view.values.len()).copy_from_slice(view.values);
                frozen::put(artefact, name, Kind::F32, view.shape, buffer)
            }
            Err(_) => {
                let view = self.i32("tensor", id)?;
                let mut buffer = self.lasting(view.values.len())?;
                buffer.values_mut(view.values.len()).copy_from_slice(view.values);
                frozen::put(artefact, name, Kind::I32, view.shape, buffer)
            }
        };
        put().and_then(|weights| self.hold_weights(weights)).map_err(|fault| fault.of("freezeTensor"))
    }

    fn hold_weights(&mut self, weights: Arc<Weights>) -> Result<u32> {
        self.hold(Tensor { shape: weights.shape, values: Values::Frozen(weights) }, Owner::Holder)
    }

    pub fn shape(&self, id: u32) -> Result<&[u32]> {
        #[cfg(not(target_arch = "wasm32"))]
        self.shown(id);
        self.extents("tensor", id).map_err(|fault| fault.of("shape"))
    }

    pub fn read_f32(&self, id: u32) -> Result<&[f32]> {
        #[cfg(not(target_arch = "wasm32"))]
        self.shown(id);
        self.f32("tensor", id).map(|view| view.values).map_err(|fault| fault.of("readFloat32"))
    }

    pub fn read_i32(&self, id: u32) -> Result<&[i32]> {
        #[cfg(not(target_arch = "wasm32"))]
        self.shown(id);
        self.i32("tensor", id).map(|view| view.values).map_err(|fault| fault.of("readInt32"))
    }

    /// A copy of f32 values, where JavaScript takes over memory of ours.
    pub fn copy_f32(&self, id: u32) -> Result<Vec<f32>> {
        copy_of(self.read_f32(id)?).map_err(|fault| fault.of("readFloat32"))
    }

    /// The same of i32 values.
    pub fn copy_i32(&self, id: u32) -> Result<Vec<i32>> {
        copy_of(self.read_i32(id)?).map_err(|fault| fault.of("readInt32"))
    }
}

fn copy_of<T: Copy>(values: &[T]) -> Result<Vec<T>> {
    let mut copy = Vec::new();
    match copy.try_reserve_exact(values.len()) {
        Ok(()) => copy.extend_from_slice(values),
        Err(_) => return Err(Fault::memory(format!("no memory for a copy of {} values", values.len()))),
    }
    Ok(copy)
}

/// The values are counted first: what a machine can address decides of none that are not there.
fn shape_of(length: usize, shape: &[u32]) -> Result<Shape> {
    match elements(shape) {
        Some(count) if count != length as u64 => Err(unfilled(length, format_args!("{shape:?}"), count)),
        _ => Shape::new(shape),
    }
}

fn fits(length: usize, shape: Shape) -> Result<()> {
    match shape.count() {
        count if count == length => Ok(()),
        count => Err(unfilled(length, shape, count as u64)),
    }
}

fn unfilled(length: usize, shape: impl Display, count: u64) -> Fault {
    Fault::shape(format!("{length} values do not fill the shape {shape}, which has {count}"))
}
