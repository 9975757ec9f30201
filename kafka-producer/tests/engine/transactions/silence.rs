//! Answers that say too little, and coordinators that leave: whatever is not said is asked again.

use kafka_producer::engine::NodeId;
use kafka_wire::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};
use kafka_wire::{ApiKey, Request};

use super::coordinator::COORDINATOR;
use crate::stage::{Stage, delivered, ms};
use crate::wires::ok;

/// Answers the question about transactions with this.
fn say<R: Request>(stage: &mut Stage, answer: &R::Response) {
    let (node, _) = stage.question().expect("a coordinator is asked something");
    let frame = stage.connections[&node][0].answer::<R>(answer);
    stage.respond(node, frame);
    stage.settle();
}

#[test]
fn partitions_that_an_answer_leaves_out_are_added_again() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ApiKey::ADD_PARTITIONS_TO_TXN);
    let delivery = stage.send(0, "tea");
    say::<AddPartitionsToTxnRequest>(&mut stage, &AddPartitionsToTxnResponse::default());
    assert!(stage.requests(1).is_empty());
    stage.lets_go();
    stage.pass(ms(200));
    assert_eq!(stage.asked(ApiKey::ADD_PARTITIONS_TO_TXN), 2);
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}

#[test]
fn offsets_that_an_answer_leaves_out_are_sent_again() {
    for level in [1, 2] {
        let mut stage = Stage::begun(level, &[1]);
        stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
        let mut sent = stage.send_offsets(&[5]);
        say::<TxnOffsetCommitRequest>(&mut stage, &TxnOffsetCommitResponse::default());
        sent.is_pending();
        stage.lets_go();
        stage.pass(ms(200));
        sent.done();
    }
}

#[test]
fn a_coordinator_without_a_name_is_looked_up_again() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.keeps(ApiKey::FIND_COORDINATOR);
    let mut init = stage.init();
    say::<FindCoordinatorRequest>(&mut stage, &FindCoordinatorResponse::default());
    init.is_pending();
    stage.lets_go();
    stage.pass(ms(200));
    init.done();
}

#[test]
fn an_id_that_is_none_is_asked_for_again() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    let mut init = stage.init();
    let nobody = InitProducerIdResponse::default()
        .with_producer_id(-1)
        .with_producer_epoch(-1);
    say::<InitProducerIdRequest>(&mut stage, &nobody);
    init.is_pending();
    stage.lets_go();
    stage.pass(ms(200));
    init.done();
}

#[test]
fn a_coordinator_that_leaves_the_cluster_while_it_is_asked_is_looked_up_and_asked_again() {
    for level in [1, 2] {
        let mut stage = Stage::begun(level, &[1, 2]);
        stage.warm_up(0, 1);
        stage.warm_up(1, 2);
        stage.keeps(ApiKey::END_TXN);
        let mut committed = stage.commit();
        stage.coordinators.transactions = 1;
        stage.map.brokers.retain(|broker| *broker != COORDINATOR);
        stage.lose(2);
        stage.pass(ms(2000));
        committed.is_pending();
        stage.lose(COORDINATOR);
        stage.pass(ms(2000));
        let (node, _) = stage.question().expect("the next one is asked");
        assert_eq!(node, NodeId(1));
        stage.lets_go();
        committed.done();
    }
}

#[test]
fn a_coordinator_that_metadata_does_not_tell_of_yet_is_asked_all_the_same() {
    let mut stage = Stage::uninitialized(1, &[1, 2]);
    stage.map.brokers.retain(|broker| *broker != COORDINATOR);
    stage.init().done();
    stage.begin().done();
    stage.warm_up(0, 1);
    stage.warm_up(1, 2);
    stage.lose(2);
    stage.pass(ms(2000));
    let mut committed = stage.commit();
    stage.pass(ms(2000));
    committed.done();
}

#[test]
fn a_coordinator_that_never_answers_is_given_up_and_asked_again() {
    for level in [1, 2] {
        let mut stage = Stage::under_way(level, &[1]);
        stage.keeps(ApiKey::END_TXN);
        let mut committed = stage.commit();
        stage.pass(ms(30_000));
        stage.lets_go();
        stage.pass(ms(2000));
        committed.done();
        assert_eq!(stage.asked(ApiKey::END_TXN), 2);
    }
}
