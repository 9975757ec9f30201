//! Which id and epoch the next transaction uses: a pure function.
//!
//! It uses those of the last transaction only if no request of the last one can still affect it, and if nobody has
//! stored them (KIP-939).

use super::phase::StaleRequest;
use crate::engine::identity::ProducerId;
use crate::engine::produce::verdict::TransactionVersion;

/// A transaction that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// The id and epoch in the coordinator's answer to the end.
    pub(super) given: Option<ProducerId>,
    pub(super) version: TransactionVersion,
    /// Whether the coordinator may have known the transaction.
    pub(super) known_there: bool,
    pub(super) failure: Failure,
    /// Whether the sequence of a partition is broken.
    pub(super) sequence_broken: bool,
    pub(super) stale: StaleRequest,
    pub(super) stored: MayBeStored,
}

/// Whether its owner may have stored its id and epoch: whatever else has them would be taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayBeStored {
    No,
    /// It was prepared.
    Yes,
}

/// Whether something went wrong in the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    None,
    /// Anything else.
    Any,
    /// The coordinator does not know the producer id, and will not in the next transaction.
    UnknownProducer,
}

/// What the next transaction begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextEpoch {
    /// These.
    Given(ProducerId),
    /// The same, and every sequence from 0: no log has any batch of them.
    Unused,
    /// The same, and every sequence goes on.
    Same,
    /// The next epoch, which the coordinator has to be asked for.
    Asked,
}

impl Ended {
    pub(super) fn next_epoch(self) -> NextEpoch {
        let failed_there = match self.failure {
            Failure::None => false,
            Failure::Any => self.known_there,
            Failure::UnknownProducer => true,
        };
        let untouched = self.version == TransactionVersion::Two && !self.known_there;
        if let Some(given) = self.given {
            return NextEpoch::Given(given);
        }
        if self.stored == MayBeStored::Yes {
            return NextEpoch::Asked;
        }
        if untouched && !failed_there {
            return NextEpoch::Unused;
        }
        match failed_there || self.sequence_broken || self.stale == StaleRequest::Possible {
            true => NextEpoch::Asked,
            false => NextEpoch::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: Ended = Ended {
        given: None,
        version: TransactionVersion::One,
        known_there: true,
        failure: Failure::None,
        sequence_broken: false,
        stale: StaleRequest::None,
        stored: MayBeStored::No,
    };

    #[test]
    fn the_epoch_is_used_on_only_if_nothing_of_the_transaction_can_do_harm() {
        let sound = COMMITTED.next_epoch();
        assert_eq!(sound, NextEpoch::Same);
        let broken = Ended {
            sequence_broken: true,
            ..COMMITTED
        };
        let stale = Ended {
            stale: StaleRequest::Possible,
            ..COMMITTED
        };
        let failed = Ended {
            failure: Failure::Any,
            ..COMMITTED
        };
        for ended in [broken, stale, failed] {
            assert_eq!(ended.next_epoch(), NextEpoch::Asked, "{ended:?}");
        }
    }

    #[test]
    fn what_its_coordinator_gives_counts_whatever_has_happened() {
        let given = ProducerId { id: 7, epoch: 4 };
        let ended = Ended {
            given: Some(given),
            failure: Failure::UnknownProducer,
            sequence_broken: true,
            ..COMMITTED
        };
        assert_eq!(ended.next_epoch(), NextEpoch::Given(given));
    }

    #[test]
    fn what_was_prepared_shares_its_epoch_with_nothing_also_if_nothing_was_in_it() {
        for version in [TransactionVersion::One, TransactionVersion::Two] {
            for known_there in [false, true] {
                let ended = Ended {
                    version,
                    known_there,
                    stored: MayBeStored::Yes,
                    ..COMMITTED
                };
                assert_eq!(ended.next_epoch(), NextEpoch::Asked, "{ended:?}");
            }
        }
    }

    #[test]
    fn what_the_coordinator_never_knew_of_leaves_its_epoch_unless_it_does_not_know_the_producer() {
        for (version, failure, expected) in [
            (TransactionVersion::One, Failure::None, NextEpoch::Same),
            (TransactionVersion::One, Failure::Any, NextEpoch::Same),
            (TransactionVersion::Two, Failure::None, NextEpoch::Unused),
            (TransactionVersion::Two, Failure::Any, NextEpoch::Unused),
            (
                TransactionVersion::One,
                Failure::UnknownProducer,
                NextEpoch::Asked,
            ),
            (
                TransactionVersion::Two,
                Failure::UnknownProducer,
                NextEpoch::Asked,
            ),
        ] {
            let ended = Ended {
                version,
                failure,
                known_there: false,
                ..COMMITTED
            };
            assert_eq!(ended.next_epoch(), expected, "{ended:?}");
        }
    }
}
