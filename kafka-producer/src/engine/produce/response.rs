//! What became of a batch: judging the answers, the lost answers and the expired.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kafka_accumulator::{Batch, Fate};
use kafka_wire::messages::InitProducerIdResponse;
use kafka_wire::messages::produce::{PartitionProduceResponse, ProduceResponse};
use kafka_wire::{ErrorCode, Uuid, Version};

use crate::engine::cluster::in_flight::{Sent, What};
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::notice::Notice;
use crate::engine::obstacle::is_our_own;
use crate::engine::produce::lane::{LaneKey, Slot, SlotState};
use crate::engine::produce::verdict::{
    Ambiguity, Append, Kind, Refresh, TransactionVersion, Verdict, verdict,
};
use crate::engine::timers::Timer;
use crate::engine::{Engine, NodeId};

use crate::error::{
    AbortableError, Cause, DeliveryError, FatalError, History, Persistence, WaitReason, own_words,
};
use crate::settings::Guarantee;

/// What a broker said of one batch.
struct Word {
    code: ErrorCode,
    message: Option<Arc<str>>,
    base_offset: i64,
    append: Append,
    log_append_time_ms: Option<i64>,
    /// The first offset that the log still has; -1 if the broker does not tell.
    log_start_offset: i64,
    /// The records to blame, and what is wrong with each, if the broker says.
    record_errors: Vec<(u32, Option<Arc<str>>)>,
}

impl Word {
    fn of(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            base_offset: -1,
            append: Append::NotExcluded,
            log_append_time_ms: None,
            log_start_offset: -1,
            record_errors: Vec::new(),
        }
    }

    fn from(answer: PartitionProduceResponse, version: Version) -> Self {
        let errors = answer.record_errors.into_iter().filter_map(|error| {
            let index = u32::try_from(error.batch_index).ok()?;
            Some((index, error.batch_index_error_message.map(Into::into)))
        });
        Self {
            code: answer.error_code,
            message: own_words(answer.error_message.map(Into::into)),
            base_offset: answer.base_offset,
            append: Append::told_by(answer.base_offset, version.number),
            log_append_time_ms: Some(answer.log_append_time_ms).filter(|time| *time >= 0),
            log_start_offset: answer.log_start_offset,
            record_errors: errors.collect(),
        }
    }
}

impl Engine {
    /// A produce request was answered.
    pub(crate) fn produced(
        &mut self,
        id: NodeId,
        version: Version,
        sent: Vec<Sent>,
        answer: ProduceResponse,
    ) {
        self.throttle(id, answer.throttle_time_ms);
        self.meet_leaders(&answer.node_endpoints);
        let mut open = VecDeque::from(sent);
        for topic in answer.responses {
            for partition in topic.partition_responses {
                let index = partition.index;
                let asked = |sent: &Sent| self.is_of(sent.lane, &topic.name, topic.topic_id, index);
                // Brokers answer in the order of the request, which is that of `open`; but nothing
                // says that they must.
                let found = open.iter().position(asked);
                if let Some(sent) = found.and_then(|found| open.remove(found)) {
                    self.follow_leader(sent, &partition);
                    self.judge(sent, Word::from(partition, version));
                }
            }
        }
        // What the answer passes over in silence may or may not have been appended.
        self.unanswered(open, ErrorCode::NETWORK_EXCEPTION);
    }

    fn is_of(&self, key: LaneKey, name: &str, id: Uuid, partition: i32) -> bool {
        let lane = &self.lanes[key as usize];
        let same_topic = if id == Uuid::ZERO {
            *lane.topic == *name
        } else {
            lane.topic_id == id
        };
        same_topic && lane.partition == partition
    }

    /// These batches will never be answered for.
    pub(crate) fn unanswered(&mut self, sent: impl IntoIterator<Item = Sent>, code: ErrorCode) {
        for sent in sent {
            let lane = &mut self.lanes[sent.lane as usize];
            if let Some(position) = lane.position(sent.serial) {
                lane.slots[position].raise(Ambiguity::Adrift, code);
                lane.note_unanswered(lane.slots[position].producer, self.cx.now);
            }
            self.judge(sent, Word::of(code));
        }
    }

