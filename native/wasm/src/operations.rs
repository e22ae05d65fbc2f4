//! The table of operations as exports.
#![expect(clippy::too_many_arguments, reason = "an operation takes what its row of the table says")]

use foci_engine::{Id, Ids, operations};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::boundary::{Result, call};

macro_rules! exports {
    ($($(#[$doc:meta])* $name:ident $js:literal ($($argument:ident: $type:ident),*) -> $result:tt;)*) => {
        $($(#[$doc])*
        #[wasm_bindgen(js_name = $js)]
        pub fn $name($($argument: $type),*) -> Result<$result> {
            call(|arena| arena.$name($($argument),*))
        })*
    };
}
operations!(exports);
