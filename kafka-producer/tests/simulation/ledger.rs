//! The books: every record that a producer took, and what it was told of it.
//!
//! A record's value begins with its number, so that it is known again in the log. Nothing is judged
//! here; that is what the checkers are for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use kafka_accumulator::{Completion, Delivered};
use kafka_producer::error::{DeliveryError, Persistence};

/// A record's number: its place in the books.
pub(crate) type RecordId = u64;

/// Every record, by its number.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Numbers are given out before the record is taken; some never are.
    entries: Vec<Option<Entry>>,
    /// Records before this one have an outcome.
    settled: usize,
    /// In the order of their appends.
    lanes: BTreeMap<LaneName, Vec<RecordId>>,
    /// In the order of their beginnings.
    transactions: Vec<Transaction>,
    /// Producers whose processes were killed: nobody is told of what had no outcome then.
    killed: BTreeSet<usize>,
}

/// What the outcomes of a transaction prove to its caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transaction {
    pub(crate) client: usize,
    pub(crate) begun: Instant,
    pub(crate) end: End,
    /// The last offset that was sent with it, and whether that was confirmed.
    pub(crate) offset: Option<(i64, Confirmed)>,
    pub(crate) membership: Membership,
}

/// Whether whoever sent offsets with a transaction was in the group all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    /// He was, or no offsets were sent.
    Held,
    /// It ended while they were on their way.
    Ended,
    /// It had ended before they were sent.
    Stale,
}

/// How a transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nobody has asked for its commit.
    Open,
    /// A commit was asked for, and its outcome is not known.
    CommitAsked,
    Committed,
    /// Aborted, or refused.
    Aborted,
}

/// Whether something was said to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    Yes,
    No,
}

/// The records of one producer in one partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LaneName {
    pub(crate) client: usize,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

/// A record that was taken.
pub(crate) struct Entry {
    pub(crate) lane: LaneName,
    pub(crate) appended: Instant,
    pub(crate) transaction: Option<u32>,
    /// That of the batch, and the place in it.
    pub(crate) completion: Arc<Completion<DeliveryError>>,
    pub(crate) index: u32,
    /// Of all that it consists of.
    pub(crate) digest: u64,
    /// How often its callback was called, if it has one.
    pub(crate) calls: Option<Arc<AtomicU32>>,
}

/// What a record was told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Delivered(Delivered),
    Failed(DeliveryError),
}

impl Entry {
    /// What it was told, if it was.
    pub(crate) fn told(&self) -> Option<Told> {
        let outcome = self.completion.outcome(self.index)?;
        Some(match outcome {
            Ok(delivered) => Told::Delivered(delivered),
            Err(error) => Told::Failed(error.clone()),
        })
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.completion.outcome(self.index).is_some()
    }

    pub(crate) fn calls(&self) -> Option<u32> {
        let calls = self.calls.as_ref()?;
        Some(calls.load(Ordering::Relaxed))
    }
}

impl Told {
    pub(crate) fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }

    /// Whether it was said that the record is not in the log.
    pub(crate) fn is_not_persisted(&self) -> bool {
        matches!(self, Self::Failed(error) if error.persistence() == Persistence::NotPersisted)
    }
}

/// What had an outcome at some moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decided {
    pub(crate) records: BTreeSet<RecordId>,
    pub(crate) transactions: BTreeSet<u32>,
}

impl Ledger {
    /// What has an outcome by now.
    pub(crate) fn decided(&self) -> Decided {
        let records = self.records().filter(|(_, entry)| entry.is_decided());
        let transactions = (0..).zip(&self.transactions);
        let ended = transactions
            .filter(|(_, transaction)| matches!(transaction.end, End::Committed | End::Aborted));
        Decided {
            records: records.map(|(id, _)| id).collect(),
            transactions: ended.map(|(number, _)| number).collect(),
        }
    }

