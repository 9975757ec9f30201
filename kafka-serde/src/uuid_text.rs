//! UUIDs as Java sends them: their 36 characters, not their 16 bytes.

use crate::{Context, SerializeError, Serializer, StringEncoding};

/// A UUID in its lower-case text form (Java's `UUIDSerializer`).
///
/// For the 16 bytes of one, in network order, and with the feature `uuid` for `uuid::Uuid`.
///
/// ```
/// use kafka_serde::{Context, Headers, Role, Serializer, UuidText};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Key, &mut headers);
/// let id = 0x01234567_89ab_cdef_fedc_ba9876543210_u128.to_be_bytes();
/// let text = UuidText::default().serialize(&mut context, &id, &mut scratch)?;
/// assert_eq!(text, Some(&b"01234567-89ab-cdef-fedc-ba9876543210"[..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct UuidText {
    /// How the text becomes bytes; UTF-8 by default.
    pub encoding: StringEncoding,
}

impl UuidText {
    /// Writes texts in this encoding.
    ///
    /// ```
    /// use kafka_serde::{StringEncoding, UuidText};
    ///
    /// assert_eq!(UuidText::new(StringEncoding::Utf8), UuidText::default());
    /// ```
    pub const fn new(encoding: StringEncoding) -> Self {
        Self { encoding }
    }
}

impl Serializer<[u8; 16]> for UuidText {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a [u8; 16],
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        let text = hyphenated(value);
        let text = std::str::from_utf8(&text).expect("hexadecimal digits and hyphens are ASCII");
        scratch.clear();
        self.encoding.write(text, scratch);
        Ok(Some(scratch))
    }
}

#[cfg(feature = "uuid")]
impl Serializer<uuid::Uuid> for UuidText {
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a uuid::Uuid,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        self.serialize(context, value.as_bytes(), scratch)
    }
}

/// 8-4-4-4-12 digits.
fn hyphenated(bytes: &[u8; 16]) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 0xf)];
        at += 2;
    }
    text
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
