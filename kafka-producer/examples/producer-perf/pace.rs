//! Open-loop pacing: each record has a time at which it is due, whatever happened to those before.
//!
//! The clock is read once for all the records that are due at that moment: at millions of records a
//! second the pacing would otherwise cost more than the sending, and be what is measured.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

/// Records at a fixed rate.
pub(crate) struct Pace {
    start: Instant,
    rate: u64,
}

impl Pace {
    /// The first record is due now.
    pub(crate) fn new(rate: u64) -> Self {
        let start = Instant::now();
        Self { start, rate }
    }

    /// When this record is due.
    pub(crate) fn due(&self, index: u64) -> Instant {
        let nanos = u128::from(index) * NANOS_PER_SECOND / u128::from(self.rate);
        let after = u64::try_from(nanos).expect("no run lasts for 500 years");
        self.start + Duration::from_nanos(after)
    }

    /// Sleeps until a record from `first` on is due; gives those that are, `count` being the number
    /// of all.
    pub(crate) fn wait(&self, first: u64, count: u64) -> Range<u64> {
        loop {
            let now = Instant::now();
            let due = self.due_until(now).min(count);
            if due > first || first == count {
                return first..due.max(first);
            }
            #[expect(clippy::disallowed_methods, reason = "the pace is what is measured")]
            thread::sleep(self.due(first).saturating_duration_since(now));
        }
    }

    /// How many records are due by `now`.
    fn due_until(&self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        let due = nanos * u128::from(self.rate) / NANOS_PER_SECOND + 1;
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_due_when_its_time_has_come_and_not_before() {
        for rate in [1, 3, 1_000, 6_554_577] {
            let pace = Pace::new(rate);
            for index in [0, 1, 2, 1_000, 1_000_003] {
                let due = pace.due(index);
                // A time is rounded down to a nanosecond.
                let after = due + Duration::from_nanos(1);
                assert!(pace.due_until(after) > index, "{index} at {rate}/s");
                if index > 0 {
                    let before = due - Duration::from_nanos(1);
                    assert!(pace.due_until(before) <= index, "{index} at {rate}/s");
                }
            }
        }
    }

    #[test]
    fn what_is_overdue_comes_at_once_and_ends_with_the_last() {
        let pace = Pace {
            start: Instant::now() - Duration::from_secs(1),
            rate: 1_000,
        };
        assert_eq!(pace.wait(0, 10), 0..10);
        assert_eq!(pace.wait(10, 10), 10..10);
        assert!(pace.wait(3, 1_000_000).end > 1_000);
    }
}