    /// `acks=0`: written is delivered, to an offset nobody knows.
    pub(crate) fn written(&mut self, id: NodeId, correlation_id: i32) {
        let Some(in_flight) = self
            .nodes
            .get_mut(&id)
            .and_then(crate::engine::cluster::node::Node::in_flight)
        else {
            return;
        };
        // Older questions may still wait for their answer: this one is not to have any.
        if let Some(asked) = in_flight.withdrawn(correlation_id)
            && let What::Produce(sent) = asked.what
        {
            self.note_answer(id, asked.way);
            for sent in sent {
                self.judge(sent, Word::of(ErrorCode::NONE));
            }
        }
        self.stir(id);
    }

    /// The driver could not frame a request: its batches cannot be sent, ever.
    pub(crate) fn unsendable(&mut self, id: NodeId, correlation_id: i32, why: &Arc<str>) {
        let Some(in_flight) = self
            .nodes
            .get_mut(&id)
            .and_then(crate::engine::cluster::node::Node::in_flight)
        else {
            return;
        };
        let Some(asked) = in_flight.withdrawn(correlation_id) else {
            return;
        };
        if let What::Produce(sent) = asked.what {
            for Sent { lane, serial } in sent {
                if let Some(mut slot) = self.remove(lane, serial) {
                    // It was not written, so this attempt cannot have reached a log.
                    slot.state = SlotState::Waiting { until: self.cx.now };
                    self.lanes[lane as usize].break_sequence(serial, slot.ambiguity);
                    self.fail(lane, slot, Cause::Unsendable(Arc::clone(why)));
                    self.list(lane);
                }
            }
        }
        self.stir(id);
    }

    /// Who is judged.
    fn kind(&self) -> Kind {
        match self.cx.settings.guarantee {
            Guarantee::Plain(_) => Kind::Plain,
            Guarantee::Idempotent => Kind::Idempotent,
            Guarantee::Transactional(_) => {
                let transactions = self.transactions.as_ref();
                let version = transactions.map_or(TransactionVersion::One, |it| it.version());
                Kind::Transactional(version)
            }
        }
    }

    /// Applies the verdict on one batch.
    fn judge(&mut self, Sent { lane: key, serial }: Sent, word: Word) {
        let judged = verdict(word.code, self.kind(), word.append);
        self.batch_answered(key, word.code);
        let Some(position) = self.lanes[key as usize].position(serial) else {
            // It has expired meanwhile; but now it is known that its number was used.
            if matches!(judged, Verdict::Deliver | Verdict::DeliverWithoutOffset) {
                self.acknowledged_late(key, serial);
            }
            return self.list(key);
        };
        // This attempt is over; whether the log may have it all the same is part of the verdict.
        self.lanes[key as usize].slots[position].state = SlotState::Waiting { until: self.cx.now };
        match judged {
            Verdict::Deliver => {
                self.acknowledged(key, serial, word.base_offset, word.log_append_time_ms)
            }
            Verdict::DeliverWithoutOffset => self.acknowledged(key, serial, -1, None),
            Verdict::Retry(refresh, ambiguity) => {
                self.retry(key, position, &word, refresh, ambiguity)
            }
            Verdict::OutOfSequence if position > 0 => {
                // Its predecessor is still on its way, or is not where it was presumed, and goes first.
                self.doubt(key, position);
                self.retry(key, position, &word, Refresh::NotNeeded, Ambiguity::None);
            }
            Verdict::Forgotten => self.forgotten(key, position, word),
            // The next epoch of a transactional producer is its coordinator's to give.
            Verdict::OutOfSequence | Verdict::NewEpoch if self.transactions.is_some() => {
                self.refuse(key, serial, word);
            }
            Verdict::OutOfSequence | Verdict::NewEpoch => self.outnumbered(key, position, &word),
            Verdict::Split if self.split(key, position) => {}
            Verdict::Split | Verdict::Fail | Verdict::Abortable => self.refuse(key, serial, word),
            Verdict::Fatal => {
                self.fail_for_good(FatalError::of(word.code, word.message));
            }
        }
        self.list(key);
    }

