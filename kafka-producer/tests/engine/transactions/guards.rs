//! What may be called when: a call in the wrong place is refused and changes nothing, and whoever
//! waited in vain can ask how it went on.

use kafka_producer::engine::{EngineState, TransactionCall};
use kafka_producer::error::{AbortableError, FatalError, Misuse, TransactionError};
use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit};
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::transactional;
use crate::stage::{Stage, delivered, failed, ms, pending};
use crate::wires::{error, ok};

const VERSIONS: [i16; 2] = [1, 2];

/// A stage whose callers wait for ten seconds.
fn hasty(level: i16) -> Stage {
    let mut settings = transactional();
    settings.max_block = ms(10_000);
    Stage::transactional_with(settings, level, &[1])
}

#[test]
fn t003_t018_before_init_transactions_no_transaction_begins_and_no_record_leaves() {
    for level in VERSIONS {
        let mut stage = Stage::uninitialized(level, &[1]);
        assert_eq!(stage.begin().misused(), Misuse::NotInitialized);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(1000));
        pending(&delivery);
        assert!(stage.story().is_empty(), "nobody was asked anything");
    }
}

#[test]
fn t004_an_idempotent_producer_sends_at_any_time_and_has_no_transactions() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    for call in [
        TransactionCall::Init,
        TransactionCall::Begin,
        TransactionCall::Commit,
        TransactionCall::Abort,
        TransactionCall::Wait,
    ] {
        assert_eq!(stage.transact(call).misused(), Misuse::NotTransactional);
    }
}

#[test]
fn t005_an_idempotent_producer_sends_nothing_after_a_fatal_error() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)]);
    failed(&delivery);
    assert!(matches!(stage.handle.state(), EngineState::Failed(_)));
    assert!(stage.append("orders", 0, "cake").is_err());
}

#[test]
fn t006_t019_t028_outside_of_a_transaction_no_record_leaves() {
    for level in VERSIONS {
        let mut stage = Stage::transactional(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.pass(ms(1000));
        pending(&delivery);
        assert!(stage.story().is_empty());
        assert_eq!(stage.commit().misused(), Misuse::NoTransaction);
        assert_eq!(stage.abort().misused(), Misuse::NoTransaction);
        let offsets = stage.send_offsets(&[5]).misused();
        assert_eq!(offsets, Misuse::NoTransaction);
    }
}

#[test]
fn t007_t020_after_an_abortable_error_the_next_record_is_told_why() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        assert!(stage.handle.abort_reason().is_none());
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::INVALID_TXN_STATE)]);
        failed(&delivery);
        let told = stage.handle.abort_reason().expect("senders are told");
        assert_eq!(told.code(), Some(ErrorCode::INVALID_TXN_STATE));
        let why = stage.send_offsets(&[5]).abortable();
        assert!(matches!(why, AbortableError::Delivery(_)));
        stage.abort().done();
        assert!(stage.handle.abort_reason().is_none(), "that is over");
    }
}

#[test]
fn t008_t021_after_a_fatal_error_every_call_and_record_is_told_so() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::PRODUCER_FENCED)]);
        failed(&delivery);
        assert!(stage.append("orders", 0, "cake").is_err());
        for call in [
            TransactionCall::Init,
            TransactionCall::Begin,
            TransactionCall::Commit,
            TransactionCall::Abort,
            TransactionCall::Wait,
        ] {
            let why = stage.transact(call).fatal();
            assert_eq!(why.code(), ErrorCode::PRODUCER_FENCED);
        }
        let why = stage.send_offsets(&[5]).fatal();
        assert_eq!(why.code(), ErrorCode::PRODUCER_FENCED);
    }
}

#[test]
fn t009_t010_a_transaction_is_open_until_its_end_is_acknowledged() {
    for level in VERSIONS {
        for end in [TransactionCall::Abort, TransactionCall::Commit] {
            let mut stage = Stage::under_way(level, &[1]);
            assert_eq!(stage.begin().misused(), Misuse::TransactionOpen);
            stage.keeps(ApiKey::END_TXN);
            let mut ended = stage.transact(end);
            let mut next = stage.begin();
            ended.is_pending();
            next.is_pending();
            stage.reply(ErrorCode::NONE);
            ended.done();
            next.done();
        }
    }
}

