//! Why a value cannot be written: it is longer than the protocol allows, and in which field.
//!
//! One error for everything this crate encodes. A value is never cut to make it fit: what is sent
//! is what was given, or nothing.

use std::fmt;

use crate::field_path;

/// A value that the protocol has no room for.
///
/// ```
/// use kafka_wire::{EncodeProblem, Request, encode_request, messages::EndTxnRequest};
///
/// let request = EndTxnRequest::default().with_transactional_id("t".repeat(40_000));
/// let error = encode_request(1, None, EndTxnRequest::version(3)?, &request).unwrap_err();
/// assert_eq!(error.field(), "transactional_id");
/// assert_eq!(error.problem(), &EncodeProblem::StringTooLong { bytes: 40_000 });
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
// One pointer wide: the error is rare, and every encoder of a field returns this result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError(Box<TooLong>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct TooLong {
    problem: EncodeProblem,
    field: String,
}

impl EncodeError {
    #[cold]
    pub(crate) fn new(problem: EncodeProblem) -> Self {
        Self(Box::new(TooLong {
            problem,
            field: String::new(),
        }))
    }

    /// What is too long.
    #[must_use]
    pub fn problem(&self) -> &EncodeProblem {
        &self.0.problem
    }

    /// Path of the field that was being written, such as `topics[2].name`; empty for a whole frame.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.0.field
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

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooLong { problem, field } = &*self.0;
        write!(f, "{problem}")?;
        field_path::write(f, field)
    }
}

impl std::error::Error for EncodeError {}

/// What can be too long to be written.
///
/// ```
/// use kafka_wire::EncodeProblem;
///
/// let problem = EncodeProblem::StringTooLong { bytes: 40_000 };
/// assert_eq!(problem.to_string(), "a string of 40000 bytes cannot be written; allowed are 32767");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeProblem {
    /// A string: brokers accept none that is longer, in either form of its length.
    #[error("a string of {bytes} bytes cannot be written; allowed are {STRING_BYTES_MAX}")]
    StringTooLong {
        /// Its bytes in UTF-8.
        bytes: usize,
    },
    /// Bytes or an array.
    #[error("a length of {length} cannot be written; allowed are {LENGTH_MAX}")]
    LengthTooLarge {
        /// How many bytes or elements there are.
        length: usize,
    },
    /// A request or a response as a whole.
    #[error("a frame of {bytes} bytes cannot be written; allowed are {LENGTH_MAX}")]
    FrameTooLarge {
        /// Its bytes, without its length.
        bytes: usize,
    },
}

/// The longest string of the protocol, in bytes of UTF-8: Kafka keeps to it in all versions,
/// although the compact form allows more.
pub const STRING_BYTES_MAX: usize = i16::MAX as usize;

/// The largest length of bytes, an array or a frame.
pub(crate) const LENGTH_MAX: usize = i32::MAX as usize;
