//! What is sent to a broker next: which batches go into which request, where the lanes of a broker take
//! turns.
//!
//! A request carries at most one batch of a partition and at most `max.request.size` of records. A
//! lane that cannot go now is passed over; it never holds up the ones behind it.

use std::sync::Arc;

use kafka_accumulator::Readiness;
use kafka_wire::messages::ProduceRequest;
use kafka_wire::records::BATCH_HEADER_BYTES;
use kafka_wire::{Uuid, Version};

use crate::engine::cluster::expected_response::{BatchRef, Evidence};
use crate::engine::cluster::node::Window;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::input::Action;
use crate::engine::produce::coalesce::{BATCHES, HOLD_MAX};
use crate::engine::produce::lane::Next;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::request::{Confirm, Outgoing, Payload, PendingProduce};
use crate::engine::produce::sender::codec;
use crate::engine::produce::sender::{Peers, Sender};
use crate::engine::produce::verdict::TransactionVersion;
use crate::engine::timers::Timer;
use crate::error::Cause;
use crate::settings::{Acks, UnresolvedPolicy};

/// From this version of Produce on, topics are named by their ids (KIP-516).
const FIRST_WITH_TOPIC_IDS: i16 = 13;

/// Up to this version of Produce a broker takes transactional batches only for partitions that
/// were added before (KIP-890).
const LAST_BEFORE_IMPLICIT_ADDS: i16 = 11;

/// What a lane has for a request.
enum Offer {
    /// Its oldest batch that may be sent, of this size.
    Batch { bytes: usize },
    /// Nothing before its leader is asked about this one.
    Inquiry(BatchRef),
    /// Nothing that could go now; whatever it waits for will list it again.
    Nothing,
}

impl Sender {
    /// Sends a broker all that its window has room for.
    pub(crate) fn drain(&mut self, p: &mut Peers<'_>, id: NodeId) {
        let mut chosen = std::mem::take(&mut self.chosen);
        let mut inquiries = Vec::new();
        while self.make_room(p, id) && !self.hold_back_for_others(p, id) {
            chosen.clear();
            self.choose(p, id, &mut chosen, &mut inquiries);
            if chosen.is_empty() {
                break;
            }
            chosen.sort_unstable_by_key(|&key| self.lanes[key].place_in_request());
            self.send(p, id, &chosen);
        }
        self.chosen = chosen;
        if !inquiries.is_empty() {
            self.send_inquiries(p, id, inquiries);
        }
    }

    /// Whether the broker can take another request now; dials it, or ends what it can never take.
    fn make_room(&mut self, p: &mut Peers<'_>, id: NodeId) -> bool {
        if self.lanes.listed(id) == 0 {
            return false;
        }
        match p.nodes.window(id, p.cx.settings.max_in_flight) {
            Window::Open(version) => {
                if codec::are_some_lacking(&p.cx.settings.codecs, id, version) {
                    self.refuse_for_codec(p, id, version);
                }
                return self.lanes.listed(id) > 0;
            }
            Window::Resting => self.reach(p, id),
            Window::Unsupported(unsupported) => {
                let cause = || Cause::Unsupported(unsupported.clone());
                self.fail_unsent(p, cause, Some(id));
            }
            Window::Closed => {}
        }
        false
    }

    /// Dials a broker, as soon as it may be; what waits for one that has just refused our credentials fails.
    fn reach(&mut self, p: &mut Peers<'_>, id: NodeId) {
        match p.nodes.refusal_in_pause(p.cx.now, id) {
            Some(why) => self.fail_unsent(p, || Cause::Authentication(why.clone()), Some(id)),
            None => p.nodes.dial_when_rested(p.cx, id),
        }
    }

    /// One turn around the broker's list: the lanes that go into the next request.
    fn choose(
        &mut self,
        p: &mut Peers<'_>,
        id: NodeId,
        chosen: &mut Vec<LaneKey>,
        inquiries: &mut Vec<BatchRef>,
    ) {
        let limit = p.cx.settings.max_request_bytes;
        let mut passed_over = Vec::new();
        let mut bytes = 0;
        for _ in 0..self.lanes.listed(id) {
            // Taken off before its offer: what that leads to may list it again.
            let Some(key) = self.lanes.next_turn(id) else {
                break;
            };
            let surveyed = self.survey.take(key, &self.identity);
            if self.lanes[key].leader() != Some(id) {
                self.list(p, key);
                continue;
            }
            let next = surveyed.unwrap_or_else(|| self.next(p, key));
            match self.offer(p, key, next) {
                Offer::Batch { bytes: more } if chosen.is_empty() || bytes + more <= limit => {
                    bytes += more;
                    chosen.push(key);
                    if self.lanes[key].has_more() {
                        self.lanes.list_again(id, key);
                    }
                }
                Offer::Batch { .. } => passed_over.push(key),
                Offer::Inquiry(about) => inquiries.push(about),
                Offer::Nothing => {}
            }
            if bytes >= limit {
                break;
            }
        }
        // Those that did not fit go before those that had their turn.
        for key in passed_over.into_iter().rev() {
            self.lanes.list_first(id, key);
        }
    }