#[test]
fn offsets_with_a_name_that_the_protocol_cannot_carry_are_refused_and_do_no_harm() {
    let longest = "x".repeat(32_767);
    let longer = "x".repeat(32_768);
    let too_long = |what| format!("the {what} has 32768 bytes; allowed are 32767");
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.story();
        for (group, what) in [
            (ConsumerGroupMetadata::new(&*longer), "id of the group"),
            (
                ConsumerGroupMetadata::new("g").member(&*longer, 1),
                "id of the group's member",
            ),
            (
                ConsumerGroupMetadata::new("g").instance(&*longer),
                "group instance id",
            ),
        ] {
            let misuse = stage.send_offsets_of(group, &[5]).misused();
            assert_eq!(misuse.to_string(), too_long(what));
        }
        let about_offset = |offset| TransactionCall::SendOffsets {
            offsets: vec![OffsetToCommit::new("payments", 0, 5), offset],
            group: ConsumerGroupMetadata::new("g"),
        };
        for (offset, what) in [
            (OffsetToCommit::new(&*longer, 0, 5), "topic of an offset"),
            (
                OffsetToCommit::new("payments", 1, 5).metadata(&*longer),
                "metadata of an offset",
            ),
        ] {
            let refused = stage.transact(about_offset(offset)).misused();
            assert_eq!(refused.to_string(), too_long(what));
        }
        assert!(stage.story().is_empty());
        let longest = OffsetToCommit::new("payments", 1, 5).metadata(&*longest);
        stage.transact(about_offset(longest)).done();
        stage.commit().done();
    }
}

#[test]
fn t011_after_an_abortable_error_it_is_open_until_it_is_aborted() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::INVALID_TXN_STATE)]);
        assert_eq!(stage.begin().misused(), Misuse::TransactionOpen);
        stage.abort().done();
        stage.begin().done();
    }
}

#[test]
fn t012_after_a_fatal_error_none_is_open() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let _ = stage.send(0, "tea");
        stage.answer(1, [error(ErrorCode::INVALID_PRODUCER_ID_MAPPING)]);
        stage.story();
        let why = stage.commit().fatal();
        assert_eq!(why.code(), ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        stage.pass(ms(10_000));
        assert!(stage.story().is_empty(), "no coordinator is told anything");
    }
}

#[test]
fn t041_transactions_are_initialized_once() {
    let mut stage = Stage::transactional(1, &[1]);
    assert_eq!(stage.init().misused(), Misuse::AlreadyInitialized);
    stage.begin().done();
    assert_eq!(stage.init().misused(), Misuse::AlreadyInitialized);
}

#[test]
fn t062_t063_a_commit_or_abort_that_timed_out_goes_on_and_its_outcome_can_be_asked_for() {
    for level in VERSIONS {
        for (end, name) in [
            (TransactionCall::Abort, "abort"),
            (TransactionCall::Commit, "commit"),
        ] {
            let mut stage = hasty(level);
            stage.begin().done();
            stage.warm_up(0, 1);
            stage.keeps(ApiKey::END_TXN);
            let mut call = stage.transact(end);
            stage.pass(ms(10_000));
            assert_eq!(call.timed_out().call, name);
            let mut outcome = stage.outcome();
            outcome.is_pending();
            stage.reply(ErrorCode::NONE);
            outcome.done();
            stage.outcome().done();
            assert_eq!(stage.asked(ApiKey::END_TXN), 1);
        }
    }
}

#[test]
fn t063_the_outcome_of_a_commit_that_timed_out_may_be_that_it_was_aborted() {
    for level in VERSIONS {
        let mut stage = hasty(level);
        stage.begin().done();
        stage.warm_up(0, 1);
        stage.keeps(ApiKey::END_TXN);
        let mut call = stage.commit();
        stage.pass(ms(10_000));
        call.timed_out();
        stage.abandon();
        let mut outcome = stage.outcome();
        stage.reply(ErrorCode::TRANSACTION_ABORTABLE);
        outcome.is_pending();
        stage.lets_go();
        let why = outcome.abortable();
        assert_eq!(why.code(), Some(ErrorCode::TRANSACTION_ABORTABLE));
        stage.begin().done();
    }
}

#[test]
fn who_asked_while_the_process_stood_still_is_told_at_once_that_it_took_too_long() {
    let mut stage = Stage::uninitialized(1, &[1]);
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    let mut init = stage.transact_until(TransactionCall::Init, stage.now);
    stage.pass(ms(0));
    init.timed_out();
}

#[test]
fn t064_an_init_that_timed_out_goes_on_and_is_waited_for_by_asking_again() {
    let mut settings = transactional();
    settings.max_block = ms(10_000);
    let mut stage = Stage::uninitialized_with(settings, 1, &[1]);
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    let mut first = stage.init();
    stage.pass(ms(10_000));
    assert_eq!(first.timed_out().call, "init_transactions");
    let mut second = stage.init();
    second.is_pending();
    stage.reply(ErrorCode::NONE);
    second.done();
    assert_eq!(stage.asked(ApiKey::INIT_PRODUCER_ID), 1);
    assert_eq!(stage.init().misused(), Misuse::AlreadyInitialized);
}

#[test]
fn t064_an_init_that_was_answered_after_it_timed_out_is_acknowledged_once() {
    let mut settings = transactional();
    settings.max_block = ms(10_000);
    let mut stage = Stage::uninitialized_with(settings, 1, &[1]);
    stage.keeps(ApiKey::INIT_PRODUCER_ID);
    let mut first = stage.init();
    stage.pass(ms(10_000));
    first.timed_out();
    stage.reply(ErrorCode::NONE);
    stage.init().done();
    assert_eq!(stage.init().misused(), Misuse::AlreadyInitialized);
}

