//! The same requests about groups to a real Apache Kafka and to the embedded cluster: the same answers.

use std::cell::RefCell;

use kafka_wire::{
    Request, Uuid,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DeleteGroupsRequest,
        DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
        ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
        SyncGroupRequest,
        consumer_group_heartbeat::TopicPartitions,
        join_group::JoinGroupRequestProtocol,
        leave_group::MemberIdentity,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        },
        sync_group::SyncGroupRequestAssignment,
    },
};

use crate::{
    batches::now_ms,
    broker::{Broker, pair},
    transactor::{coordinator_of, settled},
};

/// Whoever asks about a group, with the answers so far. Names that differ in each run are replaced.
struct Asker {
    broker: Broker,
    topic: String,
    group: String,
    topic_id: Uuid,
    /// All that it was given; the last one counts.
    member_ids: RefCell<Vec<String>>,
    notes: RefCell<Vec<String>>,
}

impl Asker {
    fn new(cluster: &Broker, unique: &str) -> Self {
        cluster.create(unique, 2, &[]);
        Self {
            broker: coordinator_of(cluster, unique, 0),
            topic: unique.to_owned(),
            group: unique.to_owned(),
            topic_id: cluster.topic_id(unique),
            member_ids: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    fn note(&self, what: impl Into<String>) {
        let mut text = what.into().replace(&self.group, "GROUP");
        for (n, member_id) in self.member_ids.borrow().iter().enumerate() {
            text = text.replace(member_id.as_str(), &format!("MEMBER-{n}"));
        }
        let topic_id = self.topic_id.to_string();
        self.notes.borrow_mut().push(text.replace(&topic_id, "ID"));
    }

    /// Notes the whole answer.
    fn ask<R: Request>(&self, version: i16, request: &R) -> R::Response {
        let answer = self.broker.try_ask(version, request);
        let api = R::KEY;
        match answer {
            None => {
                self.note(format!("{api} {version}: closed"));
                R::Response::default()
            }
            Some(answer) => {
                self.note(format!("{api} {version}: {answer:?}"));
                answer
            }
        }
    }

    fn join_request(&self) -> JoinGroupRequest {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name("range".to_owned())
            .with_metadata("wants all".into());
        JoinGroupRequest::default()
            .with_group_id(self.group.clone())
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_member_id(self.me())
            .with_protocol_type("test".to_owned())
            .with_protocols(vec![protocol])
    }

    /// Joins as somebody new, and remembers who that is.
    fn join(&self, version: i16, request: &JoinGroupRequest) -> i32 {
        let answer = self.broker.ask(version, request);
        if self.me() != answer.member_id && !answer.member_id.is_empty() {
            self.member_ids.borrow_mut().push(answer.member_id.clone());
        }
        self.note(format!("joined: {answer:?}"));
        answer.generation_id
    }

    fn sync_request(&self, generation: i32) -> SyncGroupRequest {
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(self.me())
            .with_assignment("gets all".into());
        SyncGroupRequest::default()
            .with_group_id(self.group.clone())
            .with_generation_id(generation)
            .with_member_id(self.me())
            .with_protocol_type(Some("test".to_owned()))
            .with_protocol_name(Some("range".to_owned()))
            .with_assignments(vec![assignment])
    }

    fn heartbeat(&self, generation: i32, member_id: &str, instance: Option<&str>) {
        let request = HeartbeatRequest::default()
            .with_group_id(self.group.clone())
            .with_generation_id(generation)
            .with_member_id(member_id.to_owned())
            .with_group_instance_id(instance.map(str::to_owned));
        self.ask(4, &request);
    }

    fn leave(&self, version: i16, member_id: &str, instance: Option<&str>) {
        let member = MemberIdentity::default()
            .with_member_id(member_id.to_owned())
            .with_group_instance_id(instance.map(str::to_owned));
        let request = LeaveGroupRequest::default().with_group_id(self.group.clone());
        let request = match version {
            ..3 => request.with_member_id(member_id.to_owned()),
            _ => request.with_members(vec![member]),
        };
        self.ask(version, &request);
    }

    fn commit(&self, version: i16, generation: i32, member_id: &str, metadata: &str) {
        let partitions = [0, 9].map(|index| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(index)
                .with_committed_offset(41)
                .with_committed_metadata(Some(metadata.to_owned()))
        });
        let topic = OffsetCommitRequestTopic::default()
            .with_name(self.topic.clone())
            .with_topic_id(self.topic_id)
            .with_partitions(partitions.to_vec());
        let unknown = OffsetCommitRequestTopic::default()
            .with_name("same-no-such-topic".to_owned())
            .with_topic_id(Uuid([7; 16]))
            .with_partitions(vec![OffsetCommitRequestPartition::default()]);
        let request = OffsetCommitRequest::default()
            .with_group_id(self.group.clone())
            .with_generation_id_or_member_epoch(generation)
            .with_member_id(member_id.to_owned())
            .with_topics(vec![topic, unknown]);
        let mut answer = self.broker.ask(version, &request);
        // Kafka answers what it refuses itself before what the coordinator says.
        for topic in &mut answer.topics {
            topic.partitions.sort_by_key(|it| it.partition_index);
        }
        answer
            .topics
            .sort_by_key(|it| it.topic_id == Uuid([7; 16]) || it.name.contains("such"));
        self.note(format!(
            "commit {version} {generation} {member_id}: {answer:?}"
        ));
    }

    fn fetch(&self, version: i16, group: &str, all: bool) {
        let old = OffsetFetchRequestTopic::default()
            .with_name(self.topic.clone())
            .with_partition_indexes(vec![0, 1, 9]);
        let topic = OffsetFetchRequestTopics::default()
            .with_name(self.topic.clone())
            .with_topic_id(self.topic_id)
            .with_partition_indexes(vec![0, 1, 9]);
        let asked = OffsetFetchRequestGroup::default()
            .with_group_id(group.to_owned())
            .with_topics((!all).then(|| vec![topic]));
        let request = match version {
            ..8 => OffsetFetchRequest::default()
                .with_group_id(group.to_owned())
                .with_topics((!all).then(|| vec![old])),
            _ => OffsetFetchRequest::default().with_groups(vec![asked]),
        };
        self.ask(version, &request);
    }

    fn describe(&self, version: i16) {
        let request = DescribeGroupsRequest::default()
            .with_groups(vec![self.group.clone()])
            .with_include_authorized_operations(version >= 3);
        self.ask(version, &request);
    }

    fn list(&self, version: i16, state: Option<&str>, kind: Option<&str>) {
        let request = ListGroupsRequest::default()
            .with_states_filter(state.into_iter().map(str::to_owned).collect())
            .with_types_filter(kind.into_iter().map(str::to_owned).collect());
        let mut answer = self.broker.ask(version, &request);
        answer.groups.retain(|it| it.group_id == self.group);
        self.note(format!("list {version} {state:?} {kind:?}: {answer:?}"));
    }

    fn delete(&self, version: i16) {
        let names = vec![self.group.clone()];
        self.ask(
            version,
            &DeleteGroupsRequest::default().with_groups_names(names),
        );
    }

    fn delete_offsets(&self) {
        let partitions =
            [0, 9].map(|index| OffsetDeleteRequestPartition::default().with_partition_index(index));
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(self.topic.clone())
            .with_partitions(partitions.to_vec());
        let request = OffsetDeleteRequest::default()
            .with_group_id(self.group.clone())
            .with_topics(vec![topic]);
        let mut answer = self.broker.ask(0, &request);
        for topic in &mut answer.topics {
            topic.partitions.sort_by_key(|it| it.partition_index);
        }
        self.note(format!("delete offsets: {answer:?}"));
    }

    fn beat_request(&self, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(self.group.clone())
            .with_member_id(CONSUMER.to_owned())
            .with_member_epoch(epoch)
    }

    /// All that a consumer says when it joins.
    fn full_request(&self) -> ConsumerGroupHeartbeatRequest {
        self.beat_request(0)
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![self.topic.clone()]))
            .with_topic_partitions(Some(Vec::new()))
    }

    /// Notes the answer, but for the words of an error.
    fn beat(&self, request: &ConsumerGroupHeartbeatRequest) {
        let mut answer = self.broker.ask(1, request);
        answer.error_message = None;
        self.note(format!("beat: {answer:?}"));
    }

    fn describe_consumers(&self, version: i16) {
        let names = vec![self.group.clone(), String::new()];
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(names);
        let mut answer = self.broker.ask(version, &request);
        answer.groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        self.note(format!("describe {version}: {answer:?}"));
    }

    fn me(&self) -> String {
        self.member_ids.borrow().last().cloned().unwrap_or_default()
    }
}

