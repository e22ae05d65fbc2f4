//! How a kernel spreads its work: blocks fixed by the shape, run by whoever the caller lends.

/// Runs `body(0) … body(blocks - 1)`, in any order and on any threads, and returns when all are done.
pub trait Parallel: Sync {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync));
}

/// Runs every block on the calling thread, in order: WebAssembly, tests, single requests.
pub struct Serial;

impl Parallel for Serial {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..blocks).for_each(body);
    }
}

/// Runs `body(block, part)` over consecutive parts of `out`, `size` elements each (the last may be shorter).
pub fn over_parts<T: Send>(
    run: &impl Parallel,
    out: &mut [T],
    size: usize,
    body: impl Fn(usize, &mut [T]) + Sync,
) {
    let length = out.len();
    let shared = Shared::new(out);
    run.run(length.div_ceil(size.max(1)), &|block| {
        let start = block * size;
        // SAFETY: blocks are run once each and their ranges do not overlap.
        let part = unsafe { shared.range(start, size.min(length - start)) };
        body(block, part);
    });
}

/// A slice that blocks write disjoint ranges of.
pub struct Shared<'a, T>(*mut T, usize, std::marker::PhantomData<&'a mut [T]>);

// SAFETY: access goes through `range`, whose caller promises that ranges of concurrent blocks do not overlap.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub fn new(out: &'a mut [T]) -> Self {
        Self(out.as_mut_ptr(), out.len(), std::marker::PhantomData)
    }

    /// Elements `start .. start + length`.
    ///
    /// # Safety
    /// No other live range overlaps this one.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn range(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start + length <= self.1, "a block's range lies inside the slice");
        // SAFETY: inside the slice by the assertion; not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}
