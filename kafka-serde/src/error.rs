//! Why a key or value could not become bytes.
//!
//! Returned before the record has a partition or a place in a batch: nothing of it was sent. The
//! caller knows the topic, and whether it was the key or the value; the error does not repeat them.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// What failed, and why.
///
/// ```
/// use kafka_serde::SerializeError;
/// use std::error::Error;
///
/// let error = SerializeError::new("the order", "its price is negative");
/// assert_eq!(error.to_string(), "the order could not be serialized");
/// assert_eq!(error.source().unwrap().to_string(), "its price is negative");
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SerializeError {
    /// A serializer refused the value, for a reason of its own.
    #[error("{what} could not be serialized")]
    Failed {
        /// The value, as its serializer calls it.
        what: Cow<'static, str>,
        /// The reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// `serializer.encoding` names a character set that is not known.
    #[error(
        "unknown string encoding {name:?}; allowed are UTF-8, UTF-16, UTF-16BE, UTF-16LE, \
         ISO-8859-1, US-ASCII and Java's other names for them"
    )]
    UnknownEncoding {
        /// As it was written.
        name: String,
    },
    /// An element of a list could not be serialized.
    #[error("element {index} of the list could not be serialized")]
    Element {
        /// Its place, counted from 0.
        index: usize,
        /// The reason.
        source: Box<Self>,
    },
    /// A list whose elements must be of one size, because their sizes are not written, has others.
    #[error("element {index} of the list has {len} bytes; those before it have {expected}")]
    UnevenElement {
        /// Its place, counted from 0.
        index: usize,
        /// How many bytes it has.
        len: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A length or a count does not fit the format's 32-bit field.
    #[error("{what} is {len}; the format allows at most 2147483647")]
    TooLong {
        /// What was measured.
        what: &'static str,
        /// What it measured.
        len: usize,
    },
}

/// `{:?}` is the sentence with its causes, which is what `main` prints of the error that it returns; `{:#?}` is the
/// structure.
impl fmt::Debug for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.fmt_structure(f);
        }
        write!(f, "{self}")?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl SerializeError {
    fn fmt_structure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { what, source } => f
                .debug_struct("Failed")
                .field("what", what)
                .field("source", source)
                .finish(),
            Self::UnknownEncoding { name } => f
                .debug_struct("UnknownEncoding")
                .field("name", name)
                .finish(),
            Self::Element { index, source } => f
                .debug_struct("Element")
                .field("index", index)
                .field("source", source)
                .finish(),
            Self::UnevenElement {
                index,
                len,
                expected,
            } => f
                .debug_struct("UnevenElement")
                .field("index", index)
                .field("len", len)
                .field("expected", expected)
                .finish(),
            Self::TooLong { what, len } => f
                .debug_struct("TooLong")
                .field("what", what)
                .field("len", len)
                .finish(),
        }
    }
}

impl SerializeError {
    /// A serializer's own reason; text will do for it.
    ///
    /// ```
    /// let error = kafka_serde::SerializeError::new("the order", "its price is negative");
    /// assert_eq!(format!("{error:?}"), "the order could not be serialized: its price is negative");
    /// ```
    pub fn new(
        what: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
        }
    }
}
