//! Timers of the cluster, ordered by time.
//!
//! A timer is never cancelled: when it fires, the cluster checks whether there is still something
//! to do.

use std::{collections::BTreeSet, time::Instant};

use kafka_wire::Uuid;

use super::ids::BrokerId;

/// The entries, the earliest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    entries: BTreeSet<(Instant, Due)>,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A broker may have been silent for too long.
    Session(BrokerId),
    /// Followers of a partition may have fetched.
    Replication { topic: Uuid, partition: i32 },
    /// Markers of a transactional id may be written.
    Markers(String),
    /// A transaction of this id may have taken too long.
    Timeout(String),
    /// Members of a group of this name may have been silent or absent for too long.
    Group(String),
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, due: Due) {
        self.entries.insert((at, due));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.first().map(|(at, _)| *at)
    }

    /// Takes the next entry that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop_first().map(|(_, due)| due)
    }
}
