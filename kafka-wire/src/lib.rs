//! The Kafka protocol: messages, frames, record batches, compression codecs and error codes.

pub mod compression;
#[cfg(feature = "json")]
pub mod json;
pub mod messages;
pub mod records;
pub mod schema;
pub mod varint;

mod api_key;
mod decode_error;
mod error_code;
mod message;
mod uuid;
mod version;
mod wire;

pub use api_key::ApiKey;
pub use decode_error::{DecodeError, DecodeProblem};
pub use error_code::ErrorCode;
pub use message::{Message, Request};
pub use uuid::{Uuid, UuidError};
pub use version::{Version, VersionRange};
pub use wire::{Field, Reader, Wire};
