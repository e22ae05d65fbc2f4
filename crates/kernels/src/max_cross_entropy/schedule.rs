//! Blocks of events one after the other: their exponentials, their part of the loss, their gradients.

use super::backward::Gradients;
use super::plan::{Block, Fields, Plan};
use crate::Parallel;
use crate::cross_entropy::{Positives, Problem, max_norm};
use crate::parallel::over_parts;

impl Plan {
    /// The mean loss; fills the gradients.
    pub fn run(&self, run: &impl Parallel, problem: &Problem, mut to: Gradients, mut scratch: &mut [f32]) -> f64 {
        self.check(problem, &to);
        let total_weight = problem.terms.total_weight(self.events);
        if self.events == 0 {
            to.items.fill(0.0);
            return 0.0;
        }
        let fields = self.fields().map(|length| scratch.split_off_mut(..length).expect("the sum of all fields"));
        let [shifts, factors, coefficients, best, rows, panels, norms, sums, exponentials] = fields;
        let max_norm = self.max_norm(run, problem, &mut norms[..self.splits]);
        let mut fields = Fields { shifts, factors, coefficients, best, rows, panels };
        let mut loss = 0.0;
        for from in (0..self.events).step_by(self.block()) {
            let block = Block { from, events: self.block().min(self.events - from) };
            let bounded = self.prepare(run, problem, block, max_norm, &mut fields, (&mut *sums, &mut *exponentials));
            self.accumulate(run, problem, block, (&fields, bounded), sums, exponentials);
            loss += self.normalise(problem, block, total_weight, sums, &mut fields);
            self.gradients(run, problem, block, (&fields, total_weight), (sums, exponentials), &mut to);
        }
        // An infinite item can hide: at −∞ its logit adds nothing to the loss, but its gradient is NaN.
        if max_norm.is_finite() { loss } else { f64::NAN }
    }

    fn check(&self, problem: &Problem, to: &Gradients) {
        let Self { events, interests, items, width, .. } = *self;
        assert!(problem.h.len() == events * interests * width && to.h.len() == problem.h.len());
        assert!(problem.items.len() == items * width && to.items.len() == problem.items.len());
        assert!(problem.terms.fit(events, items), "a term for each event and each of the drawn");
        if let Some(Positives { vectors, drawn }) = problem.positives {
            assert!(vectors.len() == events * width && to.positives.len() == vectors.len() && drawn.len() == items);
        }
    }

    /// The largest norm among the items; NaN if there is one.
    fn max_norm(&self, run: &impl Parallel, problem: &Problem, norms: &mut [f32]) -> f32 {
        over_parts(run, norms, 1, |split, norm| {
            let (from, count) = self.items_of(split);
            let items = &problem.items[from * self.width..][..count * self.width];
            norm[0] = max_norm::on(problem.set, items, self.width);
        });
        norms.iter().fold(0.0, |most: f32, &x| if x > most || x.is_nan() { x } else { most })
    }
}
