//! Transactions whose coordinator refuses us.

use kafka_producer::CompletedTxn;
use kafka_producer::engine::{NodeId, Transacted, TransactionCall};
use kafka_producer::error::{AbortableError, AuthenticationError, TransactionError};
use kafka_wire::ApiKey;

use super::{authentication_cause, plain_login, with_sasl};
use crate::stage::{Stage, TOPIC, delivered, failed, ms};
use crate::transactions::{transactional, two_phase};
use crate::wires::{Map, ok};

/// The error that says who did not accept us.
#[track_caller]
fn kept(outcome: Result<(), TransactionError>) -> AuthenticationError {
    match outcome {
        Err(TransactionError::Authentication(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn secured(level: i16, leaders: &[i32]) -> Stage {
    let settings = with_sasl(plain_login(), transactional());
    Stage::transactional_with(settings, level, leaders)
}

#[test]
fn init_fails_within_a_second_and_can_be_called_again() {
    for known in [false, true] {
        let settings = with_sasl(plain_login(), transactional());
        let mut stage = Stage::bare(settings, Map::of(TOPIC, &[1]));
        match known {
            // The bootstrap server accepts us, the coordinator does not.
            true => {
                stage.know(TOPIC);
                let coordinator = NodeId(stage.coordinators.transactions);
                stage.sasl_port.refusing.insert(coordinator);
            }
            false => stage.sasl_port.password = "coffee-2026",
        }
        for _ in 0..2 {
            let mut init = stage.init();
            stage.pass(ms(1000));
            assert_eq!(kept(init.ended()).mechanism, "PLAIN");
        }
        stage.sasl_port.refusing.clear();
        stage.sasl_port.password = "tea-2026";
        stage.pass(ms(2000));
        let mut init = stage.init();
        stage.pass(ms(2000));
        init.done();
    }
}

#[test]
fn a_commit_that_its_coordinator_cannot_be_told_of_fails_and_is_aborted_later() {
    for level in [1, 2] {
        let mut stage = secured(level, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        let coordinator = NodeId(stage.coordinators.transactions);
        stage.sasl_port.refusing.insert(coordinator);
        stage.lose(coordinator.0);
        let mut commit = stage.commit();
        stage.pass(ms(1500));
        kept(commit.ended());
        stage.abandon();
        stage.sasl_port.refusing.clear();
        let story = stage.story().len();
        stage.pass(ms(3000));
        assert!(
            stage.story()[..].iter().any(|told| told.contains("bort")) || story > 0,
            "it is aborted"
        );
        let mut begin = stage.begin();
        stage.pass(ms(1000));
        begin.done();
    }
}

#[test]
fn what_is_prepared_stays_so_while_its_coordinator_refuses_us() {
    let settings = with_sasl(plain_login(), two_phase());
    let mut stage = Stage::uninitialized_with(settings, 2, &[1]);
    stage
        .coordinators
        .latest
        .insert(ApiKey::INIT_PRODUCER_ID, 6);
    stage.init().done();
    stage.begin().done();
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    let told = stage.transact(TransactionCall::Prepare).answered();
    let Ok(Transacted::Prepared(state)) = told else {
        panic!("{told:?}");
    };
    let coordinator = NodeId(stage.coordinators.transactions);
    stage.sasl_port.refusing.insert(coordinator);
    stage.lose(coordinator.0);
    let mut commit = stage.transact(TransactionCall::CommitPrepared(state));
    stage.pass(ms(1500));
    kept(commit.ended());
    stage.abandon();
    stage.story();
    stage.sasl_port.refusing.clear();
    stage.pass(ms(3000));
    assert!(!stage.story().iter().any(|told| told.contains("EndTxn")));
    let mut complete = stage.transact(TransactionCall::Complete(Some(state)));
    stage.pass(ms(1000));
    let committed = Transacted::Completed(CompletedTxn::Committed);
    assert_eq!(complete.answered().unwrap(), committed);
    assert_eq!(stage.asked(ApiKey::END_TXN), 1);
}

#[test]
fn a_commit_that_its_coordinator_was_told_of_stays_open() {
    let mut stage = secured(2, &[1]);
    stage.begin().done();
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.keeps(ApiKey::END_TXN);
    let mut commit = stage.commit();
    let coordinator = NodeId(stage.coordinators.transactions);
    stage.sasl_port.refusing.insert(coordinator);
    stage.lose(coordinator.0);
    stage.pass(ms(1500));
    kept(commit.ended());
    stage.sasl_port.refusing.clear();
    stage.lets_go();
    stage.pass(ms(3000));
    let mut outcome = stage.outcome();
    stage.pass(ms(1000));
    outcome.done();
}

#[test]
fn a_record_that_its_leader_does_not_take_makes_the_transaction_abort() {
    let mut stage = secured(2, &[1, 2]);
    stage.begin().done();
    stage.sasl_port.refusing.insert(NodeId(2));
    if stage.connections.contains_key(&NodeId(2)) {
        stage.lose(2);
    }
    let delivery = stage.send(1, "tea");
    stage.pass(ms(1000));
    authentication_cause(&failed(&delivery));
    match stage.commit().abortable() {
        AbortableError::Delivery(error) => drop(authentication_cause(&error)),
        other => panic!("{other:?}"),
    }
    let mut abort = stage.abort();
    stage.pass(ms(1000));
    abort.done();
}

#[test]
fn close_does_not_wait_for_a_coordinator_that_refuses_us() {
    for ends in [false, true] {
        let mut stage = secured(2, &[1]);
        stage.begin().done();
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        delivered(&delivery, 0);
        let coordinator = NodeId(stage.coordinators.transactions);
        stage.sasl_port.refusing.insert(coordinator);
        stage.lose(coordinator.0);
        if ends {
            let _commit = stage.commit();
        }
        let mut report = stage.close(None);
        stage.pass(ms(1500));
        assert!(report.try_recv().unwrap().is_some(), "it has ended");
    }
}
