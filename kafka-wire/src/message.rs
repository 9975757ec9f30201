//! Messages: declared once, encoded and decoded in every version.
//!
//! `wire_struct!` turns one declaration into a struct with Kafka's defaults, both directions of
//! [`Wire`], and a description of itself ([`Message::schema`]). A field says
//!
//! ```text
//! name: Type, in 1..=3, null 2.., tag 0, default -1, else dropped, debug hidden;
//!             │         │         │      │           │             └ not printed: it is a secret
//!             │         │         │      │           └ may be left out of other versions
//!             │         │         │      └ other than zero, empty, or the type's own
//!             │         │         └ a tagged field, written only when not its default
//!             │         └ an `Option` that may be null only in these versions
//!             └ carried by these versions of those that carry the struct
//! ```
//!
//! and each part may be missing. A field does not say whether its lengths are compact (see `wire`).
//! Every struct is `#[non_exhaustive]`, because new versions of Kafka add fields: callers begin
//! with its `Default`, and set fields by name or by the `with_` method that each has. `request!`
//! ties a request to its response, API key and versions.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::{
    api_key::ApiKey,
    decode_error::{DecodeError, DecodeProblem},
    encode_error::{EncodeError, EncodeProblem},
    schema::StructSchema,
    varint,
    version::{Version, VersionRange},
    wire::{Field, Reader, Wire},
};

/// A struct of the protocol that knows its own fields.
///
/// ```
/// use kafka_wire::{Message, Request, messages::MetadataRequest};
///
/// let request = MetadataRequest::default().with_include_topic_authorized_operations(true);
/// let version = MetadataRequest::version(7)?;
/// assert_eq!(request.missing_in(version).as_deref(), Some("include_topic_authorized_operations"));
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
pub trait Message: Field + Default + Clone + fmt::Debug {
    /// The fields, as declared.
    fn schema() -> StructSchema;

    /// The first field whose value `version` cannot carry although it matters, if there is one.
    ///
    /// Encoding leaves such a field out and reports nothing: ask here first if you did not choose
    /// the version.
    fn missing_in(&self, version: Version) -> Option<String> {
        self.missing_part(version)
    }
}

/// A request: its API key, its versions and its response.
///
/// ```
/// use kafka_wire::{ApiKey, Request, messages::ProduceRequest};
///
/// assert_eq!(ProduceRequest::KEY, ApiKey::PRODUCE);
/// assert!(ProduceRequest::version(2).is_err());
/// ```
pub trait Request: Message {
    /// The number that names this API in a request's header.
    const KEY: ApiKey;
    /// The versions that are implemented.
    const VERSIONS: VersionRange;
    /// Those of [`VERSIONS`](Self::VERSIONS) that Kafka calls stable, and brokers offer.
    const STABLE_VERSIONS: VersionRange;
    /// The first version with compact lengths and tagged fields.
    const FIRST_FLEXIBLE: Option<i16>;
    /// The response to it.
    type Response: Message;

    /// Version `number` of this request and its response.
    ///
    /// # Errors
    /// When `number` is not in [`VERSIONS`](Self::VERSIONS).
    fn version(number: i16) -> Result<Version, DecodeError> {
        let VersionRange { oldest, latest } = Self::VERSIONS;
        if Self::VERSIONS.contains(number) {
            return Ok(Version::of(number, Self::FIRST_FLEXIBLE));
        }
        let problem = DecodeProblem::UnsupportedVersion {
            version: number,
            oldest,
            latest,
        };
        Err(DecodeError::new(problem, 0))
    }
}

