//! Messages to and from Kafka's JSON form, for people and tools to read.
//!
//! As Java's `*JsonConverter` classes write it: names in lower camel case, only the fields of the
//! version, tagged fields only where they differ from their default, UUIDs in base64. Bytes are
//! hex here, record batches too. It is not used for sending records.

mod frame;
mod value;

pub use frame::{request_to_json, response_to_json};
pub use value::{Json, JsonError};
pub(crate) use value::{camel_case, missing, object};
