//! What is measured of batches when they are sent; nothing here changes what is sent.

use kafka_wire::compression::Compression;
use kafka_wire::records::BATCH_HEADER_BYTES;

use crate::engine::cluster::expected_response::BatchRef;
use crate::engine::context::Context;
use crate::engine::metrics::SentBatch;
use crate::engine::produce::sender::Sender;

impl Sender {
    /// Measures a request that is sent now, unless some of its batches are to be compressed first: then their
    /// sizes are not known yet.
    pub(super) fn measure_unless_compressed(&self, cx: &mut Context, sent: &[BatchRef]) {
        let codecs = &cx.settings.codecs;
        let raw = |batch: &BatchRef| {
            let lane = &self.lanes[batch.lane];
            let is_compressed = codecs.of(lane.topic()).compression != Compression::None;
            let batch = lane.sent(batch.serial).filter(|_| is_compressed);
            batch.is_some_and(|(batch, _)| batch.codec() == Compression::None)
        };
        if !(codecs.compress() && sent.iter().any(raw)) {
            self.measure(cx, sent);
        }
    }

    /// Measures a request of these batches. Those that have had an outcome in the meantime do not count.
    pub(crate) fn measure(&self, cx: &mut Context, sent: &[BatchRef]) {
        let now = cx.now;
        let compressed = cx.settings.codecs.compress();
        let batches = sent.iter().filter_map(|batch| {
            let lane = &self.lanes[batch.lane];
            let (batch, attempts) = lane.sent(batch.serial)?;
            let bytes = match compressed {
                true => batch.records().len(),
                false => batch.uncompressed_bytes(),
            };
            let measured = SentBatch {
                records: batch.count(),
                attempts,
                bytes: bytes + BATCH_HEADER_BYTES,
                ratio: bytes as f64 / batch.uncompressed_bytes() as f64,
                largest_record_bytes: batch.largest_record_bytes() + BATCH_HEADER_BYTES,
                age: now.saturating_duration_since(batch.created()),
            };
            Some((lane.topic(), measured))
        });
        cx.metrics.sent(now, batches);
    }
}
