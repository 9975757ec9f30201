//! Whether a signal came, to be waited for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Set once by a signal, and never taken back.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    came: Mutex<bool>,
    comes: Condvar,
}

impl Stop {
    /// Wakes whoever waits, and whoever will.
    pub(crate) fn now(&self) {
        *self.came.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.comes.notify_all();
    }

    /// Whether it came.
    pub(crate) fn came(&self) -> bool {
        *self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for it, at most that long; whether it came.
    pub(crate) fn comes_within(&self, limit: Duration) -> bool {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let (came, _) = self
            .comes
            .wait_timeout_while(came, limit, |came| !*came)
            .unwrap_or_else(PoisonError::into_inner);
        *came
    }

    /// Waits for it.
    pub(crate) fn wait(&self) {
        let came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.comes.wait_while(came, |came| !*came));
    }
}
