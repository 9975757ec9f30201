//! What is said, line by line, and the totals: the fields are those of Kafka's own tool.
//!
//! A record is told of exactly once: by its callback, or by the sender when it was refused.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kafka_producer::{DeliveryError, RecordMetadata, SendError};

use crate::clock::now_ms;
use crate::exception;
use crate::flags::{Naming, Work};
use crate::output::Output;

/// Writes lines and counts records.
#[derive(Debug)]
pub(crate) struct Report {
    output: Arc<Output>,
    naming: Naming,
    /// With its quotes, and escaped.
    topic_json: String,
    target_throughput: i64,
    started: Instant,
    sent: AtomicU64,
    acked: AtomicU64,
}

impl Report {
    pub(crate) fn new(output: Arc<Output>, work: &Work) -> Self {
        Self {
            output,
            naming: work.naming,
            topic_json: serde_json::Value::from(work.topic.as_str()).to_string(),
            target_throughput: work.throughput,
            started: Instant::now(),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
        }
    }

    pub(crate) fn startup_complete(&self) {
        self.event("startup_complete");
    }

    /// A record is handed over now.
    pub(crate) fn sending(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Record `n` was accepted, and this became of it.
    pub(crate) fn outcome(&self, n: u64, outcome: Result<RecordMetadata, &DeliveryError>) {
        match outcome {
            Ok(metadata) => self.success(n, &metadata),
            Err(error) => self.error(n, exception::of_delivery(error), &error.to_string()),
        }
    }

    /// Record `n` was not accepted.
    pub(crate) fn refused(&self, n: u64, error: &SendError) {
        self.error(n, exception::of_send(error), &error.to_string());
    }

    pub(crate) fn shutdown_complete(&self) {
        self.event("shutdown_complete");
    }

    /// The totals.
    pub(crate) fn tool_data(&self) {
        let sent = self.sent.load(Ordering::Relaxed);
        let acked = self.acked.load(Ordering::Relaxed);
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let average = acked as f64 / seconds;
        let target = self.target_throughput;
        self.line(|line| {
            write!(
                line,
                r#""name":"tool_data","sent":{sent},"acked":{acked},"target_throughput":{target},"avg_throughput":{average:?}"#
            )
        });
    }

    /// See [`Output::wait_for_room`].
    pub(crate) fn wait_for_room(&self) -> bool {
        self.output.wait_for_room()
    }

    /// Nothing more will be said.
    pub(crate) fn end(&self) {
        self.output.end();
    }

    fn success(&self, n: u64, metadata: &RecordMetadata) {
        self.acked.fetch_add(1, Ordering::Relaxed);
        let (topic, partition) = (&self.topic_json, metadata.partition);
        let offset = metadata.offset.unwrap_or(-1);
        self.line(|line| {
            line.extend_from_slice(br#""name":"producer_send_success","#);
            self.naming.write_json(n, line);
            write!(
                line,
                r#","offset":{offset},"topic":{topic},"partition":{partition}"#
            )
        });
    }

    fn error(&self, n: u64, exception: String, message: &str) {
        let message = serde_json::Value::from(message);
        let topic = &self.topic_json;
        self.line(|line| {
            line.extend_from_slice(br#""name":"producer_send_error","#);
            self.naming.write_json(n, line);
            write!(
                line,
                r#","topic":{topic},"exception":"class {exception}","message":{message}"#
            )
        });
    }

    fn event(&self, name: &str) {
        self.line(|line| write!(line, r#""name":"{name}""#));
    }

    /// One line: the time, and the fields that `fields` writes.
    fn line(&self, fields: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) {
        self.output.line(|line| {
            write!(line, r#"{{"timestamp":{},"#, now_ms())
                .and_then(|()| fields(line))
                .expect("a vector takes everything");
            line.extend_from_slice(b"}\n");
        });
    }
}
