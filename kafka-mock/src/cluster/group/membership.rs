//! Who is in a group because a test says so, instead of members that join.

use super::super::setters::settings;

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
