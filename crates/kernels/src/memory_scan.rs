//! A memory of K slots that each event of a segment reads, and then writes: `M_k ← M_k ⊙ (1 − w_k erase) + w_k add`. Chen et al.,
//! "Sequential Recommendation with User Memory Networks", WSDM 2018.

use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3};

use crate::multiversion;
use crate::parallel::{Parallel, Segmented, over_panels};
use crate::simd::{fma, fold_sum};
use crate::size;
use crate::views::{elements, elements_mut};

/// What events do: weights of slots when they read and when they write, both [T, K], and what is written, [T, D].
#[derive(Clone, Copy)]
pub struct Events<'a> {
    pub read: ArrayView2<'a, f32>,
    pub write: ArrayView2<'a, f32>,
    pub erase: ArrayView2<'a, f32>,
    pub add: ArrayView2<'a, f32>,
    /// [B + 1]
    pub offsets: ArrayView1<'a, i32>,
    /// What the memories begin with, [B, K, D]; none for zeros.
    pub start: Option<ArrayView3<'a, f32>>,
}

impl<'a> Events<'a> {
    fn check(&self) {
        let (segments, slots, width) = (self.offsets.len() - 1, self.read.ncols(), self.add.ncols());
        assert!(self.read.dim() == self.write.dim() && self.erase.dim() == self.add.dim());
        assert!(self.read.nrows() == self.add.nrows());
        assert!(self.start.is_none_or(|start| start.dim() == (segments, slots, width)));
    }

    /// Event `row`.
    fn event(&self, row: usize) -> Event<'a> {
        let (slots, width) = (self.read.ncols(), self.add.ncols());
        Event {
            read: &elements(&self.read)[row * slots..][..slots],
            write: &elements(&self.write)[row * slots..][..slots],
            erase: &elements(&self.erase)[row * width..][..width],
            add: &elements(&self.add)[row * width..][..width],
        }
    }

    /// Puts a segment's beginning into `memory`.
    fn begin(&self, segment: usize, memory: &mut [f32]) {
        match self.start {
            Some(start) => memory.copy_from_slice(&elements(&start)[segment * memory.len()..][..memory.len()]),
            None => memory.fill(0.0),
        }
    }
}

#[derive(Clone, Copy)]
struct Event<'a> {
    read: &'a [f32],
    write: &'a [f32],
    erase: &'a [f32],
    add: &'a [f32],
}

/// What each event reads before it writes, `out_t = Σ_k read_tk M_k` [T, D], and the memories after the last event [B, K, D].
/// `each` is 0, 1, … B.
pub fn memory_scan(
    run: &impl Parallel,
    events: &Events,
    each: &[i32],
    out: ArrayViewMut2<f32>,
    memory: ArrayViewMut3<f32>,
) {
    events.check();
    let (slots, width, offsets) = (events.read.ncols(), events.add.ncols(), elements(&events.offsets));
    let out = Segmented { data: elements_mut(out), width, offsets };
    let memory = Segmented { data: elements_mut(memory), width: slots * width, offsets: each };
    over_panels(run, [out, memory], 1, |_, group| {
        for (segment, [mut out, mut memory]) in group {
            let memory = memory.row(0);
            events.begin(segment, memory);
            for t in 0..out.rows() {
                let event = events.event(offsets[segment] as usize + t);
                read(&event, memory, out.row(t));
                write(&event, memory);
            }
        }
    });
}

#[inline(always)]
fn read_body<const FMA: bool>(event: &Event<'_>, memory: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for (weight, slot) in event.read.iter().zip(memory.chunks_exact(out.len().max(1))) {
        for c in 0..out.len() {
            out[c] = fma::<FMA>(*weight, slot[c], out[c]);
        }
    }
}

#[inline(always)]
fn write_body<const FMA: bool>(event: &Event<'_>, memory: &mut [f32]) {
    let width = event.add.len();
    for (weight, slot) in event.write.iter().zip(memory.chunks_exact_mut(width.max(1))) {
        for c in 0..width {
            let kept = 1.0 - weight * event.erase[c];
            slot[c] = fma::<FMA>(slot[c], kept, weight * event.add[c]);
        }
    }
}

/// Scratch of [`memory_scan_gradient`], in f32: the memories before each event, and one that goes back.
pub fn memory_scan_gradient_scratch(t: usize, slots: usize, width: usize) -> usize {
    size::times([2, t, slots, width])
}

/// Gradients of read, write, erase and add.
pub struct Gradients<'a> {
    pub read: ArrayViewMut2<'a, f32>,
    pub write: ArrayViewMut2<'a, f32>,
    pub erase: ArrayViewMut2<'a, f32>,
    pub add: ArrayViewMut2<'a, f32>,
}

