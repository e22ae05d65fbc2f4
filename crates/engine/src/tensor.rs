//! What an arena holds, and how operations see it.

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayViewMut1, ArrayViewMut2, ArrayViewMut3};

use crate::buffer::Buffer;
use crate::fault::{Fault, Result};
use crate::frozen::Weights;
use crate::shape::Shape;

/// What a tensor's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    F32,
    I32,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::F32 { "f32" } else { "i32" })
    }
}

/// Where the values of a tensor are.
#[derive(Debug)]
pub enum Values {
    F32(Buffer),
    I32(Buffer),
    /// Read-only, shared by the threads of the process.
    Frozen(Arc<Weights>),
}

#[derive(Debug)]
pub struct Tensor {
    pub shape: Shape,
    pub values: Values,
}

impl Tensor {
    pub fn f32(&self) -> Option<&[f32]> {
        match self.buffer() {
            (Kind::F32, buffer) => Some(buffer.values(self.shape.count())),
            (Kind::I32, _) => None,
        }
    }

    pub fn i32(&self) -> Option<&[i32]> {
        match self.buffer() {
            (Kind::I32, buffer) => Some(buffer.values(self.shape.count())),
            (Kind::F32, _) => None,
        }
    }

    /// As the f32 argument that an operation calls `name`.
    pub fn f32_view(&self, name: &'static str) -> Result<View<'_, f32>> {
        match self.f32() {
            Some(values) => Ok(View { name, shape: self.shape, values }),
            None => Err(Fault::shape(format!("{name} {} holds i32; f32 is due", self.shape))),
        }
    }

    /// As the i32 argument that an operation calls `name`.
    pub fn i32_view(&self, name: &'static str) -> Result<View<'_, i32>> {
        match self.i32() {
            Some(values) => Ok(View { name, shape: self.shape, values }),
            None => Err(Fault::shape(format!("{name} {} holds f32; i32 is due", self.shape))),
        }
    }

    fn buffer(&self) -> (Kind, &Buffer) {
        match &self.values {
            Values::F32(buffer) => (Kind::F32, buffer),
            Values::I32(buffer) => (Kind::I32, buffer),
            Values::Frozen(weights) => (weights.kind, &weights.buffer),
        }
    }

    /// The values to write, of a tensor that an operation has just made or of a variable.
    #[inline(never)]
    pub fn f32_mut(&mut self) -> &mut [f32] {
        match &mut self.values {
            Values::F32(buffer) => buffer.values_mut(self.shape.count()),
            _ => unreachable!("made as f32"),
        }
    }

    #[inline(never)]
    pub fn i32_mut(&mut self) -> &mut [i32] {
        match &mut self.values {
            Values::I32(buffer) => buffer.values_mut(self.shape.count()),
            _ => unreachable!("made as i32"),
        }
    }

    // Views are never inlined: in each operation they would be some kilobytes of the WebAssembly module.

    /// [n], or all elements of another shape, row by row, to write.
    #[inline(never)]
    pub fn f32_view1_mut(&mut self) -> ArrayViewMut1<'_, f32> {
        ArrayViewMut1::from(self.f32_mut())
    }

    /// [..., D] as rows [n, D], to write; a matrix is its own rows.
    #[inline(never)]
    pub fn f32_view2_mut(&mut self) -> ArrayViewMut2<'_, f32> {
        rows_mut(self.shape, self.f32_mut())
    }

    /// [l, n, m] to write.
    #[inline(never)]
    pub fn f32_view3_mut(&mut self) -> ArrayViewMut3<'_, f32> {
        let shape: [usize; 3] = self.shape.fixed().expect("made with three axes");
        ArrayViewMut3::from_shape(shape, self.f32_mut()).unwrap_or_else(|_| unreachable!("{HOLDS}"))
    }

    #[inline(never)]
    pub fn i32_view1_mut(&mut self) -> ArrayViewMut1<'_, i32> {
        ArrayViewMut1::from(self.i32_mut())
    }

    #[inline(never)]
    pub fn i32_view2_mut(&mut self) -> ArrayViewMut2<'_, i32> {
        rows_mut(self.shape, self.i32_mut())
    }

    /// Bytes of this arena that it occupies.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::F32(buffer) | Values::I32(buffer) => buffer.bytes(),
            Values::Frozen(_) => 0,
        }
    }
}