    /// Books a record; those of one lane in the order of their appends.
    pub(crate) fn book(&mut self, id: RecordId, entry: Entry) {
        let place = id as usize;
        if self.entries.len() <= place {
            self.entries.resize_with(place + 1, || None);
        }
        self.settled = self.settled.min(place);
        self.lanes.entry(entry.lane.clone()).or_default().push(id);
        self.entries[place] = Some(entry);
    }

    pub(crate) fn entry(&self, id: RecordId) -> Option<&Entry> {
        self.entries.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// Every record, in the order of the numbers.
    pub(crate) fn records(&self) -> impl Iterator<Item = (RecordId, &Entry)> {
        let numbered = (0..).zip(&self.entries);
        numbered.filter_map(|(id, entry)| Some((id, entry.as_ref()?)))
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = (&LaneName, &[RecordId])> {
        self.lanes.iter().map(|(name, ids)| (name, ids.as_slice()))
    }

    /// A transaction begins; its number.
    pub(crate) fn begin(&mut self, client: usize, now: Instant) -> u32 {
        self.transactions.push(Transaction {
            client,
            begun: now,
            end: End::Open,
            offset: None,
            membership: Membership::Held,
        });
        self.transactions.len() as u32 - 1
    }

    pub(crate) fn end(&mut self, transaction: u32, end: End) {
        self.transactions[transaction as usize].end = end;
    }

    pub(crate) fn note_offset(&mut self, transaction: u32, offset: i64, confirmed: Confirmed) {
        self.transactions[transaction as usize].offset = Some((offset, confirmed));
    }

    /// Notes how offsets of a transaction were sent; the worst counts.
    pub(crate) fn note_membership(&mut self, transaction: u32, seen: Membership) {
        let known = &mut self.transactions[transaction as usize].membership;
        *known = match (*known, seen) {
            (Membership::Stale, _) | (_, Membership::Stale) => Membership::Stale,
            (Membership::Held, seen) => seen,
            (Membership::Ended, _) => Membership::Ended,
        };
    }

    pub(crate) fn transaction(&self, number: u32) -> Transaction {
        self.transactions[number as usize]
    }

    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The process of a producer was killed.
    pub(crate) fn note_killed(&mut self, client: usize) {
        self.killed.insert(client);
    }

    /// Whether nobody is told any more of what a producer has sent.
    pub(crate) fn is_killed(&self, client: usize) -> bool {
        self.killed.contains(&client)
    }

    /// Whether somebody has yet to be told of a record.
    fn is_awaited(&self, entry: &Entry) -> bool {
        !entry.is_decided() && !self.is_killed(entry.lane.client)
    }

    /// The first record without an outcome, of those that are to have one.
    pub(crate) fn first_undecided(&mut self) -> Option<(RecordId, &Entry)> {
        while let Some(entry) = self.entries.get(self.settled) {
            if entry.as_ref().is_some_and(|entry| self.is_awaited(entry)) {
                break;
            }
            self.settled += 1;
        }
        let entry = self.entries.get(self.settled)?.as_ref()?;
        Some((self.settled as RecordId, entry))
    }

    /// Every record of a producer that has no outcome.
    pub(crate) fn undecided_of(&self, client: usize) -> Vec<RecordId> {
        let after = self
            .records()
            .skip_while(|(id, _)| (*id as usize) < self.settled);
        after
            .filter(|(_, entry)| entry.lane.client == client && !entry.is_decided())
            .map(|(id, _)| id)
            .collect()
    }
}

/// The value of a record: its number, and as many bytes more as are asked for.
pub(crate) fn value(id: RecordId, filler: usize, salt: u64) -> Vec<u8> {
    let mut value = Vec::with_capacity(8 + filler);
    value.extend_from_slice(&id.to_be_bytes());
    // Half of it shrinks, half of it does not.
    let mut noise = salt;
    for n in 0..filler {
        noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        value.push(if n % 2 == 0 {
            b'.'
        } else {
            (noise >> 56) as u8
        });
    }
    value
}

/// The number of the record with this value, if it is one of ours.
pub(crate) fn id_of(value: &[u8]) -> Option<RecordId> {
    value.first_chunk().map(|id| RecordId::from_be_bytes(*id))
}
