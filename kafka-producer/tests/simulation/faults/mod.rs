//! What goes wrong, and how it is put right again.
//!
//! The plan says when which kind strikes; whom it strikes is drawn when it does. A fault strikes, or
//! says which of a closed list of [reasons](Spared) kept it from that; both are counted, and a test
//! demands that each kind strikes. What lasts a while is relieved by an event of its own, and
//! everything is relieved when the storm is over.

mod answers;
mod brokers;
mod clients;
mod topics;

pub(crate) use brokers::{Change, MOVED_PORT};

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_mock::cluster::{BrokerId, Restart};

use crate::network::LinkId;
use crate::world::{Weather, World};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultKind {
    /// One connection ends, anywhere between two bytes.
    CutOne,
    /// All connections of a broker do.
    CutAll,
    /// A broker does nothing for a while; its leaders may move meanwhile.
    Freeze,
    /// A broker dies and comes back.
    Kill,
    /// The same, and it listens at another address then.
    Readdress,
    /// The same, and it speaks newer versions then, or older ones.
    Upgrade,
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
    /// Questions about the cluster and for ids are refused, for now.
    Obstruct,
    /// They are refused for good.
    Deny,
    /// A broker asks its clients to begin anew with the bootstrap servers.
    Rebootstrap,
    /// The way to a broker takes much longer.
    SlowDown,
    /// A producer's process stands still: its clock leaps.
    Stall,
    /// A producer's wall clock is set.
    SetClock,
    /// A broker sends bytes that answer nothing.
    Garbage,
    /// Answers that can be read, and tell too little, too much or the same twice.
    Mangle,
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
    /// The consumer group whose offsets are committed gets another generation, or another member.
    Rebalance,
    /// Who logs in is refused, for a while. Planned for clusters that ask for logins, and not drawn.
    ChangePassword,
    /// The addresses of two brokers lead to each other's, for a while. Planned apart, and not drawn.
    Misroute,
    /// Metrics that the cluster wants are refused. Planned apart, and not drawn.
    RefuseMetrics,
    /// A coordinator refuses to end a transaction, for now. Planned for two-phase commit, and not drawn.
    RefuseEnd,
}

/// Why a fault did not strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spared {
    /// The producer has no connection, or none of that kind.
    NoConnection,
    /// The broker is dead or frozen already.
    BrokerAway,
    /// No other replica in sync can lead.
    NoOtherLeader,
    /// New partitions must have all of their replicas.
    NotAllBrokersThere,
    /// It is deleted already, and so are all others.
    NoTopic,
    /// A half of an answer has arrived: what comes now would be taken for its rest.
    AmidAnAnswer,
    /// Nothing was asked any more that it is about.
    NothingAsked,
    /// Brokers remember for longer than the run takes.
    MemoryOutlastsTheRun,
    /// Once is enough.
    AlreadyThere,
    /// It takes brokers that are as new as can be, or older ones.
    WrongVersions,
    /// Somebody must be found where everybody was.
    OnlyWayIn,
    /// There is one broker.
    NoOtherBroker,
    /// The cluster does not ask who its clients are.
    NobodyLogsIn,
    /// The cluster wants no metrics.
    MetricsUnwanted,
}

/// What came of all faults of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    pub(crate) planned: u64,
    pub(crate) struck: u64,
    pub(crate) spared: BTreeMap<Spared, u64>,
}

impl Strikes {
    fn spare(&mut self, reason: Spared) {
        *self.spared.entry(reason).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.struck += other.struck;
        for (reason, times) in &other.spared {
            *self.spared.entry(*reason).or_default() += times;
        }
    }
}

/// Whether a fault has struck, as far as is known.
enum Outcome {
    Struck,
    /// It strikes whoever asks next.
    Lurking,
}

/// What is put right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relief {
    Restart(BrokerId, Restart),
    CreateTopic(usize),
    Thaw(BrokerId),
    Password,
    Way(u16, u16),
}

