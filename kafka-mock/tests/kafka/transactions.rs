//! The same transactions on a real Apache Kafka and on the embedded cluster: the same answers.

use kafka_wire::{ErrorCode, records::Attributes};

use crate::{
    batches::now_ms,
    broker::pair,
    transactor::{Record, Transactor, eventually},
};

/// The versions that a generation of clients speaks.
#[derive(Clone, Copy, Debug)]
struct Talk {
    produce: i16,
    end: i16,
    adds: bool,
}

/// Adds partitions itself.
const FIRST: Talk = Talk {
    produce: 11,
    end: 4,
    adds: true,
};
/// Is added by what it writes (KIP-890).
const SECOND: Talk = Talk {
    produce: 12,
    end: 5,
    adds: false,
};

impl Talk {
    fn write(self, client: &mut Transactor<'_>, partition: i32, sequence: i32) {
        if self.adds {
            client.add(3, partition);
        }
        client.produce(Record {
            version: self.produce,
            partition,
            sequence,
        });
    }

    fn record(self, partition: i32, sequence: i32) -> Record {
        Record {
            version: self.produce,
            partition,
            sequence,
        }
    }
}

/// Runs a scenario on both, in both generations, and compares what was answered.
fn compare(name: &str, scenario: impl Fn(&mut Transactor<'_>, Talk)) {
    let pair = pair();
    let mut different = Vec::new();
    for (generation, talk) in [("first", FIRST), ("second", SECOND)] {
        let unique = format!("same-{name}-{generation}-{}", now_ms());
        let notes = [&pair.kafka, &pair.mock].map(|cluster| {
            let leader = cluster.create(&unique, 3, &[]);
            let mut client = Transactor::new(cluster, &leader, &unique, &unique);
            scenario(&mut client, talk);
            client.notes
        });
        let [theirs, ours] = notes;
        if theirs != ours {
            let lines = theirs.iter().zip(&ours).map(|(theirs, ours)| {
                let mark = if theirs == ours { ' ' } else { '!' };
                format!("{mark} Kafka: {theirs}\n{mark} mock:  {ours}")
            });
            let lines: Vec<_> = lines.collect();
            different.push(format!("{name}, {generation}:\n{}", lines.join("\n")));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn transactions_commit_and_abort_as_they_do_with_kafka() {
    compare("ends", |client, talk| {
        client.init(5, None);
        talk.write(client, 0, 0);
        talk.write(client, 1, 0);
        client.describe(0);
        client.end(talk.end, true);
        client.read(0);
        client.read(1);
        client.describe(0);
        let next = if talk.adds { 1 } else { 0 };
        talk.write(client, 0, next);
        talk.write(client, 0, next + 1);
        client.end(talk.end, false);
        client.read(0);
        client.read(1);
        client.describe(0);
        client.describe(1);
        client.describe(2);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn ends_asked_for_again_are_answered_as_kafka_answers_them() {
    compare("again", |client, talk| {
        client.init(5, None);
        client.end(talk.end, true);
        client.end(talk.end, false);
        client.end(talk.end, false);
        let start = (client.producer_id, client.epoch);
        talk.write(client, 0, 0);
        let before = (client.producer_id, client.epoch);
        client.end(talk.end, true);
        client.read(0);
        for committed in [true, false, true] {
            (client.producer_id, client.epoch) = before;
            client.end(talk.end, committed);
        }
        (client.producer_id, client.epoch) = start;
        client.epoch += 7;
        client.end(talk.end, true);
        client.producer_id += 1;
        client.end(talk.end, true);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_new_client_fences_an_old_one_as_it_does_with_kafka() {
    compare("fence", |client, talk| {
        client.init(5, None);
        talk.write(client, 0, 0);
        let mut new = client.twin();
        let code = new.try_init(5, None, 60_000);
        client.note(format!("while open {code}"));
        new.init(5, None);
        client.note(format!("new {}", new.who()));
        client.read(0);
        client.describe(0);
        client.end(talk.end, true);
        client.end(1, true);
        let codes = [0, 1, 2, 3].map(|version| client.try_add(version, &[0])[0]);
        client.note(format!("old adds {codes:?}"));
        for version in [9, 11, 12] {
            let record = Record {
                version,
                ..talk.record(0, 1)
            };
            client.produce(record);
        }
        let held = Some((client.producer_id, client.epoch));
        for version in [3, 4, 5] {
            let code = client.try_init(version, held, 60_000);
            client.note(format!("old init {code}"));
        }
        (client.producer_id, client.epoch) = (new.producer_id, new.epoch);
        talk.write(client, 0, 0);
        client.end(talk.end, true);
        client.read(0);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_producer_that_names_itself_recovers_as_it_does_with_kafka() {
    compare("recover", |client, talk| {
        client.init(5, None);
        let (id, epoch) = (client.producer_id, client.epoch);
        for held in [
            (id, epoch),
            (id, epoch),
            (id, epoch + 1),
            (id, epoch),
            (id + 1, 2),
        ] {
            let code = client.try_init(5, Some(held), 60_000);
            client.note(format!("recover {code} {}", client.who()));
        }
        talk.write(client, 0, 0);
        client.init(5, Some((client.producer_id, client.epoch)));
        for held in [(-1, 3), (id, -1)] {
            let code = client.try_init(5, Some(held), 60_000);
            client.note(format!("half {code}"));
        }
        for timeout in [0, -1, 900_000, 900_001] {
            let code = client.twin().try_init(5, None, timeout);
            client.note(format!("timeout {timeout} {code}"));
        }
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn batches_outside_of_a_transaction_are_refused_as_kafka_refuses_them() {
    compare("outside", |client, talk| {
        client.producer_id = 8_000_000;
        client.epoch = 0;
        let transactional = Attributes::default().transactional();
        for version in [9, 10, 11, 12] {
            let record = Record {
                version,
                ..talk.record(0, 0)
            };
            let told = client.try_produce(record, transactional);
            client.note(format!("unknown id in version {version} {told:?}"));
        }
        client.init(5, None);
        for version in [9, 10, 11] {
            let record = Record {
                version,
                ..talk.record(0, 0)
            };
            let told = client.try_produce(record, transactional);
            client.note(format!("not added in version {version} {told:?}"));
        }
        let told = client.try_produce(talk.record(1, 0), Attributes::default());
        client.note(format!("without a transaction {told:?}"));
        talk.write(client, 0, 0);
        let told = client.try_produce(talk.record(0, 1), Attributes::default());
        client.note(format!("not of the open one {told:?}"));
        talk.write(client, 0, 0);
        talk.write(client, 0, 2);
        talk.write(client, 2, 5);
        client.epoch += 1;
        client.produce(talk.record(0, 0));
        client.epoch -= 2;
        client.produce(talk.record(0, 0));
        client.describe(0);
        client.describe(1);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn partitions_and_offsets_are_added_as_they_are_with_kafka() {
    compare("adds", |client, talk| {
        client.init(5, None);
        for partitions in [&[0, 9][..], &[9], &[0, 1]] {
            let codes = client.try_add(3, partitions);
            client.note(format!("add {partitions:?} {codes:?}"));
        }
        let group = client.topic.clone();
        client.commit_offset(3, &group, (-1, ""));
        client.commit_offset(4, &group, (-1, ""));
        client.add_offsets(3, &group);
        client.commit_offset(3, &group, (-1, ""));
        client.commit_offset(4, &group, (3, "member"));
        client.commit_offset(3, "", (-1, ""));
        client.end(talk.end, true);
        if talk.adds {
            return;
        }
        client.commit_offset(5, &group, (-1, ""));
        client.commit_offset(5, &group, (3, "member"));
        client.commit_offset(5, &group, (-1, "member"));
        client.end(talk.end, false);
        client.epoch += 1;
        client.commit_offset(5, &group, (-1, ""));
        client.add_offsets(3, &group);
        client.add_offsets(1, &group);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_transaction_times_out_as_it_does_with_kafka() {
    compare("timeout", |client, talk| {
        // Much longer than it takes to write something in it.
        let code = client.try_init(5, None, 3_000);
        client.note(format!("init {code}"));
        talk.write(client, 0, 0);
        // Producing meanwhile would keep the coordinator busy with it.
        eventually(|| (!client.is_open(0)).then_some(()));
        // The same batch again is a duplicate as long as the transaction is open.
        let transactional = Attributes::default().transactional();
        let code = eventually(|| {
            let (code, _) = client.try_produce(talk.record(0, 0), transactional);
            let over = !code.is_none() && code != ErrorCode::NOT_ENOUGH_REPLICAS;
            (over && code != ErrorCode::CONCURRENT_TRANSACTIONS).then_some(code)
        });
        client.note(format!("then {code}"));
        client.read(0);
        client.describe(0);
        client.add(3, 0);
        client.end(talk.end, true);
        client.end(talk.end, false);
        let held = Some((client.producer_id, client.epoch));
        let code = client.try_init(5, held, 60_000);
        client.note(format!("recover {code}"));
        client.init(5, None);
        talk.write(client, 0, 0);
        client.end(talk.end, true);
        client.read(0);
    });
}
