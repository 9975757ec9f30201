//! Metrics.

use super::property::Allowed::{Any, AtLeast, OneOf};
use super::property::Kind::{Bool, Int, List, Long, Text};
#[cfg(not(feature = "telemetry"))]
use super::property::Support::NoEffect;
use super::property::Support::Supported;
use super::property::{Property, Support, row};

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
    row("metric.reporters", List, "org.apache.kafka.common.metrics.JmxReporter", Any,
        Supported("names that `Plugins` gives to reporters; there is no JMX, and other names are passed over with a warning")),
    row("metrics.num.samples", Int, "2", AtLeast(1),
        Supported("so many windows are what averages, maxima and rates are about")),
    row("metrics.recording.level", Text, "INFO", OneOf(&["INFO", "DEBUG", "TRACE"]),
        Supported("all metrics are of the level INFO, as those of Java's producer")),
    row("metrics.sample.window.ms", Long, "30000", AtLeast(0),
        Supported("how long each of these windows is")),
];