    fn retry(
        &mut self,
        key: LaneKey,
        position: usize,
        word: &Word,
        refresh: Refresh,
        ambiguity: Ambiguity,
    ) {
        let slot = &mut self.lanes[key as usize].slots[position];
        slot.last_error = Some(word.code);
        slot.raise(ambiguity, word.code);
        if position == 0 {
            self.lanes[key as usize].obstacle = Some(word.code);
        }
        let slot = &self.lanes[key as usize].slots[position];
        if slot.attempts > self.cx.settings.retries {
            let serial = slot.serial;
            self.exhaust(key, serial, word.code);
        } else {
            let attempts = slot.attempts;
            let asked = (slot.last_broker, slot.leader_epoch);
            let lane = &self.lanes[key as usize];
            // A new leader is asked at once (KIP-951), the same one after a while; and so is whoever
            // is named when that was of no use.
            let moved = asked != (lane.leader, lane.leader_epoch);
            let pause = if moved && attempts <= MOVES_AT_ONCE {
                Duration::ZERO
            } else {
                self.cx.backoff(attempts)
            };
            let until = self.cx.now + pause;
            self.lanes[key as usize].slots[position].state = SlotState::Waiting { until };
        }
        if refresh == Refresh::Needed {
            self.metadata.want();
        }
    }

    /// The batch was sent as often as it may be.
    pub(crate) fn exhaust(&mut self, key: LaneKey, serial: u64, code: ErrorCode) {
        if let Some(slot) = self.remove(key, serial) {
            self.lanes[key as usize].break_sequence(serial, slot.ambiguity);
            self.fail(key, slot, Cause::RetriesExhausted { code });
        }
    }

    /// The broker does not know the producer any more (KIP-360). Its state goes with its records, by
    /// retention or `DeleteRecords`, on brokers before 2.5; a number that follows on nothing is then
    /// as good as any.
    fn forgotten(&mut self, key: LaneKey, position: usize, word: Word) {
        let lane = &mut self.lanes[key as usize];
        let slot = &lane.slots[position];
        if word.log_start_offset < 0 || position > 0 {
            // It does not tell why, or has told why for the batches before: the number may do yet.
            return self.retry(key, position, &word, Refresh::NotNeeded, Ambiguity::None);
        }
        if self.transactions.is_none() {
            return self.outnumbered(key, position, &word);
        }
        let lost = word.log_start_offset > lane.acknowledged_offset;
        if !lost || slot.ambiguity != Ambiguity::None {
            let serial = slot.serial;
            return self.refuse(key, serial, word);
        }
        // What the broker forgot is not in the log: the transaction begins anew here, at 0.
        if let Some(producer) = slot.producer
            && lane.in_flight() == 0
        {
            lane.renumber(producer);
        }
        self.retry(key, position, &word, Refresh::NotNeeded, Ambiguity::None);
    }

    /// The broker does not go on with this sequence.
    fn outnumbered(&mut self, key: LaneKey, position: usize, word: &Word) {
        let lane = &mut self.lanes[key as usize];
        let slot = &mut lane.slots[position];
        slot.last_error = Some(word.code);
        match slot.ambiguity {
            Ambiguity::None => self.leave_number(key, position),
            Ambiguity::Possible | Ambiguity::Adrift => self.unresolved(key, position),
        }
    }

    /// The batch, which is not in the log, needs another number.
    pub(crate) fn leave_number(&mut self, key: LaneKey, position: usize) {
        let slot = &mut self.lanes[key as usize].slots[position];
        let serial = slot.serial;
        if slot.attempts > self.cx.settings.retries {
            let code = slot.last_error.unwrap_or_default();
            return self.exhaust(key, serial, code);
        }
        // A new number helps at once; if not even that does, trying on is no better than any retry.
        let until = match slot.attempts {
            1 => self.cx.now,
            attempts => self.cx.now + self.cx.backoff(attempts - 1),
        };
        slot.state = SlotState::Outnumbered { until };
        self.lanes[key as usize].break_sequence(serial, Ambiguity::None);
    }

    /// The broker will never take this batch; records it names have an error of their own (KIP-467).
    fn refuse(&mut self, key: LaneKey, serial: u64, word: Word) {
        let Some(mut slot) = self.remove(key, serial) else {
            return;
        };
        let code = word.code;
        if code == ErrorCode::UNKNOWN_SERVER_ERROR {
            // It may have struck the broker after the append as well as before.
            slot.raise(Ambiguity::Possible, code);
        }
        self.lanes[key as usize].break_sequence(serial, slot.ambiguity);
        let records = slot.batch.count();
        let Word {
            message,
            mut record_errors,
            ..
        } = word;
        record_errors.retain(|(index, _)| *index < records);
        if record_errors.is_empty() {
            return self.fail(key, slot, Cause::Refused { code, message });
        }
        self.blame(key, &slot, code, &message, record_errors);
    }

