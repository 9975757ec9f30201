//! A span of `tracing` for each batch, from its first request to its outcome (feature `tracing`).
//!
//! A round lists what it has sent; between two rounds, when no lock is held, that becomes spans. While the records of a
//! batch are told of their outcome its span is entered, so that what they do then belongs to it. Without the level that
//! spans have, nothing is listed.

use std::ptr;
use std::sync::Arc;

use hashbrown::HashMap;
use kafka_accumulator::{Batch, BatchOutcome, catch_panic};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::span::EnteredSpan;
use tracing::{Level, Span, field};

use crate::engine::{Outgoing, Payload};
use crate::error::DeliveryError;
use crate::error_type;
use crate::own_thread;

/// The spans of a producer's batches that have no outcome yet.
pub(super) struct BatchSpans {
    client_id: Arc<str>,
    /// By the address of the batch, which is there until it has ended.
    open: HashMap<usize, OpenSpan>,
}

struct OpenSpan {
    span: Span,
    /// `host:port` of the broker that it was sent to last.
    address: Option<Arc<str>>,
}

/// Batches that are in requests, for the first time or again.
#[derive(Default)]
pub(super) struct SentBatches(Vec<SentBatch>);

struct SentBatch {
    batch: Arc<Batch<DeliveryError>>,
    address: Option<Arc<str>>,
}

/// Whether a subscriber may want spans: asked for each request, so without asking the subscriber.
#[inline]
pub(super) fn are_wanted() -> bool {
    LEVEL <= STATIC_MAX_LEVEL && LEVEL <= LevelFilter::current()
}

impl SentBatches {
    /// Adds those of a request to a broker with this address.
    #[cold]
    pub(super) fn note(&mut self, outgoing: &Outgoing, address: Option<Arc<str>>) {
        if let Payload::Produce(produce) = &outgoing.payload {
            let batches = produce.batches.iter();
            self.0.extend(batches.map(|numbered| SentBatch {
                batch: Arc::clone(&numbered.batch),
                address: address.clone(),
            }));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl BatchSpans {
    /// Those of the producer of this name.
    pub(super) fn of(client_id: Arc<str>) -> Self {
        Self {
            client_id,
            open: HashMap::new(),
        }
    }

    /// Those of batches that are sent for the first time.
    pub(super) fn begin(&mut self, sent: SentBatches) {
        sent.0.into_iter().for_each(|sent| self.begin_one(sent));
    }

    fn begin_one(&mut self, SentBatch { batch, address }: SentBatch) {
        let key = key_of(&batch);
        if let Some(open) = self.open.get_mut(&key) {
            open.address = address;
            return;
        }
        let span = as_callback(|| self.open(&batch));
        if let Some(span) = span.filter(|span| !span.is_disabled()) {
            self.open.insert(key, OpenSpan { span, address });
        }
    }

    /// That of a batch which has ended, sent or not. Its records are told while what is returned lasts.
    #[inline]
    pub(super) fn end(
        &mut self,
        batch: &Batch<DeliveryError>,
        outcome: &BatchOutcome<DeliveryError>,
    ) -> Telling {
        if self.open.is_empty() {
            return Telling(None);
        }
        let closed = as_callback(|| self.close(key_of(batch), outcome));
        Telling(closed.flatten())
    }

    fn open(&self, batch: &Batch<DeliveryError>) -> Span {
        let topic = &**batch.topic();
        tracing::span!(
            target: "kafka_producer::batch",
            parent: None,
            LEVEL,
            "produce",
            otel.name = %format_args!("produce {topic}"),
            otel.kind = "client",
            otel.status_code = field::Empty,
            otel.status_description = field::Empty,
            messaging.system = "kafka",
            messaging.operation.name = "produce",
            "messaging.operation.type" = "send",
            messaging.client.id = &*self.client_id,
            messaging.destination.name = topic,
            messaging.destination.partition.id = %batch.partition(),
            messaging.batch.message_count = batch.count(),
            server.address = field::Empty,
            server.port = field::Empty,
            "error.type" = field::Empty,
        )
    }

    /// The span of a batch that ends, if it has one, with all that is known then.
    #[cold]
    fn close(&mut self, key: usize, outcome: &BatchOutcome<DeliveryError>) -> Option<EnteredSpan> {
        let OpenSpan { span, address } = self.open.remove(&key)?;
        let server = address
            .as_deref()
            .and_then(|address| address.rsplit_once(':'));
        if let Some((host, port)) = server {
            span.record("server.address", host.trim_matches(['[', ']']));
            span.record("server.port", port.parse::<u16>().ok());
        }
        if let Some((kind, why)) = failure(outcome) {
            span.record("error.type", kind);
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", why);
        }
        Some(span.entered())
    }
}

/// While the records of a batch are told; its span ends with it.
pub(super) struct Telling(Option<EnteredSpan>);

impl Drop for Telling {
    #[inline]
    fn drop(&mut self) {
        if let Some(entered) = self.0.take() {
            as_callback(|| drop(entered));
        }
    }
}

fn key_of(batch: &Batch<DeliveryError>) -> usize {
    ptr::from_ref(batch).addr()
}

/// Why the records of a batch were not stored, in a word and in more of them.
fn failure(outcome: &BatchOutcome<DeliveryError>) -> Option<(&'static str, String)> {
    match outcome {
        BatchOutcome::Failed(error) | BatchOutcome::Refused { rest: error, .. } => {
            Some((error_type::of_delivery(error), error.to_string()))
        }
        BatchOutcome::Split(_) => {
            let why = "the batch is too large for its topic: its halves are sent instead";
            Some(("MESSAGE_TOO_LARGE", why.to_owned()))
        }
        // It was delivered.
        _ => None,
    }
}

/// Calls a subscriber, which is code of the program: it may panic, and must not wait for a producer here.
fn as_callback<T>(call: impl FnOnce() -> T) -> Option<T> {
    let _entered = own_thread::enter_callback();
    catch_panic(call).ok()
}

/// Not what a program hears by default: in most that have set up `tracing` there is somebody for *info*, and a producer
/// sends many batches.
const LEVEL: Level = Level::DEBUG;
