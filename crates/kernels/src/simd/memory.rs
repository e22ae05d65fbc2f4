//! Memory that begins on a cache line, seen as numbers of any type.

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Numbers that memory can hold.
///
/// # Safety
/// Any bits are a value, and the alignment is at most that of a cache line.
pub unsafe trait Number: Copy {}

// SAFETY: any 32 bits are one.
unsafe impl Number for f32 {}
// SAFETY: as above.
unsafe impl Number for i32 {}
// SAFETY: as above.
unsafe impl Number for u32 {}
// SAFETY: any 64 bits are one.
unsafe impl Number for u64 {}

/// Whole cache lines.
pub struct Memory(Vec<Line>);

impl Memory {
    /// Zeroed memory of at least `bytes`; None where there is none.
    pub fn zeroed(bytes: usize) -> Option<Self> {
        let count = bytes.div_ceil(LINE);
        let mut lines = Vec::new();
        lines.try_reserve_exact(count).ok()?;
        lines.resize(count, Line([0; LINE]));
        Some(Self(lines))
    }

    pub fn bytes(&self) -> usize {
        self.0.len() * LINE
    }

    /// The first `length` numbers. Panics where the memory is shorter.
    pub fn values<T: Number>(&self, length: usize) -> &[T] {
        self.expect::<T>(length);
        // SAFETY: the lines hold `length` numbers, any bits are a `T`, and a line's alignment is enough for it.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), length) }
    }

    /// The first `length` numbers, to write. Panics where the memory is shorter.
    pub fn values_mut<T: Number>(&mut self, length: usize) -> &mut [T] {
        self.expect::<T>(length);
        // SAFETY: as above, and any `T` is bits of a line.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), length) }
    }

    fn expect<T>(&self, length: usize) {
        assert!(length <= self.bytes() / size_of::<T>(), "memory holds what is asked of it");
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory of {} bytes", self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_on_a_line_and_is_zero() {
        for bytes in [0, 1, 64, 65, 1000] {
            let memory = Memory::zeroed(bytes).unwrap();
            assert_eq!(memory.bytes(), bytes.next_multiple_of(64));
            assert_eq!(memory.values::<f32>(bytes / 4).as_ptr() as usize % 64, 0);
            assert!(memory.values::<u32>(memory.bytes() / 4).iter().all(|&x| x == 0));
        }
        assert!(Memory::zeroed(usize::MAX).is_none());
    }

    #[test]
    fn shows_one_memory_as_several_types() {
        let mut memory = Memory::zeroed(8).unwrap();
        memory.values_mut::<f32>(2).copy_from_slice(&[1.0, -0.0]);
        assert_eq!(memory.values::<u32>(2), [0x3f80_0000, 0x8000_0000]);
        assert_eq!(memory.values::<i32>(2), [0x3f80_0000, i32::MIN]);
    }

    #[test]
    #[should_panic(expected = "memory holds what is asked of it")]
    fn shows_no_more_than_there_is() {
        Memory::zeroed(64).unwrap().values::<f32>(17);
    }
}
