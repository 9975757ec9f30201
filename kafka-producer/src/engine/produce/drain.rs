//! Which batches go into which request: the lanes of a broker take turns.
//!
//! A request carries at most one batch of a partition and at most `max.request.size` of records. A
//! lane that cannot go now is passed over; it never holds up the ones behind it.

use std::collections::VecDeque;
use std::sync::Arc;

use kafka_wire::messages::ProduceRequest;
use kafka_wire::records::BATCH_HEADER_BYTES;
use kafka_wire::{Uuid, Version};

use crate::engine::cluster::in_flight::{Asked, Sent, Way, What};
use crate::engine::cluster::node::Link;
use crate::engine::produce::acknowledgement::FORGOTTEN;
use crate::engine::produce::expiration::LastAppend;
use crate::engine::produce::lane::{Attention, LaneKey, Next, Numbering, SlotState};
use crate::engine::produce::request::{Confirm, OrderedBatch, Outgoing, Payload, ProduceOrder};
use crate::engine::produce::verdict::{Ambiguity, TransactionVersion};
use crate::engine::timers::Timer;
use crate::engine::{Action, Engine, NodeId};
use crate::settings::{Acks, UnresolvedPolicy};

/// From this version of Produce on, topics are named by their ids (KIP-516).
const FIRST_WITH_TOPIC_IDS: i16 = 13;

/// Up to this version of Produce a broker takes transactional batches only for partitions that
/// were added before (KIP-890).
const LAST_BEFORE_IMPLICIT_ADDS: i16 = 11;

/// What a lane has for a request.
enum Offer {
    /// Its front slot, of this size.
    Slot { bytes: usize },
    /// Nothing that could go now; whatever it waits for will list it again.
    Nothing,
}

impl Engine {
    /// Sends a broker all that its window has room for.
    pub(crate) fn dispatch(&mut self, id: NodeId) {
        let mut chosen = std::mem::take(&mut self.chosen);
        while self.window(id).is_some() && !self.awaits_company(id) {
            chosen.clear();
            self.gather(id, &mut chosen);
            if chosen.is_empty() {
                break;
            }
            chosen.sort_unstable_by_key(|&key| self.lanes[key as usize].place_in_request());
            self.send(id, &chosen);
        }
        self.chosen = chosen;
        self.send_inquiries(id);
    }

    /// Whether the broker can take another request now.
    fn window(&mut self, id: NodeId) -> Option<()> {
        let node = self.nodes.get_mut(&id)?;
        if node.lanes.is_empty() || node.silent_until().is_some() {
            return None;
        }
        match &node.link {
            Link::Ready {
                in_flight,
                versions,
                ..
            } => {
                if in_flight.produce() >= self.cx.settings.max_in_flight {
                    return None;
                }
                let Some(version) = versions.newest::<ProduceRequest>() else {
                    let unsupported = node.lacks::<ProduceRequest>()?;
                    self.refuse_led_by(id, &unsupported);
                    return None;
                };
                match self.lacks_codec(id, version) {
                    None => Some(()),
                    Some(why) => {
                        self.refuse_for_codec(id, &why);
                        None
                    }
                }
            }
            Link::Resting => {
                self.dial_when_rested(id);
                None
            }
            Link::Dialing { .. } | Link::Greeting { .. } => None,
        }
    }

    /// One turn around the broker's list: the lanes that go into the next request.
    fn gather(&mut self, id: NodeId, chosen: &mut Vec<LaneKey>) {
        let turns = self.nodes.get(&id).map_or(0, |node| node.lanes.len());
        let mut passed_over = Vec::new();
        let mut bytes = 0;
        for _ in 0..turns {
            let Some(key) = self
                .nodes
                .get_mut(&id)
                .and_then(|node| node.lanes.pop_front())
            else {
                break;
            };
            let lane = &mut self.lanes[key as usize];
            // Before its offer: what that leads to may list it again.
            lane.attention = Attention::Idle;
            if lane.leader != Some(id) {
                self.list(key);
                continue;
            }
            match self.offer(key) {
                Offer::Slot { bytes: more }
                    if chosen.is_empty() || bytes + more <= self.cx.settings.max_request_bytes =>
                {
                    bytes += more;
                    chosen.push(key);
                    self.relist(id, key, VecDeque::push_back);
                }
                Offer::Slot { .. } => passed_over.push(key),
                Offer::Nothing => {}
            }
            if bytes >= self.cx.settings.max_request_bytes {
                break;
            }
        }
        // Whoever did not fit goes before those who had their turn.
        for key in passed_over.into_iter().rev() {
            self.relist(id, key, VecDeque::push_front);
        }
    }

