//! The time, which is an argument of everything that needs it.

use std::time::Instant;

/// The time, by both clocks that a broker has.
///
/// ```
/// use std::time::Instant;
/// use kafka_mock::cluster::Now;
///
/// let now = Now::new(Instant::now(), 1_700_000_000_000);
/// assert!(now.wall_ms > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Now {
    /// What waiting is measured by.
    pub instant: Instant,
    /// Milliseconds since 1970, which log append times are.
    pub wall_ms: i64,
}

impl Now {
    /// This time by both clocks.
    #[must_use]
    pub const fn new(instant: Instant, wall_ms: i64) -> Self {
        Self { instant, wall_ms }
    }
}
