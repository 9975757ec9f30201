//! Metrics, which are not collected yet.

use super::property::Allowed::{Any, AtLeast, OneOf};
use super::property::Kind::{Bool, Int, List, Long, Text};
use super::property::Support::NoEffect;
#[cfg(feature = "telemetry")]
use super::property::Support::Supported;
use super::property::{Property, Support, row};

const METRICS: Support = NoEffect("metrics are not collected yet");

#[cfg(feature = "telemetry")]
const PUSH: Support = Supported(
    "whether metrics are pushed to brokers that ask for them (KIP-714): docs/telemetry.md",
);
#[cfg(not(feature = "telemetry"))]
const PUSH: Support =
    NoEffect("the feature telemetry of the crate, which encodes metrics, is not built in");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    row("enable.metrics.push", Bool, "true", Any, PUSH),
    row("metric.reporters", List, "org.apache.kafka.common.metrics.JmxReporter", Any, METRICS),
    row("metrics.num.samples", Int, "2", AtLeast(1), METRICS),
    row("metrics.recording.level", Text, "INFO", OneOf(&["INFO", "DEBUG", "TRACE"]), METRICS),
    row("metrics.sample.window.ms", Long, "30000", AtLeast(0), METRICS),
];
