//! What goes wrong, and how it is put right again.
//!
//! The plan says when which kind strikes; whom it strikes is drawn when it does. What lasts a while
//! is relieved by an event of its own, and everything is relieved when the storm is over.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use kafka_mock::cluster::{BrokerId, CoordinatorKind, Effect, Fault, Restart, When};
use kafka_wire::{ApiKey, ErrorCode};

use crate::network::{Link, LinkId};
use crate::plan::{CallerPlan, TRANSACTIONAL_ID};
use crate::transactor::{group_of, transact};
use crate::world::{Event, Weather, World};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// One connection ends, anywhere between two bytes.
    CutOne,
    /// All connections of a broker do.
    CutAll,
    /// A broker does nothing for a while; its leaders may move meanwhile.
    Freeze,
    /// A broker dies and comes back.
    Kill,
    MoveLeader,
    /// Produce requests are refused before the log.
    Refuse,
    /// Produce requests are appended, and something else is answered.
    Misreport,
    /// The connection is closed instead of an answer.
    Swallow,
    /// Answers or requests take long.
    Delay,
    /// No answer at all, on one connection.
    Silence,
    Throttle,
    /// Questions about the cluster and for ids are refused.
    Obstruct,
    /// The way to a broker takes much longer.
    SlowDown,
    /// A producer's process stands still: its clock leaps.
    Stall,
    /// A broker sends bytes that answer nothing.
    Garbage,
    GrowTopic,
    RecreateTopic,
    /// Callers send nothing for longer than brokers remember a producer.
    Lull,
    /// Transactions or a group get another coordinator.
    MoveCoordinator,
    /// The cluster changes to another generation of transactions.
    ChangeFeature,
    /// Another producer with the same transactional id begins to work.
    Rival,
}

/// What is put right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relief {
    Restart(BrokerId, Restart),
    CreateTopic(usize),
    Thaw(BrokerId),
}

impl FaultKind {
    /// Each kind with its weight.
    const ALL: [(Self, u32); 21] = [
        (Self::CutOne, 12),
        (Self::CutAll, 5),
        (Self::Freeze, 7),
        (Self::Kill, 8),
        (Self::MoveLeader, 12),
        (Self::Refuse, 8),
        (Self::Misreport, 6),
        (Self::Swallow, 8),
        (Self::Delay, 6),
        (Self::Silence, 3),
        (Self::Throttle, 3),
        (Self::Obstruct, 5),
        (Self::SlowDown, 5),
        (Self::Stall, 5),
        (Self::Garbage, 2),
        (Self::GrowTopic, 3),
        (Self::RecreateTopic, 2),
        (Self::Lull, 2),
        (Self::MoveCoordinator, 8),
        (Self::ChangeFeature, 3),
        (Self::Rival, 3),
    ];

    pub(crate) fn any(random: &mut fastrand::Rng, transactional: bool) -> Self {
        // What is visible of a transaction in a topic that is gone cannot be told.
        let fits = |kind: Self| match kind {
            Self::RecreateTopic => !transactional,
            Self::MoveCoordinator | Self::ChangeFeature | Self::Rival => transactional,
            _ => true,
        };
        let kinds: Vec<_> = Self::ALL
            .into_iter()
            .filter(|(kind, _)| fits(*kind))
            .collect();
        let total: u32 = kinds.iter().map(|(_, weight)| weight).sum();
        let mut drawn = random.u32(..total);
        for (kind, weight) in kinds {
            if drawn < weight {
                return kind;
            }
            drawn -= weight;
        }
        Self::CutOne
    }
}

impl FaultKind {
    /// Whether replicas may differ after it.
    pub(crate) fn is_of_replicas(self) -> bool {
        matches!(self, Self::Kill | Self::Freeze | Self::MoveLeader)
    }
}

impl World {
    /// A fault strikes, if there is something to be struck and the storm is not over.
    pub(crate) fn strike(&mut self, kind: FaultKind) {
        if self.weather == Weather::Calm {
            return;
        }
        self.counts.faults += 1;
        self.ground.trace.mark("fault", kind as u64);
        match kind {
            FaultKind::CutOne => {
                if let Some(link) = self.any_link() {
                    self.cut(link);
                }
            }
            FaultKind::CutAll => self.cut_all(),
            FaultKind::Freeze => self.freeze(),
            FaultKind::Kill => self.kill(),
            FaultKind::MoveLeader => self.move_leader(),
            FaultKind::Stall => self.stall_one(),
            FaultKind::Garbage => self.send_garbage(),
            FaultKind::SlowDown => self.slow_down(),
            FaultKind::GrowTopic => self.grow_topic(),
            FaultKind::RecreateTopic => self.delete_topic(),
            FaultKind::Lull => self.lull(),
            FaultKind::MoveCoordinator => self.move_coordinator(),
            FaultKind::ChangeFeature => self.change_feature(),
            FaultKind::Rival => self.start_rival(),
            FaultKind::Refuse
            | FaultKind::Misreport
            | FaultKind::Swallow
            | FaultKind::Delay
            | FaultKind::Silence
            | FaultKind::Throttle
            | FaultKind::Obstruct => self.inject(kind),
        }
    }

