//! A record as it stands in the log of the embedded cluster, for assertions.
//!
//! Decoded anew from the stored bytes each time it is asked for: what is seen here is what a
//! consumer would see.

use bytes::Bytes;
use kafka_wire::{
    compression::Compression,
    records::{BatchHeader, Record, TimestampType},
};

/// A record as it stands in the log, with what its batch says of it.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig};
///
/// let cluster = Cluster::new(ClusterConfig::default(), 1);
/// assert!(cluster.records("orders").is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MockRecord {
    /// Number of its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Whether the producer gave the timestamp or the broker.
    pub timestamp_type: TimestampType,
    /// The key, or null.
    pub key: Option<Bytes>,
    /// The value, or null.
    pub value: Option<Bytes>,
    /// Names and values of the headers, in order; names may repeat.
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Who sent it, if it was an idempotent producer.
    pub producer: Option<ProducerStamp>,
    /// Codec of its batch.
    pub compression: Compression,
}

/// What an idempotent producer writes on its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ProducerStamp {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Sequence number of this record.
    pub sequence: i32,
}

impl MockRecord {
    pub(crate) fn new(
        partition: i32,
        header: &BatchHeader,
        compression: Compression,
        record: Record,
    ) -> Self {
        let headers = record.headers.into_iter();
        Self {
            partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type: header.attributes.timestamp_type(),
            key: record.key,
            value: record.value,
            headers: headers
                .map(|header| (header.name().into_owned(), header.value))
                .collect(),
            producer: record.sequence.map(|sequence| ProducerStamp {
                id: header.producer_id,
                epoch: header.producer_epoch,
                sequence,
            }),
            compression,
        }
    }
}
