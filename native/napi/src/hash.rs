//! SHA-256, for which Node's own module would have to be loaded first: some milliseconds of each start.

use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;
use sha2::{Digest, Sha256 as State};

/// SHA-256 of bytes that come in parts.
#[napi]
#[derive(Default)]
pub struct Sha256(State);

#[napi]
impl Sha256 {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi(js_name = "update")]
    pub fn update(&mut self, bytes: Uint8ArraySlice<'_>) {
        self.0.update(&*bytes);
    }

    /// Another that goes on from the same bytes.
    #[napi(js_name = "copy")]
    pub fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// In hexadecimal; what comes then is hashed anew.
    #[napi(js_name = "digest")]
    pub fn digest(&mut self) -> String {
        self.0.finalize_reset().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