    pub(crate) fn relieve(&mut self, relief: Relief) {
        match relief {
            Relief::Restart(broker, data) => self.restart(broker, data),
            Relief::CreateTopic(topic) => self.create_topic(topic),
            Relief::Thaw(broker) => self.thaw(broker),
        }
    }

    /// The faults stop, and what they have left is put right.
    pub(crate) fn calm_down(&mut self) {
        self.ground.trace.tell("weather", || "the storm is over");
        self.weather = Weather::Calm;
        for broker in self.ailments.dead.clone() {
            self.restart(broker, Restart::WithData);
        }
        self.ailments.slow.clear();
        self.cluster.clear_faults();
        if let Some(denied) = self.plan.expiration_denied() {
            self.cluster.inject(denied);
        }
        for topic in 0..self.plan.topics.len() {
            self.create_topic(topic);
        }
    }

    fn any_broker(&mut self) -> BrokerId {
        BrokerId(self.random.i32(1..=i32::from(self.plan.cluster.brokers)))
    }

    fn any_link(&mut self) -> Option<LinkId> {
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        (!links.is_empty()).then(|| links[self.random.usize(..links.len())])
    }

    fn any_partition(&mut self) -> Option<(String, i32)> {
        let topics: Vec<String> = self.cluster.topics().map(str::to_owned).collect();
        if topics.is_empty() {
            return None;
        }
        let topic = topics[self.random.usize(..topics.len())].clone();
        let partitions = self.cluster.partitions(&topic)?;
        Some((topic, self.random.i32(0..partitions)))
    }

    fn links_of(&self, broker: BrokerId) -> Vec<LinkId> {
        let of = self
            .links
            .iter()
            .filter(|(_, link)| link.broker == Some(broker));
        of.map(|(id, _)| *id).collect()
    }

    fn cut_all(&mut self) {
        let broker = self.any_broker();
        for link in self.links_of(broker) {
            self.cut(link);
        }
    }

    fn freeze(&mut self) {
        let broker = self.any_broker();
        let time = self.some_time(ms(50), ms(2_500));
        let now = self.now();
        let frozen = self.ailments.frozen.get(&broker);
        if frozen.is_some_and(|until| *until > now) || self.ailments.dead.contains(&broker) {
            return;
        }
        self.ground
            .trace
            .tell(broker, || format!("is frozen for {time:?}"));
        // First, so that what is put off until then finds the broker thawed.
        let thaw = Event::Relief(Relief::Thaw(broker));
        self.agenda.push(now + time, thaw);
        self.ailments.frozen.insert(broker, now + time);
        let known = self.cluster.freeze_broker(broker);
        known.expect("it is one of the plan's brokers");
    }

    fn thaw(&mut self, broker: BrokerId) {
        let due = self.ailments.frozen.get(&broker) == Some(&self.now());
        if due {
            self.ailments.frozen.remove(&broker);
            let known = self.cluster.thaw_broker(broker);
            known.expect("it is one of the plan's brokers");
            self.ground.trace.tell(broker, || "goes on");
        }
    }

    fn move_leader(&mut self) {
        if let Some((topic, partition)) = self.any_partition() {
            self.move_away(&topic, partition);
        }
    }

    /// Another replica leads, if one can.
    fn move_away(&mut self, topic: &str, partition: i32) {
        let leader = self.cluster.leader(topic, partition).ok().flatten();
        let mut others: Vec<BrokerId> = self.cluster.brokers().collect();
        others.retain(|id| Some(*id) != leader);
        self.random.shuffle(&mut others);
        for broker in others {
            if self.cluster.move_leader(topic, partition, broker).is_ok() {
                self.ground
                    .trace
                    .tell(broker, || format!("leads {topic}-{partition} now"));
                return;
            }
        }
    }

    fn kill(&mut self) {
        let broker = self.any_broker();
        if !self.ailments.dead.insert(broker) {
            return;
        }
        self.ground.trace.tell(broker, || "is killed");
        for link in self.links_of(broker) {
            self.close_from_afar(link, "the broker died");
        }
        let known = self.cluster.kill_broker(broker);
        known.expect("it is one of the plan's brokers");
        self.ailments.frozen.remove(&broker);
        let back = self.now() + self.some_time(ms(20), ms(2_500));
        let data = match self.random.u32(..3) {
            0 => Restart::Empty,
            _ => Restart::WithData,
        };
        self.agenda
            .push(back, Event::Relief(Relief::Restart(broker, data)));
    }