macro_rules! wire_struct {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {$(
            $(#[$field_meta:meta])*
            $field:ident: $type:ty
                $(, in $versions:expr)?
                $(, null $nullable:expr)?
                $(, tag $tag:literal)?
                $(, default $default:expr)?
                $(, else $elsewhere:ident)?
                $(, debug $debug:ident)?
            ;
        )*}
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {$(
            $(#[$field_meta])*
            pub $field: $type,
        )*}

        impl $name {
            pastey::paste! {$(
                #[doc = concat!("This value with another [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[inline]
                #[must_use]
                pub fn [<with_ $field>](mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*}
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), $crate::message::shown!(self.$field, [$($debug)?])))*
                    .finish()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self {$(
                    $field: $crate::message::initial!($type, [$($default)?]),
                )*}
            }
        }

        impl $crate::sealed::Sealed for $name {}

        impl $crate::wire::Wire for $name {
            #[allow(unused_variables, unused_mut)] // a struct may have no fields
            fn encode(
                &self,
                out: &mut bytes::BytesMut,
                version: $crate::Version,
            ) -> Result<(), $crate::EncodeError> {
                $($crate::message::encode_plain!(
                    self.$field, $field, out, version, $type, [$($versions)?], [$($nullable)?], [$($tag)?]
                );)*
                if version.flexible {
                    let mut tags = $crate::message::TagWriter::default();
                    $($crate::message::encode_tagged!(
                        self.$field, $field, tags, version, $type, [$($versions)?], [$($tag)?], [$($default)?]
                    );)*
                    tags.finish(out);
                }
                Ok(())
            }

            #[allow(unused_mut, unused_variables)] // a struct may have no fields, or none tagged
            fn decode(
                input: &mut $crate::wire::Reader,
                version: $crate::Version,
            ) -> Result<Self, $crate::DecodeError> {
                let mut this = Self {$(
                    $field: $crate::message::decode_plain!(
                        $field, input, version, $type,
                        [$($versions)?], [$($nullable)?], [$($tag)?], [$($default)?]
                    ),
                )*};
                if version.flexible {
                    let tags = input.unsigned_varint()?;
                    for _ in 0..tags {
                        let (tag, size) = $crate::message::next_tag(input)?;
                        $($crate::message::decode_tagged!(
                            this, $field, tag, size, input, version, [$($versions)?], [$($tag)?]
                        );)*
                        input.take(size)?;
                    }
                }
                Ok(this)
            }
        }

        impl $crate::message::Message for $name {
            fn schema() -> $crate::schema::StructSchema {
                $crate::schema::StructSchema {
                    name: stringify!($name),
                    fields: vec![$($crate::message::field_schema!(
                        $field, $type, [$($versions)?], [$($nullable)?], [$($tag)?], [$($elsewhere)?]
                    ),)*],
                }
            }
        }

        impl $crate::wire::Field for $name {
            fn initial() -> Self {
                Self::default()
            }

            fn kind() -> $crate::schema::FieldKind {
                $crate::schema::FieldKind::Struct(<Self as $crate::message::Message>::schema())
            }

            #[allow(unused_variables)] // a struct may have no fields
            fn missing_part(&self, version: $crate::Version) -> Option<String> {
                $($crate::message::missing_field!(
                    self.$field, $field, version, $type,
                    [$($versions)?], [$($default)?], [$($elsewhere)?]
                );)*
                None
            }
        }

        #[cfg(feature = "json")]
        impl $crate::json::Json for $name {
            #[allow(unused_variables, unused_mut)] // a struct may have no fields
            fn to_json(&self, version: $crate::Version) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $($crate::message::field_to_json!(
                    self.$field, $field, object, version, $type,
                    [$($versions)?], [$($tag)?], [$($default)?]
                );)*
                object.into()
            }

            #[allow(unused_variables)] // a struct may have no fields
            fn from_json(
                value: &serde_json::Value,
                version: $crate::Version,
            ) -> Result<Self, $crate::json::JsonError> {
                let object = $crate::json::object(value)?;
                Ok(Self {$(
                    $field: $crate::message::field_from_json!(
                        $field, object, version, $type, [$($versions)?], [$($tag)?], [$($default)?]
                    ),
                )*})
            }
        }
    )*};
}

/// Ties a request to its response, key and versions.
macro_rules! request {
    (
        $request:ident => $response:ident: $key:ident, versions $oldest:literal..=$latest:literal
        $(, stable ..=$stable:literal)? $(, flexible $flexible:literal..)?;
    ) => {
        impl $crate::message::Request for $request {
            const KEY: $crate::ApiKey = $crate::ApiKey::$key;
            const VERSIONS: $crate::VersionRange = $crate::VersionRange::new($oldest, $latest);
            #[allow(unused_assignments, unused_mut)] // most have no unstable version
            const STABLE_VERSIONS: $crate::VersionRange = {
                let mut latest = $latest;
                $(latest = $stable;)?
                $crate::VersionRange::new($oldest, latest)
            };
            #[allow(unused_assignments, unused_mut)] // some have no flexible version
            const FIRST_FLEXIBLE: Option<i16> = {
                let mut first = None;
                $(first = Some($flexible);)?
                first
            };
            type Response = $response;
        }
    };
}

/// The default of a field.
macro_rules! initial {
    ($type:ty, []) => {
        <$type as $crate::wire::Field>::initial()
    };
    ($type:ty, [$default:expr]) => {
        $default
    };
}

/// What is printed of a field.
macro_rules! shown {
    ($field:expr, []) => {
        &$field
    };
    ($field:expr, [hidden]) => {
        &format_args!("[{} bytes hidden]", $field.len())
    };
}

