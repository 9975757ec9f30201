//! What was gathered for one push. Data only.

use bytes::Bytes;
use kafka_wire::compression::Compression;

use super::totals::Totals;

/// Metrics as they are pushed.
pub struct Gathered {
    /// `MetricsData` of OpenTelemetry, compressed.
    pub(crate) metrics: Bytes,
    pub(crate) compression: Compression,
    /// The totals among them, if the next push is to tell what was added since.
    pub(crate) totals: Totals,
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathered")
            .field("bytes", &self.metrics.len())
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}
