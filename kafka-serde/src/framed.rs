//! Which schema a value was written with, told to its readers: the wire format of Confluent's schema registry.
//!
//! A serializer of this kind wraps another. It knows the schema's id beforehand: whoever builds it asks the registry, or
//! has registered the schema when the program was deployed. Nothing here is looked up, and nothing waits.
//!
//! ```text
//! magic 0 │ id, 4 bytes │ message indexes, Protobuf only │ payload          SchemaId::Id: before the payload
//! magic 1 │ GUID, 16 bytes │ message indexes, Protobuf only                 SchemaId::Guid: in a header
//! ```

use std::cell::Cell;

use crate::schema_id::write_message_indexes;
use crate::{Context, SchemaId, SerializeError, Serializer};

/// Puts the id of a schema before what another serializer writes, or the schema's GUID into a header.
///
/// Null stays null, without an id: a tombstone has no schema. Null is also what says that nothing is added to headers.
///
/// Allocates nothing once its thread has sent a value of that size, but for the header of a GUID and for a frame within a
/// frame.
///
/// ```
/// use kafka_serde::{Context, Framed, Headers, Role, Serializer, Utf8};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let serializer = Framed::new(258, Utf8);
/// let bytes = serializer.serialize(&mut context, "tea", &mut scratch)?;
/// assert_eq!(bytes, Some(&b"\x00\x00\x00\x01\x02tea"[..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Framed<S> {
    place: Place,
    /// Magic byte, id or GUID, and message indexes if there are any.
    frame: Vec<u8>,
    payload: S,
}

/// Where the frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    BeforePayload,
    Header,
}

impl<S> Framed<S> {
    /// For the schema with this id, which goes before the payload, or with this GUID, which goes into a header of the
    /// record ([`Role::schema_header`](crate::Role::schema_header)).
    ///
    /// ```
    /// use kafka_serde::{Context, Framed, Headers, Role, SchemaId, Serializer, Utf8};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let serializer = Framed::new(SchemaId::Guid([7; 16]), Utf8);
    /// assert_eq!(serializer.serialize(&mut context, "tea", &mut scratch)?, Some(&b"tea"[..]));
    /// let header = headers.last("__value_schema_id").flatten().expect("it is there");
    /// assert_eq!(SchemaId::parse(header), Ok((SchemaId::Guid([7; 16]), &[][..])));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    pub fn new(schema: impl Into<SchemaId>, payload: S) -> Self {
        let schema = schema.into();
        let mut frame = Vec::new();
        schema.write(&mut frame);
        let place = match schema {
            SchemaId::Id(_) => Place::BeforePayload,
            SchemaId::Guid(_) => Place::Header,
        };
        Self {
            place,
            frame,
            payload,
        }
    }

    /// For Protobuf: which message of the schema is written. The first index is that of a message of the file, the next
    /// of one that is declared within it, and so on; `[0]` is the first message of the file.
    ///
    /// Readers of Protobuf expect them, readers of other formats do not. The last call counts.
    ///
    /// ```
    /// use kafka_serde::{Context, Framed, Headers, Raw, Role, Serializer};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let first = Framed::new(7, Raw).message_indexes(&[0]);
    /// let bytes = first.serialize(&mut context, b"..", &mut scratch)?;
    /// assert_eq!(bytes, Some(&b"\0\0\0\0\x07\0.."[..]));
    ///
    /// let inner = Framed::new(7, Raw).message_indexes(&[1, 0]);
    /// let bytes = inner.serialize(&mut context, b"..", &mut scratch)?;
    /// assert_eq!(bytes, Some(&b"\0\0\0\0\x07\x04\x02\0.."[..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    #[must_use]
    pub fn message_indexes(mut self, indexes: &[u16]) -> Self {
        self.frame.truncate(match self.place {
            Place::BeforePayload => SchemaId::ID_BYTES,
            Place::Header => SchemaId::GUID_BYTES,
        });
        write_message_indexes(indexes, &mut self.frame);
        self
    }
}

impl<T: ?Sized, S: Serializer<T>> Serializer<T> for Framed<S> {
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        match self.place {
            Place::BeforePayload => {
                let is_there = self.write(context, value, scratch)?;
                Ok(is_there.then_some(scratch))
            }
            Place::Header => {
                let payload = self.payload.serialize(context, value, scratch)?;
                if payload.is_some() {
                    let header = context.role.schema_header();
                    context.headers.add(header, self.frame.clone());
                }
                Ok(payload)
            }
        }
    }
}

impl<S> Framed<S> {
    /// Writes frame and payload; false for null.
    fn write<T: ?Sized>(
        &self,
        context: &mut Context<'_>,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<bool, SerializeError>
    where
        S: Serializer<T>,
    {
        let mut buffer = PAYLOAD.try_with(Cell::take).unwrap_or_default();
        let payload = self.payload.serialize(context, value, &mut buffer)?;
        let is_there = payload.is_some();
        if let Some(payload) = payload {
            out.clear();
            out.extend_from_slice(&self.frame);
            out.extend_from_slice(payload);
        }
        // A thread that ends has none any more.
        let _ = PAYLOAD.try_with(|kept| kept.set(buffer));
        Ok(is_there)
    }
}

thread_local! {
    /// What the inner serializer writes to, since the caller's buffer is that of the whole. One that is taken while another
    /// is in use, or lost to an error, is made anew.
    static PAYLOAD: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
