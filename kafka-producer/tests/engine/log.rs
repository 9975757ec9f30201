//! A partition's log, as far as it judges what a producer sends.
//!
//! It judges sequence numbers as Kafka 4 does (`ProducerAppendInfo`): the last five batches are
//! duplicates, an older epoch is fenced, a new epoch begins at 0, a producer that is not known may
//! begin anywhere.

use std::collections::{HashMap, VecDeque};

use kafka_wire::ErrorCode;
use kafka_wire::records::{BatchHeader, next_sequence};

/// What a partition's replicas agree on.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) values: Vec<String>,
    producers: HashMap<i64, Producer>,
}

struct Producer {
    epoch: i16,
    /// First and last sequence, and offset, of the last five batches at most.
    batches: VecDeque<(i32, i32, i64)>,
}

impl Log {
    /// Appends a batch as a leader does; its offset, or why not.
    pub(crate) fn append(
        &mut self,
        header: &BatchHeader,
        values: &[String],
    ) -> Result<i64, ErrorCode> {
        let offset = self.values.len() as i64;
        if header.producer_id >= 0
            && let Some(seen) = self.admit(header, offset)?
        {
            return Ok(seen);
        }
        self.values.extend(values.iter().cloned());
        Ok(offset)
    }

    /// The offset where the batch is already, if it is; notes it otherwise.
    fn admit(&mut self, header: &BatchHeader, offset: i64) -> Result<Option<i64>, ErrorCode> {
        let first = header.base_sequence;
        let last = next_sequence(first, header.record_count - 1);
        let fresh = || Producer {
            epoch: header.producer_epoch,
            batches: VecDeque::new(),
        };
        let producer = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(fresh);
        if header.producer_epoch < producer.epoch {
            return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
        }
        if header.producer_epoch > producer.epoch {
            if first != 0 {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
            *producer = fresh();
        }
        let seen = producer
            .batches
            .iter()
            .find(|seen| (seen.0, seen.1) == (first, last));
        if let Some(&(_, _, offset)) = seen {
            return Ok(Some(offset));
        }
        if let Some(&(_, before, _)) = producer.batches.back()
            && next_sequence(before, 1) != first
        {
            return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        }
        producer.batches.push_back((first, last, offset));
        if producer.batches.len() > 5 {
            producer.batches.pop_front();
        }
        Ok(None)
    }

    /// A restart: of each producer the log remembers the last batch alone.
    pub(crate) fn forget_all_but_last(&mut self) {
        for producer in self.producers.values_mut() {
            let forgotten = producer.batches.len().saturating_sub(1);
            producer.batches.drain(..forgotten);
        }
    }

    /// The epoch and the last sequence of each producer.
    pub(crate) fn tell(&self) -> Vec<(i64, i16, i32)> {
        let producers = self.producers.iter().filter_map(|(&id, producer)| {
            let (_, last, _) = producer.batches.back()?;
            Some((id, producer.epoch, *last))
        });
        producers.collect()
    }
}

/// The judge is judged, too: a log that takes everything would prove nothing.
#[test]
fn the_model_of_the_log_takes_what_a_broker_takes_and_nothing_else() {
    const GAP: Result<i64, ErrorCode> = Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    const FENCED: Result<i64, ErrorCode> = Err(ErrorCode::INVALID_PRODUCER_EPOCH);
    let mut log = Log::default();
    let mut offer = |epoch, first, records: usize| {
        let header = BatchHeader {
            producer_id: 1,
            producer_epoch: epoch,
            base_sequence: first,
            record_count: records as i32,
            ..BatchHeader::default()
        };
        log.append(&header, &vec![String::new(); records])
    };
    assert_eq!(offer(0, 5, 2), Ok(0), "a stranger may begin anywhere");
    assert_eq!(offer(0, 8, 1), GAP);
    assert_eq!(offer(0, 7, 1), Ok(2));
    assert_eq!(offer(0, 5, 2), Ok(0), "a duplicate");
    assert_eq!(offer(0, 5, 1), GAP, "other cuts are not");
    assert_eq!(offer(1, 8, 1), GAP, "a new epoch begins at 0");
    assert_eq!(offer(1, 0, 1), Ok(3));
    assert_eq!(offer(0, 8, 1), FENCED);
    for sequence in 1..=5 {
        assert_eq!(offer(1, sequence, 1), Ok(3 + i64::from(sequence)));
    }
    assert_eq!(offer(1, 0, 1), GAP, "five are remembered");
    assert_eq!(offer(1, 1, 1), Ok(4));
}
