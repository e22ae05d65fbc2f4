//! The extents of a tensor.

use std::fmt;

use crate::fault::{Fault, Result};

/// Most axes that a tensor has.
pub const MAX_AXES: usize = 4;

/// Extents in row-major order, held in place: making a tensor allocates no list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    axes: usize,
    extents: [u32; MAX_AXES],
}

impl Shape {
    pub const SCALAR: Self = Self { axes: 0, extents: [0; MAX_AXES] };

    /// Errors: `SHAPE` for more than four axes, `MEMORY` where the number of elements overflows.
    pub fn new(extents: &[u32]) -> Result<Self> {
        if extents.len() > MAX_AXES {
            return Err(Fault::shape(format!("a shape of {} axes; at most {MAX_AXES} are possible", extents.len())));
        }
        let mut shape = Self { axes: extents.len(), ..Self::SCALAR };
        shape.extents[..extents.len()].copy_from_slice(extents);
        match shape.elements() {
            Some(_) => Ok(shape),
            None => Err(Fault::memory(format!("a tensor of {shape} elements is more than this machine can address"))),
        }
    }

    /// A shape of extents that kernels computed.
    pub fn of(extents: &[usize]) -> Result<Self> {
        let mut narrow = [0; MAX_AXES];
        for (to, &from) in narrow.iter_mut().zip(extents) {
            *to = u32::try_from(from).map_err(|_| {
                Fault::memory(format!("a tensor of {extents:?} elements is more than an extent can count"))
            })?;
        }
        Self::new(&narrow[..extents.len()])
    }

    pub fn extents(&self) -> &[u32] {
        &self.extents[..self.axes]
    }

    /// Number of elements; 1 for a scalar. None where it overflows.
    fn elements(&self) -> Option<usize> {
        self.extents().iter().try_fold(1usize, |product, &extent| product.checked_mul(extent as usize))
    }

    /// Number of elements; 1 for a scalar.
    pub fn count(&self) -> usize {
        self.elements().expect("the constructor refused shapes that overflow")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.extents())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn counts_elements() {
        assert_eq!(Shape::SCALAR.count(), 1);
        assert_eq!(Shape::new(&[2, 3, 4]).unwrap().count(), 24);
        assert_eq!(Shape::new(&[7, 0]).unwrap().count(), 0);
    }

    #[test]
    fn refuses_what_cannot_be_counted() {
        assert_eq!(Shape::new(&[u32::MAX; 3]).unwrap_err().code, Code::Memory);
        assert_eq!(Shape::new(&[1; 5]).unwrap_err().code, Code::Shape);
    }
}
