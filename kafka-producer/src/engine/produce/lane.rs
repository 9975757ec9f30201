//! One partition on its way: the batches that left the accumulator and have no outcome yet.
//!
//! ```text
//!            take                    answered: delivered or failed
//! queue ───────────▶ [ slot │ slot │ slot ] ──────────────────────▶ completion
//!                      oldest      newest
//!
//! slot:  Waiting ──sent──▶ InFlight ──retriable──▶ Waiting (until its backoff is over)
//!                              ├──too large──▶ two of them, Waiting
//!                              ├──out of sequence──▶ Outnumbered ──new epoch──▶ Waiting
//!                              └──the same, after an attempt without an answer──▶ Unresolved
//!
//! Unresolved ──asked──▶ Inquired ──in the log──▶ Presumed ──a later one acknowledged──▶ completion
//!                          └──not in the log──▶ Waiting or Outnumbered      (see `unresolved/describe_producers.rs`)
//! ```
//!
//! These are the usual ways; `docs/delivery.md` draws all of them.
//!
//! Slots stand in the order of their sequence numbers. Order is kept by one rule: only the oldest
//! slot that is not presumed in the log may be sent again, and nothing new is taken while any slot
//! waits. A batch never goes back to its queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Batch, Queue};
use kafka_wire::records::next_sequence;
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::NodeId;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::expiration::{LastAppend, Memory};
use crate::engine::produce::verdict::Ambiguity;
use crate::error::DeliveryError;

/// Index of a lane in the engine, echoed by its queue.
pub(crate) type LaneKey = u32;

/// One partition.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: Uuid,
    pub(crate) partition: i32,
    pub(crate) queue: Arc<Queue<DeliveryError>>,
    /// The topic's number: what is sorted by it has the lanes of a topic together.
    pub(crate) topic_number: u32,
    pub(crate) leader: Option<NodeId>,
    /// Metadata of an older epoch is ignored (KIP-320).
    pub(crate) leader_epoch: i32,
    pub(crate) attention: Attention,
    pub(crate) numbering: Numbering,
    /// What a leader has confirmed last.
    pub(crate) confirmed: Option<Confirmed>,
    /// The last request that ended without an answer, and may still arrive. Apart: hardly any lane has
    /// one.
    stray: Option<Box<Stray>>,
    /// What the last attempt of the batch at the front ended with, unless that was an acknowledgement:
    /// what keeps those behind it from being sent. Nothing is noted behind one that is presumed.
    pub(crate) obstacle: Option<ErrorCode>,
    /// The greatest offset that a batch was acknowledged at; -1 before.
    pub(crate) acknowledged_offset: i64,
    pub(crate) slots: VecDeque<Slot>,
    next_serial: u64,
    /// The first batch that was taken for this topic, if there was another of its name before.
    anew_from: u64,
    /// When a batch was last taken, or the lane was made.
    last_used: Instant,
}

/// Whether the lane stands on a list of lanes to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attention {
    /// Nothing to send that is known of.
    Idle,
    /// On the list of this broker.
    Listed(NodeId),
    /// Would be listed, if it had a leader.
    Orphaned,
    /// Never again: its partition is gone, or forgotten.
    Retired,
}

/// The sequence numbers of an idempotent producer in this partition (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// No batch was numbered yet, or none needs to be.
    Unnumbered,
    /// The next batch takes `next` under `producer`.
    Running { producer: ProducerId, next: i32 },
    /// A numbered batch has ended without being acknowledged: the broker may wait for it for ever.
    /// An acknowledged successor shows that the log goes on behind it; otherwise a new epoch starts at 0.
    /// `serial` is the latest of those that ended so; `ambiguity` the least that is known of one.
    Broken {
        producer: ProducerId,
        next: i32,
        serial: u64,
        ambiguity: Ambiguity,
    },
}

/// A broker, for as long as it was elected to lead a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leadership {
    node: NodeId,
    epoch: i32,
}