/// Whether a version is in an optional range.
macro_rules! within {
    ($version:ident, []) => {
        true
    };
    ($version:ident, [$versions:expr]) => {
        std::ops::RangeBounds::<i16>::contains(&($versions), &$version.number)
    };
}

macro_rules! encode_plain {
    (
        $value:expr, $field:ident, $out:ident, $version:ident, $type:ty, $in:tt, $null:tt,
        [$tag:literal]
    ) => {};
    (
        $value:expr, $field:ident, $out:ident, $version:ident, $type:ty, $in:tt, [], []
    ) => {
        if $crate::message::within!($version, $in) {
            $crate::message::encode_field(&$value, stringify!($field), $out, $version)?;
        }
    };
    (
        $value:expr, $field:ident, $out:ident, $version:ident, $type:ty, $in:tt, $null:tt, []
    ) => {
        if $crate::message::within!($version, $in) {
            if $value.is_none() && !$crate::message::within!($version, $null) {
                // A null that this version has no form for becomes the empty value.
                let empty = <$type as $crate::wire::Field>::initial();
                $crate::message::encode_field(&empty, stringify!($field), $out, $version)?;
            } else {
                $crate::message::encode_field(&$value, stringify!($field), $out, $version)?;
            }
        }
    };
}

macro_rules! encode_tagged {
    (
        $value:expr, $field:ident, $tags:ident, $version:ident, $type:ty, $in:tt, [], $default:tt
    ) => {};
    (
        $value:expr, $field:ident, $tags:ident, $version:ident, $type:ty, $in:tt, [$tag:literal],
        $default:tt
    ) => {
        if $crate::message::within!($version, $in)
            && $value != $crate::message::initial!($type, $default)
        {
            $tags
                .put($tag, &$value, $version)
                .map_err(|error| error.in_field(stringify!($field)))?;
        }
    };
}

macro_rules! decode_plain {
    (
        $field:ident, $input:ident, $version:ident, $type:ty,
        $in:tt, $null:tt, [$tag:literal], $default:tt
    ) => {
        $crate::message::initial!($type, $default)
    };
    ($field:ident, $input:ident, $version:ident, $type:ty, $in:tt, [], [], $default:tt) => {
        if $crate::message::within!($version, $in) {
            $input.field(stringify!($field), $version)?
        } else {
            $crate::message::initial!($type, $default)
        }
    };
    ($field:ident, $input:ident, $version:ident, $type:ty, $in:tt, $null:tt, [], $default:tt) => {
        if $crate::message::within!($version, $in) {
            let before = $input.offset();
            let value: $type = $input.field(stringify!($field), $version)?;
            if value.is_none() && !$crate::message::within!($version, $null) {
                return Err($crate::message::unexpected_null(stringify!($field), before));
            }
            value
        } else {
            $crate::message::initial!($type, $default)
        }
    };
}

macro_rules! decode_tagged {
    (
        $this:ident, $field:ident, $tag:ident, $size:ident, $input:ident, $version:ident, $in:tt, []
    ) => {};
    (
        $this:ident, $field:ident, $tag:ident, $size:ident, $input:ident, $version:ident, $in:tt,
        [$number:literal]
    ) => {
        if $tag == $number && $crate::message::within!($version, $in) {
            $this.$field = $input
                .within($size, |value| $crate::wire::Wire::decode(value, $version))
                .map_err(|error| error.in_field(stringify!($field)))?;
            continue;
        }
    };
}

macro_rules! field_schema {
    ($field:ident, $type:ty, $in:tt, $null:tt, [$($tag:literal)?], [$($elsewhere:ident)?]) => {{
        #[allow(unused_assignments, unused_mut)] // most fields have no tag
        let tag = {
            let mut tag = None;
            $(tag = Some($tag);)?
            tag
        };
        $crate::schema::FieldSchema {
            name: stringify!($field).trim_start_matches("r#"),
            kind: <$type as $crate::wire::Field>::kind(),
            versions: $crate::message::schema_range!($in),
            nullable: <$type as $crate::wire::Field>::NULLABLE
                .then(|| $crate::message::schema_range!($null)),
            tag,
            elsewhere: match $crate::message::matters!($($elsewhere)?) {
                true => $crate::schema::Elsewhere::Missed,
                false => $crate::schema::Elsewhere::Dropped,
            },
        }
    }};
}

macro_rules! schema_range {
    ([]) => {
        $crate::schema::range(..)
    };
    ([$versions:expr]) => {
        $crate::schema::range($versions)
    };
}

