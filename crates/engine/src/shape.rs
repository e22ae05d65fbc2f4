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

    /// Errors: `SHAPE` for more than four axes, `RANGE` for an extent that an i32, which ids and offsets are, cannot count,
    /// `MEMORY` where the number of elements overflows.
    pub fn new(extents: &[u32]) -> Result<Self> {
        if extents.len() > MAX_AXES {
            return Err(Fault::shape(format!("a shape of {} axes; at most {MAX_AXES} are possible", extents.len())));
        }
        if let Some(&extent) = extents.iter().find(|&&extent| extent > i32::MAX as u32) {
            return Err(too_long(extent));
        }
        let mut shape = Self { axes: extents.len(), ..Self::SCALAR };
        shape.extents[..extents.len()].copy_from_slice(extents);
        match elements(extents).map(|count| (usize::try_from(count), count)) {
            Some((Ok(_), _)) => Ok(shape),
            // A machine of 32 bits says the same as one of 64 that has less memory
            Some((Err(_), count)) => Err(Fault::memory(format!("no memory for {count} elements of 4 bytes"))),
            None => Err(Fault::memory(format!("a tensor of {shape} elements is more than any machine can address"))),
        }
    }

    /// A shape of extents that kernels computed.
    pub fn of(extents: &[usize]) -> Result<Self> {
        let mut narrow = [0; MAX_AXES];
        for (to, &from) in narrow.iter_mut().zip(extents) {
            *to = u32::try_from(from).map_err(|_| too_long(from))?;
        }
        Self::new(&narrow[..extents.len()])
    }

    pub fn extents(&self) -> &[u32] {
        &self.extents[..self.axes]
    }

    /// The extents, if there are N.
    pub fn fixed<const N: usize>(&self) -> Option<[usize; N]> {
        let extents: &[u32; N] = self.extents().try_into().ok()?;
        Some(extents.map(|extent| extent as usize))
    }

    /// Number of elements; 1 for a scalar.
    pub fn count(&self) -> usize {
        let count = elements(self.extents()).and_then(|count| usize::try_from(count).ok());
        count.expect("the constructor refused shapes that overflow")
    }
}

/// Number of elements; 1 for a scalar. None where it overflows.
pub fn elements(extents: &[u32]) -> Option<u64> {
    extents.iter().try_fold(1u64, |product, &extent| product.checked_mul(u64::from(extent)))
}

fn too_long(extent: impl fmt::Display) -> Fault {
    Fault::range(format!("an extent of {extent}; at most {} are possible", i32::MAX))
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
        let most = i32::MAX as u32;
        assert_eq!(Shape::new(&[most; 3]).unwrap_err().code, Code::Memory);
        assert_eq!(Shape::new(&[most, 0]).unwrap().count(), 0);
        assert_eq!(Shape::new(&[most + 1, 0]).unwrap_err().code, Code::Range);
        assert_eq!(Shape::of(&[most as usize + 1]).unwrap_err().code, Code::Range);
        assert_eq!(Shape::new(&[1; 5]).unwrap_err().code, Code::Shape);
    }
}