/// What a leader has confirmed last, by an acknowledgement or because it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) producer: ProducerId,
    pub(crate) leadership: Leadership,
    /// What that leader remembers this producer by.
    pub(crate) append: LastAppend,
    /// Every batch of this producer with a serial from this one up to `last` is in the log.
    pub(crate) from: u64,
    pub(crate) last: u64,
}

/// A request that nobody answered: its broker may have it still before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stray {
    producer_id: i64,
    given_up: Instant,
}

/// A batch that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// How many records were taken before its first one: it names the batch, and later ones have
    /// greater ones, halves of a batch among them.
    pub(crate) serial: u64,
    pub(crate) batch: Arc<Batch<DeliveryError>>,
    /// Sequence number of its first record; -1 without idempotence.
    pub(crate) sequence: i32,
    pub(crate) producer: Option<ProducerId>,
    pub(crate) attempts: u32,
    pub(crate) ambiguity: Ambiguity,
    pub(crate) last_error: Option<ErrorCode>,
    /// What the attempt ended with that `ambiguity` is about.
    pub(crate) in_doubt: Option<ErrorCode>,
    pub(crate) last_broker: Option<NodeId>,
    /// The epoch of the leader that it was sent to last.
    pub(crate) leader_epoch: i32,
    /// How often in a row asking about it has led nowhere.
    pub(crate) asked_in_vain: u8,
    pub(crate) state: SlotState,
}

impl Slot {
    /// What a broker would remember this producer by if it has appended this batch.
    pub(crate) fn append(&self) -> LastAppend {
        LastAppend::of(&self.batch)
    }

    /// The leader that it was sent to last.
    pub(crate) fn leadership(&self) -> Option<Leadership> {
        let epoch = self.leader_epoch;
        self.last_broker.map(|node| Leadership { node, epoch })
    }
}

/// Where a slot's batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// Here, and not to be sent before `until`.
    Waiting { until: Instant },
    /// Here; the broker has refused its number, so it needs another, not to be used before `until`.
    Outnumbered { until: Instant },
    /// In a request to the broker named by `last_broker`.
    InFlight,
    /// Here; the same as outnumbered, but it may be in the log, so it must be asked about, not
    /// before `until`.
    Unresolved { until: Instant },
    /// Here; the leader is being asked whether its log holds it, or whether the topic is the same still.
    Inquired,
    /// In the log, by the word of its leader, which does not mean that all replicas have it: the
    /// next acknowledgement under the same epoch says that.
    Presumed,
}

/// What a lane can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the oldest slot.
    Resend,
    /// Take a new batch.
    Take,
    /// Nothing before then.
    WaitUntil(Instant),
    /// Nothing before an answer comes.
    WaitForAnswer,
    /// Nothing before the producer has an id (and epoch) that this lane may use.
    WaitForIdentity,
    /// The sequence is broken and nothing is in flight: the epoch must be bumped.
    NeedsNewEpoch,
    /// The oldest slot may be in the log and nothing is in flight: its leader must be asked.
    NeedsInquiry,
    /// Like `NeedsInquiry`, but no refusal led to it: an attempt without an answer is too old to be
    /// repeated, because the broker may have appended it and forgotten that.
    MayBeForgotten,
    /// The oldest slot is too old to be remembered, nothing is in flight, and a request of the same
    /// producer id may still arrive: it takes another id.
    NeedsNewId,
}

impl Slot {
    /// An attempt that ended like this may have brought it into the log.
    pub(crate) fn raise(&mut self, ambiguity: Ambiguity, code: ErrorCode) {
        if ambiguity > self.ambiguity {
            self.ambiguity = ambiguity;
            self.in_doubt = Some(code);
        }
    }
}

