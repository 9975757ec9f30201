//! The thread that calls the reporters of metrics, each at its interval, and once more when the producer has ended.
//!
//! Reporters are code of others: they are called on no other thread than this, and a panic of one is a warning.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use kafka_accumulator::{Accumulator, catch_panic};

use crate::engine::EngineHandle;
use crate::error::DeliveryError;
use crate::metrics::{MetricsReporter, MetricsSnapshot};
use crate::settings::Settings;
use crate::warnings;

/// Where the metrics of a producer are read.
#[derive(Clone)]
pub(crate) struct MetricsSource {
    pub(crate) settings: Arc<Settings>,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) handle: Arc<EngineHandle>,
}

impl MetricsSource {
    /// The metrics of now.
    pub(crate) fn read(&self) -> MetricsSnapshot {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let measurements = self.handle.measurements();
        measurements.snapshot(&self.settings, &self.accumulator, now, wall)
    }
}

/// The producer has not ended: dropped when it has.
pub(crate) struct Running {
    _sender: Sender<()>,
}

/// A reporter, and when it is called next.
struct Reporting {
    reporter: Box<dyn MetricsReporter>,
    interval: Duration,
    due: Instant,
}

/// Starts the thread, if there are reporters.
pub(crate) fn start(
    source: MetricsSource,
    reporters: Vec<Box<dyn MetricsReporter>>,
) -> io::Result<Option<Running>> {
    if reporters.is_empty() {
        return Ok(None);
    }
    let (sender, running) = mpsc::channel();
    let name = format!("kafka-metrics {}", source.settings.client_id);
    let thread = thread::Builder::new().name(name);
    thread.spawn(move || run(&source, reporters, &running))?;
    Ok(Some(Running { _sender: sender }))
}

fn run(source: &MetricsSource, reporters: Vec<Box<dyn MetricsReporter>>, running: &Receiver<()>) {
    let begun = Instant::now();
    let client_id = &source.settings.client_id;
    let reporting = reporters.into_iter().map(|reporter| {
        let interval = catch_panic(|| reporter.interval()).unwrap_or(INTERVAL_MAX);
        let interval = interval.clamp(INTERVAL_MIN, INTERVAL_MAX);
        Reporting {
            reporter,
            interval,
            due: begun + interval,
        }
    });
    let mut reporting: Vec<_> = reporting.collect();
    while let Some(due) = reporting.iter().map(|reporting| reporting.due).min() {
        let wait = due.saturating_duration_since(Instant::now());
        if running.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
        let now = Instant::now();
        for reporting in reporting.iter_mut().filter(|it| it.due <= now) {
            reporting.report(source, client_id);
            reporting.due = Instant::now() + reporting.interval;
        }
    }
    for reporting in &mut reporting {
        reporting.report(source, client_id);
    }
    for reporting in reporting {
        let _ = catch_panic(|| drop(reporting));
    }
}

impl Reporting {
    fn report(&mut self, source: &MetricsSource, client_id: &str) {
        let metrics = source.read();
        if let Err(panic) = catch_panic(|| self.reporter.report(&metrics)) {
            let panic = panic.message();
            warnings::tell(
                &format!("a reporter of metrics has panicked: {panic}"),
                client_id,
            );
        }
    }
}

const INTERVAL_MIN: Duration = Duration::from_millis(1);
/// Far beyond the life of a program, and near enough to be added to any `Instant`.
const INTERVAL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
