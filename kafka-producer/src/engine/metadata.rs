//! When to ask for metadata, about what, and who waits for it.
//!
//! ```text
//! Fresh ──stale, or a topic is missing──▶ Wanted ──asked──▶ Asked ──answered──▶ Fresh
//!                                            ▲                │
//!                                            └────failed──────┘
//! ```
//!
//! Every topic that was ever written to is asked about until it has not been used for
//! `metadata.max.idle.ms`. What an answer means for lanes and leaders is in `absorb.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_partition::StickyState;

use super::NodeId;
use super::lane::LaneKey;
use super::notice::Notice;
use crate::error::SendError;

/// What is known and wanted of the cluster's metadata.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) topics: BTreeMap<Arc<str>, Interest>,
    pub(crate) refresh: Refresh,
    /// Questions in a row that brought nothing.
    pub(crate) failures: u32,
    /// What went wrong last, for the message of a caller that waits in vain.
    pub(crate) last_obstacle: Option<Arc<str>>,
    /// Since when every question was in vain, if that is so.
    pub(crate) unheard_since: Option<Instant>,
    /// When everything was last learnt.
    pub(crate) fetched: Option<Instant>,
}

/// A topic that somebody writes to.
#[derive(Debug)]
pub(crate) struct Interest {
    /// Callers that wait for it.
    pub(crate) waiters: Vec<Waiter>,
    /// Its lanes by partition; empty until it is known.
    pub(crate) lanes: Vec<LaneKey>,
    /// Shared by all snapshots.
    pub(crate) sticky: Arc<StickyState>,
    /// Whether callers may write to it.
    pub(crate) state: TopicState,
}

/// What is known of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicState {
    /// The cluster has not told of it, or said that there is none.
    Unknown,
    /// Its partitions are in the snapshot.
    Known,
    /// It was known and has not been written to for `metadata.max.idle.ms`: it is not asked about
    /// until somebody wants it again (KIP-526).
    Idle,
}

impl Interest {
    pub(crate) fn is_known(&self) -> bool {
        self.state == TopicState::Known
    }
}

/// A caller in `send` that does not know the topic's partitions yet.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<(), SendError>>,
}

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// Nothing to ask before `metadata.max.age.ms` is over.
    Fresh,
    /// To be asked as soon as a broker can be, at `not_before` the earliest.
    Wanted { not_before: Instant },
    /// Asked of this broker. If `again`, something became stale meanwhile.
    Asked { node: NodeId, again: bool },
}

impl Metadata {
    pub(crate) fn new() -> Self {
        Self {
            topics: BTreeMap::new(),
            refresh: Refresh::Fresh,
            failures: 0,
            last_obstacle: None,
            unheard_since: None,
            fetched: None,
        }
    }

    /// What is known is stale: ask, at `not_before` the earliest.
    pub(crate) fn want(&mut self, not_before: Instant) {
        match &mut self.refresh {
            refresh @ Refresh::Fresh => *refresh = Refresh::Wanted { not_before },
            Refresh::Wanted {
                not_before: earlier,
            } => *earlier = not_before.min(*earlier),
            Refresh::Asked { again, .. } => *again = true,
        }
    }

    /// The topics that are asked about.
    pub(crate) fn topics_in_use(&self) -> impl Iterator<Item = &Arc<str>> {
        let in_use = |interest: &Interest| {
            interest.state != TopicState::Idle || !interest.waiters.is_empty()
        };
        self.topics
            .iter()
            .filter(move |(_, interest)| in_use(interest))
            .map(|(name, _)| name)
    }

    /// Whether it is time to ask.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        matches!(self.refresh, Refresh::Wanted { not_before } if not_before <= now)
    }

    /// The question was not answered, or brought no broker: ask again after `pause`.
    pub(crate) fn failed(&mut self, now: Instant, pause: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.refresh = Refresh::Wanted {
            not_before: now + pause,
        };
    }

    /// Ends the wait of every caller whose deadline has come.
    pub(super) fn expire(&mut self, now: Instant, notices: &mut Vec<Notice>) {
        let last = self.last_obstacle.clone();
        for (name, interest) in &mut self.topics {
            for waiter in interest
                .waiters
                .extract_if(.., |waiter| waiter.deadline <= now)
            {
                let waited = now.saturating_duration_since(waiter.since);
                let unknown = SendError::TopicUnknown {
                    topic: Arc::clone(name),
                    waited,
                    last: last.clone(),
                };
                notices.push(Notice::answer(waiter.reply, Err(unknown)));
            }
        }
        // A topic that nobody waits for and that never existed is forgotten.
        self.topics
            .retain(|_, interest| !interest.waiters.is_empty() || !interest.lanes.is_empty());
    }

    /// When something will be due here that is not yet, `max_age` being `metadata.max.age.ms`.
    pub(crate) fn next_due(&self, now: Instant, max_age: Duration) -> Option<Instant> {
        let waiters = self.topics.values().flat_map(|interest| &interest.waiters);
        let deadlines = waiters.map(|waiter| waiter.deadline);
        let refresh = match self.refresh {
            Refresh::Fresh => self.fetched.map(|fetched| fetched + max_age),
            Refresh::Wanted { not_before } => Some(not_before),
            Refresh::Asked { .. } => None,
        };
        deadlines.chain(refresh).filter(|at| *at > now).min()
    }
}
