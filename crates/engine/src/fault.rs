//! What an operation refuses, as data.

use std::fmt;
use std::ops::Deref;

pub type Result<T> = std::result::Result<T, Fault>;

/// The kinds of fault, as the bindings name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Shapes or types that do not fit.
    Shape,
    /// A handle whose tensor was freed.
    Freed,
    /// A tensor made with no scope open.
    NoScope,
    /// An id, an offset or a number outside its range.
    Range,
    /// A number that must be finite and is not.
    NonFinite,
    /// More memory than there is.
    Memory,
    /// The engine met a bug of its own.
    EngineLost,
}

impl Code {
    pub fn name(self) -> &'static str {
        match self {
            Self::Shape => "SHAPE",
            Self::Freed => "FREED",
            Self::NoScope => "NO_SCOPE",
            Self::Range => "RANGE",
            Self::NonFinite => "NON_FINITE",
            Self::Memory => "MEMORY",
            Self::EngineLost => "ENGINE_LOST",
        }
    }
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

/// A refusal: nothing was computed and no tensor was made or changed. One word, so that results stay small where none is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Box<Refusal>);

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// The operation, by its name in JavaScript. Set where the operation is called.
    pub op: &'static str,
    /// What was wrong with which value.
    pub message: String,
}

impl Deref for Fault {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl Fault {
    #[cold]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal { code, op: "", message: message.into() }))
    }

    pub fn shape(message: impl Into<String>) -> Self {
        Self::new(Code::Shape, message)
    }

    pub fn range(message: impl Into<String>) -> Self {
        Self::new(Code::Range, message)
    }

    pub fn memory(message: impl Into<String>) -> Self {
        Self::new(Code::Memory, message)
    }

    /// The same fault, met by `op`.
    pub fn of(mut self, op: &'static str) -> Self {
        self.0.op = op;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.op, self.message)
    }
}

impl std::error::Error for Fault {}
