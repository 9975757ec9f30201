//! What a group says to its members, some of whom have waited for it.

use bytes::Bytes;
use kafka_wire::ErrorCode;

/// The number of a request that a group has to answer, now or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::cluster) struct Ticket(pub(in crate::cluster) u64);

/// An answer, and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Told {
    pub(in crate::cluster) ticket: Ticket,
    pub(in crate::cluster) reply: Reply,
}

/// An answer that may have taken a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Reply {
    Joined(Joined),
    Synced(Synced),
}

/// The answer to JoinGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Joined {
    pub(in crate::cluster) error_code: ErrorCode,
    pub(in crate::cluster) generation: Option<i32>,
    pub(in crate::cluster) protocol_type: Option<String>,
    pub(in crate::cluster) protocol: Option<String>,
    pub(in crate::cluster) leader: String,
    pub(in crate::cluster) skip_assignment: bool,
    pub(in crate::cluster) member_id: String,
    pub(in crate::cluster) members: Vec<JoinedMember>,
}

/// A member, as the leader is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct JoinedMember {
    pub(in crate::cluster) member_id: String,
    pub(in crate::cluster) instance_id: Option<String>,
    pub(in crate::cluster) metadata: Bytes,
}

/// The answer to SyncGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Synced {
    pub(in crate::cluster) error_code: ErrorCode,
    pub(in crate::cluster) protocol_type: Option<String>,
    pub(in crate::cluster) protocol: Option<String>,
    pub(in crate::cluster) assignment: Bytes,
}

impl Joined {
    /// Refuses a member.
    pub(in crate::cluster) fn refused(error_code: ErrorCode, member_id: &str) -> Self {
        Self {
            error_code,
            member_id: member_id.to_owned(),
            ..Self::default()
        }
    }
}

impl Synced {
    /// Refuses a member.
    pub(in crate::cluster) fn refused(error_code: ErrorCode) -> Self {
        Self {
            error_code,
            ..Self::default()
        }
    }
}

impl Told {
    pub(in crate::cluster) fn joined(ticket: Ticket, joined: Joined) -> Self {
        let reply = Reply::Joined(joined);
        Self { ticket, reply }
    }

    pub(in crate::cluster) fn synced(ticket: Ticket, synced: Synced) -> Self {
        let reply = Reply::Synced(synced);
        Self { ticket, reply }
    }
}
