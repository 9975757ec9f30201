//! Consumer groups: their members, and the offsets that they have committed.
//!
//! Nothing here knows brokers or connections: `groups` says who coordinates a group, and carries
//! answers to those who wait.

mod claim;
mod classic;
mod classic_member;
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

pub(super) use self::{
    claim::{Claim, Commit},
    classic::{ClassicGroup, Client, Join, Sync},
    classic_member::Profile,
    consumer_protocol::{assigned, subscribed},
    offsets::GroupOffsets,
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
    pub(super) classic: ClassicGroup,
    pub(super) offsets: GroupOffsets,
    /// When it is next looked at.
    pub(super) timer: Option<Instant>,
    /// The epoch of the coordinator that has loaded it.
    pub(super) loaded_by: i32,
}

impl Group {
    /// Its members are those that a test says, and stay.
    pub(super) fn set_membership(&mut self, membership: Membership) {
        let members = membership.members.into_iter().map(|it| {
            let profile = Profile {
                instance_id: it.instance_id,
                client_id: String::new(),
                session_timeout: SESSION_TIMEOUT,
                rebalance_timeout: REBALANCE_TIMEOUT,
                protocol_type: "consumer".to_owned(),
                protocols: vec![("range".to_owned(), Bytes::new())],
            };
            (it.member_id, profile)
        });
        self.classic = ClassicGroup::with_members(membership.generation, members.collect());
    }
}

/// The defaults of consumers: `session.timeout.ms` and `max.poll.interval.ms`.
const SESSION_TIMEOUT: Duration = Duration::from_secs(45);
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(300);
