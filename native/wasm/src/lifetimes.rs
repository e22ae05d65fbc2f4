//! Scopes, values in and out, and what the process has.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{self, Result, call};

#[wasm_bindgen(js_name = "openScope")]
pub fn open_scope() -> Result<()> {
    call(|arena| {
        arena.open_scope();
        Ok(())
    })
}

#[wasm_bindgen(js_name = "closeScope")]
pub fn close_scope(kept: &[u32]) -> Result<()> {
    call(|arena| arena.close_scope(kept))
}

#[wasm_bindgen(js_name = "release")]
pub fn release(id: u32) -> Result<()> {
    call(|arena| {
        arena.release(id);
        Ok(())
    })
}

#[wasm_bindgen(js_name = "fromFloat32")]
pub fn from_float32(data: &[f32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.from_f32(data, shape))
}

#[wasm_bindgen(js_name = "fromInt32")]
pub fn from_int32(data: &[i32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.from_i32(data, shape))
}

#[wasm_bindgen(js_name = "variable")]
pub fn variable(shape: &[u32]) -> Result<u32> {
    call(|arena| arena.variable(shape))
}

#[wasm_bindgen(js_name = "write")]
pub fn write(variable: u32, data: &[f32]) -> Result<()> {
    call(|arena| arena.write(variable, data))
}

#[wasm_bindgen(js_name = "frozen")]
pub fn frozen(artefact: &str, name: &str) -> Result<u32> {
    call(|arena| arena.frozen(artefact, name))
}

#[wasm_bindgen(js_name = "freeze")]
pub fn freeze(artefact: &str, name: &str, data: &[f32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.freeze(artefact, name, data, shape))
}

#[wasm_bindgen(js_name = "shape")]
pub fn shape(id: u32) -> Result<Vec<u32>> {
    call(|arena| arena.shape(id).map(<[u32]>::to_vec))
}

#[wasm_bindgen(js_name = "readFloat32")]
pub fn read_float32(id: u32) -> Result<Vec<f32>> {
    call(|arena| arena.read_f32(id).map(<[f32]>::to_vec))
}

#[wasm_bindgen(js_name = "readInt32")]
pub fn read_int32(id: u32) -> Result<Vec<i32>> {
    call(|arena| arena.read_i32(id).map(<[i32]>::to_vec))
}

/// `memory` of the engine; a module's own memory already has that name.
#[wasm_bindgen(js_name = "memoryInUse")]
pub fn memory() -> Result<Vec<f64>> {
    call(|arena| Ok(arena.memory().to_vec()))
}

#[wasm_bindgen(js_name = "instructions")]
pub fn instructions() -> String {
    foci_engine::instructions().to_owned()
}

#[wasm_bindgen(js_name = "threads")]
pub fn threads() -> u32 {
    foci_engine::threads() as u32
}

#[wasm_bindgen(js_name = "setThreads")]
pub fn set_threads(threads: u32) -> Result<()> {
    call(|_| foci_engine::set_threads(threads))
}

/// What the panic said that ended this instance.
#[wasm_bindgen(js_name = "lastPanic")]
pub fn last_panic() -> String {
    boundary::last_panic()
}

/// Panics, for tests of what a bug does.
#[wasm_bindgen(js_name = "debugPanic")]
pub fn debug_panic() -> Result<()> {
    call(|_| panic!("debugPanic was called"))
}