impl Lane {
    pub(crate) fn new(
        queue: Arc<Queue<DeliveryError>>,
        topic_id: Uuid,
        topic_number: u32,
        now: Instant,
    ) -> Self {
        Self {
            topic: Arc::clone(queue.topic()),
            topic_id,
            partition: queue.partition(),
            topic_number,
            queue,
            leader: None,
            leader_epoch: -1,
            attention: Attention::Idle,
            numbering: Numbering::Unnumbered,
            confirmed: None,
            stray: None,
            obstacle: None,
            acknowledged_offset: -1,
            slots: VecDeque::new(),
            next_serial: 0,
            anew_from: 0,
            last_used: now,
        }
    }

    /// What may be done now, with `window` requests allowed in flight per connection.
    pub(crate) fn next(&self, memory: &Memory, identity: &Identity, window: usize) -> Next {
        let broken = matches!(self.numbering, Numbering::Broken { .. });
        if self.slots.is_empty() && !broken {
            // Most lanes, most of the time.
            return match identity.is_needed() && identity.producer().is_none() {
                true => Next::WaitForIdentity,
                false => Next::Take,
            };
        }
        let now = memory.now();
        let in_flight = self.in_flight();
        let quiet = in_flight == 0;
        let oldest = self.oldest();
        if self.has_unconfirmable(memory) {
            return match quiet {
                true => Next::NeedsInquiry,
                false => Next::WaitForAnswer,
            };
        }
        match oldest.map(|slot| slot.state) {
            Some(SlotState::Waiting { until }) if until <= now => {
                let hindrance = oldest.and_then(|oldest| self.hindrance(oldest, memory));
                return match hindrance {
                    None => Next::Resend,
                    Some(hindrance) if quiet => hindrance,
                    Some(_) => Next::WaitForAnswer,
                };
            }
            Some(SlotState::Waiting { until }) => return Next::WaitUntil(until),
            Some(SlotState::Outnumbered { until } | SlotState::Unresolved { until })
                if until > now =>
            {
                return Next::WaitUntil(until);
            }
            Some(SlotState::Outnumbered { .. }) if quiet => return Next::NeedsNewEpoch,
            Some(SlotState::Unresolved { .. }) if quiet => return Next::NeedsInquiry,
            Some(
                SlotState::Outnumbered { .. } | SlotState::Unresolved { .. } | SlotState::Inquired,
            ) => return Next::WaitForAnswer,
            Some(SlotState::InFlight) if broken => return Next::WaitForAnswer,
            None if broken => return Next::NeedsNewEpoch,
            Some(SlotState::InFlight | SlotState::Presumed) | None => {}
        }
        let open = self.open().count();
        // The window holds for the lane as well, or a move to another leader would let more batches
        // be on their way than a broker can tell from new ones.
        if open > in_flight || open >= window || !self.may_follow(identity, memory) {
            return Next::WaitForAnswer;
        }
        match (self.writer(identity), self.numbering) {
            _ if !identity.is_needed() => Next::Take,
            (None, _) => Next::WaitForIdentity,
            (Some(current), Numbering::Running { producer, .. })
                if producer != current && open > 0 =>
            {
                Next::WaitForAnswer
            }
            (Some(_), _) => Next::Take,
        }
    }

    /// As whom the next batch is to be sent. While some are presumed in the log it goes on under
    /// their epoch, because only then does its acknowledgement speak for them.
    pub(crate) fn writer(&self, identity: &Identity) -> Option<ProducerId> {
        let presumed = self
            .slots
            .front()
            .filter(|slot| slot.state == SlotState::Presumed);
        match presumed {
            Some(presumed) => presumed.producer,
            None => identity.producer(),
        }
    }

    /// Whether a batch may be sent while others have no answer yet. A broker lets a producer that it
    /// does not know begin with any number: if the first batch got lost and the second arrived,
    /// their order would be lost, too. So the first one goes alone.
    fn may_follow(&self, identity: &Identity, memory: &Memory) -> bool {
        let remembered = |producer: ProducerId| {
            self.is_remembered(producer, self.leadership(), memory, u64::MAX)
        };
        self.slots.is_empty()
            || !identity.is_needed()
            || self.writer(identity).is_none_or(remembered)
    }