    /// For its next turn, unless it was listed meanwhile.
    fn relist(&mut self, id: NodeId, key: LaneKey, push: fn(&mut VecDeque<LaneKey>, LaneKey)) {
        let lane = &mut self.lanes[key as usize];
        if lane.attention == Attention::Idle
            && let Some(node) = self.nodes.get_mut(&id)
        {
            lane.attention = Attention::Listed(id);
            push(&mut node.lanes, key);
        }
    }

    /// Brings a lane's next batch to its front, if it may be sent now.
    fn offer(&mut self, key: LaneKey) -> Offer {
        let lane = &self.lanes[key as usize];
        let memory = self.memory();
        match lane.next(&memory, &self.identity, self.cx.settings.max_in_flight) {
            Next::Resend => {}
            // A broker remembers a producer while a transaction of its is open; and who wants
            // batches to be sent again is not asked.
            Next::MayBeForgotten | Next::NeedsNewId
                if self.transactions.are_enabled()
                    || self.cx.settings.unresolved == UnresolvedPolicy::Resend => {}
            Next::MayBeForgotten => {
                self.may_be_forgotten(key);
                return self.offer(key);
            }
            Next::NeedsNewId => {
                self.start_new_id(key);
                return self.offer_renumbered(key);
            }
            Next::Take if !self.may_take(key) => return Offer::Nothing,
            Next::Take => {
                let lane = &self.lanes[key as usize];
                let batch = match lane.queue.take(self.cx.now) {
                    Ok(batch) => batch,
                    Err(Some(until)) => {
                        self.linger(key, until);
                        return Offer::Nothing;
                    }
                    // The queue rings again.
                    Err(None) => return Offer::Nothing,
                };
                let producer = lane.writer(&self.identity);
                let company = lane.in_flight() > 0;
                let kept = producer.is_none() || memory.keeps(LastAppend::of(&batch));
                if self.transactions.are_enabled() {
                    self.lanes.note_numbered(key);
                }
                self.lanes[key as usize].push(batch, producer, self.cx.now);
                if !kept {
                    // Its turn comes when the others are answered: those behind them would get in
                    // without them once a broker has appended this one and forgotten the producer.
                    return match company {
                        true => Offer::Nothing,
                        false => self.offer(key),
                    };
                }
            }
            // Its coordinator gives out the next epoch, when the transaction has ended.
            Next::NeedsNewEpoch if self.transactions.are_enabled() => return Offer::Nothing,
            Next::NeedsNewEpoch if self.doubts_topic(key) => return Offer::Nothing,
            Next::NeedsNewEpoch => {
                self.start_new_epoch(key);
                return self.offer_renumbered(key);
            }
            Next::NeedsInquiry => {
                self.inquire(key);
                return Offer::Nothing;
            }
            Next::WaitUntil(until) => {
                self.cx.timers.arm(Timer::Retry(key), until);
                return Offer::Nothing;
            }
            Next::WaitForIdentity => return self.wait_for_identity(),
            Next::WaitForAnswer => return Offer::Nothing,
        }
        self.sendable(key)
    }

    fn offer_renumbered(&mut self, key: LaneKey) -> Offer {
        // With an epoch in hand the lane goes on at once; without, it waits for the answer.
        match self.identity.producer() {
            Some(_) => self.offer(key),
            None => self.wait_for_identity(),
        }
    }

    /// Has an id asked for, also if that was given up before there was something to send.
    fn wait_for_identity(&mut self) -> Offer {
        if let Some(at) = self.identity.rouse() {
            self.cx.timers.arm(Timer::Identity, at);
        }
        Offer::Nothing
    }

    /// The size of the slot that may be sent: the oldest that waits.
    fn sendable(&self, key: LaneKey) -> Offer {
        let waiting = |state| matches!(state, SlotState::Waiting { .. });
        match self.lanes[key as usize]
            .slots
            .iter()
            .find(|slot| waiting(slot.state))
        {
            Some(slot) => Offer::Slot {
                bytes: slot.batch.uncompressed_bytes() + BATCH_HEADER_BYTES,
            },
            None => Offer::Nothing,
        }
    }

    /// A broken sequence cannot go on: number the lane anew under the next epoch. That the log has
    /// none of its batches under the old one is known by now, unless the user does not care.
    pub(crate) fn start_new_epoch(&mut self, key: LaneKey) {
        let lane = &self.lanes[key as usize];
        if let Numbering::Running { producer, .. } | Numbering::Broken { producer, .. } =
            lane.numbering
        {
            self.identity.leave(producer, self.cx.now);
        }
        self.number_anew(key);
    }

