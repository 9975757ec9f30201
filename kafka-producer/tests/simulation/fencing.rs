//! Requests by which a producer does to itself what a successor would do to it: fences it, or takes its
//! epoch. No client can tell, so what follows is excused; here it is noticed.

use kafka_mock::cluster::{TransactionFacts, TransactionState};
use kafka_wire::ApiKey;

use crate::network::{Link, LinkId};
use crate::reading;
use crate::world::World;

impl World {
    /// In the second generation a producer fences itself when it ends a transaction before the markers
    /// of the one before it are written, which Kafka does not tell from a successor.
    pub(crate) fn note_end(&self, frame: &[u8]) {
        let number = |at: usize| Some(i16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
        if number(0) != Some(ApiKey::END_TXN.0) {
            return;
        }
        if self.has_rivals() && self.is_of_the_epoch_before(frame) {
            self.ground.note_sharing();
        }
        let ending = |it: &TransactionFacts| matches!(it.state, TransactionState::Decided(_));
        if self.cluster.transactions().iter().any(ending) {
            self.ground.fenced_itself.set(true);
        }
    }

    /// In the second generation an end under the epoch before is taken for one that is asked for
    /// again, and answered with the epoch of now. If a successor has that, two producers share it.
    fn is_of_the_epoch_before(&self, frame: &[u8]) -> bool {
        let Some(end) = reading::end_with_epoch(frame) else {
            return false;
        };
        self.cluster.transactions().iter().any(|it| {
            it.producer_id == end.producer_id
                && Some(it.producer_epoch) == end.producer_epoch.checked_add(1)
        })
    }

    /// Requests that nobody waits for any more may fence their producer as a successor would. A
    /// question for an epoch does, also if it only takes a transaction that is kept; and in the first generation one to add something may begin a
    /// transaction between two of the producer's, or amid its question for the next epoch: its
    /// coordinator ends that, and the producer's epoch with it.
    pub(crate) fn note_late(&self, id: LinkId, before: &[TransactionFacts]) {
        if self.links.get(&id).is_some_and(Link::is_open) {
            return;
        }
        let is_fenced = |now: &TransactionFacts| {
            let known = before
                .iter()
                .find(|it| it.transactional_id == now.transactional_id);
            known.is_none_or(|known| {
                known.producer_epoch != now.producer_epoch
                    || known.producer_id != now.producer_id
                    || known.kept_for != now.kept_for
                    || (now.state == TransactionState::Open && known.state != now.state)
            })
        };
        if self.cluster.transactions().iter().any(is_fenced) {
            self.ground.fenced_itself.set(true);
        }
    }
}
