//! Two-phase commit (KIP-939): what a coordinator is asked, and when.

use std::str::FromStr;

use kafka_producer::engine::{Transacted, TransactionCall};
use kafka_producer::error::{Misuse, TransactionError};
use kafka_producer::{CompletedTxn, PreparedTxnState};
use kafka_wire::{ApiKey, ErrorCode};

use super::two_phase;
use crate::stage::{Stage, delivered, ms};
use crate::wires::ok;

fn uninitialized() -> Stage {
    let mut stage = Stage::uninitialized_with(two_phase(), 2, &[1]);
    stage
        .coordinators
        .latest
        .insert(ApiKey::INIT_PRODUCER_ID, 6);
    stage
}

/// With a transaction open, in which nothing is yet.
fn begun() -> Stage {
    let mut stage = uninitialized();
    stage.init().done();
    stage.begin().done();
    stage
}

/// With a transaction of one record prepared.
fn prepared() -> (Stage, PreparedTxnState) {
    let mut stage = begun();
    stage.warm_up(0, 1);
    stage.story();
    let told = stage.transact(TransactionCall::Prepare).answered();
    let Ok(Transacted::Prepared(state)) = told else {
        panic!("{told:?}");
    };
    (stage, state)
}

fn state(text: &str) -> PreparedTxnState {
    text.parse().unwrap()
}

#[track_caller]
fn completes(stage: &mut Stage, stored: Option<PreparedTxnState>, how: CompletedTxn) {
    let mut call = stage.transact(TransactionCall::Complete(stored));
    assert_eq!(call.answered().unwrap(), Transacted::Completed(how));
}

#[test]
fn it_is_prepared_when_everything_is_acknowledged_and_its_coordinator_is_not_told() {
    let mut stage = begun();
    let delivery = stage.send(0, "tea");
    let mut prepare = stage.transact(TransactionCall::Prepare);
    prepare.is_pending();
    stage.story();
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    let told = prepare.answered().unwrap();
    assert_eq!(told, Transacted::Prepared(state("7000:0")));
    assert_eq!(stage.story(), [""; 0]);
    stage
        .transact(TransactionCall::CommitPrepared(state("7000:0")))
        .done();
    assert_eq!(stage.story(), ["EndTxn commit"]);
    stage.begin().done();
}

#[test]
fn a_producer_asks_for_two_phase_commit_in_the_version_that_has_it_and_in_no_other() {
    let stage = begun();
    assert_eq!(stage.coordinators.spoken[&ApiKey::INIT_PRODUCER_ID], 6);
    let mut plain = Stage::uninitialized(2, &[1]);
    plain
        .coordinators
        .latest
        .insert(ApiKey::INIT_PRODUCER_ID, 6);
    plain.init().done();
    assert_eq!(plain.coordinators.spoken[&ApiKey::INIT_PRODUCER_ID], 5);
}

#[test]
fn offsets_are_committed_before_it_is_prepared() {
    let mut stage = begun();
    stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
    let mut offsets = stage.send_offsets(&[7]);
    let mut prepare = stage.transact(TransactionCall::Prepare);
    prepare.is_pending();
    stage.reply(ErrorCode::NONE);
    offsets.done();
    prepare.done();
}

#[test]
fn time_ends_nothing_that_is_prepared() {
    let (mut stage, state) = prepared();
    stage.pass(ms(600_000));
    assert_eq!(stage.asked(ApiKey::END_TXN), 0);
    let begin = stage.begin().misused();
    assert_eq!(begin, Misuse::TransactionPrepared);
    assert_eq!(stage.outcome().misused(), Misuse::TransactionPrepared);
    stage.abandon();
    let mut commit = stage.transact(TransactionCall::CommitPrepared(state));
    stage.pass(ms(1_000));
    commit.done();
}

#[test]
fn time_aborts_nothing_that_may_still_be_prepared() {
    let mut stage = begun();
    let loading = [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS; 200];
    stage.refuses(ApiKey::TXN_OFFSET_COMMIT, &loading);
    stage.send_offsets(&[7]).is_pending();
    stage.pass(ms(61_000));
    assert!(!stage.has_refused_all());
    assert!(stage.handle.abort_reason().is_none());
    stage.pass(ms(600_000));
    assert!(stage.has_refused_all());
    stage.transact(TransactionCall::Prepare).answered().unwrap();
}

#[test]
fn only_what_is_meant_is_committed_or_aborted_and_only_while_it_is_prepared() {
    for call in [
        TransactionCall::CommitPrepared,
        TransactionCall::AbortPrepared,
    ] {
        let (mut stage, state) = prepared();
        let another = PreparedTxnState::from_str("7000:9").unwrap();
        let refused = stage.transact(call(another)).misused();
        assert_eq!(refused, Misuse::NotPrepared);
        completes(&mut stage, None, CompletedTxn::NotOpen);
        assert_eq!(
            stage.transact(call(state)).misused(),
            Misuse::NotPrepared,
            "no transaction is open"
        );
        stage.begin().done();
        stage.story();
        assert_eq!(
            stage.transact(call(state)).misused(),
            Misuse::NotPrepared,
            "another is open"
        );
        assert_eq!(stage.story(), [""; 0]);
    }
}