    /// What is to be done before the oldest slot may be sent, lest a batch be appended twice: it, or
    /// that of a request which is still on its way.
    fn hindrance(&self, oldest: &Slot, memory: &Memory) -> Option<Next> {
        let producer = oldest.producer?;
        if oldest.ambiguity != Ambiguity::None {
            return self.has_lapsed(memory).then_some(Next::MayBeForgotten);
        }
        let would_be_taken_twice =
            self.has_stray(producer, memory) && !memory.keeps(oldest.append());
        would_be_taken_twice.then_some(Next::NeedsNewId)
    }

    /// There will be no answer to a request with a batch of this producer.
    pub(crate) fn note_unanswered(&mut self, producer: Option<ProducerId>, now: Instant) {
        if let Some(producer) = producer {
            self.stray = Some(Box::new(Stray {
                producer_id: producer.id,
                given_up: now,
            }));
        }
    }

    /// Whether a request under this producer's id may still arrive.
    pub(crate) fn has_stray(&self, producer: ProducerId, memory: &Memory) -> bool {
        let stray = self.stray.as_deref();
        stray.is_some_and(|stray| {
            stray.producer_id == producer.id && memory.may_still_arrive(stray.given_up)
        })
    }

    pub(crate) fn leadership(&self) -> Option<Leadership> {
        let epoch = self.leader_epoch;
        self.leader.map(|node| Leadership { node, epoch })
    }

    /// Gives a new batch its place, and its number if `producer` is there.
    pub(crate) fn push(
        &mut self,
        batch: Batch<DeliveryError>,
        producer: Option<ProducerId>,
        now: Instant,
    ) {
        let sequence = producer.map_or(-1, |producer| self.number(producer, batch.count()));
        let serial = self.next_serial;
        self.next_serial += u64::from(batch.count());
        self.last_used = now;
        // One place at a time: most lanes of a large topic never hold two batches.
        self.slots.reserve_exact(1);
        self.slots.push_back(Slot {
            serial,
            batch: Arc::new(batch),
            sequence,
            producer,
            attempts: 0,
            ambiguity: Ambiguity::None,
            last_error: None,
            in_doubt: None,
            last_broker: None,
            leader_epoch: -1,
            asked_in_vain: 0,
            state: SlotState::Waiting { until: now },
        });
    }

    /// Puts pieces in place of a batch, under the numbers that their records had. That the whole was
    /// refused counts as no attempt.
    pub(crate) fn replace(
        &mut self,
        position: usize,
        pieces: Vec<Batch<DeliveryError>>,
        now: Instant,
    ) {
        let Some(whole) = self.slots.remove(position) else {
            return;
        };
        let (mut serial, mut sequence) = (whole.serial, whole.sequence);
        for (piece, at) in pieces.into_iter().zip(position..) {
            let count = piece.count();
            let slot = Slot {
                serial,
                batch: Arc::new(piece),
                sequence,
                attempts: whole.attempts.saturating_sub(1),
                state: SlotState::Waiting { until: now },
                ..whole.clone()
            };
            self.slots.insert(at, slot);
            serial += u64::from(count);
            sequence = next_sequence(sequence, count as i32);
        }
    }

    fn number(&mut self, current: ProducerId, count: u32) -> i32 {
        let sequence = match self.numbering {
            Numbering::Running { producer, next } if producer == current => next,
            _ => 0,
        };
        let next = next_sequence(sequence, count as i32);
        self.numbering = Numbering::Running {
            producer: current,
            next,
        };
        sequence
    }

