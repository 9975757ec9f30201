//! Who leads a partition. Of two brokers that say different things about it, the one that names the
//! newer leader epoch counts (KIP-320).

use crate::engine::cluster::node_id::NodeId;

/// Who leads a partition, and since which election: there may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Election {
    leader: Option<NodeId>,
    /// -1 if it is not known, as in the protocol.
    epoch: i32,
}

/// How what is told of a partition's leader compares with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is of an earlier election, and ignored.
    Outdated,
    /// It is of the same election; a leader that was not known may be known now.
    Same,
    /// It is of another election.
    Elected,
}

impl Election {
    pub(crate) const NONE: Self = Self {
        leader: None,
        epoch: -1,
    };

    pub(crate) fn of(leader: Option<NodeId>, epoch: i32) -> Self {
        Self { leader, epoch }
    }

    pub(crate) fn leader(self) -> Option<NodeId> {
        self.leader
    }

    pub(crate) fn epoch(self) -> i32 {
        self.epoch
    }

    /// Takes over what is told, unless what is known is newer. A broker that tells no epochs (before
    /// Kafka 2.1) counts.
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
    fn the_newer_epoch_counts_and_without_epochs_what_is_told_last() {
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
    fn another_topic_of_the_name_starts_with_any_epoch() {
        let mut known = Election::of(Some(NodeId(1)), 9);
        known.forget_epoch();
        let told = Election::of(Some(NodeId(2)), 0);
        assert_eq!(known.take_in(told), News::Elected);
        assert_eq!((known.leader(), known.epoch()), (Some(NodeId(2)), 0));
    }
}
