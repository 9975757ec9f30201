//! Who leads a partition, and which of two words about it is believed: that of the newer leader epoch
//! (KIP-320).

use crate::engine::cluster::node_id::NodeId;

/// Who leads a partition, and since which election: there may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Election {
    /// A number that no broker has if there is none.
    leader: NodeId,
    /// -1 if it is not known.
    epoch: i32,
}

/// What a word about a partition's leader is, beside what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Of before; it is not believed.
    Outdated,
    /// Of the same election; a leader that was not known may be known now.
    Same,
    Elected,
}

impl Election {
    pub(crate) const NONE: Self = Self {
        leader: NodeId(-1),
        epoch: -1,
    };

    pub(crate) fn of(leader: Option<NodeId>, epoch: i32) -> Self {
        let leader = leader.unwrap_or(Self::NONE.leader);
        Self { leader, epoch }
    }

    pub(crate) fn leader(self) -> Option<NodeId> {
        Some(self.leader).filter(|leader| !leader.is_bootstrap())
    }

    pub(crate) fn epoch(self) -> i32 {
        self.epoch
    }

    /// Takes in what is told, unless what is known is newer. A broker that tells no epochs (before Kafka
    /// 2.1) is believed.
    pub(crate) fn take_in(&mut self, told: Self) -> News {
        if (0..self.epoch).contains(&told.epoch) {
            return News::Outdated;
        }
        let elected = told.epoch != self.epoch || (told.epoch < 0 && told.leader != self.leader);
        *self = told;
        match elected {
            true => News::Elected,
            false => News::Same,
        }
    }

    /// The topic is another of the same name, which has epochs of its own.
    pub(crate) fn forget_epoch(&mut self) {
        self.epoch = Self::NONE.epoch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_epoch_is_believed_and_without_epochs_the_later_word() {
        let (one, two) = (Some(NodeId(1)), Some(NodeId(2)));
        let cases = [
            ((one, 5), (two, 4), News::Outdated),
            ((one, 5), (two, 0), News::Outdated),
            ((one, 5), (one, 5), News::Same),
            ((None, 5), (two, 5), News::Same),
            ((one, 5), (None, 5), News::Same),
            ((one, 5), (one, 6), News::Elected),
            ((one, 5), (two, 6), News::Elected),
            ((one, 5), (two, -1), News::Elected),
            ((one, -1), (two, -1), News::Elected),
            ((one, -1), (one, -1), News::Same),
            ((None, -1), (one, 0), News::Elected),
        ];
        for ((leader, epoch), (told_leader, told_epoch), expected) in cases {
            let mut known = Election::of(leader, epoch);
            let before = known;
            let told = Election::of(told_leader, told_epoch);
            assert_eq!(known.take_in(told), expected, "{before:?}, {told:?}");
            let after = match expected {
                News::Outdated => before,
                News::Same | News::Elected => told,
            };
            assert_eq!(known, after, "{before:?}, {told:?}");
        }
    }

    #[test]
    fn another_topic_of_the_name_begins_with_any_epoch() {
        let mut known = Election::of(Some(NodeId(1)), 9);
        known.forget_epoch();
        let told = Election::of(Some(NodeId(2)), 0);
        assert_eq!(known.take_in(told), News::Elected);
        assert_eq!((known.leader(), known.epoch()), (Some(NodeId(2)), 0));
    }
}
