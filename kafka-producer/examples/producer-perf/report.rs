//! The line of JSON, and what the operating system says of this process.

use std::io::Write as _;
use std::time::Instant;

use hdrhistogram::Histogram;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

/// The state of the clocks at one moment.
pub(crate) struct Usage {
    at: Instant,
    user_s: f64,
    system_s: f64,
    max_rss_kb: i64,
}

impl Usage {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok(Self {
            at: Instant::now(),
            user_s: usage.user_time().num_microseconds() as f64 / 1e6,
            system_s: usage.system_time().num_microseconds() as f64 / 1e6,
            max_rss_kb: usage.max_rss(),
        })
    }
}

/// What was measured.
pub(crate) struct Report<'a> {
    pub(crate) records: u64,
    pub(crate) errors: u64,
    pub(crate) from: Usage,
    pub(crate) to: Usage,
    pub(crate) record_bytes: usize,
    pub(crate) latencies: &'a Histogram<u64>,
    pub(crate) late: &'a Histogram<u64>,
    pub(crate) payload_fnv: u64,
}

impl Report<'_> {
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let seconds = self.to.at.duration_since(self.from.at).as_secs_f64();
        let records = self.records as f64;
        let user = self.to.user_s - self.from.user_s;
        let system = self.to.system_s - self.from.system_s;
        let line = json!({
            "client": "kafka-producer",
            "version": env!("CARGO_PKG_VERSION"),
            "records": self.records,
            "errors": self.errors,
            "seconds": seconds,
            "records_per_s": records / seconds,
            "mb_per_s": records * self.record_bytes as f64 / seconds / 1e6,
            "cpu_user_s": user,
            "cpu_sys_s": system,
            "cpu_s_per_million": (user + system) / records * 1e6,
            "max_rss_kb": Usage::now()?.max_rss_kb.max(self.to.max_rss_kb),
            "lat_us": quantiles(self.latencies),
            "send_late_us": quantiles(self.late),
            "payload_fnv": format!("{:016x}", self.payload_fnv),
            "notes": "",
        });
        writeln!(std::io::stdout(), "{line}")?;
        Ok(())
    }
}

fn quantiles(nanos: &Histogram<u64>) -> Value {
    let at = |quantile| nanos.value_at_quantile(quantile) as f64 / 1e3;
    json!({
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p999": at(0.999),
        "max": nanos.max() as f64 / 1e3,
    })
}
