//! Attention in general: causal or not, of any queries, with biases by place and by time, by a softmax or by SiLU. Row by row
//! and legibly; [`attention`](crate::attention) is the fast path of what most encoders need.

mod bias;
mod query;
#[cfg(test)]
mod tests;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use crate::dropout::Dropout;
use crate::parallel::{Parallel, Segmented, over_panels, over_parts};
use crate::size;
use crate::views::{elements, elements_mut};
use bias::Biases;
pub use bias::{TIMES, Times, bucket};
use query::{Query, backward, forward};

/// How scores become weights.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    /// softmax(q · k / √d + bias)
    Softmax,
    /// SiLU(q · k + bias) / length, for a constant length. Zhai et al., "Actions Speak Louder than Words", ICML 2024.
    Silu { length: f32 },
}

/// The inputs: q [Q, D], k and v [T, D], the queries of segment b at `queries` and its keys at `offsets`, both [B + 1].
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub q: ArrayView2<'a, f32>,
    pub k: ArrayView2<'a, f32>,
    pub v: ArrayView2<'a, f32>,
    pub queries: ArrayView1<'a, i32>,
    pub offsets: ArrayView1<'a, i32>,
    pub heads: usize,
    /// The queries are the last rows of their segment, and see the keys up to their own; else all of the segment.
    pub causal: bool,
    pub form: Form,
    /// By place, [2 L − 1], shared by the heads: of a key r rows behind its query the number L − 1 + r, and beyond the ends the
    /// outermost. The last query stands at the last key.
    pub places: Option<ArrayView1<'a, f32>>,
    /// By the time between query and key, shared by the heads
    pub times: Option<Times<'a>>,
    pub dropout: &'a Dropout,
}

impl<'a> Inputs<'a> {
    fn width(&self) -> usize {
        self.q.ncols()
    }

    fn check(&self) {
        let columns = self.width();
        assert!(self.heads > 0 && columns > 0 && columns.is_multiple_of(self.heads), "heads divide the width");
        assert!(self.k.dim() == self.v.dim() && self.k.ncols() == columns && self.queries.len() == self.offsets.len());
        assert!(self.places.is_none_or(|places| places.len() % 2 == 1));
        let counts = self.times.is_none_or(|times| {
            times.table.len() == TIMES && times.keys.len() == self.k.nrows() && times.queries.len() == self.q.nrows()
        });
        assert!(counts, "a time for each query and each key");
    }

    /// Query `i` of segment `b` and head `head`.
    fn query(&self, b: usize, i: usize, head: usize) -> Query<'a> {
        let [queries, offsets] = [self.queries, self.offsets].map(|x| elements(&x));
        let [q, k, v] = [self.q, self.k, self.v].map(|x| elements(&x));
        let (width, d) = (self.width(), self.width() / self.heads);
        let (row, first) = (queries[b] as usize + i, offsets[b] as usize);
        let (count, keys) = (queries[b + 1] - queries[b], offsets[b + 1] - offsets[b]);
        let place = keys - count + i as i32;
        Query {
            q: &q[row * width + head * d..][..d],
            k: k.get(first * width + head * d..).unwrap_or_default(),
            v: v.get(first * width + head * d..).unwrap_or_default(),
            width,
            keys: if self.causal { (place + 1).max(0) } else { keys } as usize,
            form: self.form,
            bias: Biases {
                places: self.places.map(|places| elements(&places)),
                place,
                times: self.times.map(|times| times.of(row, first)),
            },
            row,
            stream: self.dropout.head(head),
            threshold: self.dropout.threshold(),
            kept: self.dropout.scale(),
        }
    }
}

/// out [Q, D], and of the softmax the logarithm of each query's sum by head, lse [Q, H]; zeros where there is none.
pub fn attend(run: &impl Parallel, inputs: &Inputs, out: ArrayViewMut2<f32>, lse: ArrayViewMut2<f32>) {
    inputs.check();
    let queries = elements(&inputs.queries);
    let out = Segmented { data: elements_mut(out), width: inputs.width(), offsets: queries };
    let lse = Segmented { data: elements_mut(lse), width: inputs.heads, offsets: queries };
    over_panels(run, [out, lse], inputs.heads, |head, group| {
        for (b, [mut out, mut lse]) in group {
            for i in 0..out.rows() {
                lse.row(i)[0] = forward(&inputs.query(b, i, head), out.row(i));
            }
        }
    });
}

