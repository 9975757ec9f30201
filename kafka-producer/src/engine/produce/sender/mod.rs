//! Java's `Sender`, without its thread: it sends batches and learns what became of them.
//!
//! It owns the lanes, the identity that their batches are numbered under, and what decides when a batch
//! leaves. Which lanes go into the next request is in `drain.rs`, what became of a request in
//! `response.rs`; what a lane does about its own batches is decided there (`lane`). Here is what wakes
//! it: queues that rang, timers, callers who flush or give up.

pub(crate) mod blocked;
mod codec;
mod drain;
mod explain;
mod identify;
mod measure;
mod reason;
mod response;
mod retire;
mod unresolved;
mod weigh;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Completion, Queue, Readiness};
use kafka_wire::{Request, Version};

use crate::engine::cluster::disconnected::Unsent;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::metadata::Metadata;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::identity::{Identity, NextTry};
use crate::engine::produce::coalesce::{Coalescer, Survey};
use crate::engine::produce::expiration::{BrokerMemory, Expiration};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::{Lanes, Listed};
use crate::engine::produce::traffic::Traffic;
use crate::engine::timers::Timer;
use crate::engine::transaction::Transactions;
use crate::error::{Cause, DeliveryError, WaitReason};
use crate::settings::Guarantee;

/// What sends batches and learns what became of them.
#[derive(Debug)]
pub(crate) struct Sender {
    lanes: Lanes,
    identity: Identity,
    /// Why there is no producer id, if a broker has refused it for now.
    identity_refusal: Option<WaitReason>,
    expiration: Expiration,
    coalescer: Coalescer,
    /// Lanes whose open batch was seen before it was due.
    lingering: BTreeSet<LaneKey>,
    /// Brokers for which something has changed.
    stirred: Vec<NodeId>,
    /// Requests that could not be sent.
    unsent: Vec<Unsent>,
    survey: Survey,
    traffic: Traffic,
    /// Kept to be filled again: the lanes of a request.
    chosen: Vec<LaneKey>,
    /// Kept to be filled again.
    rung: Vec<Arc<Queue<DeliveryError>>>,
}

/// The other owners that the sender's decisions concern.
pub(crate) struct Peers<'a> {
    pub(crate) cx: &'a mut Context,
    pub(crate) nodes: &'a mut Nodes,
    pub(crate) metadata: &'a mut Metadata,
    pub(crate) transactions: &'a mut Transactions,
}

impl Sender {
    pub(crate) fn new(cx: &Context) -> Self {
        let identity = match cx.settings.guarantee {
            Guarantee::Plain(_) => Identity::NotNeeded,
            Guarantee::Idempotent | Guarantee::Transactional(_) => {
                Identity::Missing(NextTry::first(cx.now))
            }
        };
        Self {
            lanes: Lanes::new(Arc::clone(&cx.accumulator)),
            identity,
            identity_refusal: None,
            expiration: Expiration::new(cx.settings.producer_id_expiration, cx.now),
            coalescer: Coalescer::new(cx.now),
            lingering: BTreeSet::new(),
            stirred: Vec::new(),
            unsent: Vec::new(),
            survey: Survey::default(),
            traffic: Traffic::default(),
            chosen: Vec::new(),
            rung: Vec::new(),
        }
    }

