//! What records are made of, by their numbers: a key and headers, or none.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use kafka_mock::MockRecord;
use kafka_wire::records::RecordParts;

use crate::ledger::RecordId;

/// The key and the headers of a record.
#[derive(Clone, Debug)]
pub(crate) struct Trimmings {
    key: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Trimmings {
    /// Those of the record with this number.
    pub(crate) fn of(id: RecordId) -> Self {
        let bytes = |length: u64| (0..length).map(|n| (id + n) as u8).collect::<Vec<u8>>();
        let header = |n: u64| {
            // Names may repeat, and values may lack.
            let value = (!(id + n).is_multiple_of(3)).then(|| bytes((id + n) % 9));
            (format!("h{}", n % 2), value)
        };
        Self {
            key: (id % 3 != 1).then(|| bytes(id % 17)),
            headers: (0..(id / 2) % 4).map(header).collect(),
        }
    }

    /// A record of these and a value.
    pub(crate) fn with<'a>(
        &'a self,
        value: &'a [u8],
    ) -> RecordParts<'a, impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone> {
        let headers = self.headers.iter();
        RecordParts::new(self.key.as_deref(), Some(value))
            .with_headers(headers.map(|(name, value)| (name.as_str(), value.as_deref())))
    }

    /// A number that is another for another record.
    pub(crate) fn digest(&self, timestamp_ms: i64, value: &[u8]) -> u64 {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_deref()));
        digest(timestamp_ms, self.key.as_deref(), value, headers)
    }
}

/// The same of what a log holds.
pub(crate) fn digest_of(record: &MockRecord) -> u64 {
    let value = record.value.as_deref().unwrap_or_default();
    let headers = record.headers.iter();
    let headers =
        headers.map(|(name, value): &(String, Option<Bytes>)| (name.as_str(), value.as_deref()));
    digest(record.timestamp, record.key.as_deref(), value, headers)
}

fn digest<'a>(
    timestamp_ms: i64,
    key: Option<&[u8]>,
    value: &[u8],
    headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    (timestamp_ms, key, value).hash(&mut hasher);
    headers.for_each(|header| header.hash(&mut hasher));
    hasher.finish()
}
