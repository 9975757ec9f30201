//! What belongs to the open transaction, as far as its coordinator is known to know.
//!
//! With the first protocol a partition or group is told to the coordinator before anything is sent
//! to it; with the second by what is sent to it. An answer that was lost leaves a doubt that a later
//! refusal does not take away: an end that was not needed does no harm, a missing one leaves a
//! transaction open until it times out.

use kafka_wire::ErrorCode;

/// Whether the coordinator knows that something belongs to the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It is to be told, by a request of its own.
    Wanted,
    /// It was told, and has not confirmed it. In the second protocol: by batches or offsets, all of
    /// which it has turned away.
    Tried,
    /// It was told, and did not answer; whatever it answers later, it may know.
    Unanswered,
    /// It has refused it, but may have taken it before: it gets nothing more, and needs an end.
    Doubtful,
    /// It knows.
    Inside,
}

impl Membership {
    /// What is known after the coordinator has answered that it is to be told again.
    pub(super) fn turned_away(self) -> Self {
        match self {
            Self::Wanted | Self::Tried => Self::Wanted,
            Self::Unanswered => Self::Unanswered,
            Self::Doubtful => Self::Doubtful,
            Self::Inside => Self::Inside,
        }
    }

    /// What is known after the coordinator has refused it for good: it does not belong to the
    /// transaction, unless it may have been taken before.
    pub(super) fn refused(self) -> Option<Self> {
        match self {
            Self::Wanted | Self::Tried => None,
            Self::Unanswered | Self::Doubtful => Some(Self::Doubtful),
            Self::Inside => Some(Self::Inside),
        }
    }

    /// Whether the coordinator is to be told, by a request of its own.
    pub(super) fn is_to_be_told(self) -> bool {
        matches!(self, Self::Wanted | Self::Tried | Self::Unanswered)
    }

    /// Whether the coordinator may have to end it.
    pub(super) fn needs_end(self) -> bool {
        matches!(self, Self::Doubtful | Self::Inside)
    }
}

/// Whether a coordinator that has this answered by a leader, or by the coordinator of a group, did not
/// add anything. Of all others it is not known: a leader that had no answer may say that no
/// coordinator is available, or that it is loading.
pub(super) fn is_turned_away(code: ErrorCode) -> bool {
    code == ErrorCode::CONCURRENT_TRANSACTIONS
}