impl FaultKind {
    /// Each kind with its weight.
    pub(crate) const ALL: [(Self, u32); 32] = [
        (Self::CutOne, 12),
        (Self::CutAll, 5),
        (Self::Freeze, 7),
        (Self::Kill, 8),
        (Self::Readdress, 3),
        (Self::Upgrade, 4),
        (Self::MoveLeader, 12),
        (Self::Refuse, 8),
        (Self::Misreport, 6),
        (Self::Swallow, 8),
        (Self::Delay, 6),
        (Self::Silence, 3),
        (Self::Throttle, 4),
        (Self::Obstruct, 5),
        (Self::Deny, 1),
        (Self::Rebootstrap, 2),
        (Self::SlowDown, 5),
        (Self::Stall, 5),
        (Self::SetClock, 2),
        (Self::Garbage, 2),
        (Self::Mangle, 3),
        (Self::GrowTopic, 3),
        (Self::RecreateTopic, 2),
        (Self::Lull, 2),
        (Self::MoveCoordinator, 8),
        (Self::ChangeFeature, 3),
        (Self::Rival, 3),
        (Self::Rebalance, 5),
        (Self::ChangePassword, 0),
        (Self::Misroute, 0),
        (Self::RefuseMetrics, 0),
        (Self::RefuseEnd, 0),
    ];

    pub(crate) fn any(random: &mut fastrand::Rng, transactional: bool) -> Self {
        let kinds: Vec<_> = Self::ALL
            .into_iter()
            .filter(|(kind, _)| kind.fits(transactional))
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

    /// Whether it can happen to such a producer. What is visible of a transaction in a topic that is
    /// gone cannot be told.
    pub(crate) fn fits(self, transactional: bool) -> bool {
        match self {
            Self::RecreateTopic => !transactional,
            Self::MoveCoordinator
            | Self::ChangeFeature
            | Self::Rival
            | Self::Rebalance
            | Self::RefuseEnd => transactional,
            _ => true,
        }
    }

    /// A kind by its name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let mut kinds = Self::ALL.into_iter().map(|(kind, _)| kind);
        let known = kinds.clone().map(|kind| format!("{kind:?}"));
        let found = kinds.find(|kind| format!("{kind:?}") == name);
        found.ok_or_else(|| format!("there are: {}", known.collect::<Vec<_>>().join(", ")))
    }
}

impl World {
    /// A fault strikes, if there is something to be struck.
    pub(crate) fn strike(&mut self, kind: FaultKind) {
        if self.ground.weather.get() != Weather::Storm {
            let story = format!("{kind:?} comes after the storm");
            return self.ground.broken(STRIKES, story);
        }
        self.ground.trace.mark("fault", kind as u64);
        let outcome = self.attempt(kind);
        let strikes = self.counts.strikes.entry(kind).or_default();
        strikes.planned += 1;
        match outcome {
            Ok(Outcome::Struck) => strikes.struck += 1,
            Ok(Outcome::Lurking) => {}
            Err(reason) => {
                strikes.spare(reason);
                self.ground
                    .trace
                    .tell("nothing", || format!("comes of {kind:?}: {reason:?}"));
            }
        }
    }

    fn attempt(&mut self, kind: FaultKind) -> Result<Outcome, Spared> {
        match kind {
            FaultKind::CutOne => {
                let link = self.any_link()?;
                self.cut(link);
            }
            FaultKind::CutAll => self.cut_all()?,
            FaultKind::Freeze => self.freeze()?,
            FaultKind::Kill => self.kill()?,
            FaultKind::Readdress => self.readdress()?,
            FaultKind::Upgrade => self.upgrade()?,
            FaultKind::MoveLeader => self.move_leader()?,
            FaultKind::Stall => self.stall_one(),
            FaultKind::SetClock => self.set_clock(),
            FaultKind::Garbage => self.send_garbage()?,
            FaultKind::SlowDown => self.slow_down(),
            FaultKind::GrowTopic => self.grow_topic()?,
            FaultKind::RecreateTopic => self.delete_topic()?,
            FaultKind::Lull => self.lull()?,
            FaultKind::MoveCoordinator => self.move_coordinator()?,
            FaultKind::ChangeFeature => self.change_feature()?,
            FaultKind::Rival => self.start_rival()?,
            FaultKind::Rebalance => self.rebalance(),
            FaultKind::ChangePassword => self.change_password()?,
            FaultKind::Misroute => {
                self.misroute()?;
                return Ok(Outcome::Lurking);
            }
            FaultKind::RefuseMetrics => {
                self.refuse_metrics()?;
                return Ok(Outcome::Lurking);
            }
            FaultKind::RefuseEnd => {
                self.refuse_ends();
                return Ok(Outcome::Lurking);
            }
            FaultKind::Mangle => {
                self.plan_mangling();
                return Ok(Outcome::Lurking);
            }
            FaultKind::Refuse
            | FaultKind::Misreport
            | FaultKind::Swallow
            | FaultKind::Delay
            | FaultKind::Silence
            | FaultKind::Throttle
            | FaultKind::Obstruct
            | FaultKind::Deny
            | FaultKind::Rebootstrap => {
                self.inject(kind)?;
                return Ok(Outcome::Lurking);
            }
        }
        Ok(Outcome::Struck)
    }