    /// Ends a refused batch of which some records are to blame: each has its own words, or those of the
    /// batch, and is told from those that only were with it.
    fn blame(
        &mut self,
        key: LaneKey,
        slot: &Slot,
        code: ErrorCode,
        message: &Option<Arc<str>>,
        record_errors: Vec<(u32, Option<Arc<str>>)>,
    ) {
        let history = self.history(key, slot);
        let error = |cause| DeliveryError::new(cause, history.clone());
        let each = record_errors.into_iter().map(|(index, why)| {
            let message = why.or_else(|| message.clone());
            (index, error(Cause::Refused { code, message }))
        });
        let each: Box<[_]> = each.collect();
        let message = message.clone();
        let rest = error(Cause::RefusedWithOthers { code, message });
        let first = each.first().map_or(&rest, |(_, why)| why).clone();
        let fate = Fate::Refused { each, rest };
        self.end_failed(key, Arc::clone(&slot.batch), &first, fate);
    }

    pub(crate) fn remove(&mut self, key: LaneKey, serial: u64) -> Option<Slot> {
        let lane = &mut self.lanes[key as usize];
        lane.slots.remove(lane.position(serial)?)
    }

    /// Ends a batch that was taken.
    pub(crate) fn fail(&mut self, key: LaneKey, slot: Slot, cause: Cause) {
        let mut history = self.history(key, &slot);
        history.wait_reason = self.why_unsent(key, Some(&slot), &cause);
        if history.persistence == Persistence::PossiblyPersisted {
            self.batch_answered(key, ErrorCode::NETWORK_EXCEPTION);
        }
        let error = DeliveryError::new(cause, history);
        self.end_failed(key, slot.batch, &error, Fate::Failed(error.clone()));
    }

    /// Ends a batch that has failed, with all that follows from it: an error of its records tells.
    fn end_failed(
        &mut self,
        key: LaneKey,
        batch: Arc<Batch<DeliveryError>>,
        error: &DeliveryError,
        fate: Fate<DeliveryError>,
    ) {
        self.count_failure(batch.count(), error.persistence());
        if error.persistence() == Persistence::PossiblyPersisted {
            self.lanes[key as usize].forget_confirmed();
        }
        self.doom(|| AbortableError::Delivery(error.clone()));
        self.end(batch, fate);
    }

    /// Ends a batch that never left the accumulator.
    pub(crate) fn fail_untried(&mut self, key: LaneKey, batch: Batch<DeliveryError>, cause: Cause) {
        let lane = &self.lanes[key as usize];
        let topic = Arc::clone(&lane.topic);
        let history = History {
            elapsed: self.cx.now.saturating_duration_since(batch.created()),
            wait_reason: self.why_unsent(key, None, &cause),
            ..History::without_attempt(topic, lane.partition, Persistence::NotPersisted)
        };
        let error = DeliveryError::new(cause, history);
        self.end_failed(key, Arc::new(batch), &error, Fate::Failed(error.clone()));
    }

    fn history(&self, key: LaneKey, slot: &Slot) -> History {
        let lane = &self.lanes[key as usize];
        let in_flight = slot.state == SlotState::InFlight;
        let ambiguous = slot.ambiguity != Ambiguity::None || in_flight;
        History {
            topic: Arc::clone(&lane.topic),
            partition: lane.partition,
            persistence: match ambiguous {
                true => Persistence::PossiblyPersisted,
                false => Persistence::NotPersisted,
            },
            attempts: slot.attempts,
            elapsed: self.cx.now.saturating_duration_since(slot.batch.created()),
            broker: slot.last_broker.map(|node| node.0),
            last_error: slot.last_error,
            in_doubt: slot.in_doubt.filter(|_| ambiguous),
            wait_reason: None,
        }
    }

    fn count_failure(&mut self, records: u32, persistence: Persistence) {
        match persistence {
            Persistence::NotPersisted => self.tally.failed += u64::from(records),
            Persistence::PossiblyPersisted => self.tally.unknown += u64::from(records),
        }
    }

