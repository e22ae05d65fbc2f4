//! Buffers in size classes, kept for reuse: a steady loop asks the system for nothing, and free buffers of sizes that are not
//! wanted any more make room for those that are.

use foci_kernels::simd::memory::{Memory, Number};

use crate::fault::{Fault, Result};

/// Bytes of the smallest class; every class is a multiple of it.
const SMALLEST: u64 = 64;
/// Classes above the wanted one that may serve in its place (1.25² ≈ 1.6 times the size).
const STRETCH: usize = 2;
/// Scopes after which buffers that none of them needed go back to the system.
const WINDOW: u32 = if cfg!(miri) { 16 } else { 1024 };

/// Bytes of free buffers that nobody minds.
const FEW: usize = 1 << 20;

const CLASSES: [u64; 112] = {
    let mut classes = [SMALLEST; 112];
    let mut i = 1;
    while i < classes.len() {
        classes[i] = (classes[i - 1] * 5 / 4).div_ceil(SMALLEST) * SMALLEST;
        i += 1;
    }
    classes
};

/// Memory of which the user knows type and length.
#[derive(Debug)]
pub struct Buffer {
    memory: Memory,
    /// Where it goes for reuse; none where it has just the size that was asked for.
    class: Option<usize>,
}

impl Buffer {
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    pub fn values<T: Number>(&self, length: usize) -> &[T] {
        self.memory.values(length)
    }

    pub fn values_mut<T: Number>(&mut self, length: usize) -> &mut [T] {
        self.memory.values_mut(length)
    }
}

/// Free buffers of one class, the last used on top.
#[derive(Debug, Default)]
struct FreeList {
    buffers: Vec<Buffer>,
    /// How low the list has been in this window: so many at its bottom were not needed.
    unused: usize,
    /// When one was last taken from it or put on it, as [`FreeLists::now`] counts.
    used: u64,
}

/// Free buffers by class, for numbers of any type.
#[derive(Debug)]
pub struct FreeLists {
    lists: Vec<FreeList>,
    /// Bytes on the free lists, bytes that were taken and not put back, and the most that there were of these.
    bytes: usize,
    taken: usize,
    most: usize,
    /// Buffers taken or put so far.
    now: u64,
    allocations: u64,
    scopes: u32,
}

impl FreeLists {
    pub fn new() -> Self {
        let lists = CLASSES.iter().map(|_| FreeList::default()).collect();
        Self { lists, bytes: 0, taken: 0, most: 0, now: 0, allocations: 0, scopes: 0 }
    }

    /// A buffer for `length` numbers with whatever it held before.
    pub fn take<T: Number>(&mut self, length: usize) -> Result<Buffer> {
        let class = class_of(bytes_of::<T>(length)).ok_or_else(|| exhausted::<T>(length))?;
        let buffer = match self.reuse(class) {
            Some(buffer) => buffer,
            None => {
                self.make_room(CLASSES[class]);
                let memory = self.allocate(CLASSES[class]).ok_or_else(|| exhausted::<T>(length))?;
                Buffer { memory, class: Some(class) }
            }
        };
        self.taken += buffer.bytes();
        self.most = self.most.max(self.taken);
        Ok(buffer)
    }

    /// A free buffer of a class, or of one a little above.
    fn reuse(&mut self, class: usize) -> Option<Buffer> {
        let top = (class + STRETCH).min(CLASSES.len() - 1);
        let list = self.lists[class..=top].iter_mut().find(|list| !list.buffers.is_empty())?;
        let buffer = list.buffers.pop()?;
        self.now += 1;
        list.used = self.now;
        list.unused = list.unused.min(list.buffers.len());
        self.bytes -= buffer.bytes();
        Some(buffer)
    }

