//! The engine for browsers, workers and anything else that runs WebAssembly: one arena an instance.

mod boundary;
mod lifetimes;
mod operations;
