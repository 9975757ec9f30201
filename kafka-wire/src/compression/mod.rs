//! The codecs of record batches: how the records of one batch are made smaller, and read again.

mod codec;

pub use codec::{Compression, UnknownCompression};
