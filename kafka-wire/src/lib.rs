//! The Kafka protocol: messages, frames, record batches, compression codecs and error codes.

pub mod compression;
pub mod records;
pub mod varint;

mod decode_error;

pub use decode_error::{DecodeError, DecodeProblem};