    /// Numbers every slot anew, from 0, under a new epoch; none may be in flight.
    pub(crate) fn renumber(&mut self, producer: ProducerId) {
        let mut next = 0;
        for slot in &mut self.slots {
            slot.sequence = next;
            slot.producer = Some(producer);
            if let SlotState::Outnumbered { until } | SlotState::Unresolved { until } = slot.state {
                slot.state = SlotState::Waiting { until };
            }
            next = next_sequence(next, slot.batch.count() as i32);
        }
        self.numbering = Numbering::Running { producer, next };
    }

    /// Notes that the batch with this serial ended, or lost its number, without being acknowledged.
    pub(crate) fn break_sequence(&mut self, broken: u64, of: Ambiguity) {
        match &mut self.numbering {
            Numbering::Unnumbered => {}
            Numbering::Broken {
                serial, ambiguity, ..
            } => {
                *serial = broken.max(*serial);
                *ambiguity = of.max(*ambiguity);
            }
            Numbering::Running { producer, next } => {
                self.numbering = Numbering::Broken {
                    producer: *producer,
                    next: *next,
                    serial: broken,
                    ambiguity: of,
                };
            }
        }
    }

    /// The log has the batch with this serial: what comes next fits behind those that have ended
    /// without being acknowledged before it.
    pub(crate) fn restore_sequence(&mut self, acknowledged: u64) {
        if let Numbering::Broken {
            producer,
            next,
            serial,
            ..
        } = self.numbering
            && serial <= acknowledged
        {
            self.numbering = Numbering::Running { producer, next };
        }
    }

    /// An acknowledgement speaks for the batches before this serial: takes those that were presumed
    /// to be in the log.
    pub(crate) fn take_confirmed(&mut self, acknowledged: u64) -> Vec<Slot> {
        let mut confirmed = Vec::new();
        while let Some(slot) = self.slots.front()
            && slot.state == SlotState::Presumed
            && (self.anew_from..acknowledged).contains(&slot.serial)
        {
            confirmed.extend(self.slots.pop_front());
        }
        confirmed
    }

    /// Whether the log is known to have this batch, by the acknowledgement of a later one.
    pub(crate) fn is_known_to_hold(&self, slot: &Slot) -> bool {
        let holds = |confirmed: &Confirmed| {
            Some(confirmed.producer) == slot.producer
                && slot.serial >= self.anew_from
                && (confirmed.from..confirmed.last).contains(&slot.serial)
        };
        self.confirmed.as_ref().is_some_and(holds)
    }

    /// The oldest slot that has anything to wait for but a later acknowledgement.
    fn oldest(&self) -> Option<&Slot> {
        self.open().next()
    }

    /// The slots that are not presumed to be in the log.
    fn open(&self) -> impl Iterator<Item = &Slot> {
        self.slots
            .iter()
            .filter(|slot| slot.state != SlotState::Presumed)
    }

    /// The partition is another topic's, of the same name: it has leader epochs of its own, and its
    /// brokers have not met this producer.
    pub(crate) fn belong_to_another(&mut self) {
        self.leader_epoch = -1;
        self.begin_anew(self.next_serial);
    }

    /// Whether a batch that was acknowledged at `base_offset` is in another log than those before
    /// it: one of them was acknowledged at that offset, or at a greater one.
    pub(crate) fn is_another_log(&self, serial: u64, base_offset: i64) -> bool {
        let confirmed = self.confirmed.as_ref();
        let later = confirmed.is_some_and(|confirmed| serial > confirmed.last);
        later && (0..=self.acknowledged_offset).contains(&base_offset)
    }

    /// A batch that may be in the log is gone from here, and its leader may remember this producer by
    /// it: what was confirmed before says nothing of for how long.
    pub(crate) fn forget_confirmed(&mut self) {
        self.confirmed = None;
    }

    /// Batches before `from` were not sent to the log that there is now.
    pub(crate) fn begin_anew(&mut self, from: u64) {
        self.confirmed = None;
        self.acknowledged_offset = -1;
        self.anew_from = self.anew_from.max(from);
    }

