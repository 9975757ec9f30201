//! The promises under any answers: a seed chooses who answers what and when, what is lost, which
//! leaders move and how time passes; a model of the brokers' log keeps the books.
//!
//! Requests of lost connections may reach the log late. When the faults stop, every record must end
//! in bounded time, and what it was told must be true.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use kafka_accumulator::Delivery;
use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::{DeliveryError, Persistence};
use kafka_producer::settings::{Acks, Guarantee, Settings};
use kafka_wire::messages::metadata::MetadataRequest;
use kafka_wire::messages::{ApiVersionsRequest, InitProducerIdRequest, InitProducerIdResponse};
use kafka_wire::{ApiKey, ErrorCode};

use crate::log::Log;
use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::{Asked, Map, Says, Sent, What, error, ok, versions};

const BROKERS: [i32; 3] = [1, 2, 3];
const STEPS: usize = 400;

/// One record that was sent, with the name of its own that is its value.
struct Record {
    delivery: Delivery<DeliveryError>,
    partition: usize,
    value: String,
    appended: Instant,
}

/// Whether things go wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Storm,
    Calm,
}

struct World {
    stage: Stage,
    random: fastrand::Rng,
    weather: Weather,
    logs: Vec<Log>,
    /// More records than these are too large for a batch.
    most_records: usize,
    /// The cluster as it was a while ago.
    stale: Map,
    /// Answers on their way back, oldest first.
    answers: BTreeMap<NodeId, VecDeque<Bytes>>,
    /// Requests of lost connections that reach their broker all the same, each row in its order.
    zombies: Vec<(NodeId, VecDeque<Asked>)>,
    records: Vec<Record>,
    /// Producer ids, the one at the start included.
    ids_given: usize,
    /// What happened, for the message of a failure.
    acts: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut settings = Settings {
            max_in_flight: random.usize(1..=5),
            request_timeout: ms(random.u64(100..1000)),
            delivery_timeout: ms(random.u64(1500..5000)),
            ..settings()
        };
        if random.u8(..4) == 0 {
            settings.guarantee = Guarantee::Plain(Acks::All);
        }
        if random.bool() {
            settings.accumulator.batch_size = 200;
            settings.accumulator.linger = ms(random.u64(0..20));
        }
        if random.u8(..4) == 0 {
            settings.retries = random.u32(0..5);
        }
        if random.bool() {
            settings.max_request_bytes = random.usize(100..1000);
        }
        let most_records = [usize::MAX, 1, 3][random.usize(..3)];
        let leaders: Vec<i32> = (0..3).map(|_| BROKERS[random.usize(..3)]).collect();
        let mut map = Map::of(TOPIC, &leaders);
        map.brokers = BROKERS.to_vec();
        let mut stage = Stage::seeded(settings, map.clone(), seed);
        stage.produce_latest = [9, 12, 13][random.usize(..3)];
        stage.next_producer.1 = [0, i16::MAX - 1, i16::MAX][random.usize(..3)];
        stage.know(TOPIC);
        for api in [
            ApiKey::API_VERSIONS,
            ApiKey::METADATA,
            ApiKey::INIT_PRODUCER_ID,
        ] {
            stage.by_hand.insert(api);
        }
        stage.unreachable.extend((-1..=3).map(NodeId));
        Self {
            stage,
            random,
            weather: Weather::Storm,
            logs: (0..3).map(|_| Log::default()).collect(),
            most_records,
            stale: map,
            answers: BTreeMap::new(),
            zombies: Vec::new(),
            records: Vec::new(),
            ids_given: 1,
            acts: Vec::new(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.weather == Weather::Storm && self.random.u32(..100) < percent
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.random.usize(..of.len())])
    }

    fn step(&mut self) {
        match self.random.u32(..100) {
            0..25 => self.send(),
            25..45 => self.process_one(),
            45..62 => self.answer_one(),
            62..72 => self.dial_one(),
            72..75 => self.lose_one(),
            75..79 => self.move_one(),
            79..94 => self.pass(1, 30),
            94..95 => self.pass(200, 1500),
            95..98 => self.zombie(),
            98 => self.garbage(),
            _ if self.random.bool() => self.restart_one(),
            _ => drop(self.stage.flush()),
        }
        self.look_around();
    }

    fn send(&mut self) {
        let partition = self.random.usize(..3);
        let value = format!("{partition}:{:05}", self.records.len());
        let delivery = self.stage.append(TOPIC, partition as i32, &value);
        let appended = self.stage.now;
        self.records.push(Record {
            delivery: delivery.unwrap(),
            partition,
            value,
            appended,
        });
        let input = match self.random.bool() {
            true => Input::Rung,
            false => Input::Tick,
        };
        self.stage.input(input);
    }

    /// A broker works on the oldest request that it has not worked on.
    fn process_one(&mut self) {
        let mut able: Vec<NodeId> = Vec::new();
        for (node, unanswered) in &self.stage.connections {
            if unanswered.len() > self.answers.get(node).map_or(0, VecDeque::len) {
                able.push(*node);
            }
        }
        let Some(node) = self.pick(&able) else { return };
        let done = self.answers.get(&node).map_or(0, VecDeque::len);
        let unanswered = self.stage.connections.get_mut(&node).unwrap();
        // Taken out while the broker looks at it: what is behind it keeps its place.
        let asked = unanswered.remove(done).unwrap();
        let answer = self.process(node, &asked);
        let unanswered = self.stage.connections.get_mut(&node).unwrap();
        unanswered.insert(done, asked);
        self.answers.entry(node).or_default().push_back(answer);
    }

    fn process(&mut self, NodeId(node): NodeId, asked: &Asked) -> Bytes {
        match &asked.what {
            What::ApiVersions => {
                asked.answer::<ApiVersionsRequest>(&versions(self.stage.produce_latest))
            }
            What::Metadata(topics) => {
                let stale = self.chance(20);
                let map = if stale { &self.stale } else { &self.stage.map };
                asked.answer::<MetadataRequest>(&map.tell(topics))
            }
            What::ProducerId => {
                let error_code = match self.chance(20) {
                    true => ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
                    false => ErrorCode::NONE,
                };
                let (producer_id, producer_epoch) = self.stage.next_producer;
                self.stage.next_producer = (producer_id + 1, i16::MAX - 1);
                self.ids_given += 1;
                asked.answer::<InitProducerIdRequest>(&InitProducerIdResponse {
                    error_code,
                    producer_id,
                    producer_epoch,
                    ..InitProducerIdResponse::default()
                })
            }
            What::Transaction(ask) => panic!("no producer here has transactions: {ask}"),
            What::Producers { partition, .. } => {
                let partition = *partition as usize;
                if self.stage.map.topics[0].leaders[partition].0 != node {
                    return asked.producers(Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
                }
                if self.chance(10) {
                    return asked.producers(Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
                }
                asked.producers(Ok(&self.logs[partition].tell()))
            }
            What::Produce { batches, .. } => {
                let says = batches.iter().map(|sent| self.judge(node, sent)).collect();
                let throttle_time_ms = if self.chance(3) { 50 } else { 0 };
                asked.produced(throttle_time_ms, says)
            }
        }
    }

    fn judge(&mut self, node: i32, sent: &Sent) -> Says {
        let says = self.judge_silently(node, sent);
        let numbers = sent.numbers();
        let word = match &says {
            Says::Nothing => "nothing".to_owned(),
            Says::This(word) => format!("{} at {}", word.error_code, word.base_offset),
        };
        let values = &sent.values;
        self.acts
            .push(format!("broker {node}: {values:?} {numbers:?}: {word}"));
        says
    }

    fn judge_silently(&mut self, node: i32, sent: &Sent) -> Says {
        let partition = sent.partition as usize;
        let (leader, epoch) = self.stage.map.topics[0].leaders[partition];
        if leader != node {
            let says = error(ErrorCode::NOT_LEADER_OR_FOLLOWER);
            return match self.random.bool() {
                true => says.leader_is(leader, epoch),
                false => says,
            };
        }
        if sent.values.len() > self.most_records {
            return error(ErrorCode::MESSAGE_TOO_LARGE);
        }
        if self.chance(6) {
            let refusals = [2, 3, 5, 14, 19, 74, 75, 89];
            return error(ErrorCode(refusals[self.random.usize(..refusals.len())]));
        }
        if self.chance(2) {
            return error(ErrorCode([17, 44, 87][self.random.usize(..3)]));
        }
        match self.logs[partition].append(&sent.header, &sent.values) {
            Err(code) => error(code),
            Ok(_) if self.chance(6) => error(ErrorCode([7, 20, 56][self.random.usize(..3)])),
            Ok(_) if self.chance(1) => Says::Nothing,
            Ok(offset) => ok(offset),
        }
    }

    /// An answer arrives.
    fn answer_one(&mut self) {
        let able: Vec<NodeId> = self.answers.keys().copied().collect();
        let Some(node) = self.pick(&able) else { return };
        let waiting = self.answers.get_mut(&node).unwrap();
        let frame = waiting.pop_front();
        if waiting.is_empty() {
            self.answers.remove(&node);
        }
        if let Some(frame) = frame {
            self.stage.respond(node, frame);
        }
    }

    fn dial_one(&mut self) {
        let able: Vec<NodeId> = self.stage.dialing.keys().copied().collect();
        let Some(node) = self.pick(&able) else { return };
        if self.chance(30) {
            self.stage.dialing.remove(&node);
            self.stage
                .input(Input::Lost(node, Arc::from("connection refused")));
        } else {
            self.stage.open(node);
        }
    }

    fn lose_one(&mut self) {
        let able: Vec<NodeId> = self.stage.connections.keys().copied().collect();
        let Some(node) = self.pick(&able) else { return };
        self.acts.push(format!("{node} is lost"));
        let unanswered = self.stage.connections.remove(&node).unwrap();
        self.bury(node, unanswered);
        self.stage
            .input(Input::Lost(node, Arc::from("connection reset")));
    }

    fn move_one(&mut self) {
        self.stale = self.stage.map.clone();
        let partition = self.random.usize(..3);
        let leader = [1, 2, 3, -1][self.random.usize(..4)];
        self.acts.push(format!("{leader} leads {partition}"));
        self.stage.map.moves(partition, leader);
    }

    /// All replicas of a partition restart: of each producer they remember the last batch alone.
    fn restart_one(&mut self) {
        let partition = self.random.usize(..3);
        self.acts.push(format!("{partition} remembers little"));
        self.logs[partition].forget_all_but_last();
    }

    fn pass(&mut self, least: u64, most: u64) {
        let time = ms(self.random.u64(least..=most));
        self.stage.pass(time);
    }

    /// A request of a lost connection reaches its broker.
    fn zombie(&mut self) {
        if self.zombies.is_empty() {
            return;
        }
        let at = self.random.usize(..self.zombies.len());
        let (node, row) = &mut self.zombies[at];
        let (node, asked) = (*node, row.pop_front());
        if row.is_empty() {
            self.zombies.remove(at);
        }
        if let Some(asked) = asked {
            self.acts.push("late:".to_owned());
            self.process(node, &asked);
        }
    }

    fn garbage(&mut self) {
        let able: Vec<NodeId> = self.stage.connections.keys().copied().collect();
        let Some(node) = self.pick(&able) else { return };
        let length = self.random.usize(..20);
        let mut frame: Vec<u8> = (0..length).map(|_| self.random.u8(..)).collect();
        // No id that was asked, or the next answer would be taken for another's.
        if let Some(first) = frame.first_mut() {
            *first |= 0x80;
        }
        self.stage.input(Input::Received(node, frame.into()));
    }

    /// The connections that the engine gave up are as dead as those that broke.
    fn look_around(&mut self) {
        for (node, unanswered) in std::mem::take(&mut self.stage.dropped) {
            self.bury(node, unanswered);
        }
        let limit = self.stage.settings.delivery_timeout;
        for record in &self.records {
            let age = self.stage.now - record.appended;
            let decided = record.delivery.try_outcome().is_some();
            assert!(decided || age <= limit, "{} is {age:?} old", record.value);
        }
    }

    /// Some of what a lost connection held may still reach the broker.
    fn bury(&mut self, node: NodeId, mut unanswered: VecDeque<Asked>) {
        let done = self.answers.remove(&node).map_or(0, |done| done.len());
        unanswered.drain(..done);
        let arrived = self.random.usize(..=unanswered.len());
        unanswered.truncate(arrived);
        unanswered.retain(|asked| asked.header.api_key == ApiKey::PRODUCE);
        if !unanswered.is_empty() {
            self.zombies.push((node, unanswered));
        }
    }

    fn undecided(&self) -> usize {
        let records = self.records.iter();
        records
            .filter(|record| record.delivery.try_outcome().is_none())
            .count()
    }

    /// The faults stop: everything must end, and sooner than by expiry if it is only a matter of
    /// brokers that answer.
    fn calm_down(&mut self) {
        self.weather = Weather::Calm;
        for (partition, leader) in BROKERS.into_iter().enumerate() {
            self.stage.map.moves(partition, leader);
        }
        let mut rounds = 0;
        while self.undecided() > 0 {
            for _ in 0..20 {
                self.dial_one();
                self.process_one();
                self.answer_one();
                self.look_around();
            }
            self.pass(1, 20);
            self.look_around();
            rounds += 1;
            assert!(rounds < 2000, "{} records do not end", self.undecided());
        }
        while !self.zombies.is_empty() {
            self.zombie();
        }
    }

    fn check(&self) {
        let [mut delivered, mut failed, mut unknown] = [0; 3];
        for record in &self.records {
            let log = &self.logs[record.partition].values;
            let logged = log.contains(&record.value);
            let value = &record.value;
            match record.delivery.try_outcome().unwrap() {
                Ok(at) if at.offset >= 0 => {
                    delivered += 1;
                    assert_eq!(
                        log.get(at.offset as usize),
                        Some(value),
                        "acknowledged there"
                    );
                }
                Ok(_) => {
                    delivered += 1;
                    assert!(logged, "{value} is acknowledged and not in the log");
                }
                Err(error) if error.persistence() == Persistence::NotPersisted => {
                    failed += 1;
                    assert!(!logged, "{value} is in the log: {error}");
                }
                Err(_) => unknown += 1,
            }
        }
        if self.stage.settings.guarantee == Guarantee::Idempotent {
            for (partition, log) in self.logs.iter().enumerate() {
                let mut values = log.values.clone();
                values.retain(|value| self.ids_given == 1 || self.is_acknowledged(value));
                let ascending = values.is_sorted_by(|a, b| a < b);
                assert!(ascending, "partition {partition}: {values:?}");
            }
        }
        assert_eq!(delivered + failed + unknown, self.records.len());
    }

    /// A late request under an id that was given up for another, because its epochs were used up,
    /// is fenced by nothing: order is then promised to what was acknowledged.
    fn is_acknowledged(&self, value: &str) -> bool {
        let acknowledged = |delivery: &Delivery<_>| matches!(delivery.try_outcome(), Some(Ok(_)));
        let mut records = self.records.iter();
        records.any(|record| record.value == value && acknowledged(&record.delivery))
    }
}

/// Runs one history; what it delivered, and all it sent.
fn run(seed: u64) -> (usize, usize) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            world.step();
        }
        world.calm_down();
        world.check();
        let mut report = world.stage.close(None);
        assert!(
            report.try_recv().unwrap().is_some(),
            "close has nothing to wait for"
        );
        assert_eq!(world.stage.accumulator.memory_in_use(), 0);
    }));
    if let Err(panic) = outcome {
        let why = panic
            .downcast_ref::<String>()
            .map_or("see above", String::as_str);
        let story = world.acts.join("\n");
        resume_unwind(Box::new(format!("{why}\nunder this seed: {seed}\n{story}")));
    }
    let records = world.records.iter();
    let delivered = records.filter(|record| matches!(record.delivery.try_outcome(), Some(Ok(_))));
    (delivered.count(), world.records.len())
}

fn run_all(seeds: impl Iterator<Item = u64>) {
    let (mut delivered, mut sent) = (0, 0);
    for seed in seeds {
        let history = catch_unwind(|| run(seed));
        match history {
            Ok(counts) => {
                delivered += counts.0;
                sent += counts.1;
            }
            Err(panic) => {
                let story = panic.downcast_ref::<String>();
                panic!("seed {seed}: {}", story.map_or("see above", String::as_str));
            }
        }
    }
    assert!(
        delivered * 2 > sent,
        "most records arrive: {delivered} of {sent}"
    );
}

#[test]
fn the_promises_hold_under_five_hundred_known_histories() {
    run_all(0..500);
}

#[test]
fn the_promises_hold_under_fresh_histories() {
    let first = fastrand::u64(..);
    run_all((0..300).map(|n| first.wrapping_add(n)));
}
