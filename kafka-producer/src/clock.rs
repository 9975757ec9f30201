//! The time of sending, at the price that a record can pay.
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
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn the_coarse_clock_is_within_a_tick_of_the_precise_one() {
        let precise = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let coarse = super::now_ms() as u128;
        assert!(coarse.abs_diff(precise) < 50, "{coarse} against {precise}");
    }
}
