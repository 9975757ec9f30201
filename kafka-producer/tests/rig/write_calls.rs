//! How often threads have called into the system to write, as Linux counts it.
//!
//! `write` and `writev` count, to sockets as to the `eventfd` that wakes a sleeping thread; so the
//! calls of a thread that only sends are the wakes it has caused, and what it wrote in the driver's
//! place while nothing was on its way.

use std::fs;
use std::io;

/// Write calls of the calling thread, and of all drivers of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteCalls {
    pub(crate) by_caller: usize,
    pub(crate) by_driver: usize,
    /// How many drivers there are: what one has called is forgotten when it ends.
    pub(crate) drivers: usize,
}

/// Counts those so far; an error where the system does not count them.
pub(crate) fn write_calls() -> io::Result<WriteCalls> {
    let mut calls = WriteCalls {
        by_caller: calls_in(&fs::read_to_string("/proc/thread-self/io")?)?,
        by_driver: 0,
        drivers: 0,
    };
    for io in of_drivers("io")? {
        calls.by_driver += calls_in(&io)?;
        calls.drivers += 1;
    }
    Ok(calls)
}

/// The only driver, as the system sees it.
pub(crate) struct DriverState {
    pub(crate) sleeps_now: bool,
    /// How often it went to sleep.
    pub(crate) slept: u64,
}

pub(crate) fn driver_state() -> io::Result<DriverState> {
    let statuses = of_drivers("status")?;
    let [status] = &statuses[..] else {
        let error = format!("there are {} drivers", statuses.len());
        return Err(io::Error::other(error));
    };
    let of = |name| status.lines().find_map(|line| line.strip_prefix(name));
    let slept = of("voluntary_ctxt_switches:").and_then(|count| count.trim().parse().ok());
    Ok(DriverState {
        sleeps_now: of("State:").is_some_and(|state| state.trim().starts_with('S')),
        slept: slept.ok_or_else(|| io::Error::other("the system does not count sleeps"))?,
    })
}

/// What this file says of each thread that drives a producer.
fn of_drivers(file: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        // A thread may end while we look.
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.starts_with("kafka-producer") {
            found.extend(fs::read_to_string(task.join(file)));
        }
    }
    Ok(found)
}

fn calls_in(io: &str) -> io::Result<usize> {
    let line = io.lines().find_map(|line| line.strip_prefix("syscw: "));
    let calls = line.and_then(|count| count.parse().ok());
    calls.ok_or_else(|| io::Error::other("the system does not count write calls per thread"))
}
