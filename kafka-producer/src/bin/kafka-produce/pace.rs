//! How fast records are sent: each has a time at which it is due. Time is an argument.

use std::time::{Duration, Instant};

use crate::arguments::Rate;

/// Records at a fixed rate. What comes late is not made up for: the rate is a limit, not an aim.
pub(crate) struct Pace {
    interval: Duration,
    /// When the next record is due.
    next: Instant,
}

impl Pace {
    /// The first record is due now.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        let nanos = rate.per.as_nanos() / u128::from(rate.records.get());
        Self {
            interval: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            next: now,
        }
    }

    /// How long the next record has to wait; it counts as sent after that.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        // What was late by less than this is made up for, so that a timer that wakes late slows nothing.
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        self.next = self.next.max(earliest);
        let wait = self.next.saturating_duration_since(now);
        self.next += self.interval;
        wait
    }
}

const SLACK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: &str, now: Instant) -> Pace {
        Pace::new(rate.parse().unwrap(), now)
    }

    #[test]
    fn records_are_due_one_interval_after_the_other() {
        let now = Instant::now();
        let mut pace = pace("100/s", now);
        let waits: Vec<u128> = (0..3).map(|_| pace.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 10, 20]);
        assert_eq!(pace.take(now + Duration::from_millis(25)).as_millis(), 5);
    }

    #[test]
    fn after_a_pause_the_rate_is_not_exceeded_for_longer_than_the_slack() {
        let begin = Instant::now();
        let mut pace = pace("10/s", begin);
        pace.take(begin);
        let later = begin + Duration::from_secs(60);
        let waits: Vec<u128> = (0..4).map(|_| pace.take(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 100, 200]);
    }
}