    /// A disk is only lost if no partition counts on it alone: Kafka promises nothing else.
    fn restart(&mut self, broker: BrokerId, data: Restart) {
        if !self.ailments.dead.remove(&broker) {
            return;
        }
        let data = match self.is_last_replica(broker) {
            true => Restart::WithData,
            false => data,
        };
        self.ground
            .trace
            .tell(broker, || format!("is back, {data:?}"));
        let known = self.cluster.restart_broker_with(broker, data);
        known.expect("it is one of the plan's brokers");
    }

    fn is_last_replica(&self, broker: BrokerId) -> bool {
        let alone = |topic: &str, partition| {
            let facts = self.cluster.partition_facts(topic, partition);
            facts.is_ok_and(|facts| facts.in_sync == [broker])
        };
        self.cluster.topics().any(|topic| {
            let partitions = self.cluster.partitions(topic).unwrap_or_default();
            (0..partitions).any(|partition| alone(topic, partition))
        })
    }

    /// Nobody sends anything for so long that brokers forget who has sent before: no fault needs to
    /// make them, nor to find out that nothing is on its way.
    fn lull(&mut self) {
        let memory = self.plan.cluster.producer_id_expiration;
        if memory > LULL_MAX {
            return;
        }
        let checked = self.plan.cluster.producer_id_expiration_check;
        let time = self.some_time(memory, memory + checked + ms(500));
        self.ground
            .trace
            .tell("callers", || format!("send nothing for {time:?}"));
        self.ground.lull_until.set(Some(self.now() + time));
    }

    fn move_coordinator(&mut self) {
        let to = self.any_broker();
        let (kind, key) = match self.random.u32(..4) {
            0 => (CoordinatorKind::Group, group_of(0)),
            _ => (CoordinatorKind::Transaction, TRANSACTIONAL_ID.to_owned()),
        };
        // Refused if that broker is not there, which is as good.
        if self.cluster.move_coordinator(kind, &key, to).is_ok() {
            self.ground
                .trace
                .tell(to, || format!("coordinates {key} now"));
        }
    }

    fn change_feature(&mut self) {
        if !self.plan.cluster.version_caps.is_empty() {
            return;
        }
        let level = self.random.i16(1..=2);
        self.ground
            .trace
            .tell("cluster", || format!("transaction.version is {level} now"));
        self.cluster.set_transaction_version(level);
    }

    /// Once: it fences the producer that was there before.
    fn start_rival(&mut self) {
        if self.clients.len() > 1 {
            return;
        }
        let plan = Rc::clone(&self.plan);
        let rival = self.start_client(plan.settings.clone());
        let caller = plan.callers[0];
        let records = 1 + caller.records / 2;
        let transact = transact(rival, plan, CallerPlan { records, ..caller });
        self.tasks.spawn(1, transact);
    }

    fn stall_one(&mut self) {
        let client = self.random.usize(..self.clients.len());
        let time = match self.random.u32(..3) {
            0 => self.some_time(ms(1_000), ms(10_000)),
            _ => self.some_time(ms(10), ms(500)),
        };
        let who = &self.clients[client].producer;
        self.ground
            .trace
            .tell(who, || format!("stands still for {time:?}"));
        self.stall(client, time);
    }

    fn send_garbage(&mut self) {
        let Some(link) = self.any_link() else { return };
        if self.links.get(&link).is_none_or(Link::is_amid_an_answer) {
            return;
        }
        let length = self.random.usize(..20) as u32;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend((0..length).map(|_| self.random.u8(..)));
        if let Some(first) = bytes.get_mut(4) {
            // No number that was asked, or the next answer would be taken for another's.
            *first |= 0x80;
        }
        self.ground.trace.tell("network", || "garbage is sent");
        let at = self.now();
        self.agenda
            .push(at, Event::ToClient(link, Bytes::from(bytes)));
    }

    fn slow_down(&mut self) {
        let broker = self.any_broker();
        let until = self.now() + self.some_time(ms(50), ms(1_500));
        let extra = self.some_time(ms(10), ms(800));
        self.ground
            .trace
            .tell(broker, || format!("is {extra:?} further away"));
        self.ailments.slow.insert(broker, (until, extra));
    }

    /// New partitions have replicas on brokers that are alive.
    fn grow_topic(&mut self) {
        if self.ailments.dead.is_empty()
            && self.ailments.frozen.is_empty()
            && let Some((topic, _)) = self.any_partition()
            && let Some(partitions) = self.cluster.partitions(&topic)
        {
            let more = partitions + self.random.i32(1..=2);
            self.ground
                .trace
                .tell("cluster", || format!("{topic} has {more} partitions now"));
            let grown = self.cluster.grow_topic(&topic, more);
            grown.expect("it is there, and grows");
        }
    }

