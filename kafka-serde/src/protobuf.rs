//! Protobuf, for every message that `prost` knows.

use prost::Message;

use crate::{Context, SerializeError, Serializer};

/// Protobuf's binary encoding of a message.
///
/// Wrapped in [`Framed`](crate::Framed) with message indexes it is what Confluent's `KafkaProtobufSerializer` writes.
///
/// ```
/// use kafka_serde::{Context, Framed, Headers, Protobuf, Role, Serializer};
///
/// #[derive(prost::Message)]
/// struct Order {
///     #[prost(int64, tag = "1")]
///     id: i64,
///     #[prost(bool, tag = "2")]
///     paid: bool,
/// }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let order = Order { id: 7, paid: true };
/// let bytes = Protobuf.serialize(&mut context, &order, &mut scratch)?;
/// assert_eq!(bytes, Some(&[8, 7, 16, 1][..]));
///
/// // `Order` is the first message of the schema with the id 258.
/// let serializer = Framed::new(258, Protobuf).message_indexes(&[0]);
/// let bytes = serializer.serialize(&mut context, &order, &mut scratch)?;
/// assert_eq!(bytes, Some(&[0, 0, 0, 1, 2, 0, 8, 7, 16, 1][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Protobuf;

impl<M: Message> Serializer<M> for Protobuf {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a M,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        value
            .encode(scratch)
            .map_err(|source| SerializeError::new("the Protobuf message", source))?;
        Ok(Some(scratch))
    }
}