/// The id that a consumer has chosen.
const CONSUMER: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

fn compare(name: &str, scenario: impl Fn(&Asker)) {
    let pair = pair();
    let unique = format!("same-{name}-{}", now_ms());
    let notes = [&pair.kafka, &pair.mock].map(|cluster| {
        let asker = Asker::new(cluster, &unique);
        // A Kafka that just started loads first.
        settled(|| {
            let request = DescribeGroupsRequest::default().with_groups(vec![unique.clone()]);
            (asker.broker.ask(5, &request).groups[0].error_code, ())
        });
        scenario(&asker);
        asker.notes.into_inner()
    });
    let [theirs, ours] = notes;
    assert_eq!(theirs.len(), ours.len());
    let lines = theirs
        .iter()
        .zip(&ours)
        .filter(|(theirs, ours)| theirs != ours);
    let lines: Vec<_> = lines
        .map(|(theirs, ours)| format!("Kafka: {theirs}\nmock:  {ours}"))
        .collect();
    assert!(lines.is_empty(), "{name}:\n{}", lines.join("\n"));
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_group_lives_and_ends_as_it_does_with_kafka() {
    compare("group", |asker| {
        for version in [5, 6] {
            asker.describe(version);
        }
        asker.delete(2);
        asker.delete_offsets();
        // Nothing of it is in Kafka's log before it is in sync, so that its description is that of a moment before, or
        // not, as its replicas are fast.
        asker.join(4, &asker.join_request());
        let generation = asker.join(9, &asker.join_request());
        asker.commit(9, generation, &asker.me(), "early");
        asker.ask(5, &asker.sync_request(generation));
        asker.ask(5, &asker.sync_request(generation));
        asker.describe(5);
        for (version, state, kind) in [
            (3, None, None),
            (4, Some("Stable"), None),
            (4, Some("stable"), None),
            (4, Some("Empty"), None),
            (5, None, Some("classic")),
            (5, None, Some("Classic")),
            (5, None, Some("consumer")),
        ] {
            asker.list(version, state, kind);
        }
        asker.heartbeat(generation, &asker.me(), None);
        asker.delete(2);
        asker.delete_offsets();
        let again = asker.join(8, &asker.join_request());
        asker.heartbeat(generation, &asker.me(), None);
        asker.heartbeat(again, &asker.me(), None);
        asker.leave(5, &asker.me(), None);
        asker.describe(6);
        asker.delete_offsets();
        asker.delete(2);
        asker.delete(3);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn members_are_refused_as_kafka_refuses_them() {
    compare("refused", |asker| {
        let request = asker.join_request();
        asker.ask(9, &request.clone().with_group_id(String::new()));
        asker.ask(9, &request.clone().with_session_timeout_ms(5_999));
        asker.ask(9, &request.clone().with_session_timeout_ms(1_800_001));
        asker.ask(9, &request.clone().with_member_id("nobody".to_owned()));
        asker.ask(3, &request.clone().with_member_id("nobody".to_owned()));
        asker.heartbeat(1, "nobody", None);
        asker.leave(2, "nobody", None);
        asker.leave(5, "nobody", None);
        asker.ask(5, &asker.sync_request(1));
        asker.ask(9, &request.clone().with_protocols(Vec::new()));
        asker.ask(9, &request.clone().with_protocol_type(String::new()));
        asker.join(4, &request);
        let generation = asker.join(5, &asker.join_request());
        asker.ask(3, &asker.sync_request(generation));
        let me = asker.me();
        asker.heartbeat(generation + 1, &me, None);
        asker.heartbeat(generation, "nobody", None);
        asker.heartbeat(generation, &me, Some("instance"));
        asker.ask(5, &asker.sync_request(generation + 1));
        let sync = asker.sync_request(generation);
        asker.ask(5, &sync.clone().with_protocol_type(None));
        asker.ask(5, &sync.clone().with_protocol_name(None));
        asker.ask(
            5,
            &sync.clone().with_protocol_name(Some("sticky".to_owned())),
        );
        asker.ask(
            5,
            &sync.clone().with_protocol_type(Some("other".to_owned())),
        );
        asker.ask(5, &sync.with_member_id("nobody".to_owned()));
        let request = asker.join_request();
        asker.ask(9, &request.clone().with_protocol_type("other".to_owned()));
        asker.ask(9, &request.clone().with_member_id("nobody".to_owned()));
        asker.ask(
            9,
            &request.with_group_instance_id(Some("instance".to_owned())),
        );
        asker.leave(5, &me, Some("instance"));
        asker.leave(5, "", Some("instance"));
        asker.leave(0, "nobody", None);
        asker.leave(0, &me, None);
        asker.leave(5, &me, None);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn static_members_are_replaced_as_with_kafka() {
    compare("static", |asker| {
        let named = |asker: &Asker| {
            let request = asker.join_request().with_member_id(String::new());
            request.with_group_instance_id(Some("till-7".to_owned()))
        };
        let generation = asker.join(9, &named(asker));
        let sync = |asker: &Asker| {
            let request = asker.sync_request(generation);
            request.with_group_instance_id(Some("till-7".to_owned()))
        };
        asker.ask(5, &sync(asker));
        let old = asker.me();
        for version in [9, 8, 5] {
            asker.join(version, &named(asker));
            asker.ask(5, &sync(asker));
        }
        let refused = HeartbeatRequest::default()
            .with_group_id(asker.group.clone())
            .with_generation_id(generation)
            .with_member_id(old)
            .with_group_instance_id(Some("till-7".to_owned()));
        asker.ask(4, &refused);
        asker.heartbeat(generation, &asker.me(), Some("till-7"));
        asker.describe(5);
        asker.leave(5, "", Some("till-7"));
        asker.describe(5);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn offsets_are_committed_and_fetched_as_with_kafka() {
    compare("offsets", |asker| {
        for version in [1, 2, 5, 7, 8, 9, 10] {
            asker.fetch(version, &asker.group, false);
            asker.fetch(version, &asker.group, version > 1);
        }
        for (version, generation, member) in [
            (8, 3, "nobody"),
            (9, 3, "nobody"),
            (9, -1, "nobody"),
            (2, -1, ""),
            (6, -1, ""),
            (10, -1, ""),
        ] {
            asker.commit(version, generation, member, "noted");
        }
        asker.commit(9, -1, "", &"x".repeat(4097));
        for version in [2, 5, 7, 8, 9, 10] {
            asker.fetch(version, &asker.group, false);
            asker.fetch(version, &asker.group, true);
        }
        asker.list(5, None, None);
        asker.describe(6);
        asker.join(4, &asker.join_request());
        let generation = asker.join(9, &asker.join_request());
        asker.ask(5, &asker.sync_request(generation));
        let me = asker.me();
        for (generation, member) in [
            (generation, me.as_str()),
            (generation + 1, &me),
            (generation, "nobody"),
            (-1, ""),
            (-1, &me),
        ] {
            asker.commit(9, generation, member, "");
        }
        asker.leave(5, &me, None);
        asker.delete_offsets();
        asker.fetch(9, &asker.group, true);
        asker.delete(2);
        asker.fetch(9, &asker.group, true);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn a_member_of_the_new_protocol_is_told_what_kafka_tells_it() {
    compare("consumer", |asker| {
        for epoch in [1, -1, -2, -3, 0] {
            asker.beat(&asker.beat_request(epoch));
        }
        let full = asker.full_request();
        for request in [
            full.clone().with_group_id(String::new()),
            full.clone().with_member_id(String::new()),
            full.clone().with_instance_id(Some(String::new())),
            full.clone().with_rack_id(Some(String::new())),
            full.clone().with_rebalance_timeout_ms(-1),
            full.clone().with_topic_partitions(None),
            full.clone().with_subscribed_topic_names(None),
            full.clone().with_member_epoch(3),
            full.clone().with_server_assignor(Some("mine".to_owned())),
        ] {
            asker.beat(&request);
        }
        asker.beat(&full);
        asker.beat(&full);
        for epoch in [1, 2, 3, 7] {
            asker.beat(&asker.beat_request(epoch));
        }
        for (epoch, owned) in [(2, vec![0, 1]), (2, vec![]), (3, vec![]), (1, vec![])] {
            let topic = TopicPartitions::default()
                .with_topic_id(asker.topic_id)
                .with_partitions(owned);
            let request = asker.beat_request(epoch);
            asker.beat(&request.with_topic_partitions(Some(vec![topic])));
        }
        asker.describe_consumers(0);
        asker.describe_consumers(1);
        asker.list(5, None, Some("consumer"));
        asker.describe(5);
        asker.delete(2);
        for (version, epoch, member) in [
            (8, 2, CONSUMER),
            (9, 2, CONSUMER),
            (9, 1, CONSUMER),
            (9, 2, "x"),
            (9, -1, ""),
        ] {
            asker.commit(version, epoch, member, "");
        }
        for epoch in [-2, -1, -1] {
            asker.beat(&asker.beat_request(epoch));
        }
        asker.describe_consumers(1);
        asker.list(5, Some("empty"), None);
        asker.delete(2);
    });
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn static_members_of_the_new_protocol_are_replaced_as_with_kafka() {
    compare("consumer-static", |asker| {
        let ask = |id: &str, epoch: i32, instance: &str| {
            let request = match epoch {
                0 => asker.full_request(),
                epoch => asker.beat_request(epoch),
            };
            let request = request.with_member_id(id.to_owned());
            asker.beat(&request.with_instance_id(Some(instance.to_owned())));
        };
        let (old, new) = (CONSUMER, "AAAAAAAAAAAAAAAAAAAAAg");
        ask(old, 0, "till-7");
        ask(old, 2, "till-7");
        ask(old, 2, "till-8");
        ask(new, 0, "till-7");
        ask(new, 2, "till-7");
        ask(old, -2, "till-7");
        ask(old, 2, "till-7");
        ask(new, 0, "till-7");
        ask(new, 2, "till-7");
        ask(old, 2, "till-7");
        ask(old, -1, "till-7");
        ask(new, -1, "till-8");
        ask(new, -1, "till-7");
    });
}