/// The gradients for `dout` [T, D]; the memories are written again, and followed back.
pub fn memory_scan_gradient(
    run: &impl Parallel,
    events: &Events,
    dout: ArrayView2<f32>,
    to: Gradients,
    scratch: &mut [f32],
) {
    events.check();
    let ((count, slots), width, offsets) = (events.read.dim(), events.add.ncols(), elements(&events.offsets));
    assert!(dout.dim() == events.add.dim() && to.read.dim() == to.write.dim() && to.erase.dim() == to.add.dim());
    let (dout, size) = (elements(&dout), slots * width);
    let (before, back) = scratch[..2 * count * size].split_at_mut(count * size);
    let panels = [
        Segmented { data: elements_mut(to.read), width: slots, offsets },
        Segmented { data: elements_mut(to.write), width: slots, offsets },
        Segmented { data: elements_mut(to.erase), width, offsets },
        Segmented { data: elements_mut(to.add), width, offsets },
        Segmented { data: before, width: size, offsets },
        Segmented { data: back, width: size, offsets },
    ];
    over_panels(run, panels, 1, |_, group| {
        for (segment, [mut dread, mut dwrite, mut derase, mut dadd, mut before, mut back]) in group {
            let first = offsets[segment] as usize;
            for t in 0..before.rows() {
                // What `back` holds meanwhile is the memory as it is written.
                let memory = back.row(0);
                if t == 0 {
                    events.begin(segment, memory);
                }
                before.row(t).copy_from_slice(memory);
                write(&events.event(first + t), memory);
            }
            for t in (0..before.rows()).rev() {
                let back = back.row(0);
                if t + 1 == before.rows() {
                    back.fill(0.0);
                }
                let (event, dout) = (events.event(first + t), &dout[(first + t) * width..][..width]);
                let of_slots = (dread.row(t), dwrite.row(t));
                go_back(&event, before.row(t), dout, back, of_slots, (derase.row(t), dadd.row(t)));
            }
        }
    });
}

/// One event back: `back` holds the gradient of the memory after it, then of the memory before.
#[inline(always)]
fn go_back_body<const FMA: bool>(
    event: &Event<'_>,
    memory: &[f32],
    dout: &[f32],
    back: &mut [f32],
    (dread, dwrite): (&mut [f32], &mut [f32]),
    (derase, dadd): (&mut [f32], &mut [f32]),
) {
    let width = dout.len();
    derase.fill(0.0);
    dadd.fill(0.0);
    dread.fill(0.0);
    dwrite.fill(0.0);
    let slots = memory.chunks_exact(width.max(1)).zip(back.chunks_exact_mut(width.max(1)));
    for (k, (slot, back)) in slots.enumerate() {
        let (read, write) = (event.read[k], event.write[k]);
        let sum = |x: &[f32], y: &[f32]| fold_sum(x, y, |sum, a, b| fma::<FMA>(a, b, sum));
        dread[k] = sum(slot, dout);
        dwrite[k] = sum(back, event.add);
        let mut erased = 0.0;
        for c in 0..width {
            let product = back[c] * slot[c];
            erased = fma::<FMA>(product, event.erase[c], erased);
            derase[c] = fma::<FMA>(-write, product, derase[c]);
            dadd[c] = fma::<FMA>(write, back[c], dadd[c]);
            back[c] = fma::<FMA>(back[c], 1.0 - write * event.erase[c], read * dout[c]);
        }
        dwrite[k] -= erased;
    }
}