    fn delete_topic(&mut self) {
        let place = self.random.usize(..self.plan.topics.len());
        let topic = self.plan.topics[place].name.to_string();
        let Some(partitions) = self.cluster.partitions(&topic) else {
            return;
        };
        self.ground
            .trace
            .tell("cluster", || format!("{topic} is deleted"));
        self.archive.bury(&self.cluster, &topic);
        let known = self.cluster.delete_topic(&topic);
        known.expect("it was there just now");
        self.ailments.deleted.insert(place, partitions);
        let again = self.now() + self.some_time(ms(0), ms(1_500));
        self.agenda
            .push(again, Event::Relief(Relief::CreateTopic(place)));
    }

    fn create_topic(&mut self, place: usize) {
        let Some(before) = self.ailments.deleted.get(&place) else {
            return;
        };
        let planned = &self.plan.topics[place];
        let partitions = before + self.random.i32(0..=2);
        let mut config = kafka_mock::cluster::TopicConfig {
            max_message_bytes: planned.max_message_bytes,
            ..self.plan.cluster.topic(partitions)
        };
        let alive = usize::from(self.plan.cluster.brokers) - self.ailments.dead.len();
        config.replication_factor = config.replication_factor.min(alive as i16);
        if alive == 0 || self.cluster.create_topic(&planned.name, config).is_err() {
            // Too few brokers are there for it.
            let again = self.now() + ms(50);
            self.agenda
                .push(again, Event::Relief(Relief::CreateTopic(place)));
        } else {
            self.ailments.deleted.remove(&place);
            self.ground.trace.tell("cluster", || {
                format!("{} is created, with {partitions} partitions", planned.name)
            });
        }
    }

    /// Faults that the model knows itself.
    fn inject(&mut self, kind: FaultKind) {
        let times = self.random.u32(1..5);
        let when = match self.random.bool() {
            true => When::BeforeHandling,
            false => When::AfterHandling,
        };
        let random = &mut self.random;
        let one_of = |random: &mut fastrand::Rng, codes: &[i16]| {
            ErrorCode(codes[random.usize(..codes.len())])
        };
        let fault = match kind {
            FaultKind::Refuse => Fault::refuse(one_of(random, &REFUSALS)),
            FaultKind::Misreport => Fault::misreport(one_of(random, &[7, 20, 56])),
            FaultKind::Swallow => Fault::disconnect(when),
            FaultKind::Delay => Fault::delay(when, ms(random.u64(5..1_500))),
            FaultKind::Silence => Fault::new(Effect::Silence(when)),
            FaultKind::Throttle => Fault::throttle(ms(random.u64(1..400))),
            _ => obstruction(random),
        };
        let fault = match kind {
            FaultKind::Swallow | FaultKind::Delay if random.bool() => fault.api(ApiKey::PRODUCE),
            _ => fault,
        };
        self.ground
            .trace
            .tell("cluster", || format!("{:?}, {times} times", fault.effect()));
        self.cluster.inject(fault.times(times));
    }
}

/// Questions beside Produce that are refused or not answered.
fn obstruction(random: &mut fastrand::Rng) -> Fault {
    const OBSTRUCTIONS: [(ApiKey, &[i16]); 8] = [
        (ApiKey::INIT_PRODUCER_ID, &[14, 15, 16, 51]),
        (ApiKey::METADATA, &[3, 5]),
        (ApiKey::FIND_COORDINATOR, &[15]),
        (ApiKey::ADD_PARTITIONS_TO_TXN, &[14, 15, 16, 51]),
        (ApiKey::ADD_OFFSETS_TO_TXN, &[14, 15, 16, 51]),
        (ApiKey::TXN_OFFSET_COMMIT, &[14, 15, 16, 7]),
        (ApiKey::END_TXN, &[14, 15, 16, 51]),
        (ApiKey::DESCRIBE_PRODUCERS, &[3, 6, 29]),
    ];
    let (api, codes) = OBSTRUCTIONS[random.usize(..OBSTRUCTIONS.len())];
    match random.u32(..4) {
        0 => Fault::disconnect(When::BeforeHandling).api(api),
        1 => Fault::disconnect(When::AfterHandling).api(api),
        _ => Fault::refuse(ErrorCode(codes[random.usize(..codes.len())])).api(api),
    }
}

/// Brokers that remember for longer than this do so for the whole of a run.
const LULL_MAX: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Most of them worth a retry, some final.
const REFUSALS: [i16; 15] = [2, 3, 5, 6, 14, 19, 56, 74, 75, 89, 100, -1, 17, 44, 87];
