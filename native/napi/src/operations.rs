//! The table of operations as exports.
#![expect(clippy::too_many_arguments, reason = "an operation takes what its row of the table says")]

use foci_engine::operations;
use napi_derive::napi;

use crate::boundary::{Result, call};

#[napi]
pub type Id = u32;

#[napi]
pub type Ids = Vec<Id>;

macro_rules! exports {
    ($($(#[$doc:meta])* $name:ident $js:literal ($($argument:ident: $type:ident),*) -> $result:tt;)*) => {
        $($(#[$doc])*
        #[napi(js_name = $js)]
        pub fn $name($($argument: $type),*) -> Result<$result> {
            call(|arena| arena.$name($($argument),*))
        })*
    };
}
operations!(exports);
