//! What is known of the cluster's topics, who waits for one, and when more is asked for.
//!
//! What was never told (a topic, a partition, a leader) is asked about alone, so that a new topic costs
//! the same however many are known. All are asked about when leaders may have moved, and when
//! `metadata.max.age.ms` is over: every topic that was written to within `metadata.max.idle.ms`.
//! `updates.rs` says when; what an answer means is in `metadata/apply.rs`, and what callers see of it in
//! `metadata/publish.rs`.

mod apply;
mod publish;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::Queue;
use kafka_wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};

use crate::engine::cluster::disconnected::Sent;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::cluster::topic_entry::TopicEntry;
use crate::engine::cluster::topic_waiters::{Admitted, Waiter};
use crate::engine::cluster::updates::{Scope, Updates};
use crate::engine::context::Context;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::partitions::Partitions;
use crate::engine::produce::row::closed_queue;
use crate::engine::timers::Timer;
use crate::error::{DeliveryError, SendError, WaitReason};
use crate::settings::{BackoffRange, MetadataRecovery, Settings};

/// What is known and wanted of the cluster's metadata.
#[derive(Debug)]
pub(crate) struct Metadata {
    topics: BTreeMap<Arc<str>, TopicEntry>,
    updates: Updates,
    /// What went wrong last, for the message of a caller that waits in vain.
    last_obstacle: Option<WaitReason>,
}

impl Metadata {
    /// Nothing; between requests there is `backoff`.
    pub(crate) fn new(backoff: BackoffRange) -> Self {
        Self {
            topics: BTreeMap::new(),
            updates: Updates::new(backoff),
            last_obstacle: None,
        }
    }

    /// Whether anybody writes to a topic, or waits for one.
    pub(crate) fn has_topics(&self) -> bool {
        !self.topics.is_empty()
    }

    /// What went wrong last, since metadata came.
    pub(crate) fn obstacle(&self) -> Option<&WaitReason> {
        self.last_obstacle.as_ref()
    }

    /// Something is in the way of learning about the cluster.
    pub(crate) fn note_obstacle(&mut self, obstacle: WaitReason) {
        self.last_obstacle = Some(obstacle);
    }

    /// The lane of a queue that has rung; made, if it is the first time. None has a queue that was
    /// closed before anything was written to it.
    pub(crate) fn lane_for(
        &mut self,
        queue: &Arc<Queue<DeliveryError>>,
        lanes: &mut Lanes,
        now: Instant,
    ) -> Option<LaneKey> {
        let known = LaneKey::of(queue).filter(|key| {
            let lane = lanes.get(*key);
            lane.is_some_and(|lane| lane.is_filled_by(queue))
        });
        if known.is_some() {
            return known;
        }
        let partitions = self.topics.get_mut(queue.topic())?.partitions_mut()?;
        partitions.make_lane(queue, lanes, now)
    }
}

/// Callers that wait for topics.
impl Metadata {
    /// Lets a caller wait for a topic, unless it need not. One that nobody has written to yet is asked
    /// about.
    pub(crate) fn wait_for(&mut self, cx: &mut Context, name: &Arc<str>, waiter: Waiter) {
        let deadline = waiter.deadline;
        match self.entry(cx, name).admit(waiter) {
            Admitted::Served(waiter) => cx.notices.push(waiter.answer(Ok(()))),
            Admitted::Waits => {
                cx.timers.arm(Timer::Metadata, deadline);
                self.updates.request(name);
            }
        }
    }

    fn entry(&mut self, cx: &mut Context, name: &Arc<str>) -> &mut TopicEntry {
        let seed = cx.random.u64(..);
        self.topics.entry(Arc::clone(name)).or_insert_with(|| {
            self.updates.add(name, cx.now);
            TopicEntry::new(seed)
        })
    }

    /// Ends the wait of all callers. What they alone have asked for is not asked about any more.
    pub(crate) fn refuse_waiters(&mut self, cx: &mut Context, error: &SendError) {
        for entry in self.topics.values_mut() {
            let waiters = entry.waiters_mut();
            waiters.refuse(|| error.clone(), &mut cx.notices);
        }
        self.forget_unwanted(cx.now);
    }

    /// Looks at what became due: the ends of waits, for which `last` is in the way, and the age of what is
    /// known.
    pub(crate) fn due(&mut self, cx: &mut Context, last: Option<&WaitReason>) {
        let max_age = max_age(&cx.settings);
        self.expire_waiters(cx, last);
        self.forget_unwanted(cx.now);
        self.updates.age(cx.now, max_age);
        // What is due already is seen to as soon as a broker can be asked.
        let waits = self.missing_entries().map(TopicEntry::waiters);
        let deadlines = waits.flat_map(|waiters| waiters.deadlines());
        let deadlines = deadlines.filter(|at| *at > cx.now);
        let next = self.updates.next_due(cx.now, max_age);
        if let Some(at) = deadlines.chain(next).min() {
            cx.timers.arm(Timer::Metadata, at);
        }
    }

    fn missing_entries(&self) -> impl Iterator<Item = &TopicEntry> {
        let missing = self.updates.missing();
        missing.filter_map(|name| self.topics.get(name))
    }

    fn expire_waiters(&mut self, cx: &mut Context, last: Option<&WaitReason>) {
        for name in self.updates.missing() {
            if let Some(entry) = self.topics.get_mut(name) {
                let partitions = entry.writable_partitions();
                let waiters = entry.waiters_mut();
                waiters.expire(name, partitions, cx.now, last, &mut cx.notices);
            }
        }
    }
}

/// Asking.
impl Metadata {
    /// What is known may have changed: all topics are to be asked about.
    pub(crate) fn request_update(&mut self) {
        self.updates.request_all();
    }

