//! What `metric.reporters` comes to: the reporters that the program has given names to.

use super::error::Warning;
use super::plugins::{Plugins, ReporterFactory};
use super::values::{Findings, Values};

/// The default of Java's, for which there is no counterpart.
const JMX: &str = "org.apache.kafka.common.metrics.JmxReporter";

/// Those that are known. Whoever shares a file with Java programs has names of theirs in it, without which nothing
/// is wrong but that they report nothing.
pub(super) fn reporters(
    values: &Values,
    plugins: &Plugins,
    findings: &mut Findings,
) -> Vec<ReporterFactory> {
    let name = "metric.reporters";
    let mut known = Vec::new();
    for entry in values.list(name) {
        match plugins.reporter_named(&entry) {
            Some(reporter) => known.push(reporter),
            None if entry == JMX || entry.is_empty() => {}
            None => findings
                .warnings
                .push(Warning::EntryNotSupported { name, entry }),
        }
    }
    known
}
