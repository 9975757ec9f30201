//! Serializers: how keys and values of a Kafka record become bytes.
//!
//! The first step of a record's journey. A [`Serializer`] is told the topic and whether it is asked
//! for the key or the value, may add [`Headers`], and lends either the value's own bytes or what
//! it wrote into a buffer that the caller reuses for every record: text, bytes and numbers cost no
//! allocation. `None` is Kafka's null, the tombstone of a compacted topic.
//!
//! The bytes are those of Apache Kafka's Java serializers, so that programs in other languages
//! read them with the deserializers they have:
//!
//! | Java | here | for |
//! |---|---|---|
//! | `StringSerializer` | [`StringSerializer`], [`Utf8`], [`Utf16`], [`Latin1`], [`Ascii`] | all that is `AsRef<str>` |
//! | `ByteArraySerializer`, `BytesSerializer` | [`Raw`] | all that is `AsRef<[u8]>` |
//! | `ByteBufferSerializer` | [`WholeBuffer`] | `std::io::Cursor` |
//! | `Short-`, `Integer-`, `LongSerializer` | [`BigEndian`] | `i16`, `i32`, `i64` |
//! | `Float-`, `DoubleSerializer` | [`BigEndian`] | `f32`, `f64` |
//! | `BooleanSerializer` | [`Boolean`] | `bool` |
//! | `UUIDSerializer` | [`UuidText`] | `[u8; 16]`, `uuid::Uuid` (feature `uuid`) |
//! | `VoidSerializer` | [`Void`] | `()` |
//! | `ListSerializer` | [`List`] | `[T]`, `Vec<T>` |
//! | null | [`Nullable`] | `Option<T>` |
//!
//! Beside them: `Json` (feature `json`), closures ([`from_fn`]), and your own. A type with a
//! [`DefaultSerializer`] needs none to be named.
//!
//! Serializing is synchronous and never waits: a serializer that needs a schema registry fetches
//! its schemas ahead of time and keeps them. Nothing here reads a clock or opens a socket.
//!
//! ```
//! use kafka_serde::{BigEndian, Context, Headers, Role, Serializer, Utf8};
//!
//! let mut headers = Headers::new();
//! let mut scratch = Vec::new();
//!
//! let mut context = Context::new("orders", Role::Key, &mut headers);
//! assert_eq!(BigEndian.serialize(&mut context, &7_i32, &mut scratch)?, Some(&[0, 0, 0, 7][..]));
//!
//! let mut context = Context::new("orders", Role::Value, &mut headers);
//! assert_eq!(Utf8.serialize(&mut context, "hello", &mut scratch)?, Some(&b"hello"[..]));
//! # Ok::<(), kafka_serde::SerializeError>(())
//! ```

mod binary;
mod closure;
mod default;
mod encoding;
mod error;
mod headers;
#[cfg(feature = "json")]
mod json;
mod list;
mod nullable;
mod number;
mod serializer;
mod text;
mod uuid_text;

pub use binary::{Raw, WholeBuffer};
pub use closure::{FromFn, from_fn};
pub use default::DefaultSerializer;
pub use encoding::StringEncoding;
pub use error::SerializeError;
pub use headers::{HeaderIter, HeaderValue, Headers, IntoHeaders};
#[cfg(feature = "json")]
pub use json::Json;
pub use list::List;
pub use nullable::{Nullable, Void};
pub use number::{BigEndian, Boolean};
pub use serializer::{Context, Role, Serializer};
pub use text::{Ascii, Latin1, StringSerializer, Utf8, Utf16};
pub use uuid_text::UuidText;
