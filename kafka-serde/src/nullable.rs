//! Null: a value that is not there, and a type that never has one.

use crate::{Context, SerializeError, Serializer};

/// An option: null for `None`, else what `S` makes of it.
///
/// A null value is a tombstone: compaction removes what the topic holds for the key.
///
/// ```
/// use kafka_serde::{Context, Headers, Nullable, Role, Serializer, Utf8};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
/// let serializer = Nullable(Utf8);
/// assert_eq!(serializer.serialize(&mut context, &Some("a"), &mut scratch)?, Some(&b"a"[..]));
/// assert_eq!(serializer.serialize(&mut context, &None::<&str>, &mut scratch)?, None);
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Nullable<S>(
    /// Asked for what is there.
    pub S,
);

impl<T, S: Serializer<T>> Serializer<Option<T>> for Nullable<S> {
    #[inline]
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a Option<T>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        match value {
            Some(value) => self.0.serialize(context, value, scratch),
            None => Ok(None),
        }
    }
}

/// Always null (Java's `VoidSerializer`): for records that have no key, or nothing but a key.
///
/// ```
/// use kafka_serde::{Context, Headers, Role, Serializer, Void};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Key, &mut headers);
/// assert_eq!(Void.serialize(&mut context, &(), &mut scratch)?, None);
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Void;

impl Serializer<()> for Void {
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        _value: &'a (),
        _scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        Ok(None)
    }
}