multiversion!(fn read = read_body(event: &Event<'_>, memory: &[f32], out: &mut [f32]));
multiversion!(fn write = write_body(event: &Event<'_>, memory: &mut [f32]));
multiversion!(
    fn go_back = go_back_body(
        event: &Event<'_>,
        memory: &[f32],
        dout: &[f32],
        back: &mut [f32],
        of_slots: (&mut [f32], &mut [f32]),
        of_columns: (&mut [f32], &mut [f32]),
    )
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Serial;
    use crate::parallel::testing::{Reverse, TwoThreads, bits, close, differences, values, wide};
    use crate::views::testing::{shaped, shaped_mut, vector};

    struct World {
        /// read, write, erase, add
        data: [Vec<f32>; 4],
        start: Option<Vec<f32>>,
        offsets: Vec<i32>,
        slots: usize,
        width: usize,
    }

    impl World {
        fn new(offsets: &[i32], slots: usize, width: usize) -> Self {
            let t = offsets[offsets.len() - 1] as usize;
            let data = [t * slots, t * slots, t * width, t * width];
            let data = [0, 1, 2, 3].map(|i| values(i as u32, data[i]).iter().map(|x| 0.5 + 0.5 * x).collect());
            Self {
                data,
                start: Some(values(7, (offsets.len() - 1) * slots * width)),
                offsets: offsets.to_vec(),
                slots,
                width,
            }
        }

        /// [out, memory]
        fn naive(&self, data: &[Vec<f64>; 4]) -> [Vec<f64>; 2] {
            let ([read, write, erase, add], k, d) = (data, self.slots, self.width);
            let (mut out, mut memories) = (vec![], vec![]);
            for (b, bounds) in self.offsets.windows(2).enumerate() {
                let start = self.start.as_ref().map(|start| wide(&start[b * k * d..][..k * d]));
                let mut memory = start.unwrap_or(vec![0.0; k * d]);
                for t in bounds[0] as usize..bounds[1] as usize {
                    out.extend((0..d).map(|c| (0..k).map(|s| read[t * k + s] * memory[s * d + c]).sum::<f64>()));
                    for (s, c) in (0..k).flat_map(|s| (0..d).map(move |c| (s, c))) {
                        let w = write[t * k + s];
                        memory[s * d + c] = memory[s * d + c] * (1.0 - w * erase[t * d + c]) + w * add[t * d + c];
                    }
                }
                memories.extend(memory);
            }
            [out, memories]
        }

        /// [out, memory], and the gradients, over buffers full of garbage.
        fn run(&self, run: &impl Parallel, dout: &[f32]) -> ([Vec<f32>; 2], [Vec<f32>; 4]) {
            let (t, b, k, d) = (dout.len() / self.width, self.offsets.len() - 1, self.slots, self.width);
            let columns = [k, k, d, d];
            let of = |i: usize| shaped((t, columns[i]), &self.data[i]);
            let offsets = vector(&self.offsets);
            let start = self.start.as_ref().map(|start| ArrayView3::from_shape((b, k, d), start).unwrap());
            let events = Events { read: of(0), write: of(1), erase: of(2), add: of(3), offsets, start };
            let (mut out, mut memory) = (vec![f32::NAN; t * d], vec![f32::NAN; b * k * d]);
            let each: Vec<i32> = (0..=b as i32).collect();
            let to_memory = ArrayViewMut3::from_shape((b, k, d), &mut memory).unwrap();
            memory_scan(run, &events, &each, shaped_mut((t, d), &mut out), to_memory);
            let mut gradients = self.data.clone().map(|x| vec![f32::NAN; x.len()]);
            let [read, write, erase, add] = &mut gradients;
            let to = Gradients {
                read: shaped_mut((t, k), read),
                write: shaped_mut((t, k), write),
                erase: shaped_mut((t, d), erase),
                add: shaped_mut((t, d), add),
            };
            let dout = shaped((t, d), dout);
            let mut scratch = vec![f32::NAN; memory_scan_gradient_scratch(t, k, d)];
            memory_scan_gradient(run, &events, dout, to, &mut scratch);
            ([out, memory], gradients)
        }
    }

    #[test]
    fn is_the_formula_and_its_derivative() {
        for (offsets, slots, width) in
            [(&[0, 1][..], 1, 1), (&[0, 0, 3, 3, 7], 3, 5), (&[0], 2, 3), (&[0, 2, 5], 2, 18)]
        {
            for begun in [true, false] {
                let mut world = World::new(offsets, slots, width);
                world.start = world.start.filter(|_| begun);
                let dout = values(9, world.data[3].len());
                let (actual, gradients) = world.run(&Serial, &dout);
                let data = world.data.clone().map(|x| wide(&x));
                for (actual, expected) in actual.iter().zip(&world.naive(&data)) {
                    close(actual, expected, 1e-6);
                }
                for (i, gradient) in gradients.iter().enumerate() {
                    let moved = |x: &[f64]| {
                        let mut data = data.clone();
                        data[i] = x.to_vec();
                        let [out, _] = world.naive(&data);
                        out
                    };
                    close(gradient, &differences(&data[i], &wide(&dout), moved), 1e-5);
                }
            }
        }
    }

    #[test]
    fn replay_is_one_event_after_the_other() {
        let world = World::new(&[0, 4], 3, 5);
        let whole = world.run(&Serial, &[0.0; 20]).0;
        let mut memory = world.start.clone();
        for t in 0..4 {
            let part = |i: usize, n: usize| world.data[i][t * n..(t + 1) * n].to_vec();
            let data = [part(0, 3), part(1, 3), part(2, 5), part(3, 5)];
            let one = World { data, start: memory, offsets: vec![0, 1], slots: 3, width: 5 };
            let [out, after] = one.run(&Serial, &[0.0; 5]).0;
            assert_eq!(bits(&out), bits(&whole[0][t * 5..(t + 1) * 5]));
            memory = Some(after);
        }
        assert_eq!(bits(&memory.unwrap()), bits(&whole[1]));
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        let world = World::new(if cfg!(miri) { &[0, 2, 3] } else { &[0, 40, 40, 41, 200, 333] }, 4, 6);
        let dout = values(9, world.data[3].len());
        let all = |x: ([Vec<f32>; 2], [Vec<f32>; 4])| (x.0.map(|x| bits(&x)), x.1.map(|x| bits(&x)));
        let serial = all(world.run(&Serial, &dout));
        assert_eq!(serial, all(world.run(&Reverse, &dout)));
        assert_eq!(serial, all(world.run(&TwoThreads, &dout)));
    }
}