    pub(crate) fn relieve(&mut self, relief: Relief) {
        match relief {
            Relief::Restart(broker, data) => self.restart(broker, data),
            Relief::CreateTopic(topic) => self.create_topic(topic),
            Relief::Thaw(broker) => self.thaw(broker),
            Relief::Password => self.restore_password(),
            Relief::Way(a, b) => self.restore_way(a, b),
        }
    }

    /// The faults stop, and what they have left is put right.
    pub(crate) fn calm_down(&mut self) {
        self.ground.trace.tell("weather", || "the storm is over");
        self.ground.weather.set(Weather::Calm);
        self.count_lurking();
        for broker in self.ailments.dead.clone() {
            self.restart(broker, Restart::WithData);
        }
        self.restore_password();
        self.ailments.detours.clear();
        self.ailments.slow.clear();
        self.ailments.manglings.clear();
        self.cluster.clear_faults();
        if let Some(denied) = self.plan.expiration_denied() {
            self.cluster.inject(denied);
        }
        for topic in 0..self.plan.topics.len() {
            self.create_topic(topic);
        }
    }

    /// What became of the faults that strike who asks.
    fn count_lurking(&mut self) {
        for (kind, _) in FaultKind::ALL {
            let (mangled, misrouted) = (self.counts.mangled, self.counts.misrouted);
            let cluster = &self.cluster;
            let Some(strikes) = self.counts.strikes.get_mut(&kind) else {
                continue;
            };
            let judged = strikes.struck + strikes.spared.values().sum::<u64>();
            let lurking = strikes.planned - judged;
            if lurking == 0 {
                continue;
            }
            let struck = match kind {
                FaultKind::Mangle => mangled,
                FaultKind::Misroute => misrouted,
                _ => cluster.strikes(kind as u32),
            };
            strikes.struck += struck;
            if struck == 0 {
                *strikes.spared.entry(Spared::NothingAsked).or_default() += lurking;
            }
        }
    }

    pub(crate) fn any_broker(&mut self) -> BrokerId {
        BrokerId(self.random.i32(1..=i32::from(self.plan.cluster.brokers)))
    }

    fn any_link(&mut self) -> Result<LinkId, Spared> {
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        match links.is_empty() {
            true => Err(Spared::NoConnection),
            false => Ok(links[self.random.usize(..links.len())]),
        }
    }

    fn any_partition(&mut self) -> Result<(String, i32), Spared> {
        let topics: Vec<String> = self.cluster.topics().map(str::to_owned).collect();
        if topics.is_empty() {
            return Err(Spared::NoTopic);
        }
        let topic = topics[self.random.usize(..topics.len())].clone();
        let partitions = self.cluster.partitions(&topic).unwrap_or_default();
        if partitions < 1 {
            self.ground.broken(STRIKES, format!("{topic} has none"));
            return Err(Spared::NoTopic);
        }
        let partition = self.random.i32(0..partitions);
        Ok((topic, partition))
    }

    pub(crate) fn links_of(&self, broker: BrokerId) -> Vec<LinkId> {
        let of = self
            .links
            .iter()
            .filter(|(_, link)| link.broker == Some(broker));
        of.map(|(id, _)| *id).collect()
    }
}

/// The promise of the simulation itself.
const STRIKES: &str = "a fault strikes, or says why not";

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
