//! Who an idempotent producer is: its id and epoch (KIP-98, KIP-360).
//!
//! ```text
//! NotNeeded              Missing ──asked──▶ Asked ──answered──▶ Held ──bumped──▶ Held (epoch + 1)
//!                         ▲  ▲                 │                  ├─epochs used up─▶ Missing
//!                         │  └─────failed──────┤                  └─id left─▶ Missing
//!                         └─a record─ Denied ◀─┘      Missing ──nobody to ask──▶ Denied
//! ```
//!
//! An epoch is bumped here, without asking, because only this producer uses the id; each lane
//! adopts the new epoch when nothing of the old one is on its way. An id is left for another where
//! brokers must go on to remember what was sent under it (`expiration.rs`).

use std::time::Instant;

/// What a broker tells producers apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProducerId {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl ProducerId {
    /// The one of an answer, if it tells any: negative numbers are the protocol's for none, and
    /// batches that carried them would be those of a producer without idempotence.
    pub(crate) fn told(id: i64, epoch: i16) -> Option<Self> {
        (id >= 0 && epoch >= 0).then_some(Self { id, epoch })
    }
}

/// Whether there is an id, and how it is come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Without idempotence there is none.
    NotNeeded,
    /// To be asked for.
    Missing(NextTry),
    /// Refused for want of a right, or given by no broker, and not asked for before there is something
    /// to send.
    Denied(NextTry),
    /// Asked for.
    Asked { failures: u32 },
    /// In use.
    Held(ProducerId),
}

/// When an id may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextTry {
    not_before: Instant,
    /// In a row, before this try.
    failures: u32,
}

impl NextTry {
    /// The first one.
    pub(crate) fn first(not_before: Instant) -> Self {
        let failures = 0;
        Self {
            not_before,
            failures,
        }
    }
}

impl Identity {
    pub(crate) fn is_needed(&self) -> bool {
        *self != Self::NotNeeded
    }

    pub(crate) fn producer(&self) -> Option<ProducerId> {
        match self {
            Self::Held(producer) => Some(*producer),
            _ => None,
        }
    }

    /// Whether it is time to ask.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        matches!(self, Self::Missing(next) if next.not_before <= now)
    }

    pub(crate) fn asked(&mut self) {
        if let Self::Missing(NextTry { failures, .. }) = *self {
            *self = Self::Asked { failures };
        }
    }

    /// Notes that the question was not answered. `not_before` is told how often in a row, and says when
    /// to ask again.
    pub(crate) fn failed(&mut self, not_before: impl FnOnce(u32) -> Instant) {
        if let Self::Asked { failures } = *self {
            let failures = failures.saturating_add(1);
            let not_before = not_before(failures);
            *self = Self::Missing(NextTry {
                not_before,
                failures,
            });
        }
    }

    /// Notes that no broker can be asked. It is asked for again when there is something to send.
    pub(crate) fn deny(&mut self, now: Instant) {
        if let Self::Missing(NextTry { failures, .. }) = *self {
            *self = Self::Denied(NextTry {
                not_before: now,
                failures: failures.saturating_add(1),
            });
        }
    }

    /// Notes that the id was refused for want of a right. It is asked for again when there is something to
    /// send.
    pub(crate) fn rest(&mut self) {
        if let Self::Missing(next) = *self {
            *self = Self::Denied(next);
        }
    }

    /// There is something to send: if asking for an id was given up, it is asked for again, at the time that
    /// is returned.
    pub(crate) fn rouse(&mut self) -> Option<Instant> {
        let Self::Denied(next) = *self else {
            return None;
        };
        *self = Self::Missing(next);
        Some(next.not_before)
    }

    /// Leaves an id: another is asked for at `not_before`.
    pub(crate) fn leave_id(&mut self, id: i64, not_before: Instant) {
        if self.producer().is_some_and(|current| current.id == id) {
            *self = Self::Missing(NextTry::first(not_before));
        }
    }

    /// Leaves the epoch `broken` behind: a lane's sequence under it cannot go on.
    pub(crate) fn leave(&mut self, broken: ProducerId, now: Instant) {
        let Self::Held(current) = self else { return };
        if *current != broken {
            return; // Another lane has left it already.
        }
        match current.epoch.checked_add(1) {
            Some(epoch) => current.epoch = epoch,
            None => *self = Self::Missing(NextTry::first(now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_left_once_however_many_lanes_broke_under_it() {
        let now = Instant::now();
        let broken = ProducerId { id: 7, epoch: 3 };
        let mut identity = Identity::Held(broken);
        identity.leave(broken, now);
        identity.leave(broken, now);
        assert_eq!(identity.producer(), Some(ProducerId { id: 7, epoch: 4 }));
    }

    #[test]
    fn when_the_epochs_are_used_up_a_new_id_is_asked_for() {
        let now = Instant::now();
        let last = ProducerId {
            id: 7,
            epoch: i16::MAX,
        };
        let mut identity = Identity::Held(last);
        identity.leave(last, now);
        assert!(identity.is_due(now));
        assert_eq!(identity.producer(), None);
    }
}
