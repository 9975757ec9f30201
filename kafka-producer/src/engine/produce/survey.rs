//! What each lane of a broker can do next, kept from the decision whether to wait for more batches until
//! the request is put together, so that it is found out once.

use crate::engine::identity::Identity;
use crate::engine::produce::lane::Next;
use crate::engine::produce::lane_key::LaneKey;

/// The findings about the lanes of one broker.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// In the order of their turns.
    turns: Vec<(LaneKey, Next)>,
    /// The next turn that was not asked for.
    at: usize,
    /// As whom batches would have been sent.
    identity: Option<Identity>,
}

impl Survey {
    /// Of a broker's lanes, for this identity.
    pub(super) fn begin(&mut self, identity: Identity) {
        self.turns.clear();
        self.at = 0;
        self.identity = Some(identity);
    }

    pub(super) fn note(&mut self, key: LaneKey, next: Next) {
        self.turns.push((key, next));
    }

    /// The lanes in the order of their turns.
    pub(super) fn lanes(&self) -> impl DoubleEndedIterator<Item = LaneKey> {
        self.turns.iter().map(|(key, _)| *key)
    }

    pub(super) fn end(&mut self) {
        self.turns.clear();
    }

    /// What was found for the lane whose turn it is, if the turns and the identity are still the same.
    pub(super) fn take(&mut self, key: LaneKey, identity: &Identity) -> Option<Next> {
        let (noted, next) = *self.turns.get(self.at)?;
        self.at += 1;
        let holds = noted == key && self.identity.as_ref() == Some(identity);
        holds.then_some(next)
    }
}
