//! CPU time of processes and of the machine, on Linux.

/// The seconds on any core that a process has used so far.
pub(super) fn of_process(id: u32) -> f64 {
    let stat = read(&format!("/proc/{id}/stat"));
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th behind.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let ticks = rest.split_whitespace().skip(11).take(2);
    seconds(ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
}

/// The seconds that all cores together have been busy.
pub(super) fn of_machine() -> f64 {
    seconds(busy(&read("/proc/stat")))
}

/// User, nice, system, interrupts; not idle, waiting, or taken by the host.
fn busy(stat: &str) -> u64 {
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    let at = [0, 1, 2, 5, 6];
    at.iter().filter_map(|index| ticks.get(*index)).sum()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_cores_are_not_busy() {
        assert_eq!(busy("cpu  1 2 4 1000 1000 8 16 500 0 0\ncpu0 9"), 31);
        assert_eq!(busy(""), 0);
    }
}