    /// Gives free buffers back, those first that were not used for the longest, until with `more` bytes there is a quarter more
    /// at most than was ever in use at once.
    fn make_room(&mut self, more: u64) {
        let taken = self.taken as u64 + more;
        let bound = taken.max(self.most as u64) / 4 * 5;
        while self.bytes > FEW && self.bytes as u64 + taken > bound {
            let oldest = self.lists.iter_mut().filter(|list| !list.buffers.is_empty()).min_by_key(|list| list.used);
            let Some(list) = oldest else { return };
            self.bytes -= list.buffers.remove(0).bytes();
            list.unused = list.unused.saturating_sub(1);
        }
    }

    /// A zeroed buffer of `length` numbers and hardly more, for what stays long: it never comes to a free list.
    pub fn exact<T: Number>(&mut self, length: usize) -> Result<Buffer> {
        let memory = self.allocate(bytes_of::<T>(length)).ok_or_else(|| exhausted::<T>(length))?;
        Ok(Buffer { memory, class: None })
    }

    /// Zeroed memory of the system, if need be that of the free lists.
    fn allocate(&mut self, bytes: u64) -> Option<Memory> {
        let bytes = usize::try_from(bytes).ok()?;
        self.allocations += 1;
        Memory::zeroed(bytes).or_else(|| {
            self.clear();
            Memory::zeroed(bytes)
        })
    }

    pub fn put(&mut self, buffer: Buffer) {
        if let Some(class) = buffer.class {
            self.bytes += buffer.bytes();
            self.taken -= buffer.bytes();
            self.now += 1;
            self.lists[class].used = self.now;
            self.lists[class].buffers.push(buffer);
        }
    }

    /// Tells that a scope has ended: at the end of a window, what no scope of it needed goes back to the system.
    pub fn end_scope(&mut self) {
        self.scopes += 1;
        if self.scopes == WINDOW {
            self.scopes = 0;
            self.trim();
        }
    }

    fn trim(&mut self) {
        for list in &mut self.lists {
            let unused = list.buffers.drain(..list.unused);
            self.bytes -= unused.map(|buffer| buffer.bytes()).sum::<usize>();
            list.unused = list.buffers.len();
        }
    }

    /// Gives all free buffers back to the system.
    fn clear(&mut self) {
        self.lists.iter_mut().for_each(|list| *list = FreeList::default());
        self.bytes = 0;
    }

    /// Bytes on the free lists.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Buffers asked of the system so far.
    pub fn allocations(&self) -> u64 {
        self.allocations
    }
}

fn class_of(bytes: u64) -> Option<usize> {
    let class = CLASSES.partition_point(|&size| size < bytes);
    (class < CLASSES.len()).then_some(class)
}

