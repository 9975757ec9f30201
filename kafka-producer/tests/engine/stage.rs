//! The stage on which the engine plays: its accumulator and handle, a clock that stands still until
//! told, and brokers that answer what a test tells them to answer, when it tells them.
//!
//! What has nothing to do with a test is answered by itself ([`Stage::settle`]): dials succeed,
//! greetings, questions about the cluster and for a producer id are answered, unless the test takes
//! one of them into its own hands. Produce requests always wait for [`Stage::answer`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_channel::oneshot;
use kafka_accumulator::{Accumulator, AppendError, Delivery, Doorbell, NewRecord};
use kafka_producer::engine::{
    Action, Command, Confirm, Engine, EngineHandle, Event, Gathering, Input, NodeId, Notices, Seed,
};
use kafka_producer::error::{DeliveryError, SendError};
use kafka_producer::settings::{Address, Settings};
use kafka_wire::messages::metadata::MetadataRequest;
use kafka_wire::messages::{ApiVersionsRequest, InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::records::RecordParts;
use kafka_wire::{ApiKey, ErrorCode};

use crate::logins::sasl_port::SaslPort;
use crate::misrouting::Ways;
pub(crate) use crate::outcomes::{delivered, expired, failed, pending, refused};
pub(crate) use crate::settings::{plain, settings};
use crate::transactions::Coordinators;
use crate::wires::{Asked, Map, Says, Sent, What, ok, versions};

/// The topic of most tests.
pub(crate) const TOPIC: &str = "orders";

pub(crate) struct Stage {
    pub(crate) engine: Engine,
    /// What it has handed over to be told.
    notices: Notices,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) handle: Arc<EngineHandle>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) now: Instant,
    /// What the brokers tell of the cluster.
    pub(crate) map: Map,
    /// The newest version of Produce that the brokers speak.
    pub(crate) produce_latest: i16,
    /// The id and epoch that the brokers give next.
    pub(crate) next_producer: (i64, i16),
    /// How long the brokers remember a producer, if they tell.
    pub(crate) expiration: Result<Duration, ErrorCode>,
    /// Who coordinates transactions and groups.
    pub(crate) coordinators: Coordinators,
    /// What is not answered by itself.
    pub(crate) by_hand: BTreeSet<ApiKey>,
    /// Whether a plugin of the brokers receives metrics.
    pub(crate) takes_metrics: bool,
    /// What the brokers do not speak.
    pub(crate) withheld: BTreeSet<ApiKey>,
    /// Dials that are not answered by themselves.
    pub(crate) unreachable: BTreeSet<NodeId>,
    /// Where connections lead.
    pub(crate) ways: Ways,
    /// How the brokers let clients in.
    pub(crate) sasl_port: SaslPort,
    /// The token providers are asked for these; [`Stage::token`] answers.
    pub(crate) tokens_wanted: BTreeMap<NodeId, Address>,
    /// Dials under way.
    pub(crate) dialing: BTreeMap<NodeId, Address>,
    /// Unanswered requests of each open connection, oldest first.
    pub(crate) connections: BTreeMap<NodeId, VecDeque<Asked>>,
    /// Connections that the engine gave up, with what was asked on them.
    pub(crate) dropped: Vec<(NodeId, VecDeque<Asked>)>,
    /// Everything ever asked, and of whom.
    pub(crate) asked: Vec<(NodeId, ApiKey)>,
    /// Metrics that are to be gathered.
    pub(crate) gatherings: Vec<Gathering>,
    /// Everything ever warned of.
    pub(crate) warnings: Vec<String>,
    /// Everything else that people were told.
    pub(crate) events: Vec<Event>,
    /// Everyone ever dialed, and when.
    pub(crate) dials: Vec<(NodeId, Instant)>,
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Stage {
    /// A stage on which nothing has happened.
    pub(crate) fn bare(settings: Settings, map: Map) -> Self {
        Self::seeded(settings, map, 42)
    }

    pub(crate) fn seeded(settings: Settings, map: Map, seed: u64) -> Self {
        let settings = Arc::new(settings);
        let bell = Arc::new(Doorbell::new());
        let accumulator = Accumulator::new(settings.accumulator, Arc::clone(&bell), || {
            panic!("a batch was dropped without an outcome")
        });
        let accumulator = Arc::new(accumulator);
        let handle = Arc::new(EngineHandle::new(bell));
        let start = Instant::now();
        let engine = Engine::new(
            Arc::clone(&settings),
            Arc::clone(&accumulator),
            Arc::clone(&handle),
            Seed::for_tests(seed),
            start,
        );
        Self {
            engine,
            notices: Notices::default(),
            accumulator,
            handle,
            now: start,
            map,
            produce_latest: 13,
            next_producer: (7000, 0),
            expiration: Ok(Duration::from_secs(86_400)),
            coordinators: Coordinators::default(),
            by_hand: BTreeSet::new(),
            takes_metrics: false,
            withheld: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            ways: Ways::default(),
            sasl_port: SaslPort::of(&settings),
            settings,
            tokens_wanted: BTreeMap::new(),
            dialing: BTreeMap::new(),
            connections: BTreeMap::new(),
            dropped: Vec::new(),
            asked: Vec::new(),
            gatherings: Vec::new(),
            warnings: Vec::new(),
            events: Vec::new(),
            dials: Vec::new(),
        }
    }

    /// A stage whose engine knows [`TOPIC`], partition n of which is led by the nth broker named.
    pub(crate) fn with(settings: Settings, leaders: &[i32]) -> Self {
        let mut stage = Self::bare(settings, Map::of(TOPIC, leaders));
        stage.know(TOPIC);
        // The next question need not wait for the pause after this one.
        stage.pass(Duration::from_millis(200));
        stage
    }

    /// The default settings.
    pub(crate) fn idempotent(leaders: &[i32]) -> Self {
        Self::with(settings(), leaders)
    }

    /// Makes the engine learn of a topic.
    pub(crate) fn know(&mut self, topic: &str) {
        let mut reply = self.ask_topic(topic);
        assert!(
            matches!(reply.try_recv(), Ok(Some(Ok(())))),
            "{topic} is known"
        );
    }

    /// Asks for a topic as `send` does, and answers what can be answered.
    pub(crate) fn ask_topic(&mut self, topic: &str) -> oneshot::Receiver<Result<(), SendError>> {
        self.ask_for(topic, None)
    }

    /// The same for a record that names its partition.
    pub(crate) fn ask_partition(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> oneshot::Receiver<Result<(), SendError>> {
        self.ask_for(topic, Some(partition))
    }

    fn ask_for(
        &mut self,
        topic: &str,
        partition: Option<i32>,
    ) -> oneshot::Receiver<Result<(), SendError>> {
        let (reply, answer) = oneshot::channel();
        self.handle.ask(Command::Topic {
            name: Arc::from(topic),
            partition,
            since: self.now,
            deadline: self.now + self.settings.max_block,
            reply,
        });
        self.tick();
        answer
    }

    /// Appends a record to a partition of [`TOPIC`] and lets the engine see it.
    pub(crate) fn send(&mut self, partition: i32, value: &str) -> Delivery<DeliveryError> {
        let delivery = self.append(TOPIC, partition, value).unwrap();
        self.tick();
        delivery
    }

    /// The same, with a timestamp.
    pub(crate) fn send_dated(&mut self, timestamp_ms: i64, value: &str) -> Delivery<DeliveryError> {
        let delivery = self.append_dated(TOPIC, 0, timestamp_ms, value).unwrap();
        self.tick();
        delivery
    }

    /// Appends a record; the engine does not look yet.
    pub(crate) fn append(
        &self,
        topic: &str,
        partition: i32,
        value: &str,
    ) -> Result<Delivery<DeliveryError>, AppendError> {
        self.append_dated(topic, partition, 0, value)
    }

    fn append_dated(
        &self,
        topic: &str,
        partition: i32,
        timestamp_ms: i64,
        value: &str,
    ) -> Result<Delivery<DeliveryError>, AppendError> {
        let cluster = self.handle.cluster();
        let queue = cluster.topic(topic).unwrap().queue(partition).unwrap();
        let value = RecordParts::new(None, Some(value.as_bytes()));
        let mut record = NewRecord::new(timestamp_ms, value);
        let appended = self
            .accumulator
            .append(queue, &mut record, None, || self.now)?;
        Ok(appended.delivery)
    }

    /// How many partitions callers see; `None` if they have to wait for the topic.
    pub(crate) fn partitions(&self, topic: &str) -> Option<i32> {
        let cluster = self.handle.cluster();
        cluster.topic(topic).map(|topic| topic.partitions())
    }

    /// The topics that each question about the cluster names that is not answered.
    pub(crate) fn asked_about(&self) -> Vec<Vec<String>> {
        let all = self.connections.values().flatten();
        let topics = all.filter_map(|asked| match &asked.what {
            What::Metadata(topics) => Some(topics.clone()),
            _ => None,
        });
        topics.collect()
    }

    /// Lets the engine look, and answers what is not the test's business.
    pub(crate) fn tick(&mut self) {
        self.input(Input::Tick);
        self.settle();
    }

    /// One input, and the actions that follow from it.
    pub(crate) fn input(&mut self, input: Input) {
        self.input_while(input, |_| ());
    }

    /// The same, where a caller comes between the input and what follows from it.
    pub(crate) fn input_while<T>(&mut self, input: Input, caller: impl FnOnce(&Self) -> T) -> T {
        self.engine.handle(self.now, input);
        let came = caller(self);
        self.act();
        self.engine.hand_over(&mut self.notices);
        self.notices.tell();
        came
    }

    fn act(&mut self) {
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Dial(node, address, _) => {
                    assert!(!self.connections.contains_key(&node), "{node} dialed twice");
                    self.dials.push((node, self.now));
                    let earlier = self.dialing.insert(node, address);
                    assert!(earlier.is_none(), "{node} dialed twice");
                }
                Action::Drop(node) => {
                    self.dialing.remove(&node);
                    if let Some(unanswered) = self.connections.remove(&node) {
                        self.dropped.push((node, unanswered));
                    }
                }
                Action::Rename(from, to) => self.rename(from, to),
                Action::Tell(Event::Elsewhere(warning)) => self.warnings.push(warning),
                Action::Tell(event) => self.events.push(event),
                Action::GatherMetrics(gathering) => self.gatherings.push(gathering),
                Action::FetchToken(node, address) => {
                    let _ = self.tokens_wanted.insert(node, address);
                }
                Action::Send(node, outgoing) => {
                    let asked = Asked::read(&outgoing);
                    let acks = match &asked.what {
                        What::Produce { acks, .. } => *acks,
                        _ => 1,
                    };
                    let confirm = match acks {
                        0 => Confirm::Written,
                        _ => Confirm::Answered,
                    };
                    assert_eq!(outgoing.confirm, confirm);
                    self.asked.push((node, asked.header.api_key));
                    self.coordinators.saw(&asked);
                    self.sasl_port.saw(node, &asked);
                    let unanswered = self.connections.get_mut(&node);
                    unanswered.expect("a connection is open").push_back(asked);
                    self.check_window(node);
                }
            }
        }
    }

    fn check_window(&self, node: NodeId) {
        let produce = |asked: &&Asked| asked.header.api_key == ApiKey::PRODUCE;
        let unanswered = self.connections[&node].iter().filter(produce).count();
        assert!(
            unanswered <= self.settings.max_in_flight,
            "{unanswered} requests are in flight to {node}"
        );
    }

    /// Answers dials, greetings, and questions about the cluster and for an id, until there are
    /// none but those that the test keeps for itself.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1000 {
            let dial = self
                .dialing
                .keys()
                .find(|id| !self.unreachable.contains(id));
            if let Some(&node) = dial {
                self.open(node);
            } else if let Some((node, answer)) = self.next_by_itself() {
                self.respond(node, answer);
            } else {
                return;
            }
        }
        panic!("the engine asks without end");
    }

    pub(crate) fn next_by_itself(&mut self) -> Option<(NodeId, Bytes)> {
        let Self {
            connections,
            by_hand,
            takes_metrics,
            withheld,
            map,
            produce_latest,
            next_producer,
            expiration,
            coordinators,
            sasl_port,
            ways,
            ..
        } = self;
        connections.iter().find_map(|(&node, unanswered)| {
            let asked = unanswered.front()?;
            if by_hand.contains(&asked.header.api_key) {
                return None;
            }
            let answer = match &asked.what {
                What::ApiVersions(meant) => {
                    let mut spoken = versions(*produce_latest);
                    spoken.error_code = ways.judge(map, node, meant.as_ref());
                    let of_metrics = |api| {
                        [ApiKey::GET_TELEMETRY_SUBSCRIPTIONS, ApiKey::PUSH_TELEMETRY].contains(&api)
                    };
                    spoken.api_keys.retain(|api| {
                        let api = api.api_key;
                        !withheld.contains(&api) && (*takes_metrics || !of_metrics(api))
                    });
                    coordinators.introduce(&mut spoken);
                    asked.answer::<ApiVersionsRequest>(&spoken)
                }
                What::Sasl(step) => sasl_port.answer(node, asked, step),
                What::Metadata(topics) => asked.answer::<MetadataRequest>(&map.tell(topics)),
                What::ProducerId => {
                    let answer = InitProducerIdResponse::default()
                        .with_producer_id(next_producer.0)
                        .with_producer_epoch(next_producer.1);
                    *next_producer = (next_producer.0 + 1, 0);
                    asked.answer::<InitProducerIdRequest>(&answer)
                }
                What::Expiration => asked.expiration(*expiration),
                What::Transaction(ask) => coordinators.answer(asked, ask),
                What::Subscription(_)
                | What::MetricsPush(_)
                | What::Producers { .. }
                | What::Produce { .. } => return None,
            };
            Some((node, answer))
        })
    }

    /// A dial succeeds.
    pub(crate) fn open(&mut self, node: NodeId) {
        self.dialing.remove(&node).expect("it was dialed");
        self.connections.insert(node, VecDeque::new());
        self.sasl_port.opened(node);
        self.input(Input::Opened(node));
    }

    /// A frame arrives that answers the oldest request.
    pub(crate) fn respond(&mut self, node: NodeId, frame: Bytes) {
        let unanswered = self.connections.get_mut(&node).expect("it is open");
        unanswered.pop_front().expect("something was asked");
        self.input(Input::Received(node, frame));
    }

    /// The connection breaks, or the dial fails.
    pub(crate) fn lose(&mut self, node: i32) {
        let node = NodeId(node);
        let dialing = self.dialing.remove(&node).is_some();
        let open = self.connections.remove(&node).is_some();
        assert!(dialing || open, "there is a connection to lose");
        self.input(Input::Lost(node, Arc::from("connection reset")));
        self.settle();
    }

    /// A broker says what became of the batches of its oldest request.
    pub(crate) fn answer<const N: usize>(&mut self, node: i32, says: [Says; N]) {
        self.answer_throttled(node, 0, says);
    }

    /// A broker says the same of every batch, as long as its oldest question is about batches.
    pub(crate) fn answer_all(&mut self, node: i32, says: &Says) {
        while let Some(oldest) = self.connections[&NodeId(node)].front()
            && oldest.header.api_key == ApiKey::PRODUCE
        {
            let batches = oldest.batches().len();
            let frame = oldest.produced(0, vec![says.clone(); batches]);
            self.respond(NodeId(node), frame);
            self.settle();
        }
    }

    /// The same, asking for silence.
    pub(crate) fn answer_throttled<const N: usize>(
        &mut self,
        node: i32,
        throttle_time_ms: i32,
        says: [Says; N],
    ) {
        let oldest = self
            .connections
            .get(&NodeId(node))
            .and_then(|all| all.front());
        let oldest = oldest.unwrap_or_else(|| panic!("broker {node} was asked nothing"));
        let frame = oldest.produced(throttle_time_ms, says.to_vec());
        self.respond(NodeId(node), frame);
        self.settle();
    }

    /// A broker says what its log has of producers, where that is its oldest question: the last
    /// sequence of each id and epoch.
    pub(crate) fn tell(&mut self, node: i32, told: Result<&[(i64, i16, i32)], ErrorCode>) {
        let unanswered = self.connections.get(&NodeId(node));
        let oldest = unanswered.and_then(|all| all.front());
        let oldest = oldest.unwrap_or_else(|| panic!("broker {node} was asked nothing"));
        let frame = oldest.producers(told);
        self.respond(NodeId(node), frame);
        self.settle();
    }

    /// Whether a broker is being asked what its log has of producers.
    pub(crate) fn is_asked_about_producers(&self, node: i32) -> bool {
        let unanswered = self.connections.get(&NodeId(node)).into_iter().flatten();
        let mut questions = unanswered.map(|asked| asked.header.api_key);
        questions.any(|key| key == ApiKey::DESCRIBE_PRODUCERS)
    }

    /// The produce requests that a broker has not answered, oldest first.
    pub(crate) fn requests(&self, node: i32) -> Vec<&[Sent]> {
        let Some(unanswered) = self.connections.get(&NodeId(node)) else {
            return Vec::new();
        };
        let produce = |asked: &&Asked| asked.header.api_key == ApiKey::PRODUCE;
        unanswered
            .iter()
            .filter(produce)
            .map(Asked::batches)
            .collect()
    }

    /// The values in each of those requests.
    pub(crate) fn values(&self, node: i32) -> Vec<Vec<&str>> {
        let requests = self.requests(node).into_iter();
        let values = requests.map(|batches| {
            let values = batches.iter().flat_map(|sent| &sent.values);
            values.map(String::as_str).collect()
        });
        values.collect()
    }

    /// Epoch and first sequence of the one batch in each of those requests.
    pub(crate) fn numbers(&self, node: i32) -> Vec<(i16, i32)> {
        let requests = self.requests(node).into_iter();
        let numbers = requests.map(|batches| {
            assert_eq!(batches.len(), 1, "one batch in each request");
            batches[0].numbers()
        });
        numbers.collect()
    }

    /// Lets time pass, waking the engine whenever it wants to be.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakes_without_progress = 0;
        while let Some(at) = self.engine.deadline().filter(|at| *at <= end) {
            wakes_without_progress += 1;
            if at > self.now {
                self.now = at;
                wakes_without_progress = 0;
            }
            assert!(wakes_without_progress < 100, "the engine spins");
            self.tick();
        }
        self.now = end;
    }

    /// Has the engine delivered a first record of the partition: its producer id is known there.
    pub(crate) fn warm_up(&mut self, partition: i32, leader: i32) {
        let first = self.send(partition, "warm-up");
        self.answer(leader, [ok(0)]);
        delivered(&first, 0);
    }

    /// How often this was asked, of anybody.
    pub(crate) fn asked(&self, api: ApiKey) -> usize {
        self.asked.iter().filter(|(_, asked)| *asked == api).count()
    }
}

/// Every record gets its outcome from the engine, also when a test leaves some behind: a batch that
/// is dropped without one panics.
impl Drop for Stage {
    fn drop(&mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let (reply, _answer) = oneshot::channel();
            let deadline = Some(self.now);
            self.handle.ask(Command::Close { deadline, reply });
            self.engine.handle(self.now, Input::Tick);
            while self.engine.poll().is_some() {}
            self.engine.hand_over(&mut self.notices);
            self.notices.tell();
            self.engine.has_ended()
        }));
        assert!(
            matches!(ended, Ok(true)) || std::thread::panicking(),
            "close with a deadline of now ends the engine"
        );
    }
}
