//! The way from JavaScript to the arena: faults become errors with a code, a panic traps and loses the instance.

use std::cell::{RefCell, RefMut};

use foci_engine::{Arena, Fault, keep_panics};
use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

/// A fault on its way: `code` of the JavaScript error is the fault's, its message begins with the operation.
pub type Result<T> = std::result::Result<T, JsValue>;

thread_local! {
    /// It lives as long as the instance.
    static ARENA: &'static RefCell<Arena> = {
        keep_panics();
        Box::leak(Box::default())
    };
}

/// Runs `body` on this instance's arena.
pub fn call<T>(body: impl FnOnce(&mut Arena) -> foci_engine::Result<T>) -> Result<T> {
    body(&mut arena()).map_err(error)
}

/// Not in each export anew.
#[inline(never)]
fn arena() -> RefMut<'static, Arena> {
    ARENA.with(|arena| arena.borrow_mut())
}

#[inline(never)]
fn error(fault: Fault) -> JsValue {
    let error = Error::new(&fault.to_string());
    // Setting a property of a fresh error does not fail.
    let _ = Reflect::set(&error, &"code".into(), &fault.code.name().into());
    error.into()
}
