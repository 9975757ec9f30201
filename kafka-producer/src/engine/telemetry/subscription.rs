//! What a broker has said that it wants of our metrics: read from its answer, and kept to until it says otherwise.

use std::time::Duration;

use kafka_wire::compression::Compression;
use kafka_wire::messages::GetTelemetrySubscriptionsResponse;

/// Which metrics are wanted, how, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Its number, by which a broker sees that another one counts by now.
    pub(crate) id: i32,
    /// From push to push.
    pub(crate) interval: Duration,
    /// The first of the accepted codecs that is built in.
    pub(crate) compression: Compression,
    pub(crate) temporality: Temporality,
    /// How long a push may be, compressed.
    pub(crate) max_bytes: usize,
    pub(crate) wanted: Wanted,
}

/// How totals are pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temporality {
    /// What was added since the last push.
    Delta,
    /// Everything since the beginning.
    Cumulative,
}

/// Which metrics are wanted, by their full names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Nothing,
    All,
    /// Those that begin with any of these.
    Prefixes(Vec<String>),
}

impl Subscription {
    pub(super) fn new(answer: &GetTelemetrySubscriptionsResponse) -> Self {
        Self {
            id: answer.subscription_id,
            interval: interval(answer.push_interval_ms),
            compression: preferred(&answer.accepted_compression_types),
            temporality: match answer.delta_temporality {
                true => Temporality::Delta,
                false => Temporality::Cumulative,
            },
            max_bytes: match usize::try_from(answer.telemetry_max_bytes) {
                Ok(bytes @ 1..) => bytes,
                _ => MAX_BYTES_DEFAULT,
            },
            wanted: Wanted::new(&answer.requested_metrics),
        }
    }
}

impl Wanted {
    fn new(prefixes: &[String]) -> Self {
        match prefixes {
            [] => Self::Nothing,
            [all] if all == "*" => Self::All,
            prefixes => Self::Prefixes(prefixes.to_vec()),
        }
    }

    pub(super) fn includes(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
        }
    }
}

/// A broker that names no interval is asked by Kafka's default; and none is pushed to more often than its own
/// settings allow (`interval.ms` of a subscription).
fn interval(push_interval_ms: i32) -> Duration {
    match u64::try_from(push_interval_ms) {
        Ok(ms @ 1..) => Duration::from_millis(ms).max(INTERVAL_MIN),
        _ => DEFAULT_INTERVAL,
    }
}

/// Brokers list the best first.
fn preferred(accepted: &[i8]) -> Compression {
    let known = accepted.iter().filter_map(|id| {
        let id = u8::try_from(*id).ok()?;
        Compression::from_id(id)
    });
    let mut built_in = known.filter(|codec| is_built_in(*codec));
    built_in.next().unwrap_or_default()
}

fn is_built_in(codec: Compression) -> bool {
    let codecs = [
        (Compression::None, true),
        (Compression::Gzip, cfg!(feature = "gzip")),
        (Compression::Snappy, cfg!(feature = "snappy")),
        (Compression::Lz4, cfg!(feature = "lz4")),
        (Compression::Zstd, cfg!(feature = "zstd")),
    ];
    codecs.contains(&(codec, true))
}

/// `interval.ms` of a subscription that names none: five minutes.
pub(super) const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);
/// `telemetry.max.bytes` of a broker that names none.
const MAX_BYTES_DEFAULT: usize = 1 << 20;
const INTERVAL_MIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> GetTelemetrySubscriptionsResponse {
        GetTelemetrySubscriptionsResponse::default()
    }

    #[test]
    fn prefixes_choose_a_star_alone_is_all_and_none_is_nothing() {
        let names = [
            "org.apache.kafka.producer.record.send.total",
            "org.apache.kafka.shop.orders",
        ];
        let one = "org.apache.kafka.producer.";
        for (prefixes, included) in [
            (&[][..], [false, false]),
            (&["*"], [true, true]),
            (&[""], [true, true]),
            (&[one], [true, false]),
            (&["org.apache.kafka.consumer", one], [true, false]),
            (&["*", "org.apache.kafka.shop"], [false, true]),
        ] {
            let prefixes = prefixes.iter().map(ToString::to_string);
            let asked = answer().with_requested_metrics(prefixes.collect());
            let wanted = Subscription::new(&asked).wanted;
            assert_eq!(
                names.map(|name| wanted.includes(name)),
                included,
                "{wanted:?}"
            );
        }
    }

    #[test]
    fn what_a_broker_says_of_times_and_sizes_is_brought_within_reason() {
        for (ms, interval) in [
            (0, DEFAULT_INTERVAL),
            (-1, DEFAULT_INTERVAL),
            (1, INTERVAL_MIN),
            (i32::MAX, Duration::from_millis(2_147_483_647)),
        ] {
            let asked = answer().with_push_interval_ms(ms);
            assert_eq!(Subscription::new(&asked).interval, interval, "{ms}");
        }
        for (bytes, max) in [(0, MAX_BYTES_DEFAULT), (-5, MAX_BYTES_DEFAULT), (9, 9)] {
            let asked = answer().with_telemetry_max_bytes(bytes);
            assert_eq!(Subscription::new(&asked).max_bytes, max, "{bytes}");
        }
    }

    #[cfg(all(feature = "zstd", feature = "gzip"))]
    #[test]
    fn the_first_codec_that_is_known_is_taken() {
        for (accepted, codec) in [
            (&[][..], Compression::None),
            (&[4, 1], Compression::Zstd),
            (&[1, 4], Compression::Gzip),
            (&[-3, 77, 1], Compression::Gzip),
            (&[0, 1], Compression::None),
        ] {
            let asked = answer().with_accepted_compression_types(accepted.to_vec());
            assert_eq!(Subscription::new(&asked).compression, codec, "{accepted:?}");
        }
    }
}