    pub(crate) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// Why nobody gave a producer id, when that was asked for last.
    pub(crate) fn identity_refusal(&self) -> Option<&WaitReason> {
        self.identity_refusal.as_ref()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What a coordinator gives out, and what it numbers.
    pub(crate) fn numbering(&mut self) -> (&mut Lanes, &mut Identity) {
        (&mut self.lanes, &mut self.identity)
    }

    pub(crate) fn expiration(&mut self) -> &mut Expiration {
        &mut self.expiration
    }

    /// Sends a broker a request other than of batches; if it cannot be sent, its owner is told in time.
    pub(super) fn ask<R: Request>(
        &mut self,
        p: &mut Peers<'_>,
        id: NodeId,
        version: Version,
        request: &R,
        expected: ExpectedResponse,
    ) {
        let sent = p.nodes.ask(p.cx, id, version, request, expected);
        self.unsent.extend(sent.err());
    }

    /// A request that could not be sent, for its owner to be told.
    pub(crate) fn take_unsent(&mut self) -> Option<Unsent> {
        self.unsent.pop()
    }

    /// What brokers remember now.
    pub(super) fn memory(&self) -> BrokerMemory {
        self.expiration.memory()
    }

    /// Whether queues may have filled without ringing.
    pub(crate) fn awaits_others(&self) -> bool {
        self.coalescer.is_waiting()
    }

    /// From now on a queue rings for each batch that is opened or filled, so that nothing is missed when the
    /// lists are read after this.
    pub(crate) fn withdraw_alarm(&mut self, cx: &Context) {
        self.coalescer.attended();
        cx.accumulator.doorbell().withdraw_alarm();
    }

    /// The producer is being closed: nothing waits for others any more.
    pub(crate) fn stop_coalescing(&mut self) {
        self.coalescer.stop();
    }

    /// While a batch lingers, a timer wakes the engine within a linger: a batch that is opened meanwhile
    /// lingers at least as long and need not ring.
    pub(crate) fn announce_alarm(&self, cx: &Context) {
        if !self.lingering.is_empty() {
            cx.accumulator.doorbell().announce_alarm();
        }
    }

    /// Looks at the queues that rang.
    pub(crate) fn look_at_rung(&mut self, p: &mut Peers<'_>) {
        let mut rung = std::mem::take(&mut self.rung);
        p.cx.accumulator.take_rung(&mut rung);
        for queue in rung.drain(..) {
            if let Some(key) = p.metadata.lane_for(&queue, &mut self.lanes, p.cx.now) {
                self.look_at_queue(p, key);
            }
        }
        self.rung = rung;
    }

    /// What holds memory that callers wait for does not linger.
    pub(crate) fn hurry(&mut self, p: &mut Peers<'_>) {
        if p.cx.accumulator.waiting() == 0 {
            return;
        }
        let (lanes, now) = (&self.lanes, p.cx.now);
        let lingering = self.lingering.iter().copied();
        let due = lingering.filter(|&key| lanes[key].poll_ready(now) == Readiness::Ready);
        for key in due.collect::<Vec<_>>() {
            self.lingering.remove(&key);
            self.look_at_queue(p, key);
        }
    }

    /// Sees what a queue holds; it will not ring again before that changes.
    pub(crate) fn look_at_queue(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        let lane = &self.lanes[key];
        match lane.poll_ready(p.cx.now) {
            // What rang was taken already, when its lane had its turn.
            Readiness::Empty if lane.has_slots() => {}
            Readiness::Empty => return,
            Readiness::Lingering { until } => self.linger(p.cx, key, until),
            Readiness::Ready => self.list(p, key),
        }
        self.lanes.note_batches(key);
        self.watch_wait(p.cx, key);
        self.watch_expiry(p.cx, key);
    }

    /// The open batch of a lane has lingered long enough.
    pub(crate) fn linger_is_over(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        self.lingering.remove(&key);
        self.look_at_queue(p, key);
    }

    /// Comes back when the open batch is due.
    pub(super) fn linger(&mut self, cx: &mut Context, key: LaneKey, until: Instant) {
        cx.timers.arm(Timer::Linger(key), until);
        self.lingering.insert(key);
    }

    /// Puts a lane on its leader's list, unless it stands there.
    pub(crate) fn list(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        match self.lanes.list(key, |leader| p.nodes.knows(leader)) {
            Listed::At(leader) => self.stir(leader),
            Listed::Leaderless => p.metadata.request_topic(self.lanes[key].topic()),
            Listed::Retired => {}
        }
    }

    /// A lane has another leader, or one that was elected again: lists it there.
    pub(crate) fn follow_election(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        if self.lanes.is_unlisted(key) {
            self.list(p, key);
        }
    }

    /// Something changed for this broker: what can be sent is looked at.
    pub(crate) fn stir(&mut self, node: NodeId) {
        if !self.stirred.contains(&node) {
            self.stirred.push(node);
        }
    }

    /// Takes a broker for which something has changed.
    pub(crate) fn take_stirred(&mut self) -> Option<NodeId> {
        self.stirred.pop()
    }

    pub(crate) fn is_stirred(&self) -> bool {
        !self.stirred.is_empty()
    }

    /// Makes sure that the oldest record of a lane is looked at when its time is up.
    fn watch_expiry(&self, cx: &mut Context, key: LaneKey) {
        if let Some(created) = self.lanes[key].oldest_created() {
            let at = created + cx.settings.delivery_timeout;
            cx.timers.arm(Timer::Expiry(key), at);
        }
    }

    /// Gives up what is older than `delivery.timeout.ms`, sent or not.
    pub(crate) fn expire(&mut self, p: &mut Peers<'_>, key: LaneKey) {
        let limit = p.cx.settings.delivery_timeout;
        let Some(created_before) = p.cx.now.checked_sub(limit) else {
            return;
        };
        if self.lanes[key].has_expired(created_before) {
            let waited = self.lane_obstacle(p, key);
            self.lanes[key].expire(p.cx, created_before, &waited);
        }
        self.watch_expiry(p.cx, key);
        self.list(p, key);
    }

    /// Looks at the queues that rang; returns the lanes that have batches then, taken or not.
    pub(crate) fn take_stock(&mut self, p: &mut Peers<'_>) -> Vec<LaneKey> {
        self.look_at_rung(p);
        self.lanes.sort_out_busy()
    }

    /// Every lane that has batches may have something to send.
    pub(crate) fn list_all(&mut self, p: &mut Peers<'_>) {
        for key in self.take_stock(p) {
            self.list(p, key);
        }
    }

    /// Makes everything due now and lists the batches that have no outcome.
    pub(crate) fn flush(&mut self, p: &mut Peers<'_>) -> Vec<Arc<Completion<DeliveryError>>> {
        let mut undecided = Vec::new();
        for key in self.take_stock(p) {
            if self.lanes[key].flush(&mut undecided) {
                self.look_at_queue(p, key);
            }
        }
        undecided
    }

    /// How many records have no outcome.
    pub(crate) fn undecided(&mut self, p: &mut Peers<'_>) -> u64 {
        let busy = self.take_stock(p).into_iter();
        busy.map(|key| self.lanes[key].records()).sum()
    }

    /// Ends every record that has no outcome.
    pub(crate) fn give_up(&mut self, p: &mut Peers<'_>, cause: impl Fn() -> Cause) {
        self.make_missing_lanes(p);
        for key in self.lanes.keys() {
            if self.lanes[key].has_batches() {
                let waited = self.lane_obstacle(p, key);
                self.lanes[key].give_up(p.cx, &cause, &waited);
            }
        }
    }

    /// Makes a lane for each queue that has records and none, also if it has not rung yet: a caller that has
    /// appended may be about to ring.
    fn make_missing_lanes(&mut self, p: &mut Peers<'_>) {
        for queue in p.cx.accumulator.queues() {
            if !queue.is_empty() {
                p.metadata.lane_for(&queue, &mut self.lanes, p.cx.now);
            }
        }
    }

    /// Ends what is not on its way, of all partitions or of those that a broker leads.
    pub(crate) fn fail_unsent(
        &mut self,
        p: &mut Peers<'_>,
        cause: impl Fn() -> Cause,
        led_by: Option<NodeId>,
    ) {
        for key in self.take_stock(p) {
            if led_by.is_none() || self.lanes[key].leader() == led_by {
                self.lanes[key].fail_unsent(p.cx, &cause);
                // Its queue rings again for what comes next.
                self.look_at_queue(p, key);
            }
        }
    }

    /// Ends what waits for a leader that nobody tells of.
    pub(crate) fn fail_leaderless(&mut self, p: &mut Peers<'_>, cause: impl Fn() -> Cause) {
        for key in self.take_stock(p) {
            if self.lanes[key].leader().is_none() {
                self.lanes[key].fail_unsent(p.cx, &cause);
                self.look_at_queue(p, key);
            }
        }
    }

    /// Ends what has not left its queue: its transaction is being aborted.
    pub(crate) fn drop_unsent(&mut self, p: &mut Peers<'_>) {
        for key in self.take_stock(p) {
            self.lanes[key].fail_queued(p.cx, &|| Cause::Aborted, &None);
        }
    }

    /// The driver has panicked: whatever was sent may be in the log.
    pub(crate) fn doubt_all_attempts(&mut self) {
        for key in self.lanes.keys() {
            self.lanes[key].doubt_all_attempts();
        }
    }

    /// Forgets lanes without batches, up to the first that has one; whether there is one.
    pub(crate) fn sort_out_idle(&mut self) -> bool {
        self.lanes.sort_out_first_busy()
    }

    /// Takes a lane out of use, and leaves the numbers of its batches behind.
    pub(super) fn retire(&mut self, p: &Peers<'_>, key: LaneKey) {
        let lane = &self.lanes[key];
        if !p.transactions.are_enabled()
            && let Some(producer) = lane.producer()
        {
            match lane.has_stray(producer, &self.memory()) {
                true => self.identity.leave_id(producer.id, p.cx.now),
                false => self.identity.leave(producer, p.cx.now),
            }
        }
        self.lingering.remove(&key);
        self.lanes.retire(key);
    }
}
