//! Consumer groups, as far as a transaction sees them: who is a member, and the offsets.
//!
//! Members cannot join: a test sets the generation and the members of a group. Offsets that come
//! with a transaction wait for its end.

use std::collections::BTreeMap;

use kafka_wire::ErrorCode;

use super::{marker::TransactionOutcome, setters::settings};

settings! {
    /// Who is in a consumer group.
    ///
    /// ```
    /// use kafka_mock::cluster::{GroupMember, Membership};
    ///
    /// let member = GroupMember::new("m-1");
    /// let membership = Membership::default().with_generation(3).with_members(vec![member]);
    /// assert_eq!(membership.members[0].instance_id, None);
    /// ```
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Membership {
        /// Grows with each rebalance.
        pub generation: i32,
        /// Its members.
        pub members: Vec<GroupMember>,
    }
}

settings! {
    /// A member of a consumer group.
    ///
    /// ```
    /// use kafka_mock::cluster::GroupMember;
    ///
    /// let fixed = GroupMember::new("m-1").with_instance_id(Some("rack-7".to_owned()));
    /// assert_eq!(fixed.member_id, "m-1");
    /// ```
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct GroupMember {
        /// What the group calls it.
        pub member_id: String,
        /// What it calls itself, if it is a static member (KIP-345).
        pub instance_id: Option<String>,
    }
}

impl GroupMember {
    /// A member that is not static.
    ///
    /// ```
    /// assert_eq!(kafka_mock::cluster::GroupMember::new("m-1").member_id, "m-1");
    /// ```
    #[must_use]
    pub fn new(member_id: impl Into<String>) -> Self {
        Self {
            member_id: member_id.into(),
            instance_id: None,
        }
    }
}

/// An offset that a consumer group has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommittedOffset {
    /// The offset to go on with.
    pub offset: i64,
    /// Of the record before, or -1.
    pub leader_epoch: i32,
    /// What the consumer noted.
    pub metadata: String,
}

/// All groups, by name.
pub(super) type Groups = BTreeMap<String, Group>;

/// Offsets by topic and partition.
pub(super) type Offsets = BTreeMap<(String, i32), CommittedOffset>;

#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) membership: Membership,
    pub(super) committed: Offsets,
    /// By producer id, until the transaction ends.
    pending: BTreeMap<i64, Offsets>,
}

/// What a member says of itself when it commits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim<'a> {
    pub(super) generation: i32,
    pub(super) member_id: &'a str,
    pub(super) instance_id: Option<&'a str>,
}

impl Group {
    /// Whether this member may commit (Kafka's `ClassicGroup.validateOffsetCommit`). A commit
    /// without generation and member id is allowed, as from old clients.
    pub(super) fn check(&self, claim: Claim<'_>) -> Result<(), ErrorCode> {
        let Membership {
            generation,
            members,
        } = &self.membership;
        if claim.generation < 0 && (members.is_empty() || claim.claims_nothing()) {
            return Ok(());
        }
        if let Some(instance) = claim.instance_id {
            let fixed = members
                .iter()
                .find(|it| it.instance_id.as_deref() == Some(instance));
            let fixed = fixed.ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
            if fixed.member_id != claim.member_id {
                return Err(ErrorCode::FENCED_INSTANCE_ID);
            }
        }
        if !members.iter().any(|it| it.member_id == claim.member_id) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        if claim.generation != *generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        Ok(())
    }

    /// Keeps offsets until the producer's transaction ends.
    pub(super) fn keep(&mut self, producer_id: i64, place: (String, i32), offset: CommittedOffset) {
        self.pending
            .entry(producer_id)
            .or_default()
            .insert(place, offset);
    }

    /// The producer's transaction has ended.
    pub(super) fn settle(&mut self, producer_id: i64, outcome: TransactionOutcome) {
        let Some(pending) = self.pending.remove(&producer_id) else {
            return;
        };
        if outcome == TransactionOutcome::Commit {
            self.committed.extend(pending);
        }
    }
}

impl Claim<'_> {
    fn claims_nothing(&self) -> bool {
        self.member_id.is_empty() && self.instance_id.is_none()
    }
}
