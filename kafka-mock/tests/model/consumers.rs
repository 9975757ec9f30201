//! Groups of KIP-848: each state, and what leads from one to the next.

use std::time::Duration;

use kafka_mock::cluster::{CoordinatorKind, GroupState};
use kafka_wire::{
    ErrorCode,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest,
        ConsumerGroupHeartbeatResponse, ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest,
        consumer_group_heartbeat::TopicPartitions,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
};

use crate::{
    driver::{Driver, ONE, TWO},
    member::{GROUP, Member, group_coordinator},
    transactor::pass,
};

/// A member that does as it is told, and says what it has.
#[derive(Clone, Debug)]
struct Consumer {
    id: &'static str,
    instance: Option<&'static str>,
    epoch: i32,
    /// Partitions of `t`.
    owned: Vec<i32>,
}

impl Consumer {
    fn new(id: &'static str) -> Self {
        Self {
            id,
            instance: None,
            epoch: 0,
            owned: Vec::new(),
        }
    }

    fn fixed(id: &'static str, instance: &'static str) -> Self {
        let instance = Some(instance);
        Self {
            instance,
            ..Self::new(id)
        }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_member_id(self.id.to_owned())
            .with_member_epoch(self.epoch)
            .with_instance_id(self.instance.map(str::to_owned))
    }

    /// All that a member says when it joins.
    fn full(&self, driver: &Driver) -> ConsumerGroupHeartbeatRequest {
        self.request()
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec!["t".to_owned()]))
            .with_topic_partitions(Some(self.has(driver)))
    }

    fn has(&self, driver: &Driver) -> Vec<TopicPartitions> {
        let topic = TopicPartitions::default()
            .with_topic_id(driver.topic_id("t"))
            .with_partitions(self.owned.clone());
        Some(topic)
            .filter(|it| !it.partitions.is_empty())
            .into_iter()
            .collect()
    }

    fn send(
        &self,
        driver: &mut Driver,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        let broker = group_coordinator(driver);
        driver.ask(broker, 1, request)
    }

    /// Becomes what the answer says.
    fn follow(&mut self, answer: ConsumerGroupHeartbeatResponse) -> ErrorCode {
        if answer.error_code.is_none() {
            self.epoch = answer.member_epoch;
            if let Some(assignment) = answer.assignment {
                let topics = assignment.topic_partitions.into_iter();
                self.owned = topics.flat_map(|it| it.partitions).collect();
            }
        }
        answer.error_code
    }

    fn join(&mut self, driver: &mut Driver) -> ErrorCode {
        let request = self.full(driver);
        let answer = self.send(driver, &request);
        self.follow(answer)
    }

    /// A heartbeat that says what the member has.
    fn beat(&mut self, driver: &mut Driver) -> ErrorCode {
        let request = self.request().with_topic_partitions(Some(self.has(driver)));
        let answer = self.send(driver, &request);
        self.follow(answer)
    }

    fn leave(&self, driver: &mut Driver, epoch: i32) -> ErrorCode {
        let request = self.request().with_member_epoch(epoch);
        self.send(driver, &request).error_code
    }

    fn commit(&self, driver: &mut Driver, version: i16, epoch: i32) -> ErrorCode {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(7);
        let topic = OffsetCommitRequestTopic::default()
            .with_name("t".to_owned())
            .with_topic_id(driver.topic_id("t"))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_generation_id_or_member_epoch(epoch)
            .with_member_id(self.id.to_owned())
            .with_topics(vec![topic]);
        let answer = driver.ask(ONE, version, &request);
        answer.topics[0].partitions[0].error_code
    }
}

fn state(driver: &Driver) -> GroupState {
    driver.cluster.group(GROUP).unwrap().state
}

fn alone(driver: &mut Driver) -> Consumer {
    let mut member = Consumer::new("m");
    assert_eq!(member.join(driver), ErrorCode::NONE);
    assert_eq!((member.epoch, &member.owned), (2, &vec![0, 1]));
    member
}

