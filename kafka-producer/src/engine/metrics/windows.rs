//! What was measured in all, and in the last windows of time, as Kafka's `SampledStat` keeps it.
//!
//! A window lasts for `metrics.sample.window.ms` from the first measurement in it; the next measurement after
//! that begins another. There are `metrics.num.samples` of them, and one more for what overlaps; a window whose
//! last measurement is older than all of them together does not count.

use std::time::{Duration, Instant};

use crate::settings::Sampling;

/// What can be counted together.
pub(super) trait Counted: Clone + Default {
    /// Adds what another has counted.
    fn add(&mut self, more: &Self);
}

/// What was measured in all, and in the last windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Summed<S> {
    total: S,
    windows: Windows<S>,
}

impl<S: Counted> Summed<S> {
    /// Counts what is measured now.
    #[inline]
    pub(super) fn add(&mut self, now: Instant, sampling: Sampling, more: &S) {
        self.total.add(more);
        self.windows.add(now, sampling, more);
    }

    /// Of all time.
    pub(super) fn total(&self) -> &S {
        &self.total
    }

    /// Of the windows that count now.
    pub(super) fn recent(&self, now: Instant, sampling: Sampling) -> S {
        self.windows.recent(now, sampling)
    }

    /// The time that a rate is about, in seconds.
    pub(super) fn elapsed_s(&self, now: Instant, sampling: Sampling) -> f64 {
        self.windows.elapsed_s(now, sampling)
    }
}

/// What was measured in the last windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows<S> {
    windows: Vec<Window<S>>,
    /// The one that is measured into.
    current: usize,
}

#[derive(Clone, Debug)]
struct Window<S> {
    begun: Instant,
    /// When it is over; `None`: never.
    ends: Option<Instant>,
    last: Instant,
    seen: S,
}

impl<S: Counted> Windows<S> {
    /// Counts what is measured now.
    #[inline]
    pub(super) fn add(&mut self, now: Instant, sampling: Sampling, more: &S) {
        // Compared, because a difference of times costs five times as much.
        let is_open = |window: &Window<S>| window.ends.is_none_or(|ends| now < ends);
        if !self.windows.get(self.current).is_some_and(is_open) {
            self.begin(now, sampling);
        }
        let window = &mut self.windows[self.current];
        window.last = now;
        window.seen.add(more);
    }

    #[cold]
    fn begin(&mut self, now: Instant, sampling: Sampling) {
        let window = Window {
            begun: now,
            ends: now.checked_add(sampling.window),
            last: now,
            seen: S::default(),
        };
        let most = (sampling.samples as usize).saturating_add(1);
        let next = match self.windows.is_empty() {
            true => 0,
            false => (self.current + 1) % most,
        };
        match self.windows.get_mut(next) {
            Some(oldest) => *oldest = window,
            None => {
                self.windows.reserve_exact(1);
                self.windows.push(window);
            }
        }
        self.current = next;
    }

    /// Of the windows that count now.
    pub(super) fn recent(&self, now: Instant, sampling: Sampling) -> S {
        let recent = self.windows.iter();
        let recent = recent.filter(|window| window.counts(now, sampling));
        recent.fold(S::default(), |mut all, window| {
            all.add(&window.seen);
            all
        })
    }

    /// The time that a rate is about, in seconds: since the oldest window that counts has begun, and not less
    /// than all windows but one, so that the first measurements make no rate of thousands.
    pub(super) fn elapsed_s(&self, now: Instant, sampling: Sampling) -> f64 {
        let recent = self.windows.iter();
        let recent = recent.filter(|window| window.counts(now, sampling));
        let ages = recent.map(|window| now.saturating_duration_since(window.begun));
        let elapsed = ages.max().unwrap_or_default();
        let full = elapsed.as_nanos().checked_div(sampling.window.as_nanos());
        let least = u128::from(sampling.samples.saturating_sub(1));
        let missing = least.saturating_sub(full.unwrap_or(least)) as f64;
        let elapsed_s = elapsed.as_secs_f64() + missing * sampling.window.as_secs_f64();
        elapsed_s.max(ELAPSED_MIN_S)
    }
}

impl<S> Window<S> {
    fn counts(&self, now: Instant, sampling: Sampling) -> bool {
        let all = sampling.window.saturating_mul(sampling.samples);
        now.saturating_duration_since(self.last) < all
    }
}

const ELAPSED_MIN_S: f64 = 0.001;

