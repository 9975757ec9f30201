//! The log of one partition: batches in the order they were appended, as bytes.
//!
//! Where a batch is stored, its base offset and leader epoch are written into it; its checksum
//! covers neither, so it stays that of the producer (except where the topic stamps its own time).
//! The log is the leader's; a follower has a prefix of it. A new leader cuts off what it lacks.

use bytes::Bytes;
use kafka_wire::{
    compression::Compression,
    records::{
        Attributes, BATCH_HEADER_BYTES, BatchBuilder, BatchHeader, ControlRecord, Record,
        RecordBatch, RecordParts, TimestampType,
    },
};

use super::marker::{Marker, TransactionOutcome};
use crate::record::MockRecord;

/// The log of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    batches: Vec<StoredBatch>,
    /// Records before it are deleted.
    start_offset: i64,
    end_offset: i64,
    /// Records that are no control records, deleted ones too.
    data_records: usize,
}

/// A batch as it is stored.
#[derive(Clone, Debug)]
pub(super) struct StoredBatch {
    /// As it is stored, with the true base offset.
    pub(super) header: BatchHeader,
    pub(super) content: Content,
    pub(super) bytes: Bytes,
}

/// What a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Data,
    /// The end of a transaction.
    Marker(Marker),
}

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) leader_epoch: i32,
}

impl Log {
    /// The offset that the next record gets.
    pub(super) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// The first offset that can be read.
    pub(super) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// How many records were appended, markers not counted.
    pub(super) fn data_records(&self) -> usize {
        self.data_records
    }

    /// Stores a batch at the end and returns its header there.
    pub(super) fn append(&mut self, batch: &RecordBatch, stamp: Stamp) -> BatchHeader {
        self.store(batch, Content::Data, stamp)
    }

    /// Writes the end of a transaction.
    pub(super) fn append_marker(
        &mut self,
        marker: Marker,
        leader_epoch: i32,
        wall_ms: i64,
    ) -> BatchHeader {
        let coordinator_epoch = marker.coordinator_epoch;
        let record = match marker.outcome {
            TransactionOutcome::Commit => ControlRecord::Commit { coordinator_epoch },
            TransactionOutcome::Abort => ControlRecord::Abort { coordinator_epoch },
        };
        let (key, value) = record.encode();
        let mut builder = BatchBuilder::new(BatchHeader {
            attributes: Attributes::default().transactional().control(),
            producer_id: marker.producer_id,
            producer_epoch: marker.producer_epoch,
            ..BatchHeader::default()
        });
        builder
            .push(wall_ms, &RecordParts::new(Some(&key), Some(&value)))
            .expect("a marker is small");
        let bytes = builder.build(Compression::None);
        let mut bytes = bytes.expect("nothing is compressed");
        let batch = RecordBatch::decode(&mut bytes).expect("it was just built");
        let stamp = Stamp {
            leader_epoch,
            append_time_ms: None,
        };
        self.store(&batch, Content::Marker(marker), stamp)
    }

    fn store(&mut self, batch: &RecordBatch, content: Content, stamp: Stamp) -> BatchHeader {
        let mut header = BatchHeader {
            base_offset: self.end_offset,
            partition_leader_epoch: stamp.leader_epoch,
            ..batch.header().clone()
        };
        let attributes = header.attributes;
        header.attributes = attributes.with_timestamp_type(TimestampType::CreateTime);
        if let Some(append_time_ms) = stamp.append_time_ms {
            header.attributes = attributes.with_timestamp_type(TimestampType::LogAppendTime);
            header.max_timestamp = append_time_ms;
        }
        let mut bytes = Vec::with_capacity(BATCH_HEADER_BYTES + batch.body().len());
        bytes.extend_from_slice(&header.encode(batch.body()));
        bytes.extend_from_slice(batch.body());
        self.end_offset = header.last_offset() + 1;
        self.data_records += data_records(content, &header);
        self.batches.push(StoredBatch {
            header: header.clone(),
            content,
            bytes: bytes.into(),
        });
        header
    }

    /// Cuts off every batch that ends at `end_offset` or behind it.
    pub(super) fn truncate(&mut self, end_offset: i64) {
        while let Some(last) = self.batches.last() {
            if last.header.last_offset() < end_offset {
                break;
            }
            self.data_records -= data_records(last.content, &last.header);
            self.batches.pop();
        }
        let end = self
            .batches
            .last()
            .map(|last| last.header.last_offset() + 1);
        self.end_offset = end.unwrap_or(0).min(self.end_offset);
        self.start_offset = self.start_offset.min(self.end_offset);
    }

    /// Deletes all records before `offset`.
    pub(super) fn delete_before(&mut self, offset: i64) {
        self.start_offset = self.start_offset.max(offset.min(self.end_offset));
    }

    /// Every batch, deleted ones too.
    pub(super) fn batches(&self) -> &[StoredBatch] {
        &self.batches
    }

    /// The batches from the one that holds `offset` on.
    pub(super) fn from(&self, offset: i64) -> &[StoredBatch] {
        let first = self
            .batches
            .partition_point(|batch| batch.header.last_offset() < offset);
        &self.batches[first..]
    }

    /// The first record that is not older than `timestamp`.
    pub(super) fn at_time(&self, timestamp: i64) -> Option<Found> {
        let start = self.start_offset;
        let readable = self.from(start).iter();
        let mut late = readable.filter(|batch| batch.header.max_timestamp >= timestamp);
        late.find_map(|batch| {
            batch.find(|record| record.timestamp >= timestamp && record.offset >= start)
        })
    }

