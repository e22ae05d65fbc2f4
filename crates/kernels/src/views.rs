//! Arrays as the slices that loops run over.

use ndarray::{ArrayView, ArrayViewMut, Dimension};

/// The elements of an array in row-major order, as they must lie.
#[inline(never)]
pub(crate) fn elements<'a, T, D: Dimension>(x: ArrayView<'a, T, D>) -> &'a [T] {
    x.to_slice().expect("arrays are row-major")
}

/// The same, to be written.
#[inline(never)]
pub(crate) fn elements_mut<'a, T, D: Dimension>(x: ArrayViewMut<'a, T, D>) -> &'a mut [T] {
    x.into_slice().expect("arrays are row-major")
}

#[cfg(test)]
pub(crate) mod testing {
    use ndarray::{ArrayView2, ArrayViewMut2};

    /// Rows of a width that is not 0.
    pub fn matrix(x: &[f32], width: usize) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((x.len() / width, width), x).unwrap()
    }

    pub fn matrix_mut(x: &mut [f32], width: usize) -> ArrayViewMut2<'_, f32> {
        ArrayViewMut2::from_shape((x.len() / width, width), x).unwrap()
    }
}