    /// A request may still arrive that brokers are to remember the lane's id for: go on under another.
    fn start_new_id(&mut self, key: LaneKey) {
        // A broker that knows nothing of the new id would take once more what it may have by now.
        self.leave_ambiguous_open(key, 0, FORGOTTEN);
        let mut slots = self.lanes[key as usize].slots.iter();
        if let Some(left) = slots.find_map(|slot| slot.producer) {
            // After a pause, should the same one be given again.
            let pause = self.cx.backoff(1);
            let not_before = self.cx.now + pause;
            self.identity.leave_id(left.id, not_before);
            self.cx.timers.arm(Timer::Identity, not_before);
        }
        self.number_anew(key);
    }

    fn number_anew(&mut self, key: LaneKey) {
        self.end_presumed(key);
        let lane = &mut self.lanes[key as usize];
        if let Some(producer) = self.identity.producer() {
            lane.renumber(producer);
            if self.cx.settings.unresolved != UnresolvedPolicy::Resend {
                lane.slots
                    .iter_mut()
                    .for_each(|slot| slot.ambiguity = Ambiguity::None);
            }
        }
    }

    /// Sends the front slots of these lanes in one request.
    fn send(&mut self, id: NodeId, keys: &[LaneKey]) {
        let Some(version) = self.version_for(id, keys) else {
            return self.refuse_unspeakable(id, keys);
        };
        let mut batches = Vec::with_capacity(keys.len());
        let mut sent = Vec::with_capacity(keys.len());
        for &lane in keys {
            if let Some((serial, ordered)) = self.order(id, lane) {
                batches.push(ordered);
                sent.push(Sent { lane, serial });
            }
        }
        let what = What::Produce(sent);
        self.company.sent(self.cx.now, batches.len());

        let deadline = self.cx.now + self.cx.settings.request_timeout;
        let acks = self.cx.settings.guarantee.acks();
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.last_used = Some(self.cx.now);
        let Some(in_flight) = node.in_flight() else {
            return;
        };
        let correlation_id = in_flight.correlation_id();
        in_flight.push(Asked {
            correlation_id,
            version,
            deadline,
            way: Way::Out { since: self.cx.now },
            what,
        });
        self.cx.timers.arm(Timer::Node(id), deadline);

        let order = ProduceOrder {
            version,
            correlation_id,
            client_id: self.client_id(),
            transactional_id: self.transactions.id().cloned(),
            acks: acks.code(),
            timeout_ms: i32::try_from(self.cx.settings.request_timeout.as_millis())
                .unwrap_or(i32::MAX),
            batches,
        };
        let confirm = if acks == Acks::None {
            Confirm::Written
        } else {
            Confirm::Answered
        };
        let payload = Payload::Produce(order);
        self.cx.actions.push_back(Action::Send(
            id,
            Outgoing {
                correlation_id,
                confirm,
                payload,
            },
        ));
    }

    fn client_id(&self) -> Arc<str> {
        Arc::clone(&self.cx.settings.client_id)
    }

    /// Topics are named by id only if every id is known.
    fn version_for(&self, id: NodeId, keys: &[LaneKey]) -> Option<Version> {
        let Link::Ready { versions, .. } = &self.nodes.get(&id)?.link else {
            return None;
        };
        let unnamed = keys
            .iter()
            .any(|&key| self.lanes[key as usize].topic_id == Uuid::ZERO);
        let latest = match self.transactions.version() {
            Some(TransactionVersion::One) => LAST_BEFORE_IMPLICIT_ADDS,
            _ if unnamed => FIRST_WITH_TOPIC_IDS - 1,
            _ => i16::MAX,
        };
        versions.newest_to::<ProduceRequest>(latest)
    }

    /// Puts the lane's waiting slot in flight.
    fn order(&mut self, id: NodeId, key: LaneKey) -> Option<(u64, OrderedBatch)> {
        let lane = &mut self.lanes[key as usize];
        let waiting = |state| matches!(state, SlotState::Waiting { .. });
        let slot = lane.slots.iter_mut().find(|slot| waiting(slot.state))?;
        slot.state = SlotState::InFlight;
        slot.attempts += 1;
        slot.last_broker = Some(id);
        slot.leader_epoch = lane.leader_epoch;
        let ordered = OrderedBatch {
            topic: Arc::clone(&lane.topic),
            topic_id: lane.topic_id,
            partition: lane.partition,
            producer_id: slot.producer.map_or(-1, |producer| producer.id),
            producer_epoch: slot.producer.map_or(-1, |producer| producer.epoch),
            base_sequence: slot.sequence,
            batch: Arc::clone(&slot.batch),
        };
        Some((slot.serial, ordered))
    }
}
