//! Seals the traits of messages: they describe Kafka's protocol, which nobody else extends.
//!
//! So methods can be added to them without breaking anyone.

use bytes::Bytes;

use crate::{api_key::ApiKey, error_code::ErrorCode, uuid::Uuid};

/// A type of the protocol; cannot be named outside of this crate.
pub trait Sealed {}

macro_rules! seal {
    ($($type:ty,)*) => {$(
        impl Sealed for $type {}
    )*};
}

seal! {
    i8, i16, u16, i32, u32, i64, f64, bool, String, Bytes, Uuid, ErrorCode, ApiKey,
}

impl<T: Sealed> Sealed for Vec<T> {}

impl<T: Sealed> Sealed for Option<T> {}
