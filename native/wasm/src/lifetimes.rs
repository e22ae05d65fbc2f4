//! Scopes, values in and out, and what the process has.

use std::slice;

use js_sys::{Float32Array, Int32Array};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{Result, call};

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
pub fn from_float32(data: &Float32Array, shape: &[u32]) -> Result<u32> {
    let length = data.length() as usize;
    call(|arena| arena.from_f32(length, shape, |to| data.copy_to(to)))
}

#[wasm_bindgen(js_name = "fromInt32")]
pub fn from_int32(data: &Int32Array, shape: &[u32]) -> Result<u32> {
    let length = data.length() as usize;
    call(|arena| arena.from_i32(length, shape, |to| data.copy_to(to)))
}

#[wasm_bindgen(js_name = "variable")]
pub fn variable(shape: &[u32]) -> Result<u32> {
    call(|arena| arena.variable(shape))
}

#[wasm_bindgen(js_name = "write")]
pub fn write(variable: u32, data: &Float32Array) -> Result<()> {
    let length = data.length() as usize;
    call(|arena| arena.write(variable, length, |to| data.copy_to(to)))
}

#[wasm_bindgen(js_name = "frozen")]
pub fn frozen(artefact: &str, name: &str) -> Result<u32> {
    call(|arena| arena.frozen(artefact, name))
}

#[wasm_bindgen(js_name = "freeze")]
pub fn freeze(artefact: &str, name: &str, data: &Float32Array, shape: &[u32]) -> Result<u32> {
    let length = data.length() as usize;
    call(|arena| arena.freeze(artefact, name, length, shape, |to| data.copy_to(to)))
}

#[wasm_bindgen(js_name = "freezeTensor")]
pub fn freeze_tensor(artefact: &str, name: &str, id: u32) -> Result<u32> {
    call(|arena| arena.freeze_tensor(artefact, name, id))
}

#[wasm_bindgen(js_name = "shape")]
pub fn shape(id: u32) -> Result<Vec<u32>> {
    call(|arena| arena.shape(id).map(<[u32]>::to_vec))
}

#[wasm_bindgen(js_name = "readFloat32")]
pub fn read_float32(id: u32) -> Result<Float32Array> {
    let values = call(|arena| arena.read_f32(id).map(|values| (values.as_ptr(), values.len())))?;
    // Copied outside the arena: JavaScript throws where it has no memory for it.
    // SAFETY: the tensor lives until another call of the engine ends it.
    Ok(unsafe { slice::from_raw_parts(values.0, values.1) }.into())
}

#[wasm_bindgen(js_name = "readInt32")]
pub fn read_int32(id: u32) -> Result<Int32Array> {
    let values = call(|arena| arena.read_i32(id).map(|values| (values.as_ptr(), values.len())))?;
    // SAFETY: as above.
    Ok(unsafe { slice::from_raw_parts(values.0, values.1) }.into())
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

#[wasm_bindgen(js_name = "usePrecision")]
pub fn use_precision(name: String) -> Result<bool> {
    call(|arena| arena.use_precision(&name))
}

#[wasm_bindgen(js_name = "workAlone")]
pub fn work_alone() {
    foci_engine::work_alone();
}

#[wasm_bindgen(js_name = "multiplyAdds")]
pub fn multiply_adds(rounds: u32) -> f64 {
    foci_engine::multiply_adds(rounds)
}

/// What the panic said that ended this instance.
#[wasm_bindgen(js_name = "lastPanic")]
pub fn last_panic() -> String {
    foci_engine::last_panic()
}

/// Panics, for tests of what a bug does.
#[wasm_bindgen(js_name = "debugPanic")]
pub fn debug_panic() -> Result<()> {
    call(|_| panic!("debugPanic was called"))
}
