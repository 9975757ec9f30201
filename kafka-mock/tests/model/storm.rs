//! Anything may happen to the model in any order: it stays whole, it repeats itself, and when the
//! faults end everything is decided.

use std::time::Duration;

use kafka_mock::cluster::{
    Answer, BrokerId, ClusterConfig, ConnectionId, CoordinatorKind, PartitionFacts, Restart,
    TransactionFacts, TransactionOutcome, TransactionState, UncleanElection,
};
use kafka_wire::{
    Request,
    messages::{
        AddPartitionsToTxnRequest, EndTxnRequest, add_partitions_to_txn::AddPartitionsToTxnTopic,
    },
};
use proptest::prelude::*;

use crate::{
    driver::{Driver, batch, decode, produce_request},
    transactor::{ID, Talk, Transactor, init_request},
};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    Init,
    Write { partition: i32, talk: u8 },
    WritePlain { partition: i32, acks: i16 },
    Add { partition: i32 },
    End { outcome: bool, version: i16 },
    Forge { epoch: i16 },
    Kill(i32),
    Restart(i32, bool),
    Freeze(i32),
    Thaw(i32),
    MoveLeader { partition: i32, to: i32 },
    MoveCoordinator(i32),
    DeleteRecords { partition: i32, before: i64 },
    ForgetProducers { partition: i32 },
    Recreate,
    Grow,
    Level(i16),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let partition = 0..2;
    let broker = 1..4;
    prop_oneof![
        2 => Just(Event::Init),
        8 => (partition.clone(), any::<u8>())
            .prop_map(|(partition, talk)| Event::Write { partition, talk }),
        3 => (partition.clone(), prop_oneof![Just(-1_i16), Just(0), Just(1)])
            .prop_map(|(partition, acks)| Event::WritePlain { partition, acks }),
        3 => partition.clone().prop_map(|partition| Event::Add { partition }),
        4 => (any::<bool>(), 3..=5_i16)
            .prop_map(|(outcome, version)| Event::End { outcome, version }),
        1 => prop_oneof![Just(0), Just(i16::MAX - 1), Just(i16::MAX), any::<i16>()]
            .prop_map(|epoch| Event::Forge { epoch }),
        2 => broker.clone().prop_map(Event::Kill),
        3 => (broker.clone(), any::<bool>()).prop_map(|(id, data)| Event::Restart(id, data)),
        2 => broker.clone().prop_map(Event::Freeze),
        2 => broker.clone().prop_map(Event::Thaw),
        2 => (partition.clone(), broker.clone())
            .prop_map(|(partition, to)| Event::MoveLeader { partition, to }),
        1 => broker.prop_map(Event::MoveCoordinator),
        1 => (partition.clone(), 0..20_i64)
            .prop_map(|(partition, before)| Event::DeleteRecords { partition, before }),
        1 => partition.prop_map(|partition| Event::ForgetProducers { partition }),
        1 => Just(Event::Recreate),
        1 => Just(Event::Grow),
        1 => (0..=2_i16).prop_map(Event::Level),
        6 => prop_oneof![1..50_u64, 1..2000_u64, Just(70_000)].prop_map(Event::Pass),
    ]
}

struct Storm {
    driver: Driver,
    client: Transactor,
    next_connection: u64,
}

impl Storm {
    fn new(unclean_election: UncleanElection) -> Self {
        let ms = Duration::from_millis;
        let config = ClusterConfig::default()
            .with_brokers(3)
            .with_min_insync_replicas(2)
            .with_replication_delay(ms(0)..=ms(20))
            .with_marker_delay(ms(0)..=ms(50))
            .with_coordinator_load(ms(0)..=ms(100))
            .with_unclean_election(unclean_election);
        Self {
            driver: Driver::with(config),
            client: Transactor {
                producer_id: -1,
                epoch: -1,
                sequences: [0, 0],
                talk: Talk::Second,
            },
            next_connection: 1,
        }
    }

    /// Asks on a connection of its own; none if it is not answered at once.
    fn ask<R: Request>(
        &mut self,
        broker: BrokerId,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        self.next_connection += 1;
        let connection = ConnectionId(self.next_connection);
        match self.driver.send_on(broker, connection, version, request) {
            Answer::Send(frame) => Some(decode::<R>(frame, version)),
            _ => None,
        }
    }

