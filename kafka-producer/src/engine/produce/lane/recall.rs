//! What a partition's leader is sure to remember of this producer (`expiration.rs`), and from which batch on
//! batches were sent to the present log. Nothing is decided here.

use std::time::Instant;

use crate::engine::identity::ProducerId;
use crate::engine::produce::expiration::{BrokerMemory, LastAppend};
use crate::engine::produce::lane::slot::{Leadership, Slot};

/// What was learnt from a lane's leaders.
#[derive(Clone, Debug)]
pub(crate) struct Recall {
    /// What a leader has confirmed last.
    confirmed: Option<Confirmed>,
    /// The last request that ended without an answer, and may still arrive. It is boxed because hardly any
    /// lane has one.
    stray: Option<Box<Stray>>,
    /// The greatest offset that a batch was acknowledged at.
    acknowledged_offset: Option<i64>,
    /// The first batch that was taken for this topic, if there was another of its name before.
    first_of_topic: u64,
}

/// What a leader has confirmed last, by an acknowledgement or because it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) producer: ProducerId,
    pub(crate) leadership: Leadership,
    /// What that leader remembers this producer by.
    pub(crate) append: LastAppend,
    /// Every batch of this producer with a serial from this one up to `last` is in the log.
    pub(crate) from: u64,
    pub(crate) last: u64,
}

/// A request without an answer, which may still arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stray {
    producer_id: i64,
    given_up: Instant,
}

impl Recall {
    pub(super) fn nothing() -> Self {
        Self {
            confirmed: None,
            stray: None,
            acknowledged_offset: None,
            first_of_topic: 0,
        }
    }

    /// A request with a batch of this producer will not be answered.
    pub(super) fn note_unanswered(&mut self, producer: Option<ProducerId>, now: Instant) {
        if let Some(producer) = producer {
            self.stray = Some(Box::new(Stray {
                producer_id: producer.id,
                given_up: now,
            }));
        }
    }

    /// Whether a request with this producer's id may still arrive.
    pub(super) fn has_stray(&self, producer: ProducerId, memory: &BrokerMemory) -> bool {
        let stray = self.stray.as_deref();
        stray.is_some_and(|stray| {
            stray.producer_id == producer.id && memory.may_still_arrive(stray.given_up)
        })
    }

    /// Whether every leader that may have appended a batch of this producer since the last one that
    /// was confirmed has known it all the time: then its log has no batch without those before it.
    pub(super) fn has_continued(&self, producer: ProducerId, memory: &BrokerMemory) -> bool {
        self.confirmed
            .as_ref()
            .is_some_and(|last| last.producer.id == producer.id && memory.keeps(last.append))
    }

    /// Whether it was this leader that has confirmed a batch last.
    pub(super) fn is_by(&self, leadership: Option<Leadership>) -> bool {
        self.confirmed
            .as_ref()
            .is_some_and(|last| Some(last.leadership) == leadership)
    }

    /// Whether the log is known to have this batch, by the acknowledgement of a later one.
    pub(super) fn holds(&self, slot: &Slot) -> bool {
        self.confirmed.as_ref().is_some_and(|confirmed| {
            Some(confirmed.producer) == slot.producer()
                && slot.serial >= self.first_of_topic
                && (confirmed.from..confirmed.last).contains(&slot.serial)
        })
    }

    pub(super) fn confirmed(&self) -> Option<&Confirmed> {
        self.confirmed.as_ref()
    }

    pub(super) fn confirm(&mut self, confirmed: Confirmed) {
        self.confirmed = Some(confirmed);
    }

    /// A batch that may be in the log was ended, and the leader may remember this producer by it. Until when
    /// is not known any more.
    pub(super) fn forget_confirmed(&mut self) {
        self.confirmed = None;
    }

    /// A batch of the present log was acknowledged at this offset, if that is known.
    pub(super) fn note_offset(&mut self, base_offset: Option<i64>) {
        self.acknowledged_offset = self.acknowledged_offset.max(base_offset);
    }

    /// Whether this log starts after all that was acknowledged: the records were removed, and the leader has
    /// forgotten their producer.
    pub(super) fn is_truncated(&self, log_start_offset: i64) -> bool {
        self.acknowledged_offset
            .is_none_or(|acknowledged| log_start_offset > acknowledged)
    }

    /// Whether a batch that was acknowledged at `base_offset` is in another log than those before
    /// it: one of them was acknowledged at that offset, or at a greater one.
    pub(super) fn is_another_log(&self, serial: u64, base_offset: Option<i64>) -> bool {
        let later = self
            .confirmed
            .as_ref()
            .is_some_and(|confirmed| serial > confirmed.last);
        later && base_offset.is_some() && base_offset <= self.acknowledged_offset
    }

    /// Batches before `from` were not sent to the log that there is now.
    pub(super) fn note_new_log(&mut self, from: u64) {
        self.confirmed = None;
        self.acknowledged_offset = None;
        self.first_of_topic = self.first_of_topic.max(from);
    }

    /// Whether the batch with this serial was taken for an earlier topic of this name, and so may be in
    /// another log.
    pub(super) fn is_of_earlier_topic(&self, serial: u64) -> bool {
        serial < self.first_of_topic
    }

    /// The first batch that was taken for this topic.
    pub(super) fn first_of_topic(&self) -> u64 {
        self.first_of_topic
    }
}
