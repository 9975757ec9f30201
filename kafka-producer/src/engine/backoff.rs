//! How long to wait after a failure: twice as long after each in a row, with jitter.
//!
//! The rule of KIP-144 and KIP-580: `initial · 2^(failures − 1)`, at most `max`, then spread by
//! ±20 % so that the clients of a broken broker do not come back all at once.
//!
//! [`Pace`] is that rule for what is tried again and again: no answer, and no sequence of answers,
//! makes it go faster than the first wait allows. A series of failures ends when none followed for as
//! long as the longest wait, or when whoever tries says that it has come to something.

use std::time::{Duration, Instant};

use crate::settings::BackoffRange;

/// How soon something may be tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    range: BackoffRange,
    failures: u32,
    begun: Option<Instant>,
    earliest: Option<Instant>,
}

impl Pace {
    /// Of what was never tried: at once.
    pub(crate) fn new(range: BackoffRange) -> Self {
        Self {
            range,
            failures: 0,
            begun: None,
            earliest: None,
        }
    }

    /// When the next try may begin: now, or as soon as the pause is over.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        self.earliest.map_or(now, |earliest| earliest.max(now))
    }

    /// When the last try began.
    pub(crate) fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// How many tries of this series were in vain.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// A try begins; whatever becomes of it, the next one comes after a pause.
    pub(crate) fn begin(&mut self, now: Instant, random: &mut fastrand::Rng) {
        let pause = delay(self.range, self.failures.max(1), random);
        self.begun = Some(now);
        self.earliest = Some(now + pause);
    }

    /// A try was in vain: when the next may begin.
    pub(crate) fn fail(&mut self, now: Instant, random: &mut fastrand::Rng) -> Instant {
        self.failures = self.failures.saturating_add(1);
        let at = (now + delay(self.range, self.failures, random)).max(self.earliest(now));
        self.earliest = Some(at);
        at
    }

    /// The next try does not begin before this; when it may.
    pub(crate) fn rest_until(&mut self, at: Instant) -> Instant {
        let at = self.earliest(at);
        self.earliest = Some(at);
        at
    }

    /// A try has come to something: the next need not wait for longer than the first pause.
    pub(crate) fn succeed(&mut self, random: &mut fastrand::Rng) {
        if self.failures > 0 {
            self.failures = 0;
            let first = delay(self.range, 1, random);
            let first = self.begun.map(|begun| begun + first);
            self.earliest = self.earliest.min(first);
        }
    }

    /// Forgets the failures if the last pause has been over for as long as the longest takes.
    pub(crate) fn recover(&mut self, now: Instant) {
        if self.is_over(now) {
            self.failures = 0;
        }
    }

    /// Whether the last pause has been over for as long as the longest takes.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let longest = self.longest();
        self.earliest.is_none_or(|at| at + longest <= now)
    }

    /// The longest pause, but for the spread.
    pub(crate) fn longest(&self) -> Duration {
        self.range.max.max(self.range.initial)
    }
}

/// The wait after `failures` failures in a row (the first is 1).
pub(crate) fn delay(range: BackoffRange, failures: u32, random: &mut fastrand::Rng) -> Duration {
    let doubled = range
        .initial
        .saturating_mul(1 << failures.saturating_sub(1).min(20));
    let spread = 0.8 + 0.4 * random.f64();
    doubled.min(range.max.max(range.initial)).mul_f64(spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_of_failures_ends_only_with_a_time_without_one() {
        let ms = Duration::from_millis;
        let range = BackoffRange {
            initial: ms(100),
            max: ms(1000),
        };
        let mut random = fastrand::Rng::with_seed(1);
        let mut now = Instant::now();
        let mut pace = Pace::new(range);
        assert_eq!(pace.earliest(now), now);
        for failures in 1..=5 {
            pace.recover(now);
            pace.begin(now, &mut random);
            let at = pace.fail(now, &mut random);
            assert_eq!((pace.failures(), pace.earliest(now)), (failures, at));
            now = at;
        }
        pace.recover(now + ms(999));
        assert_eq!(pace.failures(), 5);
        pace.recover(now + ms(1000));
        assert_eq!(pace.failures(), 0);
    }

    #[test]
    fn a_try_that_came_to_something_is_followed_by_the_first_pause() {
        let ms = Duration::from_millis;
        let range = BackoffRange {
            initial: ms(100),
            max: ms(1000),
        };
        let mut random = fastrand::Rng::with_seed(1);
        let now = Instant::now();
        let mut pace = Pace::new(range);
        for _ in 0..5 {
            pace.begin(now, &mut random);
            pace.fail(now, &mut random);
        }
        assert!(pace.earliest(now) > now + ms(700));
        pace.succeed(&mut random);
        for _ in 0..2 {
            let pause = pace.earliest(now) - now;
            assert!((ms(80)..=ms(120)).contains(&pause), "{pause:?}");
            pace.begin(now, &mut random);
            pace.succeed(&mut random);
        }
    }

    #[test]
    fn the_wait_doubles_to_its_maximum_within_a_fifth() {
        let range = BackoffRange {
            initial: Duration::from_millis(100),
            max: Duration::from_millis(1000),
        };
        let mut random = fastrand::Rng::with_seed(1);
        for (failures, expected) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1000),
            (99, 1000),
        ] {
            for _ in 0..100 {
                let ms = delay(range, failures, &mut random).as_secs_f64() * 1e3;
                let expected = f64::from(expected);
                assert!(
                    (0.8 * expected..=1.2 * expected).contains(&ms),
                    "{ms} ms after {failures} failures"
                );
            }
        }
    }
}
