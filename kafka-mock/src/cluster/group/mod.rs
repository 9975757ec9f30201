//! Consumer groups: their members, and the offsets that they have committed.
//!
//! Nothing here knows brokers or connections: `groups` says who coordinates a group, and carries
//! answers to those who wait.

mod assignor;
mod claim;
mod classic;
mod classic_member;
mod consumer;
mod consumer_member;
mod consumer_protocol;
mod membership;
mod offsets;
mod reply;
mod state;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafka_wire::ErrorCode;

pub(super) use self::{
    assignor::{Assignor, Partitions, by_topic},
    claim::{Claim, Commit},
    classic::{ClassicGroup, Client, Join, Sync},
    classic_member::Profile,
    consumer::{Beat, Beaten, ConsumerGroup, JOINS, LEAVES, LEFT_FOR_A_WHILE, TopicSizes},
    consumer_member::ConsumerMember,
    consumer_protocol::{assigned, subscribed},
    offsets::{GroupOffsets, Place},
    reply::{Joined, Reply, Synced, Ticket, Told},
};
pub use self::{
    membership::{GroupMember, Membership},
    offsets::CommittedOffset,
    state::GroupState,
};

/// All groups, by name.
pub(super) type Groups = BTreeMap<String, Group>;

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) offsets: GroupOffsets,
    /// When it is next looked at.
    pub(super) timer: Option<Instant>,
    /// The epoch of the coordinator that has loaded it.
    pub(super) loaded_by: i32,
}

/// The protocol that its members speak; it may change while there are none.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Classic(ClassicGroup),
    /// That of KIP-848.
    Consumer(ConsumerGroup),
}

impl Default for Kind {
    fn default() -> Self {
        Self::Classic(ClassicGroup::default())
    }
}

/// How long groups wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// `group.initial.rebalance.delay.ms`.
    pub(super) initial_delay: Duration,
    /// `group.consumer.session.timeout.ms`.
    pub(super) session_timeout: Duration,
}

impl Group {
    /// Its members are those that a test says, and stay.
    pub(super) fn set_membership(&mut self, membership: Membership) {
        let members = membership.members.into_iter().map(|it| {
            let profile = Profile {
                instance_id: it.instance_id,
                client_id: String::new(),
                session_timeout: Duration::ZERO,
                rebalance_timeout: REBALANCE_TIMEOUT,
                protocol_type: CONSUMER.to_owned(),
                protocols: vec![("range".to_owned(), Bytes::new())],
            };
            (it.member_id, profile)
        });
        let group = ClassicGroup::with_members(membership.generation, members.collect());
        self.kind = Kind::Classic(group);
    }

    pub(super) fn state(&self) -> GroupState {
        match &self.kind {
            Kind::Classic(group) => group.state(),
            Kind::Consumer(group) => group.state(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state() == GroupState::Empty
    }

    pub(super) fn protocol_type(&self) -> &str {
        match &self.kind {
            Kind::Classic(group) => group.protocol_type().unwrap_or_default(),
            Kind::Consumer(_) => CONSUMER,
        }
    }

    pub(super) fn classic(&self) -> Option<&ClassicGroup> {
        match &self.kind {
            Kind::Classic(group) => Some(group),
            Kind::Consumer(_) => None,
        }
    }

    pub(super) fn classic_mut(&mut self) -> Option<&mut ClassicGroup> {
        match &mut self.kind {
            Kind::Classic(group) => Some(group),
            Kind::Consumer(_) => None,
        }
    }

    pub(super) fn consumer(&self) -> Option<&ConsumerGroup> {
        match &self.kind {
            Kind::Classic(_) => None,
            Kind::Consumer(group) => Some(group),
        }
    }

    pub(super) fn consumer_mut(&mut self) -> Option<&mut ConsumerGroup> {
        match &mut self.kind {
            Kind::Classic(_) => None,
            Kind::Consumer(group) => Some(group),
        }
    }

    /// For a member that joins: a group without members takes its protocol.
    pub(super) fn as_classic(&mut self) -> Option<&mut ClassicGroup> {
        if self.is_empty() && self.classic().is_none() {
            self.kind = Kind::default();
        }
        self.classic_mut()
    }

    /// The same for the other protocol.
    pub(super) fn as_consumer(&mut self) -> Option<&mut ConsumerGroup> {
        if self.is_empty() && self.consumer().is_none() {
            self.kind = Kind::Consumer(ConsumerGroup::default());
        }
        self.consumer_mut()
    }

    /// Whether this member may commit offsets.
    pub(super) fn commit(
        &mut self,
        now: Instant,
        claim: Claim<'_>,
        commit: Commit,
    ) -> Result<(), ErrorCode> {
        match &mut self.kind {
            Kind::Classic(group) => group.commit(now, claim, commit),
            Kind::Consumer(group) => group.commit(claim, commit),
        }
    }

    /// Whether who fetches offsets is the member that it says it is.
    pub(super) fn check_reader(&self, claim: Claim<'_>) -> Result<(), ErrorCode> {
        match &self.kind {
            Kind::Consumer(group) if claim.generation >= 0 => group.check_member(claim),
            _ => Ok(()),
        }
    }

    /// Does what is due by now.
    pub(super) fn check(&mut self, now: Instant, waits: Waits, told: &mut Vec<Told>) {
        match &mut self.kind {
            Kind::Classic(group) => group.check(now, waits.initial_delay, told),
            Kind::Consumer(group) => group.check(now),
        }
    }

    /// When there is something to check next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.kind {
            Kind::Classic(group) => group.deadline(),
            Kind::Consumer(group) => group.deadline(),
        }
    }

    /// Another broker coordinates the group now.
    pub(super) fn reload(&mut self, now: Instant, waits: Waits, told: &mut Vec<Told>) {
        match &mut self.kind {
            Kind::Classic(group) => group.reload(now, told),
            Kind::Consumer(group) => group.reload(now, waits.session_timeout),
        }
    }
}

/// What groups of consumers are for, as Kafka calls it.
pub(super) const CONSUMER: &str = "consumer";
/// The default of consumers, `max.poll.interval.ms`.
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(300);
