//! The Kafka protocol: messages, frames, record batches, compression codecs and error codes.
//!
//! ```text
//! Record ─▶ RecordBatch ─▶ ProduceRequest ─▶ header ─▶ frame ─▶ (a socket, not here)
//!      records    compression       messages               frames
//! ```
//!
//! Bytes in, values out, and back: both directions of every message in every version, for clients
//! and for servers. There is no socket, no clock and no thread in this crate. Encoding fails for
//! what is longer than the protocol allows, and cuts nothing; decoding is total, so any bytes give
//! a value or an error that names field and offset, and memory is taken in proportion to the input.
//!
//! ```
//! use kafka_wire::{Request, encode_request, messages::MetadataRequest};
//!
//! // Both sides name the versions they speak; the latest of both is used.
//! let theirs = kafka_wire::VersionRange::new(0, 12);
//! let both = MetadataRequest::STABLE_VERSIONS.intersection(theirs).expect("a common version");
//! let version = MetadataRequest::version(both.latest)?;
//!
//! let frame = encode_request(1, Some("app"), version, &MetadataRequest::default())?;
//! # let _ = frame;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | |
//! |---|---|
//! | `gzip`, `snappy`, `lz4`, `zstd` | a codec each; all on by default; only `zstd` compiles C |
//! | `gzip-libdeflate` | gzip is written by a C library, in less time |
//! | `lz4-hc` | the levels of lz4 beside the default, by the C library |
//! | `json` | every message to and from Kafka's JSON form |

pub mod compression;
#[cfg(feature = "json")]
pub mod json;
pub mod messages;
pub mod records;
pub mod schema;
pub mod varint;

mod api_key;
mod decode_error;
mod encode_error;
mod error_code;
mod field_path;
mod frame;
mod header;
mod message;
mod produce_frame;
mod sealed;
mod skipped;
mod uuid;
mod version;
mod wire;

/// Whose types are in what is public here.
pub use bytes;

pub use api_key::ApiKey;
pub use decode_error::{DecodeError, DecodeProblem};
pub use encode_error::{EncodeError, EncodeProblem, STRING_BYTES_MAX};
pub use error_code::ErrorCode;
pub use frame::{
    FRAME_BYTES_MAX_DEFAULT, FrameError, FrameReader, correlation_id, decode_request,
    decode_response, decode_response_as, encode_request, encode_response,
};
pub use header::{RequestHeader, request_header_version, response_header_version};
pub use message::{Message, Request};
pub use produce_frame::{FrameChunks, ProduceFrame};
pub use skipped::Skipped;
pub use uuid::{Uuid, UuidError};
pub use version::{Version, VersionRange};
pub use wire::{Field, Reader, Wire};

/// What the README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
