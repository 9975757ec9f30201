//! How long what gives tokens is left alone after a failure: the pauses of Java's login, doubled each time.

use std::time::Duration;

/// `sasl.login.retry.backoff.ms` and `sasl.login.retry.backoff.max.ms`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryBackoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl RetryBackoff {
    /// The pause after so many failures in a row: never none, whatever is set.
    pub(crate) fn pause(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(u32::BITS - 1);
        let pause = self.first.max(PAUSE_MIN).saturating_mul(1 << doublings);
        pause.min(self.max.max(PAUSE_MIN))
    }
}

/// As long as a broker is left alone that has refused a connection.
const PAUSE_MIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit_and_is_never_none() {
        for (first_ms, max_ms, failures, expected_ms) in [
            (100, 10_000, 1, 100),
            (100, 10_000, 2, 200),
            (100, 10_000, 7, 6_400),
            (100, 10_000, 8, 10_000),
            (100, 10_000, u32::MAX, 10_000),
            (0, 10_000, 1, 50),
            (0, 10_000, 3, 200),
            (0, 0, 9, 50),
            (500, 200, 1, 200),
        ] {
            let retry = RetryBackoff {
                first: Duration::from_millis(first_ms),
                max: Duration::from_millis(max_ms),
            };
            let pause = retry.pause(failures);
            assert_eq!(pause.as_millis(), expected_ms, "{retry:?} {failures}");
        }
    }
}