    /// Whether its next batch would go on under the epoch of this producer.
    pub(crate) fn is_numbered_by(&self, current: Option<ProducerId>) -> bool {
        match self.numbering {
            Numbering::Unnumbered => false,
            Numbering::Running { producer, .. } | Numbering::Broken { producer, .. } => {
                Some(producer) == current
            }
        }
    }

    /// Whether the batch with this serial was taken before the topic was made anew: then others of
    /// this lane may be in another log.
    pub(crate) fn is_of_earlier_topic(&self, serial: u64) -> bool {
        serial < self.anew_from
    }

    /// Where the slot with this serial stands, if it has no outcome yet.
    pub(crate) fn position(&self, serial: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.serial == serial)
    }

    /// When the batch at the front was created, taken or not.
    pub(crate) fn oldest_created(&self) -> Option<Instant> {
        match self.slots.front() {
            Some(slot) => Some(slot.batch.created()),
            None => self.queue.oldest_created(),
        }
    }

    /// Whether any batch has no outcome yet, taken or not.
    pub(crate) fn has_batches(&self) -> bool {
        !self.slots.is_empty() || !self.queue.is_empty()
    }

    /// Whether nothing is here and nothing was taken after `since`.
    pub(crate) fn is_idle_since(&self, since: Instant) -> bool {
        self.last_used <= since && !self.has_batches()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.state == SlotState::InFlight)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafka_accumulator::{Accumulator, Doorbell, NewRecord, Settings};
    use kafka_wire::records::RecordParts;

    use super::*;
    use crate::error::{Cause, History, Persistence};

    const PRODUCER: ProducerId = ProducerId { id: 7, epoch: 0 };

    fn abandoned() -> DeliveryError {
        let history = History::without_attempt(Arc::from("orders"), 0, Persistence::NotPersisted);
        DeliveryError::new(Cause::Closed, history)
    }

    /// A lane, and batches of so many records for it.
    fn lane_and_batches(counts: &[u32]) -> (Lane, Vec<Batch<DeliveryError>>) {
        let settings = Settings::default()
            .batch_size(1000)
            .linger(Duration::from_secs(1))
            .buffer_memory(1 << 16);
        let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), abandoned);
        let queue = accumulator.queue(Arc::from("orders"), 0, 0);
        let now = Instant::now();
        let batches = counts.iter().map(|&count| {
            for _ in 0..count {
                let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"tea")));
                let _ = accumulator.append(&queue, &mut record, None, || now);
            }
            queue.flush();
            queue.take(now).expect("it was sealed")
        });
        let batches = batches.collect();
        (Lane::new(queue, Uuid::ZERO, 0, now), batches)
    }

    fn sequences(lane: &Lane) -> Vec<i32> {
        lane.slots.iter().map(|slot| slot.sequence).collect()
    }

    #[test]
    fn t029_numbers_begin_at_0_and_count_records() {
        let (mut lane, batches) = lane_and_batches(&[2, 3, 1]);
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        assert_eq!(sequences(&lane), [0, 2, 5]);
    }

    #[test]
    fn t034_numbers_go_on_from_0_after_the_greatest() {
        let (mut lane, batches) = lane_and_batches(&[1, 3, 1]);
        lane.numbering = Numbering::Running {
            producer: PRODUCER,
            next: i32::MAX - 2,
        };
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        assert_eq!(sequences(&lane), [i32::MAX - 2, i32::MAX - 1, 1]);
    }

    #[test]
    fn t030_a_new_epoch_numbers_what_is_here_from_0_in_order() {
        let (mut lane, batches) = lane_and_batches(&[2, 3, 1]);
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        let bumped = ProducerId { id: 7, epoch: 1 };
        lane.slots.pop_front();
        lane.renumber(bumped);
        assert_eq!(sequences(&lane), [0, 3]);
        assert!(lane.slots.iter().all(|slot| slot.producer == Some(bumped)));
        let next = 4;
        let producer = bumped;
        assert_eq!(lane.numbering, Numbering::Running { producer, next });
    }
}
