//! The time of sending, cheap enough to be read for each record.
//!
//! A record's timestamp needs milliseconds, not nanoseconds: where the system keeps a coarse clock
//! it costs a quarter of the precise one. It may lag behind by a tick of the system (1 to 4 ms).

/// Milliseconds since the epoch.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn now_ms() -> i64 {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::RealtimeCoarse);
    now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
}

/// Milliseconds since the epoch.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    /// This thread may stand still between two looks, and the whole machine between two ticks: so
    /// the clocks are looked at until they agree. One that lags or runs ahead never does.
    #[test]
    fn the_coarse_clock_is_within_a_tick_of_the_precise_one() {
        const TICK_MS: i64 = 50;
        let precise = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            i64::try_from(since.as_millis()).unwrap()
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let (before, coarse, after) = (precise(), super::now_ms(), precise());
            if (before - TICK_MS..=after).contains(&coarse) {
                return;
            }
            let late = Instant::now() >= deadline;
            assert!(!late, "{coarse} against {before} to {after}");
        }
    }
}
