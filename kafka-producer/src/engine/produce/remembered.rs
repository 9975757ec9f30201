//! What a partition's leader is sure to remember of this producer (`expiration.rs`): what may be
//! concluded from the batches that a lane holds and from what was confirmed last. Nothing is decided here.

use crate::engine::identity::ProducerId;
use crate::engine::produce::expiration::Memory;
use crate::engine::produce::lane::{Lane, Leadership, Slot, SlotState};
use crate::engine::produce::verdict::Ambiguity;

impl Lane {
    /// Whether a leader is sure to know `producer` by what it appended before the batch with serial
    /// `before`, so that it takes nothing out of sequence.
    pub(crate) fn is_remembered(
        &self,
        producer: ProducerId,
        by: Option<Leadership>,
        memory: &Memory,
        before: u64,
    ) -> bool {
        let mut earlier = self.slots.iter().take_while(|slot| slot.serial < before);
        self.has_continued(producer, memory)
            && self
                .confirmed
                .as_ref()
                .is_some_and(|last| Some(last.leadership) == by)
            && !earlier.any(|slot| slot.has_lapsed(memory))
    }

    /// Whether every leader that may have appended a batch of this producer since the last one that
    /// was confirmed has known it all the time: then its log has no batch without those before it.
    pub(crate) fn has_continued(&self, producer: ProducerId, memory: &Memory) -> bool {
        self.confirmed
            .as_ref()
            .is_some_and(|last| last.producer.id == producer.id && memory.keeps(last.append))
    }

    /// Whether an attempt without an answer is so old that the log may have it although its leader
    /// does not know any more.
    pub(crate) fn has_lapsed(&self, memory: &Memory) -> bool {
        self.slots.iter().any(|slot| slot.has_lapsed(memory))
    }

    /// Whether batches are presumed to be in the log, and no acknowledgement of its leader would
    /// speak for them.
    pub(crate) fn has_unconfirmable(&self, memory: &Memory) -> bool {
        let presumed = self
            .slots
            .front()
            .filter(|slot| slot.state == SlotState::Presumed);
        let producer = presumed.and_then(|slot| slot.producer);
        producer.is_some_and(|producer| {
            !self.is_remembered(producer, self.leadership(), memory, u64::MAX)
        })
    }
}

impl Slot {
    /// Whether a broker may have appended it and forgotten this producer since.
    fn has_lapsed(&self, memory: &Memory) -> bool {
        let tried = self.ambiguity != Ambiguity::None || self.state == SlotState::InFlight;
        tried && self.producer.is_some() && !memory.keeps(self.append())
    }
}
