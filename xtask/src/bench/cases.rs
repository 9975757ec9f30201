//! The cases: each has a name, a server, and the flags that every client gets.
//!
//! S: throughput with the sink; B: with a real broker; L: latency at a fixed rate.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One workload against one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) server: Server,
    pub(super) flags: Flags,
}

impl Case {
    /// The same case with another value of one of its figures.
    pub(super) fn with(&self, figure: &str, value: &str) -> Result<Self> {
        let mut case = serde_json::to_value(self)?;
        let places = ["/flags", "/server/Sink", "/server/Kafka"].map(|it| format!("{it}/{figure}"));
        let place = places.iter().find(|place| case.pointer(place).is_some());
        let place =
            place.with_context(|| format!("case {} has no figure {figure:?}", self.name))?;
        if let Some(old) = case.pointer_mut(place) {
            *old = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        }
        let case: Self = serde_json::from_value(case)
            .with_context(|| format!("{value:?} is no value of {figure}"))?;
        let name = format!("{} {figure}={value}", self.name);
        Ok(Self { name, ..case })
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Server {
    /// The program that acknowledges everything.
    Sink(SinkOptions),
    /// An Apache Kafka of one node.
    Kafka { partitions: u32 },
}

/// What the sink plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SinkOptions {
    pub(super) brokers: u16,
    pub(super) partitions: u32,
    pub(super) delay_us: u64,
}

/// What every client is told, in the words of Kafka's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flags {
    pub(super) size: usize,
    pub(super) key_size: usize,
    pub(super) acks: String,
    pub(super) compression: String,
    pub(super) batch_size: usize,
    pub(super) linger_ms: u64,
    pub(super) idempotence: bool,
    pub(super) max_in_flight: usize,
    pub(super) buffer_memory: usize,
    /// Records per second; 0: as fast as possible.
    pub(super) rate: u64,
    pub(super) payload: String,
}

impl Flags {
    /// 100 bytes that do not compress, acks=1, batches of 16 KiB: the flags of S1.
    fn small() -> Self {
        Self {
            size: 100,
            key_size: 0,
            acks: "1".to_owned(),
            compression: "none".to_owned(),
            batch_size: 16_384,
            linger_ms: 5,
            idempotence: false,
            max_in_flight: 5,
            buffer_memory: 64 << 20,
            rate: 0,
            payload: "random".to_owned(),
        }
    }

    /// 1 KiB of a log, acks=all, batches of 64 KiB, compressed.
    fn text(compression: &str) -> Self {
        Self {
            payload: "text".to_owned(),
            compression: compression.to_owned(),
            ..Self::kilobyte()
        }
    }

    fn kilobyte() -> Self {
        Self {
            size: 1024,
            acks: "all".to_owned(),
            batch_size: 65_536,
            ..Self::small()
        }
    }

    /// Batches of 1 MB.
    fn large_batches() -> Self {
        Self {
            batch_size: 1_000_000,
            linger_ms: 50,
            ..Self::small()
        }
    }

    fn idempotent(self) -> Self {
        Self {
            acks: "all".to_owned(),
            idempotence: true,
            ..self
        }
    }

    fn at_rate(rate: u64, linger_ms: u64) -> Self {
        Self {
            rate,
            linger_ms,
            ..Self::small()
        }
    }

    /// As they stand on a command line.
    pub(super) fn arguments(&self) -> Vec<String> {
        let flags = [
            ("size", self.size.to_string()),
            ("key-size", self.key_size.to_string()),
            ("acks", self.acks.clone()),
            ("compression", self.compression.clone()),
            ("batch-size", self.batch_size.to_string()),
            ("linger-ms", self.linger_ms.to_string()),
            ("idempotence", self.idempotence.to_string()),
            ("max-in-flight", self.max_in_flight.to_string()),
            ("buffer-memory", self.buffer_memory.to_string()),
            ("rate", self.rate.to_string()),
            ("payload", self.payload.clone()),
        ];
        let words = flags.map(|(name, value)| [format!("--{name}"), value]);
        words.into_iter().flatten().collect()
    }

