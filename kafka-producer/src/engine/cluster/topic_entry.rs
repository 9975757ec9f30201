//! One topic that somebody writes to, or waits for.
//!
//! ```text
//! Unknown ──told of──▶ Known ──said to be gone──▶ Gone ──told of──▶ Known
//! ```

use std::sync::Arc;

use kafka_partition::StickyState;

use crate::engine::cluster::freshness::Freshness;
use crate::engine::cluster::topic_waiters::{Admitted, TopicWaiters, Waiter};
use crate::engine::produce::partitions::Partitions;

/// A topic in use.
#[derive(Debug)]
pub(crate) struct TopicEntry {
    waiters: TopicWaiters,
    state: TopicState,
    /// Shared by all snapshots.
    sticky: Arc<StickyState>,
    freshness: Freshness,
}

/// What is known of a topic.
#[derive(Debug)]
enum TopicState {
    /// The cluster has not told of it, or said that there is none.
    Unknown,
    /// Its partitions are in the snapshot.
    Known(KnownTopic),
    /// The cluster has said that there is none any more: callers may not write to it. What was written
    /// goes on, should it have been a broker that lags.
    Gone(KnownTopic),
}

/// A topic that the cluster has told of.
#[derive(Debug)]
struct KnownTopic {
    partitions: Partitions,
    /// So many answers in a row told of it as if it had been made anew, without an id to say so.
    doubts: u32,
}

impl TopicEntry {
    /// A topic that the cluster has not told of.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            waiters: TopicWaiters::default(),
            state: TopicState::Unknown,
            sticky: Arc::new(StickyState::new(seed)),
            freshness: Freshness::default(),
        }
    }

    pub(crate) fn sticky(&self) -> &Arc<StickyState> {
        &self.sticky
    }

    /// What was sent since its partitions were weighed.
    pub(crate) fn freshness_mut(&mut self) -> &mut Freshness {
        &mut self.freshness
    }

    pub(crate) fn waiters(&self) -> &TopicWaiters {
        &self.waiters
    }

    pub(crate) fn waiters_mut(&mut self) -> &mut TopicWaiters {
        &mut self.waiters
    }

    /// Lets a caller wait, unless it need not.
    pub(crate) fn admit(&mut self, waiter: Waiter) -> Admitted {
        let partitions = self.writable_partitions();
        self.waiters.admit(waiter, partitions)
    }

    /// Whether callers may write to it.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.state, TopicState::Known(_))
    }

    /// Whether anybody waits for it, or writes to it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.waiters.is_empty() || self.topic().is_some()
    }

    fn topic(&self) -> Option<&KnownTopic> {
        match &self.state {
            TopicState::Unknown => None,
            TopicState::Known(topic) | TopicState::Gone(topic) => Some(topic),
        }
    }

    fn topic_mut(&mut self) -> Option<&mut KnownTopic> {
        match &mut self.state {
            TopicState::Unknown => None,
            TopicState::Known(topic) | TopicState::Gone(topic) => Some(topic),
        }
    }

    /// Its partitions, if it was ever told of.
    pub(crate) fn partitions(&self) -> Option<&Partitions> {
        Some(&self.topic()?.partitions)
    }

    pub(crate) fn partitions_mut(&mut self) -> Option<&mut Partitions> {
        Some(&mut self.topic_mut()?.partitions)
    }

    /// How many partitions callers may write to.
    pub(crate) fn writable_partitions(&self) -> i32 {
        match &self.state {
            TopicState::Known(topic) => i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            TopicState::Unknown | TopicState::Gone(_) => 0,
        }
    }

    /// The cluster tells of it; `make` makes its partitions if it is the first time.
    pub(crate) fn become_known(&mut self, make: impl FnOnce() -> Partitions) {
        let state = std::mem::replace(&mut self.state, TopicState::Unknown);
        self.state = TopicState::Known(match state {
            TopicState::Known(topic) | TopicState::Gone(topic) => topic,
            TopicState::Unknown => KnownTopic {
                partitions: make(),
                doubts: 0,
            },
        });
    }

    /// The cluster says that there is no such topic.
    pub(crate) fn become_unknown(&mut self) {
        let state = std::mem::replace(&mut self.state, TopicState::Unknown);
        self.state = match state {
            TopicState::Known(topic) | TopicState::Gone(topic) => TopicState::Gone(topic),
            TopicState::Unknown => TopicState::Unknown,
        };
    }

    /// It was told of as if it had been made anew: how many times in a row.
    pub(crate) fn doubt(&mut self) -> u32 {
        let doubts = self.topic_mut().map(|topic| {
            topic.doubts += 1;
            topic.doubts
        });
        doubts.unwrap_or_default()
    }

    pub(crate) fn believe(&mut self) {
        if let Some(topic) = self.topic_mut() {
            topic.doubts = 0;
        }
    }
}
