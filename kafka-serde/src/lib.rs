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
//! Beside them, each with a feature of its name: `Json`, `Avro`, `Protobuf`, `Cbor`, `MessagePack`. Closures
//! ([`from_fn`]), and your own. A type with a [`DefaultSerializer`] needs none to be named.
//!
//! # With a schema registry
//!
//! [`Framed`] puts the id of a schema before what another serializer writes, as Confluent's serializers do, or its GUID
//! into a header; [`SchemaId::parse`] reads it. The id is given: serializing is synchronous and never waits, so whoever
//! needs a schema registry asks it ahead of time. Nothing here reads a clock or opens a socket.
//!
//! # Errors, threads and speed
//!
//! [`SerializeError`] says what could not be serialized, and why; [`FrameError`] why bytes do not begin with an id. No
//! value and no bytes cause a panic. Serializers are shared by all threads. What is named in the table allocates nothing
//! in the steady state but for elements of lists; [`Framed`] copies what it frames, once.
//!
//! # The simplest use
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

#[cfg(feature = "avro")]
mod avro;
mod binary;
#[cfg(feature = "cbor")]
mod cbor;
mod closure;
mod default;
mod encoding;
mod error;
mod framed;
mod headers;
#[cfg(feature = "json")]
mod json;
mod list;
#[cfg(feature = "messagepack")]
mod message_pack;
mod nullable;
mod number;
#[cfg(feature = "protobuf")]
mod protobuf;
mod schema_id;
mod serializer;
mod text;
mod uuid_text;

#[cfg(feature = "avro")]
pub use avro::Avro;
pub use binary::{Raw, WholeBuffer};
#[cfg(feature = "cbor")]
pub use cbor::Cbor;
pub use closure::{FromFn, from_fn};
pub use default::DefaultSerializer;
pub use encoding::StringEncoding;
pub use error::SerializeError;
pub use framed::Framed;
pub use headers::{HeaderIter, HeaderValue, Headers, IntoHeaders};
#[cfg(feature = "json")]
pub use json::Json;
pub use list::List;
#[cfg(feature = "messagepack")]
pub use message_pack::MessagePack;
pub use nullable::{Nullable, Void};
pub use number::{BigEndian, Boolean};
#[cfg(feature = "protobuf")]
pub use protobuf::Protobuf;
pub use schema_id::{FrameError, SchemaId, parse_message_indexes};
pub use serializer::{Context, Role, Serializer};
pub use text::{Ascii, Latin1, StringSerializer, Utf8, Utf16};
pub use uuid_text::UuidText;

/// What people read first.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct FirstSteps;
