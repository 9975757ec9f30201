//! What a value looks like on the wire: the one trait, the reader, and the primitives.
//!
//! Whether lengths are compact is decided here, once, by [`Version::flexible`]; a field's
//! declaration never says it. Encoding fails for what is longer than the protocol allows, and
//! cuts nothing. Decoding is total: any bytes give a value or an error that names field and
//! offset. Before an array is allocated, its length is compared with what is left of the input, and
//! the memory of its elements with what is left of a budget that grows with the input
//! ([`Reader`]). It is allocated once, so that nothing is stored twice while it grows.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    api_key::ApiKey,
    decode_error::{DecodeError, DecodeProblem},
    encode_error::{EncodeError, EncodeProblem, LENGTH_MAX, STRING_BYTES_MAX},
    error_code::ErrorCode,
    field_path,
    schema::FieldKind,
    sealed::Sealed,
    uuid::Uuid,
    varint,
    version::Version,
};

/// A value that can be written to and read from the wire; only types of the protocol implement it.
///
/// ```
/// use bytes::BytesMut;
/// use kafka_wire::{Reader, Version, Wire};
///
/// let version = Version::of(0, Some(0)); // flexible from version 0 on
/// let mut out = BytesMut::new();
/// Some("orders".to_owned()).encode(&mut out, version)?;
/// assert_eq!(&out[..], b"\x07orders"); // compact: length + 1
/// let back = Option::<String>::decode(&mut Reader::new(out.freeze()), version)?;
/// assert_eq!(back.as_deref(), Some("orders"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Wire: Sized + Sealed {
    /// Appends this value as `version` has it.
    ///
    /// # Errors
    /// When a part of it is longer than the protocol allows. What was appended is then undefined.
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError>;

    /// Takes a value off the front of `input`.
    ///
    /// # Errors
    /// When the bytes are not such a value. How much of `input` was taken is then undefined.
    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError>;
}

/// A [`Wire`] value that can be a field of a message: it has a name for its type and a default.
///
/// ```
/// use kafka_wire::{Field, schema::FieldKind};
///
/// assert_eq!(<Vec<i32>>::kind(), FieldKind::Array(Box::new(FieldKind::Int32)));
/// assert_eq!(<Option<String>>::initial(), Some(String::new()));
/// ```
pub trait Field: Wire + PartialEq {
    /// What a field holds when the schema names no default: zero or empty, but not null.
    fn initial() -> Self;

    /// The type, as Kafka's schemas call it.
    fn kind() -> FieldKind;

    /// Whether there is a form for null.
    const NULLABLE: bool = false;

    /// The first part whose value `version` cannot carry although it matters, as a path.
    fn missing_part(&self, version: Version) -> Option<String> {
        let _ = version;
        None
    }
}

/// Bytes being decoded, and how far.
///
/// Byte strings taken from it share its memory. The memory of arrays' elements is limited: to
/// [`MEMORY_PER_BYTE`](Self::MEMORY_PER_BYTE) for each byte of the input, and
/// [`MEMORY_ALWAYS`](Self::MEMORY_ALWAYS) for small inputs of small parts. So a peer cannot make us
/// allocate many times what it sends. Messages whose names have eight letters need less.
///
/// ```
/// use kafka_wire::Reader;
///
/// let mut reader = Reader::new(&b"abc"[..]);
/// assert_eq!(reader.take(2)?, "ab");
/// assert_eq!((reader.offset(), reader.remaining()), (2, 1));
/// assert!(reader.take(2).is_err());
/// # Ok::<(), kafka_wire::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    /// Bytes before `bytes`, in the input that errors speak of.
    offset: usize,
    /// Bytes that elements of arrays may still take.
    budget_bytes: usize,
}

