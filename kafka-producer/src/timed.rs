//! The time that a call takes, for metrics: counted when it ends, whatever comes of it, also if it is dropped.

use std::time::Instant;

use crate::engine::{CallerCounters, EngineHandle, TransactionCall, Wait};

/// A call that waits, from its begin to its end.
#[must_use = "it ends when it is dropped"]
pub(crate) struct Timed<'a> {
    callers: &'a CallerCounters,
    wait: Wait,
    since: Instant,
}

impl<'a> Timed<'a> {
    /// The call begins now.
    pub(crate) fn begin(handle: &'a EngineHandle, wait: Wait) -> Self {
        Self {
            callers: handle.measurements().callers(),
            wait,
            since: Instant::now(),
        }
    }

    /// A call around a transaction, if its time is measured.
    pub(crate) fn transaction(handle: &'a EngineHandle, call: &TransactionCall) -> Option<Self> {
        let wait = match call {
            TransactionCall::Init | TransactionCall::Complete(_) => Wait::Init,
            TransactionCall::Begin => Wait::Begin,
            TransactionCall::SendOffsets { .. } => Wait::SendOffsets,
            TransactionCall::Prepare => Wait::Prepare,
            TransactionCall::Commit | TransactionCall::CommitPrepared(_) => Wait::Commit,
            TransactionCall::Abort | TransactionCall::AbortPrepared(_) => Wait::Abort,
            TransactionCall::Wait | TransactionCall::Abandon | TransactionCall::AbandonPrepare => {
                return None;
            }
        };
        Some(Self::begin(handle, wait))
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.callers.waited(self.wait, self.since.elapsed());
    }
}
