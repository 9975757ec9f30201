//! What every serializer is, and what it is told.
//!
//! One call per key and one per value, on the caller's thread, before the partition is chosen.
//! The result borrows from the value or from the scratch buffer and is copied into the batch
//! right after: nothing is owned on the way.

use std::sync::Arc;

use crate::{Headers, SerializeError};

/// Turns a `T` into the bytes of a key or a value.
///
/// An implementation clears `scratch` before it writes there, or leaves it alone and lends bytes
/// of the value itself. It is shared by all threads that send.
///
/// ```
/// use kafka_serde::{Context, Headers, Role, SerializeError, Serializer};
///
/// struct Celsius(f32);
///
/// /// Tenths of a degree, big endian.
/// struct Tenths;
///
/// impl Serializer<Celsius> for Tenths {
///     fn serialize<'a>(
///         &self,
///         context: &mut Context<'_>,
///         value: &'a Celsius,
///         scratch: &'a mut Vec<u8>,
///     ) -> Result<Option<&'a [u8]>, SerializeError> {
///         if value.0.is_nan() {
///             return Err(SerializeError::new("the temperature", "it is not a number"));
///         }
///         context.headers.add("unit", "0.1 C");
///         scratch.clear();
///         scratch.extend_from_slice(&((value.0 * 10.0) as i16).to_be_bytes());
///         Ok(Some(scratch))
///     }
/// }
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("weather", Role::Value, &mut headers);
/// let bytes = Tenths.serialize(&mut context, &Celsius(25.6), &mut scratch)?;
/// assert_eq!(bytes, Some(&[1, 0][..]));
/// assert_eq!(headers.last("unit"), Some(Some(&b"0.1 C"[..])));
/// # Ok::<(), SerializeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not serialize `{T}`",
    note = "the serializers of Kafka's types are in this crate (`Utf8`, `Raw`, `BigEndian`, `Json`); one of your own \
            implements `Serializer<{T}>`"
)]
pub trait Serializer<T: ?Sized>: Send + Sync {
    /// The value's bytes, or `None` for null.
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError>;
}

/// What a serializer is told beside the value.
///
/// ```
/// use kafka_serde::{Context, Headers, Role};
///
/// let mut headers = Headers::new();
/// let context = Context::new("orders", Role::Value, &mut headers);
/// assert_eq!((context.topic, context.role), ("orders", Role::Value));
/// context.headers.add("schema", "3");
/// assert_eq!(headers.len(), 1);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Where the record goes.
    pub topic: &'a str,
    /// Which part of the record is asked for.
    pub role: Role,
    /// The record's headers, to read or to add to.
    pub headers: &'a mut Headers,
}

impl<'a> Context<'a> {
    /// For one part of a record to `topic` with these headers.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, Role};
    ///
    /// let mut headers = Headers::new();
    /// assert_eq!(Context::new("orders", Role::Key, &mut headers).role, Role::Key);
    /// ```
    pub fn new(topic: &'a str, role: Role, headers: &'a mut Headers) -> Self {
        Self {
            topic,
            role,
            headers,
        }
    }
}

/// The part of a record that a serializer is asked for; a record has no other.
///
/// ```
/// use kafka_serde::Role;
///
/// assert_ne!(Role::Key, Role::Value);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What the record is about; decides its partition.
    Key,
    /// What it says.
    Value,
}

/// What leads to a serializer is one.
macro_rules! by_reference {
    ($($pointer:ty),*) => {$(
        impl<T: ?Sized, S: Serializer<T> + ?Sized> Serializer<T> for $pointer {
            fn serialize<'a>(
                &self,
                context: &mut Context<'_>,
                value: &'a T,
                scratch: &'a mut Vec<u8>,
            ) -> Result<Option<&'a [u8]>, SerializeError> {
                (**self).serialize(context, value, scratch)
            }
        }
    )*};
}

by_reference!(&S, Box<S>, Arc<S>);
