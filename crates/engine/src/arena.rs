//! The tensors of one JavaScript thread: scopes, variables, frozen weights, and the free lists that buffers go back to.

use std::cell::RefCell;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::Arc;

use foci_kernels::simd::bf16::Precision;
use foci_kernels::simd::memory::Number;

use crate::buffer::{Buffer, FreeLists};
use crate::fault::{Code, Fault, Result};
#[cfg(not(target_arch = "wasm32"))]
use crate::frozen::Weights;
#[cfg(not(target_arch = "wasm32"))]
use crate::program::Recording;
use crate::shape::Shape;
use crate::slots::{Owner, Slots};
use crate::tensor::{Tensor, Values, View};

/// Tensors by id. Operations are its methods (`operations.rs`); an operation sees it unchanged until its results are kept.
#[derive(Debug)]
pub struct Arena {
    slots: Slots,
    /// Ids of all open scopes, the innermost last; some may be freed already.
    scoped: Vec<u32>,
    /// Where each open scope starts in `scoped`.
    marks: Vec<usize>,
    free_lists: RefCell<FreeLists>,
    live_bytes: usize,
    precision: Precision,
    /// What is noted of operations for a program, if anything is.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) recording: Option<Box<Recording>>,
}

impl Default for Arena {
    fn default() -> Self {
        Self::with(Slots::default())
    }
}

impl Arena {
    fn with(slots: Slots) -> Self {
        Self {
            slots,
            scoped: Vec::new(),
            marks: Vec::new(),
            free_lists: RefCell::new(FreeLists::new()),
            live_bytes: 0,
            precision: Precision::F32,
            #[cfg(not(target_arch = "wasm32"))]
            recording: None,
        }
    }

    /// An empty arena to which every handle of this one is stale.
    pub fn successor(&self) -> Self {
        Self::with(self.slots.successors())
    }

    /// Takes the products of losses in a precision, by its name, from here on where the CPU gains by it; else in f32. Returns
    /// whether it does.
    pub fn use_precision(&mut self, name: &str) -> Result<bool> {
        let Some(precision) = Precision::of_name(name) else {
            let message = format!("\"{name}\" is no precision; there are f32 and bf16");
            return Err(Fault::range(message).of("usePrecision"));
        };
        let available = precision.available();
        self.precision = if available { precision } else { Precision::F32 };
        Ok(available)
    }

    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    pub fn open_scope(&mut self) {
        self.marks.push(self.scoped.len());
    }

    /// Frees what the innermost scope holds but `kept`, which the scope around it takes over.
    ///
    /// Errors: `NO_SCOPE` where none is open, or where none is around it to keep something in; `FREED` for a kept id that
    /// names nothing. The scope is closed even so, and then it keeps nothing.
    pub fn close_scope(&mut self, kept: &[u32]) -> Result<()> {
        let fault = |message| Fault::new(Code::NoScope, message).of("closeScope");
        let mark = self.marks.pop().ok_or_else(|| fault("no scope is open"))?;
        let checked = if self.marks.is_empty() && !kept.is_empty() {
            Err(fault("no scope is around this one to keep tensors in"))
        } else {
            kept.iter().try_for_each(|&id| self.slots.expect(id, "a kept tensor").map(|_| ()))
        };
        let kept = if checked.is_ok() { kept } else { &[] };
        self.mark_kept(kept, true);
        self.sweep(mark);
        self.mark_kept(kept, false);
        self.free_lists.get_mut().end_scope();
        checked.map_err(|fault| fault.of("closeScope"))
    }

