//! Causal attention within segments.

use foci_kernels::attention::{self as kernel, Attention, Given, Gradients};
use foci_kernels::dropout::Dropout;

use super::prelude::*;

pub fn attention(
    arena: &Arena,
    q: u32,
    k: u32,
    v: u32,
    queries: u32,
    offsets: u32,
    heads: u32,
    rate: f64,
    seed: u32,
    draw: u32,
) -> Result<[Tensor; 2]> {
    let dropout = Dropout { rate: drop_rate(rate)?, seed, draw };
    let read = arguments(arena, [q, k, v], [queries, offsets], heads, dropout)?;
    let (rows, width) = read.q.dim();
    let mut out = arena.f32_result(Shape::of(&[rows, width])?)?;
    let mut lse = arena.f32_result(Shape::of(&[rows, read.heads])?)?;
    kernel::attention(&Pool, &read, out.f32_view2_mut(), lse.f32_view2_mut());
    Ok([out, lse])
}

pub fn attention_gradient(
    arena: &Arena,
    q: u32,
    k: u32,
    v: u32,
    out: u32,
    lse: u32,
    dout: u32,
    queries: u32,
    offsets: u32,
    heads: u32,
    rate: f64,
    seed: u32,
    draw: u32,
) -> Result<[Tensor; 3]> {
    let dropout = Dropout { rate: drop_rate(rate)?, seed, draw };
    let read = arguments(arena, [q, k, v], [queries, offsets], heads, dropout)?;
    let (q, k) = (arena.f32("q", q)?, arena.f32("k", k)?);
    let (out, lse, dout) = (arena.f32("out", out)?, arena.f32("lse", lse)?, arena.f32("dout", dout)?);
    q.same(&out)?;
    q.same(&dout)?;
    lse.expect(&[read.q.nrows(), read.heads], "a value for each query and head")?;
    let given = Given { out: out.view2()?, lse: lse.view2()?, dout: dout.view2()? };
    let (mut dq, mut dk, mut dv) = (arena.f32_result(q.shape)?, arena.f32_result(k.shape)?, arena.f32_result(k.shape)?);
    let to = Gradients { dq: dq.f32_view2_mut(), dk: dk.f32_view2_mut(), dv: dv.f32_view2_mut() };
    kernel::attention_gradient(&Pool, &read, &given, to);
    Ok([dq, dk, dv])
}

/// The arguments that both directions share, checked.
fn arguments(
    arena: &Arena,
    [q, k, v]: [u32; 3],
    [queries, offsets]: [u32; 2],
    heads: u32,
    dropout: Dropout,
) -> Result<Attention<'_>> {
    let (q, k, v) = (arena.f32("q", q)?, arena.f32("k", k)?, arena.f32("v", v)?);
    let (queries, offsets) = (arena.i32("queries", queries)?, arena.i32("offsets", offsets)?);
    let ((rows, width), (events, _), heads) = (q.matrix()?, k.matrix()?, heads as usize);
    k.expect(&[events, width], "as wide as q")?;
    k.same(&v)?;
    some_width(&q, width)?;
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(Fault::shape(format!("{heads} heads do not divide the width of {q}")));
    }
    if width / heads > kernel::MAX_HEAD {
        return Err(Fault::shape(format!("{heads} heads of {q} are wider than {}", kernel::MAX_HEAD)));
    }
    offsets_of(&offsets, events, "k")?;
    offsets_of(&queries, rows, "q")?;
    queries_fit(&queries, &offsets)?;
    let (q, k, v) = (q.view2()?, k.view2()?, v.view2()?);
    let (queries, offsets) = (queries.view1()?, offsets.view1()?);
    Ok(Attention { q, k, v, queries, offsets, heads, dropout })
}
