//! The character sets of Java's `serializer.encoding`, and what Java makes of a text in each.
//!
//! Characters that a set does not have become `?`, as in Java: encoding never fails. A text whose
//! own bytes are the encoding already is lent, not copied.

use std::str::FromStr;

use crate::{Role, SerializeError};

/// How a text becomes bytes.
///
/// ```
/// use kafka_serde::StringEncoding;
///
/// assert_eq!("latin1".parse::<StringEncoding>()?, StringEncoding::Latin1);
/// assert_eq!("UTF-8".parse::<StringEncoding>()?, StringEncoding::default());
/// assert_eq!(
///     "EBCDIC".parse::<StringEncoding>().unwrap_err().to_string(),
///     "unknown string encoding \"EBCDIC\"; allowed are UTF-8, UTF-16, UTF-16BE, UTF-16LE, \
///      ISO-8859-1, US-ASCII and Java's other names for them",
/// );
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StringEncoding {
    /// `UTF-8`: a text's own bytes.
    #[default]
    Utf8,
    /// `UTF-16`: big endian after a byte-order mark; the empty text has no mark.
    Utf16,
    /// `UTF-16BE`: big endian, no mark.
    Utf16Be,
    /// `UTF-16LE`: little endian, no mark.
    Utf16Le,
    /// `ISO-8859-1`: the first 256 characters.
    Latin1,
    /// `US-ASCII`: the first 128 characters.
    Ascii,
}

impl StringEncoding {
    /// The encoding that a configuration asks for, by Java's property names.
    ///
    /// `key.serializer.encoding` or `value.serializer.encoding` comes before
    /// `serializer.encoding`; without either it is UTF-8. `lookup` gives a property's text.
    ///
    /// ```
    /// use kafka_serde::{Role, StringEncoding};
    ///
    /// let lookup = |name: &str| match name {
    ///     "key.serializer.encoding" => Some("US-ASCII"),
    ///     "serializer.encoding" => Some("UTF-16"),
    ///     _ => None,
    /// };
    /// assert_eq!(StringEncoding::from_properties(Role::Key, lookup)?, StringEncoding::Ascii);
    /// assert_eq!(StringEncoding::from_properties(Role::Value, lookup)?, StringEncoding::Utf16);
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    ///
    /// # Errors
    /// The name of an encoding that is not supported.
    pub fn from_properties<'a>(
        role: Role,
        lookup: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, SerializeError> {
        let own = match role {
            Role::Key => "key.serializer.encoding",
            Role::Value => "value.serializer.encoding",
        };
        lookup(own)
            .or_else(|| lookup("serializer.encoding"))
            .map_or(Ok(Self::Utf8), str::parse)
    }

    /// Java's canonical name of the character set.
    ///
    /// ```
    /// assert_eq!(kafka_serde::StringEncoding::Latin1.name(), "ISO-8859-1");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Utf16Be => "UTF-16BE",
            Self::Utf16Le => "UTF-16LE",
            Self::Latin1 => "ISO-8859-1",
            Self::Ascii => "US-ASCII",
        }
    }

    /// The text's bytes in this encoding: lent if they are its own, else written to `scratch`.
    ///
    /// ```
    /// use kafka_serde::StringEncoding;
    ///
    /// let mut scratch = Vec::new();
    /// assert_eq!(StringEncoding::Latin1.encode("für 5 €", &mut scratch), b"f\xfcr 5 ?");
    /// ```
    #[inline]
    pub fn encode<'a>(self, text: &'a str, scratch: &'a mut Vec<u8>) -> &'a [u8] {
        match self {
            Self::Utf8 => return text.as_bytes(),
            Self::Latin1 | Self::Ascii if text.is_ascii() => return text.as_bytes(),
            _ => scratch.clear(),
        }
        self.write(text, scratch);
        scratch
    }

    pub(crate) fn write(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Utf16 if text.is_empty() => {}
            Self::Utf16 => {
                out.extend_from_slice(&BYTE_ORDER_MARK);
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Self::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Latin1 => out.extend(text.chars().map(|c| u8::try_from(c).unwrap_or(b'?'))),
            Self::Ascii => out.extend(
                text.chars()
                    .map(|c| if c.is_ascii() { c as u8 } else { b'?' }),
            ),
        }
    }
}

impl FromStr for StringEncoding {
    type Err = SerializeError;

    /// Reads any of Java's names for the character set; upper and lower case do not matter.
    fn from_str(name: &str) -> Result<Self, SerializeError> {
        let is_name = |known: &str| known.eq_ignore_ascii_case(name);
        let found = JAVA_NAMES
            .iter()
            .find(|(_, names)| names.split(' ').any(is_name));
        let unknown = || SerializeError::UnknownEncoding {
            name: name.to_owned(),
        };
        Ok(found.ok_or_else(unknown)?.0)
    }
}

const BYTE_ORDER_MARK: [u8; 2] = [0xfe, 0xff];

/// The names and aliases of `java.nio.charset.Charset`, divided by spaces.
const JAVA_NAMES: [(StringEncoding, &str); 6] = [
    (StringEncoding::Utf8, "UTF-8 UTF8 unicode-1-1-utf-8"),
    (
        StringEncoding::Utf16,
        "UTF-16 UTF_16 UTF16 unicode UnicodeBig",
    ),
    (
        StringEncoding::Utf16Be,
        "UTF-16BE UTF_16BE ISO-10646-UCS-2 X-UTF-16BE UnicodeBigUnmarked",
    ),
    (
        StringEncoding::Utf16Le,
        "UTF-16LE UTF_16LE X-UTF-16LE UnicodeLittleUnmarked",
    ),
    (
        StringEncoding::Latin1,
        "ISO-8859-1 ISO8859-1 ISO8859_1 ISO_8859-1 ISO_8859_1 ISO_8859-1:1987 8859_1 latin1 l1 \
         iso-ir-100 csISOLatin1 IBM819 IBM-819 cp819 819",
    ),
    (
        StringEncoding::Ascii,
        "US-ASCII ASCII ascii7 ISO646-US 646 us iso-ir-6 csASCII IBM367 cp367 ANSI_X3.4-1968 \
         ANSI_X3.4-1986 iso_646.irv:1983 ISO_646.irv:1991",
    ),
];
