//! Lists in the format of Java's `ListSerializer` (KIP-466).
//!
//! ```text
//! constant size  00 │ nulls: i32 │ index of each null: i32 │ len: i32 │ the others, end to end
//! variable size  01 │ len: i32   │ each: size: i32 (-1 for null), bytes
//! ```
//!
//! The format does not say what the elements are: a reader has to know. Java picks the constant
//! size for its number and UUID serializers, and so must we for it to read them.

use crate::{Context, SerializeError, Serializer};

/// A list, each element by the same serializer.
///
/// Elements may be null where `S` says so, as [`Nullable`](crate::Nullable) does for `Option`.
///
/// ```
/// use kafka_serde::{BigEndian, Context, Headers, List, Role, Serializer, Utf8};
///
/// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
/// let mut context = Context::new("orders", Role::Value, &mut headers);
///
/// let numbers = List::constant_size(BigEndian);
/// let bytes = numbers.serialize(&mut context, &[7_i16, 8][..], &mut scratch)?;
/// assert_eq!(bytes, Some(&[0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 7, 0, 8][..]));
///
/// let words = List::variable_size(Utf8);
/// let bytes = words.serialize(&mut context, &["a"][..], &mut scratch)?;
/// assert_eq!(bytes, Some(&[1, 0, 0, 0, 1, 0, 0, 0, 1, b'a'][..]));
/// # Ok::<(), kafka_serde::SerializeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct List<S> {
    element: S,
    sizes: Sizes,
}

/// Whether elements tell their size; Java calls it the serialization strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sizes {
    Constant,
    Variable,
}

impl<S> List<S> {
    /// Elements of one size, which is not written: numbers and UUIDs.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, List, Role, Serializer, BigEndian};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let list = List::constant_size(BigEndian);
    /// let bytes = list.serialize(&mut context, &[7_i16][..], &mut scratch)?;
    /// assert_eq!(bytes, Some(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7][..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    pub const fn constant_size(element: S) -> Self {
        Self {
            element,
            sizes: Sizes::Constant,
        }
    }

    /// Elements of any size, each with its own: texts, bytes, truth values, lists.
    ///
    /// ```
    /// use kafka_serde::{Context, Headers, List, Role, Serializer, Utf8};
    ///
    /// let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    /// let mut context = Context::new("orders", Role::Value, &mut headers);
    /// let list = List::variable_size(Utf8);
    /// let bytes = list.serialize(&mut context, &["tea"][..], &mut scratch)?;
    /// assert_eq!(bytes, Some(&b"\x01\0\0\0\x01\0\0\0\x03tea"[..]));
    /// # Ok::<(), kafka_serde::SerializeError>(())
    /// ```
    pub const fn variable_size(element: S) -> Self {
        Self {
            element,
            sizes: Sizes::Variable,
        }
    }
}

impl<T, S: Serializer<T>> Serializer<[T]> for List<S> {
    /// Allocates once for elements that cannot lend their own bytes, and for the nulls if any.
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a [T],
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        match self.sizes {
            Sizes::Constant => write_constant(&self.element, context, value, scratch)?,
            Sizes::Variable => write_variable(&self.element, context, value, scratch)?,
        }
        Ok(Some(scratch))
    }
}

impl<T, S: Serializer<T>> Serializer<Vec<T>> for List<S> {
    fn serialize<'a>(
        &self,
        context: &mut Context<'_>,
        value: &'a Vec<T>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        self.serialize(context, value.as_slice(), scratch)
    }
}

/// The nulls stand before the elements but are known after them: their room is made then.
fn write_constant<T>(
    serializer: &impl Serializer<T>,
    context: &mut Context<'_>,
    list: &[T],
    out: &mut Vec<u8>,
) -> Result<(), SerializeError> {
    out.push(CONSTANT_SIZE);
    out.extend_from_slice(&length("the number of nulls", 0)?);
    out.extend_from_slice(&length("the number of elements", list.len())?);
    let (mut nulls, mut expected, mut element) = (Vec::new(), None, Vec::new());
    for (index, item) in list.iter().enumerate() {
        let Some(bytes) = serialize_element(serializer, context, index, item, &mut element)? else {
            nulls.extend_from_slice(&length("the index of a null", index)?);
            continue;
        };
        let (len, expected) = (bytes.len(), *expected.get_or_insert(bytes.len()));
        if len != expected {
            return Err(SerializeError::UnevenElement {
                index,
                len,
                expected,
            });
        }
        out.extend_from_slice(bytes);
    }
    let count = length("the number of nulls", nulls.len() / 4)?;
    out.splice(1..5, count.into_iter().chain(nulls));
    Ok(())
}

fn write_variable<T>(
    serializer: &impl Serializer<T>,
    context: &mut Context<'_>,
    list: &[T],
    out: &mut Vec<u8>,
) -> Result<(), SerializeError> {
    out.push(VARIABLE_SIZE);
    out.extend_from_slice(&length("the number of elements", list.len())?);
    let mut element = Vec::new();
    for (index, item) in list.iter().enumerate() {
        match serialize_element(serializer, context, index, item, &mut element)? {
            Some(bytes) => {
                out.extend_from_slice(&length("the size of an element", bytes.len())?);
                out.extend_from_slice(bytes);
            }
            None => out.extend_from_slice(&NULL_SIZE.to_be_bytes()),
        }
    }
    Ok(())
}

fn serialize_element<'a, T>(
    serializer: &impl Serializer<T>,
    context: &mut Context<'_>,
    index: usize,
    item: &'a T,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<&'a [u8]>, SerializeError> {
    serializer
        .serialize(context, item, scratch)
        .map_err(|source| SerializeError::Element {
            index,
            source: Box::new(source),
        })
}

fn length(what: &'static str, len: usize) -> Result<[u8; 4], SerializeError> {
    i32::try_from(len)
        .map(i32::to_be_bytes)
        .map_err(|_| SerializeError::TooLong { what, len })
}

const CONSTANT_SIZE: u8 = 0;
const VARIABLE_SIZE: u8 = 1;
const NULL_SIZE: i32 = -1;
