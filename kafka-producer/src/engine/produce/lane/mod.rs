//! One partition on its way: the batches that left the accumulator and have no outcome yet.
//!
//! ```text
//!            take                    answered: delivered or failed
//! queue ───────────▶ [ slot │ slot │ slot ] ──────────────────────▶ completion
//!                      oldest      newest
//!
//! slot:  Waiting ──sent──▶ InFlight ──retriable──▶ Waiting (until its backoff is over)
//!                              ├──too large──▶ two of them, Waiting
//!                              ├──out of sequence──▶ NeedsNewSequence ──new epoch──▶ Waiting
//!                              └──the same, after an attempt without an answer──▶ Unresolved
//!
//! Unresolved ──asked──▶ BeingAsked ──in the log──▶ PresumedAppended ──a later one acknowledged──▶ completion
//!                          └──not in the log──▶ Waiting or NeedsNewSequence   (see `unresolved.rs`)
//! ```
//!
//! These are the usual ways; `docs/delivery.md` draws all of them.
//!
//! Slots stand in the order of their sequence numbers. Order is kept by one rule: only the oldest
//! slot that is not presumed in the log may be sent again, and nothing new is taken while any slot
//! waits. A batch never goes back to its queue.
//!
//! A lane decides about its own batches, and knows no other lane, no connection and no transaction. What
//! a decision leads to elsewhere is returned ([`Consequence`](judge::Consequence)).

pub(crate) mod acknowledgement;
pub(crate) mod failure;
pub(crate) mod judge;
pub(crate) mod numbering;
pub(crate) mod recall;
pub(crate) mod slot;
pub(crate) mod split;
mod standing;
pub(crate) mod unresolved;
mod trail;
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Account, Batch, Completion, Queue, Readiness};
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::cluster::election::{Election, News};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::expiration::{BrokerMemory, LastAppend};
use crate::engine::produce::lane::numbering::Numbering;
use crate::engine::produce::lane::recall::Recall;
use crate::engine::produce::lane::slot::{Leadership, Number, Slot, SlotState};
use crate::engine::produce::request::NumberedBatch;
use crate::engine::produce::verdict::Ambiguity;
use crate::error::{DeliveryError, WaitReason};

/// One partition.
#[derive(Debug)]
pub(crate) struct Lane {
    topic_id: Uuid,
    queue: Arc<Queue<DeliveryError>>,
    /// The topic's number, the same for all its lanes: sorting by it puts them together.
    topic_number: u32,
    leader: Option<NodeId>,
    /// The epoch of the leader; metadata of an older one is ignored (KIP-320).
    leader_epoch: i32,
    listing: Listing,
    numbering: Numbering,
    recall: Recall,
    /// What the last attempt of the oldest batch ended with, unless that was an acknowledgement: why the
    /// batches after it are not sent. Nothing is noted while the oldest is presumed to be in the log.
    last_refusal: Option<ErrorCode>,
    /// How the last connection was lost on which a batch was on its way, since the last acknowledgement.
    last_loss: Option<Arc<WaitReason>>,
    slots: VecDeque<Slot>,
    next_serial: u64,
    /// When a batch was last taken, or the lane was made.
    last_used: Instant,
}

/// Whether the lane is on the list of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// On none: it has nothing to send, as far as is known.
    Idle,
    /// On the list of this broker.
    Listed(NodeId),
    /// On none until its leader is known.
    Unlisted,
    /// Never again: its partition does not exist any more, or was forgotten.
    Retired,
}

/// What a lane is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) topic_id: Uuid,
    /// The same for all lanes of the topic, and for no others.
    pub(crate) topic_number: u32,
    pub(crate) election: Election,
}

/// What a lane can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the oldest slot.
    Resend,
    /// Take a new batch.
    Take,
    /// Wait until then.
    WaitUntil(Instant),
    /// Wait for an answer.
    WaitForAnswer,
    /// Wait until the producer has an id (and epoch) that this lane may use.
    WaitForIdentity,
    /// The sequence is broken and nothing is in flight: the producer needs the next epoch.
    NeedsNewEpoch,
    /// The oldest slot may be in the log and nothing is in flight: its leader must be asked.
    NeedsInquiry,
    /// Like `NeedsInquiry`, but not because of a refusal: an attempt without an answer is too old to be
    /// repeated, because the broker may have appended it and forgotten the producer since.
    MayBeForgotten,
    /// The oldest slot is too old to be remembered, nothing is in flight, and a request with the same
    /// producer id may still arrive: another id is needed.
    NeedsNewId,
}

