//! Pictures of Prometheus's own page, by Chromium without a window.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::prometheus::{Prometheus, encoded};
use crate::shell;

/// Takes each of them.
pub(super) fn take(prometheus: &Prometheus, directory: &Path, since: Duration) -> Result<()> {
    let installed = shell::is_installed("chromium");
    ensure!(installed, "it is missing: `apt-get install chromium`");
    for (name, graphs) in PICTURES {
        let mut page = format!("{}?", prometheus.page());
        for (number, graph) in graphs.iter().enumerate() {
            let range = since.as_secs() + 10;
            let graph = encoded(graph);
            let _ = write!(
                page,
                "g{number}.expr={graph}&g{number}.tab=0&g{number}.stacked=0&"
            );
            let _ = write!(
                page,
                "g{number}.range_input={range}s&g{number}.step_input=1&"
            );
        }
        let path = directory.join(format!("{name}.png"));
        one(&page, &path)?;
        let bytes = std::fs::metadata(&path)
            .context("no picture was taken")?
            .len();
        println!("{}: {bytes} bytes", path.display());
    }
    Ok(())
}

fn one(page: &str, path: &Path) -> Result<()> {
    let profile = tempfile::tempdir()?;
    let mut chromium = Command::new("chromium");
    chromium.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
    ]);
    // What the page asks its server for is waited for, but not longer.
    chromium.args(["--virtual-time-budget=20000", "--window-size=1100,1570"]);
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.arg(format!("--screenshot={}", path.display()));
    // It complains of a desktop that is not there.
    shell::run(chromium.arg(page).stderr(Stdio::null()))
}

/// The name of each picture, and what it shows from top to bottom.
const PICTURES: [(&str, &[&str]); 2] = [
    (
        "a-broker-is-killed",
        &[
            "sum by (node_id) (rate(kafka_producer_node_request_total{node_id!~\"node--.*\"}[5s]))",
            "sum by (topic) (rate(kafka_producer_topic_record_retry_total[5s]))",
        ],
    ),
    (
        "while-it-is-away",
        &[
            "sum by (node_id) (kafka_producer_memory_used_bytes)",
            "max by (client_id) (kafka_producer_record_queue_time_max)",
        ],
    ),
];
