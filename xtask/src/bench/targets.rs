//! What is aimed at, case by case, and whether it was reached.
//!
//! A target compares our median with another's of the same rounds. Whoever changes a bound says why
//! in the commit; a bound that is not reached stays in the page as such.

use super::record::{Figure, Measured};
use super::table::{Table, figure};

/// One bound.
struct Target {
    cases: &'static [&'static str],
    figure: Figure,
    against: Against,
    bound: Bound,
}

/// Whose figure ours is divided by.
#[derive(Debug, Clone, Copy)]
enum Against {
    BestPeer,
    Floor,
    /// The best of these.
    BestOf(&'static [&'static str]),
    /// Each of these: the one that is closest counts.
    EachOf(&'static [&'static str]),
    /// Not another client, but `buffer.memory`: what is above it, in MiB.
    Budget,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Against::{BestOf, BestPeer, Budget, EachOf, Floor};
use Bound::{AtLeast, AtMost};
use Figure::{CpuPerRecord, Memory, P50, P99, RecordsPerSecond};

const fn target(
    cases: &'static [&'static str],
    figure: Figure,
    against: Against,
    bound: Bound,
) -> Target {
    Target {
        cases,
        figure,
        against,
        bound,
    }
}

const TARGETS: &[Target] = &[
    target(&["S1"], CpuPerRecord, BestPeer, AtMost(0.20)),
    target(&["S1"], CpuPerRecord, Floor, AtMost(1.6)),
    target(&["S1"], RecordsPerSecond, BestPeer, AtLeast(4.0)),
    target(&["S2"], CpuPerRecord, BestPeer, AtMost(0.22)),
    target(&["S2"], CpuPerRecord, Floor, AtMost(2.0)),
    target(&["S2"], RecordsPerSecond, BestPeer, AtLeast(4.0)),
    target(&["S3"], CpuPerRecord, BestPeer, AtMost(0.45)),
    target(&["S3"], CpuPerRecord, Floor, AtMost(1.2)),
    target(&["S3"], RecordsPerSecond, BestPeer, AtLeast(2.0)),
    target(&["S4"], CpuPerRecord, BestPeer, AtMost(0.24)),
    target(&["S4"], CpuPerRecord, Floor, AtMost(1.5)),
    target(&["S4"], RecordsPerSecond, BestPeer, AtLeast(4.0)),
    target(&["S5"], CpuPerRecord, BestPeer, AtMost(0.90)),
    target(&["S5"], CpuPerRecord, Floor, AtMost(1.6)),
    target(&["S5"], RecordsPerSecond, BestPeer, AtLeast(1.5)),
    target(&["S6"], CpuPerRecord, BestPeer, AtMost(0.85)),
    target(&["S6b"], CpuPerRecord, BestPeer, AtMost(0.90)),
    target(&["S6", "S6b"], CpuPerRecord, Floor, AtMost(1.3)),
    target(&["S6", "S6b"], RecordsPerSecond, BestPeer, AtLeast(1.2)),
    target(
        &["S6c"],
        CpuPerRecord,
        EachOf(&["librdkafka", "java"]),
        AtMost(0.35),
    ),
    target(
        &["S6c"],
        RecordsPerSecond,
        EachOf(&["librdkafka"]),
        AtLeast(2.0),
    ),
    target(&["B1"], CpuPerRecord, BestPeer, AtMost(0.4)),
    target(&["B2"], CpuPerRecord, BestPeer, AtMost(0.7)),
    target(&["B1", "B2"], RecordsPerSecond, BestPeer, AtLeast(1.0)),
    target(&["L1", "L1r"], P50, BestPeer, AtMost(1.0)),
    target(&["L1", "L1r"], P99, BestPeer, AtMost(0.9)),
    target(&["L1", "L1r"], CpuPerRecord, Floor, AtMost(1.2)),
    target(&["L2"], P50, BestOf(UNHURRIED), AtMost(1.0)),
    target(&["L2"], P99, BestOf(UNHURRIED), AtMost(1.0)),
    target(&["L2"], CpuPerRecord, Floor, AtMost(1.05)),
    target(SINK, Memory, BestPeer, AtMost(1.5)),
    target(ALL, Memory, Budget, AtMost(16.0)),
];

/// Those that fill their batches; another's shorter median comes from batches filled to 60 %.
const UNHURRIED: &[&str] = &["java", "librdkafka", "franz-go"];
const SINK: &[&str] = &["S1", "S2", "S3", "S4", "S5", "S6", "S6b", "S6c"];
const ALL: &[&str] = &[
    "S1", "S2", "S3", "S4", "S5", "S6", "S6b", "S6c", "L1", "L2", "L1r", "B1", "B2",
];

