//! Brokers that freeze, die, move and change, and the leaders and coordinators among them.

use kafka_mock::cluster::{BrokerId, CoordinatorKind, Restart};
use kafka_wire::ApiKey;

use super::{Relief, STRIKES, Spared, ms};
use crate::group::group_of;
use crate::plan::{FIRST_PORT, TRANSACTIONAL_ID};
use crate::world::{Event, World};

/// What is different about a broker when it is back.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Port(u16),
    Caps(Vec<(ApiKey, i16)>),
}

impl World {
    pub(super) fn cut_all(&mut self) -> Result<(), Spared> {
        let broker = self.any_broker();
        let links = self.links_of(broker);
        if links.is_empty() {
            return Err(Spared::NoConnection);
        }
        for link in links {
            self.cut(link);
        }
        Ok(())
    }

    pub(super) fn freeze(&mut self) -> Result<(), Spared> {
        let broker = self.any_broker();
        let time = self.some_time(ms(50), ms(2_500));
        let now = self.now();
        let frozen = self.ailments.frozen.get(&broker);
        if frozen.is_some_and(|until| *until > now) || self.ailments.dead.contains(&broker) {
            return Err(Spared::BrokerAway);
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
        Ok(())
    }

    pub(super) fn thaw(&mut self, broker: BrokerId) {
        let due = self.ailments.frozen.get(&broker) == Some(&self.now());
        if due {
            self.ailments.frozen.remove(&broker);
            let known = self.cluster.thaw_broker(broker);
            known.expect("it is one of the plan's brokers");
            self.ground.trace.tell(broker, || "goes on");
        }
    }

    pub(super) fn move_leader(&mut self) -> Result<(), Spared> {
        let (topic, partition) = self.any_partition()?;
        let leader = self.cluster.leader(&topic, partition).ok().flatten();
        let mut others: Vec<BrokerId> = self.cluster.brokers().collect();
        others.retain(|id| Some(*id) != leader);
        self.random.shuffle(&mut others);
        for broker in others {
            if self.cluster.move_leader(&topic, partition, broker).is_ok() {
                self.ground
                    .trace
                    .tell(broker, || format!("leads {topic}-{partition} now"));
                return Ok(());
            }
        }
        let facts = self.cluster.partition_facts(&topic, partition);
        if facts.map_or(true, |facts| facts.in_sync.len() > 1) && self.all_are_there() {
            let story = format!("{topic}-{partition} has other replicas in sync, and none leads");
            self.ground.broken(STRIKES, story);
        }
        Err(Spared::NoOtherLeader)
    }

    pub(super) fn all_are_there(&self) -> bool {
        self.ailments.dead.is_empty() && self.ailments.frozen.is_empty()
    }

    pub(super) fn kill(&mut self) -> Result<(), Spared> {
        let broker = self.any_broker();
        self.kill_one(broker)
    }

    fn kill_one(&mut self, broker: BrokerId) -> Result<(), Spared> {
        if !self.ailments.dead.insert(broker) {
            return Err(Spared::BrokerAway);
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
        Ok(())
    }

    /// The first bootstrap server stays where it is: else nobody who comes later finds the cluster.
    pub(super) fn readdress(&mut self) -> Result<(), Spared> {
        let broker = self.any_broker();
        let way_in = self.plan.settings.bootstrap[0].port;
        if self.ailments.addresses.get(&way_in) == Some(&broker) {
            return Err(Spared::OnlyWayIn);
        }
        self.kill_one(broker)?;
        let port = self.ailments.next_port;
        self.ailments.next_port += 1;
        self.ailments.changes.push((broker, Change::Port(port)));
        Ok(())
    }

    /// Only where older brokers are part of the plan: others have agreed on what these do not know.
    pub(super) fn upgrade(&mut self) -> Result<(), Spared> {
        let caps = self.plan.cluster.version_caps.clone();
        if caps.is_empty() {
            return Err(Spared::WrongVersions);
        }
        let broker = self.any_broker();
        self.kill_one(broker)?;
        let caps = match self.random.bool() {
            true => Vec::new(),
            false => caps,
        };
        self.ailments.changes.push((broker, Change::Caps(caps)));
        Ok(())
    }

    /// A disk is only lost if no partition counts on it alone: Kafka promises nothing else.
    pub(super) fn restart(&mut self, broker: BrokerId, data: Restart) {
        if !self.ailments.dead.remove(&broker) {
            return;
        }
        let data = match self.is_last_replica(broker) {
            true => Restart::WithData,
            false => data,
        };
        let changes = std::mem::take(&mut self.ailments.changes);
        for (changed, change) in changes {
            match changed == broker {
                true => self.change(broker, change),
                false => self.ailments.changes.push((changed, change)),
            }
        }
        self.ground
            .trace
            .tell(broker, || format!("is back, {data:?}"));
        let known = self.cluster.restart_broker_with(broker, data);
        known.expect("it is one of the plan's brokers");
    }

    fn change(&mut self, broker: BrokerId, change: Change) {
        self.ground
            .trace
            .tell(broker, || format!("has changed: {change:?}"));
        let known = match change {
            Change::Caps(caps) => self.cluster.set_version_caps(broker, caps),
            Change::Port(port) => {
                self.ailments.addresses.retain(|_, id| *id != broker);
                self.ailments.addresses.insert(port, broker);
                self.cluster.set_address(broker, "127.0.0.1", port)
            }
        };
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

    pub(super) fn move_coordinator(&mut self) -> Result<(), Spared> {
        let to = self.any_broker();
        let (kind, key) = match self.random.u32(..4) {
            0 => (CoordinatorKind::Group, group_of(0)),
            _ => (CoordinatorKind::Transaction, TRANSACTIONAL_ID.to_owned()),
        };
        match self.cluster.move_coordinator(kind, &key, to) {
            Ok(()) => {
                self.ground
                    .trace
                    .tell(to, || format!("coordinates {key} now"));
                Ok(())
            }
            Err(error) => {
                if self.all_are_there() {
                    self.ground.broken(STRIKES, error.to_string());
                }
                Err(Spared::BrokerAway)
            }
        }
    }

    pub(super) fn change_feature(&mut self) -> Result<(), Spared> {
        if !self.plan.cluster.version_caps.is_empty() {
            return Err(Spared::WrongVersions);
        }
        let level = self.random.i16(1..=2);
        self.ground
            .trace
            .tell("cluster", || format!("transaction.version is {level} now"));
        self.cluster.set_transaction_version(level);
        Ok(())
    }

    pub(super) fn slow_down(&mut self) {
        let broker = self.any_broker();
        let until = self.now() + self.some_time(ms(50), ms(1_500));
        let extra = self.some_time(ms(10), ms(800));
        self.ground
            .trace
            .tell(broker, || format!("is {extra:?} further away"));
        self.ailments.slow.insert(broker, (until, extra));
    }
}

/// Where brokers listen that have moved.
pub(crate) const MOVED_PORT: u16 = FIRST_PORT + 100;
