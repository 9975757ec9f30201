//! Compares what a sender was told with what is in the log. One checker for all scenarios.
//!
//! Knows nothing of how either came about. It looks for every way in which a promise can be broken,
//! and says which records did it; what a configuration promises is a [`Promise`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use kafka_producer::Persistence;

use crate::ledger::{Fate, Outcome};

/// A record as it is in the log: where, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Logged {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) number: u64,
}

/// What a configuration promises. Whatever it says: every record has one outcome, the order within a
/// partition is that of sending, and an offset that is told is the record's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// What is acknowledged is in the log; nothing is there twice. The default.
    ExactlyOnce,
    /// What is acknowledged is in the log, perhaps several times: no idempotence.
    AtLeastOnce,
    /// It is in the log, perhaps several times, unless a leader was lost: `acks=1`.
    UnlessALeaderIsLost,
    /// Nothing is there twice, and much may be missing: `acks=0`.
    AtMostOnce,
}

/// What was found, each list naming the records.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) acked: usize,
    pub(crate) failed: usize,
    /// Acknowledged, but not in the log.
    pub(crate) lost: Vec<u64>,
    /// In the log for a second time.
    pub(crate) doubled: Vec<Logged>,
    /// In the log for the first time, after one that was sent later.
    pub(crate) disordered: Vec<Logged>,
    /// Acknowledged with an offset at which the log has another record, or none.
    pub(crate) misplaced: Vec<u64>,
    /// Said not to be in the log, where it is.
    pub(crate) denied: Vec<u64>,
    /// Handed over, and never heard of again.
    pub(crate) untold: Vec<u64>,
    /// Told of more than once.
    pub(crate) twice_told: Vec<u64>,
    /// Transactions of which a part is in the log.
    pub(crate) torn: Vec<Range<u64>>,
    /// In the log, and never sent.
    pub(crate) strange: Vec<Logged>,
}

/// Compares the outcomes of `sent` records, numbered from 0, with the log. Of the records of each
/// transaction that is `in_doubt`, all may be there or none.
pub(crate) fn check(
    sent: u64,
    outcomes: &[Outcome],
    in_doubt: &[Range<u64>],
    log: &[Logged],
) -> Findings {
    let mut findings = Findings::default();
    let mut log = log.to_vec();
    log.sort_unstable();
    look_at_log(sent, &log, &mut findings);
    let places: BTreeMap<(i32, i64), u64> = log
        .iter()
        .map(|logged| ((logged.partition, logged.offset), logged.number))
        .collect();
    let present: BTreeSet<u64> = places.values().copied().collect();
    let mut told = BTreeSet::new();
    for Outcome { number, fate, .. } in outcomes {
        let number = *number;
        if !told.insert(number) {
            findings.twice_told.push(number);
        }
        match *fate {
            Fate::Acked { partition, offset } => {
                findings.acked += 1;
                if !present.contains(&number) {
                    findings.lost.push(number);
                } else if offset.is_some_and(|at| places.get(&(partition, at)) != Some(&number)) {
                    findings.misplaced.push(number);
                }
            }
            Fate::Failed { persistence, .. } => {
                findings.failed += 1;
                if persistence == Persistence::NotPersisted && present.contains(&number) {
                    findings.denied.push(number);
                }
            }
        }
    }
    let is_torn = |records: &&Range<u64>| {
        let there = present.range(Range::clone(records)).count() as u64;
        there > 0 && there < records.end - records.start
    };
    findings.torn = in_doubt.iter().filter(is_torn).cloned().collect();
    findings.untold = (0..sent).filter(|number| !told.contains(number)).collect();
    findings
}

/// What the log alone shows; it is sorted.
fn look_at_log(sent: u64, log: &[Logged], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<i32, u64> = BTreeMap::new();
    for logged in log {
        if logged.number >= sent {
            findings.strange.push(*logged);
        } else if !seen.insert(logged.number) {
            findings.doubled.push(*logged);
        } else {
            let latest = latest.entry(logged.partition).or_insert(logged.number);
            if logged.number < *latest {
                findings.disordered.push(*logged);
            }
            *latest = logged.number.max(*latest);
        }
    }
}

