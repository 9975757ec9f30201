//! Whether a commit runs. Whoever tells what became of all waits for it, so that a transaction is not told of as it
//! was before its commit. It commits nothing itself.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The commit that runs, if one does: its records.
#[derive(Debug, Default)]
pub(crate) struct Committing {
    records: Mutex<Option<u64>>,
    ended: Condvar,
}

impl Committing {
    /// A commit of so many records begins. It ends, outcome and all, when what is returned is dropped.
    pub(crate) fn begin(&self, records: u64) -> Running<'_> {
        self.set(Some(records));
        Running(self)
    }

    /// Waits until no commit runs; gives the records of one that runs still when the limit is over.
    pub(crate) fn wait(&self, limit: Duration) -> Option<u64> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .ended
            .wait_timeout_while(records, limit, |records| records.is_some());
        let (records, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *records
    }

    fn set(&self, records: Option<u64>) {
        *self.records.lock().unwrap_or_else(PoisonError::into_inner) = records;
        self.ended.notify_all();
    }
}

/// A commit, until its outcome is counted.
#[must_use]
pub(crate) struct Running<'c>(&'c Committing);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(300);

    #[test]
    fn what_is_counted_before_a_commit_ends_is_seen_by_whoever_waits_for_it() {
        let (committing, is_counted) = (Committing::default(), AtomicBool::new(false));
        assert_eq!(committing.wait(DEADLINE), None);
        let running = committing.begin(2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let left = committing.wait(DEADLINE);
                (left, is_counted.load(Ordering::SeqCst))
            });
            is_counted.store(true, Ordering::SeqCst);
            drop(running);
            assert_eq!(waiting.join().unwrap(), (None, true));
        });
    }

    #[test]
    fn a_commit_that_does_not_end_in_time_is_told_with_its_records() {
        let committing = Committing::default();
        let running = committing.begin(2);
        assert_eq!(committing.wait(Duration::ZERO), Some(2));
        drop(running);
        assert_eq!(committing.wait(Duration::ZERO), None);
    }
}
