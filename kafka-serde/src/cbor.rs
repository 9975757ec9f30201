//! CBOR, for every type that `serde` can serialize.

use std::any::type_name;

use serde::Serialize;

use crate::{Context, SerializeError, Serializer};

/// CBOR (RFC 8949); structs are maps with the names of their fields.
///
/// A number takes the fewest bytes that keep its value, a float too. A `None` is CBOR's null; for Kafka's null (a
/// tombstone) wrap it: `Nullable(Cbor)`.
///
/// ```
/// use kafka_serde::{Cbor, Context, Headers, Role, Serializer};
///
/// #[derive(serde::Serialize)]
/// struct Order { id: u32, paid: bool }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let bytes = Cbor.serialize(&mut context, &Order { id: 7, paid: true }, &mut scratch)?;
/// assert_eq!(bytes, Some(&b"\xa2\x62id\x07\x64paid\xf5"[..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cbor;

impl<T: Serialize + ?Sized> Serializer<T> for Cbor {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        ciborium::into_writer(value, &mut *scratch)
            .map_err(|source| SerializeError::new(type_name::<T>(), source))?;
        Ok(Some(scratch))
    }
}
