//! Bytes that are already bytes: lent as they are.

use std::io::Cursor;

use crate::{Context, SerializeError, Serializer};

/// The bytes themselves, lent without a copy (Java's `ByteArraySerializer`, `BytesSerializer`).
///
/// For `[u8]`, `Vec<u8>`, `[u8; N]`, `bytes::Bytes` and all else that is `AsRef<[u8]>`.
///
/// ```
/// use kafka_serde::{Context, Headers, Raw, Role, Serializer};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let value = vec![1, 2, 3];
/// let lent = Raw.serialize(&mut context, &value, &mut scratch)?.unwrap();
/// assert_eq!(lent.as_ptr(), value.as_ptr());
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Raw;

impl<T: AsRef<[u8]> + ?Sized> Serializer<T> for Raw {
    #[inline]
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a T,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        Ok(Some(value.as_ref()))
    }
}

/// A buffer from its start, wherever its cursor stands (Java's `ByteBufferSerializer`).
///
/// Java sends from 0 to the buffer's limit and does not mind its position, so that a buffer just
/// written needs no `flip`. What Java calls the limit is here the end of the cursor's slice.
///
/// ```
/// use kafka_serde::{Context, Headers, Role, Serializer, WholeBuffer};
/// use std::io::{Cursor, Write};
///
/// let mut buffer = Cursor::new(Vec::new());
/// buffer.write_all(b"all of it").unwrap();
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let bytes = WholeBuffer.serialize(&mut context, &buffer, &mut scratch)?;
/// assert_eq!(bytes, Some(&b"all of it"[..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WholeBuffer;

impl<B: AsRef<[u8]>> Serializer<Cursor<B>> for WholeBuffer {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        value: &'a Cursor<B>,
        _scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        Ok(Some(value.get_ref().as_ref()))
    }
}
