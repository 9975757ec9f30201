//! Many seeds, on several threads, and what came of them altogether.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::faults::{FaultKind, Strikes};
use crate::run::{Report, Variant, run};
use crate::trace::Story;
use crate::two_phase::TwoPhaseCounts;

/// Which seeds, and how.
#[derive(Clone, Debug)]
pub(crate) struct Campaign {
    from: u64,
    seeds: u64,
    pub(crate) threads: usize,
    /// Whether to end at the first seed that breaks a promise.
    pub(crate) fail_fast: bool,
    pub(crate) variant: Variant,
}

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) schedules: u64,
    /// Those that broke a promise, in the order of their seeds.
    pub(crate) failed: Vec<Report>,
    /// Runs in which callers have waited for the memory of a frozen broker.
    pub(crate) floods: u64,
    /// Of metrics, which brokers have accepted.
    pub(crate) pushes: u64,
    /// Somebody was told why a record waits.
    pub(crate) explained: u64,
    /// What has happened to programs with two-phase commit.
    pub(crate) two_phase: TwoPhaseCounts,
    took: Duration,
    sums: Sums,
    /// Of each kind of fault.
    pub(crate) strikes: BTreeMap<FaultKind, Strikes>,
}

/// Over all runs.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    connections: u64,
    requests: u64,
    steps: u64,
    delivered: u64,
    not_persisted: u64,
    possibly_persisted: u64,
    virtual_seconds: f64,
}

impl Campaign {
    /// So many seeds from this one on, on all cores.
    pub(crate) fn of(from: u64, seeds: u64) -> Self {
        Self {
            from,
            seeds,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            fail_fast: false,
            variant: Variant::default(),
        }
    }

    pub(crate) fn run(&self) -> Tally {
        let start = Instant::now();
        let next = AtomicU64::new(0);
        let stopped = AtomicBool::new(false);
        let tally = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    while !stopped.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.seeds {
                            return;
                        }
                        let report =
                            run(self.from.wrapping_add(number), Story::Untold, &self.variant);
                        if self.fail_fast && report.breach.is_some() {
                            stopped.store(true, Ordering::Relaxed);
                        }
                        tally.lock().unwrap().add(report);
                    }
                });
            }
        });
        let mut tally = tally.into_inner().unwrap();
        tally.took = start.elapsed();
        tally.failed.sort_by_key(|report| report.seed);
        tally
    }
}

impl Tally {
    fn by_promise(&self) -> BTreeMap<&'static str, u32> {
        let mut times = BTreeMap::new();
        let broken = self.failed.iter().filter_map(|it| it.breach.as_ref());
        for breach in broken {
            *times.entry(breach.promise).or_default() += 1;
        }
        times
    }

    fn add(&mut self, report: Report) {
        self.schedules += 1;
        self.floods += report.counts.floods;
        self.pushes += report.counts.pushes;
        self.explained += report.counts.explained;
        self.two_phase.add(&report.counts.two_phase);
        let sums = &mut self.sums;
        for (kind, strikes) in &report.counts.strikes {
            self.strikes.entry(*kind).or_default().add(strikes);
        }
        sums.connections += report.counts.connections;
        sums.requests += report.counts.requests;
        sums.steps += report.counts.steps;
        sums.delivered += report.records.delivered;
        sums.not_persisted += report.records.not_persisted;
        sums.possibly_persisted += report.records.possibly_persisted;
        sums.virtual_seconds += report.virtual_time.as_secs_f64();
        if report.breach.is_some() {
            self.failed.push(report);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in self.failed.iter().take(SHOWN) {
            writeln!(f, "{report}")?;
        }
        for (promise, times) in self.by_promise() {
            writeln!(f, "{times:6} x {promise}")?;
        }
        let seconds = self.took.as_secs_f64();
        let runs = self.schedules.max(1) as f64;
        writeln!(
            f,
            "{} schedules in {seconds:.1} s ({:.0} a minute), {} broke a promise",
            self.schedules,
            self.schedules as f64 / seconds * 60.0,
            self.failed.len(),
        )?;
        let each = |sum: u64| sum as f64 / runs;
        let sums = &self.sums;
        writeln!(
            f,
            "each: {:.1} faults, {:.1} connections, {:.0} requests, {:.0} events in {:.1} s",
            self.strikes.values().map(|it| it.struck).sum::<u64>() as f64 / runs,
            each(sums.connections),
            each(sums.requests),
            each(sums.steps),
            sums.virtual_seconds / runs,
        )?;
        for (kind, strikes) in &self.strikes {
            let (planned, struck) = (strikes.planned, strikes.struck);
            writeln!(
                f,
                "{kind:?}: {planned} planned, {struck} strikes, {:?}",
                strikes.spared
            )?;
        }
        let TwoPhaseCounts { kills, completions } = &self.two_phase;
        writeln!(f, "two-phase commit: killed {kills:?}, {completions:?}")?;
        writeln!(f, "{} floods of a frozen broker", self.floods)?;
        writeln!(f, "{} pushes of metrics", self.pushes)?;
        writeln!(f, "{} explanations of records that wait", self.explained)?;
        write!(
            f,
            "      {:.1} records delivered, {:.1} not persisted, {:.1} possibly persisted",
            each(sums.delivered),
            each(sums.not_persisted),
            each(sums.possibly_persisted),
        )
    }
}

/// Of many failures some are enough.
const SHOWN: usize = 20;
