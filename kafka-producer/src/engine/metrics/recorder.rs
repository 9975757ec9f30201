//! What the engine records, when it happens. It finds the measurements of a topic or a broker by name, and notes
//! the same about the client as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use kafka_accumulator::Account;

use super::measurements::{Measurements, Part, lock};
use super::parts::{NodeMeasurements, TopicMeasurements};
use super::sent::{MS_PER_S, Sent, SentBatch, SentToTopic};
use super::traffic::Traffic;
use super::windows::Tally;

use crate::engine::cluster::node_id::NodeId;
use crate::settings::Sampling;

/// What writes to the measurements of a producer: one for each engine.
pub(crate) struct Recorder {
    sampling: Sampling,
    shared: Arc<Measurements>,
    topics: HashMap<Arc<str>, OfTopic>,
    /// What was sent to last: mostly the same is next.
    last_topic: Option<OfTopic>,
    nodes: BTreeMap<NodeId, Arc<Part<NodeId, NodeMeasurements>>>,
}

type OfTopic = Arc<Part<Arc<str>, TopicMeasurements>>;

/// How a login has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    Accepted,
    Refused,
    Renewed,
    NotRenewed,
}

impl Recorder {
    pub(crate) fn new(shared: Arc<Measurements>, sampling: Sampling, now: Instant) -> Self {
        // An engine has its measurements for itself.
        let _ = shared.begun.set(now);
        Self {
            sampling,
            shared,
            topics: HashMap::new(),
            last_topic: None,
            nodes: BTreeMap::new(),
        }
    }
}

/// Batches.
impl Recorder {
    /// These batches are sent in one request; those of a topic follow each other.
    pub(crate) fn sent<'a>(
        &mut self,
        now: Instant,
        batches: impl Iterator<Item = (&'a Arc<str>, SentBatch)>,
    ) {
        let mut request = Sent::request();
        let mut of_topic = SentToTopic::default();
        let mut before: Option<&Arc<str>> = None;
        for (topic, batch) in batches {
            request.note(&batch);
            if batch.attempts > 1 {
                self.retried(now, topic, batch.records);
            }
            if let Some(before) = before
                && before != topic
            {
                self.sent_to_topic(now, before, &of_topic);
                of_topic = SentToTopic::default();
            }
            of_topic.note(&batch);
            before = Some(topic);
        }
        if let Some(topic) = before {
            self.sent_to_topic(now, topic, &of_topic);
        }
        let mut client = lock(&self.shared.client);
        client.sent.add(now, self.sampling, &request);
        client.sent_records += request.records();
        client.take_in(self.shared.callers(), now, self.sampling);
    }

    fn sent_to_topic(&mut self, now: Instant, topic: &Arc<str>, sent: &SentToTopic) {
        let sampling = self.sampling;
        if let Some(part) = &self.last_topic
            && Arc::ptr_eq(&part.name, topic)
        {
            return lock(&part.measured).sent.add(now, sampling, sent);
        }
        let known = self.topics.get(topic).cloned();
        let part = known.unwrap_or_else(|| self.meet_topic(now, topic));
        lock(&part.measured).sent.add(now, sampling, sent);
        self.last_topic = Some(part);
    }

    #[cold]
    fn meet_topic(&mut self, now: Instant, topic: &Arc<str>) -> OfTopic {
        let part = Arc::new(Part {
            name: Arc::clone(topic),
            since: now,
            measured: Default::default(),
        });
        lock(&self.shared.topics).push(Arc::clone(&part));
        self.topics.insert(Arc::clone(topic), Arc::clone(&part));
        part
    }

    /// So many records are sent again.
    fn retried(&self, now: Instant, topic: &str, records: u32) {
        let sampling = self.sampling;
        if let Some(part) = self.topics.get(topic) {
            lock(&part.measured).retried(now, sampling, records.into());
        }
        let mut client = lock(&self.shared.client);
        client.retried.record(now, sampling, records.into());
    }

    /// So many records have failed.
    pub(crate) fn failed(&self, now: Instant, topic: &str, records: u32) {
        let sampling = self.sampling;
        if let Some(part) = self.topics.get(topic) {
            lock(&part.measured).failed(now, sampling, records.into());
        }
        let mut client = lock(&self.shared.client);
        client.failed.record(now, sampling, records.into());
    }

    /// A batch was split.
    pub(crate) fn split(&self, now: Instant) {
        let mut client = lock(&self.shared.client);
        client.split.record(now, self.sampling, 1.0);
    }

    /// Nothing more is sent to these topics for now, and what was is forgotten.
    pub(crate) fn forget_topics(&mut self, names: &[Arc<str>]) {
        let mut known = names.iter();
        if !known.any(|name| self.topics.contains_key(name)) {
            return;
        }
        self.last_topic = None;
        for name in names {
            self.topics.remove(name);
        }
        let most = 2 * self.topics.len();
        self.topics.shrink_to(most);
        let mut kept = lock(&self.shared.topics);
        kept.retain(|part| self.topics.contains_key(&part.name));
        kept.shrink_to(most);
    }
}

/// Brokers and their connections.
impl Recorder {
    /// A connection to a broker is open.
    pub(crate) fn opened(&mut self, now: Instant, id: NodeId) {
        self.meet_node(now, id);
        let mut client = lock(&self.shared.client);
        client.opened.record(now, self.sampling, 1.0);
    }

