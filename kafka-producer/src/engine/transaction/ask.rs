//! What a coordinator is asked: plain data, kept with each request until its answer comes.

use std::sync::Arc;

use crate::engine::produce::lane_key::LaneKey;
use crate::prepared::PreparedTxnState;

/// A request about transactions, kept until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Find the coordinator of this.
    FindCoordinator(Role),
    /// Get an id and epoch, or the next epoch.
    InitProducerId,
    /// Commit what an earlier producer has prepared, under its id and epoch.
    Resume(PreparedTxnState),
    /// Add these partitions to the transaction.
    AddPartitions(Vec<LaneKey>),
    /// Add this group to the transaction.
    AddOffsets(Arc<str>),
    /// Commit the offsets at the front of the queue, for this group.
    CommitOffsets(Arc<str>),
    /// End the transaction.
    End(End),
}

impl Ask {
    /// Which coordinator to ask; `None` for any broker, to find the coordinator.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::FindCoordinator(role) => role.clone(),
            Self::CommitOffsets(group) => Role::Group(Arc::clone(group)),
            _ => Role::Transactions,
        }
    }

    /// The lanes whose partitions it adds.
    pub(crate) fn lanes(&self) -> &[LaneKey] {
        match self {
            Self::AddPartitions(keys) => keys,
            _ => &[],
        }
    }

    pub(super) fn kind(&self) -> RequestKind {
        match self {
            Self::FindCoordinator(_) => RequestKind::FindCoordinator,
            Self::InitProducerId => RequestKind::InitProducerId,
            Self::Resume(_) => RequestKind::Resume,
            Self::AddPartitions(_) => RequestKind::AddPartitions,
            Self::AddOffsets(_) => RequestKind::AddOffsets,
            Self::CommitOffsets(_) => RequestKind::CommitOffsets,
            Self::End(End::Commit) => RequestKind::Commit,
            Self::End(End::Abort) => RequestKind::Abort,
        }
    }
}

/// What a broker coordinates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The transactions of this producer.
    Transactions,
    /// This consumer group.
    Group(Arc<str>),
}

impl Role {
    /// The protocol's number for it.
    pub(super) fn key_type(&self) -> i8 {
        match self {
            Self::Group(_) => 0,
            Self::Transactions => 1,
        }
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Abort,
}

/// Which request it is: the meaning of an error code depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    FindCoordinator,
    InitProducerId,
    /// The commit of what an earlier producer has prepared.
    Resume,
    AddPartitions,
    AddOffsets,
    CommitOffsets,
    Commit,
    Abort,
}

impl RequestKind {
    /// Its name in the protocol.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FindCoordinator => "FindCoordinator",
            Self::InitProducerId => "InitProducerId",
            Self::AddPartitions => "AddPartitionsToTxn",
            Self::AddOffsets => "AddOffsetsToTxn",
            Self::CommitOffsets => "TxnOffsetCommit",
            Self::Resume | Self::Commit => "EndTxn(commit)",
            Self::Abort => "EndTxn(abort)",
        }
    }
}
