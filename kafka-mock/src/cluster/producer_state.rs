//! What a partition remembers of idempotent producers: who may append, and what it has seen.
//!
//! The rules are those of Kafka 4's `ProducerAppendInfo`: a batch is a duplicate if it has the
//! sequences of one of the last five; else its epoch may not be older, and its first sequence must
//! follow the last, or be 0 in a new epoch. A producer that is not known yet may begin anywhere,
//! unless an earlier batch of it is being verified (KIP-890). Kafka 4 has no other verdict:
//! what is older than five batches is out of order, and `DUPLICATE_SEQUENCE_NUMBER` and
//! `UNKNOWN_PRODUCER_ID` are never answered to an append.

use std::collections::{BTreeMap, VecDeque};

use kafka_wire::{
    ErrorCode,
    records::{BatchHeader, NO_SEQUENCE, next_sequence},
};

use super::marker::Marker;

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct ProducerStates {
    by_id: BTreeMap<i64, ProducerState>,
    /// Producers of which a batch waits until its transaction is verified.
    expected: BTreeMap<i64, Expected>,
}

#[derive(Clone, Debug)]
pub(super) struct ProducerState {
    pub(super) epoch: i16,
    /// The last batches of this epoch, newest last; none if only a marker has it.
    batches: VecDeque<SeenBatch>,
    pub(super) last_timestamp: i64,
    /// Of the last marker, or -1.
    pub(super) coordinator_epoch: i32,
    /// Where its transaction begins, if one is open.
    pub(super) transaction_start: Option<i64>,
}

/// A batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenBatch {
    first_sequence: i32,
    last_sequence: i32,
    /// Where its first record went.
    pub(super) base_offset: i64,
    /// Where its last record went.
    pub(super) last_offset: i64,
    /// Its largest timestamp.
    pub(super) timestamp: i64,
}

/// The lowest sequence that was seen of a producer before any of its batches was appended.
#[derive(Clone, Copy, Debug)]
struct Expected {
    epoch: i16,
    sequence: i32,
    start: Start,
}

/// Where a producer that nothing is known of may begin in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Anywhere: what it wrote may have been deleted since.
    Anywhere,
    /// At sequence 0, for each of its transactions has an epoch of its own.
    AtZero,
}

/// What is to be done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Append,
    /// It is in the log already.
    Duplicate(SeenBatch),
    Refuse(ErrorCode),
}

