//! What runs along the events of a segment.

use foci_kernels::gru::{self as unit, Unit};
use foci_kernels::{memory_scan as memory, prefix_mix as mix};
use ndarray::ArrayView1;

use super::prelude::*;

pub fn prefix_mix(arena: &Arena, logits: u32, x: u32, offsets: u32) -> Result<[Tensor; 2]> {
    let (logits, x, offsets) = (arena.f32("logits", logits)?, arena.f32("x", x)?, arena.i32("offsets", offsets)?);
    let ((events, heads), (_, width)) = (logits.matrix()?, x.matrix()?);
    x.expect(&[events, width], "a row for each of logits")?;
    offsets_of(&offsets, events, "logits")?;
    let mut out = arena.f32_result(Shape::of(&[events, heads, width])?)?;
    let mut lse = arena.f32_result(logits.shape)?;
    mix::prefix_mix(
        &Pool,
        logits.view_rows()?,
        x.view_rows()?,
        offsets.view1()?,
        out.f32_view2_mut(),
        lse.f32_view2_mut(),
    );
    Ok([out, lse])
}

pub fn prefix_mix_gradient(
    arena: &Arena,
    logits: u32,
    x: u32,
    out: u32,
    lse: u32,
    dout: u32,
    offsets: u32,
) -> Result<[Tensor; 2]> {
    let (logits, x, offsets) = (arena.f32("logits", logits)?, arena.f32("x", x)?, arena.i32("offsets", offsets)?);
    let (out, lse, dout) = (arena.f32("out", out)?, arena.f32("lse", lse)?, arena.f32("dout", dout)?);
    let ((events, heads), (_, width)) = (logits.matrix()?, x.matrix()?);
    x.expect(&[events, width], "a row for each of logits")?;
    offsets_of(&offsets, events, "logits")?;
    out.expect(&[events, heads, width], "a vector for each event and column of logits")?;
    out.same(&dout)?;
    logits.same(&lse)?;
    let (mut dlogits, mut dx) = (arena.f32_result(logits.shape)?, arena.f32_result(x.shape)?);
    let mixed = mix::Mixed {
        logits: logits.view_rows()?,
        x: x.view_rows()?,
        out: out.view_rows()?,
        lse: lse.view_rows()?,
        dout: dout.view_rows()?,
    };
    mix::prefix_mix_gradient(&Pool, &mixed, offsets.view1()?, dlogits.f32_view2_mut(), dx.f32_view2_mut());
    Ok([dlogits, dx])
}

pub fn gru(arena: &Arena, x: u32, u: u32, gate: u32, offsets: u32) -> Result<[Tensor; 2]> {
    let (x, u, offsets) = (arena.f32("x", x)?, arena.f32("u", u)?, arena.i32("offsets", offsets)?);
    let (events, width) = gates_of(&x, &u)?;
    offsets_of(&offsets, events, "x")?;
    let gate = gate_of(arena, gate, events)?;
    let (mut h, mut gates) = (arena.f32_result(Shape::of(&[events, width])?)?, arena.f32_result(x.shape)?);
    let (rows, run) = (x.view2()?, Unit { u: u.view2()?, a: gate, offsets: offsets.view1()? });
    arena.with_scratch(unit::gru_scratch(events, width), |scratch| {
        unit::gru(&Pool, rows, &run, h.f32_view2_mut(), gates.f32_view2_mut(), scratch);
    })?;
    Ok([h, gates])
}

pub fn gru_gradient(
    arena: &Arena,
    u: u32,
    gate: u32,
    h: u32,
    gates: u32,
    dh: u32,
    offsets: u32,
) -> Result<[Tensor; 3]> {
    let (u, gates, offsets) = (arena.f32("u", u)?, arena.f32("gates", gates)?, arena.i32("offsets", offsets)?);
    let (h, dh) = (arena.f32("h", h)?, arena.f32("dh", dh)?);
    let (events, width) = gates_of(&gates, &u)?;
    offsets_of(&offsets, events, "gates")?;
    h.expect(&[events, width], "a state for each row of gates")?;
    h.same(&dh)?;
    let gate = gate_of(arena, gate, events)?;
    let (mut dx, mut du) = (arena.f32_result(gates.shape)?, arena.f32_result(u.shape)?);
    let mut da = arena.f32_result(Shape::of(&[gate.map_or(0, |gate| gate.len())])?)?;
    let run = Unit { u: u.view2()?, a: gate, offsets: offsets.view1()? };
    let ran = unit::Ran { h: h.view2()?, gates: gates.view2()?, dh: dh.view2()? };
    arena.with_scratch(unit::gru_gradient_scratch(events, width), |scratch| {
        let to = unit::Gradients { x: dx.f32_view2_mut(), u: du.f32_view2_mut(), a: da.f32_view1_mut() };
        unit::gru_gradient(&Pool, &run, &ran, to, scratch);
    })?;
    Ok([dx, du, da])
}