#[test]
fn whoever_has_not_heard_that_it_is_prepared_has_it_aborted() {
    let (mut stage, _) = prepared();
    stage.transact(TransactionCall::AbandonPrepare).done();
    assert_eq!(stage.story(), ["EndTxn abort"]);
    let mut stage = begun();
    let _ = stage.send(0, "tea");
    drop(stage.transact(TransactionCall::Prepare));
    stage.transact(TransactionCall::AbandonPrepare).done();
    stage.answer(1, [ok(0)]);
    assert_eq!(stage.story().last().unwrap(), "EndTxn abort");
}

#[test]
fn what_the_coordinator_has_kept_is_committed_if_it_was_stored() {
    for (stored, story, how) in [
        (Some("7000:8"), "EndTxn commit", CompletedTxn::Committed),
        (Some("7000:7"), "EndTxn abort", CompletedTxn::NotOpen),
        (None, "EndTxn abort", CompletedTxn::NotOpen),
    ] {
        let mut stage = uninitialized();
        stage.coordinators.producer = (7000, 8);
        stage.coordinators.kept = (7000, 8);
        completes(&mut stage, stored.map(state), how);
        assert_eq!(stage.story().last().unwrap(), story);
        stage.begin().done();
    }
}

#[test]
fn where_nothing_is_kept_nothing_is_ended() {
    let mut stage = uninitialized();
    completes(&mut stage, Some(state("7000:8")), CompletedTxn::NotOpen);
    assert_eq!(stage.asked(ApiKey::END_TXN), 0);
    stage.begin().done();
}

#[test]
fn a_coordinator_that_keeps_nothing_is_told_of_what_was_stored_before_the_rest_is_ended() {
    let not_open = [
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        ErrorCode::INVALID_TXN_STATE,
    ];
    let cases = not_open.map(|code| (code, CompletedTxn::NotOpen));
    let retried = ErrorCode::CONCURRENT_TRANSACTIONS;
    for (code, how) in [
        (ErrorCode::NONE, CompletedTxn::Committed),
        (retried, CompletedTxn::Committed),
    ]
    .into_iter()
    .chain(cases)
    {
        let mut stage = uninitialized();
        let keeps_nothing = [ErrorCode::UNSUPPORTED_VERSION];
        stage.refuses(ApiKey::INIT_PRODUCER_ID, &keeps_nothing);
        stage.refuses(ApiKey::END_TXN, &[code]);
        let mut call = stage.transact(TransactionCall::Complete(Some(state("7000:8"))));
        stage.pass(ms(1_000));
        assert_eq!(
            call.answered().unwrap(),
            Transacted::Completed(how),
            "{code}"
        );
        let story = stage.story();
        let asked: Vec<&str> = story.iter().map(String::as_str).collect();
        let ends = match code == retried {
            true => 2,
            false => 1,
        };
        let expected = [
            vec!["InitProducerId"],
            vec!["EndTxn commit"; ends],
            vec!["InitProducerId"],
        ];
        assert_eq!(asked[1..], expected.concat(), "{code}");
        stage.begin().done();
    }
}

#[test]
fn without_anything_stored_such_a_coordinator_is_asked_for_the_next_epoch_alone() {
    let mut stage = uninitialized();
    stage.refuses(ApiKey::INIT_PRODUCER_ID, &[ErrorCode::UNSUPPORTED_VERSION]);
    completes(&mut stage, None, CompletedTxn::NotOpen);
    assert_eq!(stage.asked(ApiKey::END_TXN), 0);
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 2);
}

#[test]
fn what_its_coordinator_refuses_to_commit_stays_prepared_until_its_owner_aborts_it() {
    for code in [
        ErrorCode::TRANSACTION_ABORTABLE,
        ErrorCode::UNKNOWN_PRODUCER_ID,
    ] {
        let (mut stage, state) = prepared();
        stage.refuses(ApiKey::END_TXN, &[code, code]);
        stage.story();
        stage
            .transact(TransactionCall::CommitPrepared(state))
            .abortable();
        let begin = stage.begin().misused();
        assert_eq!(begin, Misuse::TransactionPrepared);
        let again = TransactionCall::Complete(Some(state));
        stage.transact(again).abortable();
        stage.pass(ms(1_000));
        assert_eq!(stage.story(), ["EndTxn commit"; 2], "{code}");
        completes(&mut stage, None, CompletedTxn::NotOpen);
        assert_eq!(stage.story(), ["EndTxn abort"], "{code}");
        stage.begin().done();
    }
}

