//! The headers of a record: an ordered list of names and values beside its key and value.
//!
//! They come from the caller, serializers may add to them, and the accumulator writes them into the
//! batch in their order. Names may repeat; by convention the last one counts (KIP-82). A record
//! without headers allocates nothing for them, and static names and values are not copied.

use std::borrow::Cow;
use std::convert::identity;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::slice;
use std::vec;

/// An ordered list of headers; keys may repeat, values may be null.
///
/// ```
/// use kafka_serde::Headers;
///
/// let mut headers = Headers::new();
/// headers.add("trace", "a1");
/// headers.add("attempt", vec![2]);
/// headers.add("trace", "b2");
/// headers.add("deleted", None::<&str>);
///
/// assert_eq!(headers.len(), 4);
/// assert_eq!(headers.last("trace"), Some(Some(&b"b2"[..])));
/// assert_eq!(headers.last("deleted"), Some(None));
/// assert_eq!(headers.last("nothing"), None);
/// assert_eq!(headers.all("trace").collect::<Vec<_>>(), [Some(&b"a1"[..]), Some(&b"b2"[..])]);
/// assert_eq!(headers.remove("trace"), 2);
/// assert_eq!(headers.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["attempt", "deleted"]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Taken out by `Drop`, which sees in place that there is nothing to drop, as nearly always.
    list: ManuallyDrop<Vec<Pair>>,
}

type Pair = (Cow<'static, str>, HeaderValue);

impl Headers {
    /// No headers, and no allocation.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// assert!(Headers::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self {
            list: ManuallyDrop::new(Vec::new()),
        }
    }

    /// Appends a header; earlier ones with the same key stay.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let mut headers = Headers::new();
    /// headers.add("trace", "a1").add("attempt", vec![2]);
    /// assert_eq!(headers.len(), 2);
    /// ```
    pub fn add(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<HeaderValue>,
    ) -> &mut Self {
        self.list.push((key.into(), value.into()));
        self
    }

    /// The headers in their order.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let headers = Headers::from([("a", "1"), ("b", "2")]);
    /// let names: Vec<&str> = headers.iter().map(|(name, _value)| name).collect();
    /// assert_eq!(names, ["a", "b"]);
    /// ```
    #[inline]
    pub fn iter(&self) -> HeaderIter<'_> {
        HeaderIter {
            list: self.list.iter(),
        }
    }

    /// How many there are.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// assert_eq!(Headers::from([("a", "1"), ("a", "2")]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// assert!(!Headers::from([("a", "1")]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The value that counts for `key`: the one added last. The inner `None` is a null value.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let mut headers = Headers::from([("a", "1"), ("a", "2")]);
    /// headers.add("b", None::<&str>);
    /// assert_eq!(headers.last("a"), Some(Some(&b"2"[..])));
    /// assert_eq!((headers.last("b"), headers.last("c")), (Some(None), None));
    /// ```
    pub fn last(&self, key: &str) -> Option<Option<&[u8]>> {
        self.iter()
            .rev()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// All values of `key` in their order.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let headers = Headers::from([("a", "1"), ("b", "2"), ("a", "3")]);
    /// assert!(headers.all("a").eq([Some(&b"1"[..]), Some(&b"3"[..])]));
    /// ```
    pub fn all<'a>(&'a self, key: &'a str) -> impl DoubleEndedIterator<Item = Option<&'a [u8]>> {
        self.iter()
            .filter(move |(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Removes all headers with `key`, and says how many there were.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let mut headers = Headers::from([("a", "1"), ("b", "2"), ("a", "3")]);
    /// assert_eq!((headers.remove("a"), headers.len()), (2, 1));
    /// ```
    pub fn remove(&mut self, key: &str) -> usize {
        let before = self.list.len();
        self.list.retain(|(name, _)| name != key);
        before - self.list.len()
    }

    /// Removes all, and keeps the memory for the next ones.
    ///
    /// ```
    /// use kafka_serde::Headers;
    ///
    /// let mut headers = Headers::from([("a", "1")]);
    /// headers.clear();
    /// assert!(headers.is_empty());
    /// ```
    pub fn clear(&mut self) {
        self.list.clear();
    }
}

impl Drop for Headers {
    #[inline]
    fn drop(&mut self) {
        if self.list.capacity() != 0 {
            drop_list(mem::take(&mut *self.list));
        }
    }
}

#[inline(never)]
fn drop_list(list: Vec<Pair>) {
    drop(list);
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers")
            .field("list", &*self.list)
            .finish()
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<HeaderValue>> Extend<(K, V)> for Headers {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        self.list.extend(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into())),
        );
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<HeaderValue>> FromIterator<(K, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        headers.extend(pairs);
        headers
    }
}

impl<K: Into<Cow<'static, str>>, V: Into<HeaderValue>, const N: usize> From<[(K, V); N]>
    for Headers
{
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, Option<&'a [u8]>);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

impl IntoIterator for Headers {
    type Item = (Cow<'static, str>, HeaderValue);
    type IntoIter = IntoHeaders;

    fn into_iter(mut self) -> IntoHeaders {
        IntoHeaders {
            list: mem::take(&mut *self.list).into_iter(),
        }
    }
}

/// Headers in their order, borrowed.
///
/// ```
/// let headers = kafka_serde::Headers::from([("a", "1"), ("b", "2")]);
/// let mut iter = headers.iter();
/// assert_eq!(iter.len(), 2);
/// assert_eq!(iter.clone().next(), Some(("a", Some(&b"1"[..]))));
/// assert_eq!(iter.next_back(), Some(("b", Some(&b"2"[..]))));
/// ```
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    list: slice::Iter<'a, Pair>,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.list.next().map(borrow)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.list.size_hint()
    }
}

impl DoubleEndedIterator for HeaderIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.list.next_back().map(borrow)
    }
}

