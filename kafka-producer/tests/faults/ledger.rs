//! What a sender was told of its records, as they were told.
//!
//! Written by the callbacks of a producer or from the lines of a program, read by whoever waits for
//! something to happen and, at the end, by the checker. Times are the wall clock's, because programs
//! tell theirs so.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use kafka_producer::Persistence;
use kafka_producer::error::TransactionError;

/// Milliseconds since the epoch.
pub(crate) type Millis = u64;

/// The time.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// What was told of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Which record: they are numbered from 0 in the order of sending.
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) fate: Fate,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in the log; the offset is not known with `acks=0`.
    Acked { partition: i32, offset: Option<i64> },
    /// It was given up, for this reason.
    Failed {
        why: String,
        persistence: Persistence,
    },
}

/// Everything that one sender was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sent: AtomicU64,
    outcomes: Mutex<Vec<Outcome>>,
    /// Whether a transaction is being committed or aborted.
    ending: AtomicBool,
    /// Records of which the log has all or none.
    in_doubt: Mutex<Vec<Range<u64>>>,
    /// Why a transactional producer is of no use any more.
    ended: OnceLock<TransactionError>,
}

impl Ledger {
    /// So many records were handed over by now.
    pub(crate) fn set_sent(&self, sent: u64) {
        self.sent.store(sent, Ordering::Release);
    }

    /// How many records were handed over.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Notes what became of a record.
    pub(crate) fn tell(&self, number: u64, at: Millis, fate: Fate) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.push(Outcome { number, at, fate });
    }

    /// All outcomes so far, as they came.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.clone()
    }

    /// Whether a transaction is being committed or aborted.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// A transaction is being committed or aborted, or none is.
    pub(crate) fn set_ending(&self, ending: bool) {
        self.ending.store(ending, Ordering::Release);
    }

    /// It is not known whether the transaction of these records was committed.
    pub(crate) fn doubt(&self, records: Range<u64>) {
        let mut in_doubt = self.in_doubt.lock().unwrap_or_else(PoisonError::into_inner);
        in_doubt.push(records);
    }

    /// The transactions of which it is not known.
    pub(crate) fn in_doubt(&self) -> Vec<Range<u64>> {
        let in_doubt = self.in_doubt.lock().unwrap_or_else(PoisonError::into_inner);
        in_doubt.clone()
    }

    /// The producer is of no use any more.
    pub(crate) fn end(&self, error: TransactionError) {
        self.ended.set(error).expect("there is one end");
    }

    /// Why the producer is of no use any more, if it is.
    pub(crate) fn ended(&self) -> Option<&TransactionError> {
        self.ended.get()
    }

    /// When each partition was acknowledged something first at or after `moment`.
    pub(crate) fn first_acks_since(&self, moment: Millis) -> BTreeMap<i32, Millis> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = BTreeMap::new();
        for outcome in outcomes.iter().filter(|outcome| outcome.at >= moment) {
            if let Fate::Acked { partition, .. } = outcome.fate {
                first.entry(partition).or_insert(outcome.at);
            }
        }
        first
    }

    /// How many records were acknowledged at or after `moment`.
    pub(crate) fn acked_since(&self, moment: Millis) -> usize {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let of_then = outcomes.iter().filter(|outcome| outcome.at >= moment);
        of_then
            .filter(|outcome| matches!(outcome.fate, Fate::Acked { .. }))
            .count()
    }
}

/// The longest time in which a partition was acknowledged nothing, between two acknowledgements.
pub(crate) fn longest_silence(outcomes: &[Outcome]) -> Millis {
    let mut last: BTreeMap<i32, Millis> = BTreeMap::new();
    let mut longest = 0;
    for outcome in outcomes {
        if let Fate::Acked { partition, .. } = outcome.fate {
            let before = last.insert(partition, outcome.at).unwrap_or(outcome.at);
            longest = longest.max(outcome.at.saturating_sub(before));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_is_that_of_one_partition() {
        let ledger = Ledger::default();
        for (partition, at) in [(0, 10), (1, 11), (1, 30), (0, 50), (1, 60)] {
            let offset = None;
            ledger.tell(0, at, Fate::Acked { partition, offset });
        }
        assert_eq!(longest_silence(&ledger.outcomes()), 40);
        assert_eq!(ledger.first_acks_since(20), [(0, 50), (1, 30)].into());
        assert_eq!(ledger.acked_since(30), 3);
    }
}
