//! Closures as serializers, for what is not worth a type.

use std::fmt;

use crate::{Context, SerializeError, Serializer};

/// Makes a serializer of a closure with the arguments of [`Serializer::serialize`].
///
/// ```
/// use kafka_serde::{Context, Headers, Role, Serializer, from_fn};
///
/// struct Order { id: u32 }
///
/// let serializer = from_fn(|_context, order: &Order, scratch| {
///     scratch.clear();
///     scratch.extend_from_slice(&order.id.to_le_bytes());
///     Ok(Some(scratch))
/// });
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Key, &mut headers);
/// let bytes = serializer.serialize(&mut context, &Order { id: 7 }, &mut scratch)?;
/// assert_eq!(bytes, Some(&[7, 0, 0, 0][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
pub fn from_fn<T: ?Sized, F>(serialize: F) -> FromFn<F>
where
    F: for<'a> Fn(
            &mut Context<'_>,
            &'a T,
            &'a mut Vec<u8>,
        ) -> Result<Option<&'a [u8]>, SerializeError>
        + Send
        + Sync,
{
    FromFn(serialize)
}

/// A closure that serializes; see [`from_fn`].
///
/// ```
/// use kafka_serde::{FromFn, from_fn};
///
/// fn named<F>(serializer: FromFn<F>) -> FromFn<F> {
///     serializer
/// }
/// let lent = named(from_fn(|_context, text: &str, _scratch| Ok(Some(text.as_bytes()))));
/// assert_eq!(format!("{lent:?}"), "FromFn(..)");
/// ```
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<T: ?Sized, F> Serializer<T> for FromFn<F>
where
    F: for<'a> Fn(
            &mut Context<'_>,
            &'a T,
            &'a mut Vec<u8>,
        ) -> Result<Option<&'a [u8]>, SerializeError>
        + Send
        + Sync,
{
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a T,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        (self.0)(context, value, scratch)
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn(..)")
    }
}