/// How often, how much in all, and how much at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) sum: f64,
    max: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Counted for Tally {
    #[inline]
    fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.sum += more.sum;
        // None is NaN, which `f64::max` looks out for.
        if more.max > self.max {
            self.max = more.max;
        }
    }
}

impl Tally {
    /// One measurement.
    #[inline]
    pub(super) fn one(value: f64) -> Self {
        Self {
            count: 1,
            sum: value,
            max: value,
        }
    }

    /// The average; not a number if there is nothing.
    pub(super) fn average(&self) -> f64 {
        match self.count {
            0 => f64::NAN,
            count => self.sum / count as f64,
        }
    }

    /// The maximum; not a number if there is nothing.
    pub(super) fn maximum(&self) -> f64 {
        match self.count {
            0 => f64::NAN,
            _ => self.max,
        }
    }
}

/// One kind of measurement.
pub(super) type Meter = Summed<Tally>;

impl Meter {
    /// Measures something now.
    #[inline]
    pub(super) fn record(&mut self, now: Instant, sampling: Sampling, value: f64) {
        self.add(now, sampling, &Tally::one(value));
    }

    /// Measures that so much has passed.
    pub(super) fn record_time(&mut self, now: Instant, sampling: Sampling, took: Duration) {
        self.record(now, sampling, took.as_nanos() as f64);
    }

    /// How much a second of the last windows.
    pub(super) fn rate(&self, now: Instant, sampling: Sampling) -> f64 {
        self.recent(now, sampling).sum / self.elapsed_s(now, sampling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLING: Sampling = Sampling {
        samples: 2,
        window: Duration::from_secs(30),
    };

    /// Seconds, and what is measured then.
    fn measured(start: Instant, values: &[(u64, f64)]) -> Meter {
        let mut meter = Meter::default();
        for (second, value) in values {
            meter.record(start + Duration::from_secs(*second), SAMPLING, *value);
        }
        meter
    }

    #[track_caller]
    fn check(values: &[(u64, f64)], at_s: u64, [average, maximum, rate]: [f64; 3]) {
        let start = Instant::now();
        let now = start + Duration::from_secs(at_s);
        let meter = measured(start, values);
        let recent = meter.recent(now, SAMPLING);
        let read = [
            recent.average(),
            recent.maximum(),
            meter.rate(now, SAMPLING),
        ];
        for (read, expected) in read.into_iter().zip([average, maximum, rate]) {
            let same = (read - expected).abs() < 1e-9 || (read.is_nan() && expected.is_nan());
            assert!(
                same,
                "{read} instead of {expected} at {at_s} s of {values:?}"
            );
        }
    }

    #[test]
    fn averages_maxima_and_rates_are_those_of_kafkas_samples() {
        const NONE: f64 = f64::NAN;
        check(&[], 0, [NONE, NONE, 0.0]);
        // The window that is missing counts as if it had passed.
        check(&[(0, 30.0)], 0, [30.0, 30.0, 1.0]);
        check(&[(0, 30.0)], 15, [30.0, 30.0, 30.0 / 45.0]);
        check(&[(0, 30.0), (10, 60.0)], 30, [45.0, 60.0, 90.0 / 30.0]);
        // A window after the first, and a third, which overlaps with what is still in sight of the first.
        check(&[(0, 30.0), (31, 60.0)], 40, [45.0, 60.0, 90.0 / 40.0]);
        let three = [(0, 30.0), (29, 3.0), (31, 60.0), (62, 6.0)];
        check(&three, 70, [24.75, 60.0, 99.0 / 70.0]);
        // The first is over when its last measurement is as old as two windows.
        check(&[(0, 30.0), (31, 60.0)], 60, [60.0, 60.0, 60.0 / 59.0]);
        check(&[(0, 30.0), (31, 60.0)], 91, [NONE, NONE, 0.0]);
    }

    #[test]
    fn a_fourth_window_takes_the_place_of_the_first_and_the_total_keeps_all() {
        let start = Instant::now();
        let meter = measured(start, &[(0, 1.0), (30, 1.0), (60, 1.0), (90, 1.0)]);
        assert_eq!(meter.windows.windows.len(), 3);
        assert_eq!((meter.total().count, meter.total().sum), (4, 4.0));
    }

    #[test]
    fn windows_of_no_length_make_no_infinite_rate() {
        let sampling = Sampling {
            samples: 1,
            window: Duration::ZERO,
        };
        let now = Instant::now();
        let mut meter = Meter::default();
        meter.record(now, sampling, 5.0);
        assert_eq!((meter.total().sum, meter.rate(now, sampling)), (5.0, 0.0));
    }
}