impl ProducerStates {
    /// What is to be done with a batch under this header.
    pub(super) fn admit(&self, header: &BatchHeader) -> Admission {
        let out_of_order = Admission::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        let state = self.by_id.get(&header.producer_id);
        if let Some(seen) = state.and_then(|state| state.find(header)) {
            return Admission::Duplicate(seen);
        }
        if state.is_some_and(|state| header.producer_epoch < state.epoch) {
            return Admission::Refuse(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        let nothing_known = state.is_none_or(|state| state.batches.is_empty());
        if let Some(expected) = self.expected.get(&header.producer_id) {
            let must_begin = nothing_known && expected.start == Start::AtZero;
            let overtakes = header.base_sequence > expected.sequence;
            if overtakes || (must_begin && header.base_sequence != 0) {
                return out_of_order;
            }
        }
        let Some(state) = state else {
            return Admission::Append;
        };
        let next = match state.batches.back() {
            Some(last) if header.producer_epoch == state.epoch => {
                next_sequence(last.last_sequence, 1)
            }
            _ => 0,
        };
        if header.base_sequence != next {
            return out_of_order;
        }
        if state.transaction_start.is_some() && !header.attributes.is_transactional() {
            return Admission::Refuse(ErrorCode::INVALID_TXN_STATE);
        }
        Admission::Append
    }

    /// Remembers a batch that was appended under this header.
    pub(super) fn note(&mut self, header: &BatchHeader) {
        let seen = SeenBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            timestamp: header.max_timestamp,
        };
        let state = self.enter(header.producer_id, header.producer_epoch);
        if state.batches.len() == BATCHES_REMEMBERED {
            state.batches.pop_front();
        }
        state.batches.push_back(seen);
        state.last_timestamp = header.max_timestamp;
        if header.attributes.is_transactional() {
            state.transaction_start.get_or_insert(header.base_offset);
            self.expected.remove(&header.producer_id);
        }
    }

    /// Ends a producer's transaction, and says where it began.
    pub(super) fn end_transaction(&mut self, marker: &Marker, timestamp: i64) -> Option<i64> {
        self.expected.remove(&marker.producer_id);
        let state = self.enter(marker.producer_id, marker.producer_epoch);
        state.last_timestamp = timestamp;
        state.coordinator_epoch = marker.coordinator_epoch;
        state.transaction_start.take()
    }

    /// The state of a producer in this epoch; the batches of another are forgotten.
    fn enter(&mut self, producer_id: i64, epoch: i16) -> &mut ProducerState {
        let state = self.by_id.entry(producer_id).or_default();
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        state
    }

    /// Notes a batch that waits until its transaction is verified: what follows it may not
    /// overtake it.
    pub(super) fn expect(&mut self, producer_id: i64, epoch: i16, sequence: i32, start: Start) {
        let new = Expected {
            epoch,
            sequence,
            start,
        };
        let known = self.expected.entry(producer_id).or_insert(new);
        if epoch > known.epoch || (epoch == known.epoch && sequence < known.sequence) {
            *known = new;
        }
    }

    /// Whether a transaction of this producer in this epoch is open.
    pub(super) fn is_ongoing(&self, producer_id: i64, epoch: i16) -> bool {
        let state = self.by_id.get(&producer_id);
        state.is_some_and(|state| state.epoch == epoch && state.transaction_start.is_some())
    }

    /// The epoch that a producer was last seen in.
    pub(super) fn epoch_of(&self, producer_id: i64) -> Option<i16> {
        Some(self.by_id.get(&producer_id)?.epoch)
    }

    /// Where the first transaction that is open begins.
    pub(super) fn first_open_offset(&self) -> Option<i64> {
        let starts = self.by_id.values();
        starts.filter_map(|state| state.transaction_start).min()
    }

    /// All producers, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &ProducerState)> {
        self.by_id.iter().map(|(&id, state)| (id, state))
    }

    /// Forgets a producer, unless a transaction of it is open; whether it did.
    pub(super) fn forget(&mut self, producer_id: i64) -> bool {
        let state = self.by_id.get(&producer_id);
        let forgotten = state.is_some_and(|state| state.transaction_start.is_none());
        if forgotten {
            self.by_id.remove(&producer_id);
        }
        forgotten
    }

    /// The producers whose last batch is of this time or an earlier one.
    pub(super) fn last_seen_until(&self, latest_ms: i64) -> Vec<i64> {
        let old = self.iter().filter(|(_, it)| it.last_timestamp <= latest_ms);
        old.map(|(id, _)| id).collect()
    }

    /// Forgets all batches before `offset` but the last of each producer, which is what a broker
    /// finds in its snapshot when it starts.
    pub(super) fn keep_last_before(&mut self, offset: i64) {
        for state in self.by_id.values_mut() {
            let old = state.batches.iter();
            let old = old.filter(|seen| seen.base_offset < offset).count();
            state.batches.drain(..old.saturating_sub(1));
        }
    }
}

impl Default for ProducerState {
    fn default() -> Self {
        Self {
            epoch: NO_EPOCH,
            batches: VecDeque::new(),
            last_timestamp: -1,
            coordinator_epoch: -1,
            transaction_start: None,
        }
    }
}

impl ProducerState {
    fn find(&self, header: &BatchHeader) -> Option<SeenBatch> {
        let same = |seen: &&SeenBatch| {
            seen.first_sequence == header.base_sequence
                && seen.last_sequence == header.last_sequence()
        };
        let of_this_epoch = self.epoch == header.producer_epoch;
        of_this_epoch.then(|| self.batches.iter().find(same).copied())?
    }

