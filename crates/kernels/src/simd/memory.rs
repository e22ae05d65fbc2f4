//! Memory that begins on a cache line: from the heap, seen as numbers of any type, and on the stack.

use std::alloc::{Layout, alloc_zeroed};
use std::mem::MaybeUninit;

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// What the system's allocator aligns to of itself: more, and it would write the zeros of pages that are zero already.
type Word = u128;
const WORD: usize = size_of::<Word>();

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

/// Whole cache lines. What nobody writes takes no room in memory where the system counts pages.
pub struct Memory {
    words: Vec<Word>,
    /// Words before the first line.
    skipped: usize,
    bytes: usize,
}

impl Memory {
    /// Zeroed memory of at least `bytes`; None where there is none.
    pub fn zeroed(bytes: usize) -> Option<Self> {
        let bytes = bytes.checked_next_multiple_of(LINE)?;
        let words = zeroed_words(bytes / WORD + LINE / WORD - 1)?;
        let skipped = words.as_ptr().align_offset(LINE);
        assert!(skipped < LINE / WORD, "words end where lines do");
        Some(Self { words, skipped, bytes })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first `length` numbers. Panics where the memory is shorter.
    pub fn values<T: Number>(&self, length: usize) -> &[T] {
        self.expect::<T>(length);
        // SAFETY: the lines hold `length` numbers, any bits are a `T`, and a line's alignment is enough for it.
        unsafe { std::slice::from_raw_parts(self.words[self.skipped..].as_ptr().cast(), length) }
    }

    /// The first `length` numbers, to write. Panics where the memory is shorter.
    pub fn values_mut<T: Number>(&mut self, length: usize) -> &mut [T] {
        self.expect::<T>(length);
        // SAFETY: as above, and any `T` is bits of words.
        unsafe { std::slice::from_raw_parts_mut(self.words[self.skipped..].as_mut_ptr().cast(), length) }
    }

    fn expect<T>(&self, length: usize) {
        assert!(length <= self.bytes() / size_of::<T>(), "memory holds what is asked of it");
    }
}

/// `count` zeros, at least one.
fn zeroed_words(count: usize) -> Option<Vec<Word>> {
    let layout = Layout::array::<Word>(count).ok()?;
    assert!(layout.size() > 0, "an allocation has a size");
    // SAFETY: the layout's size is not 0.
    let words = unsafe { alloc_zeroed(layout) };
    // SAFETY: the global allocator gave room for `count` words in their layout, and zeros are words.
    (!words.is_null()).then(|| unsafe { Vec::from_raw_parts(words.cast(), count, count) })
}

/// Room for `N` f32 on the stack, cleared as far as it is ever asked for: to clear it all would cost short work more than
/// the work itself.
#[repr(C, align(64))]
pub struct Stack<const N: usize> {
    values: [MaybeUninit<f32>; N],
    cleared: usize,
}

impl<const N: usize> Stack<N> {
    #[inline(always)]
    pub fn new() -> Self {
        Self { values: [const { MaybeUninit::uninit() }; N], cleared: 0 }
    }

    /// Parts of these lengths, the first on a cache line: what was last written there, in the beginning zeros.
    pub fn parts<const M: usize>(&mut self, lengths: [usize; M]) -> [&mut [f32]; M] {
        let mut rest = self.first(lengths.iter().sum());
        lengths.map(|length| rest.split_off_mut(..length).expect("the sum of all lengths"))
    }

    fn first(&mut self, length: usize) -> &mut [f32] {
        let values = &mut self.values[..length];
        if self.cleared < length {
            values[self.cleared..].fill(MaybeUninit::new(0.0));
            self.cleared = length;
        }
        // SAFETY: all were written: those below `cleared` by an earlier call, the others just now.
        unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), length) }
    }
}

impl<const N: usize> Default for Stack<N> {
    fn default() -> Self {
        Self::new()
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
    fn a_stack_begins_with_zeros_and_keeps_what_was_written() {
        let mut stack = Stack::<100>::new();
        let [a, b] = stack.parts([3, 4]);
        assert_eq!((&*a, &*b), (&[0.0; 3][..], &[0.0; 4][..]));
        (a[2], b[0]) = (1.0, 2.0);
        let [c] = stack.parts([100]);
        assert_eq!(c.as_ptr() as usize % 64, 0);
        assert_eq!((c[2], c[3], c[4..].iter().sum::<f32>()), (1.0, 2.0, 0.0));
    }

    #[test]
    #[should_panic(expected = "range end index 101 out of range")]
    fn a_stack_has_an_end() {
        Stack::<100>::new().parts([50, 51]);
    }

    #[test]
    #[should_panic(expected = "memory holds what is asked of it")]
    fn shows_no_more_than_there_is() {
        Memory::zeroed(64).unwrap().values::<f32>(17);
    }
}
