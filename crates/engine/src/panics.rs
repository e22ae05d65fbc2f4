//! What a panic says, kept for the error that the engine's loss becomes: nothing is printed.

use std::any::Any;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static LAST: Mutex<String> = Mutex::new(String::new());
const WORDLESS: &str = "a panic without words";

/// Keeps what panics say from here on, on all threads of the process.
pub fn keep_panics() {
    static KEPT: Once = Once::new();
    KEPT.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let text = panic.payload_as_str().unwrap_or(WORDLESS);
            *last() = panic.location().map_or_else(|| text.to_owned(), |at| format!("{text} ({at})"));
        }));
    });
}

/// What the last panic said, and where.
pub fn last_panic() -> String {
    last().clone()
}

/// What the panic said that was caught with this payload, and where unless another thread panicked since.
pub fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or(WORDLESS);
    Some(last_panic()).filter(|last| last.starts_with(text)).unwrap_or_else(|| text.to_owned())
}

fn last() -> MutexGuard<'static, String> {
    // A text is whole whatever its writer was doing.
    LAST.lock().unwrap_or_else(PoisonError::into_inner)
}