    /// Of the last batch of this epoch, or -1.
    pub(super) fn last_sequence(&self) -> i32 {
        self.batches
            .back()
            .map_or(NO_SEQUENCE, |seen| seen.last_sequence)
    }
}

const NO_EPOCH: i16 = -1;
/// As many as Kafka's `ProducerStateEntry` keeps: one for each request a producer may have in
/// flight.
const BATCHES_REMEMBERED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32, records: i32) -> BatchHeader {
        BatchHeader {
            producer_id: 7,
            producer_epoch: epoch,
            base_sequence: first,
            last_offset_delta: records - 1,
            record_count: records,
            ..BatchHeader::default()
        }
    }

    /// The admission of `next` after `seen`, each (epoch, first sequence, records), was appended.
    fn after(seen: &[(i16, i32, i32)], next: (i16, i32, i32)) -> Admission {
        let mut states = ProducerStates::default();
        let mut base_offset = 0;
        for &(epoch, first, records) in seen {
            let header = BatchHeader {
                base_offset,
                ..batch(epoch, first, records)
            };
            assert_eq!(states.admit(&header), Admission::Append, "{seen:?}");
            states.note(&header);
            base_offset += i64::from(records);
        }
        states.admit(&batch(next.0, next.1, next.2))
    }

    const OUT_OF_ORDER: Admission = Admission::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

    #[test]
    fn the_next_sequence_is_appended() {
        assert_eq!(after(&[(0, 0, 3)], (0, 3, 1)), Admission::Append);
    }

    #[test]
    fn a_gap_is_out_of_order() {
        assert_eq!(after(&[(0, 0, 3)], (0, 4, 1)), OUT_OF_ORDER);
    }

    #[test]
    fn a_batch_appended_before_is_a_duplicate_with_its_first_offset() {
        let duplicate = after(&[(0, 0, 3), (0, 3, 2), (0, 5, 1)], (0, 3, 2));
        assert!(matches!(duplicate, Admission::Duplicate(seen) if seen.base_offset == 3));
    }

    #[test]
    fn the_sequences_of_a_batch_in_another_cut_are_out_of_order() {
        assert_eq!(after(&[(0, 0, 3), (0, 3, 2)], (0, 3, 1)), OUT_OF_ORDER);
    }

    #[test]
    fn only_five_batches_are_remembered() {
        let six: Vec<_> = (0..6).map(|n| (0, n, 1)).collect();
        assert!(matches!(after(&six, (0, 1, 1)), Admission::Duplicate(_)));
        assert_eq!(after(&six, (0, 0, 1)), OUT_OF_ORDER);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(after(&[(0, i32::MAX, 1)], (0, 0, 1)), Admission::Append);
        assert_eq!(after(&[(0, i32::MAX - 1, 3)], (0, 1, 1)), Admission::Append);
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        assert_eq!(after(&[], (3, 500, 1)), Admission::Append);
    }

    #[test]
    fn a_new_epoch_begins_at_zero() {
        assert_eq!(after(&[(0, 0, 3)], (1, 0, 1)), Admission::Append);
        assert_eq!(after(&[(0, 0, 3)], (1, 3, 1)), OUT_OF_ORDER);
    }

    #[test]
    fn an_old_epoch_is_fenced_whatever_its_sequence() {
        let fenced = Admission::Refuse(ErrorCode::INVALID_PRODUCER_EPOCH);
        assert_eq!(after(&[(0, 0, 3), (1, 0, 1)], (0, 3, 1)), fenced);
        assert_eq!(after(&[(0, 0, 3), (1, 0, 1)], (0, 0, 3)), fenced);
    }

    #[test]
    fn a_new_epoch_forgets_the_batches_of_the_old() {
        assert_eq!(
            after(&[(0, 0, 1), (0, 1, 1), (1, 0, 1)], (1, 1, 1)),
            Admission::Append
        );
    }
}
