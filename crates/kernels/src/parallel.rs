//! How a kernel spreads its work: blocks fixed by the shape, run by whoever the caller lends.

use std::marker::PhantomData;
use std::ops::Range;

/// Runs `body(0) … body(blocks - 1)` in any order and on any threads.
///
/// # Safety
/// `run` calls `body` with each number below `blocks` at most once and with no other, and it neither returns nor unwinds
/// before every call has ended: blocks write parts of one slice on the strength of it. Where it returns, all have run.
pub unsafe trait Parallel: Sync {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync));
}

/// Runs every block on the calling thread, in order: WebAssembly, tests, single requests.
pub struct Serial;

// SAFETY: a range gives each number once, and the calls end one by one.
unsafe impl Parallel for Serial {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..blocks).for_each(body);
    }
}

/// Elements that a block of cheap work holds: enough to pay for handing it to a thread.
pub const PART: usize = 16_384;

/// Rows of `width` elements that a block of cheap work holds.
pub fn rows_per_part(width: usize) -> usize {
    (PART / width.max(1)).max(1)
}

/// Runs `body(block, part)` over consecutive parts of `out`, `size` elements each (the last may be shorter).
pub fn over_parts<T: Send>(run: &impl Parallel, out: &mut [T], size: usize, body: impl Fn(usize, &mut [T]) + Sync) {
    zip_parts(run, [out], [size], |block, [part]| body(block, part));
}

/// Runs `body(block, parts)` over consecutive parts of several slices, `sizes[i]` elements of slice `i` each; the number of
/// blocks is that of the slice with the most parts, and a slice that has run out gives empty parts.
pub fn zip_parts<T: Send, const N: usize>(
    run: &impl Parallel,
    outs: [&mut [T]; N],
    sizes: [usize; N],
    body: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    let sizes = sizes.map(|size| size.max(1));
    let blocks = (0..N).map(|i| outs[i].len().div_ceil(sizes[i])).max();
    let shared = outs.map(Shared::new);
    run.run(blocks.unwrap_or(0), &|block| {
        body(
            block,
            std::array::from_fn(|i| {
                let start = (block * sizes[i]).min(shared[i].1);
                // SAFETY: blocks are run once each and their ranges do not overlap.
                unsafe { shared[i].range(start, sizes[i].min(shared[i].1 - start)) }
            }),
        );
    });
}

/// [`zip_parts`] over slices of two types.
pub fn zip_mixed<T: Send, U: Send, const N: usize, const M: usize>(
    run: &impl Parallel,
    (outs, sizes): ([&mut [T]; N], [usize; N]),
    (others, other_sizes): ([&mut [U]; M], [usize; M]),
    body: impl Fn(usize, [&mut [T]; N], [&mut [U]; M]) + Sync,
) {
    let (sizes, other_sizes) = (sizes.map(|s| s.max(1)), other_sizes.map(|s| s.max(1)));
    let blocks = (0..N).map(|i| outs[i].len().div_ceil(sizes[i]));
    let blocks = blocks.chain((0..M).map(|i| others[i].len().div_ceil(other_sizes[i]))).max();
    let (shared, other) = (outs.map(Shared::new), others.map(Shared::new));
    run.run(blocks.unwrap_or(0), &|block| {
        // SAFETY: blocks are run once each and their ranges do not overlap.
        let parts = std::array::from_fn(|i| unsafe { shared[i].part(block, sizes[i]) });
        // SAFETY: as above.
        let rest = std::array::from_fn(|i| unsafe { other[i].part(block, other_sizes[i]) });
        body(block, parts, rest);
    });
}

/// Runs `body(index, rows)` over the rows `ids` of several row-major tables, `per` ids a block.
///
/// Panics unless the ids ascend strictly: that keeps the rows of two blocks apart.
pub fn over_rows<const N: usize>(
    run: &impl Parallel,
    tables: [&mut [f32]; N],
    ids: &[i32],
    width: usize,
    per: usize,
    body: impl Fn(usize, [&mut [f32]; N]) + Sync,
) {
    assert!(ids.first().is_none_or(|&id| id >= 0), "ids are not negative");
    assert!(ids.is_sorted_by(|a, b| a < b), "ids ascend strictly");
    let shared = tables.map(Shared::new);
    run.run(ids.len().div_ceil(per.max(1)), &|block| {
        let start = block * per.max(1);
        for index in start..ids.len().min(start + per.max(1)) {
            let row = ids[index] as usize * width;
            // SAFETY: ids are distinct, so no two indices share a row, and blocks are run once each.
            body(index, std::array::from_fn(|i| unsafe { shared[i].range(row, width) }));
        }
    });
}

/// A row-major matrix whose rows are cut into segments by ascending offsets, to be written panel by panel.
pub struct Segmented<'a> {
    pub data: &'a mut [f32],
    pub width: usize,
    pub offsets: &'a [i32],
}