macro_rules! missing_field {
    (
        $value:expr, $field:ident, $version:ident, $type:ty,
        $in:tt, $default:tt, [$($elsewhere:ident)?]
    ) => {
        if $crate::message::within!($version, $in) {
            if let Some(part) = $crate::wire::Field::missing_part(&$value, $version) {
                return Some($crate::field_path::join(stringify!($field), &part));
            }
        } else if $crate::message::matters!($($elsewhere)?)
            && $value != $crate::message::initial!($type, $default)
        {
            return Some(stringify!($field).to_owned());
        }
    };
}

macro_rules! matters {
    () => {
        true
    };
    (dropped) => {
        false
    };
}

#[cfg(feature = "json")]
macro_rules! field_to_json {
    (
        $value:expr, $field:ident, $object:ident, $version:ident, $type:ty,
        $in:tt, [$($tag:literal)?], $default:tt
    ) => {
        let shown = !$crate::message::is_tagged!($($tag)?)
            || ($version.flexible && $value != $crate::message::initial!($type, $default));
        if shown && $crate::message::within!($version, $in) {
            let json = $crate::json::Json::to_json(&$value, $version);
            $object.insert($crate::json::camel_case(stringify!($field)), json);
        }
    };
}

#[cfg(feature = "json")]
macro_rules! field_from_json {
    (
        $field:ident, $object:ident, $version:ident, $type:ty,
        $in:tt, [$($tag:literal)?], $default:tt
    ) => {
        match $object.get(&$crate::json::camel_case(stringify!($field))) {
            Some(value) if $crate::message::within!($version, $in) => {
                <$type as $crate::json::Json>::from_json(value, $version)
                    .map_err(|error| error.in_field(stringify!($field)))?
            }
            None if !$crate::message::is_tagged!($($tag)?)
                && $crate::message::within!($version, $in) =>
            {
                return Err($crate::json::missing(stringify!($field)));
            }
            _ => $crate::message::initial!($type, $default),
        }
    };
}

#[cfg(feature = "json")]
macro_rules! is_tagged {
    () => {
        false
    };
    ($tag:literal) => {
        true
    };
}

pub(crate) use {
    decode_plain, decode_tagged, encode_plain, encode_tagged, field_schema, initial, matters,
    missing_field, request, schema_range, shown, wire_struct, within,
};
#[cfg(feature = "json")]
pub(crate) use {field_from_json, field_to_json, is_tagged};

/// Encodes field `name`; an error in it carries the name.
#[inline]
pub(crate) fn encode_field<T: Wire>(
    value: &T,
    name: &'static str,
    out: &mut BytesMut,
    version: Version,
) -> Result<(), EncodeError> {
    value
        .encode(out, version)
        .map_err(|error| error.in_field(name))
}

/// Collects the tagged fields of one struct: they are counted before they are written.
#[derive(Default)]
pub(crate) struct TagWriter {
    count: u32,
    fields: BytesMut,
}

impl TagWriter {
    pub(crate) fn put<T: Wire>(
        &mut self,
        tag: u32,
        value: &T,
        version: Version,
    ) -> Result<(), EncodeError> {
        let mut bytes = BytesMut::new();
        value.encode(&mut bytes, version)?;
        self.count += 1;
        varint::put_unsigned(&mut self.fields, tag);
        let length = bytes.len();
        let size = u32::try_from(length)
            .map_err(|_| EncodeError::new(EncodeProblem::LengthTooLarge { length }))?;
        varint::put_unsigned(&mut self.fields, size);
        self.fields.put_slice(&bytes);
        Ok(())
    }

    pub(crate) fn finish(self, out: &mut BytesMut) {
        varint::put_unsigned(out, self.count);
        out.put_slice(&self.fields);
    }
}

/// The tag and the size of the next tagged field, which follows.
pub(crate) fn next_tag(input: &mut Reader) -> Result<(u32, usize), DecodeError> {
    let tag = input.unsigned_varint()?;
    let size = input.unsigned_varint()?;
    Ok((tag, size as usize))
}

/// Skips the tagged fields of a struct of which none are known.
pub(crate) fn skip_tags(input: &mut Reader) -> Result<(), DecodeError> {
    for _ in 0..input.unsigned_varint()? {
        let (_, size) = next_tag(input)?;
        input.take(size)?;
    }
    Ok(())
}

#[cold]
pub(crate) fn unexpected_null(field: &'static str, offset: usize) -> DecodeError {
    DecodeError::new(DecodeProblem::UnexpectedNull, offset).in_field(field)
}