/// An argument of an operation: its name in the operation, its shape, its values.
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    pub name: &'static str,
    pub shape: Shape,
    pub values: &'a [T],
}

impl<'a, T> View<'a, T> {
    /// [n]
    #[inline(never)]
    pub fn view1(&self) -> Result<ArrayView1<'a, T>> {
        self.vector()?;
        Ok(self.flat())
    }

    /// [n, m]
    #[inline(never)]
    pub fn view2(&self) -> Result<ArrayView2<'a, T>> {
        self.matrix()?;
        self.view_rows()
    }

    /// [l, n, m]
    #[inline(never)]
    pub fn view3(&self) -> Result<ArrayView3<'a, T>> {
        let Some(shape) = self.shape.fixed::<3>() else {
            return Err(Fault::shape(format!("{self} must have three axes")));
        };
        Ok(ArrayView3::from_shape(shape, self.values).unwrap_or_else(|_| unreachable!("{HOLDS}")))
    }

    /// [..., D] as rows [n, D]
    #[inline(never)]
    pub fn view_rows(&self) -> Result<ArrayView2<'a, T>> {
        let shape = self.rows()?;
        Ok(ArrayView2::from_shape(shape, self.values).unwrap_or_else(|_| unreachable!("{HOLDS}")))
    }

    /// All elements, row by row, whatever the shape.
    #[inline(never)]
    pub fn flat(&self) -> ArrayView1<'a, T> {
        ArrayView1::from(self.values)
    }

    /// [..., D] as (rows, D).
    #[inline(never)]
    pub fn rows(&self) -> Result<(usize, usize)> {
        rows_of(&self.shape).ok_or_else(|| Fault::shape(format!("{self} must have at least one axis")))
    }

    /// [n, m] as (n, m).
    #[inline(never)]
    pub fn matrix(&self) -> Result<(usize, usize)> {
        let fault = || Fault::shape(format!("{self} must have two axes"));
        self.shape.fixed().map(|[rows, columns]| (rows, columns)).ok_or_else(fault)
    }

    /// [n] as n.
    #[inline(never)]
    pub fn vector(&self) -> Result<usize> {
        let fault = || Fault::shape(format!("{self} must have one axis"));
        self.shape.fixed().map(|[length]| length).ok_or_else(fault)
    }

    /// Errors unless the shape is `extents`; `meaning` says what they are, such as `[D]`.
    #[inline(never)]
    pub fn expect(&self, extents: &[usize], meaning: &str) -> Result<()> {
        if self.shape.extents().iter().map(|&extent| extent as usize).eq(extents.iter().copied()) {
            return Ok(());
        }
        Err(Fault::shape(format!("{self} must be {extents:?}, {meaning}")))
    }

    /// Errors unless both have one shape.
    #[inline(never)]
    pub fn same<U>(&self, other: &View<'_, U>) -> Result<()> {
        if self.shape == other.shape {
            return Ok(());
        }
        Err(Fault::shape(format!("{self} and {other} must have one shape")))
    }
}

const HOLDS: &str = "a tensor holds the elements of its shape";

/// [..., D] as rows [n, D].
#[inline(never)]
fn rows_mut<T>(shape: Shape, values: &mut [T]) -> ArrayViewMut2<'_, T> {
    let rows = rows_of(&shape).expect("made with axes");
    ArrayViewMut2::from_shape(rows, values).unwrap_or_else(|_| unreachable!("{HOLDS}"))
}

/// [..., D] as (rows, D); none of a scalar.
fn rows_of(shape: &Shape) -> Option<(usize, usize)> {
    let (&width, leading) = shape.extents().split_last()?;
    Some((leading.iter().map(|&extent| extent as usize).product(), width as usize))
}

impl<T> fmt::Display for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.shape)
    }
}
