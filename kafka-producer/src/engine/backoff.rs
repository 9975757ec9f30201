//! How long to wait after a failure: twice as long after each in a row, with jitter.
//!
//! The rule of KIP-144 and KIP-580: `initial · 2^(failures − 1)`, at most `max`, then spread by
//! ±20 % so that the clients of a broken broker do not come back all at once.

use std::time::Duration;

use crate::settings::BackoffRange;

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
