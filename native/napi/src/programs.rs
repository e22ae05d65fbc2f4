//! Recorded programs, run by threads of their own while JavaScript goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use foci_engine::{Arena, Code, Fault, Program as Recorded, keep_panics, message_of, threads, work_alone};
use napi::bindgen_prelude::{Either, Float32Array, Float32ArraySlice, Int32Array, Int32ArraySlice, Object};
use napi::{Env, JsDeferred};
use napi_derive::napi;

use crate::boundary::{Result, call};
use crate::lifetimes;

/// From here on notes operations, until `endProgram`. Inputs, i32 lists, are what differs between runs.
#[napi(js_name = "beginProgram")]
pub fn begin_program(inputs: &[u32]) -> Result<()> {
    call(|arena| arena.begin_program(inputs))
}

/// What was done since `beginProgram` to make some tensors; null where it depends on more than inputs and weights.
#[napi(js_name = "endProgram")]
pub fn end_program(outputs: &[u32]) -> Result<Option<Program>> {
    call(|arena| Ok(arena.end_program(outputs).map(|program| Program { recorded: Arc::new(program) })))
}

/// Operations that are run again on other inputs.
#[napi]
pub struct Program {
    recorded: Arc<Recorded>,
}

#[napi]
impl Program {
    /// Values of the program's outputs for other inputs, by the thread that is free first.
    #[napi(js_name = "run", ts_return_type = "Promise<ProgramOutcome>")]
    pub fn run<'env>(&self, env: &'env Env, inputs: Vec<Int32ArraySlice<'_>>) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred()?;
        let inputs = inputs.iter().map(|list| list.to_vec()).collect();
        let job = Job { program: Arc::clone(&self.recorded), inputs, deferred };
        if let Err(unsent) = queue().send(job) {
            unsent.0.deferred.reject(napi::Error::from_reason("no thread to run a program could be started"));
        }
        Ok(promise)
    }

    /// Lets its weights go, and does nothing from here on.
    #[napi(js_name = "empty")]
    pub fn empty(&mut self) {
        self.recorded = Arc::default();
    }

    /// The same at once, by this thread.
    #[napi(js_name = "runHere")]
    pub fn run_here<'env>(
        &self,
        env: &'env Env,
        inputs: Vec<Int32ArraySlice<'_>>,
    ) -> Result<Vec<Either<Int32ArraySlice<'env>, Float32ArraySlice<'env>>>> {
        let inputs: Vec<&[i32]> = inputs.iter().map(|list| &**list).collect();
        let values = call(|arena| values(&self.recorded, arena, &inputs))?;
        let array = |values| match values {
            Values::I32(values) => lifetimes::ints(env, values).map(Either::A),
            Values::F32(values) => lifetimes::floats(env, values).map(Either::B),
        };
        values.into_iter().map(array).collect()
    }
}

/// Values of a tensor.
enum Values {
    I32(Vec<i32>),
    F32(Vec<f32>),
}

/// Values, or the code and the message of a fault.
#[napi(object, object_from_js = false)]
pub struct ProgramOutcome {
    pub values: Option<Vec<Either<Int32Array, Float32Array>>>,
    pub code: Option<&'static str>,
    pub message: Option<String>,
}

type Resolver = Box<dyn FnOnce(Env) -> napi::Result<ProgramOutcome>>;

struct Job {
    program: Arc<Recorded>,
    inputs: Vec<Vec<i32>>,
    deferred: JsDeferred<ProgramOutcome, Resolver>,
}

/// The way to the threads of the process, which wait there for good.
fn queue() -> &'static Sender<Job> {
    static QUEUE: OnceLock<Sender<Job>> = OnceLock::new();
    QUEUE.get_or_init(|| {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for i in 0..threads() {
            let receiver = Arc::clone(&receiver);
            // Those that start do the work of those that do not.
            let _ = std::thread::Builder::new().name(format!("foci-rank-{i}")).spawn(move || work(&receiver));
        }
        sender
    })
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    keep_panics();
    work_alone(); // there is a thread of these for each core
    let mut arena = Arena::default();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { program, inputs, deferred }) = job else { return };
        let inputs: Vec<&[i32]> = inputs.iter().map(Vec::as_slice).collect();
        let outcome = catch_unwind(AssertUnwindSafe(|| values(&program, &mut arena, &inputs)));
        let outcome = outcome.unwrap_or_else(|panic| {
            arena = Arena::default(); // the other may be half changed
            Err(Fault::new(Code::EngineLost, message_of(panic.as_ref())))
        });
        drop(program);
        deferred.resolve(Box::new(|_| Ok(outcome_of(outcome))));
    }
}

/// Runs a program in a scope of its own.
fn values(program: &Recorded, arena: &mut Arena, inputs: &[&[i32]]) -> foci_engine::Result<Vec<Values>> {
    arena.open_scope();
    let copy = |arena: &Arena, id| match arena.read_i32(id) {
        Ok(_) => arena.copy_i32(id).map(Values::I32),
        Err(_) => arena.copy_f32(id).map(Values::F32),
    };
    let values = program.run(arena, inputs).and_then(|ids| ids.into_iter().map(|id| copy(arena, id)).collect());
    arena.close_scope(&[])?;
    values
}

fn outcome_of(outcome: foci_engine::Result<Vec<Values>>) -> ProgramOutcome {
    let array = |values| match values {
        Values::I32(values) => Either::A(values.into()),
        Values::F32(values) => Either::B(values.into()),
    };
    match outcome {
        Ok(values) => {
            ProgramOutcome { values: Some(values.into_iter().map(array).collect()), code: None, message: None }
        }
        Err(fault) => ProgramOutcome { values: None, code: Some(fault.code.name()), message: Some(fault.to_string()) },
    }
}
