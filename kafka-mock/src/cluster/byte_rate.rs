//! How many bytes of a client a broker has counted of late, and how long it must pause if those are too many.
//!
//! As Kafka's `Rate` with the default `quota.window.num=11` and `quota.window.size.seconds=1`: ten whole windows and
//! the current one, of which those that never were count as empty. A client that comes for the first time may so
//! send what it is allowed in ten seconds at once.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What was counted, in windows, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct ByteRate {
    windows: VecDeque<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    last: Instant,
    bytes: u64,
}

impl ByteRate {
    /// The whole windows together.
    pub(super) const WHOLE_WINDOWS_SECONDS: u64 = 10;

    /// Counts bytes that pass now.
    pub(super) fn record(&mut self, now: Instant, bytes: u64) {
        self.windows
            .retain(|window| now.duration_since(window.last) < WINDOW * WINDOWS);
        match self.windows.back_mut() {
            Some(window) if now.duration_since(window.start) < WINDOW => {
                window.last = now;
                window.bytes = window.bytes.saturating_add(bytes);
            }
            _ => self.windows.push_back(Window {
                start: now,
                last: now,
                bytes,
            }),
        }
    }

    /// Takes back bytes that were recorded last.
    pub(super) fn take_back(&mut self, bytes: u64) {
        if let Some(window) = self.windows.back_mut() {
            window.bytes = window.bytes.saturating_sub(bytes);
        }
    }

    /// Whether nothing was counted for so long that it is of no interest any more.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let last = self.windows.back();
        last.is_none_or(|window| now.duration_since(window.last) >= WINDOW * WINDOWS)
    }

    /// How long nothing may pass, so that no more than this many bytes per second have; in milliseconds.
    pub(super) fn excess(&self, now: Instant, bytes_per_second: u64) -> Duration {
        let Some(oldest) = self.windows.front() else {
            return Duration::ZERO;
        };
        let bytes: u128 = self.windows.iter().map(|it| u128::from(it.bytes)).sum();
        let elapsed = now.duration_since(oldest.start).as_millis();
        let whole = u128::from(Self::WHOLE_WINDOWS_SECONDS);
        let missing = whole.saturating_sub(elapsed / WINDOW.as_millis());
        let elapsed = elapsed + missing * WINDOW.as_millis();
        // The rate is `bytes / elapsed`; after that much longer it would be what is allowed. Rounded as Kafka does.
        let allowed = u128::from(bytes_per_second.max(1));
        let needed = (2000 * bytes + allowed) / (2 * allowed);
        let excess = needed.saturating_sub(elapsed).min(THROTTLE_MS_MAX);
        Duration::from_millis(u64::try_from(excess).unwrap_or(u64::MAX))
    }
}

/// `quota.window.size.seconds`.
const WINDOW: Duration = Duration::from_secs(1);
/// `quota.window.num`.
const WINDOWS: u32 = 11;
/// The longest that an answer can tell.
const THROTTLE_MS_MAX: u128 = i32::MAX as u128;

#[cfg(test)]
mod tests {
    use super::*;

    /// The excess over 100 bytes per second right after each of these, at a time in milliseconds.
    #[track_caller]
    fn check(records: &[(u64, u64, u64)]) {
        let start = Instant::now();
        let mut rate = ByteRate::default();
        for &(at_ms, bytes, expected_ms) in records {
            let now = start + Duration::from_millis(at_ms);
            rate.record(now, bytes);
            let excess = rate.excess(now, 100);
            assert_eq!(excess, Duration::from_millis(expected_ms), "at {at_ms} ms");
        }
    }

    #[test]
    fn ten_seconds_worth_may_pass_at_once() {
        check(&[(0, 1000, 0), (0, 1, 10)]);
        check(&[(0, 1500, 5000)]);
        check(&[(0, 600, 0), (999, 500, 1)]);
    }

    #[test]
    fn a_pause_does_not_make_up_for_what_is_still_counted() {
        // Windows that never were count as empty, so no time has gone by for ten whole seconds.
        check(&[(0, 1500, 5000), (5000, 0, 5000), (10_000, 0, 5000)]);
        check(&[(0, 1500, 5000), (4999, 1, 4011)]);
    }

    #[test]
    fn what_is_older_than_the_windows_does_not_count() {
        check(&[(0, 1500, 5000), (10_999, 0, 4001), (11_000, 0, 0)]);
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let now = Instant::now();
        let mut rate = ByteRate::default();
        rate.record(now, 1500);
        rate.take_back(600);
        assert_eq!(rate.excess(now, 100), Duration::ZERO);
        assert!(!rate.is_over(now));
        assert!(rate.is_over(now + WINDOW * WINDOWS));
    }

    #[test]
    fn the_longest_pause_is_what_an_answer_can_tell() {
        let now = Instant::now();
        let mut rate = ByteRate::default();
        rate.record(now, u64::MAX);
        let most = Duration::from_millis(2_147_483_647);
        assert_eq!(rate.excess(now, 0), most);
    }
}
