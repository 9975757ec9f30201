//! The consumer group whose offsets go with a producer's transactions: one static member, whom
//! rebalances renumber or replace. A caller hears of that when he next begins a transaction, if then.

use kafka_mock::cluster::{GroupMember, Membership};
use kafka_producer::ConsumerGroupMetadata;

/// The consumer group whose offsets a producer commits.
pub(crate) fn group_of(client: usize) -> String {
    format!("group-{client}")
}

/// Who is in the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    generation: i32,
    /// How often the member was replaced.
    member: u32,
}

/// What a caller says of his place in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Nothing, which is not checked.
    Nothing,
    Member(Standing),
    /// The same, as the static member.
    Instance(Standing),
}

impl Standing {
    /// After a rebalance in which everybody has stayed.
    pub(crate) fn renumbered(self) -> Self {
        let generation = self.generation + 1;
        Self { generation, ..self }
    }

    /// After another process has taken the member's place.
    pub(crate) fn replaced(self) -> Self {
        let member = self.member + 1;
        Self { member, ..self }.renumbered()
    }

    /// As the coordinator knows it.
    pub(crate) fn membership(self) -> Membership {
        let member = GroupMember::new(self.name()).with_instance_id(Some(INSTANCE.to_owned()));
        Membership::default()
            .with_generation(self.generation)
            .with_members(vec![member])
    }

    fn name(self) -> String {
        format!("member-{}", self.member)
    }
}

impl Claim {
    /// As the producer is told.
    pub(crate) fn metadata(self, client: usize) -> ConsumerGroupMetadata {
        let group = ConsumerGroupMetadata::new(group_of(client));
        match self {
            Self::Nothing => group,
            Self::Member(standing) => group.member(standing.name(), standing.generation),
            Self::Instance(standing) => {
                let member = group.member(standing.name(), standing.generation);
                member.instance(INSTANCE)
            }
        }
    }

    /// Whether it is true.
    pub(crate) fn holds(self, standing: Standing) -> bool {
        match self {
            Self::Nothing => true,
            Self::Member(claimed) | Self::Instance(claimed) => claimed == standing,
        }
    }
}

/// `group.instance.id` of the only member.
const INSTANCE: &str = "the-first";
