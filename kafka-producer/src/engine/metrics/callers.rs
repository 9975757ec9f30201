//! What callers' threads wait for, counted by themselves, without a lock.
//!
//! Only calls that wait, or fail, come here; a record that is appended at once does not.

use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "tokio")]
use std::time::Duration;

/// What a caller spends time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// `flush`.
    Flush,
    /// A send, for metadata of its topic.
    Metadata,
    /// A send, for memory.
    Memory,
    /// `init_transactions`.
    Init,
    /// `begin_transaction`.
    Begin,
    /// `send_offsets`.
    SendOffsets,
    /// `prepare`.
    Prepare,
    /// `commit`.
    Commit,
    /// `abort`.
    Abort,
}

const WAITS: usize = 9;

/// Counted by all threads of a producer's callers.
#[derive(Debug, Default)]
pub(crate) struct CallerCounters {
    spent_ns: [AtomicU64; WAITS],
    /// Records that were not accepted.
    refused: AtomicU64,
    /// Those of them for which there was no memory in time.
    exhausted: AtomicU64,
}

#[cfg(feature = "tokio")]
impl CallerCounters {
    /// A call has waited for so long, whatever came of it.
    pub(crate) fn waited(&self, wait: Wait, took: Duration) {
        let took_ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.spent_ns[wait as usize].fetch_add(took_ns, Ordering::Relaxed);
    }

    /// A record was not accepted.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// There was no memory for a record in time.
    pub(crate) fn exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::Relaxed);
    }
}

impl CallerCounters {
    /// How long all calls together have waited.
    pub(super) fn spent_ns(&self, wait: Wait) -> u64 {
        self.spent_ns[wait as usize].load(Ordering::Relaxed)
    }

    /// What of it is measured in windows, too.
    pub(super) fn seen(&self) -> Seen {
        Seen {
            memory_wait_ns: self.spent_ns(Wait::Memory),
            refused: self.refused.load(Ordering::Relaxed),
            exhausted: self.exhausted.load(Ordering::Relaxed),
        }
    }
}

/// What was counted up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) memory_wait_ns: u64,
    pub(super) refused: u64,
    pub(super) exhausted: u64,
}

impl Seen {
    /// What has come since an earlier moment.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            memory_wait_ns: self.memory_wait_ns.saturating_sub(earlier.memory_wait_ns),
            refused: self.refused.saturating_sub(earlier.refused),
            exhausted: self.exhausted.saturating_sub(earlier.exhausted),
        }
    }
}
