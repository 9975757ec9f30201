//! The sequence numbers of an idempotent producer in one partition (KIP-98).
//!
//! ```text
//! Unnumbered ──first batch──▶ Running ──a numbered batch ends unacknowledged──▶ Broken
//!                                ▲                                                │
//!                                ├──────── a successor is acknowledged ───────────┤
//!                                └── nothing in flight: from 0 under a new epoch ─┘
//! ```

use crate::engine::identity::ProducerId;
use crate::engine::produce::lane::slot::Number;
use crate::engine::produce::verdict::Ambiguity;

/// The state of a lane's sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// No batch was numbered yet, or none needs to be.
    Unnumbered,
    /// The next batch gets the number `next`.
    Running { next: Number },
    /// A numbered batch has ended without being acknowledged: the broker may wait for it for ever. If a
    /// later batch is acknowledged, the log goes on after it; otherwise a new epoch starts at 0. `serial` is
    /// the latest batch that ended like this, `ambiguity` the greatest of all of them.
    Broken {
        next: Number,
        serial: u64,
        ambiguity: Ambiguity,
    },
}

impl Numbering {
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    /// The producer id and epoch of the next batch.
    pub(super) fn producer(&self) -> Option<ProducerId> {
        match self {
            Self::Unnumbered => None,
            Self::Running { next } | Self::Broken { next, .. } => Some(next.producer()),
        }
    }

    /// The ambiguity of the batches that have ended without being acknowledged.
    pub(super) fn ambiguity(&self) -> Ambiguity {
        match self {
            Self::Broken { ambiguity, .. } => *ambiguity,
            Self::Running { .. } | Self::Unnumbered => Ambiguity::None,
        }
    }

    /// The number of a new batch with this many records.
    pub(super) fn take(&mut self, producer: ProducerId, count: u32) -> Number {
        let number = match self {
            Self::Running { next } if next.producer() == producer => *next,
            _ => Number::new(producer, 0),
        };
        self.run_from(number.behind(count));
        number
    }

    /// Goes on with this number.
    pub(super) fn run_from(&mut self, next: Number) {
        *self = Self::Running { next };
    }

    /// Notes that the batch with this serial ended, or lost its number, without being acknowledged.
    pub(super) fn break_off(&mut self, broken: u64, of: Ambiguity) {
        match self {
            Self::Unnumbered => {}
            Self::Broken {
                serial, ambiguity, ..
            } => {
                *serial = broken.max(*serial);
                *ambiguity = of.max(*ambiguity);
            }
            Self::Running { next } => {
                *self = Self::Broken {
                    next: *next,
                    serial: broken,
                    ambiguity: of,
                };
            }
        }
    }

    /// The log has the batch with this serial, so that batches before it that have ended without being
    /// acknowledged do not break the sequence any more.
    pub(super) fn restore(&mut self, acknowledged: u64) {
        if let Self::Broken { next, serial, .. } = *self
            && serial <= acknowledged
        {
            *self = Self::Running { next };
        }
    }
}