impl ExactSizeIterator for HeaderIter<'_> {}

fn borrow<'a>((key, value): &'a (Cow<'static, str>, HeaderValue)) -> (&'a str, Option<&'a [u8]>) {
    (key, value.as_bytes())
}

/// Headers in their order, by value; they may be collected into [`Headers`] again.
///
/// ```
/// use kafka_serde::Headers;
///
/// let headers = Headers::from([("keep", "1"), ("secret", "2")]);
/// let public: Headers = headers.into_iter().filter(|(key, _)| key != "secret").collect();
/// assert_eq!(public, Headers::from([("keep", "1")]));
/// ```
#[derive(Clone, Debug)]
pub struct IntoHeaders {
    list: vec::IntoIter<Pair>,
}

impl Iterator for IntoHeaders {
    type Item = (Cow<'static, str>, HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.list.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.list.size_hint()
    }
}

impl DoubleEndedIterator for IntoHeaders {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.list.next_back()
    }
}

impl ExactSizeIterator for IntoHeaders {}

/// The value of a header: bytes, or null.
///
/// Made from text and bytes, static or owned, and from an `Option` of those.
///
/// ```
/// use kafka_serde::HeaderValue;
///
/// assert_eq!(HeaderValue::from("text").as_bytes(), Some(&b"text"[..]));
/// assert_eq!(HeaderValue::from([1, 2]).as_bytes(), Some(&[1, 2][..]));
/// assert_eq!(HeaderValue::from(None::<String>), HeaderValue::NULL);
/// ```
#[derive(Clone, Default)]
pub struct HeaderValue(Content);

#[derive(Clone, Default)]
enum Content {
    #[default]
    Null,
    Static(&'static [u8]),
    Owned(Vec<u8>),
    #[cfg(feature = "bytes")]
    Shared(bytes::Bytes),
}

impl HeaderValue {
    /// No value, which is not the same as an empty one.
    pub const NULL: Self = Self(Content::Null);

    /// The bytes, or `None` for null.
    ///
    /// ```
    /// use kafka_serde::HeaderValue;
    ///
    /// assert_eq!(HeaderValue::from("text").as_bytes(), Some(&b"text"[..]));
    /// assert_eq!(HeaderValue::NULL.as_bytes(), None);
    /// ```
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Null => None,
            Content::Static(bytes) => Some(bytes),
            Content::Owned(bytes) => Some(bytes),
            #[cfg(feature = "bytes")]
            Content::Shared(bytes) => Some(bytes),
        }
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            Some(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            None => f.write_str("null"),
        }
    }
}

impl PartialEq for HeaderValue {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for HeaderValue {}

/// What a header's value is made from, without a copy where that can be.
macro_rules! made_from {
    ($($type:ty $(, $length:ident)? => $content:ident($bytes:expr);)*) => {$(
        impl$(<const $length: usize>)? From<$type> for HeaderValue {
            fn from(value: $type) -> Self {
                Self(Content::$content($bytes(value)))
            }
        }
    )*};
}

made_from! {
    &'static str => Static(str::as_bytes);
    &'static [u8] => Static(identity);
    &'static [u8; N], N => Static(<[u8; N]>::as_slice);
    String => Owned(String::into_bytes);
    Vec<u8> => Owned(identity);
    [u8; N], N => Owned(Vec::from);
}

#[cfg(feature = "bytes")]
made_from! {
    bytes::Bytes => Shared(identity);
}

impl<V: Into<Self>> From<Option<V>> for HeaderValue {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::NULL, Into::into)
    }
}
