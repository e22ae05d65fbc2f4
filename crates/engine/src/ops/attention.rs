//! Causal attention within segments.

use foci_kernels::attention as kernel;
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
    let call = Call::check(arena, [q, k, v], [queries, offsets], heads)?;
    let key = Dropout { rate: drop_rate(rate)?, seed, draw };
    let mut out = arena.f32_result(call.q.shape)?;
    let mut lse = arena.f32_result(Shape::of(&[call.rows, call.heads])?)?;
    kernel::attention(
        &Pool,
        call.q.values,
        call.k.values,
        call.v.values,
        call.queries.values,
        call.offsets.values,
        call.width,
        call.heads,
        &key,
        out.f32_mut(),
        lse.f32_mut(),
    );
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
    let call = Call::check(arena, [q, k, v], [queries, offsets], heads)?;
    let key = Dropout { rate: drop_rate(rate)?, seed, draw };
    let (out, lse, dout) = (arena.f32("out", out)?, arena.f32("lse", lse)?, arena.f32("dout", dout)?);
    call.q.same(&out)?;
    call.q.same(&dout)?;
    lse.expect(&[call.rows, call.heads], "a value for each query and head")?;
    let (mut dq, mut dk, mut dv) =
        (arena.f32_result(call.q.shape)?, arena.f32_result(call.k.shape)?, arena.f32_result(call.v.shape)?);
    kernel::attention_gradient(
        &Pool,
        call.q.values,
        call.k.values,
        call.v.values,
        out.values,
        lse.values,
        dout.values,
        call.queries.values,
        call.offsets.values,
        call.width,
        call.heads,
        &key,
        dq.f32_mut(),
        dk.f32_mut(),
        dv.f32_mut(),
    );
    Ok([dq, dk, dv])
}

/// The arguments that both directions share, checked.
struct Call<'a> {
    q: View<'a, f32>,
    k: View<'a, f32>,
    v: View<'a, f32>,
    queries: View<'a, i32>,
    offsets: View<'a, i32>,
    rows: usize,
    width: usize,
    heads: usize,
}

impl<'a> Call<'a> {
    fn check(arena: &'a Arena, [q, k, v]: [u32; 3], [queries, offsets]: [u32; 2], heads: u32) -> Result<Self> {
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
        Ok(Self { q, k, v, queries, offsets, rows, width, heads })
    }
}

/// Each segment has at most as many queries as events.
fn queries_fit(queries: &View<'_, i32>, offsets: &View<'_, i32>) -> Result<()> {
    queries.same(offsets)?;
    let longer = |(q, e): (&[i32], &[i32])| q[1] - q[0] > e[1] - e[0];
    match queries.values.windows(2).zip(offsets.values.windows(2)).position(longer) {
        None => Ok(()),
        Some(segment) => Err(Fault::range(format!("queries gives segment {segment} more queries than it has events"))),
    }
}
