//! Actions that undo something: on return, on an error, on a panic, on Ctrl-C.
//!
//! An [`Undo`] runs its action when it is dropped. On SIGINT, SIGTERM or SIGHUP, all pending actions
//! run, newest first, and the process ends. Each runs exactly once. After a signal, the lock is held
//! while they run, so that the main thread cannot end the process before they are done.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

type Action = Box<dyn FnOnce() + Send>;

struct Pending {
    next: u64,
    actions: BTreeMap<u64, Action>,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending {
    next: 0,
    actions: BTreeMap::new(),
});

/// An action that is run once, when this is dropped or the process is told to end.
#[must_use = "dropping it runs the action at once"]
pub(crate) struct Undo(u64);

impl Undo {
    /// Runs `action` when the returned value is dropped.
    pub(crate) fn new(action: impl FnOnce() + Send + 'static) -> Self {
        let mut pending = pending();
        let id = pending.next;
        pending.next += 1;
        pending.actions.insert(id, Box::new(action));
        Self(id)
    }

    /// Forgets the action: what it would undo is over, or is meant to last.
    pub(crate) fn forget(self) {
        pending().actions.remove(&self.0);
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let action = pending().actions.remove(&self.0);
        if let Some(action) = action {
            action();
        }
    }
}

/// Makes signals that end a process run what is pending first.
pub(crate) fn on_interruption() -> Result<()> {
    ctrlc::set_handler(|| {
        let mut pending = pending();
        while let Some((_, action)) = pending.actions.pop_last() {
            action();
        }
        eprintln!("interrupted");
        std::process::exit(130);
    })
    .context("handlers for SIGINT, SIGTERM and SIGHUP can not be installed")
}

/// A panic in an action must not keep the other ones from being run: poisoning is ignored.
fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counted() -> (Arc<AtomicUsize>, Undo) {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let undo = Undo::new(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        });
        (count, undo)
    }

    #[test]
    fn a_dropped_undo_runs_once() {
        let (count, undo) = counted();
        assert_eq!(count.load(Ordering::SeqCst), 0);
        drop(undo);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_forgotten_undo_does_not_run() {
        let (count, undo) = counted();
        undo.forget();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_panic_runs_what_is_held() {
        let (count, undo) = counted();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _undo = undo;
            panic!("on purpose");
        }));
        assert!(outcome.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
}
