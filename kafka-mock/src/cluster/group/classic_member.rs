//! A member of a group of the classic protocol.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::reply::{JoinedMember, Ticket};

/// A protocol that a member knows, and what it says of the member.
pub(in crate::cluster) type Protocol = (String, Bytes);

/// What a member says of itself when it joins.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Profile {
    pub(in crate::cluster) instance_id: Option<String>,
    pub(in crate::cluster) client_id: String,
    pub(in crate::cluster) session_timeout: Duration,
    pub(in crate::cluster) rebalance_timeout: Duration,
    pub(in crate::cluster) protocol_type: String,
    /// The preferred one first.
    pub(in crate::cluster) protocols: Vec<Protocol>,
}

#[derive(Clone, Debug)]
pub(in crate::cluster) struct Member {
    pub(in crate::cluster) id: String,
    pub(in crate::cluster) profile: Profile,
    pub(in crate::cluster) assignment: Bytes,
    pub(super) waits: Waits,
    /// It has not been in a generation yet.
    pub(super) is_new: bool,
    /// When it has been silent for too long; never, if it is known to wait.
    pub(super) session_ends: Option<Instant>,
}

/// What a member waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    No,
    ForGeneration(Ticket),
    ForAssignment(Ticket),
}

impl Member {
    pub(super) fn new(id: String, profile: Profile) -> Self {
        Self {
            id,
            profile,
            assignment: Bytes::new(),
            waits: Waits::No,
            is_new: true,
            session_ends: None,
        }
    }

    pub(super) fn has_joined(&self) -> bool {
        matches!(self.waits, Waits::ForGeneration(_))
    }

    pub(super) fn is_static(&self) -> bool {
        self.profile.instance_id.is_some()
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        let mut protocols = self.profile.protocols.iter();
        protocols.any(|(name, _)| name == protocol)
    }

    /// What a protocol says of it.
    pub(in crate::cluster) fn metadata(&self, protocol: &str) -> Bytes {
        let mut protocols = self.profile.protocols.iter();
        let found = protocols.find(|(name, _)| name == protocol);
        found
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }

    pub(super) fn seen(&mut self, now: Instant) {
        self.session_ends = Some(now + self.profile.session_timeout);
    }

    /// Whether it is gone, if its session ends by now: who waits is not, unless it is new.
    pub(super) fn expires(&mut self, now: Instant) -> bool {
        if self.session_ends.is_none_or(|ends| ends > now) {
            return false;
        }
        self.session_ends = None;
        self.is_new || self.waits == Waits::No
    }

    pub(super) fn described(&self, protocol: &str) -> JoinedMember {
        JoinedMember {
            member_id: self.id.clone(),
            instance_id: self.profile.instance_id.clone(),
            metadata: self.metadata(protocol),
        }
    }
}