    /// Whether what is due for this broker waits for other batches to become due.
    pub(crate) fn hold_back_for_others(&mut self, p: &mut Peers<'_>, id: NodeId) -> bool {
        // What was found the last time may not hold any more.
        self.survey.end();
        let hold = p.cx.settings.accumulator.linger.min(HOLD_MAX);
        let hurry = p.cx.accumulator.waiting() > 0 && self.is_awaited(p, id);
        if hold.is_zero() || hurry || !self.coalescer.comes_soon() {
            return false;
        }
        // Half of its partitions: all of them would have to wait for the slowest.
        let enough = (self.lanes.led_by(id) / 2).clamp(1, BATCHES);
        let few = self.survey_few(p, id, enough);
        let waits_until = self.coalescer.wait(id, few, hold, p.cx.now);
        if let Some(until) = waits_until {
            p.cx.timers.arm(Timer::Coalesce(id), until);
            p.cx.accumulator.doorbell().ring_after(enough - 1);
        }
        waits_until.is_some()
    }

    /// Whether callers wait for memory that batches of this broker hold, or for its answers.
    fn is_awaited(&self, p: &Peers<'_>, id: NodeId) -> bool {
        let account = self.lanes.accounts().of(Some(id));
        account.waiting() > 0 || p.cx.accumulator.is_awaited(account)
    }

    /// Whether fewer lanes of a broker than so many have something to send. Those that have nothing leave
    /// its list, so that they ring when they have. One that has to send something again waits for nobody.
    fn survey_few(&mut self, p: &mut Peers<'_>, id: NodeId, enough: usize) -> bool {
        let mut ready = 0;
        self.survey.begin(self.identity);
        while ready < enough
            && let Some(key) = self.lanes.next_turn(id)
        {
            let next = self.next(p, key);
            let worth = match next {
                Next::Take => match self.lanes[key].poll_ready(p.cx.now) {
                    Readiness::Ready => 1,
                    Readiness::Lingering { until } => {
                        self.linger(p.cx, key, until);
                        0
                    }
                    Readiness::Empty => 0,
                },
                // Whatever is to be done about them is not put off.
                _ => enough,
            };
            if worth > 0 {
                self.survey.note(key, next);
            }
            ready += worth;
        }
        for key in self.survey.lanes().rev() {
            self.lanes.list_first(id, key);
        }
        ready < enough
    }

    /// What a lane can do next.
    pub(super) fn next(&self, p: &Peers<'_>, key: LaneKey) -> Next {
        let window = p.cx.settings.max_in_flight;
        self.lanes[key].next(&self.memory(), &self.identity, window)
    }

    /// Brings a lane's next batch to its front, if it may be sent now.
    fn offer(&mut self, p: &mut Peers<'_>, key: LaneKey, next: Next) -> Offer {
        let transactional = p.transactions.are_enabled();
        match next {
            Next::Resend => self.sendable(key),
            // A broker remembers a producer while it has a transaction open there; and with the policy
            // `resend` no leader is asked.
            Next::MayBeForgotten | Next::NeedsNewId
                if transactional || p.cx.settings.unresolved == UnresolvedPolicy::Resend =>
            {
                self.sendable(key)
            }
            Next::MayBeForgotten => {
                self.lanes[key].may_be_forgotten(p.cx);
                self.offer_anew(p, key)
            }
            Next::NeedsNewId => {
                self.lanes[key].start_new_id(p.cx, &mut self.identity);
                self.offer_renumbered(p, key)
            }
            Next::Take => self.take(p, key),
            // Its coordinator gives out the next epoch, when the transaction has ended.
            Next::NeedsNewEpoch if transactional => Offer::Nothing,
            Next::NeedsNewEpoch => self.offer_under_new_epoch(p, key),
            Next::NeedsInquiry => self.inquire(p, key).map_or(Offer::Nothing, Offer::Inquiry),
            Next::WaitUntil(until) => {
                p.cx.timers.arm(Timer::Retry(key), until);
                Offer::Nothing
            }
            Next::WaitForIdentity => self.wait_for_identity(p),
            Next::WaitForAnswer => Offer::Nothing,
        }
    }

    /// The same for a lane that has just been changed.
    fn offer_anew(&mut self, p: &mut Peers<'_>, key: LaneKey) -> Offer {
        let next = self.next(p, key);
        self.offer(p, key, next)
    }

    fn offer_under_new_epoch(&mut self, p: &mut Peers<'_>, key: LaneKey) -> Offer {
        let memory = self.memory();
        if let Some(serial) = self.lanes[key].prepare_renumbering(p.cx, &memory) {
            let about = BatchRef { lane: key, serial };
            self.check_topic(p, about, Evidence::Gap);
            return Offer::Nothing;
        }
        self.lanes[key].start_new_epoch(p.cx, &mut self.identity);
        self.offer_renumbered(p, key)
    }

