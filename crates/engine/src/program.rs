//! Operations that were recorded once and run again on other inputs, by any thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::arena::Arena;
use crate::fault::{Fault, Result};
use crate::frozen::Weights;
use crate::operations::{Id, Ids};
use crate::tensor::{Tensor, Values};

/// A tensor of a program: one of its inputs, frozen weights, or what a step makes.
type Slot = usize;

/// An argument of a step: which tensor, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(Option<Slot>);

impl Place {
    /// The tensor's id in a run.
    pub fn at(self, live: &[Id]) -> Id {
        self.0.map_or(0, |slot| live[slot])
    }
}

/// A number that is the same in every run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Constant<T>(pub T);

impl<T: Copy> Constant<T> {
    pub fn at(self, _: &[Id]) -> T {
        self.0
    }
}

/// What crosses to JavaScript: tensors, or something else.
pub(crate) trait Crossing {
    fn ids(&self) -> Option<Ids>;
}

impl Crossing for Id {
    fn ids(&self) -> Option<Ids> {
        Some(vec![*self])
    }
}

impl Crossing for Ids {
    fn ids(&self) -> Option<Ids> {
        Some(self.clone())
    }
}

impl Crossing for f64 {
    fn ids(&self) -> Option<Ids> {
        None
    }
}

impl Crossing for () {
    fn ids(&self) -> Option<Ids> {
        None
    }
}

type Run = Box<dyn Fn(&mut Arena, &[Id]) -> Result<Ids> + Send + Sync>;

/// One operation.
struct Step {
    run: Run,
    /// Where its results begin.
    made: Slot,
    /// Tensors that no later step reads.
    last: Vec<Slot>,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("made", &self.made).field("last", &self.last).finish_non_exhaustive()
    }
}

/// What an arena notes of its operations while it records.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    slots: HashMap<Id, Slot>,
    inputs: usize,
    count: usize,
    weights: Vec<(Slot, Arc<Weights>)>,
    steps: Vec<Step>,
    /// The step that reads each slot last, by slot.
    readers: HashMap<Slot, usize>,
    /// Whether something else than inputs and weights may decide what comes out.
    strange: Cell<bool>,
}

impl Recording {
    fn add(&mut self, id: Id) -> Slot {
        self.slots.insert(id, self.count);
        self.count += 1;
        self.count - 1
    }

    fn step(&mut self, made: Ids, run: Run) {
        let first = self.count;
        for id in made {
            self.add(id);
        }
        self.steps.push(Step { run, made: first, last: vec![] });
    }
}

/// Operations in their order, which read inputs, i32 lists, and frozen weights alone.
#[derive(Debug, Default)]
pub struct Program {
    inputs: usize,
    slots: usize,
    weights: Vec<(Slot, Arc<Weights>)>,
    steps: Vec<Step>,
    outputs: Vec<Slot>,
}

impl Program {
    /// Runs it in the innermost scope; gives the outputs.
    ///
    /// Errors: those of its operations, and `RANGE` for another number of inputs than it was recorded with.
    pub fn run(&self, arena: &mut Arena, inputs: &[&[i32]]) -> Result<Ids> {
        if inputs.len() != self.inputs {
            let message = format!("{} inputs are given where {} were recorded", inputs.len(), self.inputs);
            return Err(Fault::range(message).of("program"));
        }
        let mut live = vec![0; self.slots];
        for (id, values) in live.iter_mut().zip(inputs) {
            *id = arena.from_i32(values.len(), &[values.len() as u32], |to| to.copy_from_slice(values))?;
        }
        for (slot, weights) in &self.weights {
            live[*slot] = arena.keep(Tensor { shape: weights.shape, values: Values::Frozen(Arc::clone(weights)) })?;
        }
        for Step { run, made, last } in &self.steps {
            let results = run(arena, &live)?;
            live[*made..made + results.len()].copy_from_slice(&results);
            last.iter().for_each(|&slot| arena.release(live[slot]));
        }
        Ok(self.outputs.iter().map(|&slot| live[slot]).collect())
    }
}

impl Arena {
    /// From here on notes operations, until [`Self::end_program`]. Inputs, i32 lists, are what differs between runs.
    pub fn begin_program(&mut self, inputs: &[Id]) -> Result<()> {
        let mut recording = Recording { inputs: inputs.len(), ..Recording::default() };
        for &id in inputs {
            self.i32("an input", id).map_err(|fault| fault.of("beginProgram"))?;
            recording.add(id);
        }
        self.recording = Some(Box::new(recording));
        Ok(())
    }

    /// What was done since [`Self::begin_program`], to make `outputs`. Nothing where values left the arena or came into it
    /// meanwhile: another run would do something else.
    pub fn end_program(&mut self, outputs: &[Id]) -> Option<Program> {
        let Recording { slots, inputs, count, weights, mut steps, readers, strange } = *self.recording.take()?;
        let outputs: Option<Vec<Slot>> = outputs.iter().map(|id| slots.get(id).copied()).collect();
        let outputs = outputs.filter(|_| !strange.get())?;
        for (slot, reader) in readers {
            if !outputs.contains(&slot) {
                steps[reader].last.push(slot);
            }
        }
        Some(Program { inputs, slots: count, weights, steps, outputs })
    }

    pub(crate) fn records(&self) -> bool {
        self.recording.is_some()
    }

    /// The host looks at a tensor: of what is recorded, another run's would tell it something else.
    pub(crate) fn shown(&self, id: Id) {
        if let Some(recording) = self.recording.as_ref().filter(|recording| recording.slots.contains_key(&id)) {
            recording.strange.set(true);
        }
    }

    /// Which tensor of the recording an argument is.
    pub(crate) fn place_of(&mut self, id: Id) -> Place {
        if id == 0 {
            return Place(None);
        }
        let weights = self.weights(id);
        let Some(recording) = &mut self.recording else { return Place(None) };
        let known = recording.slots.get(&id).copied();
        let slot = match (known, weights) {
            (Some(slot), _) => slot,
            (None, Some(weights)) => {
                let slot = recording.add(id);
                recording.weights.push((slot, weights));
                slot
            }
            (None, None) => {
                recording.strange.set(true);
                return Place(None);
            }
        };
        recording.readers.insert(slot, recording.steps.len());
        Place(Some(slot))
    }

    /// Notes an operation. One that gives no tensors is for the host to read, or changes a variable.
    pub(crate) fn record(
        &mut self,
        made: Option<Ids>,
        run: impl Fn(&mut Arena, &[Id]) -> Result<Ids> + Send + Sync + 'static,
    ) {
        match (&mut self.recording, made) {
            (Some(recording), Some(made)) => recording.step(made, Box::new(run)),
            (Some(recording), None) => recording.strange.set(true),
            (None, _) => {}
        }
    }
}
