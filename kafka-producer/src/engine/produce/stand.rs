//! Where a batch without an outcome stands, as it is told to people.

use std::time::Instant;

use kafka_wire::ErrorCode;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// Open in its queue until then.
    Lingering { until: Instant },
    /// In its queue, to be taken.
    Queued,
    /// It is sent again, or asked about, then or later, after an attempt that ended like this.
    Again {
        until: Instant,
        after: Option<ErrorCode>,
    },
    /// In a request since then.
    InFlight { since: Instant },
    /// Its leader is being asked whether it has it.
    BeingAsked,
    /// Its leader has it, which the next acknowledgement confirms.
    PresumedAppended,
}
