//! What runs along the events of a segment.

use foci_kernels::prefix_mix as mix;

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
