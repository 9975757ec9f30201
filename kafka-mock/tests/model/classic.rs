//! Groups of the classic protocol: each state, and what leads from one to the next.

use std::time::Duration;

use kafka_mock::cluster::{
    ClusterConfig, CoordinatorKind, GroupMember, GroupState, Membership, TransactionOutcome,
};
use kafka_wire::{
    ErrorCode,
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, JoinGroupRequest, ListGroupsRequest,
        OffsetDeleteRequest, SyncGroupRequest,
        offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    },
};

use crate::{
    driver::{Driver, ONE, TWO},
    groups::commit_by_nobody,
    member::{GROUP, Member, alone, couple, fetch_offset, group_coordinator},
    transactor::{Talk, begin, pass},
};

fn state(driver: &Driver) -> Option<GroupState> {
    driver.cluster.group(GROUP).map(|it| it.state)
}

fn generation(driver: &Driver) -> i32 {
    driver.cluster.group(GROUP).unwrap().generation
}

fn members(driver: &Driver) -> usize {
    driver.cluster.group(GROUP).unwrap().members.len()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_member_joins_with_an_id_that_it_was_given_and_leads_alone() {
    let mut driver = Driver::new(1);
    let mut member = Member::new(1);
    let first = member.ask(&mut driver, 4, &member.join_request());
    assert_eq!(first.error_code, ErrorCode::MEMBER_ID_REQUIRED);
    assert_eq!(state(&driver), Some(GroupState::Empty));
    member.id = first.member_id;
    let joined = member.join(&mut driver).unwrap();
    assert_eq!(
        (joined.error_code, joined.generation_id),
        (ErrorCode::NONE, 1)
    );
    assert_eq!(state(&driver), Some(GroupState::CompletingRebalance));
    assert_eq!(&joined.members[0].metadata[..], b"range");
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    let synced = member.sync(&mut driver, &[]).unwrap();
    assert_eq!(
        (synced.error_code, synced.assignment.len()),
        (ErrorCode::NONE, 0)
    );
    assert_eq!(state(&driver), Some(GroupState::Stable));
    assert_eq!(member.heartbeat(&mut driver), ErrorCode::NONE);
}

#[test]
fn before_version_4_a_member_joins_without_coming_back() {
    let mut driver = Driver::new(1);
    let mut member = Member::new(1);
    member.version = 3;
    let joined = member.ask(&mut driver, 3, &member.join_request());
    assert_eq!(joined.error_code, ErrorCode::NONE);
    assert!(
        joined.member_id.starts_with("test-"),
        "{}",
        joined.member_id
    );
}

#[test]
fn an_id_that_is_not_used_is_good_for_a_session() {
    let mut driver = Driver::new(1);
    let mut member = Member::new(1);
    member.id = member.ask(&mut driver, 4, &member.join_request()).member_id;
    pass(&mut driver, 10 * SECOND);
    let late = member.ask(&mut driver, 4, &member.join_request());
    assert_eq!(late.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    let mut driver = Driver::new(1);
    couple(&mut driver);
    assert_eq!(
        (state(&driver), generation(&driver)),
        (Some(GroupState::Stable), 2)
    );
}

#[test]
fn an_empty_group_waits_for_more_members_as_long_as_they_come() {
    let delay = 3 * SECOND;
    let config = ClusterConfig::default().with_group_initial_rebalance_delay(delay);
    let mut driver = Driver::with(config);
    let (mut first, mut second) = (Member::new(1), Member::new(2));
    assert_eq!(first.join(&mut driver), None);
    pass(&mut driver, SECOND);
    assert_eq!(second.join(&mut driver), None);
    assert_eq!(state(&driver), Some(GroupState::PreparingRebalance));
    let releases = driver.next_releases();
    assert_eq!(driver.elapsed_ms(), 6000, "somebody came, so another delay");
    assert_eq!(first.has_joined(&releases).members.len(), 2);
    assert_eq!(second.has_joined(&releases).generation_id, 1);
}

#[test]
fn who_leaves_is_gone_and_the_others_rebalance() {
    let mut driver = Driver::new(1);
    let [mut leader, other] = couple(&mut driver);
    assert_eq!(leader.leave(&mut driver), ErrorCode::NONE);
    assert_eq!(state(&driver), Some(GroupState::PreparingRebalance));
    assert_eq!(
        other.heartbeat(&mut driver),
        ErrorCode::REBALANCE_IN_PROGRESS
    );
    assert_eq!(leader.heartbeat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(leader.leave(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    let joined = other.clone().join(&mut driver).unwrap();
    assert_eq!((joined.generation_id, &joined.leader), (3, &other.id));
    leader.id = other.id.clone();
    assert_eq!(leader.leave(&mut driver), ErrorCode::NONE);
    assert_eq!(
        (state(&driver), generation(&driver)),
        (Some(GroupState::Empty), 4)
    );
}

#[test]
fn a_silent_member_is_gone_when_its_session_ends() {
    let mut driver = Driver::new(1);
    let [leader, other] = couple(&mut driver);
    pass(&mut driver, 9 * SECOND);
    assert_eq!(leader.heartbeat(&mut driver), ErrorCode::NONE);
    pass(&mut driver, SECOND);
    assert_eq!(
        (members(&driver), state(&driver)),
        (1, Some(GroupState::PreparingRebalance))
    );
    assert_eq!(other.heartbeat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(
        leader.heartbeat(&mut driver),
        ErrorCode::REBALANCE_IN_PROGRESS
    );
    pass(&mut driver, 10 * SECOND);
    assert_eq!(state(&driver), Some(GroupState::Empty));
    assert_eq!(
        driver.cluster.deadline(),
        None,
        "nothing is left to be done"
    );
}

#[test]
fn a_commit_keeps_a_session_alive() {
    let mut driver = Driver::new(1);
    let member = alone(&mut driver);
    for offset in 0..4 {
        pass(&mut driver, 9 * SECOND);
        assert_eq!(member.commit(&mut driver, offset), ErrorCode::NONE);
    }
    assert_eq!(
        driver
            .cluster
            .committed_offset(GROUP, "t", 0)
            .unwrap()
            .offset,
        3
    );
}

#[test]
fn a_member_that_does_not_join_again_in_time_is_left_behind() {
    let mut driver = Driver::new(1);
    let mut leader = alone(&mut driver);
    let mut other = Member::new(2);
    assert_eq!(other.join(&mut driver), None);
    for _ in 0..11 {
        pass(&mut driver, 5 * SECOND);
        assert_eq!(
            leader.heartbeat(&mut driver),
            ErrorCode::REBALANCE_IN_PROGRESS
        );
    }
    let releases = driver.next_releases();
    assert_eq!(driver.elapsed_ms(), 60_000, "the longest rebalance timeout");
    let joined = other.has_joined(&releases);
    assert_eq!(
        (joined.leader.as_str(), joined.members.len()),
        (other.id.as_str(), 1)
    );
    assert_eq!(leader.heartbeat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    let again = leader.join(&mut driver).unwrap();
    assert_eq!(again.error_code, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_member_that_does_not_ask_for_its_assignment_in_time_is_left_behind() {
    let mut driver = Driver::new(1);
    let mut member = Member::new(1);
    member.join(&mut driver).unwrap();
    for _ in 0..11 {
        pass(&mut driver, 5 * SECOND);
        assert_eq!(member.heartbeat(&mut driver), ErrorCode::NONE);
    }
    pass(&mut driver, 5 * SECOND);
    assert_eq!(member.heartbeat(&mut driver), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(state(&driver), Some(GroupState::Empty));
}

#[test]
fn who_waits_for_an_assignment_has_to_join_again_when_somebody_comes() {
    let mut driver = Driver::new(1);
    let [leader, other] = couple(&mut driver);
    let (mut leader, mut other) = (leader, other);
    assert_eq!(
        leader.join(&mut driver),
        None,
        "the leader may always ask for a rebalance"
    );
    other.join(&mut driver).unwrap();
    leader.has_joined(&driver.next_releases());
    assert_eq!(other.sync(&mut driver, &[]), None);
    assert_eq!(Member::new(3).join(&mut driver), None);
    let releases = driver.next_releases();
    let told = other.told::<SyncGroupRequest>(&releases, 5);
    assert_eq!(told.error_code, ErrorCode::REBALANCE_IN_PROGRESS);
    assert_eq!(
        leader.sync(&mut driver, &[]).unwrap().error_code,
        ErrorCode::REBALANCE_IN_PROGRESS
    );
}

#[test]
fn a_member_that_joins_again_as_it_is_changes_nothing() {
    let mut driver = Driver::new(1);
    let [_, mut other] = couple(&mut driver);
    let joined = other.join(&mut driver).unwrap();
    assert_eq!((joined.generation_id, joined.members.len()), (2, 0));
    assert_eq!(state(&driver), Some(GroupState::Stable));
    other.protocols = vec!["range", "roundrobin"];
    assert_eq!(other.join(&mut driver), None, "it has changed");
}

#[test]
fn the_protocol_is_the_one_that_most_prefer_of_those_that_all_know() {
    let mut driver = Driver::new(1);
    let mut leader = alone(&mut driver);
    let mut stranger = Member::new(2);
    stranger.protocols = vec!["sticky"];
    let refused = stranger.join(&mut driver).unwrap();
    assert_eq!(refused.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    let mut other = Member::new(3);
    other.protocols = vec!["sticky", "range"];
    assert_eq!(other.join(&mut driver), None);
    let joined = leader.join(&mut driver).unwrap();
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
}

#[test]
fn a_static_member_that_is_back_gets_another_id_and_its_assignment_and_its_double_is_fenced() {
    let mut driver = Driver::new(1);
    let mut old = Member::fixed(1, "till-7");
    let joined = old.join(&mut driver).unwrap();
    assert_eq!(joined.error_code, ErrorCode::NONE, "it needs no id");
    old.sync(&mut driver, &[(&old.id, "all")]).unwrap();
    let mut new = Member::fixed(2, "till-7");
    let joined = new.join(&mut driver).unwrap();
    assert_eq!((joined.generation_id, joined.skip_assignment), (1, true));
    assert_ne!(new.id, old.id);
    assert_eq!(&new.sync(&mut driver, &[]).unwrap().assignment[..], b"all");
    assert_eq!(old.heartbeat(&mut driver), ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(old.commit(&mut driver, 1), ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(old.leave(&mut driver), ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(generation(&driver), 1, "nobody had to join again");
    new.id.clear();
    assert_eq!(
        new.leave(&mut driver),
        ErrorCode::NONE,
        "an administrator may name the instance"
    );
    assert_eq!(state(&driver), Some(GroupState::Empty));
}

#[test]
fn members_that_allow_no_time_to_rebalance_do_not_keep_the_cluster_busy() {
    let mut driver = Driver::new(1);
    let mut fixed = Member::fixed(1, "till-7");
    fixed.join(&mut driver).unwrap();
    fixed.sync(&mut driver, &[]).unwrap();
    let mut other = Member::new(2);
    assert!(other.join(&mut driver).is_none());
    fixed.join(&mut driver).unwrap();
    let joined = other.has_joined(&driver.next_releases());
    other.generation = joined.generation_id;
    fixed.sync(&mut driver, &[]).unwrap();
    other.sync(&mut driver, &[]).unwrap();
    assert_eq!(state(&driver), Some(GroupState::Stable));

    // The successor of one takes its place without a rebalance, and allows no time for the next one.
    let successor = Member::fixed(3, "till-7");
    let hasty = successor.join_request().with_rebalance_timeout_ms(0);
    let joined = successor.ask(&mut driver, 9, &hasty);
    assert_eq!(
        (joined.error_code, joined.generation_id),
        (ErrorCode::NONE, 2)
    );
    assert_eq!(other.leave(&mut driver), ErrorCode::NONE);

    pass(&mut driver, SECOND);
    assert_eq!(state(&driver), Some(GroupState::PreparingRebalance));
    assert!(driver.cluster.deadline() > Some(driver.now.instant));
    pass(&mut driver, 10 * SECOND);
    assert_eq!(state(&driver), Some(GroupState::Empty));
}

#[test]
fn before_version_9_a_static_leader_that_is_back_takes_another_for_the_leader() {
    let mut driver = Driver::new(1);
    let mut old = Member::fixed(1, "till-7");
    old.join(&mut driver).unwrap();
    old.sync(&mut driver, &[(&old.id, "all")]).unwrap();
    let mut new = Member::fixed(2, "till-7");
    new.version = 8;
    let joined = new.join(&mut driver).unwrap();
    assert_eq!((joined.leader, joined.members.len()), (old.id, 0));
}

#[test]
fn requests_of_no_member_and_no_group_are_refused() {
    let mut driver = Driver::new(1);
    let mut stranger = Member::new(1);
    stranger.id = "stranger".to_owned();
    stranger.generation = 1;
    let unknown = ErrorCode::UNKNOWN_MEMBER_ID;
    assert_eq!(
        stranger.clone().join(&mut driver).unwrap().error_code,
        unknown
    );
    assert_eq!(stranger.sync(&mut driver, &[]).unwrap().error_code, unknown);
    assert_eq!(stranger.heartbeat(&mut driver), unknown);
    assert_eq!(stranger.leave(&mut driver), unknown);
    assert_eq!(
        stranger.commit(&mut driver, 1),
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    let nameless = stranger.join_request().with_group_id(String::new());
    let refused = stranger.ask(&mut driver, 9, &nameless);
    assert_eq!(refused.error_code, ErrorCode::INVALID_GROUP_ID);
    let hasty = stranger.join_request().with_session_timeout_ms(5_999);
    let refused = stranger.ask(&mut driver, 9, &hasty);
    assert_eq!(refused.error_code, ErrorCode::INVALID_SESSION_TIMEOUT);
    assert_eq!(state(&driver), None);
}

#[test]
fn another_generation_is_refused() {
    let mut driver = Driver::new(1);
    let mut member = alone(&mut driver);
    member.generation = 7;
    let illegal = ErrorCode::ILLEGAL_GENERATION;
    assert_eq!(member.sync(&mut driver, &[]).unwrap().error_code, illegal);
    assert_eq!(member.heartbeat(&mut driver), illegal);
    assert_eq!(member.commit(&mut driver, 1), illegal);
    member.protocols = vec!["sticky"];
    member.generation = 1;
    let synced = member.sync(&mut driver, &[]).unwrap();
    assert_eq!(synced.error_code, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn what_is_committed_is_fetched_and_survives_the_members() {
    let mut driver = Driver::new(1);
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, -1));
    let member = alone(&mut driver);
    assert_eq!(member.commit(&mut driver, 42), ErrorCode::NONE);
    member.leave(&mut driver);
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, 42));
    let nobody = Member::new(2);
    assert_eq!(
        nobody.commit(&mut driver, 43),
        ErrorCode::NONE,
        "an administrator may, now"
    );
    assert_eq!(fetch_offset(&mut driver, true), (ErrorCode::NONE, 43));
}

#[test]
fn offsets_of_an_open_transaction_are_not_stable() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    commit_by_nobody(&mut driver, &client);
    let unstable = (ErrorCode::UNSTABLE_OFFSET_COMMIT, -1);
    assert_eq!(fetch_offset(&mut driver, true), unstable);
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, -1));
    client.end(&mut driver, TransactionOutcome::Commit);
    assert_eq!(fetch_offset(&mut driver, true), (ErrorCode::NONE, 7));
}

#[test]
fn a_group_is_described_listed_and_deleted_when_it_is_empty() {
    let mut driver = Driver::new(1);
    let member = alone(&mut driver);
    member.commit(&mut driver, 5);
    let describe = |driver: &mut Driver, version| {
        let request = DescribeGroupsRequest::default().with_groups(vec![GROUP.to_owned()]);
        driver.ask(ONE, version, &request).groups.remove(0)
    };
    let stable = describe(&mut driver, 6);
    assert_eq!(
        (stable.group_state.as_str(), stable.protocol_data.as_str()),
        ("Stable", "range")
    );
    assert_eq!(&stable.members[0].member_assignment[..], b"all");
    assert_eq!(stable.members[0].client_id, "test");
    let list = |driver: &mut Driver, state: &str| {
        let request = ListGroupsRequest::default().with_states_filter(vec![state.to_owned()]);
        driver.ask(ONE, 5, &request).groups.len()
    };
    assert_eq!(
        (list(&mut driver, "stable"), list(&mut driver, "Empty")),
        (1, 0)
    );
    let delete = |driver: &mut Driver| {
        let request = DeleteGroupsRequest::default().with_groups_names(vec![GROUP.to_owned()]);
        driver.ask(ONE, 2, &request).results[0].error_code
    };
    assert_eq!(delete(&mut driver), ErrorCode::NON_EMPTY_GROUP);
    member.leave(&mut driver);
    assert_eq!(describe(&mut driver, 5).group_state, "Empty");
    assert_eq!(delete(&mut driver), ErrorCode::NONE);
    assert_eq!(delete(&mut driver), ErrorCode::GROUP_ID_NOT_FOUND);
    assert_eq!(describe(&mut driver, 5).group_state, "Dead");
    assert_eq!(
        describe(&mut driver, 6).error_code,
        ErrorCode::GROUP_ID_NOT_FOUND
    );
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, -1));
}

#[test]
fn offsets_of_topics_that_nobody_reads_can_be_deleted() {
    let mut driver = Driver::new(1);
    let delete = |driver: &mut Driver| {
        let partition = OffsetDeleteRequestPartition::default();
        let topic = OffsetDeleteRequestTopic::default()
            .with_name("t".to_owned())
            .with_partitions(vec![partition]);
        let request = OffsetDeleteRequest::default()
            .with_group_id(GROUP.to_owned())
            .with_topics(vec![topic]);
        let answer = driver.ask(ONE, 0, &request);
        match answer.error_code {
            ErrorCode::NONE => answer.topics[0].partitions[0].error_code,
            code => code,
        }
    };
    assert_eq!(delete(&mut driver), ErrorCode::GROUP_ID_NOT_FOUND);
    Member::new(1).commit(&mut driver, 9);
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, 9));
    assert_eq!(delete(&mut driver), ErrorCode::NONE);
    assert_eq!(fetch_offset(&mut driver, false), (ErrorCode::NONE, -1));
}

#[test]
fn another_coordinator_loads_the_last_stable_generation_and_its_offsets() {
    let mut driver = Driver::new(2);
    driver
        .cluster
        .move_coordinator(CoordinatorKind::Group, GROUP, ONE)
        .unwrap();
    let [mut leader, other] = couple(&mut driver);
    other.commit(&mut driver, 11);
    assert_eq!(leader.join(&mut driver), None, "a rebalance begins");
    driver
        .cluster
        .move_coordinator(CoordinatorKind::Group, GROUP, TWO)
        .unwrap();
    let releases = driver.next_releases();
    let told = leader.told::<JoinGroupRequest>(&releases, 9);
    assert_eq!(told.error_code, ErrorCode::NOT_COORDINATOR);
    assert_eq!(
        (state(&driver), generation(&driver)),
        (Some(GroupState::Stable), 2)
    );
    assert_eq!(
        other.heartbeat(&mut driver),
        ErrorCode::NONE,
        "the new one knows it"
    );
    driver.cluster.kill_broker(TWO).unwrap();
    assert_eq!(group_coordinator(&mut driver), ONE);
    assert_eq!(other.heartbeat(&mut driver), ErrorCode::NONE);
    assert_eq!(fetch_offset(&mut driver, true), (ErrorCode::NONE, 11));
}

#[test]
fn members_that_nobody_can_hear_are_kept_until_a_coordinator_is_back() {
    let mut driver = Driver::new(1);
    let member = alone(&mut driver);
    driver.cluster.kill_broker(ONE).unwrap();
    pass(&mut driver, 100 * SECOND);
    assert_eq!(members(&driver), 1);
    assert_eq!(driver.cluster.deadline(), None);
    driver.cluster.restart_broker(ONE).unwrap();
    assert_eq!(member.heartbeat(&mut driver), ErrorCode::NONE);
    pass(&mut driver, 10 * SECOND);
    assert_eq!(state(&driver), Some(GroupState::Empty));
}

#[test]
fn a_frozen_coordinator_ends_no_session_before_it_goes_on() {
    let mut driver = Driver::new(1);
    alone(&mut driver);
    driver.cluster.freeze_broker(ONE).unwrap();
    pass(&mut driver, 5 * SECOND);
    assert_eq!(members(&driver), 1);
    pass(&mut driver, 10 * SECOND);
    driver.cluster.thaw_broker(ONE).unwrap();
    pass(&mut driver, 20 * SECOND);
    assert_eq!(state(&driver), Some(GroupState::Empty));
}

#[test]
fn members_that_a_test_has_set_stay_whoever_coordinates() {
    let mut driver = Driver::new(2);
    let set = Membership::default().with_generation(3);
    let set = set.with_members(vec![GroupMember::new("m")]);
    driver.cluster.set_membership(GROUP, set);
    let mut member = Member::new(1);
    (member.id, member.generation) = ("m".to_owned(), 3);
    let old = group_coordinator(&mut driver);
    assert_eq!(member.heartbeat(&mut driver), ErrorCode::NONE);
    driver.cluster.kill_broker(old).unwrap();
    pass(&mut driver, 1000 * SECOND);
    assert_eq!(member.commit(&mut driver, 1), ErrorCode::NONE);
}