/// Scratch of [`attend_gradient`] for `segments`: f32 of the biases' gradients by segment and head, and indices.
pub fn attend_gradient_scratch(segments: usize, heads: usize, places: usize, times: bool) -> [usize; 2] {
    let biases = size::plus([places, if times { TIMES } else { 0 }]);
    [size::times([segments, heads, biases]), size::plus([segments, 1])]
}

/// What [`attend`] gave, and the gradient of its first result.
#[derive(Clone, Copy)]
pub struct Attended<'a> {
    pub out: ArrayView2<'a, f32>,
    pub lse: ArrayView2<'a, f32>,
    pub dout: ArrayView2<'a, f32>,
}

/// Gradients of the inputs; those of biases that are not there are empty.
pub struct Gradients<'a> {
    pub q: ArrayViewMut2<'a, f32>,
    pub k: ArrayViewMut2<'a, f32>,
    pub v: ArrayViewMut2<'a, f32>,
    pub places: ArrayViewMut1<'a, f32>,
    pub times: ArrayViewMut1<'a, f32>,
}

/// With ds the gradient of a score, bias included: dq_i = scale Σ_j ds_ij k_j, dk_j = scale Σ_i ds_ij q_i, and a bias takes the
/// ds that it was added to. Of a softmax P with kept share m, ds_ij = P_ij (m_ij dout_i · v_j − dout_i · out_i) and
/// dv_j = Σ_i m_ij P_ij dout_i; of SiLU, ds_ij = σ(s) (1 + s (1 − σ(s))) dout_i · v_j / length and dv_j = Σ_i s σ(s) dout_i / length.
pub fn attend_gradient(
    run: &impl Parallel,
    inputs: &Inputs,
    attended: &Attended,
    to: Gradients,
    scratch: &mut [f32],
    indices: &mut [i32],
) {
    inputs.check();
    let (width, heads) = (inputs.width(), inputs.heads);
    let [queries, offsets] = [inputs.queries, inputs.offsets].map(|x| elements(&x));
    let [out, lse, dout] = [attended.out, attended.lse, attended.dout].map(|x| elements(&x));
    let [dplaces, dtimes] = [to.places, to.times].map(elements_mut);
    let (segments, biases) = (offsets.len() - 1, dplaces.len() + dtimes.len());
    let (partial, each) = (&mut scratch[..segments * heads * biases], &mut indices[..=segments]);
    each.iter_mut().zip(0..).for_each(|(index, i)| *index = i);
    let panels = [
        Segmented { data: elements_mut(to.q), width, offsets: queries },
        Segmented { data: elements_mut(to.k), width, offsets },
        Segmented { data: elements_mut(to.v), width, offsets },
        Segmented { data: &mut *partial, width: heads * biases, offsets: each },
    ];
    over_panels(run, panels, heads, |head, group| {
        for (b, [mut dq, mut dk, mut dv, mut dbias]) in group {
            for j in 0..dk.rows() {
                dk.row(j).fill(0.0);
                dv.row(j).fill(0.0);
            }
            let dbias = dbias.row(0);
            dbias.fill(0.0);
            for i in 0..dq.rows() {
                let row = queries[b] as usize + i;
                let at = row * width + head * (width / heads)..row * width + (head + 1) * (width / heads);
                let up = (&out[at.clone()], &dout[at], lse[row * heads + head]);
                backward(&inputs.query(b, i, head), up, dq.row(i), &mut dk, &mut dv, dbias);
            }
        }
    });
    let places = dplaces.len();
    sum_biases(run, partial, biases, 0, dplaces);
    sum_biases(run, partial, biases, places, dtimes);
}

/// The columns of `partial` [.., biases] from `from` on, summed over its rows in order.
fn sum_biases(run: &impl Parallel, partial: &[f32], biases: usize, from: usize, to: &mut [f32]) {
    over_parts(run, to, 64, |block, to| {
        for (c, y) in to.iter_mut().enumerate() {
            let column = partial.iter().skip(from + block * 64 + c).step_by(biases);
            *y = column.map(|&x| f64::from(x)).sum::<f64>() as f32;
        }
    });
}