impl Lane {
    pub(crate) fn new(queue: Arc<Queue<DeliveryError>>, origin: Origin, now: Instant) -> Self {
        Self {
            topic_id: origin.topic_id,
            topic_number: origin.topic_number,
            queue,
            leader: None,
            leader_epoch: origin.election.epoch(),
            listing: Listing::Idle,
            numbering: Numbering::Unnumbered,
            recall: Recall::nothing(),
            last_refusal: None,
            last_loss: None,
            slots: VecDeque::new(),
            next_serial: 0,
            last_used: now,
        }
    }

    pub(crate) fn topic(&self) -> &Arc<str> {
        self.queue.topic()
    }

    /// Zero where topics have no ids.
    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub(crate) fn partition(&self) -> i32 {
        self.queue.partition()
    }

    /// Whether this is the lane of that partition.
    pub(crate) fn is_of(&self, name: &str, id: Uuid, partition: i32) -> bool {
        let same_topic = if id == Uuid::ZERO {
            **self.topic() == *name
        } else {
            self.topic_id == id
        };
        same_topic && self.partition() == partition
    }

    pub(crate) fn topic_number(&self) -> u32 {
        self.topic_number
    }

    /// The sort key in a request, which groups the partitions of a topic.
    pub(crate) fn place_in_request(&self) -> (u32, i32) {
        (self.topic_number, self.partition())
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    pub(super) fn listing(&self) -> Listing {
        self.listing
    }

    pub(super) fn set_listing(&mut self, listing: Listing) {
        self.listing = listing;
    }

    /// What is appended from now on is charged to this account.
    pub(super) fn set_leader(&mut self, leader: Option<NodeId>, account: &Arc<Account>) {
        self.leader = leader;
        self.queue.assign(account);
    }

    /// The cluster may be another one, whose epochs start again.
    pub(super) fn forget_leader_epoch(&mut self) {
        self.leader_epoch = Election::NONE.epoch();
    }

    /// Who leads it, and since which election.
    pub(crate) fn election(&self) -> Election {
        Election::of(self.leader, self.leader_epoch)
    }

    /// Takes over the epoch of a leader. `None` if nothing changes.
    pub(super) fn elect(&mut self, told: Election) -> Option<News> {
        if self.listing == Listing::Retired {
            return None;
        }
        let mut election = self.election();
        let news = election.take_in(told);
        if news == News::Outdated {
            return None;
        }
        self.leader_epoch = election.epoch();
        let leader = election.leader();
        let waits_for_it = self.listing == Listing::Unlisted && leader.is_some();
        if news == News::Same && self.leader == leader && !waits_for_it {
            return None;
        }
        Some(news)
    }

    /// Ends the pauses before retries: a new leader is sent the batches at once (KIP-951), and so is one
    /// that was elected again.
    pub(super) fn end_pauses(&mut self, now: Instant) {
        for slot in &mut self.slots {
            if let SlotState::Waiting { until } = &mut slot.state {
                *until = now.min(*until);
            }
        }
    }

    /// Whether to believe an answer to this batch that names a leader (KIP-951). Not if the batch was for an
    /// earlier topic of this name, whose epochs do not compare with those of the present one.
    pub(crate) fn may_follow_leader(&self, serial: u64, epoch: i32) -> bool {
        epoch > self.leader_epoch && !self.recall.is_of_earlier_topic(serial)
    }

    /// The topic has this id, and may be another topic of the same name.
    pub(crate) fn belong_to(&mut self, topic_id: Uuid) {
        if is_another(&mut self.topic_id, topic_id) {
            self.belong_to_another();
        }
    }

    /// The topic is another one of the same name: the known epoch does not count for it, and its brokers do
    /// not know this producer.
    pub(crate) fn belong_to_another(&mut self) {
        self.leader_epoch = Election::NONE.epoch();
        self.recall.note_new_log(self.next_serial);
    }

    /// What the lane can do next, with `window` requests allowed in flight per connection.
    pub(crate) fn next(&self, memory: &BrokerMemory, identity: &Identity, window: usize) -> Next {
        let broken = self.numbering.is_broken();
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
                let first = oldest.and_then(|oldest| self.must_precede(oldest, memory));
                return match first {
                    None => Next::Resend,
                    Some(first) if quiet => first,
                    Some(_) => Next::WaitForAnswer,
                };
            }
            Some(SlotState::Waiting { until }) => return Next::WaitUntil(until),
            Some(SlotState::NeedsNewSequence { until } | SlotState::Unresolved { until })
                if until > now =>
            {
                return Next::WaitUntil(until);
            }
            Some(SlotState::NeedsNewSequence { .. }) if quiet => return Next::NeedsNewEpoch,
            Some(SlotState::Unresolved { .. }) if quiet => return Next::NeedsInquiry,
            Some(
                SlotState::NeedsNewSequence { .. }
                | SlotState::Unresolved { .. }
                | SlotState::BeingAsked,
            ) => return Next::WaitForAnswer,
            Some(SlotState::InFlight { .. }) if broken => return Next::WaitForAnswer,
            None if broken => return Next::NeedsNewEpoch,
            Some(SlotState::InFlight { .. } | SlotState::PresumedAppended) | None => {}
        }
        let open = self.open().count();
        // The window limits the lane as well. Otherwise, after a move to another leader, more batches
        // could be in flight than a broker can recognise as duplicates.
        if open > in_flight || open >= window || !self.may_follow(identity, memory) {
            return Next::WaitForAnswer;
        }
        match (self.writer(identity), self.numbering) {
            _ if !identity.is_needed() => Next::Take,
            (None, _) => Next::WaitForIdentity,
            (Some(current), Numbering::Running { next })
                if next.producer() != current && open > 0 =>
            {
                Next::WaitForAnswer
            }
            (Some(_), _) => Next::Take,
        }
    }

    /// The producer id and epoch of the next batch. While batches are presumed to be in the log it uses
    /// their epoch, because only then does its acknowledgement confirm them.
    pub(crate) fn writer(&self, identity: &Identity) -> Option<ProducerId> {
        match self.presumed() {
            Some(presumed) => presumed.producer(),
            None => identity.producer(),
        }
    }

    /// The oldest batch, if it is presumed to be in the log.
    fn presumed(&self) -> Option<&Slot> {
        let oldest = self.slots.front();
        oldest.filter(|slot| slot.state == SlotState::PresumedAppended)
    }

    /// Whether a batch may be sent while others have no answer yet. A producer that a broker does not know
    /// may start with any sequence number: if its first batch is lost and the second arrives, the order is
    /// lost as well. So the first one is sent alone.
    fn may_follow(&self, identity: &Identity, memory: &BrokerMemory) -> bool {
        let remembered = |producer| self.remembers_all(producer, memory);
        self.slots.is_empty()
            || !identity.is_needed()
            || self.writer(identity).is_none_or(remembered)
    }

    /// What must be done before the oldest slot may be sent again. Without it, that batch or one in a
    /// request that still arrives could be appended twice.
    fn must_precede(&self, oldest: &Slot, memory: &BrokerMemory) -> Option<Next> {
        let producer = oldest.producer()?;
        if oldest.ambiguity != Ambiguity::None {
            return self.has_lapsed(memory).then_some(Next::MayBeForgotten);
        }
        let would_be_taken_twice =
            self.recall.has_stray(producer, memory) && !memory.keeps(oldest.append());
        would_be_taken_twice.then_some(Next::NeedsNewId)
    }

    /// Whether the leader is sure to remember `producer` because of the batches before this position, so
    /// that it appends nothing out of sequence.
    fn is_remembered(
        &self,
        producer: ProducerId,
        by: Option<Leadership>,
        memory: &BrokerMemory,
        position: usize,
    ) -> bool {
        let mut earlier = self.slots.iter().take(position);
        self.recall.has_continued(producer, memory)
            && self.recall.is_by(by)
            && !earlier.any(|slot| slot.has_lapsed(memory))
    }

    /// The same for the present leader and a batch after all in this lane.
    fn remembers_all(&self, producer: ProducerId, memory: &BrokerMemory) -> bool {
        self.is_remembered(producer, self.leadership(), memory, self.slots.len())
    }

    /// Whether an attempt without an answer is so old that it may be in the log although the leader does not
    /// remember it.
    fn has_lapsed(&self, memory: &BrokerMemory) -> bool {
        self.slots.iter().any(|slot| slot.has_lapsed(memory))
    }

    /// Whether batches are presumed to be in the log, and no acknowledgement can confirm them.
    fn has_unconfirmable(&self, memory: &BrokerMemory) -> bool {
        let producer = self.presumed().and_then(Slot::producer);
        producer.is_some_and(|producer| !self.remembers_all(producer, memory))
    }

    /// Whether a request with this producer's id may still arrive.
    pub(crate) fn has_stray(&self, producer: ProducerId, memory: &BrokerMemory) -> bool {
        self.recall.has_stray(producer, memory)
    }

    fn leadership(&self) -> Option<Leadership> {
        let epoch = self.leader_epoch;
        self.leader.map(|node| Leadership { node, epoch })
    }

    /// What the queue has to offer.
    pub(crate) fn poll_ready(&self, now: Instant) -> Readiness {
        self.queue.poll_ready(now)
    }

    /// Takes the next batch from the queue, and numbers it if there is a `producer`. `Err` says when there
    /// will be a batch, if that is known.
    pub(crate) fn take(
        &mut self,
        producer: Option<ProducerId>,
        now: Instant,
    ) -> Result<LastAppend, Option<Instant>> {
        let batch = self.queue.take(now)?;
        let append = LastAppend::of(&batch);
        self.push(batch, producer, now);
        Ok(append)
    }

    fn push(&mut self, batch: Batch<DeliveryError>, producer: Option<ProducerId>, now: Instant) {
        let number = producer.map(|producer| self.numbering.take(producer, batch.count()));
        let serial = self.next_serial;
        self.next_serial += u64::from(batch.count());
        self.last_used = now;
        // Room for one at a time: most lanes of a large topic never hold two batches.
        self.slots.reserve_exact(1);
        self.slots.push_back(Slot::new(serial, batch, number, now));
    }

    /// The oldest batch that may be sent: its size without its header.
    pub(crate) fn sendable_bytes(&self) -> Option<usize> {
        let slot = self.slots.iter().find(|slot| slot.is_waiting())?;
        Some(slot.batch.uncompressed_bytes())
    }

    /// Marks the batch that may be sent as in flight to this broker. Returns its serial and what to send.
    pub(crate) fn send(&mut self, node: NodeId, now: Instant) -> Option<(u64, NumberedBatch)> {
        let slot = self.slots.iter_mut().find(|slot| slot.is_waiting())?;
        let epoch = self.leader_epoch;
        slot.send(Leadership { node, epoch }, now);
        let batch = NumberedBatch {
            topic: Arc::clone(self.queue.topic()),
            topic_id: self.topic_id,
            partition: self.queue.partition(),
            number: slot.number,
            batch: Arc::clone(&slot.batch),
        };
        Some((slot.serial, batch))
    }

    /// A batch without an outcome, and how often it was sent.
    pub(crate) fn sent(&self, serial: u64) -> Option<(&Batch<DeliveryError>, u32)> {
        let slot = &self.slots[self.position(serial)?];
        Some((&slot.batch, slot.attempts))
    }

    /// Renumbers every slot from 0, under a new epoch; none may be in flight.
    fn renumber(&mut self, producer: ProducerId) {
        let mut next = Number::new(producer, 0);
        for slot in &mut self.slots {
            slot.number = Some(next);
            if let SlotState::NeedsNewSequence { until } | SlotState::Unresolved { until } =
                slot.state
            {
                slot.state = SlotState::Waiting { until };
            }
            next = next.behind(slot.batch.count());
        }
        self.numbering.run_from(next);
    }

    /// The sequence starts again, with the next epoch of a transactional producer.
    pub(super) fn restart_sequence(&mut self) {
        self.numbering = Numbering::Unnumbered;
    }

    pub(crate) fn is_numbered(&self) -> bool {
        self.numbering != Numbering::Unnumbered
    }

    /// Whether its sequence is broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.numbering.is_broken()
    }

    /// The producer id and epoch under which the sequence goes on.
    pub(crate) fn producer(&self) -> Option<ProducerId> {
        self.numbering.producer()
    }

    /// The oldest slot that is not presumed to be in the log.
    fn oldest(&self) -> Option<&Slot> {
        self.open().next()
    }

    /// The slots that are not presumed to be in the log.
    fn open(&self) -> impl Iterator<Item = &Slot> {
        self.slots
            .iter()
            .filter(|slot| slot.state != SlotState::PresumedAppended)
    }

    /// The position of the slot with this serial, if it has no outcome yet.
    fn position(&self, serial: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.serial == serial)
    }

    /// Whether the batch has no outcome yet.
    pub(crate) fn has(&self, serial: u64) -> bool {
        self.position(serial).is_some()
    }

    fn remove(&mut self, serial: u64) -> Option<Slot> {
        self.slots.remove(self.position(serial)?)
    }

    /// Whether any batch has left its queue and has no outcome yet.
    pub(crate) fn has_slots(&self) -> bool {
        !self.slots.is_empty()
    }

    /// When the oldest batch was created, in the lane or in the queue.
    pub(crate) fn oldest_created(&self) -> Option<Instant> {
        match self.slots.front() {
            Some(slot) => Some(slot.batch.created()),
            None => self.queue.oldest_created(),
        }
    }

    /// Whether any batch has no outcome yet, in the lane or in the queue.
    pub(crate) fn has_batches(&self) -> bool {
        !self.slots.is_empty() || !self.queue.is_empty()
    }

    /// How many records have no outcome yet, in the lane or in the queue.
    pub(crate) fn records(&self) -> u64 {
        let slots = self.slots.iter();
        let taken: u64 = slots.map(|slot| u64::from(slot.batch.count())).sum();
        taken + self.queue.records()
    }

    /// Adds the completions of the batches that have no outcome, and makes those in the queue due now.
    /// Returns whether there are any.
    pub(crate) fn flush(&self, undecided: &mut Vec<Arc<Completion<DeliveryError>>>) -> bool {
        let slots = self.slots.iter();
        undecided.extend(slots.map(|slot| Arc::clone(slot.batch.completion())));
        self.queue.flush();
        let taken = undecided.len();
        undecided.extend(self.queue.incomplete());
        undecided.len() > taken
    }

    /// Whether this is the lane's queue.
    pub(crate) fn is_filled_by(&self, queue: &Arc<Queue<DeliveryError>>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Whether the lane is empty, and took nothing after `since`.
    pub(crate) fn is_idle_since(&self, since: Instant) -> bool {
        self.last_used <= since && !self.has_batches()
    }

    /// What the last attempt of the oldest batch ended with, unless that was an acknowledgement.
    pub(crate) fn last_refusal(&self) -> Option<ErrorCode> {
        self.last_refusal
    }

    /// Whether the oldest batch is in flight.
    pub(crate) fn is_unanswered(&self) -> bool {
        let oldest = self.slots.front();
        oldest.is_some_and(|slot| slot.state.is_in_flight())
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.state.is_in_flight())
            .count()
    }
}

