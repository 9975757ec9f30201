//! Engine and accumulator on the calling thread, driven as the driver does it.
//!
//! The broker is connected before the first record; its answers come when they are asked for. Time
//! stands still until it is told to pass. Nothing here parses what the engine sends, so that what
//! is counted around it is the producer's own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_channel::oneshot;
use kafka_accumulator::{
    Accumulator, AppendError, Appended, BatchOutcome, Callback, Doorbell, Filled, NewRecord, Queue,
    Sleep,
};
use kafka_producer::engine::{
    Action, Command, Engine, EngineHandle, Input, NodeId, Notices, Outgoing, Payload,
    PendingProduce, Seed,
};
use kafka_producer::error::{DeliveryError, SendError};
use kafka_producer::{Address, ProducerConfig};
use kafka_wire::messages::ProduceRequest;
use kafka_wire::records::RecordParts;
use kafka_wire::{Request, encode_response};

use super::broker::{Broker, TOPIC, acceptance};

pub(crate) struct Rig {
    engine: Engine,
    notices: Notices,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    handle: Arc<EngineHandle>,
    pub(crate) queues: Vec<Arc<Queue<DeliveryError>>>,
    broker: Broker,
    pub(crate) now: Instant,
    /// Produce requests without an answer, oldest first.
    pub(crate) unanswered: VecDeque<(NodeId, Outgoing)>,
    /// The last answer, and which partitions it is about: most requests are alike.
    last: (Vec<i32>, Bytes),
    bell: Arc<Bell>,
}

/// Counts how often the sleeping driver was woken.
#[derive(Default)]
struct Bell {
    rung: AtomicUsize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, Ordering::SeqCst);
    }
}

impl Rig {
    /// A producer with these properties, connected to the leader of so many partitions.
    pub(crate) fn new(partitions: i32, properties: &[(&str, &str)]) -> Self {
        let mut config = ProducerConfig::new().bootstrap_servers(["rig:9092"]);
        config.extend(properties.iter().copied());
        let settings = Arc::new(config.check().unwrap().settings().clone());
        let doorbell = Arc::new(Doorbell::new());
        let accumulator = Arc::new(Accumulator::new(
            settings.accumulator,
            Arc::clone(&doorbell),
            || panic!("a batch was dropped without an outcome"),
        ));
        let handle = Arc::new(EngineHandle::new(doorbell));
        let now = Instant::now();
        let (asked, seat) = (Arc::clone(&accumulator), Arc::clone(&handle));
        let address = Address::new("rig", 9092);
        let mut rig = Self {
            engine: Engine::new(settings, asked, seat, Seed::for_tests(42), now),
            notices: Notices::default(),
            accumulator,
            handle,
            queues: Vec::new(),
            broker: Broker::new(address, partitions),
            now,
            unanswered: VecDeque::new(),
            last: (Vec::new(), Bytes::new()),
            bell: Arc::default(),
        };
        rig.connect();
        rig
    }

    /// Learns of a topic, as a first `send` to it does.
    pub(crate) fn know(&mut self, topic: &str) {
        let mut known = self.ask_for(topic);
        self.tick();
        assert!(matches!(known.try_recv(), Ok(Some(Ok(())))));
    }

    fn ask_for(&self, topic: &str) -> oneshot::Receiver<Result<(), SendError>> {
        let deadline = self.now + Duration::from_secs(60);
        self.handle
            .ask_for_topic(Arc::from(topic), None, self.now, deadline)
    }

    /// What the broker answers who asks for a topic, which has so many partitions.
    pub(crate) fn answer_about(&mut self, topic: &str, partitions: i32) -> (NodeId, Bytes) {
        drop(self.ask_for(topic));
        self.engine.handle(self.now, Input::Tick);
        let asked = self.engine.poll();
        let Some(Action::Send(node, outgoing)) = asked else {
            panic!("it is asked, not {asked:?}");
        };
        let Payload::Whole(frame) = outgoing.payload else {
            panic!("about the topic");
        };
        let before = std::mem::replace(&mut self.broker.partitions, partitions);
        let answer = self.broker.answer(frame.slice(LENGTH_BYTES..)).unwrap();
        self.broker.partitions = before;
        (node, answer.slice(LENGTH_BYTES..))
    }

