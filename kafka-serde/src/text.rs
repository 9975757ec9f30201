//! Texts: one serializer that can be told the encoding, and one for each that is common.

use crate::{Context, SerializeError, Serializer, StringEncoding};

/// A text in an encoding chosen at run time (Java's `StringSerializer`); UTF-8 by default.
///
/// For `str`, `String` and all else that is `AsRef<str>`.
///
/// ```
/// use kafka_serde::{Context, Headers, Role, Serializer, StringSerializer};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let serializer = StringSerializer::new("UTF-16".parse()?);
/// let bytes = serializer.serialize(&mut context, "é", &mut scratch)?;
/// assert_eq!(bytes, Some(&[0xfe, 0xff, 0x00, 0xe9][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StringSerializer {
    /// How the text becomes bytes.
    pub encoding: StringEncoding,
}

impl StringSerializer {
    /// Writes texts in this encoding.
    ///
    /// ```
    /// use kafka_serde::{StringEncoding, StringSerializer};
    ///
    /// assert_eq!(StringSerializer::new(StringEncoding::Utf8), StringSerializer::default());
    /// ```
    pub const fn new(encoding: StringEncoding) -> Self {
        Self { encoding }
    }
}

impl<T: AsRef<str> + ?Sized> Serializer<T> for StringSerializer {
    #[inline]
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        Ok(Some(self.encoding.encode(value.as_ref(), scratch)))
    }
}

/// A serializer whose encoding is known when it is compiled.
macro_rules! text {
    ($($(#[$doc:meta])* $name:ident => $encoding:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name;

        impl<T: AsRef<str> + ?Sized> Serializer<T> for $name {
            #[inline]
            fn serialize<'a>(
                &self,
                _context: &mut Context<'_>,
                value: &'a T,
                scratch: &'a mut Vec<u8>,
            ) -> Result<Option<&'a [u8]>, SerializeError> {
                Ok(Some(StringEncoding::$encoding.encode(value.as_ref(), scratch)))
            }
        }
    )+};
}

text! {
    /// A text's own bytes, lent without a copy.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, Role, Serializer, Utf8};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let lent = Utf8.serialize(&mut context, "héllo", &mut scratch)?;
    /// assert_eq!(lent, Some("héllo".as_bytes()));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    Utf8 => Utf8;

    /// Big endian after a byte-order mark, as Java's `UTF-16`.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, Role, Serializer, Utf16};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let bytes = Utf16.serialize(&mut context, "a", &mut scratch)?;
    /// assert_eq!(bytes, Some(&[0xfe, 0xff, 0, b'a'][..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    Utf16 => Utf16;

    /// One byte a character, `?` for all that ISO-8859-1 lacks.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, Latin1, Role, Serializer};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// assert_eq!(Latin1.serialize(&mut context, "é€", &mut scratch)?, Some(&b"\xe9?"[..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    Latin1 => Latin1;

    /// One byte a character, `?` for all that US-ASCII lacks.
    ///
    /// ```
    /// use kafka_serde::{Ascii, Context, Headers, Role, Serializer};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// assert_eq!(Ascii.serialize(&mut context, "aé", &mut scratch)?, Some(&b"a?"[..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    Ascii => Ascii;
}
