//! What is known of the cluster's topics, which callers wait for one, and when metadata is requested.
//!
//! A request for what is missing (a topic, a partition, a leader), or because a broker says that it does not lead a
//! partition, names only those topics, so that it costs the same however many are known. Every topic that was
//! written to within `metadata.max.idle.ms` is requested when a broker was lost, and after
//! `metadata.max.age.ms`.
//! `updates.rs` says when; `metadata/apply.rs` applies an answer, `metadata/publish.rs` shows callers
//! what has changed, and `metadata/weigh.rs` how busy partitions are.

mod apply;
pub(crate) mod place;
mod publish;
mod scales;
mod weigh;

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

/// The known metadata, and what is missing of it.
#[derive(Debug)]
pub(crate) struct Metadata {
    topics: BTreeMap<Arc<str>, TopicEntry>,
    updates: Updates,
    /// What went wrong last, for the error of a caller that waits for too long.
    last_obstacle: Option<WaitReason>,
    scales: scales::Scales,
}

impl Metadata {
    /// Knows nothing yet; requests are at least `backoff` apart.
    pub(crate) fn new(backoff: BackoffRange) -> Self {
        Self {
            topics: BTreeMap::new(),
            updates: Updates::new(backoff),
            last_obstacle: None,
            scales: scales::Scales::default(),
        }
    }

    /// Whether anybody writes to a topic, or waits for one.
    pub(crate) fn has_topics(&self) -> bool {
        !self.topics.is_empty()
    }

    /// What went wrong since the last metadata, if anything.
    pub(crate) fn obstacle(&self) -> Option<&WaitReason> {
        self.last_obstacle.as_ref()
    }

    /// Something keeps the producer from learning about the cluster.
    pub(crate) fn note_obstacle(&mut self, obstacle: WaitReason) {
        self.last_obstacle = Some(obstacle);
    }

    /// The leaders of the partitions of a topic, one for each; `None` if it is not known, or one has none.
    pub(crate) fn leaders(&self, topic: &str, lanes: &Lanes) -> Option<Vec<NodeId>> {
        let partitions = self.topics.get(topic)?.partitions()?;
        let leaders = partitions.with_leaders(lanes);
        leaders.map(|(leader, _)| leader).collect()
    }

    /// The lane of a queue, which is made when the queue is first used. A queue that was closed before
    /// anything was written to it has none.
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
    /// Lets a caller wait for a topic, unless it need not, and requests the topic's metadata.
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

    /// Fails all callers that wait, and forgets the topics that only they wanted.
    pub(crate) fn refuse_waiters(&mut self, cx: &mut Context, error: &SendError) {
        for entry in self.topics.values_mut() {
            let waiters = entry.waiters_mut();
            waiters.refuse(|| error.clone(), &mut cx.notices);
        }
        self.forget_unwanted(cx);
    }

    /// Does what is due: fails the callers whose time is over, because of `last`, and requests metadata
    /// that is too old.
    pub(crate) fn due(&mut self, cx: &mut Context, last: Option<&WaitReason>) {
        let max_age = max_age(&cx.settings);
        self.expire_waiters(cx, last);
        self.forget_unwanted(cx);
        self.updates.age(cx.now, max_age);
        // What is due already is done as soon as a broker can be asked.
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

/// Requests.
impl Metadata {
    /// What is known of any topic may have changed: requests all.
    pub(crate) fn request_update(&mut self) {
        self.updates.request_all();
    }

    /// Something about this topic is missing: requests it.
    pub(crate) fn request_topic(&mut self, topic: &Arc<str>) {
        self.updates.request(topic);
    }

    /// The leaders of this topic may have moved: requests it.
    pub(crate) fn request_anew(&mut self, topic: &Arc<str>) {
        if self.topics.contains_key(topic) {
            self.updates.request_anew(topic);
        }
    }

    /// When the next request may be sent, if one is to be.
    pub(crate) fn next_request(&self, now: Instant) -> Option<Instant> {
        self.updates.next(now)
    }

    /// Whether the next request names every topic in use, so that unused ones should be forgotten first.
    pub(crate) fn asks_for_all_next(&self) -> bool {
        self.updates.scope() != Scope::Some
    }

    /// Sends a broker the next request.
    pub(crate) fn ask(&mut self, cx: &mut Context, nodes: &mut Nodes, id: NodeId) -> Sent {
        let Some(version) = nodes.newest::<MetadataRequest>(id) else {
            return Ok(());
        };
        let scope = self.updates.scope();
        if scope != Scope::Some {
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

    /// The topics that a request of this scope names.
    fn names(&self, scope: Scope) -> Vec<Arc<str>> {
        match scope {
            Scope::Some => self.updates.some().cloned().collect(),
            Scope::Everything | Scope::Aged => self
                .topics
                .iter()
                .filter(|(_, entry)| entry.is_wanted())
                .map(|(name, _)| Arc::clone(name))
                .collect(),
        }
    }

    /// The request was not answered and must be sent again.
    pub(crate) fn failed(&mut self, cx: &mut Context) {
        self.updates.failed(cx.now, &mut cx.random);
    }

    /// No metadata came from the broker that was asked, or there is no broker left to ask.
    pub(crate) fn note_unheard(&mut self, now: Instant) {
        self.updates.note_unheard(now);
    }
}

/// Returning to the bootstrap servers (KIP-899, KIP-1102).
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

    /// Restarts the time that is measured without metadata.
    pub(crate) fn begin_rebootstrap(&mut self) {
        self.updates.note_heard();
    }

    /// No broker is known any more, so no partition has a known leader.
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

/// Topics that are not used any more.
impl Metadata {
    /// Forgets missing topics that nobody waits for.
    fn forget_unwanted(&mut self, cx: &mut Context) {
        let topics = &self.topics;
        let wanted = |name: &Arc<str>| topics.get(name).is_some_and(TopicEntry::is_wanted);
        let missing = self.updates.missing();
        let unwanted = missing.filter(|name| !wanted(name)).cloned();
        let unwanted: Vec<_> = unwanted.collect();
        cx.metrics.forget_topics(&unwanted);
        for name in unwanted {
            self.forget(&name, cx.now);
        }
    }

    fn forget(&mut self, topic: &Arc<str>, now: Instant) {
        self.topics.remove(topic);
        self.updates.remove(topic, now);
    }

    /// The topics that nobody waits for, that have not changed since then, and whose lanes are all idle.
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

    /// Forgets a topic if all of its partitions are idle, or else those that are. Returns their lanes.
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
            // One was written to just now; the queues that were closed before it are replaced.
            known.replace_row(idle..known.len(), known.len(), &closed, cx.now);
        }
        left
    }
}

/// `metadata.max.age.ms`, but not less than `retry.backoff.ms`.
fn max_age(settings: &Settings) -> Duration {
    let least = settings.retry_backoff.initial.max(LEAST_AGE);
    settings.metadata_max_age.max(least)
}

/// Metadata younger than this is not too old, even with `retry.backoff.ms=0`.
const LEAST_AGE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
