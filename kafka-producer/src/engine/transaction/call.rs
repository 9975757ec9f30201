//! What callers ask of the engine around a transaction: plain data.

use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// What is asked of the engine; see the methods of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionCall {
    /// Fence whoever used this `transactional.id` before, and get an id and epoch.
    Init,
    /// Take records; waits until the transaction before has ended.
    Begin,
    /// Commit these offsets of a consumer with the transaction.
    SendOffsets {
        /// Which; none is nothing to do.
        offsets: Vec<OffsetToCommit>,
        /// Whose.
        group: ConsumerGroupMetadata,
    },
    /// Make everything visible, together.
    Commit,
    /// Make nothing visible.
    Abort,
    /// Tell how the last transaction has ended, as soon as it has.
    Wait,
    /// Nobody holds the transaction any more: abort it, unless it is being committed.
    Abandon,
}
