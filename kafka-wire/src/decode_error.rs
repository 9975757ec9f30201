//! Why bytes could not be read: what was wrong, where, and in which field.
//!
//! One error for everything this crate decodes. It is built only on failure and is one pointer
//! wide, so that the success path of the varint readers stays small.

use std::fmt;

use crate::{encode_error::STRING_BYTES_MAX, field_path};

/// Bytes that are not what they should be.
///
/// ```
/// use kafka_wire::{DecodeError, varint};
///
/// let error: DecodeError = varint::read_unsigned(&mut &b"\xff"[..]).unwrap_err();
/// assert_eq!(error.offset(), 1);
/// assert!(error.to_string().contains("needs 1 byte"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Fault>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    problem: DecodeProblem,
    offset: usize,
    field: String,
}

impl DecodeError {
    /// A problem `offset` bytes into the input, in no named field yet.
    #[must_use]
    #[cold]
    pub fn new(problem: DecodeProblem, offset: usize) -> Self {
        Self(Box::new(Fault {
            problem,
            offset,
            field: String::new(),
        }))
    }

    /// What was wrong.
    #[must_use]
    pub fn problem(&self) -> &DecodeProblem {
        &self.0.problem
    }

    /// How many bytes into the input it was found.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Path of the field that was being read, such as `topics[2].name`; empty outside messages.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
    }

    /// The same error, seen from an input that starts `bytes` earlier.
    #[must_use]
    #[cold]
    pub fn shifted(mut self, bytes: usize) -> Self {
        self.0.offset += bytes;
        self
    }

    /// The same error, seen from the struct that holds field `name`.
    #[must_use]
    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.0.field = field_path::join(name, &self.0.field);
        self
    }

    /// The same error, seen from the array that holds element `index`.
    #[must_use]
    #[cold]
    pub(crate) fn in_element(self, index: usize) -> Self {
        self.in_field(&format!("[{index}]"))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at offset {}", self.0.problem, self.0.offset)?;
        field_path::write(f, &self.0.field)
    }
}

impl std::error::Error for DecodeError {}

/// What can be wrong with bytes.
///
/// ```
/// use kafka_wire::{DecodeProblem, Request, messages::EndTxnRequest};
///
/// let wrong = EndTxnRequest::version(99).unwrap_err();
/// assert!(matches!(wrong.problem(), DecodeProblem::UnsupportedVersion { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// The input ended too early.
    #[error("the input ends too early: this needs {needed} byte(s), {remaining} remain")]
    UnexpectedEnd {
        /// Bytes the value takes.
        needed: usize,
        /// Bytes there are.
        remaining: usize,
    },
    /// A variable-length integer with more bits than its type holds.
    #[error("a variable-length integer is longer than its {bits} bits allow")]
    VarintTooLong {
        /// Width of the type.
        bits: u32,
    },
    /// A negative length other than the one that stands for null.
    #[error("length {length} is negative; allowed are 0 and above, or -1 for null")]
    NegativeLength {
        /// The length as read.
        length: i64,
    },
    /// An array that announces more elements than there are bytes left.
    #[error("an array of {count} elements cannot fit in the {remaining} byte(s) that remain")]
    CountTooLarge {
        /// Elements announced.
        count: u64,
        /// Bytes left.
        remaining: usize,
    },
    /// Arrays whose elements take more memory than the input justifies; see
    /// [`Reader`](crate::Reader).
    #[error(
        "an array needs {needed} bytes of memory; of what so many bytes of input may take, {allowed} are left"
    )]
    TooMuchMemory {
        /// What its elements take.
        needed: usize,
        /// What is left for them.
        allowed: usize,
    },
    /// A string that is longer than any that Kafka writes.
    #[error("a string of {bytes} bytes is longer than the {STRING_BYTES_MAX} that are allowed")]
    StringTooLong {
        /// Its length as read.
        bytes: usize,
    },
    /// Null where this version allows none.
    #[error("null, where this version of the message allows none")]
    UnexpectedNull,
    /// A string that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,
    /// Bytes left over after everything was read.
    #[error("{count} byte(s) left over after the last field")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A version of a message that is not implemented.
    #[error("version {version} is not supported; supported are {oldest} to {latest}")]
    UnsupportedVersion {
        /// The version asked for.
        version: i16,
        /// The oldest there is.
        oldest: i16,
        /// The latest there is.
        latest: i16,
    },
}
