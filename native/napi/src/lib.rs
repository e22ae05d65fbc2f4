//! The engine for Node, Deno and Bun: every export calls the arena of its JavaScript thread.

mod boundary;
mod hash;
mod lifetimes;
mod lock;
mod log;
mod operations;
mod programs;
