//! The way from JavaScript to the arena of the calling thread: faults become errors with a code, a panic loses the engine.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use foci_engine::{Arena, Code, Fault, keep_panics, message_of};

/// A fault on its way: `code` of the JavaScript error is the fault's, its message begins with the operation.
pub type Result<T> = std::result::Result<T, napi::Error<Code>>;

#[derive(Default)]
struct Engine {
    arena: Arena,
    /// What the panic said that ended this engine.
    lost: Option<String>,
}

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::default();
}

/// Runs `body` on this thread's arena.
pub fn call<T>(body: impl FnOnce(&mut Arena) -> foci_engine::Result<T>) -> Result<T> {
    keep_panics();
    ENGINE.with_borrow_mut(|engine| {
        if let Some(message) = &engine.lost {
            return Err(lost(message));
        }
        // A panic may leave the arena half changed; it is never used again.
        match catch_unwind(AssertUnwindSafe(|| body(&mut engine.arena))) {
            Ok(result) => result.map_err(error),
            Err(panic) => Err(lost(engine.lost.insert(message_of(panic.as_ref())))),
        }
    })
}

/// Begins again after a panic: an empty arena to which all earlier handles are stale.
pub fn reset() {
    ENGINE.with_borrow_mut(|engine| *engine = Engine { arena: engine.arena.successor(), lost: None });
}

fn error(fault: Fault) -> napi::Error<Code> {
    napi::Error::new(fault.code, fault.to_string())
}

fn lost(message: &str) -> napi::Error<Code> {
    napi::Error::new(Code::EngineLost, message)
}