    /// The first record with the largest timestamp.
    pub(super) fn at_max_time(&self) -> Option<Found> {
        let readable = self.from(self.start_offset).iter();
        let latest = readable.map(|batch| batch.header.max_timestamp).max()?;
        self.at_time(latest)
    }

    /// Every record of the log, which is that of partition `partition`; no markers.
    pub(super) fn records(&self, partition: i32) -> impl Iterator<Item = MockRecord> {
        let start = self.start_offset;
        let data = self.from(start).iter();
        let data = data.filter(|stored| stored.content == Content::Data);
        let records = data.flat_map(move |stored| stored.mock_records(partition));
        records.filter(move |record| record.offset >= start)
    }
}

fn data_records(content: Content, header: &BatchHeader) -> usize {
    match content {
        Content::Data => usize::try_from(header.record_count).unwrap_or(0),
        Content::Marker(_) => 0,
    }
}

impl StoredBatch {
    fn decode(&self) -> RecordBatch {
        RecordBatch::decode(&mut self.bytes.clone()).expect("it was checked before it was stored")
    }

    /// Its records, as those of partition `partition`.
    pub(super) fn mock_records(&self, partition: i32) -> impl Iterator<Item = MockRecord> + use<> {
        let batch = self.decode();
        let (header, compression) = (batch.header().clone(), batch.compression());
        self.records(&batch)
            .map(move |record| MockRecord::new(partition, &header, compression, record))
    }

    fn records(&self, batch: &RecordBatch) -> impl Iterator<Item = Record> + use<> {
        batch
            .records()
            .map(|record| record.expect("it was checked before it was stored"))
    }

    fn find(&self, fits: impl Fn(&Record) -> bool) -> Option<Found> {
        let record = self.records(&self.decode()).find(fits)?;
        Some(Found {
            offset: record.offset,
            timestamp: record.timestamp,
            leader_epoch: self.header.partition_leader_epoch,
        })
    }
}

/// What a leader writes into a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) leader_epoch: i32,
    /// The time, if the topic keeps the broker's instead of the producer's.
    pub(super) append_time_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use kafka_wire::{
        compression::Compression,
        records::{BatchBuilder, RecordParts},
    };

    use super::*;

    fn batch(timestamps: &[i64]) -> RecordBatch {
        let mut builder = BatchBuilder::new(BatchHeader::default());
        for &timestamp in timestamps {
            builder
                .push(timestamp, &RecordParts::new(None, Some(b"v")))
                .unwrap();
        }
        RecordBatch::decode(&mut builder.build(Compression::None).unwrap()).unwrap()
    }

    fn log(batches: &[&[i64]]) -> Log {
        let mut log = Log::default();
        for (epoch, timestamps) in batches.iter().enumerate() {
            let stamp = Stamp {
                leader_epoch: epoch as i32,
                append_time_ms: None,
            };
            log.append(&batch(timestamps), stamp);
        }
        log
    }

    #[test]
    fn offsets_count_records_across_batches() {
        let log = log(&[&[10, 11], &[12]]);
        assert_eq!(log.end_offset(), 3);
        let offsets: Vec<_> = log.records(0).map(|record| record.offset).collect();
        assert_eq!(offsets, [0, 1, 2]);
    }

    #[test]
    fn reading_starts_with_the_batch_that_holds_the_offset() {
        let log = log(&[&[10, 11], &[12], &[13]]);
        let last = |offset| {
            log.from(offset)
                .first()
                .map(|batch| batch.header.last_offset())
        };
        assert_eq!(
            [0, 1, 2, 3, 4].map(last),
            [Some(1), Some(1), Some(2), Some(3), None]
        );
    }

    #[test]
    fn the_checksum_stays_the_producers() {
        let sent = batch(&[10]);
        let mut log = Log::default();
        log.append(
            &batch(&[9]),
            Stamp {
                leader_epoch: 4,
                append_time_ms: None,
            },
        );
        log.append(
            &sent,
            Stamp {
                leader_epoch: 4,
                append_time_ms: None,
            },
        );
        let stored = RecordBatch::decode(&mut log.from(1)[0].bytes.clone()).unwrap();
        assert_eq!(stored.header().base_offset, 1);
        assert_eq!(stored.header().partition_leader_epoch, 4);
        assert_eq!(
            log.from(1)[0].bytes[17..],
            sent.header().encode(sent.body())[17..]
                .iter()
                .copied()
                .chain(sent.body().iter().copied())
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_topic_may_keep_the_time_of_the_broker() {
        let mut log = Log::default();
        log.append(
            &batch(&[10, 20]),
            Stamp {
                leader_epoch: 0,
                append_time_ms: Some(99),
            },
        );
        let record = log.records(0).next().unwrap();
        assert_eq!(
            (record.timestamp, record.timestamp_type),
            (99, TimestampType::LogAppendTime)
        );
    }

    #[test]
    fn records_are_found_by_time() {
        let log = log(&[&[10, 30], &[20], &[40]]);
        let at = |timestamp| {
            log.at_time(timestamp)
                .map(|found| (found.offset, found.timestamp))
        };
        assert_eq!(at(0), Some((0, 10)));
        assert_eq!(at(11), Some((1, 30)));
        assert_eq!(at(31), Some((3, 40)));
        assert_eq!(at(41), None);
        assert_eq!(
            log.at_max_time()
                .map(|found| (found.offset, found.leader_epoch)),
            Some((3, 2))
        );
    }
}
