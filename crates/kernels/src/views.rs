//! The doors of kernels: a shape comes with its data, as a view; the loops behind take slices.

use ndarray::{ArrayView, ArrayViewMut, Dimension};

/// The elements, row by row. Panics unless they lie so in memory, as those of tensors do.
#[inline(never)] // in each kernel its checks would be a part of the WebAssembly module
pub(crate) fn elements<'a, T, D: Dimension>(view: &ArrayView<'a, T, D>) -> &'a [T] {
    view.to_slice().expect("rows lie one after the other")
}

/// The elements, row by row, to write. Panics unless they lie so in memory.
#[inline(never)]
pub(crate) fn elements_mut<'a, T, D: Dimension>(view: ArrayViewMut<'a, T, D>) -> &'a mut [T] {
    view.into_slice().expect("rows lie one after the other")
}

/// Slices as views.
#[cfg(test)]
pub(crate) mod testing {
    use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

    /// As many rows as there are, none where they have no width.
    fn rows(length: usize, width: usize) -> (usize, usize) {
        (length.checked_div(width).unwrap_or(0), width)
    }

    pub fn shaped<T>(shape: (usize, usize), x: &[T]) -> ArrayView2<'_, T> {
        ArrayView2::from_shape(shape, x).expect("whole rows")
    }

    pub fn shaped_mut<T>(shape: (usize, usize), x: &mut [T]) -> ArrayViewMut2<'_, T> {
        ArrayViewMut2::from_shape(shape, x).expect("whole rows")
    }

    pub fn vector<T>(x: &[T]) -> ArrayView1<'_, T> {
        ArrayView1::from(x)
    }

    pub fn vector_mut<T>(x: &mut [T]) -> ArrayViewMut1<'_, T> {
        ArrayViewMut1::from(x)
    }

    pub fn matrix<T>(x: &[T], width: usize) -> ArrayView2<'_, T> {
        shaped(rows(x.len(), width), x)
    }

    pub fn matrix_mut<T>(x: &mut [T], width: usize) -> ArrayViewMut2<'_, T> {
        shaped_mut(rows(x.len(), width), x)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::matrix;
    use super::*;

    #[test]
    fn elements_come_row_by_row() {
        let x = [1, 2, 3, 4, 5, 6];
        assert_eq!(elements(&matrix(&x, 3)), x);
        assert!(elements(&matrix(&x[..0], 0)).is_empty());
    }

    #[test]
    #[should_panic(expected = "rows lie one after the other")]
    fn columns_are_no_rows() {
        elements(&matrix(&[1, 2, 3, 4, 5, 6], 3).reversed_axes());
    }
}
