//! Attention in general within segments.

use foci_kernels::attend::{self as kernel, Form, TIMES, Times};
use foci_kernels::dropout::Dropout;
use ndarray::ArrayView1;

use super::prelude::*;

pub fn attend(
    arena: &Arena,
    q: u32,
    k: u32,
    v: u32,
    queries: u32,
    offsets: u32,
    places: u32,
    times: u32,
    query_seconds: u32,
    key_seconds: u32,
    heads: u32,
    causal: u32,
    silu: u32,
    rate: f64,
    seed: u32,
    draw: u32,
) -> Result<[Tensor; 2]> {
    let key = Dropout { rate: drop_rate(rate)?, seed, draw };
    let biases = [places, times, query_seconds, key_seconds];
    let call = Call::check(arena, [q, k, v, queries, offsets], biases, heads, causal, silu, &key)?;
    let mut out = arena.f32_result(call.q.shape)?;
    let mut lse = arena.f32_result(Shape::of(&[call.inputs.q.nrows(), call.inputs.heads])?)?;
    kernel::attend(&Pool, &call.inputs, out.f32_view2_mut(), lse.f32_view2_mut());
    Ok([out, lse])
}

pub fn attend_gradient(
    arena: &Arena,
    q: u32,
    k: u32,
    v: u32,
    out: u32,
    lse: u32,
    dout: u32,
    queries: u32,
    offsets: u32,
    places: u32,
    times: u32,
    query_seconds: u32,
    key_seconds: u32,
    heads: u32,
    causal: u32,
    silu: u32,
    rate: f64,
    seed: u32,
    draw: u32,
) -> Result<[Tensor; 5]> {
    let key = Dropout { rate: drop_rate(rate)?, seed, draw };
    let biases = [places, times, query_seconds, key_seconds];
    let call = Call::check(arena, [q, k, v, queries, offsets], biases, heads, causal, silu, &key)?;
    let (out, lse, dout) = (arena.f32("out", out)?, arena.f32("lse", lse)?, arena.f32("dout", dout)?);
    call.q.same(&out)?;
    call.q.same(&dout)?;
    lse.expect(&[call.inputs.q.nrows(), call.inputs.heads], "a value for each query and head")?;
    let inputs = call.inputs;
    let (places, timed) = (inputs.places.map_or(0, |places| places.len()), inputs.times.is_some());
    let (mut dq, mut dk, mut dv) =
        (arena.f32_result(call.q.shape)?, arena.f32_result(call.k.shape)?, arena.f32_result(call.k.shape)?);
    let mut dplaces = arena.f32_result(Shape::of(&[places])?)?;
    let mut dtimes = arena.f32_result(Shape::of(&[if timed { TIMES } else { 0 }])?)?;
    let attended = kernel::Attended { out: out.view2()?, lse: lse.view2()?, dout: dout.view2()? };
    let segments = inputs.offsets.len() - 1;
    let [numbers, indices] = kernel::attend_gradient_scratch(segments, inputs.heads, places, timed);
    arena.with_scratch(numbers, |scratch| {
        arena.with_codes(indices, |indices| {
            let to = kernel::Gradients {
                q: dq.f32_view2_mut(),
                k: dk.f32_view2_mut(),
                v: dv.f32_view2_mut(),
                places: dplaces.f32_view1_mut(),
                times: dtimes.f32_view1_mut(),
            };
            kernel::attend_gradient(&Pool, &inputs, &attended, to, scratch, indices);
            Ok(())
        })
    })??;
    Ok([dq, dk, dv, dplaces, dtimes])
}

/// The arguments that both directions share, checked.
struct Call<'a> {
    q: View<'a, f32>,
    k: View<'a, f32>,
    inputs: kernel::Inputs<'a>,
}

impl<'a> Call<'a> {
    fn check(
        arena: &'a Arena,
        [q, k, v, queries, offsets]: [u32; 5],
        [places, times, query_seconds, key_seconds]: [u32; 4],
        heads: u32,
        causal: u32,
        silu: u32,
        dropout: &'a Dropout,
    ) -> Result<Self> {
        let (q, k, v) = (arena.f32("q", q)?, arena.f32("k", k)?, arena.f32("v", v)?);
        let (queries, offsets) = (arena.i32("queries", queries)?, arena.i32("offsets", offsets)?);
        let ((rows, width), (events, _), heads) = (q.matrix()?, k.matrix()?, heads as usize);
        k.expect(&[events, width], "as wide as q")?;
        k.same(&v)?;
        some_width(&q, width)?;
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(Fault::shape(format!("{heads} heads do not divide the width of {q}")));
        }
        offsets_of(&offsets, events, "k")?;
        offsets_of(&queries, rows, "q")?;
        queries.same(&offsets)?;
        if causal != 0 {
            queries_fit(&queries, &offsets)?;
        }
        let inputs = kernel::Inputs {
            q: q.view2()?,
            k: k.view2()?,
            v: v.view2()?,
            queries: queries.view1()?,
            offsets: offsets.view1()?,
            heads,
            causal: causal != 0,
            form: form_of(silu, dropout)?,
            places: places_of(arena, places)?,
            times: times_of(arena, [times, query_seconds, key_seconds], rows, events)?,
            dropout,
        };
        Ok(Self { q, k, inputs })
    }
}

/// A softmax for 0, else SiLU over this length, which drops nothing.
fn form_of(silu: u32, dropout: &Dropout) -> Result<Form> {
    let length = counted("silu", silu)?;
    if length == 0 {
        return Ok(Form::Softmax);
    }
    if dropout.rate > 0.0 {
        return Err(Fault::range("rate is not 0; weights of SiLU are not dropped"));
    }
    Ok(Form::Silu { length: length as f32 })
}

fn places_of(arena: &Arena, places: u32) -> Result<Option<ArrayView1<'_, f32>>> {
    if places == 0 {
        return Ok(None);
    }
    let places = arena.f32("places", places)?;
    if places.vector()?.is_multiple_of(2) {
        return Err(Fault::shape(format!(
            "{places} must be [2 L - 1], a bias for each place before, at and after the query"
        )));
    }
    Ok(Some(places.view1()?))
}

fn times_of(arena: &Arena, [times, queries, keys]: [u32; 3], rows: usize, events: usize) -> Result<Option<Times<'_>>> {
    if times == 0 {
        return Ok(None);
    }
    let table = arena.f32("times", times)?;
    let (queries, keys) = (arena.i32("querySeconds", queries)?, arena.i32("keySeconds", keys)?);
    table.expect(&[TIMES], "a bias for each bucket")?;
    queries.expect(&[rows], "one for each row of q")?;
    keys.expect(&[events], "one for each row of k")?;
    Ok(Some(Times { table: table.view1()?, keys: keys.view1()?, queries: queries.view1()? }))
}