/// Two members with a partition each.
fn couple(driver: &mut Driver) -> [Consumer; 2] {
    let (mut first, mut second) = (alone(driver), Consumer::new("n"));
    assert_eq!(second.join(driver), ErrorCode::NONE);
    assert_eq!(
        (second.epoch, second.owned.len()),
        (3, 0),
        "nothing is free yet"
    );
    assert_eq!(state(driver), GroupState::Reconciling);
    first.beat(driver);
    assert_eq!(
        (first.epoch, first.owned.len()),
        (2, 1),
        "it has to give one up first"
    );
    second.beat(driver);
    assert_eq!(second.owned.len(), 0, "the other has not said that it has");
    first.beat(driver);
    assert_eq!((first.epoch, first.owned.len()), (3, 1));
    second.beat(driver);
    assert_eq!((second.epoch, second.owned.len()), (3, 1));
    assert_eq!(state(driver), GroupState::Stable);
    [first, second]
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_member_alone_reads_all_and_is_told_once() {
    let mut driver = Driver::new(1);
    let member = alone(&mut driver);
    assert_eq!(state(&driver), GroupState::Stable);
    let answer = member.send(&mut driver, &member.request());
    assert_eq!((answer.member_epoch, answer.assignment), (2, None));
    assert_eq!(answer.heartbeat_interval_ms, 5000);
    let facts = driver.cluster.group(GROUP).unwrap();
    assert_eq!(
        facts.members[0].assignment,
        [("t".to_owned(), 0), ("t".to_owned(), 1)]
    );
}

#[test]
fn a_partition_is_given_up_before_another_member_gets_it() {
    let [first, second] = couple(&mut Driver::new(1));
    assert_ne!(first.owned, second.owned);
}

#[test]
fn who_leaves_gives_up_all_at_once() {
    let mut driver = Driver::new(1);
    let [first, mut second] = couple(&mut driver);
    assert_eq!(first.leave(&mut driver, -1), ErrorCode::NONE);
    assert_eq!(state(&driver), GroupState::Assigning);
    second.beat(&mut driver);
    assert_eq!((second.epoch, second.owned.len()), (4, 2));
    assert_eq!(first.leave(&mut driver, -1), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(second.leave(&mut driver, -1), ErrorCode::NONE);
    assert_eq!(state(&driver), GroupState::Empty);
}

#[test]
fn a_silent_member_is_gone_and_so_is_one_that_gives_nothing_up() {
    let mut driver = Driver::new(1);
    let [mut first, mut second] = couple(&mut driver);
    pass(&mut driver, 44 * SECOND);
    assert_eq!(second.beat(&mut driver), ErrorCode::NONE);
    pass(&mut driver, SECOND);
    assert_eq!(driver.cluster.group(GROUP).unwrap().members.len(), 1);
    assert_eq!(first.beat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    second.beat(&mut driver);
    assert_eq!(second.owned.len(), 2);

    let mut third = Consumer::new("o");
    third.join(&mut driver);
    for _ in 0..5 {
        // It goes on reading what it should not.
        second.owned = vec![0, 1];
        second.beat(&mut driver);
        third.beat(&mut driver);
        assert_eq!(third.owned.len(), 0);
        pass(&mut driver, 12 * SECOND);
    }
    assert_eq!(second.beat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    third.beat(&mut driver);
    assert_eq!(third.owned.len(), 2);
}

#[test]
fn epochs_that_are_not_those_of_the_member_are_fenced() {
    let mut driver = Driver::new(1);
    let [first, _] = couple(&mut driver);
    for (epoch, owned, code) in [
        (3, first.owned.clone(), ErrorCode::NONE),
        (2, first.owned.clone(), ErrorCode::NONE),
        (2, vec![0, 1], ErrorCode::FENCED_MEMBER_EPOCH),
        (4, first.owned.clone(), ErrorCode::FENCED_MEMBER_EPOCH),
        (9, vec![], ErrorCode::FENCED_MEMBER_EPOCH),
    ] {
        let mut late = Consumer {
            epoch,
            owned,
            ..first.clone()
        };
        assert_eq!(late.beat(&mut driver), code, "{late:?}");
    }
    assert_eq!(first.commit(&mut driver, 10, 3), ErrorCode::NONE);
    assert_eq!(
        first.commit(&mut driver, 8, 3),
        ErrorCode::UNSUPPORTED_VERSION
    );
    assert_eq!(
        first.commit(&mut driver, 10, 2),
        ErrorCode::STALE_MEMBER_EPOCH
    );
    assert_eq!(
        Consumer::new("x").commit(&mut driver, 10, 3),
        ErrorCode::UNKNOWN_MEMBER_ID
    );
    assert_eq!(
        first.commit(&mut driver, 10, -1),
        ErrorCode::STALE_MEMBER_EPOCH
    );
}

#[test]
fn a_reader_of_offsets_has_to_be_the_member_that_it_says_it_is() {
    let mut driver = Driver::new(1);
    let member = alone(&mut driver);
    member.commit(&mut driver, 10, 2);
    let mut fetch = |id: Option<&str>, epoch| {
        let topic = OffsetFetchRequestTopics::default()
            .with_topic_id(driver.topic_id("t"))
            .with_partition_indexes(vec![0]);
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(GROUP.to_owned())
            .with_member_id(id.map(str::to_owned))
            .with_member_epoch(epoch)
            .with_topics(Some(vec![topic]));
        let request = OffsetFetchRequest::default().with_groups(vec![group]);
        let group = driver.ask(ONE, 10, &request).groups.remove(0);
        let found = group
            .topics
            .first()
            .map(|it| it.partitions[0].committed_offset);
        (group.error_code, found)
    };
    assert_eq!(fetch(Some("m"), 2), (ErrorCode::NONE, Some(7)));
    assert_eq!(fetch(None, -1), (ErrorCode::NONE, Some(7)));
    assert_eq!(fetch(Some("m"), 1), (ErrorCode::STALE_MEMBER_EPOCH, None));
    assert_eq!(fetch(Some("x"), 1), (ErrorCode::UNKNOWN_MEMBER_ID, None));
}

#[test]
fn a_static_member_that_leaves_for_a_while_finds_what_it_had() {
    let mut driver = Driver::new(1);
    let mut old = Consumer::fixed("m", "till-7");
    old.join(&mut driver);
    let mut new = Consumer::fixed("n", "till-7");
    assert_eq!(new.join(&mut driver), ErrorCode::UNRELEASED_INSTANCE_ID);
    assert_eq!(old.leave(&mut driver, -2), ErrorCode::NONE);
    assert_eq!(new.join(&mut driver), ErrorCode::NONE);
    assert_eq!(
        (new.epoch, &new.owned),
        (2, &vec![0, 1]),
        "nobody had to rebalance"
    );
    assert_eq!(old.beat(&mut driver), ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(old.leave(&mut driver, -1), ErrorCode::FENCED_INSTANCE_ID);
    let mut stranger = Consumer::fixed("n", "till-8");
    stranger.epoch = 1;
    assert_eq!(stranger.beat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_static_member_that_does_not_come_back_is_gone_with_its_session() {
    let mut driver = Driver::new(1);
    let mut member = Consumer::fixed("m", "till-7");
    member.join(&mut driver);
    member.leave(&mut driver, -2);
    assert_eq!(driver.cluster.group(GROUP).unwrap().members.len(), 1);
    pass(&mut driver, 45 * SECOND);
    assert_eq!(state(&driver), GroupState::Empty);
}

#[test]
fn requests_that_say_too_little_or_what_is_not_known_are_refused() {
    let mut driver = Driver::new(1);
    let member = Consumer::new("m");
    let full = member.full(&driver);
    let invalid = ErrorCode::INVALID_REQUEST;
    for (request, code) in [
        (full.clone().with_group_id(String::new()), invalid),
        (full.clone().with_member_id(String::new()), invalid),
        (full.clone().with_instance_id(Some(String::new())), invalid),
        (full.clone().with_rack_id(Some(String::new())), invalid),
        (full.clone().with_rebalance_timeout_ms(-1), invalid),
        (full.clone().with_topic_partitions(None), invalid),
        (full.clone().with_subscribed_topic_names(None), invalid),
        (full.clone().with_member_epoch(-2), invalid),
        (full.clone().with_member_epoch(-3), invalid),
        (
            full.clone().with_server_assignor(Some("mine".to_owned())),
            ErrorCode::UNSUPPORTED_ASSIGNOR,
        ),
        (
            full.clone()
                .with_subscribed_topic_regex(Some("t.*".to_owned())),
            ErrorCode::INVALID_REGULAR_EXPRESSION,
        ),
        (
            full.clone().with_member_epoch(1),
            ErrorCode::GROUP_ID_NOT_FOUND,
        ),
        (
            full.clone().with_member_epoch(-1),
            ErrorCode::GROUP_ID_NOT_FOUND,
        ),
        (
            full.with_server_assignor(Some("range".to_owned())),
            ErrorCode::NONE,
        ),
    ] {
        let answer = member.send(&mut driver, &request);
        assert_eq!(answer.error_code, code, "{request:?}");
    }
    let mut stranger = Consumer {
        epoch: 1,
        ..Consumer::new("x")
    };
    assert_eq!(stranger.beat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_topic_that_grows_is_assigned_anew() {
    let mut driver = Driver::new(1);
    let mut member = alone(&mut driver);
    driver.cluster.grow_topic("t", 3).unwrap();
    member.beat(&mut driver);
    assert_eq!((member.epoch, &member.owned), (3, &vec![0, 1, 2]));
}

#[test]
fn a_topic_that_comes_later_is_assigned_when_it_is_there() {
    let mut driver = Driver::new(1);
    let member = Consumer::new("m");
    let topics = Some(vec!["t".to_owned(), "later".to_owned()]);
    let request = member.full(&driver).with_subscribed_topic_names(topics);
    member.send(&mut driver, &request);
    let one = driver.cluster.config().topic(1);
    driver.cluster.create_topic("later", one).unwrap();
    let request = member.request().with_member_epoch(2);
    let answer = member.send(&mut driver, &request);
    let topics = answer.assignment.unwrap().topic_partitions;
    assert_eq!((answer.member_epoch, topics.len()), (3, 2));
}

#[test]
fn one_protocol_at_a_time_is_spoken_in_a_group() {
    let mut driver = Driver::new(1);
    let consumer = alone(&mut driver);
    let mut classic = Member::new(1);
    let refused = classic.join(&mut driver).unwrap();
    assert_eq!(refused.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    classic.id = "m".to_owned();
    classic.generation = 1;
    assert_eq!(classic.heartbeat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(classic.leave(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    let synced = classic.sync(&mut driver, &[]).unwrap();
    assert_eq!(synced.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
    consumer.commit(&mut driver, 10, 2);
    consumer.leave(&mut driver, -1);
    let classic = crate::member::alone(&mut driver);
    assert_eq!(
        driver
            .cluster
            .committed_offset(GROUP, "t", 0)
            .unwrap()
            .offset,
        7
    );
    assert_eq!(
        Consumer::new("m").join(&mut driver),
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    classic.leave(&mut driver);
    assert_eq!(Consumer::new("m").join(&mut driver), ErrorCode::NONE);
}

#[test]
fn a_group_is_described_and_listed_with_its_type() {
    let mut driver = Driver::new(1);
    let [first, _] = couple(&mut driver);
    let describe = |driver: &mut Driver, name: &str| {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![name.to_owned()]);
        driver.ask(ONE, 1, &request).groups.remove(0)
    };
    let group = describe(&mut driver, GROUP);
    assert_eq!(
        (group.group_state.as_str(), group.assignor_name.as_str()),
        ("Stable", "uniform")
    );
    assert_eq!((group.group_epoch, group.assignment_epoch), (3, 3));
    let member = &group.members[0];
    assert_eq!(member.assignment, member.target_assignment);
    assert_eq!(member.assignment.topic_partitions[0].topic_name, "t");
    assert_eq!(
        member.assignment.topic_partitions[0].partitions,
        first.owned
    );
    assert_eq!(
        describe(&mut driver, "x").error_code,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    assert_eq!(
        describe(&mut driver, "").error_code,
        ErrorCode::INVALID_GROUP_ID
    );
    for (kind, count) in [("Consumer", 1), ("classic", 0)] {
        let request = ListGroupsRequest::default().with_types_filter(vec![kind.to_owned()]);
        assert_eq!(driver.ask(ONE, 5, &request).groups.len(), count);
    }
}

#[test]
fn members_stay_when_another_broker_coordinates() {
    let mut driver = Driver::new(2);
    driver
        .cluster
        .move_coordinator(CoordinatorKind::Group, GROUP, ONE)
        .unwrap();
    let mut member = alone(&mut driver);
    pass(&mut driver, 40 * SECOND);
    driver.cluster.kill_broker(ONE).unwrap();
    assert_eq!(group_coordinator(&mut driver), TWO);
    pass(&mut driver, 40 * SECOND);
    assert_eq!(member.beat(&mut driver), ErrorCode::NONE);
    pass(&mut driver, 45 * SECOND);
    assert_eq!(state(&driver), GroupState::Empty);
}
