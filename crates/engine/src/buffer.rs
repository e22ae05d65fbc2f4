//! Aligned buffers in size classes, kept for reuse: a steady loop asks the system for nothing.

use crate::fault::{Fault, Result};

/// Bytes that a buffer's first element is aligned to: a cache line, and the widest vector.
const ALIGNMENT: usize = 64;
/// Elements of the smallest class; every class is a multiple of it.
const SMALLEST: u64 = 16;
/// Classes above the wanted one that may serve in its place (1.25² ≈ 1.6 times the size).
const STRETCH: usize = 2;

const CLASSES: [u64; 112] = {
    let mut classes = [SMALLEST; 112];
    let mut i = 1;
    while i < classes.len() {
        classes[i] = (classes[i - 1] * 5 / 4).div_ceil(SMALLEST) * SMALLEST;
        i += 1;
    }
    classes
};

/// `capacity` elements of which the user knows the first `length`.
#[derive(Debug)]
pub struct Buffer<T> {
    values: Vec<T>,
    /// Where the first aligned element stands; the vector never grows, so it never moves.
    start: usize,
    class: usize,
}

impl<T: Copy + Default> Buffer<T> {
    fn allocate(class: usize) -> Option<Self> {
        let spare = ALIGNMENT / size_of::<T>() - 1;
        let length = usize::try_from(CLASSES[class]).ok()?.checked_add(spare)?;
        let mut values = Vec::new();
        values.try_reserve_exact(length).ok()?;
        values.resize(length, T::default());
        let start = values.as_ptr().align_offset(ALIGNMENT).min(spare);
        Some(Self { values, start, class })
    }

    /// A buffer of its own that no shelf counts.
    pub fn alone(length: usize) -> Result<Self> {
        class_of(length).and_then(Self::allocate).ok_or_else(|| exhausted::<T>(length))
    }

    pub fn bytes(&self) -> usize {
        bytes_of::<T>(self.class)
    }

    pub fn values(&self, length: usize) -> &[T] {
        &self.values[self.start..self.start + length]
    }

    pub fn values_mut(&mut self, length: usize) -> &mut [T] {
        &mut self.values[self.start..self.start + length]
    }
}

/// Free buffers of one element type by class.
#[derive(Debug)]
pub struct Shelf<T> {
    free: Vec<Vec<Buffer<T>>>,
    bytes: usize,
    allocations: u64,
}

impl<T: Copy + Default> Shelf<T> {
    pub fn new() -> Self {
        Self { free: CLASSES.iter().map(|_| Vec::new()).collect(), bytes: 0, allocations: 0 }
    }

    /// A buffer of at least `length` elements with whatever values it held before.
    pub fn take(&mut self, length: usize) -> Result<Buffer<T>> {
        let class = class_of(length).ok_or_else(|| exhausted::<T>(length))?;
        let top = (class + STRETCH).min(CLASSES.len() - 1);
        if let Some(buffer) = self.free[class..=top].iter_mut().find_map(Vec::pop) {
            self.bytes -= buffer.bytes();
            return Ok(buffer);
        }
        self.allocations += 1;
        Buffer::allocate(class)
            .or_else(|| {
                self.clear();
                Buffer::allocate(class)
            })
            .ok_or_else(|| exhausted::<T>(length))
    }

    pub fn put(&mut self, buffer: Buffer<T>) {
        self.bytes += buffer.bytes();
        self.free[buffer.class].push(buffer);
    }

    /// Gives all free buffers back to the system.
    fn clear(&mut self) {
        self.free.iter_mut().for_each(|class| *class = Vec::new());
        self.bytes = 0;
    }

    /// Bytes on the shelf.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Buffers asked of the system so far.
    pub fn allocations(&self) -> u64 {
        self.allocations
    }
}

fn class_of(length: usize) -> Option<usize> {
    let class = CLASSES.partition_point(|&size| size < length as u64);
    (class < CLASSES.len()).then_some(class)
}

fn bytes_of<T>(class: usize) -> usize {
    CLASSES[class] as usize * size_of::<T>()
}

fn exhausted<T>(length: usize) -> Fault {
    Fault::memory(format!("no memory for {length} elements of {} bytes", size_of::<T>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    #[test]
    fn classes_grow_by_a_quarter_at_most_beyond_rounding() {
        assert_eq!(&CLASSES[..8], &[16, 32, 48, 64, 80, 112, 144, 192]);
        for pair in CLASSES.windows(2) {
            assert!(pair[1] > pair[0] && pair[1] <= pair[0] * 5 / 4 + SMALLEST);
        }
        assert_eq!(class_of(0), Some(0));
        assert_eq!(class_of(16), Some(0));
        assert_eq!(class_of(17), Some(1));
    }

    #[test]
    fn buffers_are_aligned_and_used_again() {
        let mut shelf = Shelf::<f32>::new();
        for length in [0, 1, 17, 1000, 12_345] {
            let buffer = shelf.take(length).unwrap();
            assert_eq!(buffer.values(length).as_ptr() as usize % ALIGNMENT, 0);
            shelf.put(buffer);
        }
        let before = shelf.allocations();
        let buffer = shelf.take(990).unwrap();
        assert_eq!(shelf.allocations(), before);
        shelf.put(buffer);
    }

    #[test]
    fn a_much_larger_buffer_does_not_serve_a_small_one() {
        let mut shelf = Shelf::<f32>::new();
        let large = shelf.take(100_000).unwrap();
        shelf.put(large);
        let held = shelf.bytes();
        shelf.take(100).unwrap();
        assert_eq!(shelf.allocations(), 2);
        assert_eq!(shelf.bytes(), held);
    }

    #[test]
    fn sizes_that_cannot_be_had_are_a_fault() {
        assert_eq!(Shelf::<f32>::new().take(usize::MAX / 8).unwrap_err().code, Code::Memory);
    }
}
