//! The world of one run: what is to happen, who lives in it, and the loop that lets it happen.
//!
//! ```text
//! agenda ─▶ event ─▶ a producer's round │ a caller's turn │ bytes arriving │ a fault
//!              └──▶ what follows from it goes back to the agenda
//! ```
//!
//! One event at a time, in the order of the agenda; all chance is drawn from the seed. `client`,
//! `network` and `faults` say what their events do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_mock::cluster::{BrokerId, Cluster, Now};
use kafka_wire::ErrorCode;

use crate::agenda::Agenda;
use crate::archive::Archive;
use crate::client::Client;
use crate::faults::{Change, FaultKind, MOVED_PORT, Relief, Strikes};
use crate::ground::Ground;
use crate::mangling::Mangling;
use crate::network::{Link, LinkId};
use crate::outbox::Outbox;
use crate::plan::{FIRST_PORT, Plan};
use crate::tasks::{TaskId, Tasks};
use crate::two_phase::TwoPhaseCounts;

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Rc<Plan>,
    pub(crate) ground: Rc<Ground>,
    pub(crate) cluster: Cluster,
    pub(crate) agenda: Agenda<Event>,
    pub(crate) tasks: Tasks,
    pub(crate) clients: Vec<Client>,
    /// How many processes are to begin in the place of others.
    pub(crate) successors_planned: usize,
    pub(crate) links: BTreeMap<LinkId, Link>,
    pub(crate) next_link: u64,
    pub(crate) next_record: Arc<AtomicU64>,
    /// What network, drivers and faults choose by.
    pub(crate) random: fastrand::Rng,
    pub(crate) ailments: Ailments,
    pub(crate) archive: Archive,
    pub(crate) counts: Counts,
    cluster_tick: Option<Instant>,
}

/// Whether things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Storm,
    Calm,
    /// So long after the storm that nothing is to be mended any more.
    Well,
}

/// What is wrong with brokers right now.
#[derive(Debug)]
pub(crate) struct Ailments {
    pub(crate) dead: BTreeSet<BrokerId>,
    /// What is different about them when they are back.
    pub(crate) changes: Vec<(BrokerId, Change)>,
    /// Who listens where.
    pub(crate) addresses: BTreeMap<u16, BrokerId>,
    /// Ports that lead to another one.
    pub(crate) detours: BTreeMap<u16, u16>,
    /// Where the next broker listens that moves.
    pub(crate) next_port: u16,
    /// What is done to the next answers.
    pub(crate) manglings: VecDeque<Mangling>,
    /// Codes that refuse for good, and may have been answered.
    pub(crate) denied: BTreeSet<ErrorCode>,
    /// Topics of the plan that are not there now, with the partitions they had.
    pub(crate) deleted: BTreeMap<usize, i32>,
    /// Until when a broker does nothing.
    pub(crate) frozen: BTreeMap<BrokerId, Instant>,
    /// Until when bytes to and from a broker take this much longer.
    pub(crate) slow: BTreeMap<BrokerId, (Instant, Duration)>,
}

impl Ailments {
    /// None, and every broker where it is at first.
    fn none(brokers: u16) -> Self {
        let address = |n| (FIRST_PORT + n, BrokerId(i32::from(n) + 1));
        Self {
            dead: BTreeSet::new(),
            changes: Vec::new(),
            addresses: (0..brokers).map(address).collect(),
            detours: BTreeMap::new(),
            next_port: MOVED_PORT,
            manglings: VecDeque::new(),
            denied: BTreeSet::new(),
            deleted: BTreeMap::new(),
            frozen: BTreeMap::new(),
            slow: BTreeMap::new(),
        }
    }
}

/// What happened how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) steps: u64,
    /// Of each kind of fault.
    pub(crate) strikes: BTreeMap<FaultKind, Strikes>,
    /// Answers that were not sent as they were.
    pub(crate) mangled: u64,
    /// How often a broker said that another one was meant.
    pub(crate) misrouted: u64,
    pub(crate) requests: u64,
    pub(crate) connections: u64,
    pub(crate) rounds: u64,
    /// Callers have waited for the memory of a frozen broker, and then written to the others.
    pub(crate) floods: u64,
    /// Somebody was told why a record waits.
    pub(crate) explained: u64,
    /// Brokers have accepted metrics.
    pub(crate) pushes: u64,
    pub(crate) two_phase: TwoPhaseCounts,
}

