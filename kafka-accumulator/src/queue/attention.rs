//! What the engine knows of a queue, and hence when the queue must ring the doorbell: one small table.
//!
//! ```text
//!             look: Empty          look: Lingering          look: Ready
//!  Attention    Away      ────▶      Lingering     ────▶     Attending
//!                │ first record          │ batch sealed
//!                └───▶ Listed ──▶ Rung ◀─┘
//! ```
//!
//! A queue rings at most twice per batch, for its first record and when it is full, and only if that can
//! change what the engine does next. It asks here under its lock and rings after unlocking. Nothing here
//! locks, waits or wakes.

use std::time::Duration;

use super::outcome::Readiness;

/// What the engine knows of this queue and will do without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attention {
    /// It believes that the queue is empty.
    Away,
    /// It will look when the open batch has lingered.
    Lingering,
    /// It knows that there is something to take, and takes it when it can.
    Attending,
    /// The queue is listed, and the engine takes the list within a linger.
    Listed,
    /// The queue is listed and the doorbell has been rung: the engine will look.
    Rung,
}

/// Whether to ring after unlocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[must_use]
pub(crate) enum Ring {
    No,
    /// It is to be listed; the engine may look when it gets up by itself.
    Lazily,
    /// It is listed already, and the engine is to look at once now.
    Again,
    /// It is to be listed, and the engine is to look at once.
    Now,
}

impl Attention {
    /// The engine has seen this.
    pub(crate) fn after_look(readiness: Readiness) -> Self {
        match readiness {
            Readiness::Empty => Self::Away,
            Readiness::Lingering { .. } => Self::Lingering,
            Readiness::Ready => Self::Attending,
        }
    }

    /// There is an open batch with its first record.
    pub(crate) fn batch_opened(&mut self, linger: Duration) -> Ring {
        match self {
            Self::Away if linger.is_zero() => self.ring(Ring::Now),
            Self::Away => {
                *self = Self::Listed;
                Ring::Lazily
            }
            Self::Lingering | Self::Attending | Self::Listed | Self::Rung => Ring::No,
        }
    }

    /// There is a batch to be taken.
    pub(crate) fn batch_sealed(&mut self) -> Ring {
        match self {
            Self::Away | Self::Lingering => self.ring(Ring::Now),
            Self::Listed => self.ring(Ring::Again),
            Self::Attending | Self::Rung => Ring::No,
        }
    }

    /// Everything was taken. If the queue is not listed, the next record rings.
    pub(crate) fn emptied(&mut self) {
        if !matches!(self, Self::Listed | Self::Rung) {
            *self = Self::Away;
        }
    }

    fn ring(&mut self, ring: Ring) -> Ring {
        *self = Self::Rung;
        ring
    }
}

impl Ring {
    /// What two events in a row ask for.
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Lazily, Self::Again) | (Self::Again, Self::Lazily) => Self::Now,
            _ => self.max(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Attention::{Attending, Away, Lingering, Listed, Rung};

    const SOME: Duration = Duration::from_millis(5);

    /// Before, after, ring.
    type Row = (Attention, Attention, Ring);

    fn check(event: impl Fn(&mut Attention) -> Ring, table: [Row; 5]) {
        for (before, after, ring) in table {
            let mut attention = before;
            assert_eq!(
                (event(&mut attention), attention),
                (ring, after),
                "from {before:?}"
            );
        }
    }

    #[test]
    fn a_first_record_rings_lazily_if_nobody_comes_anyway() {
        let table = [
            (Away, Listed, Ring::Lazily),
            (Lingering, Lingering, Ring::No),
            (Attending, Attending, Ring::No),
            (Listed, Listed, Ring::No),
            (Rung, Rung, Ring::No),
        ];
        check(|attention| attention.batch_opened(SOME), table);
    }

    #[test]
    fn without_linger_a_first_record_rings() {
        let mut attention = Away;
        assert_eq!(attention.batch_opened(Duration::ZERO), Ring::Now);
        assert_eq!(attention, Rung);
    }

    #[test]
    fn a_full_batch_rings_unless_it_is_known_of() {
        let table = [
            (Away, Rung, Ring::Now),
            (Lingering, Rung, Ring::Now),
            (Attending, Attending, Ring::No),
            (Listed, Rung, Ring::Again),
            (Rung, Rung, Ring::No),
        ];
        check(Attention::batch_sealed, table);
    }

    #[test]
    fn a_first_record_that_fills_its_batch_is_listed_and_rung_for() {
        let mut attention = Away;
        let ring = attention.batch_opened(SOME).or(attention.batch_sealed());
        assert_eq!((ring, attention), (Ring::Now, Rung));
    }
}