fn bytes_of<T>(length: usize) -> u64 {
    (length as u64).saturating_mul(size_of::<T>() as u64)
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
        assert_eq!(&CLASSES[..8], &[64, 128, 192, 256, 320, 448, 576, 768]);
        for pair in CLASSES.windows(2) {
            assert!(pair[1] > pair[0] && pair[1] <= pair[0] * 5 / 4 + SMALLEST);
        }
        assert_eq!([0, 64, 65].map(class_of), [Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn a_buffer_serves_numbers_of_any_type_again() {
        let mut free_lists = FreeLists::new();
        let buffer = free_lists.take::<f32>(1000).unwrap();
        free_lists.put(buffer);
        let buffer = free_lists.take::<i32>(990).unwrap();
        assert_eq!((free_lists.allocations(), free_lists.bytes()), (1, 0));
        free_lists.put(buffer);
        free_lists.take::<u32>(980).unwrap();
        assert_eq!(free_lists.allocations(), 1);
    }

    #[test]
    fn a_much_larger_buffer_does_not_serve_a_small_one() {
        let mut free_lists = FreeLists::new();
        let large = free_lists.take::<f32>(100_000).unwrap();
        free_lists.put(large);
        let held = free_lists.bytes();
        free_lists.take::<f32>(100).unwrap();
        assert_eq!(free_lists.allocations(), 2);
        assert_eq!(free_lists.bytes(), held);
    }

    #[test]
    fn what_stays_long_has_the_size_that_was_asked_for() {
        let mut free_lists = FreeLists::new();
        let buffer = free_lists.exact::<f32>(1601).unwrap();
        // 6,404 bytes are 101 lines of 64.
        assert_eq!(buffer.bytes(), 6464);
        free_lists.put(buffer);
        assert_eq!((free_lists.bytes(), free_lists.allocations()), (0, 1));
    }

    /// Scopes that take and put back the buffers that `lengths` says, all at once.
    fn scopes(free_lists: &mut FreeLists, count: u32, lengths: impl Fn(u32) -> Vec<usize>) {
        for scope in 0..count {
            let taken: Vec<Buffer> = lengths(scope).into_iter().map(|n| free_lists.take::<f32>(n).unwrap()).collect();
            taken.into_iter().for_each(|buffer| free_lists.put(buffer));
            free_lists.end_scope();
        }
    }

    #[test]
    fn what_no_scope_of_a_window_needed_goes_back() {
        let mut free_lists = FreeLists::new();
        scopes(&mut free_lists, 1, |_| vec![1000, 1000, 1000, 100_000]);
        // The first window began with empty free lists, so it ends with all that it had; the second needed one.
        scopes(&mut free_lists, 2 * WINDOW - 1, |_| vec![1000]);
        let class = CLASSES[class_of(4000).unwrap()];
        assert_eq!(free_lists.bytes() as u64, class);
    }

    #[test]
    fn a_steady_loop_loses_nothing_to_trimming() {
        let mut free_lists = FreeLists::new();
        let (period, windows) = if cfg!(miri) { (3, 3) } else { (97, 10) };
        let cycle = |scope: u32| vec![500; 1 + (scope % period) as usize];
        scopes(&mut free_lists, period, cycle);
        let before = (free_lists.allocations(), free_lists.bytes());
        scopes(&mut free_lists, windows * WINDOW, cycle);
        assert_eq!((free_lists.allocations(), free_lists.bytes()), before);
    }

    #[test]
    fn buffers_of_sizes_that_nobody_wants_any_more_make_room() {
        let mut free_lists = FreeLists::new();
        scopes(&mut free_lists, 1, |_| vec![1 << 20; 8]);
        // Twice as large, so none of the eight serves; then small ones, which the large ones are too large for.
        for length in [2 << 20, 1 << 18] {
            scopes(&mut free_lists, 1, |_| vec![length; 4 * (2 << 20) / length]);
            assert!(
                free_lists.bytes() <= free_lists.most / 4 * 5 && free_lists.taken == 0,
                "{} of {}",
                free_lists.bytes(),
                free_lists.most
            );
        }
        // And what fits in both sizes is there.
        let before = free_lists.allocations();
        scopes(&mut free_lists, 3, |_| vec![1 << 18; 32]);
        assert_eq!(free_lists.allocations(), before);
    }

    #[test]
    fn two_sizes_in_turn_are_soon_held() {
        let mut free_lists = FreeLists::new();
        let alternating = |scope: u32| vec![if scope.is_multiple_of(2) { 900_000 } else { 1_200_000 }; 8];
        scopes(&mut free_lists, 4, alternating);
        let before = (free_lists.allocations(), free_lists.bytes());
        scopes(&mut free_lists, 10, alternating);
        assert_eq!((free_lists.allocations(), free_lists.bytes()), before);
    }

    #[test]
    fn sizes_that_cannot_be_had_are_a_fault() {
        for length in [usize::MAX / 8, usize::MAX] {
            assert_eq!(FreeLists::new().take::<f32>(length).unwrap_err().code, Code::Memory);
            assert_eq!(FreeLists::new().exact::<f32>(length).unwrap_err().code, Code::Memory);
        }
    }
}