#[test]
fn t127_t128_an_end_is_asked_for_until_it_is_granted_and_told_to_everybody() {
    let again = [
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::REQUEST_TIMED_OUT,
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ];
    for level in VERSIONS {
        for end in [TransactionCall::Abort, TransactionCall::Commit] {
            let mut stage = Stage::under_way(level, &[1]);
            stage.refuses(ApiKey::END_TXN, &again);
            let mut ended = stage.transact(end);
            let mut asked = stage.outcome();
            ended.is_pending();
            stage.pass(ms(20_000));
            ended.done();
            asked.done();
            stage.outcome().done();
            assert_eq!(stage.asked(ApiKey::END_TXN), again.len() + 1);
        }
    }
}

#[test]
fn t129_t130_after_a_commit_or_abort_that_timed_out_the_other_is_refused() {
    for level in VERSIONS {
        for (end, other, committed) in [
            (TransactionCall::Commit, TransactionCall::Abort, true),
            (TransactionCall::Abort, TransactionCall::Commit, false),
        ] {
            let mut stage = hasty(level);
            stage.begin().done();
            stage.warm_up(0, 1);
            stage.keeps(ApiKey::END_TXN);
            let mut call = stage.transact(end);
            stage.pass(ms(10_000));
            call.timed_out();
            stage.story();
            assert_eq!(stage.transact(other).misused(), Misuse::NoTransaction);
            stage.lets_go();
            stage.outcome().done();
            assert!(stage.story().is_empty(), "it ends as asked first");
            let _ = committed;
        }
    }
}

#[test]
fn t133_a_coordinator_that_contradicts_the_state_of_the_producer_ends_it() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        for api in [ApiKey::END_TXN, ApiKey::INIT_PRODUCER_ID] {
            stage.refuses(api, &[ErrorCode::INVALID_TXN_STATE]);
        }
        let why = stage.abort().fatal();
        assert_eq!(why.code(), ErrorCode::INVALID_TXN_STATE);
        assert!(matches!(stage.handle.state(), EngineState::Failed(_)));
        stage.begin().fatal();
    }
}

#[test]
fn a_commit_that_comes_after_an_abort_has_failed_and_the_next_answer_tells_a_zombie() {
    let ends = |stage: &mut Stage| {
        let story = stage.story().into_iter();
        story.filter(|it| it.starts_with("EndTxn")).count()
    };
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::INVALID_TXN_STATE]);
        let why = stage.commit().abortable();
        assert_eq!(why.code(), Some(ErrorCode::INVALID_TXN_STATE));
        assert_eq!(ends(&mut stage), 2, "the commit, and the abort after it");
        stage.begin().done();

        let mut stage = Stage::under_way(level, &[1]);
        let codes = [ErrorCode::INVALID_TXN_STATE, ErrorCode::PRODUCER_FENCED];
        stage.refuses(ApiKey::END_TXN, &codes);
        let why = stage.commit().fatal();
        assert!(matches!(why, FatalError::Fenced { .. }), "{why}");
    }
}

#[test]
fn a_transaction_that_its_coordinator_has_turned_away_is_not_ended_there() {
    let mut settings = transactional();
    settings.delivery_timeout = ms(1000);
    let mut stage = Stage::transactional_with(settings, 2, &[1]);
    stage.begin().done();
    let delivery = stage.send(0, "tea");
    // Each attempt is turned away, the last when its time is up.
    while delivery.try_outcome().is_none() {
        if !stage.requests(1).is_empty() {
            stage.answer(1, [error(ErrorCode::CONCURRENT_TRANSACTIONS)]);
        }
        stage.pass(ms(10));
    }
    stage.story();
    stage.abort().done();
    assert!(stage.story().is_empty(), "no end, and no new epoch");
    stage.begin().done();
    let delivery = stage.send(0, "milk");
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
    stage.commit().done();
}

#[test]
fn t134_a_call_in_the_wrong_place_changes_nothing() {
    for level in VERSIONS {
        let mut stage = Stage::uninitialized(level, &[1]);
        stage.begin().misused();
        stage.commit().misused();
        stage.abort().misused();
        stage.outcome().misused();
        stage.init().done();
        stage.commit().misused();
        stage.init().misused();
        stage.begin().done();
        stage.begin().misused();
        stage.outcome().misused();
        let delivery = stage.send(0, "tea");
        stage.answer(1, [ok(0)]);
        let committed = stage.commit().ended();
        assert!(matches!(committed, Ok(())), "{committed:?}");
        delivered(&delivery, 0);
    }
}

#[test]
fn a_closed_producer_begins_no_transaction() {
    let mut stage = Stage::transactional(1, &[1]);
    stage.keeps(ApiKey::END_TXN);
    stage.begin().done();
    stage.warm_up(0, 1);
    let mut report = stage.close(None);
    let begun = stage.begin().ended();
    assert!(matches!(begun, Err(TransactionError::Closed)), "{begun:?}");
    stage.lets_go();
    assert!(report.try_recv().unwrap().is_some());
}