    fn offer_renumbered(&mut self, p: &mut Peers<'_>, key: LaneKey) -> Offer {
        // With an epoch in hand the lane goes on at once; without, it waits for the answer.
        match self.identity.producer() {
            Some(_) => self.offer_anew(p, key),
            None => self.wait_for_identity(p),
        }
    }

    /// Makes sure that an id is asked for, also if that was given up.
    fn wait_for_identity(&mut self, p: &mut Peers<'_>) -> Offer {
        if let Some(at) = self.identity.rouse() {
            p.cx.timers.arm(Timer::Identity, at);
        }
        Offer::Nothing
    }

    /// Takes a new batch, if the transaction lets it and the queue has one.
    fn take(&mut self, p: &mut Peers<'_>, key: LaneKey) -> Offer {
        let lane = &mut self.lanes[key];
        let now = p.cx.now;
        let mut seen = None;
        let has_batch = || *seen.insert(lane.poll_ready(now)) == Readiness::Ready;
        if !p.transactions.maybe_add_partition(key, has_batch) {
            if let Some(Readiness::Lingering { until }) = seen {
                self.linger(p.cx, key, until);
            }
            return Offer::Nothing;
        }
        let writer = lane.writer(&self.identity);
        let follows = lane.in_flight() > 0;
        let is_first = !lane.is_numbered();
        let append = match lane.take(writer, now) {
            Ok(append) => append,
            Err(Some(until)) => {
                self.linger(p.cx, key, until);
                return Offer::Nothing;
            }
            // The queue rings again.
            Err(None) => return Offer::Nothing,
        };
        if is_first && p.transactions.are_enabled() {
            self.lanes.note_numbered(key);
        }
        if writer.is_none() || self.memory().keeps(append) {
            return self.sendable(key);
        }
        // It is too old to be remembered, and goes when those before it are answered: else a broker could
        // append it, forget the producer, and then take later batches without the earlier ones.
        match follows {
            true => Offer::Nothing,
            false => self.offer_anew(p, key),
        }
    }

    /// The oldest batch of a lane that may be sent.
    fn sendable(&self, key: LaneKey) -> Offer {
        match self.lanes[key].sendable_bytes() {
            Some(bytes) => Offer::Batch {
                bytes: bytes + BATCH_HEADER_BYTES,
            },
            None => Offer::Nothing,
        }
    }

    /// Sends the oldest batches of these lanes in one request.
    fn send(&mut self, p: &mut Peers<'_>, id: NodeId, keys: &[LaneKey]) {
        let Some(version) = self.version_for(p, id, keys) else {
            return self.refuse_unspeakable(p, id, keys);
        };
        let mut batches = Vec::with_capacity(keys.len());
        let mut sent = Vec::with_capacity(keys.len());
        for &lane in keys {
            if let Some((serial, batch)) = self.lanes[lane].send(id, p.cx.now) {
                batches.push(batch);
                sent.push(BatchRef { lane, serial });
                self.note_traffic(p, lane);
            }
        }
        let cx = &mut *p.cx;
        self.measure_unless_compressed(cx, &sent);
        self.coalescer.sent(cx.now, batches.len());
        let Some(correlation_id) = p.nodes.begin_produce(cx, id, version, sent) else {
            return;
        };
        let acks = cx.settings.guarantee.acks();
        let timeout_ms = cx.settings.request_timeout.as_millis();
        let produce = PendingProduce {
            version,
            correlation_id,
            client_id: Arc::clone(&cx.settings.client_id),
            transactional_id: p.transactions.id().cloned(),
            acks: acks.code(),
            timeout_ms: i32::try_from(timeout_ms).unwrap_or(i32::MAX),
            batches,
        };
        let confirm = match acks {
            Acks::None => Confirm::Written,
            _ => Confirm::Answered,
        };
        let outgoing = Outgoing {
            correlation_id,
            confirm,
            payload: Payload::Produce(produce),
        };
        cx.actions.push_back(Action::Send(id, outgoing));
    }

    /// Topics are named by id only if every id is known.
    fn version_for(&self, p: &Peers<'_>, id: NodeId, keys: &[LaneKey]) -> Option<Version> {
        let mut ids = keys.iter().map(|&key| self.lanes[key].topic_id());
        let latest = match p.transactions.version() {
            Some(TransactionVersion::One) => LAST_BEFORE_IMPLICIT_ADDS,
            _ if ids.any(|id| id == Uuid::ZERO) => FIRST_WITH_TOPIC_IDS - 1,
            _ => i16::MAX,
        };
        p.nodes.newest_to::<ProduceRequest>(id, latest)
    }

    /// Ends what waits in these lanes: their leader takes batches, but none in a version that can name
    /// their topics or belong to their transaction.
    fn refuse_unspeakable(&mut self, p: &mut Peers<'_>, id: NodeId, keys: &[LaneKey]) {
        let Some(unsupported) = p.nodes.unsupported::<ProduceRequest>(id) else {
            return;
        };
        for &key in keys {
            let cause = || Cause::Unsupported(unsupported.clone());
            self.lanes[key].fail_unsent(p.cx, &cause);
        }
    }
}