    fn coordinator(&mut self) -> Option<BrokerId> {
        let kind = CoordinatorKind::Transaction;
        self.driver.cluster.coordinator(kind, ID)
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Init => {
                let answer = self.coordinator();
                let answer = answer.and_then(|it| self.ask(it, 5, &init_request()));
                if let Some(answer) = answer.filter(|it| it.error_code.is_none()) {
                    self.client.producer_id = answer.producer_id;
                    self.client.epoch = answer.producer_epoch;
                    self.client.sequences = [0, 0];
                }
            }
            Event::Write { partition, talk } => self.write(partition, talk),
            Event::WritePlain { partition, acks } => {
                let id = self.driver.topic_id("t");
                let request = produce_request(id, partition, acks, batch(&["plain"]));
                if let Ok(Some(leader)) = self.driver.cluster.leader("t", partition) {
                    self.next_connection += 1;
                    let connection = ConnectionId(self.next_connection);
                    let _ = self.driver.send_on(leader, connection, 13, &request);
                }
            }
            Event::Add { partition } => {
                let request = AddPartitionsToTxnRequest::default()
                    .with_v3_and_below_transactional_id(ID.to_owned())
                    .with_v3_and_below_producer_id(self.client.producer_id)
                    .with_v3_and_below_producer_epoch(self.client.epoch)
                    .with_v3_and_below_topics(vec![
                        AddPartitionsToTxnTopic::default()
                            .with_name("t".to_owned())
                            .with_partitions(vec![partition]),
                    ]);
                if let Some(coordinator) = self.coordinator() {
                    self.ask(coordinator, 3, &request);
                }
            }
            Event::End { outcome, version } => self.end(outcome, version),
            Event::Forge { epoch } => self.client.epoch = epoch,
            Event::Pass(ms) => self.pass(Duration::from_millis(ms)),
            _ => self.disturb(event),
        }
    }

    fn write(&mut self, partition: i32, talk: u8) {
        let talk = if talk.is_multiple_of(2) {
            Talk::First
        } else {
            Talk::Second
        };
        self.client.talk = talk;
        let request = self.client.request(&self.driver, partition, "v");
        let Ok(Some(leader)) = self.driver.cluster.leader("t", partition) else {
            return;
        };
        let answer = self.ask(leader, self.client.version(), &request);
        let outcome = answer.map(|mut it| it.responses.remove(0).partition_responses.remove(0));
        if outcome.is_some_and(|outcome| outcome.error_code.is_none()) {
            self.client.sequences[partition as usize] += 1;
        }
    }

    fn end(&mut self, committed: bool, version: i16) {
        let request = EndTxnRequest::default()
            .with_transactional_id(ID.to_owned())
            .with_producer_id(self.client.producer_id)
            .with_producer_epoch(self.client.epoch)
            .with_committed(committed);
        let answer = self.coordinator();
        let answer = answer.and_then(|it| self.ask(it, version, &request));
        let answer = answer.filter(|it| version >= 5 && it.error_code.is_none());
        if let Some(answer) = answer {
            self.client.producer_id = answer.producer_id;
            self.client.epoch = answer.producer_epoch;
            self.client.sequences = [0, 0];
        }
    }

    /// What a test does to the cluster; what cannot be done is not.
    fn disturb(&mut self, event: &Event) {
        let cluster = &mut self.driver.cluster;
        let _ = match *event {
            Event::Kill(id) => cluster.kill_broker(BrokerId(id)),
            Event::Restart(id, true) => cluster.restart_broker(BrokerId(id)),
            Event::Restart(id, false) => cluster.restart_broker_with(BrokerId(id), Restart::Empty),
            Event::Freeze(id) => cluster.freeze_broker(BrokerId(id)),
            Event::Thaw(id) => cluster.thaw_broker(BrokerId(id)),
            Event::MoveLeader { partition, to } => {
                cluster.move_leader("t", partition, BrokerId(to))
            }
            Event::MoveCoordinator(to) => {
                cluster.move_coordinator(CoordinatorKind::Transaction, ID, BrokerId(to))
            }
            Event::DeleteRecords { partition, before } => {
                cluster.delete_records("t", partition, before)
            }
            Event::ForgetProducers { partition } => cluster.forget_producers("t", partition),
            Event::Recreate if cluster.brokers().count() == 3 => {
                let config = cluster.config().topic(2);
                cluster.delete_topic("t").unwrap();
                let replicas = (1..=3).rev().find(|&replication_factor| {
                    let config = config.clone().with_replication_factor(replication_factor);
                    cluster.create_topic("t", config).is_ok()
                });
                if replicas.is_none() {
                    // Nobody is there to keep it.
                    let _ = cluster.restart_broker(BrokerId(1));
                    let _ = cluster.thaw_broker(BrokerId(1));
                    let one = config.with_replication_factor(1);
                    cluster.create_topic("t", one).unwrap();
                }
                Ok(())
            }
            Event::Grow => cluster.grow_topic("t", cluster.partitions("t").unwrap() + 1),
            Event::Level(level) => {
                cluster.set_transaction_version(level);
                Ok(())
            }
            _ => Ok(()),
        };
    }

    /// Lets time pass from one thing that is due to the next.
    fn pass(&mut self, by: Duration) {
        let end = self.driver.now.instant + by;
        for _ in 0..STEPS_MAX {
            let due = self.driver.cluster.deadline().filter(|&due| due < end);
            let Some(due) = due else {
                break;
            };
            let wait = due.saturating_duration_since(self.driver.now.instant);
            self.driver.advance(wait);
            let _ = self.driver.cluster.tick(self.driver.now);
        }
        let rest = end.saturating_duration_since(self.driver.now.instant);
        self.driver.advance(rest);
        let _ = self.driver.cluster.tick(self.driver.now);
    }

    fn heal(&mut self) {
        for id in 1..=3 {
            self.disturb(&Event::Thaw(id));
            self.disturb(&Event::Restart(id, true));
        }
        self.pass(Duration::from_secs(180));
    }

    fn facts(&self) -> Vec<PartitionFacts> {
        let partitions = 0..self.driver.cluster.partitions("t").unwrap();
        let facts = partitions.map(|it| self.driver.cluster.partition_facts("t", it).unwrap());
        facts.collect()
    }

    fn check(&self) {
        for (partition, facts) in (0..).zip(self.facts()) {
            assert!(
                facts.last_stable_offset <= facts.high_watermark,
                "{facts:?}"
            );
            assert!(facts.high_watermark <= facts.log_end, "{facts:?}");
            assert!(facts.log_start <= facts.log_end, "{facts:?}");
            let log = self.driver.cluster.log("t", partition).unwrap();
            let offsets = log.iter().map(|entry| entry.offset);
            assert!(offsets.eq(0..facts.log_end), "{facts:?}");
        }
    }
}