    /// The broker has a connection from now on, perhaps another's.
    pub(crate) fn meet_node(&mut self, now: Instant, id: NodeId) {
        if self.nodes.contains_key(&id) {
            return;
        }
        let part = Arc::new(Part {
            name: id,
            since: now,
            measured: Default::default(),
        });
        lock(&self.shared.nodes).push(Arc::clone(&part));
        self.nodes.insert(id, part);
    }

    /// A connection that was open is not any more, and so many requests on it will not be answered.
    pub(crate) fn closed(&self, now: Instant, unanswered: usize) {
        let in_flight = &self.shared.in_flight;
        in_flight.fetch_sub(unanswered as i64, Ordering::Relaxed);
        let mut client = lock(&self.shared.client);
        client.closed.record(now, self.sampling, 1.0);
    }

    /// Other brokers than these are not known any more.
    pub(crate) fn keep_nodes(&mut self, is_known: impl Fn(NodeId) -> bool) {
        if self.nodes.keys().all(|id| is_known(*id)) {
            return;
        }
        self.nodes.retain(|id, _| is_known(*id));
        lock(&self.shared.nodes).retain(|part| is_known(part.name));
    }

    /// There are no connections any more.
    pub(crate) fn ended(&self, now: Instant) {
        let mut client = lock(&self.shared.client);
        let (opened, closed) = (client.opened.total(), client.closed.total());
        let open = opened.count.saturating_sub(closed.count);
        for _ in 0..open {
            client.closed.record(now, self.sampling, 1.0);
        }
        self.shared.in_flight.store(0, Ordering::Relaxed);
    }

    /// The broker and the producer have authenticated each other, or not.
    pub(crate) fn authenticated(&self, now: Instant, id: NodeId, outcome: LoginOutcome) {
        let sampling = self.sampling;
        let part = self.nodes.get(&id);
        let since = part.and_then(|part| lock(&part.measured).renewing_since.take());
        let mut client = lock(&self.shared.client);
        let logins = &mut client.logins;
        let meter = match outcome {
            LoginOutcome::Accepted => &mut logins.accepted,
            LoginOutcome::Refused => &mut logins.refused,
            LoginOutcome::Renewed => &mut logins.renewed,
            LoginOutcome::NotRenewed => &mut logins.not_renewed,
        };
        meter.record(now, sampling, 1.0);
        if let (LoginOutcome::Renewed, Some(since)) = (outcome, since) {
            let took_ms = ms(now.saturating_duration_since(since));
            logins.renewal_ms.record(now, sampling, took_ms);
        }
    }

    /// The session with a broker is being renewed from now on.
    pub(crate) fn renewing(&self, now: Instant, id: NodeId) {
        if let Some(part) = self.nodes.get(&id) {
            lock(&part.measured).renewing_since.get_or_insert(now);
        }
    }

    /// What the partitions that a broker leads are charged to, if it leads any.
    pub(crate) fn charged_to(&mut self, now: Instant, id: NodeId, account: Option<&Arc<Account>>) {
        self.meet_node(now, id);
        if let Some(part) = self.nodes.get(&id) {
            lock(&part.measured).account = account.map(Arc::downgrade).unwrap_or_default();
        }
    }
}

/// Requests and responses.
impl Recorder {
    /// A request is on its way.
    pub(crate) fn asked(&self) {
        self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request is not on its way any more.
    pub(crate) fn answered(&self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Batches were answered for after so long, and the broker asks to be left alone for so long.
    pub(crate) fn responded(
        &self,
        now: Instant,
        id: NodeId,
        took: Duration,
        throttle_time_ms: i32,
    ) {
        let (sampling, took_ms) = (self.sampling, ms(took));
        if let Some(part) = self.nodes.get(&id) {
            let mut node = lock(&part.measured);
            node.latency_ms.add(now, sampling, &Tally::one(took_ms));
            node.throttle_ms
                .add(now, sampling, &Tally::one(throttle_ms(throttle_time_ms)));
        }
    }

    /// A broker asks to be left alone for so long, or for no time, in answer to something else.
    pub(crate) fn throttled(&self, now: Instant, id: NodeId, throttle_time_ms: i32) {
        let sampling = self.sampling;
        if let Some(part) = self.nodes.get(&id) {
            let mut node = lock(&part.measured);
            node.throttle_ms
                .add(now, sampling, &Tally::one(throttle_ms(throttle_time_ms)));
        }
    }

    /// The cluster has told of its brokers and topics.
    pub(crate) fn heard(&self, now: Instant) {
        lock(&self.shared.client).heard = Some(now);
    }

    /// So much went through the connection to a broker.
    pub(crate) fn transferred(&self, now: Instant, id: NodeId, traffic: &Traffic) {
        if let Some(part) = self.nodes.get(&id) {
            lock(&part.measured)
                .traffic
                .add(now, self.sampling, traffic);
        }
        let mut client = lock(&self.shared.client);
        client.traffic.add(now, self.sampling, traffic);
    }

    /// The producer's thread has waited, looked at its sockets, and worked.
    pub(crate) fn went_round(&self, now: Instant, times: [Duration; 2]) {
        let mut client = lock(&self.shared.client);
        client.thread.round(now, self.sampling, times);
    }
}

fn throttle_ms(throttle_time_ms: i32) -> f64 {
    f64::from(throttle_time_ms.max(0))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * MS_PER_S
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("topics", &self.topics.len())
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}
