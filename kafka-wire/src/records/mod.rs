//! Records and the batches they travel in (format v2, the only one Kafka 4 writes).
//!
//! ```text
//! RecordParts ─encode─▶ body ─(compressed)─▶ BatchHeader ++ body ─▶ Produce request
//! Record ◀─records()── RecordBatch ◀─decode── RecordBatches ◀── Fetch response
//!
//! batch   base offset 8 · length 4 · leader epoch 4 · magic 1 · CRC-32C 4 · attributes 2
//!         last offset delta 4 · base timestamp 8 · max timestamp 8
//!         producer id 8 · producer epoch 2 · base sequence 4 · record count 4 · body
//! record  length · attributes 1 · timestamp delta · offset delta · key · value · headers
//! ```
//!
//! A producer keeps header and body apart: the body is written once and shared, the 61 bytes of
//! the header are written anew for each attempt. Reading is strict: a batch that is not exactly
//! what it says yields an error.

mod attributes;
mod batch;
mod builder;
pub mod checksum;
mod control;
mod error;
mod header;
mod read;
mod read_headers;
mod record;
mod sequence;
mod short;

pub use attributes::{Attributes, TimestampType};
pub use batch::{MAX_DECOMPRESSED_BYTES, RecordBatch, RecordBatches};
pub use builder::{BatchBuilder, BuildError};
pub use control::{ControlRecord, ControlRecordError};
pub use error::{MAX_HEADERS, RecordFault, RecordsError};
pub use header::{BATCH_HEADER_BYTES, BatchHeader};
pub use read::{Record, Records};
pub use read_headers::{HeaderParts, HeadersOfRecord, RecordHeader, RecordHeaders};
pub use record::{NoHeaders, RecordParts, RecordSize, RecordTooLarge};
pub use sequence::{NO_SEQUENCE, next_sequence};