impl Findings {
    /// Fails, saying what and which, unless the promise was kept.
    pub(crate) fn require(&self, promise: Promise) {
        let broken = self.broken(promise);
        assert!(broken.is_empty(), "{promise:?} was promised: {broken:#?}");
    }

    /// What the promise does not allow, in words; of many records the first.
    pub(crate) fn broken(&self, promise: Promise) -> Vec<String> {
        let may_lose = matches!(promise, Promise::UnlessALeaderIsLost | Promise::AtMostOnce);
        let may_double = matches!(promise, Promise::AtLeastOnce | Promise::UnlessALeaderIsLost);
        let mut broken = Vec::new();
        if !may_lose {
            name("lost", &self.lost, &mut broken);
            name("not at its offset", &self.misplaced, &mut broken);
        }
        if !may_double {
            name("twice in the log", &self.doubled, &mut broken);
        }
        name("out of order", &self.disordered, &mut broken);
        name("said not to be in the log", &self.denied, &mut broken);
        name("without an outcome", &self.untold, &mut broken);
        name("with two outcomes", &self.twice_told, &mut broken);
        name("torn apart", &self.torn, &mut broken);
        name("in the log, but never sent", &self.strange, &mut broken);
        broken
    }
}

fn name<T: fmt::Debug>(what: &str, which: &[T], broken: &mut Vec<String>) {
    if !which.is_empty() {
        let first = &which[..which.len().min(5)];
        broken.push(format!("{} {what}: {first:?}", which.len()));
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    /// Records 0 to 5 by turns in partitions 0 and 1, all acknowledged, all in the log.
    fn all_well() -> (Vec<Outcome>, Vec<Logged>) {
        let place = |number: u64| ((number % 2) as i32, (number / 2) as i64 + 10);
        let outcome = |number| {
            let (partition, offset) = place(number);
            acked(number, partition, offset)
        };
        let logged = |number| {
            let (partition, offset) = place(number);
            Logged {
                partition,
                offset,
                number,
            }
        };
        ((0..6).map(outcome).collect(), (0..6).map(logged).collect())
    }

    fn acked(number: u64, partition: i32, offset: i64) -> Outcome {
        let offset = Some(offset);
        outcome(number, Fate::Acked { partition, offset })
    }

    fn failed(number: u64, persistence: Persistence) -> Outcome {
        let why = "it was too late".to_owned();
        outcome(number, Fate::Failed { why, persistence })
    }

    fn outcome(number: u64, fate: Fate) -> Outcome {
        let at = 0;
        Outcome { number, at, fate }
    }

    /// What is said to be broken, without the names of the records.
    fn broken(promise: Promise, outcomes: &[Outcome], log: &[Logged]) -> Vec<String> {
        let broken = check(6, outcomes, &[], log).broken(promise).into_iter();
        let kind = |line: String| line.split(':').next().unwrap().to_owned();
        broken.map(kind).collect()
    }

    #[test]
    fn nothing_is_found_where_all_is_well() {
        let (outcomes, log) = all_well();
        let findings = check(6, &outcomes, &[], &log);
        assert_eq!((findings.acked, findings.failed), (6, 0));
        findings.require(Promise::ExactlyOnce);
    }

    #[test]
    fn a_lost_record_is_noticed() {
        let (outcomes, mut log) = all_well();
        log.remove(2);
        let lost = broken(Promise::ExactlyOnce, &outcomes, &log);
        assert_eq!(lost, ["1 lost"]);
        assert_eq!(broken(Promise::AtLeastOnce, &outcomes, &log), ["1 lost"]);
        assert!(broken(Promise::UnlessALeaderIsLost, &outcomes, &log).is_empty());
        assert!(broken(Promise::AtMostOnce, &outcomes, &log).is_empty());
    }

    #[test]
    fn a_doubled_record_is_noticed_also_when_its_first_copy_is_the_one_acknowledged() {
        let (outcomes, mut log) = all_well();
        log.push(Logged {
            offset: 99,
            ..log[2]
        });
        for promise in [Promise::ExactlyOnce, Promise::AtMostOnce] {
            let doubled = broken(promise, &outcomes, &log);
            assert_eq!(doubled, ["1 twice in the log"]);
        }
        assert!(broken(Promise::AtLeastOnce, &outcomes, &log).is_empty());
    }

    #[test]
    fn a_record_that_is_also_in_another_partition_is_doubled() {
        let (outcomes, mut log) = all_well();
        log.push(Logged {
            partition: 1,
            offset: 99,
            number: 0,
        });
        let doubled = broken(Promise::ExactlyOnce, &outcomes, &log);
        assert_eq!(doubled, ["1 twice in the log"]);
    }

    #[test]
    fn swapped_records_are_noticed_under_every_promise() {
        let (mut outcomes, mut log) = all_well();
        (log[0].offset, log[2].offset) = (log[2].offset, log[0].offset);
        let swapped = broken(Promise::ExactlyOnce, &outcomes, &log);
        assert_eq!(swapped, ["2 not at its offset", "1 out of order"]);
        outcomes[0] = acked(0, 0, 11);
        outcomes[2] = acked(2, 0, 10);
        for promise in [
            Promise::ExactlyOnce,
            Promise::AtLeastOnce,
            Promise::UnlessALeaderIsLost,
            Promise::AtMostOnce,
        ] {
            assert_eq!(broken(promise, &outcomes, &log), ["1 out of order"]);
        }
    }

    #[test]
    fn a_copy_that_comes_later_is_not_out_of_order() {
        let (outcomes, mut log) = all_well();
        log.push(Logged {
            offset: 99,
            ..log[0]
        });
        assert!(broken(Promise::AtLeastOnce, &outcomes, &log).is_empty());
    }

    #[test]
    fn a_wrong_offset_is_noticed() {
        let (mut outcomes, log) = all_well();
        outcomes[3] = acked(3, 1, 12);
        let misplaced = broken(Promise::ExactlyOnce, &outcomes, &log);
        assert_eq!(misplaced, ["1 not at its offset"]);
    }

    #[test]
    fn a_record_without_an_outcome_and_one_with_two_are_noticed() {
        let (mut outcomes, log) = all_well();
        outcomes[5] = outcomes[4].clone();
        let untold = broken(Promise::AtMostOnce, &outcomes, &log);
        assert_eq!(untold, ["1 without an outcome", "1 with two outcomes"]);
    }

    #[test]
    fn a_failed_record_may_be_in_the_log_unless_it_was_said_not_to_be() {
        let (mut outcomes, log) = all_well();
        outcomes[1] = failed(1, Persistence::PossiblyPersisted);
        assert!(broken(Promise::ExactlyOnce, &outcomes, &log).is_empty());
        outcomes[1] = failed(1, Persistence::NotPersisted);
        let denied = broken(Promise::ExactlyOnce, &outcomes, &log);
        assert_eq!(denied, ["1 said not to be in the log"]);
    }

    #[test]
    fn a_transaction_in_doubt_is_there_entirely_or_not_at_all() {
        let (mut outcomes, mut log) = all_well();
        for number in [2, 3, 4] {
            outcomes[number] = failed(number as u64, Persistence::PossiblyPersisted);
        }
        let torn = |log: &[Logged]| check(6, &outcomes, from_ref(&(2..5)), log).torn.len();
        assert_eq!(torn(&log), 0);
        log.remove(3);
        assert_eq!(torn(&log), 1);
        log.retain(|logged| !(2..5).contains(&logged.number));
        assert_eq!(torn(&log), 0);
    }

    #[test]
    fn a_record_that_nobody_sent_is_noticed() {
        let (outcomes, mut log) = all_well();
        log.push(Logged {
            partition: 0,
            offset: 99,
            number: 6,
        });
        let strange = broken(Promise::AtLeastOnce, &outcomes, &log);
        assert_eq!(strange, ["1 in the log, but never sent"]);
    }
}