impl Reader {
    /// How many bytes the elements of arrays may take for each byte of the input.
    pub const MEMORY_PER_BYTE: usize = 8;
    /// How many bytes the elements of arrays may take whatever the size of the input.
    pub const MEMORY_ALWAYS: usize = 256 * 1024;

    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let budget_bytes = bytes.len().saturating_mul(Self::MEMORY_PER_BYTE);
        Self {
            budget_bytes: budget_bytes.saturating_add(Self::MEMORY_ALWAYS),
            bytes,
            offset: 0,
        }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the next `count` bytes, without copying them.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, count: usize) -> Result<Bytes, DecodeError> {
        self.require(count)?;
        self.offset += count;
        Ok(self.bytes.split_to(count))
    }

    /// Takes an unsigned varint.
    ///
    /// # Errors
    /// When it is cut short or longer than 32 bits.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut rest = &self.bytes[..];
        let value = varint::read_unsigned(&mut rest).map_err(|e| e.shifted(self.offset))?;
        let taken = self.bytes.len() - rest.len();
        self.bytes.advance(taken);
        self.offset += taken;
        Ok(value)
    }

    /// Checks that everything was taken.
    ///
    /// # Errors
    /// When bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(self.problem(DecodeProblem::TrailingBytes { count })),
        }
    }

    /// What is left, without taking it.
    pub(crate) fn peek(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn problem(&self, problem: DecodeProblem) -> DecodeError {
        DecodeError::new(problem, self.offset)
    }

    /// Decodes field `name`; an error in it carries the name.
    pub(crate) fn field<T: Wire>(
        &mut self,
        name: &'static str,
        version: Version,
    ) -> Result<T, DecodeError> {
        T::decode(self, version).map_err(|error| error.in_field(name))
    }

    /// Decodes with a reader of the next `count` bytes alone, which are thereby taken.
    pub(crate) fn within<T>(
        &mut self,
        count: usize,
        decode: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let offset = self.offset;
        let mut part = Self {
            bytes: self.take(count)?,
            offset,
            budget_bytes: self.budget_bytes,
        };
        let value = decode(&mut part)?;
        part.finish()?;
        self.budget_bytes = part.budget_bytes;
        Ok(value)
    }

    /// Memory for `count` elements, as far as the input justifies it.
    fn room_for<T>(&mut self, count: usize) -> Result<Vec<T>, DecodeError> {
        let remaining = self.remaining();
        // Every element takes at least one byte, so a larger count is wrong.
        if count > remaining {
            let count = count as u64;
            return Err(self.problem(DecodeProblem::CountTooLarge { count, remaining }));
        }
        let needed = count.saturating_mul(size_of::<T>());
        let Some(budget_bytes) = self.budget_bytes.checked_sub(needed) else {
            let allowed = self.budget_bytes;
            return Err(self.problem(DecodeProblem::TooMuchMemory { needed, allowed }));
        };
        self.budget_bytes = budget_bytes;
        Ok(Vec::with_capacity(count))
    }

    fn require(&self, needed: usize) -> Result<(), DecodeError> {
        let remaining = self.remaining();
        if needed <= remaining {
            return Ok(());
        }
        Err(self.problem(DecodeProblem::UnexpectedEnd { needed, remaining }))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.require(N)?;
        let mut bytes = [0; N];
        self.bytes.copy_to_slice(&mut bytes);
        self.offset += N;
        Ok(bytes)
    }
}

macro_rules! fixed_width {
    ($($type:ty, $kind:ident;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn encode(&self, out: &mut BytesMut, _: Version) -> Result<(), EncodeError> {
                out.put_slice(&self.to_be_bytes());
                Ok(())
            }

            #[inline]
            fn decode(input: &mut Reader, _: Version) -> Result<Self, DecodeError> {
                input.fixed().map(Self::from_be_bytes)
            }
        }

        impl Field for $type {
            fn initial() -> Self {
                Self::default()
            }

            fn kind() -> FieldKind {
                FieldKind::$kind
            }
        }
    )*};
}

fixed_width! {
    i8, Int8;
    i16, Int16;
    u16, Uint16;
    i32, Int32;
    u32, Uint32;
    i64, Int64;
    f64, Float64;
}

