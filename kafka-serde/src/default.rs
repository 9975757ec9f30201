//! Which serializer a type has when none is named.
//!
//! So a producer of `str` can be built without naming a serializer. Each choice is that of Java's
//! `Serdes` for the corresponding class.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{BigEndian, Boolean, Nullable, Raw, Serializer, Utf8, Void};

/// A type with an obvious serializer.
///
/// Implement it for your own types to send them without naming one.
///
/// References have none: a producer names the type behind them, which its records lend.
///
/// ```compile_fail
/// fn is_sent_by_default<T: kafka_serde::DefaultSerializer + ?Sized>() {}
/// is_sent_by_default::<&str>(); // `str` is
/// ```
///
/// ```
/// use kafka_serde::{Context, DefaultSerializer, Headers, Role, SerializeError, Serializer};
///
/// fn bytes_of<T: DefaultSerializer + ?Sized>(value: &T) -> Result<Option<Vec<u8>>, SerializeError> {
///     let (mut headers, mut scratch) = (Headers::new(), Vec::new());
///     let mut context = Context::new("orders", Role::Value, &mut headers);
///     let bytes = T::Serializer::default().serialize(&mut context, value, &mut scratch)?;
///     Ok(bytes.map(<[u8]>::to_vec))
/// }
///
/// assert_eq!(bytes_of("text")?, Some(b"text".to_vec()));
/// assert_eq!(bytes_of(&258_i16)?, Some(vec![1, 2]));
/// assert_eq!(bytes_of(&None::<i64>)?, None);
/// assert_eq!(bytes_of(&())?, None);
/// # Ok::<(), SerializeError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default serializer: name the type that records lend (`Producer<str, [u8]>` sends \
               `&str` and `&[u8]`), or a serializer",
    note = "`builder_with` takes serializers; a type of your own may implement `DefaultSerializer`"
)]
pub trait DefaultSerializer {
    /// The serializer that is used.
    type Serializer: Serializer<Self> + Default + 'static;
}

macro_rules! default_serializer {
    ($($value:ty => $serializer:ty;)+) => {$(
        impl DefaultSerializer for $value {
            type Serializer = $serializer;
        }
    )+};
}

default_serializer! {
    str => Utf8;
    String => Utf8;
    Box<str> => Utf8;
    Arc<str> => Utf8;
    Cow<'_, str> => Utf8;
    [u8] => Raw;
    Vec<u8> => Raw;
    Box<[u8]> => Raw;
    Arc<[u8]> => Raw;
    Cow<'_, [u8]> => Raw;
    i16 => BigEndian;
    i32 => BigEndian;
    i64 => BigEndian;
    f32 => BigEndian;
    f64 => BigEndian;
    bool => Boolean;
    () => Void;
}

#[cfg(feature = "bytes")]
default_serializer! {
    bytes::Bytes => Raw;
    bytes::BytesMut => Raw;
}

#[cfg(feature = "uuid")]
default_serializer! {
    uuid::Uuid => crate::UuidText;
}

impl<const N: usize> DefaultSerializer for [u8; N] {
    type Serializer = Raw;
}

impl<T: DefaultSerializer> DefaultSerializer for Option<T> {
    type Serializer = Nullable<T::Serializer>;
}
