//! Where a broker stands, and whether it is being sent batches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Node;

impl Node {
    /// It stands there.
    pub(crate) fn stand_in(&mut self, rack: Option<Arc<str>>) {
        self.rack = rack;
    }

    /// Where it stands, as far as is known.
    pub(crate) fn rack(&self) -> Option<&str> {
        self.rack.as_deref()
    }

    /// It is being sent batches.
    pub(crate) fn note_sent(&mut self, now: Instant) {
        self.last_sent = Some(now);
    }

    /// Whether a batch that could have been sent to it since then has waited for `time`, and nothing else
    /// was sent meanwhile.
    pub(crate) fn has_stalled(&self, since: Instant, time: Duration, now: Instant) -> bool {
        let since = self.last_sent.map_or(since, |sent| sent.max(since));
        now.saturating_duration_since(since) >= time
    }
}