    /// Something is missing of this topic: it is to be asked about.
    pub(crate) fn request_topic(&mut self, topic: &Arc<str>) {
        self.updates.request(topic);
    }

    /// When the next request may be sent, if one is to be.
    pub(crate) fn next_request(&self, now: Instant) -> Option<Instant> {
        self.updates.next(now)
    }

    /// Whether the next request is about every topic in use: so those that are not are better forgotten.
    pub(crate) fn asks_for_all_next(&self) -> bool {
        self.updates.scope() != Scope::Missing
    }

    /// Asks a broker for what is wanted.
    pub(crate) fn ask(&mut self, cx: &mut Context, nodes: &mut Nodes, id: NodeId) -> Sent {
        let Some(version) = nodes.newest::<MetadataRequest>(id) else {
            return Ok(());
        };
        let scope = self.updates.scope();
        if scope != Scope::Missing {
            let aged = cx.now + max_age(&cx.settings);
            cx.timers.arm(Timer::Metadata, aged);
        }
        let names = self.names(scope);
        let topics = names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(name.to_string())));
        let request = MetadataRequest::default()
            .with_topics(Some(topics.collect()))
            .with_allow_auto_topic_creation(true);
        self.updates.asked(scope, cx.now, &mut cx.random);
        let expected = ExpectedResponse::Metadata { topics: names };
        nodes.ask(cx, id, version, &request, expected)
    }

    /// The topics that such a request names.
    fn names(&self, scope: Scope) -> Vec<Arc<str>> {
        match scope {
            Scope::Missing => self.updates.missing().cloned().collect(),
            Scope::Everything | Scope::Aged => self
                .topics
                .iter()
                .filter(|(_, entry)| entry.is_wanted())
                .map(|(name, _)| Arc::clone(name))
                .collect(),
        }
    }

    /// The request was not answered: it is to be sent again.
    pub(crate) fn failed(&mut self, cx: &mut Context) {
        self.updates.failed(cx.now, &mut cx.random);
    }

    /// No metadata came from where it was asked for, or nobody is left to ask.
    pub(crate) fn note_unheard(&mut self, now: Instant) {
        self.updates.note_unheard(now);
    }
}

/// Beginning anew with the bootstrap servers (KIP-899, KIP-1102).
impl Metadata {
    /// Whether there was no metadata for `metadata.recovery.rebootstrap.trigger.ms`.
    pub(crate) fn must_rebootstrap(&self, cx: &Context) -> bool {
        match cx.settings.metadata_recovery {
            MetadataRecovery::Rebootstrap { trigger } => {
                self.updates.are_unheard_for(trigger, cx.now)
            }
            MetadataRecovery::None => false,
        }
    }

    /// From now on it counts anew how long there has been no metadata.
    pub(crate) fn begin_rebootstrap(&mut self) {
        self.updates.note_heard();
    }

    /// No broker is known any more that a partition could be led by.
    pub(crate) fn forget_leaders(&mut self, lanes: &mut Lanes) {
        lanes.forget_leaders();
        for entry in self.topics.values_mut() {
            if let Some(partitions) = entry.partitions_mut() {
                partitions.forget_leaders();
            }
        }
        self.updates.request_all();
    }
}

/// Forgetting.
impl Metadata {
    /// Forgets the topics that nobody waits for and that never existed.
    fn forget_unwanted(&mut self, now: Instant) {
        let topics = &self.topics;
        let wanted = |name: &Arc<str>| topics.get(name).is_some_and(TopicEntry::is_wanted);
        let missing = self.updates.missing();
        let unwanted = missing.filter(|name| !wanted(name)).cloned();
        for name in unwanted.collect::<Vec<_>>() {
            self.forget(&name, now);
        }
    }

    /// Nobody waits for this topic any more, or writes to it.
    fn forget(&mut self, topic: &Arc<str>, now: Instant) {
        self.topics.remove(topic);
        self.updates.remove(topic, now);
    }

    /// The topics that nobody waits for, and that nothing has been known or written of since then, as
    /// `is_idle` tells of the lanes.
    pub(crate) fn idle_since(
        &self,
        since: Instant,
        is_idle: impl Fn(LaneKey) -> bool,
    ) -> Vec<Arc<str>> {
        let unused = |known: &Partitions| known.since() <= since && known.lanes().all(&is_idle);
        let topics = self.topics.iter();
        let idle = topics.filter(|(_, entry)| {
            entry.waiters().is_empty() && entry.partitions().is_some_and(unused)
        });
        idle.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Lets go of an idle topic, or of those of its partitions that are; the lanes, which are no
    /// partition's any more.
    pub(crate) fn forget_idle(
        &mut self,
        cx: &Context,
        lanes: &Lanes,
        name: &Arc<str>,
    ) -> Vec<LaneKey> {
        let entry = self.topics.get_mut(name);
        let Some(known) = entry.and_then(TopicEntry::partitions_mut) else {
            return Vec::new();
        };
        let closed = closed_queue(&cx.accumulator, name);
        let idle = known.row().close_idle(&closed);
        let left = known.leave_lanes(idle, lanes);
        if idle == known.len() {
            self.forget(name, cx.now);
        } else {
            // Somebody has just written to one: those that are closed are replaced.
            known.replace_row(idle..known.len(), known.len(), &closed, cx.now);
        }
        left
    }
}

/// `metadata.max.age.ms`; nobody is asked more often than after `retry.backoff.ms`.
fn max_age(settings: &Settings) -> Duration {
    let least = settings.retry_backoff.initial.max(LEAST_AGE);
    settings.metadata_max_age.max(least)
}

/// Metadata younger than this is not asked for anew, with `retry.backoff.ms=0` either.
const LEAST_AGE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
