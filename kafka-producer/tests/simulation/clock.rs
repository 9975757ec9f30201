//! The one clock of a run, which stands still until the next thing happens.
//!
//! Everybody reads it: the engine is told, callers and brokers ask. It never goes backward.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Virtual time; shared with callbacks, which must be `Send`.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    elapsed_ns: AtomicU64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            elapsed_ns: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    /// Since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_ns.load(Ordering::Relaxed))
    }

    /// A moment, counted from the beginning of the run.
    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }

    /// Moves on to `at`, if that is later.
    pub(crate) fn advance(&self, at: Instant) {
        let elapsed = self.since_start(at).max(self.elapsed());
        let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed_ns.store(elapsed_ns, Ordering::Relaxed);
    }

    /// What a wall clock shows.
    pub(crate) fn wall_ms(&self) -> i64 {
        WALL_START_MS + self.elapsed().as_millis() as i64
    }
}

/// A day in November 2023.
const WALL_START_MS: i64 = 1_700_000_000_000;
