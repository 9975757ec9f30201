//! Requests whose answer takes time, and the connections on which they wait.
//!
//! Plain data, as a broker's `DelayedProduce` and `DelayedFetch`: `purgatory` says when to look
//! again, the handler of the API whether the answer is complete.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;
use kafka_wire::{
    Uuid,
    messages::{FetchRequest, ProduceRequest, produce::TopicProduceResponse},
};

use super::{
    answer::Answer,
    call::{Call, Pause},
    group::{Reply, Ticket},
};

/// The answer, or why it must wait.
pub(super) type Outcome = Result<Answer, Delayed>;

/// A connection on which a request is delayed.
#[derive(Clone, Debug)]
pub(super) struct BlockedConnection {
    pub(super) delayed: Delayed,
    /// Requests that came after it.
    pub(super) waiting: VecDeque<Bytes>,
}

/// Why a connection waits.
#[derive(Clone, Debug)]
pub(super) enum Delayed {
    /// The request is handled late.
    Request { frame: Bytes, until: Instant },
    /// The request was handled, the answer comes late.
    Answer { answer: Answer, until: Instant },
    /// The client is refused: the answer comes late, and then the connection is closed.
    Refusal { answer: Answer, until: Instant },
    /// There is not enough to read yet.
    Fetch(Box<DelayedFetch>),
    /// What was appended is not replicated yet.
    Produce(Box<DelayedProduce>),
    /// A transaction is ending, and the next one cannot begin before.
    Verification(Box<DelayedVerification>),
    /// A group waits for others of its members.
    Member(Box<DelayedMember>),
    /// Everything was answered, and the client is throttled.
    Muted { until: Instant },
    /// The broker is frozen.
    UntilThawed(Bytes),
    /// No answer will ever be sent.
    Forever,
}

impl Delayed {
    /// When the wait ends at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Request { until, .. }
            | Self::Answer { until, .. }
            | Self::Refusal { until, .. }
            | Self::Muted { until } => Some(*until),
            Self::Fetch(fetch) => Some(fetch.until),
            Self::Produce(produce) => Some(produce.until),
            Self::Verification(verification) => Some(verification.next),
            // The group itself ends it: its timer is the cluster's.
            Self::Member(_) | Self::UntilThawed(_) | Self::Forever => None,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.may_be_complete() || self.until().is_some_and(|until| until <= now)
    }

    /// Whether something happened that may end the wait early.
    pub(super) fn may_be_complete(&self) -> bool {
        match self {
            Self::Fetch(fetch) => fetch.recheck,
            Self::Produce(produce) => produce.recheck,
            Self::Member(member) => member.reply.is_some(),
            // Only checked while the broker is up.
            Self::UntilThawed(_) => true,
            _ => false,
        }
    }
}

/// A request of which something is not replicated yet.
#[derive(Clone, Debug)]
pub(super) struct DelayedProduce {
    pub(super) call: Call,
    pub(super) pause: Pause,
    /// What will be answered, if all goes well.
    pub(super) responses: Vec<TopicProduceResponse>,
    pub(super) awaited: Vec<(Nth, Awaited)>,
    pub(super) until: Instant,
    /// Something happened that it may have waited for.
    pub(super) recheck: bool,
}

/// A request whose transaction cannot begin yet.
#[derive(Clone, Debug)]
pub(super) struct DelayedVerification {
    pub(super) call: Call,
    pub(super) request: ProduceRequest,
    pub(super) pause: Pause,
    pub(super) since: Instant,
    pub(super) next: Instant,
}

/// A member whose group has not decided yet.
#[derive(Clone, Debug)]
pub(super) struct DelayedMember {
    pub(super) call: Call,
    pub(super) pause: Pause,
    pub(super) ticket: Ticket,
    pub(super) reply: Option<Reply>,
}

/// A partition, and the offset up to which it must be replicated.
#[derive(Clone, Debug)]
pub(super) struct Awaited {
    pub(super) topic: String,
    pub(super) topic_id: Uuid,
    pub(super) partition: i32,
    /// It is lost if there is another leader.
    pub(super) leader_epoch: i32,
    pub(super) end_offset: i64,
}

impl DelayedProduce {
    pub(super) fn waits_for(&self, topic: &str, partition: i32) -> bool {
        let mut awaited = self.awaited.iter();
        awaited.any(|(_, wait)| wait.partition == partition && wait.topic == topic)
    }
}

/// A request that waits for something to read.
#[derive(Clone, Debug)]
pub(super) struct DelayedFetch {
    pub(super) call: Call,
    pub(super) request: FetchRequest,
    pub(super) pause: Pause,
    /// What it waits for: topics by name.
    pub(super) awaited: Vec<(String, i32)>,
    pub(super) until: Instant,
    /// Something happened that it may have waited for.
    pub(super) recheck: bool,
}

impl DelayedFetch {
    pub(super) fn waits_for(&self, topic: &str, partition: i32) -> bool {
        self.awaited
            .iter()
            .any(|(name, index)| *index == partition && name == topic)
    }
}

/// One partition of a request, by its places in it.
pub(super) type Nth = (usize, usize);