/// Checks x [T, 3 D] and u [D, 3 D]; gives T and D.
fn gates_of(x: &View<'_, f32>, u: &View<'_, f32>) -> Result<(usize, usize)> {
    let ((events, _), (width, _)) = (x.matrix()?, u.matrix()?);
    some_width(u, width)?;
    u.expect(&[width, 3 * width], "three times as wide as it has rows")?;
    x.expect(&[events, 3 * width], "as wide as u")?;
    Ok((events, width))
}

fn gate_of(arena: &Arena, gate: u32, events: usize) -> Result<Option<ArrayView1<'_, f32>>> {
    if gate == 0 {
        return Ok(None);
    }
    let gate = arena.f32("gate", gate)?;
    gate.expect(&[events], "one for each event")?;
    Ok(Some(gate.view1()?))
}

pub fn memory_scan(
    arena: &Arena,
    read: u32,
    write: u32,
    erase: u32,
    add: u32,
    start: u32,
    offsets: u32,
) -> Result<[Tensor; 2]> {
    let (events, [segments, slots, width]) = memory_events(arena, [read, write, erase, add, start, offsets])?;
    let mut out = arena.f32_result(Shape::of(&[events.add.nrows(), width])?)?;
    let mut after = arena.f32_result(Shape::of(&[segments, slots, width])?)?;
    arena.with_codes(segments + 1, |each| {
        each.iter_mut().zip(0..).for_each(|(index, i)| *index = i);
        memory::memory_scan(&Pool, &events, each, out.f32_view2_mut(), after.f32_view3_mut());
        Ok(())
    })?;
    Ok([out, after])
}

pub fn memory_scan_gradient(
    arena: &Arena,
    read: u32,
    write: u32,
    erase: u32,
    add: u32,
    start: u32,
    dout: u32,
    offsets: u32,
) -> Result<[Tensor; 4]> {
    let (events, [_, slots, width]) = memory_events(arena, [read, write, erase, add, start, offsets])?;
    let (dout, count) = (arena.f32("dout", dout)?, events.add.nrows());
    dout.expect(&[count, width], "the shape of add")?;
    let (of_slots, of_columns) = (Shape::of(&[count, slots])?, Shape::of(&[count, width])?);
    let [mut dread, mut dwrite] = [arena.f32_result(of_slots)?, arena.f32_result(of_slots)?];
    let [mut derase, mut dadd] = [arena.f32_result(of_columns)?, arena.f32_result(of_columns)?];
    let of_out = dout.view2()?;
    arena.with_scratch(memory::memory_scan_gradient_scratch(count, slots, width), |scratch| {
        let (read, write) = (dread.f32_view2_mut(), dwrite.f32_view2_mut());
        let to = memory::Gradients { read, write, erase: derase.f32_view2_mut(), add: dadd.f32_view2_mut() };
        memory::memory_scan_gradient(&Pool, &events, of_out, to, scratch);
    })?;
    Ok([dread, dwrite, derase, dadd])
}

/// What both directions read, checked; and B, K and D.
fn memory_events(
    arena: &Arena,
    [read, write, erase, add, start, offsets]: [u32; 6],
) -> Result<(memory::Events<'_>, [usize; 3])> {
    let (read, write) = (arena.f32("read", read)?, arena.f32("write", write)?);
    let (erase, add, offsets) = (arena.f32("erase", erase)?, arena.f32("add", add)?, arena.i32("offsets", offsets)?);
    let ((count, slots), (_, width)) = (read.matrix()?, add.matrix()?);
    read.same(&write)?;
    some_width(&add, width)?;
    add.expect(&[count, width], "a row for each of read")?;
    add.same(&erase)?;
    let segments = offsets_of(&offsets, count, "read")?;
    let start = if start == 0 { None } else { Some(arena.f32("start", start)?) };
    if let Some(start) = &start {
        start.expect(&[segments, slots, width], "a memory for each segment")?;
    }
    let events = memory::Events {
        read: read.view2()?,
        write: write.view2()?,
        erase: erase.view2()?,
        add: add.view2()?,
        offsets: offsets.view1()?,
        start: start.map(|start| start.view3()).transpose()?,
    };
    Ok((events, [segments, slots, width]))
}
