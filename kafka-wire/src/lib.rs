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
mod frame;
mod header;
mod message;
mod produce_frame;
mod uuid;
mod version;
mod wire;

pub use api_key::ApiKey;
pub use decode_error::{DecodeError, DecodeProblem};
pub use error_code::ErrorCode;
pub use frame::{
    FRAME_BYTES_MAX_DEFAULT, FrameError, FrameReader, correlation_id, decode_request,
    decode_response, encode_request, encode_response,
};
pub use header::{RequestHeader, request_header_version, response_header_version};
pub use message::{Message, Request};
pub use produce_frame::{FrameChunks, ProduceFrame};
pub use uuid::{Uuid, UuidError};
pub use version::{Version, VersionRange};
pub use wire::{Field, Reader, Wire};
