//! Who coordinates what: groups and transactional ids, by the hash of their names.
//!
//! As with Kafka, a name belongs to one of 50 partitions of an internal topic, and whoever leads
//! it coordinates all names in it. What a coordinator knows is kept by that topic and not lost
//! with its broker, but the next one needs time to load it.

use std::{collections::BTreeMap, time::Instant};

use kafka_wire::ErrorCode;

use super::{broker::Brokers, ids::BrokerId};

/// What a coordinator is for.
///
/// ```
/// use kafka_mock::cluster::CoordinatorKind;
///
/// assert_ne!(CoordinatorKind::Group, CoordinatorKind::Transaction);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoordinatorKind {
    /// Consumer groups and their offsets.
    Group,
    /// Transactional ids.
    Transaction,
}

/// All coordinators that were ever asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Coordinators {
    seats: BTreeMap<(CoordinatorKind, i32), Seat>,
}

/// A partition of an internal topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) broker: Option<BrokerId>,
    /// Grows with each change.
    pub(super) epoch: i32,
    /// Until then it loads.
    ready_at: Option<Instant>,
}

impl Coordinators {
    /// The seat of a name; it is taken if it was not yet.
    pub(super) fn seat(&mut self, kind: CoordinatorKind, key: &str, brokers: &Brokers) -> &Seat {
        let slot = slot_of(key);
        self.seats.entry((kind, slot)).or_insert_with(|| Seat {
            broker: first_of(slot, brokers),
            epoch: 0,
            ready_at: None,
        })
    }

    /// Whether `broker` may answer for a name.
    pub(super) fn check(
        &mut self,
        now: Instant,
        broker: BrokerId,
        (kind, key): (CoordinatorKind, &str),
        brokers: &Brokers,
    ) -> Result<(), ErrorCode> {
        let seat = self.seat(kind, key, brokers);
        if seat.broker != Some(broker) {
            return Err(ErrorCode::NOT_COORDINATOR);
        }
        seat.check_loaded(now)
    }

    /// Seats the coordinator of a name, and of its neighbours, on this broker.
    pub(super) fn move_to(
        &mut self,
        (kind, key): (CoordinatorKind, &str),
        to: BrokerId,
        ready_at: Option<Instant>,
        brokers: &Brokers,
    ) {
        self.seat(kind, key, brokers);
        if let Some(seat) = self.seats.get_mut(&(kind, slot_of(key))) {
            seat.give(Some(to), ready_at);
        }
    }

    /// Those on a broker that is gone move to the next.
    pub(super) fn leave(&mut self, gone: BrokerId, ready_at: Option<Instant>, brokers: &Brokers) {
        for (&(_, slot), seat) in &mut self.seats {
            if seat.broker == Some(gone) {
                seat.give(first_of(slot, brokers), ready_at);
            }
        }
    }

    /// A broker is there again: it takes what nobody has.
    pub(super) fn arrive(&mut self, ready_at: Option<Instant>, brokers: &Brokers) {
        for (&(_, slot), seat) in &mut self.seats {
            if seat.broker.is_none() {
                seat.give(first_of(slot, brokers), ready_at);
            }
        }
    }
}

impl Seat {
    pub(super) fn check_loaded(&self, now: Instant) -> Result<(), ErrorCode> {
        match (self.broker, self.ready_at) {
            (None, _) => Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
            (_, Some(ready_at)) if ready_at > now => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            _ => Ok(()),
        }
    }

    /// When it is loaded.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        self.ready_at
    }

    fn give(&mut self, broker: Option<BrokerId>, ready_at: Option<Instant>) {
        if self.broker != broker {
            self.broker = broker;
            self.epoch += 1;
            self.ready_at = ready_at;
        }
    }
}

/// The broker whose turn it is, or the next that is there.
fn first_of(slot: i32, brokers: &Brokers) -> Option<BrokerId> {
    let ids: Vec<_> = brokers.ids().collect();
    let turn = usize::try_from(slot).unwrap_or(0) % ids.len().max(1);
    let ring = ids.iter().cycle().skip(turn).take(ids.len());
    ring.copied().find(|&id| brokers.is_listed(id))
}

/// The partition of the internal topic that a name belongs to: Java's hash of the text.
pub(super) fn slot_of(key: &str) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    (hash & i32::MAX) % SLOTS
}

/// `transaction.state.log.num.partitions` and `offsets.topic.num.partitions`.
const SLOTS: i32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_where_java_would_put_it() {
        // "tx".hashCode() is 3716, "käse 🧀".hashCode() is negative.
        assert_eq!(slot_of("tx"), 3716 % 50);
        assert_eq!(slot_of(""), 0);
        assert!((0..50).contains(&slot_of("käse 🧀")));
    }
}
