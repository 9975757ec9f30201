//! JSON, for every type that `serde` can serialize.

use std::any::type_name;

use serde::Serialize;

use crate::{Context, SerializeError, Serializer};

/// Compact JSON, in UTF-8.
///
/// A `None` is the JSON text `null`; for Kafka's null (a tombstone) wrap it: `Nullable(Json)`.
///
/// ```
/// use kafka_serde::{Context, Headers, Json, Nullable, Role, Serializer};
///
/// #[derive(serde::Serialize)]
/// struct Order { id: u32, paid: bool }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let order = Some(Order { id: 7, paid: true });
/// let bytes = Json.serialize(&mut context, &order, &mut scratch)?;
/// assert_eq!(bytes, Some(&br#"{"id":7,"paid":true}"#[..]));
/// assert_eq!(Json.serialize(&mut context, &None::<Order>, &mut scratch)?, Some(&b"null"[..]));
/// assert_eq!(Nullable(Json).serialize(&mut context, &None::<Order>, &mut scratch)?, None);
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Json;

impl<T: Serialize + ?Sized> Serializer<T> for Json {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        serde_json::to_writer(&mut *scratch, value)
            .map_err(|source| SerializeError::new(type_name::<T>(), source))?;
        Ok(Some(scratch))
    }
}