    pub(crate) fn receive(&mut self, node: NodeId, answer: Bytes) {
        self.input(Input::Received(node, answer));
    }

    /// Whether callers may write to a topic without waiting.
    pub(crate) fn knows(&self, topic: &str) -> bool {
        self.handle.cluster().topic(topic).is_some()
    }

    /// A record for the first partition of a topic, delivered.
    pub(crate) fn deliver_to(&mut self, topic: &str, value: &[u8]) {
        let cluster = self.handle.cluster();
        let queue = cluster.topic(topic).unwrap().queue(0).unwrap();
        let mut record = NewRecord::new(1_760_000_000_000, RecordParts::new(None, Some(value)));
        let now = self.now;
        let appended = self.accumulator.append(queue, &mut record, None, || now);
        queue.flush();
        drop(cluster);
        self.tick();
        self.answer().expect("it is on its way");
        assert!(matches!(
            appended.unwrap().delivery.try_outcome(),
            Some(Ok(_))
        ));
    }

    fn connect(&mut self) {
        self.know(TOPIC);
        let cluster = self.handle.cluster();
        let topic = cluster.topic(TOPIC).unwrap();
        self.queues = (0..topic.partitions())
            .map(|partition| Arc::clone(topic.queue(partition).unwrap()))
            .collect();
    }

