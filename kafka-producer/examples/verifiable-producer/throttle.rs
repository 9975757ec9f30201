//! `--throughput`: about so many records a second, on average since the start.
//!
//! Record n is due `n / throughput` seconds after the start. A sender that fell behind (a full
//! buffer, a lost broker) catches up without pauses, as Kafka's `ThroughputThrottler` lets it.

use std::time::{Duration, Instant};

use crate::stop::Stop;

/// Shorter waits are not worth a system call: the records go out in small bursts instead.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// Says when each record is due.
#[derive(Debug)]
pub(crate) struct Throttle {
    rate: Rate,
    started: Instant,
}

#[derive(Debug)]
enum Rate {
    Unlimited,
    /// One record, then none until the program is stopped (`--throughput 0`).
    Standstill,
    PerSecond(f64),
}

impl Throttle {
    /// Starts now; a negative rate is no limit.
    pub(crate) fn new(records_per_second: i64) -> Self {
        let rate = match records_per_second {
            ..0 => Rate::Unlimited,
            0 => Rate::Standstill,
            some => Rate::PerSecond(some as f64),
        };
        Self {
            rate,
            started: Instant::now(),
        }
    }

    /// Waits until record `n` may be sent; `false` if the program was stopped first.
    pub(crate) fn wait_for(&self, n: u64, stop: &Stop) -> bool {
        match self.rate {
            Rate::Standstill if n > 0 => stop.wait(),
            Rate::Unlimited | Rate::Standstill => {}
            Rate::PerSecond(rate) => {
                let due = Duration::try_from_secs_f64(n as f64 / rate).unwrap_or(Duration::MAX);
                let early = due.saturating_sub(self.started.elapsed());
                if early >= SHORTEST_WAIT {
                    return !stop.comes_within(early);
                }
            }
        }
        !stop.came()
    }
}
