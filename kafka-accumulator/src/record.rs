//! A record as it is handed to the accumulator.
//!
//! It borrows key, value and headers, which are copied once: into the batch, where they are encoded.

use std::fmt;

use kafka_wire::records::RecordParts;

use crate::completion::Callback;

/// A record on its way into a batch.
///
/// ```
/// use kafka_accumulator::NewRecord;
/// use kafka_accumulator::records::RecordParts;
///
/// let headers = [("trace", Some(&b"42"[..]))];
/// let parts = RecordParts::new(Some(b"k"), None).with_headers(headers.iter().copied());
/// let record = NewRecord::<_, String>::new(1_700_000_000_000, parts);
/// assert!(record.callback.is_none());
/// ```
#[non_exhaustive]
pub struct NewRecord<'a, H, E> {
    /// When it happened, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Key, value and headers, borrowed: they are copied once, into the batch.
    pub parts: RecordParts<'a, H>,
    /// Called when its batch is completed. Taken by the append that succeeds.
    pub callback: Option<Callback<E>>,
}

impl<'a, H, E> NewRecord<'a, H, E> {
    /// A record without a callback.
    #[inline]
    pub fn new(timestamp_ms: i64, parts: RecordParts<'a, H>) -> Self {
        Self {
            timestamp_ms,
            parts,
            callback: None,
        }
    }
}

impl<H, E> fmt::Debug for NewRecord<'_, H, E> {
    /// Without key and value, which may be large or secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("timestamp_ms", &self.timestamp_ms)
            .field("callback", &self.callback.is_some())
            .finish_non_exhaustive()
    }
}

/// What a record's headers are read from, twice: for their size, and to encode them.
pub(crate) trait RecordHeaders<'a>:
    Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone
{
}

impl<'a, H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone> RecordHeaders<'a> for H {}
