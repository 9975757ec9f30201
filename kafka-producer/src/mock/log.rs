//! The records that were accepted, in that order, and the offsets of each partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::record::{MockOutcome, MockRecord, MockTransaction};
use crate::error::DeliveryError;

/// What was accepted, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Log {
    records: Vec<MockRecord>,
    /// The offset of the next record of each partition that has had one.
    next_offsets: BTreeMap<Partition, i64>,
    /// Where those of the open transaction are among the records.
    open: Vec<usize>,
}

type Partition = (Arc<str>, i32);

impl Log {
    pub(super) fn records(&self) -> &[MockRecord] {
        &self.records
    }

    /// Adds a record, which has no outcome yet, and returns its place.
    pub(super) fn add(&mut self, record: MockRecord) -> usize {
        let place = self.records.len();
        if record.transaction.is_some() {
            self.open.push(place);
        }
        self.records.push(record);
        place
    }

    /// Writes a record to the end of its partition, and returns its offset.
    pub(super) fn store(&mut self, place: usize) -> i64 {
        let record = &mut self.records[place];
        let partition = (Arc::clone(&record.topic), record.partition);
        let next = self.next_offsets.entry(partition).or_default();
        let offset = *next;
        *next += 1;
        record.outcome = MockOutcome::Stored { offset };
        offset
    }

    /// A record is not written.
    pub(super) fn fail(&mut self, place: usize, error: DeliveryError) {
        self.records[place].outcome = MockOutcome::Failed(error);
    }

    /// The open transaction has ended so. Its end takes an offset in each partition that it has written to, as
    /// that of a real log does.
    pub(super) fn end_transaction(&mut self, how: MockTransaction) {
        let mut written = BTreeSet::new();
        for place in self.open.drain(..) {
            let record = &mut self.records[place];
            record.transaction = Some(how);
            if record.offset().is_some() {
                written.insert((Arc::clone(&record.topic), record.partition));
            }
        }
        for partition in written {
            *self.next_offsets.entry(partition).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(topic: &str, partition: i32, transaction: Option<MockTransaction>) -> MockRecord {
        MockRecord {
            topic: topic.into(),
            partition,
            timestamp_ms: 0,
            key: None,
            value: None,
            headers: Vec::new(),
            outcome: MockOutcome::Held,
            transaction,
        }
    }

    #[test]
    fn offsets_are_counted_for_each_partition() {
        let mut log = Log::default();
        let mut offsets = Vec::new();
        for (topic, partition) in [("a", 0), ("a", 1), ("b", 0), ("a", 0), ("b", 0)] {
            let place = log.add(record(topic, partition, None));
            offsets.push(log.store(place));
        }
        assert_eq!(offsets, [0, 0, 0, 1, 1]);
    }

    #[test]
    fn the_end_of_a_transaction_takes_an_offset_where_it_has_written() {
        let mut log = Log::default();
        let open = Some(MockTransaction::Open);
        let [written, failed] = [0, 1].map(|partition| log.add(record("a", partition, open)));
        assert_eq!(log.store(written), 0);
        log.fail(failed, DeliveryError::abandoned());
        log.end_transaction(MockTransaction::Aborted);
        for (partition, expected) in [(0, 2), (1, 0)] {
            let next = log.add(record("a", partition, open));
            assert_eq!(log.store(next), expected);
        }
        log.end_transaction(MockTransaction::Committed);
        let how: Vec<_> = log
            .records()
            .iter()
            .map(|record| record.transaction)
            .collect();
        let [aborted, committed] = [MockTransaction::Aborted, MockTransaction::Committed].map(Some);
        assert_eq!(how, [aborted, aborted, committed, committed]);
    }
}