/// Types that are written as another type.
macro_rules! stands_for {
    ($($type:ty as $inner:ty: $out:expr, $in:expr;)*) => {$(
        impl Wire for $type {
            #[inline]
            fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
                <$inner as Wire>::encode(&$out(*self), out, version)
            }

            #[inline]
            fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
                <$inner as Wire>::decode(input, version).map($in)
            }
        }

        impl Field for $type {
            fn initial() -> Self {
                $in(<$inner as Field>::initial())
            }

            fn kind() -> FieldKind {
                <$inner as Field>::kind()
            }
        }
    )*};
}

stands_for! {
    ErrorCode as i16: |code: ErrorCode| code.0, ErrorCode;
    ApiKey as i16: |key: ApiKey| key.0, ApiKey;
}

impl Wire for bool {
    fn encode(&self, out: &mut BytesMut, _: Version) -> Result<(), EncodeError> {
        out.put_u8(u8::from(*self));
        Ok(())
    }

    fn decode(input: &mut Reader, _: Version) -> Result<Self, DecodeError> {
        // Anything but zero is true, as in Java.
        input.fixed::<1>().map(|[byte]| byte != 0)
    }
}

impl Field for bool {
    fn initial() -> Self {
        false
    }

    fn kind() -> FieldKind {
        FieldKind::Bool
    }
}

impl Wire for Uuid {
    fn encode(&self, out: &mut BytesMut, _: Version) -> Result<(), EncodeError> {
        out.put_slice(&self.0);
        Ok(())
    }

    fn decode(input: &mut Reader, _: Version) -> Result<Self, DecodeError> {
        input.fixed().map(Self)
    }
}

impl Field for Uuid {
    fn initial() -> Self {
        Self::ZERO
    }

    fn kind() -> FieldKind {
        FieldKind::Uuid
    }
}

impl Wire for String {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_string(out, Some(self), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        not_null(input, version)
    }
}

impl Field for String {
    fn initial() -> Self {
        Self::new()
    }

    fn kind() -> FieldKind {
        FieldKind::String
    }
}

impl Wire for Option<String> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_string(out, self.as_deref(), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        let Some(length) = string_length(input, version)? else {
            return Ok(None);
        };
        let start = input.offset();
        let bytes = input.take(length)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(error) => {
                let offset = start + error.valid_up_to();
                Err(DecodeError::new(DecodeProblem::InvalidUtf8, offset))
            }
        }
    }
}

impl Wire for Bytes {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_bytes(out, Some(self), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        not_null(input, version)
    }
}

impl Field for Bytes {
    fn initial() -> Self {
        Self::new()
    }

    fn kind() -> FieldKind {
        FieldKind::Bytes
    }
}

impl Wire for Option<Bytes> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_bytes(out, self.as_deref(), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        match length(input, version)? {
            Some(length) => input.take(length as usize).map(Some),
            None => Ok(None),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_array(out, Some(self), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        not_null(input, version)
    }
}

impl<T: Field> Field for Vec<T> {
    fn initial() -> Self {
        Self::new()
    }

    fn kind() -> FieldKind {
        FieldKind::Array(Box::new(T::kind()))
    }

    fn missing_part(&self, version: Version) -> Option<String> {
        self.iter().enumerate().find_map(|(index, element)| {
            let part = element.missing_part(version)?;
            Some(field_path::join(&format!("[{index}]"), &part))
        })
    }
}

impl<T: Wire> Wire for Option<Vec<T>> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        put_array(out, self.as_deref(), version)
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        let Some(count) = length(input, version)? else {
            return Ok(None);
        };
        let mut elements = input.room_for(count as usize)?;
        for index in 0..count as usize {
            elements.push(T::decode(input, version).map_err(|error| error.in_element(index))?);
        }
        Ok(Some(elements))
    }
}