/// Runs `body(head, group)` for groups of segments and each of `heads` equal slices of the columns.
pub fn over_panels<const N: usize>(
    run: &impl Parallel,
    outs: [Segmented<'_>; N],
    heads: usize,
    body: impl Fn(usize, Group<'_, N>) + Sync,
) {
    let segments = outs.iter().map(|out| out.offsets.len().saturating_sub(1)).min().unwrap_or(0);
    let rows = outs.iter().map(|out| out.data.len() / out.width.max(1)).max().unwrap_or(0);
    for out in &outs {
        assert!(out.offsets.is_sorted() && out.offsets.first().is_none_or(|&first| first >= 0));
    }
    // About 128 rows a block: short segments would not pay for their own.
    let size = (128 * segments / rows.max(1)).clamp(1, 32);
    let outs = outs.map(|out| (Shared::new(out.data), out.width, out.offsets));
    run.run(segments.div_ceil(size) * heads, &|block| {
        let (start, head) = (block / heads * size, block % heads);
        body(head, Group { outs: &outs, head, heads, segments: start..segments.min(start + size) });
    });
}

/// Runs `body(segment, rows)` for each segment, with all of its rows of each matrix.
pub fn over_segments<const N: usize>(
    run: &impl Parallel,
    outs: [Segmented<'_>; N],
    body: impl Fn(usize, [&mut [f32]; N]) + Sync,
) {
    over_panels(run, outs, 1, |_, group| {
        for (segment, panels) in group {
            body(segment, panels.map(Panel::whole));
        }
    });
}

/// Segments in a row, each with the panels of all matrices that one head writes.
pub struct Group<'a, const N: usize> {
    outs: &'a [(Shared<'a, f32>, usize, &'a [i32]); N],
    head: usize,
    heads: usize,
    segments: Range<usize>,
}

impl<const N: usize> Group<'_, N> {
    /// Those to come.
    pub fn segments(&self) -> Range<usize> {
        self.segments.clone()
    }
}

impl<'a, const N: usize> Iterator for Group<'a, N> {
    type Item = (usize, [Panel<'a>; N]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let segment = self.segments.next()?;
        let panels = self.outs.each_ref().map(|(shared, width, offsets)| Panel {
            shared,
            rows: offsets[segment] as usize..offsets[segment + 1] as usize,
            stride: *width,
            columns: self.head * (width / self.heads)..(self.head + 1) * (width / self.heads),
        });
        Some((segment, panels))
    }
}

/// Some columns of some rows of a matrix, held by one block alone.
pub struct Panel<'a> {
    shared: &'a Shared<'a, f32>,
    rows: Range<usize>,
    stride: usize,
    columns: Range<usize>,
}

impl<'a> Panel<'a> {
    /// All of a panel that is as wide as its matrix.
    fn whole(self) -> &'a mut [f32] {
        assert!(self.columns.len() == self.stride, "whole rows");
        // SAFETY: `over_panels` makes panels that share no element, and this one is used up.
        unsafe { self.shared.range(self.rows.start * self.stride, self.rows.len() * self.stride) }
    }

    /// Rows of the panel.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Columns of the panel.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The panel's columns of its row `i`.
    #[inline(always)]
    pub fn row(&mut self, i: usize) -> &mut [f32] {
        assert!(i < self.rows.len(), "a row of the panel");
        let start = (self.rows.start + i) * self.stride + self.columns.start;
        // SAFETY: `over_panels` makes panels that share no element, and `&mut self` keeps one row alive at a time.
        unsafe { self.shared.range(start, self.columns.len()) }
    }
}

/// A slice that blocks write disjoint ranges of.
pub struct Shared<'a, T>(*mut T, usize, PhantomData<&'a mut [T]>);

// SAFETY: access goes through `range`, whose caller promises that ranges of concurrent blocks do not overlap.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub fn new(out: &'a mut [T]) -> Self {
        Self(out.as_mut_ptr(), out.len(), PhantomData)
    }

    /// Part `block` of consecutive parts of `size` elements: shorter at the end, empty beyond.
    ///
    /// # Safety
    /// No other live range overlaps this one.
    #[allow(clippy::mut_from_ref)]
    unsafe fn part(&self, block: usize, size: usize) -> &mut [T] {
        let start = (block * size).min(self.1);
        // SAFETY: passed on from the caller.
        unsafe { self.range(start, size.min(self.1 - start)) }
    }

    /// Elements `start .. start + length`.
    ///
    /// # Safety
    /// No other live range overlaps this one.
    #[allow(clippy::mut_from_ref)]
    #[inline(always)]
    pub unsafe fn range(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start <= self.1 && length <= self.1 - start, "a block's range lies inside the slice");
        // SAFETY: inside the slice by the assertion; not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

