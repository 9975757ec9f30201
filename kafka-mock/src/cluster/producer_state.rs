//! What a partition remembers of idempotent producers: who may append, and what it has seen.
//!
//! The rules are those of Kafka 4's `ProducerAppendInfo`: a batch is a duplicate if it has the
//! sequences of one of the last five; else its epoch may not be older, and its first sequence must
//! follow the last, or be 0 in a new epoch. A producer that is not known yet may begin anywhere.
//! Kafka 4 has no other verdict: what is older than five batches is out of order, and
//! `DUPLICATE_SEQUENCE_NUMBER` and `UNKNOWN_PRODUCER_ID` are never answered to an append.

use std::collections::{HashMap, VecDeque};

use kafka_wire::{ErrorCode, records::BatchHeader};

/// The producers of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct ProducerStates {
    by_id: HashMap<i64, ProducerState>,
}

#[derive(Clone, Debug)]
struct ProducerState {
    epoch: i16,
    /// The last batches of this epoch, newest last, never none.
    batches: VecDeque<SeenBatch>,
}

/// A batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenBatch {
    first_sequence: i32,
    last_sequence: i32,
    /// Where its first record went.
    pub(super) base_offset: i64,
    /// Its largest timestamp.
    pub(super) timestamp: i64,
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
        let Some(state) = self.by_id.get(&header.producer_id) else {
            return Admission::Append;
        };
        if let Some(seen) = state.find(header) {
            return Admission::Duplicate(seen);
        }
        let expected = if header.producer_epoch == state.epoch {
            kafka_wire::records::next_sequence(state.last_sequence(), 1)
        } else {
            0
        };
        if header.producer_epoch < state.epoch {
            Admission::Refuse(ErrorCode::INVALID_PRODUCER_EPOCH)
        } else if header.base_sequence != expected {
            Admission::Refuse(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)
        } else {
            Admission::Append
        }
    }

    /// Remembers a batch that was appended under this header.
    pub(super) fn note(&mut self, header: &BatchHeader) {
        let seen = SeenBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            timestamp: header.max_timestamp,
        };
        let epoch = header.producer_epoch;
        let state = self
            .by_id
            .entry(header.producer_id)
            .or_insert_with(|| ProducerState {
                epoch,
                batches: VecDeque::new(),
            });
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        if state.batches.len() == BATCHES_REMEMBERED {
            state.batches.pop_front();
        }
        state.batches.push_back(seen);
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

    fn last_sequence(&self) -> i32 {
        self.batches
            .back()
            .map_or(kafka_wire::records::NO_SEQUENCE, |seen| seen.last_sequence)
    }
}

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
    fn a_batch_seen_before_is_a_duplicate_of_where_it_went() {
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
    fn a_producer_nobody_knows_may_begin_anywhere() {
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