    /// Appends a record with this key; the engine does not look yet.
    #[inline]
    pub(crate) fn append(
        &self,
        partition: usize,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Appended<kafka_accumulator::Delivery<DeliveryError>> {
        let mut record = NewRecord::new(1_760_000_000_000, RecordParts::new(key, Some(value)));
        let queue = &self.queues[partition];
        let appended = self
            .accumulator
            .append(queue, &mut record, None, || self.now);
        match appended {
            // A batch is due for which a caller might wait: this one does not.
            Err(AppendError::NeedsMemory { bytes }) => {
                let reserved = queue.reserve_despite_backlog(bytes);
                let appended = self
                    .accumulator
                    .append(queue, &mut record, reserved, || self.now);
                appended.unwrap()
            }
            appended => appended.unwrap(),
        }
    }

    /// Appends a record with this key, if there is memory for it.
    pub(crate) fn try_append(
        &self,
        partition: usize,
        key: Option<&[u8]>,
        value: &[u8],
        callback: Option<Callback<DeliveryError>>,
    ) -> bool {
        let mut record = NewRecord::new(1_760_000_000_000, RecordParts::new(key, Some(value)));
        record.callback = callback;
        let queue = &self.queues[partition];
        let mut append = |reserved| {
            let accumulator = &self.accumulator;
            accumulator.append(queue, &mut record, reserved, || self.now)
        };
        match append(None) {
            Err(AppendError::NeedsMemory { bytes }) => {
                let reserved = queue.reserve_despite_backlog(bytes);
                reserved.is_some() && append(reserved).is_ok()
            }
            appended => appended.is_ok(),
        }
    }

    /// What the driver does when it was rung for, or when the deadline has come.
    #[inline(never)]
    pub(crate) fn tick(&mut self) {
        self.accumulator.doorbell().awake();
        self.input(Input::Tick);
    }

    fn input(&mut self, input: Input) {
        self.engine.handle(self.now, input);
        while let Some(action) = self.engine.poll() {
            match action {
                Action::Dial(node, ..) => self.input(Input::Opened(node)),
                // The bootstrap server, when its broker is known by number; no token is needed.
                Action::Drop(_) | Action::Rename(..) | Action::FetchToken(..) | Action::Tell(_) => {
                }
                Action::GatherMetrics(gathering) => gathering.run(),
                Action::Send(node, outgoing) => match &outgoing.payload {
                    Payload::Produce(_) => self.unanswered.push_back((node, outgoing)),
                    Payload::Whole(frame) => {
                        let answer = self.broker.answer(frame.slice(LENGTH_BYTES..)).unwrap();
                        self.input(Input::Received(node, answer.slice(LENGTH_BYTES..)));
                    }
                },
            }
        }
        self.engine.hand_over(&mut self.notices);
        self.notices.tell();
    }

    /// The broker answers the oldest produce request; that request, if there was one.
    #[inline(never)]
    pub(crate) fn answer(&mut self) -> Option<Outgoing> {
        let (node, outgoing) = self.unanswered.pop_front()?;
        let answer = self.acceptance(order_of(&outgoing), outgoing.correlation_id);
        self.input(Input::Received(node, answer));
        Some(outgoing)
    }

    fn acceptance(&mut self, order: &PendingProduce, correlation_id: i32) -> Bytes {
        let (partitions, answer) = &mut self.last;
        if !order
            .batches()
            .map(|batch| batch.partition())
            .eq(partitions.iter().copied())
        {
            *partitions = order.batches().map(|batch| batch.partition()).collect();
            let version = ProduceRequest::version(ProduceRequest::STABLE_VERSIONS.latest).unwrap();
            let accepted = acceptance(partitions.iter().copied());
            *answer = encode_response::<ProduceRequest>(0, version, &accepted)
                .unwrap()
                .slice(LENGTH_BYTES..);
        }
        let mut numbered = BytesMut::from(&answer[..]);
        numbered[..4].copy_from_slice(&correlation_id.to_be_bytes());
        numbered.freeze()
    }

    /// Takes the batch of the first partition that was just filled, in the engine's place.
    pub(crate) fn decide_full(&self) {
        while let Ok(batch) = self.queues[0].take(self.now) {
            let fate = BatchOutcome::Delivered {
                base_offset: 0,
                log_append_time_ms: None,
            };
            batch.complete(fate).unwrap();
        }
    }

    /// Appends so many records to the partitions, batch after batch, under a driver that goes to
    /// sleep whenever it may and a broker that answers after a while: how often who appends wakes
    /// it, and how many batches there are.
    pub(crate) fn woken_by(&mut self, records: usize, value: &[u8]) -> (usize, usize) {
        let (mut partition, mut batches) = (0, 0);
        let mut answers_at = VecDeque::new();
        let (mut sent, mut woken) = (0, self.bell.rung.load(Ordering::SeqCst));
        let before = woken;
        self.sleep();
        for record in 0..records {
            self.now += NANOS_PER_RECORD;
            if self.append(partition, None, value).filled == Filled::Filled {
                partition = (partition + 1) % self.queues.len();
            }
            let rung = self.bell.rung.load(Ordering::SeqCst);
            if rung > woken || self.is_due() {
                woken = rung;
                self.tick();
            }
            if answers_at.front().is_some_and(|&at| at <= record) {
                answers_at.pop_front();
                self.answer();
                sent -= 1;
            }
            while sent < self.unanswered.len() {
                batches += order_of(&self.unanswered[sent].1).batches().count();
                answers_at.push_back(record + ROUND_TRIP_RECORDS);
                sent += 1;
            }
            self.sleep();
        }
        batches += self
            .queues
            .iter()
            .map(|queue| queue.batches())
            .sum::<usize>();
        (woken - before, batches)
    }

    /// The driver goes to sleep; if it was rung for meanwhile, it looks first.
    fn sleep(&mut self) {
        let waker = Waker::from(Arc::clone(&self.bell));
        while self.accumulator.doorbell().sleep(&waker) == Sleep::Rung {
            self.tick();
        }
    }

    /// Whether a driver that is awake would look now.
    pub(crate) fn is_called(&mut self) -> bool {
        self.accumulator.doorbell().is_rung() || self.is_due()
    }

    /// Whether the engine wants to be woken by now.
    fn is_due(&mut self) -> bool {
        self.engine.deadline().is_some_and(|at| at <= self.now)
    }
}

/// What becomes of its records does not matter any more when a measurement ends.
impl Drop for Rig {
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        self.handle.ask(Command::Close {
            deadline: Some(self.now),
            reply,
        });
        self.engine.handle(self.now, Input::Tick);
        while self.engine.poll().is_some() {}
        self.engine.hand_over(&mut self.notices);
        self.notices.tell();
    }
}

/// The batches of a produce request.
pub(crate) fn order_of(outgoing: &Outgoing) -> &PendingProduce {
    match &outgoing.payload {
        Payload::Produce(order) => order,
        Payload::Whole(_) => panic!("it holds no batches"),
    }
}

const LENGTH_BYTES: usize = 4;
/// Five million records a second, and 100 µs to the broker and back.
const NANOS_PER_RECORD: Duration = Duration::from_nanos(200);
const ROUND_TRIP_RECORDS: usize = 500;