    /// Marks tensors for the sweep; those of outer scopes too, which it does not reach.
    fn mark_kept(&mut self, ids: &[u32], kept: bool) {
        for &id in ids {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.kept = kept;
            }
        }
    }

    /// Frees the ids from `mark` on, except the marked ones.
    fn sweep(&mut self, mark: usize) {
        let mut end = mark;
        for i in mark..self.scoped.len() {
            let id = self.scoped[i];
            match self.slots.get_mut(id) {
                Some(entry) if entry.kept => {
                    self.scoped[end] = id;
                    end += 1;
                }
                Some(_) => self.release(id),
                None => {}
            }
        }
        self.scoped.truncate(end);
    }

    /// Frees a tensor, a variable or a hold on frozen weights; ids that name nothing are ignored.
    pub fn release(&mut self, id: u32) {
        let Some(tensor) = self.slots.remove(id) else {
            return;
        };
        self.live_bytes -= tensor.bytes();
        if let Values::F32(buffer) | Values::I32(buffer) = tensor.values {
            self.free_lists.get_mut().put(buffer);
        }
    }

    /// A tensor for the result of an operation, with whatever values its buffer held before.
    #[inline(never)]
    pub(crate) fn f32_result(&self, shape: Shape) -> Result<Tensor> {
        self.check_scope()?;
        let buffer = self.free_lists.borrow_mut().take::<f32>(shape.count())?;
        Ok(Tensor { shape, values: Values::F32(buffer) })
    }

    #[inline(never)]
    pub(crate) fn i32_result(&self, shape: Shape) -> Result<Tensor> {
        self.check_scope()?;
        let buffer = self.free_lists.borrow_mut().take::<i32>(shape.count())?;
        Ok(Tensor { shape, values: Values::I32(buffer) })
    }

    /// A zeroed buffer for what stays long.
    pub(crate) fn lasting(&self, length: usize) -> Result<Buffer> {
        self.free_lists.borrow_mut().exact::<f32>(length)
    }

    /// Lends `length` numbers of scratch, whatever they hold, to `body`.
    pub(crate) fn with_scratch<R>(&self, length: usize, body: impl FnOnce(&mut [f32]) -> R) -> Result<R> {
        self.with_numbers(length, body)
    }

    /// Lends `length` places for an order of rows to `body`.
    pub(crate) fn with_order<R>(&self, length: usize, body: impl FnOnce(&mut [u32]) -> Result<R>) -> Result<R> {
        self.with_numbers(length, body)?
    }

    /// Lends `length` places for the candidates of a selection to `body`.
    pub(crate) fn with_keys<R>(&self, length: usize, body: impl FnOnce(&mut [u64]) -> Result<R>) -> Result<R> {
        self.with_numbers(length, body)?
    }

    /// Lends `length` places for codes to `body`.
    pub(crate) fn with_codes<R>(&self, length: usize, body: impl FnOnce(&mut [i32]) -> Result<R>) -> Result<R> {
        self.with_numbers(length, body)?
    }

    fn with_numbers<T: Number, R>(&self, length: usize, body: impl FnOnce(&mut [T]) -> R) -> Result<R> {
        let mut buffer = self.free_lists.borrow_mut().take::<T>(length)?;
        let result = body(buffer.values_mut(length));
        self.free_lists.borrow_mut().put(buffer);
        Ok(result)
    }

    fn check_scope(&self) -> Result<()> {
        if self.marks.is_empty() {
            return Err(Fault::new(Code::NoScope, "no scope is open to hold the result"));
        }
        Ok(())
    }

    /// Gives a result its id; the innermost scope frees it.
    #[inline(never)]
    pub(crate) fn keep(&mut self, tensor: Tensor) -> Result<u32> {
        let id = self.hold(tensor, Owner::Scope)?;
        self.scoped.push(id);
        Ok(id)
    }

    pub(crate) fn hold(&mut self, tensor: Tensor, owner: Owner) -> Result<u32> {
        let bytes = tensor.bytes();
        let id = self.slots.insert(tensor, owner)?;
        self.live_bytes += bytes;
        Ok(id)
    }

    /// The f32 tensor that the operation calls `name`.
    #[inline(never)]
    pub(crate) fn f32(&self, name: &'static str, id: u32) -> Result<View<'_, f32>> {
        self.slots.expect(id, name)?.tensor.f32_view(name)
    }

    /// The i32 tensor that the operation calls `name`.
    #[inline(never)]
    pub(crate) fn i32(&self, name: &'static str, id: u32) -> Result<View<'_, i32>> {
        self.slots.expect(id, name)?.tensor.i32_view(name)
    }

    /// The extents of the tensor that the operation calls `name`.
    pub(crate) fn extents(&self, name: &'static str, id: u32) -> Result<&[u32]> {
        Ok(self.slots.expect(id, name)?.tensor.shape.extents())
    }

    /// The frozen weights that an id holds, if that is what it is.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn weights(&self, id: u32) -> Option<Arc<Weights>> {
        match &self.slots.get(id)?.tensor.values {
            Values::Frozen(weights) => Some(Arc::clone(weights)),
            _ => None,
        }
    }

    /// The variable that the operation calls `name`: f32 values that may be written.
    pub(crate) fn variable_named(&self, name: &'static str, id: u32) -> Result<View<'_, f32>> {
        let entry = self.slots.expect(id, name)?;
        match (&entry.tensor.values, entry.owner) {
            (Values::F32(_), Owner::Holder) => self.f32(name, id),
            (Values::Frozen(_), _) => Err(Fault::shape(format!("{name} is frozen: its values never change"))),
            _ => Err(Fault::shape(format!("{name} is no variable: its values never change"))),
        }
    }

    /// Distinct tensors at once, to write the variables among them, which `variable_named` has checked.
    pub(crate) fn lend<const N: usize>(&mut self, ids: [u32; N]) -> Result<[&mut Tensor; N]> {
        self.slots.disjoint(ids)
    }

    /// [bytes of live tensors, bytes kept for reuse, buffers asked of the system so far]. Frozen weights are the process's.
    pub fn memory(&self) -> [f64; 3] {
        let free_lists = self.free_lists.borrow();
        [self.live_bytes as f64, free_lists.bytes() as f64, free_lists.allocations() as f64]
    }
}