impl Target {
    /// Our figure in the terms of the bound; none if one of both was not measured.
    fn measured(&self, case: &Measured, client: &str) -> Option<f64> {
        let ours = case.median(client, self.figure)?;
        let other = match self.against {
            BestPeer => case.best_peer(self.figure)?,
            Floor => case.floor(self.figure)?,
            BestOf(names) => self.of(case, names)?,
            EachOf(names) => self.of(case, names)?,
            Budget => {
                let budget = case.case.flags.buffer_memory as f64 / f64::from(1 << 20);
                return Some(ours - budget);
            }
        };
        (other > 0.0).then(|| ours / other)
    }

    /// The one of `names` that makes the ratio worst for us; fails to be when one is missing.
    fn of(&self, case: &Measured, names: &[&str]) -> Option<f64> {
        let medians = names.iter().map(|name| case.median(name, self.figure));
        let medians: Option<Vec<f64>> = medians.collect();
        let hardest = match self.bound {
            AtMost(_) => f64::min,
            AtLeast(_) => f64::max,
        };
        medians?.into_iter().reduce(hardest)
    }

    fn words(&self) -> String {
        let what = match self.figure {
            RecordsPerSecond => "records/s",
            CpuPerRecord => "CPU per record",
            Memory => "peak memory",
            P50 => "p50",
            P99 => "p99",
            _ => "figure",
        };
        match self.against {
            BestPeer => format!("{what}, × best peer"),
            Floor => format!("{what}, × floor"),
            BestOf(names) => format!("{what}, × best of {}", names.join(", ")),
            EachOf(names) => format!("{what}, × {}", names.join(" and × ")),
            Budget => format!("{what}, MiB above buffer.memory"),
        }
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            AtMost(bound) => value <= bound,
            AtLeast(bound) => value >= bound,
        }
    }

    fn words(self) -> String {
        match self {
            AtMost(bound) => format!("≤ {bound}"),
            AtLeast(bound) => format!("≥ {bound}"),
        }
    }
}

/// Every target of the cases that were measured, and how many of them are reached.
pub(super) fn table(cases: &[Measured], client: &str) -> (Table, usize, usize) {
    let mut table = Table::new(["target", "case", "bound", "measured", "reached"]);
    let (mut reached, mut all) = (0, 0);
    for case in cases {
        let targets = TARGETS
            .iter()
            .filter(|target| target.cases.contains(&case.case.name.as_str()));
        for target in targets {
            let Some(value) = target.measured(case, client) else {
                continue;
            };
            let holds = target.bound.holds(value);
            all += 1;
            reached += usize::from(holds);
            table.row([
                target.words(),
                case.case.name.clone(),
                target.bound.words(),
                figure(Some(value)),
                if holds { "yes" } else { "**no**" }.to_owned(),
            ]);
        }
    }
    (table, reached, all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::cases;
    use crate::bench::record::tests::measured;

    #[test]
    fn every_target_is_of_cases_that_there_are() {
        let cases = cases::peers();
        for name in TARGETS.iter().flat_map(|target| target.cases) {
            assert!(cases.iter().any(|case| case.name == *name), "{name}");
        }
        assert_eq!(cases.len(), ALL.len());
    }

    #[test]
    fn ours_is_compared_with_the_best_peer_and_with_the_floor() {
        // Ours 8 M/s and 125 ns, the best peer 2 M/s and 500 ns, the floor 10 M/s and 100 ns.
        let (page, reached, all) = table(&[measured()], "ours");
        let page = page.to_string();
        let expected = [
            "| CPU per record, × best peer | S1 | ≤ 0.2 | 0.250 | **no** |",
            "| CPU per record, × floor | S1 | ≤ 1.6 | 1.25 | yes |",
            "| records/s, × best peer | S1 | ≥ 4 | 4.00 | yes |",
            "| peak memory, × best peer | S1 | ≤ 1.5 | 1.00 | yes |",
            "| peak memory, MiB above buffer.memory | S1 | ≤ 16 | -44.0 | yes |",
        ];
        for line in expected {
            assert!(page.contains(line), "{line}\nis not in\n{page}");
        }
        assert_eq!((reached, all), (4, 5));
    }

    #[test]
    fn a_target_against_each_counts_the_closest() {
        let mut case = measured();
        case.case.name = "S6c".to_owned();
        let (page, ..) = table(&[case], "ours");
        // librdkafka was not measured: nothing is claimed.
        assert!(!page.to_string().contains("librdkafka"));
    }

    #[test]
    fn what_was_not_measured_is_no_target() {
        let mut case = measured();
        case.clients.retain(|client| client.client == "ours");
        let (_, _, all) = table(&[case], "ours");
        assert_eq!(all, 1);
    }
}