    /// Gives up what is older than `delivery.timeout.ms`, sent or not.
    pub(crate) fn expire_lane(&mut self, key: LaneKey) {
        let limit = self.cx.settings.delivery_timeout;
        let Some(created_before) = self.cx.now.checked_sub(limit) else {
            return;
        };
        let obstacle = self.obstacle(key);
        while let Some(slot) = self.lanes[key as usize].slots.front()
            && slot.batch.created() <= created_before
        {
            let lane = &mut self.lanes[key as usize];
            let Some(slot) = lane.slots.pop_front() else {
                break;
            };
            let ambiguity = match slot.state {
                SlotState::InFlight => {
                    lane.note_unanswered(slot.producer, self.cx.now);
                    Ambiguity::Adrift
                }
                _ => slot.ambiguity,
            };
            let code = slot.last_error.or(obstacle);
            self.lanes[key as usize].break_sequence(slot.serial, ambiguity);
            self.fail(key, slot, Cause::Expired { limit, code });
        }
        for batch in self.lanes[key as usize].queue.take_expired(created_before) {
            // What it waited for in vain ourselves is nobody's answer to it.
            let code = obstacle.filter(|code| !is_our_own(*code));
            self.fail_untried(key, batch, Cause::Expired { limit, code });
        }
        self.watch_expiry(key);
        self.list(key);
    }

    /// What keeps a lane's batches from being delivered, as far as it is known.
    fn obstacle(&self, key: LaneKey) -> Option<ErrorCode> {
        let lane = &self.lanes[key as usize];
        let leaderless = lane
            .leader
            .is_none()
            .then_some(ErrorCode::LEADER_NOT_AVAILABLE);
        lane.obstacle.or(leaderless)
    }

    /// The broker asks for silence (KIP-219).
    pub(crate) fn throttle(&mut self, id: NodeId, throttle_time_ms: i32) {
        if let Ok(ms @ 1..) = u64::try_from(throttle_time_ms)
            && let Some(node) = self.nodes.get_mut(&id)
        {
            let until = node.be_silent(self.cx.now, Duration::from_millis(ms));
            self.cx.timers.arm(Timer::Node(id), until);
        }
    }

    /// A batch's records are to be told their outcome; whoever ends a batch has just taken it from its
    /// lane.
    pub(crate) fn end(&mut self, batch: Arc<Batch<DeliveryError>>, fate: Fate<DeliveryError>) {
        self.cx.notices.push(Notice::Ended(batch, fate));
    }

    /// Ends what is not on its way, of all partitions or of those that a broker leads.
    pub(crate) fn fail_unsent(&mut self, cause: impl Fn() -> Cause, led_by: Option<NodeId>) {
        for key in self.take_stock() {
            if led_by.is_none() || self.lanes[key as usize].leader == led_by {
                self.fail_unsent_of(key, &cause);
            }
        }
    }

    /// Ends what is not on its way in this lane.
    pub(crate) fn fail_unsent_of(&mut self, key: LaneKey, cause: impl Fn() -> Cause) {
        let in_flight = |slot: &Slot| slot.state == SlotState::InFlight;
        while let lane = &mut self.lanes[key as usize]
            && let Some(position) = lane.slots.iter().position(|slot| !in_flight(slot))
            && let Some(slot) = lane.slots.remove(position)
        {
            lane.break_sequence(slot.serial, slot.ambiguity);
            self.fail(key, slot, cause());
        }
        for batch in self.lanes[key as usize].queue.take_all() {
            self.fail_untried(key, batch, cause());
        }
    }

    /// A producer id was answered.
    pub(crate) fn identified(&mut self, answer: &InitProducerIdResponse) {
        match answer.error_code {
            ErrorCode::NONE => {
                let told = ProducerId::told(answer.producer_id, answer.producer_epoch);
                let Some(producer) = told else {
                    return self.identity_failed();
                };
                self.identity = Identity::Held(producer);
                self.identity_obstacle = None;
                for key in self.take_stock() {
                    self.list(key);
                }
            }
            code if code.is_retriable() => {
                self.identity_obstacle = Some(WaitReason::Refused {
                    request: "InitProducerId",
                    code,
                    message: None,
                });
                self.identity_failed();
            }
            // It takes a right that can be given while the producer runs.
            code @ ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                if self.cx.settings.guarantee == Guarantee::Idempotent =>
            {
                self.identity_failed();
                self.identity.rest();
                let message = None;
                self.fail_unsent(
                    || Cause::Refused {
                        code,
                        message: message.clone(),
                    },
                    None,
                );
            }
            code => self.fail_for_good(FatalError::of(code, None)),
        }
    }
}

/// How often a batch is sent on to another leader without a pause.
const MOVES_AT_ONCE: u32 = 3;
