//! Clusters that want metrics of their clients (KIP-714), and refuse them in every way: no promise about records
//! depends on it.
//!
//! As in `logins.rs`, which plans have that is decided apart: the stories of the other seeds stay as they are.

use std::time::Duration;

use kafka_mock::cluster::{Fault, TelemetryConfig, When};
use kafka_wire::{ApiKey, ErrorCode};

use crate::faults::{FaultKind, Spared};
use crate::plan::Plan;
use crate::world::World;

/// Every third seed.
const EACH: u64 = 3;
const REMAINDER: u64 = 2;

impl Plan {
    /// Lets the cluster want metrics, if it is the turn of this seed.
    pub(crate) fn want_metrics(&mut self) {
        if self.seed % EACH != REMAINDER {
            return;
        }
        let random = &mut fastrand::Rng::with_seed(self.seed ^ 0x714);
        self.cluster.telemetry = Some(wanted(random));
        for (_, kind) in &mut self.faults {
            if random.u32(..5) == 0 {
                *kind = FaultKind::RefuseMetrics;
            }
        }
    }
}

impl World {
    /// Other metrics are wanted, or what is asked and pushed next is refused.
    pub(crate) fn refuse_metrics(&mut self) -> Result<(), Spared> {
        if self.plan.cluster.telemetry.is_none() {
            return Err(Spared::MetricsUnwanted);
        }
        if self.random.u32(..3) == 0 {
            let other = wanted(&mut self.random);
            self.ground.trace.tell("cluster", || "wants other metrics");
            self.cluster.set_telemetry(other);
        }
        let api = match self.random.bool() {
            true => ApiKey::GET_TELEMETRY_SUBSCRIPTIONS,
            false => ApiKey::PUSH_TELEMETRY,
        };
        let fault = match self.random.u32(..4) {
            0 => Fault::disconnect(When::BeforeHandling),
            1 => Fault::disconnect(When::AfterHandling),
            _ => Fault::refuse(REFUSALS[self.random.usize(..REFUSALS.len())]),
        };
        let times = self.random.u32(1..4);
        self.ground.trace.tell("cluster", || {
            format!("{:?} of {api}, {times} times", fault.effect())
        });
        let tag = FaultKind::RefuseMetrics as u32;
        self.cluster.inject(fault.api(api).times(times).tagged(tag));
        Ok(())
    }
}

fn wanted(random: &mut fastrand::Rng) -> TelemetryConfig {
    let metrics: &[&str] = match random.u32(..6) {
        0 => &[],
        1 => &["org.apache.kafka.producer.record", "nothing"],
        _ => &["*"],
    };
    let codecs = [&[][..], &[4], &[1, 2, 3], &[77, 3]];
    TelemetryConfig::default()
        .with_metrics(metrics.iter().map(ToString::to_string).collect())
        .with_push_interval(Duration::from_millis(random.u64(1..700)))
        .with_compression_types(codecs[random.usize(..codecs.len())].to_vec())
        .with_delta_temporality(random.bool())
        .with_max_bytes([1 << 20, 1_000, 1][random.usize(..3)])
}

/// Mostly those after which a client goes on.
const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::UNKNOWN_SUBSCRIPTION_ID,
    ErrorCode::UNKNOWN_SUBSCRIPTION_ID,
    ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
    ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
    ErrorCode::THROTTLING_QUOTA_EXCEEDED,
    ErrorCode::TELEMETRY_TOO_LARGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::INVALID_CONFIG,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];