const STEPS_MAX: usize = 100_000;

fn run(events: &[Event], unclean: UncleanElection) -> (Vec<PartitionFacts>, Vec<TransactionFacts>) {
    let mut storm = Storm::new(unclean);
    for event in events {
        storm.happen(event);
        storm.check();
    }
    storm.heal();
    storm.check();
    (storm.facts(), storm.driver.cluster.transactions())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn when_the_faults_end_everything_is_decided(
        events in prop::collection::vec(event(), 0..80),
        unclean in prop_oneof![Just(UncleanElection::Refused), Just(UncleanElection::Allowed)],
    ) {
        let (facts, transactions) = run(&events, unclean);
        for it in &facts {
            prop_assert!(it.leader.is_some(), "{it:?}");
            prop_assert_eq!(it.high_watermark, it.log_end);
            // An unclean leader may lack a marker that was acknowledged.
            if unclean == UncleanElection::Refused {
                prop_assert_eq!(it.last_stable_offset, it.log_end, "nothing hangs");
            }
        }
        for it in &transactions {
            let decided = [
                TransactionState::Empty,
                TransactionState::Complete(TransactionOutcome::Commit),
                TransactionState::Complete(TransactionOutcome::Abort),
            ];
            prop_assert!(decided.contains(&it.state), "{it:?}");
        }
        prop_assert_eq!((facts, transactions), run(&events, unclean), "the same again");
    }
}
