//! A member of a group of KIP-848, and how it gets from what it reads to what it is to read.
//!
//! ```text
//!          partitions are taken away          it has given them up
//! Settled ───────────────────────▶ Revoking ─────────────────────▶ Settled, or
//!    └─────────── others have not given up what it is to get ────▶ Waiting ───▶ Settled
//! ```

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use kafka_wire::Uuid;

use super::assignor::{Assignor, Partitions};

#[derive(Clone, Debug)]
pub(in crate::cluster) struct ConsumerMember {
    pub(in crate::cluster) id: String,
    pub(in crate::cluster) instance_id: Option<String>,
    pub(in crate::cluster) rack_id: Option<String>,
    pub(in crate::cluster) client_id: String,
    pub(in crate::cluster) topics: BTreeSet<String>,
    pub(super) assignor: Option<Assignor>,
    pub(super) rebalance_timeout: Duration,
    pub(in crate::cluster) epoch: i32,
    pub(super) previous_epoch: i32,
    pub(super) phase: Phase,
    /// What it may read.
    pub(in crate::cluster) assigned: Partitions,
    pub(super) session_ends: Option<Instant>,
}

/// How far a member is with what it is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Settled,
    /// It has to give up these, until then.
    Revoking {
        partitions: Partitions,
        ends: Instant,
    },
    /// Others have not given up all that it is to get.
    Waiting,
}

/// What a member is to read, and from which epoch on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) epoch: i32,
    pub(super) partitions: &'a Partitions,
    /// What others have.
    pub(super) taken: &'a Partitions,
}

impl ConsumerMember {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            instance_id: None,
            rack_id: None,
            client_id: String::new(),
            topics: BTreeSet::new(),
            assignor: None,
            rebalance_timeout: Duration::ZERO,
            epoch: 0,
            previous_epoch: 0,
            phase: Phase::Settled,
            assigned: Partitions::new(),
            session_ends: None,
        }
    }

    pub(super) fn is_settled_in(&self, epoch: i32) -> bool {
        self.phase == Phase::Settled && self.epoch == epoch
    }

    /// What nobody else may read yet: what it may, and what it has to give up.
    pub(super) fn holds(&self) -> impl Iterator<Item = &(Uuid, i32)> {
        let revoked = match &self.phase {
            Phase::Revoking { partitions, .. } => Some(partitions),
            _ => None,
        };
        self.assigned.iter().chain(revoked.into_iter().flatten())
    }

    /// When it is gone, if nothing is heard of it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let revocation = match &self.phase {
            Phase::Revoking { ends, .. } => Some(*ends),
            _ => None,
        };
        self.session_ends.into_iter().chain(revocation).min()
    }

    /// Goes on towards the target; `owned` is what the member says that it has.
    pub(super) fn reconcile(
        &mut self,
        now: Instant,
        target: Target<'_>,
        owned: Option<&Partitions>,
    ) {
        let keeps = |revoked: &Partitions| owned.is_none_or(|owned| !owned.is_disjoint(revoked));
        let epoch = match &self.phase {
            Phase::Settled if self.epoch == target.epoch => return,
            Phase::Revoking { partitions, .. } if keeps(partitions) => return,
            Phase::Revoking { .. } => self.epoch + 1,
            Phase::Settled | Phase::Waiting => self.epoch,
        };
        let revoked: Partitions = self
            .assigned
            .difference(target.partitions)
            .copied()
            .collect();
        let kept: Partitions = self
            .assigned
            .intersection(target.partitions)
            .copied()
            .collect();
        let new = target.partitions.difference(&kept).copied();
        let (taken, free): (Partitions, Partitions) = new.partition(|it| target.taken.contains(it));
        self.assigned = kept;
        if !revoked.is_empty() && keeps(&revoked) {
            let ends = now + self.rebalance_timeout;
            self.phase = Phase::Revoking {
                partitions: revoked,
                ends,
            };
            return self.move_to(epoch);
        }
        self.assigned.extend(free);
        self.phase = match taken.is_empty() {
            true => Phase::Settled,
            false => Phase::Waiting,
        };
        self.move_to(target.epoch);
    }

    pub(super) fn move_to(&mut self, epoch: i32) {
        if self.epoch != epoch {
            self.previous_epoch = self.epoch;
            self.epoch = epoch;
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const TOPIC: Uuid = Uuid([1; 16]);

    fn partitions(numbers: &[i32]) -> Partitions {
        numbers.iter().map(|&number| (TOPIC, number)).collect()
    }

    type Numbers = &'static [i32];
    type Row = (
        Was,
        Numbers,
        Numbers,
        Numbers,
        Option<Numbers>,
        Phase,
        i32,
        Numbers,
    );

    #[derive(Clone, Copy, PartialEq)]
    enum Was {
        Settled,
        Revoking(i32),
        Waiting,
    }

    #[test]
    fn each_step_towards_the_target_is_taken_in_its_turn() {
        let now = Instant::now();
        let revoking = |numbers: &[i32]| Phase::Revoking {
            partitions: partitions(numbers),
            ends: now + Duration::from_secs(9),
        };
        use Was::*;
        // Of a member in epoch 3 with partitions `had`: what it is to have in epoch 5, what others
        // have, what it says it has; then its phase, its epoch and what it may read.
        #[rustfmt::skip]
        let rows: [Row; 11] = [
            (Settled, &[], &[0, 1], &[], Some(&[]), Phase::Settled, 5, &[0, 1]),
            (Settled, &[], &[0, 1], &[1], Some(&[]), Phase::Waiting, 5, &[0]),
            (Settled, &[], &[0], &[0], Some(&[]), Phase::Waiting, 5, &[]),
            (Settled, &[0], &[0], &[], None, Phase::Settled, 5, &[0]),
            (Settled, &[0, 1], &[0], &[], None, revoking(&[1]), 3, &[0]),
            (Settled, &[0, 1], &[0], &[], Some(&[0, 1]), revoking(&[1]), 3, &[0]),
            (Settled, &[0, 1], &[0], &[], Some(&[0]), Phase::Settled, 5, &[0]),
            (Revoking(7), &[0], &[0, 1], &[], None, revoking(&[7]), 3, &[0]),
            (Revoking(7), &[0], &[0, 1], &[], Some(&[0]), Phase::Settled, 5, &[0, 1]),
            (Revoking(7), &[0], &[1], &[], Some(&[0]), revoking(&[0]), 4, &[]),
            (Waiting, &[0], &[0, 1], &[], None, Phase::Settled, 5, &[0, 1]),
        ];
        for (n, (was, had, target, taken, owned, phase, epoch, assigned)) in
            rows.into_iter().enumerate()
        {
            let mut member = ConsumerMember {
                epoch: 3,
                assigned: partitions(had),
                rebalance_timeout: Duration::from_secs(9),
                phase: match was {
                    Settled => Phase::Settled,
                    Revoking(number) => revoking(&[number]),
                    Waiting => Phase::Waiting,
                },
                ..ConsumerMember::new("m".to_owned())
            };
            let target = Target {
                epoch: 5,
                partitions: &partitions(target),
                taken: &partitions(taken),
            };
            member.reconcile(now, target, owned.map(partitions).as_ref());
            assert_eq!((member.phase, member.epoch), (phase, epoch), "row {n}");
            assert_eq!(member.assigned, partitions(assigned), "row {n}");
        }
    }
}