    /// What a reader wants to know first.
    fn words(&self) -> String {
        let mut words = match self.rate {
            0 => String::new(),
            rate => format!("{rate} records/s of "),
        };
        words.push_str(&format!("{} B", self.size));
        if self.payload == "text" {
            words.push_str(" of text");
        }
        if self.key_size > 0 {
            words.push_str(&format!(", keys of {} B", self.key_size));
        }
        if self.compression != "none" {
            words.push_str(&format!(", {}", self.compression));
        }
        if self.idempotence {
            words.push_str(", idempotent");
        }
        words
            + &format!(
                ", acks={}, batches of {} B, linger {} ms",
                self.acks, self.batch_size, self.linger_ms
            )
    }

    pub(super) fn is_paced(&self) -> bool {
        self.rate > 0
    }
}

/// The cases that are compared with the peers, those against a real broker last.
pub(super) fn peers() -> Vec<Case> {
    let (small, kafka) = (Flags::small, Server::Kafka { partitions: 12 });
    let compressed = Flags::text("lz4");
    let keyed = Flags {
        key_size: 16,
        ..small()
    };
    vec![
        case("S1", "", SINK, small()),
        case("S2", "", SINK, Flags::large_batches()),
        case("S3", "", SINK, Flags::kilobyte()),
        case("S4", ", 3 brokers", SINK_OF_THREE, keyed.idempotent()),
        case("S5", "", SINK, compressed.clone()),
        case("S6", "", SINK, Flags::text("zstd")),
        case("S6b", "", SINK, Flags::text("snappy")),
        case("S6c", "", SINK, Flags::text("gzip")),
        case("L1", "", SINK, Flags::at_rate(1_000, 0)),
        case("L2", "", SINK, Flags::at_rate(50_000, 5)),
        case("L1r", ", a real broker", kafka, Flags::at_rate(1_000, 0)),
        case("B1", ", a real broker", kafka, small().idempotent()),
        case("B2", ", a real broker", kafka, compressed.idempotent()),
    ]
}

/// A case whose flags are told in words, followed by what is particular about it.
fn case(name: &str, particular: &str, server: Server, flags: Flags) -> Case {
    Case {
        name: name.to_owned(),
        what: flags.words() + particular,
        server,
        flags,
    }
}

const SINK: Server = sink(1);
const SINK_OF_THREE: Server = sink(3);

const fn sink(brokers: u16) -> Server {
    Server::Sink(SinkOptions {
        brokers,
        partitions: 12,
        delay_us: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_followed_by_its_value() {
        let arguments = Flags::small().arguments();
        let pairs = arguments.chunks_exact(2);
        assert!(pairs.remainder().is_empty());
        for pair in pairs {
            assert!(
                pair[0].starts_with("--") && !pair[1].starts_with("--"),
                "{pair:?}"
            );
        }
        assert!(
            arguments
                .windows(2)
                .any(|pair| pair == ["--batch-size", "16384"])
        );
    }

    #[test]
    fn one_figure_of_a_case_may_have_another_value() {
        let case = peers().remove(0);
        let slow = case.with("delay_us", "100").unwrap();
        assert_eq!(slow.name, "S1 delay_us=100");
        assert!(matches!(slow.server, Server::Sink(sink) if sink.delay_us == 100));
        assert_eq!(case.with("acks", "all").unwrap().flags.acks, "all");
        for (figure, value) in [("delay", "1"), ("size", "large")] {
            assert!(case.with(figure, value).is_err(), "{figure}");
        }
    }

    #[test]
    fn a_case_is_told_in_words() {
        let said = |name| {
            let cases = peers();
            let case = cases.iter().find(|case| case.name == name);
            case.map(|case| case.what.clone())
        };
        let expected = [
            (
                "S4",
                "100 B, keys of 16 B, idempotent, acks=all, batches of 16384 B, linger 5 ms, 3 brokers",
            ),
            (
                "L1r",
                "1000 records/s of 100 B, acks=1, batches of 16384 B, linger 0 ms, a real broker",
            ),
        ];
        for (name, words) in expected {
            assert_eq!(said(name).as_deref(), Some(words));
        }
    }

    #[test]
    fn real_brokers_come_last_so_that_one_start_serves_all() {
        let is_real = |case: &Case| matches!(case.server, Server::Kafka { .. });
        assert!(peers().is_sorted_by_key(is_real));
    }

    #[test]
    fn an_idempotent_case_asks_for_all_acks() {
        for case in peers() {
            assert!(
                !case.flags.idempotence || case.flags.acks == "all",
                "{}",
                case.name
            );
        }
    }
}
