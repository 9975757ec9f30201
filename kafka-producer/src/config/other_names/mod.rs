//! Names that people's files have beside today's: those of older versions of Kafka, and librdkafka's.
//!
//! One row a name says what it means today. A configuration is translated before its values are read, so
//! that nothing after this knows another name than today's.

mod convert;
mod kafka;
mod librdkafka;
mod lookup;
mod name;
mod translate;

pub(super) use lookup::{all, named};
pub use name::{Conversion, Meaning, Origin, OtherName};
pub(super) use translate::translate;
