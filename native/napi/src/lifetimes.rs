//! Scopes, values in and out, and what the process has.

use foci_engine::Code;
use napi::Env;
use napi::bindgen_prelude::{Float32ArraySlice, Int32ArraySlice};
use napi_derive::napi;

use crate::boundary::{self, Result, call};

#[napi(js_name = "openScope")]
pub fn open_scope() -> Result<()> {
    call(|arena| {
        arena.open_scope();
        Ok(())
    })
}

#[napi(js_name = "closeScope")]
pub fn close_scope(kept: &[u32]) -> Result<()> {
    call(|arena| arena.close_scope(kept))
}

#[napi(js_name = "release")]
pub fn release(id: u32) -> Result<()> {
    call(|arena| {
        arena.release(id);
        Ok(())
    })
}

#[napi(js_name = "fromFloat32")]
pub fn from_float32(data: &[f32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.from_f32(data.len(), shape, |to| to.copy_from_slice(data)))
}

#[napi(js_name = "fromInt32")]
pub fn from_int32(data: &[i32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.from_i32(data.len(), shape, |to| to.copy_from_slice(data)))
}

#[napi(js_name = "variable")]
pub fn variable(shape: &[u32]) -> Result<u32> {
    call(|arena| arena.variable(shape))
}

#[napi(js_name = "write")]
pub fn write(variable: u32, data: &[f32]) -> Result<()> {
    call(|arena| arena.write(variable, data.len(), |to| to.copy_from_slice(data)))
}

#[napi(js_name = "frozen")]
pub fn frozen(artefact: String, name: String) -> Result<u32> {
    call(|arena| arena.frozen(&artefact, &name))
}

#[napi(js_name = "freeze")]
pub fn freeze(artefact: String, name: String, data: &[f32], shape: &[u32]) -> Result<u32> {
    call(|arena| arena.freeze(&artefact, &name, data.len(), shape, |to| to.copy_from_slice(data)))
}

#[napi(js_name = "freezeTensor")]
pub fn freeze_tensor(artefact: String, name: String, id: u32) -> Result<u32> {
    call(|arena| arena.freeze_tensor(&artefact, &name, id))
}

#[napi(js_name = "shape")]
pub fn shape(id: u32) -> Result<Vec<u32>> {
    call(|arena| arena.shape(id).map(<[u32]>::to_vec))
}

/// Values up to which JavaScript gets memory of its own: of ours it has to be told when it is done with it.
const FEW: usize = 4096;

macro_rules! readers {
    ($($name:ident $js:literal $array:ident $read:ident $copy:ident;)*) => {
        $(#[napi(js_name = $js)]
        pub fn $name(env: &Env, id: u32) -> Result<$array<'_>> {
            let array = call(|arena| match arena.$read(id)? {
                values if values.len() <= FEW => Ok($array::copy_from(env, values)),
                _ => arena.$copy(id).map(|values| $array::from_data(env, values)),
            })?;
            array.map_err(|error| napi::Error::new(Code::Memory, error.reason.clone()))
        })*
    };
}
readers! {
    read_float32 "readFloat32" Float32ArraySlice read_f32 copy_f32;
    read_int32 "readInt32" Int32ArraySlice read_i32 copy_i32;
}

macro_rules! arrays {
    ($($name:ident $array:ident $number:ident;)*) => {
        /// Values as an array of JavaScript's.
        $(pub fn $name(env: &Env, values: Vec<$number>) -> Result<$array<'_>> {
            let few = values.len() <= FEW;
            let array = if few { $array::copy_from(env, &values) } else { $array::from_data(env, values) };
            array.map_err(|error| napi::Error::new(Code::Memory, error.reason.clone()))
        })*
    };
}
arrays! {
    floats Float32ArraySlice f32;
    ints Int32ArraySlice i32;
}

#[napi(js_name = "memory")]
pub fn memory() -> Result<Vec<f64>> {
    call(|arena| Ok(arena.memory().to_vec()))
}

#[napi(js_name = "instructions")]
pub fn instructions() -> &'static str {
    foci_engine::instructions()
}

#[napi(js_name = "threads")]
pub fn threads() -> u32 {
    foci_engine::threads() as u32
}

#[napi(js_name = "setThreads")]
pub fn set_threads(threads: u32) -> Result<()> {
    call(|_| foci_engine::set_threads(threads))
}

#[napi(js_name = "usePrecision")]
pub fn use_precision(name: String) -> Result<bool> {
    call(|arena| arena.use_precision(&name))
}

#[napi(js_name = "workAlone")]
pub fn work_alone() {
    foci_engine::work_alone();
}

#[napi(js_name = "multiplyAdds")]
pub fn multiply_adds(rounds: u32) -> Result<f64> {
    call(|_| Ok(foci_engine::multiply_adds(rounds)))
}

/// Begins again after a panic: an empty engine to which all earlier handles are stale.
#[napi(js_name = "reset")]
pub fn reset() {
    boundary::reset();
}

/// Panics, for tests of what a bug does.
#[napi(js_name = "debugPanic")]
pub fn debug_panic() -> Result<()> {
    call(|_| panic!("debugPanic was called"))
}
