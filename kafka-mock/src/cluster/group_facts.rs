//! What the coordinators know of groups, for tests that ask.
//!
//! Nothing here changes anything, and no broker needs to be alive.

use super::{
    Cluster,
    group::{Group, GroupState, assigned},
};

/// What is known of a consumer group.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig, GroupState, Membership};
///
/// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
/// cluster.set_membership("billing", Membership::default().with_generation(3));
/// let billing = cluster.group("billing").expect("it was just made");
/// assert_eq!((billing.state, billing.generation), (GroupState::Empty, 3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupFacts {
    /// How far it is.
    pub state: GroupState,
    /// Grows with each rebalance.
    pub generation: i32,
    /// Its members, in the order in which they joined.
    pub members: Vec<MemberFacts>,
}

/// What is known of a member.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig, GroupMember, Membership};
///
/// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
/// let member = GroupMember::new("m-1");
/// cluster.set_membership("billing", Membership::default().with_members(vec![member]));
/// let members = cluster.group("billing").expect("it was just made").members;
/// assert_eq!(members[0].member_id, "m-1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberFacts {
    /// What the group calls it.
    pub member_id: String,
    /// What it calls itself, if it is a static member (KIP-345).
    pub instance_id: Option<String>,
    /// Name of its client.
    pub client_id: String,
    /// What it is to read: topics, and numbers of partitions.
    pub assignment: Vec<(String, i32)>,
}

impl Cluster {
    /// What is known of a group; none if there is no such group.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).group("billing"), None);
    /// ```
    #[must_use]
    pub fn group(&self, name: &str) -> Option<GroupFacts> {
        self.groups.get(name).map(facts)
    }

    /// Names of all groups.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).groups().count(), 0);
    /// ```
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }
}

fn facts(group: &Group) -> GroupFacts {
    let members = group.classic.members().iter().map(|it| MemberFacts {
        member_id: it.id.clone(),
        instance_id: it.profile.instance_id.clone(),
        client_id: it.profile.client_id.clone(),
        assignment: assigned(&it.assignment),
    });
    GroupFacts {
        state: group.classic.state(),
        generation: group.classic.generation(),
        members: members.collect(),
    }
}
