//! Who coordinates what: groups and transactional ids, by the hash of their names.
//!
//! As in Kafka, a name belongs to one of 50 partitions of an internal topic, whose leader
//! coordinates all names in it. What a coordinator knows is stored in that topic and not lost with
//! its broker, but the next coordinator needs time to load it.

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
#[non_exhaustive]
pub enum CoordinatorKind {
    /// Consumer groups and their offsets.
    Group,
    /// Transactional ids.
    Transaction,
}

/// All coordinators that were ever asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Coordinators {
    by_partition: BTreeMap<(CoordinatorKind, i32), Coordinator>,
}

/// A partition of an internal topic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coordinator {
    pub(super) broker: Option<BrokerId>,
    /// Grows with each change.
    pub(super) epoch: i32,
    /// Until then it loads.
    ready_at: Option<Instant>,
}

impl Coordinators {
    /// The coordinator of a name; chosen now if the name is new.
    pub(super) fn of(
        &mut self,
        kind: CoordinatorKind,
        key: &str,
        brokers: &Brokers,
    ) -> &Coordinator {
        let partition = partition_of(key);
        self.by_partition
            .entry((kind, partition))
            .or_insert_with(|| Coordinator {
                broker: first_of(partition, brokers),
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
        let coordinator = self.of(kind, key, brokers);
        if coordinator.broker != Some(broker) {
            return Err(ErrorCode::NOT_COORDINATOR);
        }
        coordinator.check_loaded(now)
    }

    /// Makes this broker the coordinator of a name, and of all names in the same partition.
    pub(super) fn move_to(
        &mut self,
        (kind, key): (CoordinatorKind, &str),
        to: BrokerId,
        ready_at: Option<Instant>,
        brokers: &Brokers,
    ) {
        self.of(kind, key, brokers);
        if let Some(coordinator) = self.by_partition.get_mut(&(kind, partition_of(key))) {
            coordinator.give(Some(to), ready_at);
        }
    }

    /// The coordinators on a broker that is gone move to the next broker.
    pub(super) fn leave(&mut self, gone: BrokerId, ready_at: Option<Instant>, brokers: &Brokers) {
        for (&(_, partition), coordinator) in &mut self.by_partition {
            if coordinator.broker == Some(gone) {
                coordinator.give(first_of(partition, brokers), ready_at);
            }
        }
    }

    /// A broker is back: it coordinates what has no coordinator.
    pub(super) fn arrive(&mut self, ready_at: Option<Instant>, brokers: &Brokers) {
        for (&(_, partition), coordinator) in &mut self.by_partition {
            if coordinator.broker.is_none() {
                coordinator.give(first_of(partition, brokers), ready_at);
            }
        }
    }
}

impl Coordinator {
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

/// The broker of this partition in turn, or the next that is alive.
fn first_of(partition: i32, brokers: &Brokers) -> Option<BrokerId> {
    let ids: Vec<_> = brokers.ids().collect();
    let turn = usize::try_from(partition).unwrap_or(0) % ids.len().max(1);
    let ring = ids.iter().cycle().skip(turn).take(ids.len());
    ring.copied().find(|&id| brokers.is_listed(id))
}

/// The partition of the internal topic that a name belongs to: Java's hash of the text.
pub(super) fn partition_of(key: &str) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    (hash & i32::MAX) % PARTITIONS
}

/// `transaction.state.log.num.partitions` and `offsets.topic.num.partitions`.
const PARTITIONS: i32 = 50;
/// The internal topic whose partitions keep the offsets of groups.
pub(super) const OFFSETS_TOPIC: &str = "__consumer_offsets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_where_java_would_put_it() {
        // "tx".hashCode() is 3716, "käse 🧀".hashCode() is negative.
        assert_eq!(partition_of("tx"), 3716 % 50);
        assert_eq!(partition_of(""), 0);
        assert!((0..50).contains(&partition_of("käse 🧀")));
    }
}