#[test]
fn whoever_asks_again_about_a_commit_is_told_what_became_of_it() {
    let (mut stage, state) = prepared();
    stage.keeps(ApiKey::END_TXN);
    let mut commit = stage.transact(TransactionCall::CommitPrepared(state));
    let mut complete = stage.transact(TransactionCall::Complete(Some(state)));
    let mut wait = stage.outcome();
    complete.is_pending();
    let other = stage.transact(TransactionCall::Complete(None)).misused();
    assert_eq!(other, Misuse::AlreadyInitialized, "it is being committed");
    stage.reply(ErrorCode::NONE);
    commit.done();
    wait.done();
    let committed = Transacted::Completed(CompletedTxn::Committed);
    assert_eq!(complete.answered().unwrap(), committed);
    // Also afterwards, until the next begins.
    completes(&mut stage, Some(state), CompletedTxn::Committed);
    completes(&mut stage, Some(state), CompletedTxn::Committed);
    stage.outcome().done();
    stage.begin().done();
    let too_late = TransactionCall::Complete(Some(state));
    assert_eq!(
        stage.transact(too_late).misused(),
        Misuse::AlreadyInitialized
    );
}

#[test]
fn whoever_asks_again_about_an_abort_is_told_that_it_is_not_open() {
    for stored in [false, true] {
        let (mut stage, state) = prepared();
        stage.keeps(ApiKey::END_TXN);
        let mut abort = stage.transact(TransactionCall::AbortPrepared(state));
        let call = TransactionCall::Complete(stored.then_some(state));
        let mut complete = stage.transact(call);
        stage.reply(ErrorCode::NONE);
        abort.done();
        let not_open = Transacted::Completed(CompletedTxn::NotOpen);
        assert_eq!(complete.answered().unwrap(), not_open);
        completes(&mut stage, stored.then_some(state), CompletedTxn::NotOpen);
        stage.begin().done();
    }
}

#[test]
fn a_commit_that_its_coordinator_does_not_have_is_told_apart_from_one_that_it_refuses() {
    let (mut stage, state) = prepared();
    stage.refuses(ApiKey::END_TXN, &[ErrorCode::INVALID_TXN_STATE]);
    stage.story();
    stage
        .transact(TransactionCall::CommitPrepared(state))
        .abortable();
    assert_eq!(stage.story(), ["EndTxn commit", "EndTxn abort"]);
    completes(&mut stage, Some(state), CompletedTxn::NotOpen);
    stage.begin().done();
}

#[test]
fn a_producer_that_closes_leaves_it_prepared() {
    let (mut stage, _) = prepared();
    let mut report = stage.close(None);
    assert!(report.try_recv().unwrap().unwrap().is_clean());
    assert_eq!(stage.story(), [""; 0]);
}

#[test]
fn a_completion_that_nobody_waited_for_is_told_to_who_asks_again() {
    let mut stage = uninitialized();
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    drop(stage.transact(TransactionCall::Complete(None)));
    stage.reply(ErrorCode::NONE);
    completes(&mut stage, None, CompletedTxn::NotOpen);
    let again = stage.transact(TransactionCall::Complete(None)).misused();
    assert_eq!(again, Misuse::AlreadyInitialized);
}

#[test]
fn what_is_said_last_to_be_stored_counts_until_its_coordinator_has_answered() {
    let mut stage = uninitialized();
    stage.coordinators.producer = (7000, 8);
    stage.coordinators.kept = (7000, 8);
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    let kept = Some(state("7000:8"));
    let mut first = stage.transact(TransactionCall::Complete(None));
    let mut second = stage.transact(TransactionCall::Complete(kept));
    assert_eq!(first.misused(), Misuse::OtherStored);
    stage.keeps(ApiKey::END_TXN);
    stage.reply(ErrorCode::NONE);
    second.is_pending();
    let other = stage.transact(TransactionCall::Complete(None)).misused();
    assert_eq!(other, Misuse::OtherStored);
    let third = stage.transact(TransactionCall::Complete(kept));
    assert_eq!(stage.story().last().unwrap(), "EndTxn commit");
    stage.reply(ErrorCode::NONE);
    for mut call in [second, third] {
        let told = call.answered().unwrap();
        assert_eq!(told, Transacted::Completed(CompletedTxn::Committed));
    }
}

#[test]
fn what_has_become_of_one_that_was_stored_is_not_told_about_another() {
    let mut stage = uninitialized();
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    drop(stage.transact(TransactionCall::Complete(None)));
    stage.reply(ErrorCode::NONE);
    let other = TransactionCall::Complete(Some(state("7000:8")));
    assert_eq!(stage.transact(other).misused(), Misuse::OtherStored);
    completes(&mut stage, None, CompletedTxn::NotOpen);
}

#[test]
fn a_transaction_that_can_only_be_aborted_is_not_prepared() {
    let mut stage = begun();
    stage.refuses(ApiKey::TXN_OFFSET_COMMIT, &[ErrorCode::NONE]);
    let refused = ErrorCode::UNKNOWN_MEMBER_ID;
    stage.refuses_partition(ApiKey::TXN_OFFSET_COMMIT, 0, &[refused]);
    let _ = stage.send_offsets(&[7]);
    stage.transact(TransactionCall::Prepare).abortable();
    stage.abort().done();
    stage.begin().done();
    let told = stage.transact(TransactionCall::Complete(None)).ended();
    assert!(
        matches!(told, Err(TransactionError::Misused(_))),
        "{told:?}"
    );
}