/// What the tests of the kernels share: ways to run blocks, numbers, and comparisons.
#[cfg(test)]
pub(crate) mod testing {
    use super::Parallel;
    use crate::simd::Instructions;

    pub const SETS: [Instructions; 3] = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];

    /// Every set; under Miri, where all run as the portable one, that alone.
    pub fn sets() -> &'static [Instructions] {
        if cfg!(miri) { &SETS[..1] } else { &SETS }
    }

    /// Lengths around the lanes, shorter under Miri.
    pub const LENGTHS: &[usize] =
        if cfg!(miri) { &[0, 1, 7, 17] } else { &[0, 1, 2, 7, 15, 16, 17, 50, 64, 65, 100, 257] };

    /// Runs the blocks from the last to the first.
    pub struct Reverse;

    // SAFETY: as for `Serial`.
    unsafe impl Parallel for Reverse {
        fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            (0..blocks).rev().for_each(body);
        }
    }

    /// Runs even blocks on one thread and odd ones on another.
    pub struct TwoThreads;

    // SAFETY: a number is even or odd, and the scope ends after both threads.
    unsafe impl Parallel for TwoThreads {
        fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            std::thread::scope(|scope| {
                scope.spawn(|| (0..blocks).step_by(2).for_each(body));
                (1..blocks).step_by(2).for_each(body);
            });
        }
    }

    /// `n` values in [-1, 1), the same for the same seed.
    pub fn values(seed: u32, n: usize) -> Vec<f32> {
        (0..n).map(|i| crate::random::bits(seed, 0, i as u32) as f32 / 2_147_483_648.0 - 1.0).collect()
    }

    pub fn wide(x: &[f32]) -> Vec<f64> {
        x.iter().map(|&x| f64::from(x)).collect()
    }

    pub fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    /// Every element within `tolerance`, relative to 1 + |expected|.
    #[track_caller]
    pub fn close(actual: &[f32], expected: &[f64], tolerance: f64) {
        assert_eq!(actual.len(), expected.len());
        for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
            let error = (f64::from(a) - e).abs() / (1.0 + e.abs());
            assert!(error <= tolerance, "element {i}: {a} is not {e} within {tolerance}");
        }
    }

    /// ‖a − b‖ / ‖b‖
    pub fn distance(a: &[f32], b: &[f64]) -> f64 {
        let square = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
        let off = square(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - b));
        (off / square(&mut b.iter().copied())).sqrt()
    }

    /// Central differences of `Σ f(x) · dy` at `x`.
    pub fn differences(x: &[f64], dy: &[f64], f: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
        let step = 1e-5;
        let mut x = x.to_vec();
        let value = |x: &[f64]| f(x).iter().zip(dy).map(|(y, dy)| y * dy).sum::<f64>();
        (0..x.len())
            .map(|i| {
                let at = x[i];
                x[i] = at + step;
                let above = value(&x);
                x[i] = at - step;
                let below = value(&x);
                x[i] = at;
                (above - below) / (2.0 * step)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Reverse, TwoThreads};
    use super::*;

    #[test]
    fn parts_cover_the_slices_once() {
        let (mut a, mut b) = (vec![0u32; 10], vec![0u32; 3]);
        zip_parts(&TwoThreads, [&mut a, &mut b], [4, 1], |block, [a, b]| {
            a.iter_mut().chain(b).for_each(|x| *x += block as u32 + 1);
        });
        assert_eq!(a, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
        assert_eq!(b, [1, 2, 3]);
    }

    #[test]
    fn panels_cover_segments_and_heads_once() {
        let mut data = vec![0.0; 5 * 4];
        let out = Segmented { data: &mut data, width: 4, offsets: &[0, 2, 2, 5] };
        over_panels(&Reverse, [out], 2, |head, group| {
            for (segment, [mut panel]) in group {
                for i in 0..panel.rows() {
                    panel.row(i).iter_mut().for_each(|x| *x += (10 * segment + head) as f32);
                }
            }
        });
        assert_eq!(data[..4], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(data[16..], [20.0, 20.0, 21.0, 21.0]);
    }

    #[test]
    fn segments_are_given_whole() {
        let (mut a, mut b) = (vec![0.0; 10], vec![0.0; 5]);
        let offsets = &[0, 2, 2, 5];
        let outs = [Segmented { data: &mut a, width: 2, offsets }, Segmented { data: &mut b, width: 1, offsets }];
        over_segments(&TwoThreads, outs, |segment, [a, b]| {
            a.iter_mut().chain(b).for_each(|x| *x += segment as f32 + 1.0);
        });
        assert_eq!(a, [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
        assert_eq!(b, [1.0, 1.0, 3.0, 3.0, 3.0]);
    }

    #[test]
    #[should_panic(expected = "ids ascend strictly")]
    fn rows_must_be_distinct() {
        over_rows(&Reverse, [&mut [0.0; 4]], &[1, 1], 2, 8, |_, _| {});
    }
}
