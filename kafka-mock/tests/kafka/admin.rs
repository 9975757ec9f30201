//! The same requests of administrators to a real Apache Kafka and to the embedded cluster: the same answers.

use std::fmt::Debug;

use kafka_wire::{
    ErrorCode, Request,
    messages::{
        CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DescribeConfigsRequest,
        DescribeTransactionsRequest, IncrementalAlterConfigsRequest, ListTransactionsRequest,
        create_partitions::{CreatePartitionsAssignment, CreatePartitionsTopic},
        create_topics::{CreatableTopic, CreatableTopicConfig},
        delete_records::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_configs::DescribeConfigsResource,
        incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
    },
};

use crate::{
    batches::{Sent, batch, now_ms},
    broker::{Broker, list, pair, produce},
    transactor::{Record, Transactor, coordinator_of, eventually},
};

/// A broker that is asked, and what it says in words that do not depend on the cluster.
struct Asker<'a> {
    cluster: &'a Broker,
    leader: Broker,
    topic: String,
    notes: Vec<String>,
}

impl Asker<'_> {
    fn note(&mut self, what: impl Debug) {
        let topic = self.topic.clone();
        self.notes.push(format!("{what:?}").replace(&topic, "ours"));
    }

    fn ask<R: Request>(&self, version: i16, request: &R) -> R::Response {
        self.leader.ask(version, request)
    }

    fn grow(&mut self, version: i16, topics: Vec<CreatePartitionsTopic>) {
        for validate_only in [true, false] {
            let request = CreatePartitionsRequest::default()
                .with_timeout_ms(30_000)
                .with_topics(topics.clone())
                .with_validate_only(validate_only);
            let mut results = self.ask(version, &request).results;
            results.sort_by(|one, other| one.name.cmp(&other.name));
            let results = results.iter().map(|it| (&it.name, it.error_code));
            self.note(results.collect::<Vec<_>>());
        }
    }

    fn to(&self, count: i32) -> CreatePartitionsTopic {
        CreatePartitionsTopic::default()
            .with_name(self.topic.clone())
            .with_count(count)
            .with_assignments(None)
    }

    fn placed(&self, count: i32, brokers: &[&[i32]]) -> CreatePartitionsTopic {
        let assignments = brokers
            .iter()
            .map(|ids| CreatePartitionsAssignment::default().with_broker_ids(ids.to_vec()));
        self.to(count).with_assignments(Some(assignments.collect()))
    }

    fn try_delete(&self, version: i16, partition: i32, offset: i64) -> (ErrorCode, i64) {
        let partition = DeleteRecordsPartition::default()
            .with_partition_index(partition)
            .with_offset(offset);
        let topic = DeleteRecordsTopic::default()
            .with_name(self.topic.clone())
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000);
        let answer = self.ask(version, &request);
        let result = &answer.topics[0].partitions[0];
        (result.error_code, result.low_watermark)
    }

    fn delete(&mut self, version: i16, partition: i32, offset: i64) {
        let told = self.try_delete(version, partition, offset);
        self.note(("delete before", offset, told));
    }

    fn alter(&mut self, changes: &[(i8, &str, Option<&str>)]) {
        let topic = self.topic.clone();
        self.alter_of(2, &topic, changes);
    }

    fn alter_of(&mut self, kind: i8, name: &str, changes: &[(i8, &str, Option<&str>)]) {
        let configs = changes.iter().map(|(operation, name, value)| {
            AlterableConfig::default()
                .with_name((*name).to_owned())
                .with_config_operation(*operation)
                .with_value(value.map(str::to_owned))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(name.to_owned())
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let codes = [0, 1].map(|version| {
            let answer = self.ask(version, &request.clone().with_validate_only(true));
            answer.responses[0].error_code
        });
        let code = self.ask(1, &request).responses[0].error_code;
        self.note((name, changes, codes, code));
    }

    /// Everything that is told of a topic's settings but what they do.
    fn settings(&self, version: i16, name: &str, keys: Option<&[&str]>) -> Vec<String> {
        let keys = keys.map(|keys| keys.iter().map(|it| (*it).to_owned()).collect());
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(name.to_owned())
            .with_configuration_keys(keys);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let synonyms = request.clone().with_include_synonyms(true);
        let mut told = Vec::new();
        for request in [request, synonyms] {
            let result = self.ask(version, &request).results.remove(0);
            told.push(format!("{}", result.error_code));
            let mut settings: Vec<_> = result
                .configs
                .iter()
                // Tests set this one for all brokers.
                .filter(|it| it.name != "min.insync.replicas")
                .map(|it| {
                    let synonyms = it.synonyms.iter();
                    let synonyms = synonyms.map(|it| (&it.name, &it.value, it.source));
                    let synonyms: Vec<_> = synonyms.collect();
                    format!(
                        "{}={:?} read only {} source {} sensitive {} type {} synonyms {synonyms:?}",
                        it.name,
                        it.value,
                        it.read_only,
                        it.config_source,
                        it.is_sensitive,
                        it.config_type,
                    )
                })
                .collect();
            settings.sort();
            told.extend(settings);
        }
        told
    }

    /// Its own value of one setting, once it is that: what was altered takes a while to be known.
    fn await_setting(&mut self, name: &str, value: &str) {
        let told = eventually(|| {
            let told = self.settings(4, &self.topic, Some(&[name]));
            let expected = format!("{name}={:?} ", Some(value));
            // With and without what it falls back to.
            let known = told.iter().filter(|it| it.starts_with(&expected));
            (known.count() == 2).then_some(told)
        });
        self.note(told);
    }
}

/// Runs a scenario on both, and compares what was answered.
fn compare(name: &str, scenario: impl Fn(&mut Asker<'_>)) {
    let pair = pair();
    let topic = format!("same-{name}-{}", now_ms());
    let [theirs, ours] = [&pair.kafka, &pair.mock].map(|cluster| {
        let leader = cluster.create(&topic, 2, &[]);
        let mut asker = Asker {
            cluster,
            leader,
            topic: topic.clone(),
            notes: Vec::new(),
        };
        scenario(&mut asker);
        asker.notes
    });
    let lines = (0..theirs.len().max(ours.len())).map(|n| (theirs.get(n), ours.get(n)));
    let lines = lines.filter(|(theirs, ours)| theirs != ours);
    let lines: Vec<_> = lines
        .map(|(theirs, ours)| format!("Kafka: {theirs:?}\nmock:  {ours:?}"))
        .collect();
    assert!(lines.is_empty(), "{name}:\n{}", lines.join("\n"));
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn topics_grow_or_stay_as_with_kafka() {
    compare("grow", |asker| {
        for version in 0..=3 {
            asker.grow(version, vec![asker.to(1)]);
            asker.grow(version, vec![asker.to(2)]);
            asker.grow(version, vec![asker.to(-1)]);
            asker.grow(version, vec![asker.to(10_003)]);
            asker.grow(version, vec![asker.to(i32::MAX)]);
            asker.grow(version, vec![asker.to(3), asker.to(4)]);
            asker.grow(version, vec![asker.to(3), asker.to(10_003)]);
            let unknown = || asker.to(3).with_name("same-no-such".to_owned());
            asker.grow(version, vec![unknown()]);
            asker.grow(version, vec![asker.placed(3, &[])]);
            asker.grow(version, vec![asker.placed(4, &[&[1]])]);
            asker.grow(version, vec![asker.placed(3, &[&[1, 1]])]);
            asker.grow(version, vec![asker.placed(3, &[&[99]])]);
            asker.grow(version, vec![asker.placed(3, &[&[]])]);
        }
        asker.grow(3, vec![asker.to(3)]);
        asker.grow(3, vec![asker.placed(4, &[&[1]])]);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn as_many_partitions_are_refused_as_by_kafka() {
    compare("many", |asker| {
        let topic = |suffix: &str, partitions| {
            CreatableTopic::default()
                .with_name(format!("{}-{suffix}", asker.topic))
                .with_num_partitions(partitions)
                .with_replication_factor(1)
        };
        let lists = [
            vec![topic("a", 10_001)],
            vec![topic("a", 5_000), topic("b", 5_001)],
            vec![topic("a", 0)],
            vec![topic("a", -2)],
            vec![topic("a", i32::MAX), topic("b", i32::MAX)],
            vec![topic("a", 10_000)],
            vec![topic("a", 9_999), topic("b", 0)],
            vec![topic("a", 9_999), topic("b", -1)],
            vec![topic("a", 9_999), topic("b", 9), topic("b", 9)],
        ];
        for topics in lists {
            let request = CreateTopicsRequest::default()
                .with_topics(topics)
                .with_validate_only(true);
            let mut results = asker.ask(7, &request).topics;
            results.sort_by(|one, other| one.name.cmp(&other.name));
            let results = results.iter().map(|it| (&it.name, it.error_code));
            asker.note(results.collect::<Vec<_>>());
        }
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn records_are_deleted_as_with_kafka() {
    compare("records", |asker| {
        let written = Sent::from(batch(&["a", "b", "c", "d", "e"]));
        let outcome = produce(&asker.leader, &asker.topic, 0, 12, &written);
        asker.note(outcome);
        for (version, offset) in [(0, 1), (1, 3), (2, 2), (2, 0), (2, 6), (2, -2), (2, -1)] {
            asker.delete(version, 0, offset);
            let earliest = list(&asker.leader, &asker.topic, -2);
            asker.note(earliest);
        }
        asker.delete(2, 1, 0);
        asker.delete(2, 9, 0);
        let refused = ErrorCode::POLICY_VIOLATION;
        for (policy, code) in [
            ("compact", refused),
            ("", ErrorCode::NONE),
            ("compact", refused),
            ("compact,delete", ErrorCode::NONE),
        ] {
            asker.alter(&[(0, "cleanup.policy", Some(policy))]);
            // Its leader takes a while to know the policy.
            let told = eventually(|| {
                let told = asker.try_delete(2, 0, 5);
                (told.0 == code).then_some(told)
            });
            asker.note((policy, told));
        }
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn settings_are_changed_and_told_as_with_kafka() {
    compare("settings", |asker| {
        for version in 1..=4 {
            let told = asker.settings(version, &asker.topic, None);
            asker.note(told);
        }
        let name = asker.topic.clone();
        for (name, keys) in [
            (name.as_str(), Some(&[][..])),
            (&name, Some(&["retention.ms", "no.such"][..])),
            ("same-no-such", None),
            ("a b", None),
            ("", None),
        ] {
            let told = asker.settings(4, name, keys);
            asker.note(told);
        }
        let long = " +5 ";
        asker.alter(&[(0, "retention.ms", Some(long))]);
        asker.await_setting("retention.ms", "5");
        asker.alter(&[(0, "max.message.bytes", Some("1048588"))]);
        asker.alter(&[(0, "preallocate", Some("TRUE"))]);
        asker.alter(&[(0, "min.cleanable.dirty.ratio", Some("1"))]);
        asker.alter(&[(0, "compression.type", Some(" gzip "))]);
        asker.alter(&[(0, "leader.replication.throttled.replicas", Some("0:1, 1:2"))]);
        asker.alter(&[(2, "cleanup.policy", Some("compact"))]);
        asker.await_setting("cleanup.policy", "delete,compact");
        asker.alter(&[(3, "cleanup.policy", Some("delete"))]);
        asker.await_setting("cleanup.policy", "compact");
        asker.alter(&[(3, "cleanup.policy", Some("compact"))]);
        asker.await_setting("cleanup.policy", "");
        let told = asker.settings(4, &asker.topic, None);
        asker.note(told);
        asker.alter(&[
            (1, "cleanup.policy", None),
            (1, "retention.ms", None),
            (1, "no.such", None),
        ]);
        asker.await_setting("retention.ms", "604800000");
        asker.await_setting("cleanup.policy", "delete");
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn changes_are_refused_as_by_kafka() {
    compare("changes", |asker| {
        let values = [
            ("no.such", "1"),
            ("retention.ms", "x"),
            ("retention.ms", "-2"),
            ("retention.ms", "5.0"),
            ("retention.bytes", "-100"),
            ("segment.bytes", "1048575"),
            ("segment.bytes", "2147483648"),
            ("compression.gzip.level", "0"),
            ("compression.lz4.level", "18"),
            ("compression.type", "Gzip"),
            ("min.cleanable.dirty.ratio", "1.1"),
            ("min.insync.replicas", "0"),
            ("preallocate", "yes"),
            ("message.timestamp.type", "createtime"),
            ("cleanup.policy", "delete,"),
            ("cleanup.policy", "none"),
            ("leader.replication.throttled.replicas", "0"),
            ("message.downconversion.enable", "true"),
            ("remote.storage.enable", "true"),
        ];
        for (name, value) in values {
            asker.alter(&[(0, name, Some(value))]);
        }
        asker.alter(&[(0, "retention.ms", None)]);
        asker.alter(&[(9, "retention.ms", Some("1"))]);
        asker.alter(&[(2, "retention.ms", Some("1"))]);
        asker.alter(&[(3, "retention.ms", Some("1"))]);
        asker.alter(&[(2, "cleanup.policy", Some(""))]);
        let twice = (0, "retention.ms", Some("1"));
        asker.alter(&[twice, twice]);
        let good = [(0, "retention.ms", Some("1"))];
        for name in ["same-no-such", "a b", ""] {
            asker.alter_of(2, name, &good);
        }
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn what_was_created_is_told_as_by_kafka() {
    compare("created", |asker| {
        let settings = [("retention.ms", "7"), ("cleanup.policy", "compact")];
        let configs = settings.map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(name.to_owned())
                .with_value(Some(value.to_owned()))
        });
        let topic = CreatableTopic::default()
            .with_name(format!("{}-new", asker.topic))
            .with_num_partitions(1)
            .with_replication_factor(1)
            .with_configs(configs.to_vec());
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_validate_only(true);
        let result = asker.ask(7, &request).topics.remove(0);
        let settings = result.configs.unwrap_or_default().into_iter();
        let settings = settings.filter(|it| it.name != "min.insync.replicas");
        let mut settings: Vec<_> = settings
            .map(|it| (it.name, it.value, it.read_only, it.config_source))
            .collect();
        settings.sort();
        asker.note((result.error_code, result.num_partitions, settings));
    });
}

/// State, timeout, whether it has begun, and partitions of transactions that are described.
fn described(coordinator: &Broker, ids: &[&str]) -> Vec<String> {
    let ids = ids.iter().map(|it| (*it).to_owned());
    let request = DescribeTransactionsRequest::default().with_transactional_ids(ids.collect());
    let states = coordinator.ask(0, &request).transaction_states;
    let told = states.iter().map(|it| {
        let topics = it.topics.iter().map(|topic| {
            let mut partitions = topic.partitions.clone();
            partitions.sort_unstable();
            if topic.topic == "__consumer_offsets" {
                // A Kafka for tests keeps all groups in a partition of its own choice.
                partitions.fill(0);
            }
            (&topic.topic, partitions)
        });
        let mut topics: Vec<_> = topics.collect();
        topics.sort();
        format!(
            "{} {} {:?} timeout {} begun {} epoch {} {topics:?}",
            it.transactional_id,
            it.error_code,
            it.transaction_state,
            it.transaction_timeout_ms,
            it.transaction_start_time_ms.signum(),
            it.producer_epoch,
        )
    });
    told.collect()
}

/// Its transactions of these ids, as far as the filters let them through.
fn listed(coordinator: &Broker, version: i16, request: &ListTransactionsRequest) -> Vec<String> {
    let answer = coordinator.ask(version, request);
    let mut unknown = answer.unknown_state_filters;
    unknown.sort();
    let states = answer.transaction_states.iter();
    let mut told: Vec<_> = states
        .map(|it| format!("{} {}", it.transactional_id, it.transaction_state))
        .collect();
    told.sort();
    told.insert(0, format!("{} {unknown:?}", answer.error_code));
    told
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn transactions_are_listed_and_described_as_by_kafka() {
    compare("known", |asker| {
        let id = asker.topic.clone();
        let mut client = Transactor::new(asker.cluster, &asker.leader, &id, &id);
        client.init(5, None);
        let coordinator = coordinator_of(asker.cluster, &id, 1);
        let mut notes = Vec::new();
        let mut look = |client: &Transactor<'_>| {
            notes.extend(
                described(&coordinator, &[&id, "", "same-no-such-id"])
                    .into_iter()
                    .take(2),
            );
            // Others are listed, too, but for the first filter.
            let own = ListTransactionsRequest::default()
                .with_producer_id_filters(vec![client.producer_id]);
            for version in 0..=1 {
                notes.extend(listed(&coordinator, version, &own));
                for states in [
                    &["Ongoing"][..],
                    &["Empty", "CompleteCommit"],
                    &["CompleteAbort", "ongoing"],
                    &[
                        "Dead",
                        "PrepareEpochFence",
                        "PrepareCommit",
                        "PrepareAbort",
                        "",
                    ],
                ] {
                    let states = states.iter().map(|it| (*it).to_owned());
                    let own = own.clone().with_state_filters(states.collect());
                    notes.extend(listed(&coordinator, version, &own));
                }
            }
            for duration in [3_600_000, i64::MAX] {
                let own = own.clone().with_duration_filter(duration);
                notes.extend(listed(&coordinator, 1, &own));
            }
        };
        look(&client);
        let record = |partition| Record {
            version: 12,
            partition,
            sequence: 0,
        };
        for committed in [true, false] {
            client.produce(record(1));
            client.produce(record(0));
            client.add_offsets(3, "same-group");
            look(&client);
            client.end(5, committed);
            // Its markers are written.
            eventually(|| {
                let state = described(&coordinator, &[&id]).remove(0);
                state.contains("Complete").then_some(())
            });
            look(&client);
        }
        client.end(5, false);
        eventually(|| {
            let state = described(&coordinator, &[&id]).remove(0);
            state.contains("Complete").then_some(())
        });
        look(&client);
        asker.notes.extend(client.notes.clone());
        for note in notes {
            let note = note.replace(&id, "ours");
            asker.notes.push(note);
        }
    });
}
