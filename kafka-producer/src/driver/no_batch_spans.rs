//! No spans for batches: without the feature `tracing` nobody can want them.

use std::sync::Arc;

use kafka_accumulator::{Batch, BatchOutcome};

use crate::engine::Outgoing;
use crate::error::DeliveryError;

/// No spans.
pub(super) struct BatchSpans;

/// No batches.
#[derive(Default)]
pub(super) struct SentBatches;

/// Nobody wants them.
pub(super) fn are_wanted() -> bool {
    false
}

impl SentBatches {
    pub(super) fn note(&self, _: &Outgoing, _: Option<Arc<str>>) {}

    pub(super) fn is_empty(&self) -> bool {
        true
    }
}

impl BatchSpans {
    pub(super) fn of(_: Arc<str>) -> Self {
        Self
    }

    pub(super) fn begin(&self, _: SentBatches) {}

    pub(super) fn end(&self, _: &Batch<DeliveryError>, _: &BatchOutcome<DeliveryError>) {}
}
