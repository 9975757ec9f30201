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

/// How far the numbers of a lane have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// No batch was numbered yet, or none needs to be.
    Unnumbered,
    /// The next batch takes `next`.
    Running { next: Number },
    /// A numbered batch has ended without being acknowledged: the broker may wait for it for ever.
    /// An acknowledged successor shows that the log goes on behind it; otherwise a new epoch starts at 0.
    /// `serial` is the latest of those that ended so; `ambiguity` the greatest of them.
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

    /// Under whom the next batch would go on.
    pub(super) fn producer(&self) -> Option<ProducerId> {
        match self {
            Self::Unnumbered => None,
            Self::Running { next } | Self::Broken { next, .. } => Some(next.producer()),
        }
    }

    /// How much is known of the batches that have ended without being acknowledged.
    pub(super) fn ambiguity(&self) -> Ambiguity {
        match self {
            Self::Broken { ambiguity, .. } => *ambiguity,
            Self::Running { .. } | Self::Unnumbered => Ambiguity::None,
        }
    }

    /// The number of a new batch of so many records.
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

    /// The log has the batch with this serial: what comes next fits behind those that have ended
    /// without being acknowledged before it.
    pub(super) fn restore(&mut self, acknowledged: u64) {
        if let Self::Broken { next, serial, .. } = *self
            && serial <= acknowledged
        {
            *self = Self::Running { next };
        }
    }
}
