//! What becomes of it when work grows: one figure of a case is varied, everything else stays.

use clap::ValueEnum;

use super::cases::{Case, Flags, Server};

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Axis {
    /// Partitions of the topic, without keys: 1 to 10,000.
    Partitions,
    /// The same with keys, so that all of them get records at the same time.
    PartitionsKeyed,
    /// Operating system threads that share one producer: 1 to 64.
    Threads,
    /// Tasks of a multi-thread runtime that share one producer: 1 to 64.
    Tasks,
    /// Bytes of a value: 10 to 1,000,000.
    Size,
    /// Brokers, with 100 partitions: 1 to 100.
    Brokers,
    /// buffer.memory: 1 MB to 1 GB.
    Memory,
    /// Round-trip time: 0 to 100 ms, with batches of 1 MB.
    Distance,
    /// Records per second: 1,000 to 1,000,000, each due at its own time; who cannot follow has a queue
    /// that grows.
    Rate,
}

impl Axis {
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value();
        let value = value.expect("no axis is hidden from the command line");
        value.get_name().to_owned()
    }

    /// Where what was measured along it is kept.
    pub(super) fn file(self) -> String {
        format!("scale-{}.json", self.name())
    }

    /// What stands at the axis, with its unit.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Partitions => "partitions, no keys",
            Self::PartitionsKeyed => "partitions, keys of 16 B",
            Self::Threads => "threads that share one producer",
            Self::Tasks => "tasks that share one producer",
            Self::Size => "bytes of a value",
            Self::Brokers => "brokers",
            Self::Memory => "buffer.memory, MB",
            Self::Distance => "round trip, ms (0.05 of it this machine's own)",
            Self::Rate => "records/s that are due",
        }
    }

    /// Who is measured unless others are named. The floor has neither threads nor a budget, and keys
    /// do not choose its partitions.
    pub(super) fn clients(self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::PartitionsKeyed => &["ours", "java", "librdkafka", "franz-go"],
            Self::Threads | Self::Tasks | Self::Memory => &["ours"],
            Self::Rate => &["ours", "floor", "franz-go"],
            _ => &["ours", "floor"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The points of the axis.
    pub(super) fn cases(self) -> Vec<Case> {
        let small = Flags::small;
        match self {
            Self::Partitions => self.points(&DECADES, |partitions| (small(), sink(1, partitions))),
            Self::PartitionsKeyed => self.points(&DECADES, |partitions| {
                let keyed = Flags {
                    key_size: 16,
                    ..small()
                };
                (keyed, sink(1, partitions))
            }),
            Self::Threads | Self::Tasks => {
                let mut cases = self.points(&DOUBLINGS, |_| (small(), sink(1, 12)));
                for (case, count) in cases.iter_mut().zip(DOUBLINGS) {
                    case.ours = vec![format!("--{}", self.name()), count.to_string()];
                }
                cases
            }
            Self::Size => self.points(&[10, 100, 1_000, 10_000, 100_000, 1_000_000], |size| {
                let flags = Flags {
                    size: size as usize,
                    batch_size: 65_536,
                    ..small()
                };
                (flags, sink(1, 12))
            }),
            Self::Brokers => self.points(&[1, 3, 10, 30, 100], |brokers| {
                (
                    small(),
                    sink(u16::try_from(brokers).unwrap_or(u16::MAX), 100),
                )
            }),
            Self::Memory => self.points(&[1, 4, 16, 64, 256, 1_000], |megabytes| {
                let flags = Flags {
                    buffer_memory: megabytes as usize * 1_000_000,
                    ..small()
                };
                (flags, sink(1, 12))
            }),
            Self::Distance => self.distances(),
            Self::Rate => self.points(&[1_000, 10_000, 100_000, 1_000_000], |rate| {
                let rate = u64::from(rate);
                (Flags { rate, ..small() }, sink(1, 12))
            }),
        }
    }

    fn points(self, at: &[u32], of: impl Fn(u32) -> (Flags, Server)) -> Vec<Case> {
        let case = |at: &u32| {
            let (flags, server) = of(*at);
            Case {
                name: format!("{}-{at}", self.name()),
                what: self.label().to_owned(),
                at: Some(f64::from(*at)),
                server,
                flags,
                ours: Vec::new(),
            }
        };
        at.iter().map(case).collect()
    }

    /// Named by microseconds, drawn by milliseconds; the loopback is not infinitely fast, either.
    fn distances(self) -> Vec<Case> {
        let delays = [0, 100, 1_000, 5_000, 20_000, 100_000];
        let mut cases = self.points(&delays, |delay_us| {
            let server = Server::Sink {
                brokers: 1,
                partitions: 12,
                delay_us: u64::from(delay_us),
            };
            let flags = Flags {
                buffer_memory: 256 << 20,
                ..Flags::large_batches()
            };
            (flags, server)
        });
        for case in &mut cases {
            case.at = case.at.map(|delay_us| (delay_us + OWN_ROUND_TRIP_US) / 1e3);
        }
        cases
    }
}

fn sink(brokers: u16, partitions: u32) -> Server {
    Server::Sink {
        brokers,
        partitions,
        delay_us: 0,
    }
}

const DECADES: [u32; 5] = [1, 10, 100, 1_000, 10_000];
const DOUBLINGS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];
const OWN_ROUND_TRIP_US: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_axis_grows_and_names_each_point() {
        for axis in Axis::value_variants() {
            let cases = axis.cases();
            assert!(cases.is_sorted_by_key(|case| case.at), "{axis:?}");
            let names: std::collections::BTreeSet<_> =
                cases.iter().map(|case| case.name.clone()).collect();
            assert_eq!(names.len(), cases.len(), "{axis:?}");
        }
    }

    #[test]
    fn threads_are_told_to_our_program_alone() {
        let cases = Axis::Threads.cases();
        assert_eq!(cases[2].ours, ["--threads", "4"]);
        assert!(!cases[2].flags.arguments().contains(&"--threads".to_owned()));
    }

    #[test]
    fn a_distant_broker_is_drawn_where_it_is() {
        let at: Vec<_> = Axis::Distance
            .cases()
            .iter()
            .map(|case| case.at.unwrap())
            .collect();
        assert_eq!((at[0], at[5]), (0.05, 100.05));
    }
}
