//! An array that the reader of a message does not need: skipped, not stored.
//!
//! A producer needs only the leader of a partition; the lists of its replicas would take several
//! times as much memory.

use std::marker::PhantomData;

use bytes::BytesMut;

use crate::{
    decode_error::{DecodeError, DecodeProblem},
    encode_error::EncodeError,
    schema::FieldKind,
    sealed::Sealed,
    version::Version,
    wire::{Field, Reader, Wire, length, put_length},
};

/// An array of which nothing is kept; written, it is empty.
///
/// ```
/// use kafka_wire::{Reader, Skipped, Version, Wire};
///
/// let version = Version::of(0, None);
/// let mut input = Reader::new(&b"\0\0\0\x01\0\0\0\x07!"[..]);
/// Skipped::<i32>::decode(&mut input, version)?;
/// assert_eq!(input.take(1)?, "!");
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped<T>(PhantomData<T>);

impl<T> Sealed for Skipped<T> {}

impl<T: Wire> Wire for Skipped<T> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_length(out, Some(0), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        let offset = input.offset();
        let count = length(input, version)?
            .ok_or_else(|| DecodeError::new(DecodeProblem::UnexpectedNull, offset))?;
        for index in 0..count as usize {
            T::decode(input, version).map_err(|error| error.in_element(index))?;
        }
        Ok(Self(PhantomData))
    }
}

impl<T: Field> Field for Skipped<T> {
    fn initial() -> Self {
        Self(PhantomData)
    }

    fn kind() -> FieldKind {
        FieldKind::Array(Box::new(T::kind()))
    }
}

#[cfg(feature = "json")]
impl<T> crate::json::Json for Skipped<T> {
    fn to_json(&self, _: Version) -> serde_json::Value {
        serde_json::Value::Array(Vec::new())
    }

    fn from_json(_: &serde_json::Value, _: Version) -> Result<Self, crate::json::JsonError> {
        Ok(Self(PhantomData))
    }
}