/// Takes over the id of a topic, and returns whether it is another topic's. A broker without ids (before
/// Kafka 2.8) does not tell, and the first id that is told belongs to the same topic.
pub(crate) fn is_another(known: &mut Uuid, told: Uuid) -> bool {
    if told == Uuid::ZERO {
        return false;
    }
    let before = std::mem::replace(known, told);
    before != Uuid::ZERO && before != told
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
        (
            Lane::new(
                queue,
                Origin {
                    topic_id: Uuid::ZERO,
                    topic_number: 0,
                    election: Election::NONE,
                },
                now,
            ),
            batches,
        )
    }

    fn sequences(lane: &Lane) -> Vec<Option<i32>> {
        let numbers = lane.slots.iter().map(|slot| slot.number);
        numbers.map(|number| Some(number?.sequence())).collect()
    }

    #[test]
    fn t029_numbers_begin_at_0_and_count_records() {
        let (mut lane, batches) = lane_and_batches(&[2, 3, 1]);
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        assert_eq!(sequences(&lane), [0, 2, 5].map(Some));
    }

    #[test]
    fn t034_numbers_go_on_from_0_after_the_greatest() {
        let (mut lane, batches) = lane_and_batches(&[1, 3, 1]);
        lane.numbering.run_from(Number::new(PRODUCER, i32::MAX - 2));
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        assert_eq!(sequences(&lane), [i32::MAX - 2, i32::MAX - 1, 1].map(Some));
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
        assert_eq!(sequences(&lane), [0, 3].map(Some));
        assert!(
            lane.slots
                .iter()
                .all(|slot| slot.producer() == Some(bumped))
        );
        let mut expected = Numbering::Unnumbered;
        expected.run_from(Number::new(bumped, 4));
        assert_eq!(lane.numbering, expected);
    }

    #[test]
    fn a_lane_has_another_turn_as_long_as_anything_waits_behind_what_is_sent_next() {
        let (mut lane, batches) = lane_and_batches(&[1, 1]);
        let mut has_more = Vec::new();
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
            has_more.push(lane.has_more());
        }
        for _ in 0..2 {
            lane.send(NodeId(1), Instant::now()).expect("it waits");
            has_more.push(lane.has_more());
        }
        assert_eq!(has_more, [false, true, false, false]);
    }

    #[test]
    fn a_lane_without_batches_is_idle_unless_its_sequence_is_broken() {
        let (mut lane, batches) = lane_and_batches(&[1]);
        assert!(lane.is_idle());
        for batch in batches {
            lane.push(batch, Some(PRODUCER), Instant::now());
        }
        assert!(!lane.is_idle());
        lane.slots.clear();
        assert!(lane.is_idle());
        lane.numbering.break_off(0, Ambiguity::None);
        assert!(!lane.is_idle());
    }
}