impl<T: Field> Field for Option<T>
where
    Self: Wire,
{
    fn initial() -> Self {
        Some(T::initial())
    }

    fn kind() -> FieldKind {
        T::kind()
    }

    const NULLABLE: bool = true;

    fn missing_part(&self, version: Version) -> Option<String> {
        self.as_ref().and_then(|value| value.missing_part(version))
    }
}

fn not_null<T>(input: &mut Reader, version: Version) -> Result<T, DecodeError>
where
    Option<T>: Wire,
{
    let offset = input.offset();
    let value = Option::<T>::decode(input, version)?;
    value.ok_or_else(|| DecodeError::new(DecodeProblem::UnexpectedNull, offset))
}

pub(crate) fn put_string(
    out: &mut BytesMut,
    text: Option<&str>,
    version: Version,
) -> Result<(), EncodeError> {
    put_short_length(out, text.map(str::len), version)?;
    out.put_slice(text.unwrap_or_default().as_bytes());
    Ok(())
}

fn put_bytes(
    out: &mut BytesMut,
    bytes: Option<&[u8]>,
    version: Version,
) -> Result<(), EncodeError> {
    put_length(out, bytes.map(<[u8]>::len), version)?;
    out.put_slice(bytes.unwrap_or_default());
    Ok(())
}

fn put_array<T: Wire>(
    out: &mut BytesMut,
    elements: Option<&[T]>,
    version: Version,
) -> Result<(), EncodeError> {
    put_length(out, elements.map(<[T]>::len), version)?;
    for (index, element) in elements.unwrap_or_default().iter().enumerate() {
        element
            .encode(out, version)
            .map_err(|error| error.in_element(index))?;
    }
    Ok(())
}

/// Writes the length of bytes or an array; `None` is null.
#[inline]
pub(crate) fn put_length(
    out: &mut impl BufMut,
    length: Option<usize>,
    version: Version,
) -> Result<(), EncodeError> {
    match length {
        Some(length) if length > LENGTH_MAX => {
            return Err(EncodeError::new(EncodeProblem::LengthTooLarge { length }));
        }
        Some(length) if version.flexible => varint::put_unsigned(out, length as u32 + 1),
        Some(length) => out.put_i32(length as i32),
        None if version.flexible => out.put_u8(0),
        None => out.put_i32(-1),
    }
    Ok(())
}

/// Writes the length of a string; `None` is null.
fn put_short_length(
    out: &mut BytesMut,
    length: Option<usize>,
    version: Version,
) -> Result<(), EncodeError> {
    match length {
        Some(bytes) if bytes > STRING_BYTES_MAX => {
            return Err(EncodeError::new(EncodeProblem::StringTooLong { bytes }));
        }
        _ if version.flexible => return put_length(out, length, version),
        Some(bytes) => out.put_i16(bytes as i16),
        None => out.put_i16(-1),
    }
    Ok(())
}

fn string_length(input: &mut Reader, version: Version) -> Result<Option<usize>, DecodeError> {
    let offset = input.offset();
    if version.flexible {
        let length = length(input, version)?.map(|length| length as usize);
        return match length {
            Some(length) if length > STRING_BYTES_MAX => {
                let problem = DecodeProblem::StringTooLong { bytes: length };
                Err(DecodeError::new(problem, offset))
            }
            length => Ok(length),
        };
    }
    let length = i16::decode(input, version)?;
    signed_length(i64::from(length), offset).map(|length| length.map(|length| length as usize))
}

pub(crate) fn length(input: &mut Reader, version: Version) -> Result<Option<u32>, DecodeError> {
    if version.flexible {
        return Ok(input.unsigned_varint()?.checked_sub(1));
    }
    let offset = input.offset();
    let length = i32::decode(input, version)?;
    signed_length(i64::from(length), offset)
}

fn signed_length(length: i64, offset: usize) -> Result<Option<u32>, DecodeError> {
    match length {
        -1 => Ok(None),
        0.. => Ok(Some(length as u32)),
        _ => Err(DecodeError::new(
            DecodeProblem::NegativeLength { length },
            offset,
        )),
    }
}