/// Something that happens.
pub(crate) enum Event {
    /// A producer's driver gets its turn, if that is still what it waits for.
    Round(usize),
    /// A caller gets its turn.
    Turn(TaskId),
    Wake(Waker),
    /// A dial is answered.
    Dialed(LinkId),
    /// A socket takes the next request.
    Write(LinkId),
    ToBroker(LinkId, Bytes),
    ToClient(LinkId, Bytes),
    BrokerSeesEnd(LinkId),
    ClientSeesEnd(LinkId, &'static str),
    /// A broker's answer may be due.
    ClusterTick,
    Fault(FaultKind),
    Relief(Relief),
    /// A process of a program begins in the place of one that has ended.
    Begin(Rc<Outbox>),
    /// The faults stop.
    Calm,
}

impl World {
    pub(crate) fn new(plan: Rc<Plan>, ground: Rc<Ground>) -> Self {
        let mut cluster = Cluster::new(plan.cluster.clone(), plan.seed);
        for topic in &plan.topics {
            let config = plan
                .cluster
                .topic(topic.partitions)
                .with_max_message_bytes(topic.max_message_bytes);
            cluster
                .create_topic(&topic.name, config)
                .expect("the plan has possible topics");
        }
        if let Some(denied) = plan.expiration_denied() {
            cluster.inject(denied);
        }
        let mut agenda = Agenda::new();
        let start = ground.now();
        for &(at, fault) in &plan.faults {
            agenda.push(start + at, Event::Fault(fault));
        }
        agenda.push(start + plan.storm, Event::Calm);
        ground.clock.drift(plan.clock_drift_ppm);
        Self {
            random: fastrand::Rng::with_seed(plan.seed ^ 0x5eed),
            ground,
            cluster,
            agenda,
            tasks: Tasks::new(),
            clients: Vec::new(),
            successors_planned: 0,
            links: BTreeMap::new(),
            next_link: 1,
            next_record: Arc::default(),
            ailments: Ailments::none(plan.cluster.brokers),
            plan,
            archive: Archive::default(),
            counts: Counts::default(),
            cluster_tick: None,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.ground.now()
    }

    /// What the model is told of the time.
    pub(crate) fn broker_time(&self) -> Now {
        Now::new(self.now(), self.ground.clock.true_wall_ms())
    }

    /// Lets things happen until `done`, or until `deadline`; whether it is done.
    pub(crate) fn run_until(
        &mut self,
        deadline: Instant,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> bool {
        self.follow_up();
        while !self.ground.has_breach() {
            if done(self) {
                return true;
            }
            if self.agenda.next().is_none_or(|at| at > deadline) {
                self.ground.clock.advance(deadline);
                return done(self);
            }
            self.step();
        }
        false
    }

    fn step(&mut self) {
        let Some((at, event)) = self.agenda.pop() else {
            return;
        };
        self.ground.clock.advance(at);
        self.counts.steps += 1;
        if self.counts.steps > STEPS_MAX {
            self.ground
                .broken("nobody is busy for nothing", "the run has no end");
        }
        self.happen(event);
        self.follow_up();
        self.watch();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Round(client) => self.round(client),
            Event::Turn(task) => self.turn(task),
            Event::Wake(waker) => waker.wake(),
            Event::Dialed(link) => self.dialed(link),
            Event::Write(link) => self.write(link),
            Event::ToBroker(link, bytes) => self.reach_broker(link, bytes),
            Event::ToClient(link, bytes) => self.reach_client(link, bytes),
            Event::BrokerSeesEnd(link) => self.broker_sees_end(link),
            Event::ClientSeesEnd(link, why) => self.client_sees_end(link, why),
            Event::ClusterTick => self.tick_cluster(),
            Event::Fault(fault) => self.strike(fault),
            Event::Relief(relief) => self.relieve(relief),
            Event::Begin(outbox) => self.begin_successor(outbox),
            Event::Calm => self.calm_down(),
        }
    }

    /// A caller's turn, unless its process stands still.
    fn turn(&mut self, task: TaskId) {
        let stalled = self
            .tasks
            .client_of(task)
            .and_then(|client| self.clients[client].stalled(self.now()));
        match stalled {
            Some(until) => self.agenda.push(until, Event::Turn(task)),
            None => self.tasks.poll(task),
        }
    }

    fn tick_cluster(&mut self) {
        self.cluster_tick = None;
        self.tick();
    }

    /// Puts on the agenda what follows from what has happened.
    pub(crate) fn follow_up(&mut self) {
        self.plan_successors();
        let alarms = std::mem::take(&mut *self.ground.alarms.borrow_mut());
        for (at, waker) in alarms {
            self.agenda.push(at, Event::Wake(waker));
        }
        for task in self.tasks.take_woken() {
            let at = self.now() + self.lateness();
            self.agenda.push(at, Event::Turn(task));
        }
        for client in 0..self.clients.len() {
            if self.clients[client].was_woken() {
                let at = self.now() + self.lateness();
                self.plan_round(client, at);
            }
        }
        if let Some(at) = self.cluster.deadline() {
            let at = at.max(self.now());
            if self.cluster_tick.is_none_or(|planned| at < planned) {
                self.cluster_tick = Some(at);
                self.agenda.push(at, Event::ClusterTick);
            }
        }
    }

    /// By how much somebody who was woken is late.
    pub(crate) fn lateness(&mut self) -> Duration {
        let most = self.plan.network.driver_delay_max.as_micros() as u64;
        match self.random.u32(..3) {
            0 => Duration::ZERO,
            _ => Duration::from_micros(self.random.u64(..=most)),
        }
    }

    /// A percentage of cases, and only while things go wrong.
    pub(crate) fn mishap(&mut self, percent: u32) -> bool {
        self.ground.weather.get() == Weather::Storm && self.random.u32(..100) < percent
    }

    /// Some time between these.
    pub(crate) fn some_time(&mut self, least: Duration, most: Duration) -> Duration {
        let (least, most) = (least.as_micros() as u64, most.as_micros() as u64);
        Duration::from_micros(self.random.u64(least..=most.max(least)))
    }
}

/// Far more than any run takes.
const STEPS_MAX: u64 = 3_000_000;
