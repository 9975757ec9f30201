//! Offsets that come with a transaction, and the groups they belong to.

use kafka_mock::cluster::{CoordinatorKind, GroupMember, Membership};
use kafka_wire::{
    ErrorCode, Uuid,
    messages::{
        AddOffsetsToTxnRequest, TxnOffsetCommitRequest,
        txn_offset_commit::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use crate::{
    driver::Driver,
    transactor::{ID, Talk, Transactor, begin, coordinator},
};

/// What a committer says of itself: generation, member, instance.
type Claim<'a> = (i32, &'a str, Option<&'a str>);

fn commit(driver: &mut Driver, client: &Transactor, version: i16, claim: Claim<'_>) -> ErrorCode {
    let by_name = TxnOffsetCommitRequestTopic::default().with_name("t".to_owned());
    commit_of(driver, client, version, claim, by_name)
}

/// Commits offset 7 of partition 0 of `t` with the transaction.
pub(crate) fn commit_by_nobody(driver: &mut Driver, client: &Transactor) {
    assert_eq!(commit(driver, client, 5, NOBODY), ErrorCode::NONE);
}

fn commit_of(
    driver: &mut Driver,
    client: &Transactor,
    version: i16,
    claim: Claim<'_>,
    topic: TxnOffsetCommitRequestTopic,
) -> ErrorCode {
    let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(7);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(ID.to_owned())
        .with_group_id("g".to_owned())
        .with_producer_id(client.producer_id)
        .with_producer_epoch(client.epoch)
        .with_generation_id_or_member_epoch(claim.0)
        .with_member_id(claim.1.to_owned())
        .with_group_instance_id(claim.2.map(str::to_owned))
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    let broker = driver.cluster.coordinator(CoordinatorKind::Group, "g");
    let answer = driver.ask(broker.unwrap(), version, &request);
    answer.topics[0].partitions[0].error_code
}

fn offset(driver: &Driver) -> Option<i64> {
    let committed = driver.cluster.committed_offset("g", "t", 0);
    committed.map(|it| it.offset)
}

const NOBODY: Claim<'_> = (-1, "", None);

#[test]
fn offsets_become_visible_with_the_transaction_they_came_with() {
    for ends_well in [true, false] {
        let mut driver = Driver::new(3);
        let mut client = begin(&mut driver, Talk::Second);
        assert_eq!(commit(&mut driver, &client, 5, NOBODY), ErrorCode::NONE);
        assert_eq!(offset(&driver), None);
        let code = match ends_well {
            true => client.commit(&mut driver),
            false => client.abort(&mut driver),
        };
        assert_eq!(code, ErrorCode::NONE);
        assert_eq!(offset(&driver), ends_well.then_some(7));
    }
}

#[test]
fn a_topic_may_be_given_by_its_id() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::Second);
    let known = driver.cluster.topic_id("t").unwrap();
    for (id, code) in [
        (Uuid([7; 16]), ErrorCode::UNKNOWN_TOPIC_ID),
        (known, ErrorCode::NONE),
    ] {
        let topic = TxnOffsetCommitRequestTopic::default().with_topic_id(id);
        let answer = commit_of(&mut driver, &client, 6, NOBODY, topic);
        assert_eq!(answer, code);
    }
    assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(offset(&driver), Some(7));
}

#[test]
fn old_clients_add_the_group_first() {
    let mut driver = Driver::new(1);
    let mut client = begin(&mut driver, Talk::First);
    let codes = [3, 4].map(|version| commit(&mut driver, &client, version, NOBODY));
    assert_eq!(
        codes,
        [
            ErrorCode::INVALID_TXN_STATE,
            ErrorCode::TRANSACTION_ABORTABLE
        ]
    );
    let request = AddOffsetsToTxnRequest::default()
        .with_transactional_id(ID.to_owned())
        .with_producer_id(client.producer_id)
        .with_producer_epoch(client.epoch)
        .with_group_id("g".to_owned());
    let broker = coordinator(&mut driver);
    assert_eq!(driver.ask(broker, 3, &request).error_code, ErrorCode::NONE);
    assert_eq!(commit(&mut driver, &client, 3, NOBODY), ErrorCode::NONE);
    assert_eq!(client.commit(&mut driver), ErrorCode::NONE);
    assert_eq!(offset(&driver), Some(7));
}

#[test]
fn only_members_of_this_generation_commit() {
    let mut driver = Driver::new(1);
    let client = begin(&mut driver, Talk::Second);
    let mut check = |claim| commit(&mut driver, &client, 5, claim);
    assert_eq!(
        check((3, "m", None)),
        ErrorCode::ILLEGAL_GENERATION,
        "no such group"
    );
    let fixed = GroupMember::new("f").with_instance_id(Some("i".to_owned()));
    let membership = Membership::default()
        .with_generation(3)
        .with_members(vec![GroupMember::new("m"), fixed]);
    driver.cluster.set_membership("g", membership);
    for (claim, code) in [
        ((3, "m", None), ErrorCode::NONE),
        ((2, "m", None), ErrorCode::ILLEGAL_GENERATION),
        ((3, "x", None), ErrorCode::UNKNOWN_MEMBER_ID),
        ((3, "f", Some("i")), ErrorCode::NONE),
        ((3, "m", Some("i")), ErrorCode::FENCED_INSTANCE_ID),
        ((3, "f", Some("j")), ErrorCode::UNKNOWN_MEMBER_ID),
        (NOBODY, ErrorCode::NONE),
    ] {
        assert_eq!(commit(&mut driver, &client, 5, claim), code, "{claim:?}");
    }
}

#[test]
fn a_fenced_producer_commits_no_offsets() {
    let mut driver = Driver::new(1);
    let old = begin(&mut driver, Talk::Second);
    begin(&mut driver, Talk::Second);
    let code = commit(&mut driver, &old, 5, NOBODY);
    assert_eq!(code, ErrorCode::INVALID_PRODUCER_EPOCH);
}
