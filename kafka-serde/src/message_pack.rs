//! MessagePack, for every type that `serde` can serialize.

use std::any::type_name;

use serde::Serialize;

use crate::{Context, SerializeError, Serializer};

/// MessagePack; structs are maps with the names of their fields, as readers in other languages expect them.
///
/// A `None` is MessagePack's nil; for Kafka's null (a tombstone) wrap it: `Nullable(MessagePack)`.
///
/// ```
/// use kafka_serde::{Context, Headers, MessagePack, Role, Serializer};
///
/// #[derive(serde::Serialize)]
/// struct Order { id: u32, paid: bool }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let bytes = MessagePack.serialize(&mut context, &Order { id: 7, paid: true }, &mut scratch)?;
/// assert_eq!(bytes, Some(&b"\x82\xa2id\x07\xa4paid\xc3"[..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessagePack;

impl<T: Serialize + ?Sized> Serializer<T> for MessagePack {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        rmp_serde::encode::write_named(scratch, value)
            .map_err(|source| SerializeError::new(type_name::<T>(), source))?;
        Ok(Some(scratch))
    }
}
