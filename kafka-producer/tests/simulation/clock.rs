//! The one clock of a run, which stands still until the next thing happens.
//!
//! Everybody reads it: the engine is told, callers and brokers ask. It never goes backward. The wall
//! clock of producers is another: it drifts, and somebody may set it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Virtual time; shared with callbacks, which must be `Send`.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    elapsed_ns: AtomicU64,
    /// What the wall clock of producers shows too much.
    off_ms: AtomicI64,
    /// And by how many parts in a million it is too fast.
    drift_ppm: AtomicI64,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            elapsed_ns: AtomicU64::new(0),
            off_ms: AtomicI64::new(0),
            drift_ppm: AtomicI64::new(0),
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

    /// Sets the wall clock of producers.
    pub(crate) fn set_off(&self, by_ms: i64) {
        self.off_ms.store(by_ms, Ordering::Relaxed);
    }

    /// Lets the wall clock of producers run too fast, or too slow.
    pub(crate) fn drift(&self, ppm: i64) {
        self.drift_ppm.store(ppm, Ordering::Relaxed);
    }

    /// What the wall clock of producers shows.
    pub(crate) fn wall_ms(&self) -> i64 {
        let elapsed_ms = self.elapsed().as_millis() as i64;
        let drifted_ms = elapsed_ms * self.drift_ppm.load(Ordering::Relaxed) / 1_000_000;
        self.true_wall_ms() + drifted_ms + self.off_ms.load(Ordering::Relaxed)
    }

    /// What those of brokers show.
    pub(crate) fn true_wall_ms(&self) -> i64 {
        WALL_START_MS + self.elapsed().as_millis() as i64
    }
}

/// A day in November 2023.
const WALL_START_MS: i64 = 1_700_000_000_000;
