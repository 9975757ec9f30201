//! What a coordinator refuses for good: some of it ends the transaction, some of it the producer.

use kafka_producer::engine::EngineState;
use kafka_producer::error::{AbortableError, FatalError, TransactionError};
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, failed, ms};
use crate::wires::{error, ok};

const VERSIONS: [i16; 2] = [1, 2];
const ADD_PARTITIONS: ApiKey = ApiKey::ADD_PARTITIONS_TO_TXN;
const ADD_OFFSETS: ApiKey = ApiKey::ADD_OFFSETS_TO_TXN;
const OFFSETS: ApiKey = ApiKey::TXN_OFFSET_COMMIT;

/// The protocols in which this is asked for.
fn levels(api: ApiKey) -> &'static [i16] {
    match api {
        ADD_PARTITIONS | ADD_OFFSETS => &VERSIONS[..1],
        _ => &VERSIONS,
    }
}

/// Goes through a transaction in which the first request of this kind, after the transactions are
/// initialized, is refused: how the call has ended that needed it.
fn refused(stage: &mut Stage, api: ApiKey, code: ErrorCode) -> Result<(), TransactionError> {
    stage.begin().done();
    stage.refuses(api, &[code]);
    let delivery = stage.send(0, "tea");
    if !stage.requests(1).is_empty() {
        stage.answer(1, [ok(0)]);
        stage.send_offsets(&[5]).ended()?;
    }
    let committed = stage.commit().ended();
    if api == ADD_PARTITIONS {
        // Aborted with its transaction, or failed with its producer.
        if matches!(stage.handle.state(), EngineState::Open) {
            stage.abandon();
        }
        failed(&delivery);
    }
    committed
}

#[track_caller]
fn fatal(api: ApiKey, code: ErrorCode) -> FatalError {
    let mut found = None;
    for level in levels(api) {
        let mut stage = Stage::transactional(*level, &[1]);
        let why = match refused(&mut stage, api, code) {
            Err(TransactionError::Fatal(why)) => why,
            other => panic!("{api} refused with {code}: {other:?}"),
        };
        assert_eq!(why.code(), code);
        assert!(matches!(stage.handle.state(), EngineState::Failed(_)));
        assert_eq!(stage.begin().fatal(), why, "every call says so");
        found = Some(why);
    }
    found.unwrap()
}

#[track_caller]
fn abortable(api: ApiKey, code: ErrorCode) {
    for level in levels(api) {
        let mut stage = Stage::transactional(*level, &[1]);
        match refused(&mut stage, api, code) {
            Err(TransactionError::Abortable(why)) => assert_eq!(why.code(), Some(code)),
            other => panic!("{api} refused with {code}: {other:?}"),
        }
        stage.abandon();
        stage.begin().done();
        let _ = stage.send(0, "cake");
        stage.answer(1, [ok(1)]);
        stage.commit().done();
    }
}

#[track_caller]
fn fenced(api: ApiKey, code: ErrorCode) {
    let why = fatal(api, code);
    assert!(matches!(why, FatalError::Fenced { .. }), "{why:?}");
}

#[test]
fn t044_t097_a_message_format_that_offsets_do_not_have_is_fatal() {
    fatal(OFFSETS, ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT);
}

#[test]
fn t045_to_t047_a_member_that_was_replaced_cannot_commit_but_its_producer_goes_on() {
    abortable(OFFSETS, ErrorCode::FENCED_INSTANCE_ID);
    abortable(OFFSETS, ErrorCode::UNKNOWN_MEMBER_ID);
    abortable(OFFSETS, ErrorCode::ILLEGAL_GENERATION);
}

#[test]
fn t051_a_transactional_id_that_may_not_be_looked_up_is_fatal() {
    let mut stage = Stage::uninitialized(1, &[1]);
    let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    stage.refuses(ApiKey::FIND_COORDINATOR, &[code]);
    assert_eq!(stage.init().fatal().code(), code);
    assert_eq!(stage.begin().fatal().code(), code);
}

#[test]
fn t052_a_transactional_id_that_may_not_be_initialized_may_be_tried_again() {
    for code in [
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
    ] {
        let mut stage = Stage::uninitialized(1, &[1]);
        stage.refuses(ApiKey::INIT_PRODUCER_ID, &[code]);
        assert_eq!(stage.init().abortable().code(), Some(code));
        stage.init().done();
        stage.begin().done();
    }
}

#[test]
fn t055_a_leader_that_does_not_know_the_producer_s_name_is_fatal() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let delivery = stage.send(0, "tea");
        let code = ErrorCode::INVALID_PRODUCER_ID_MAPPING;
        stage.answer(1, [error(code)]);
        assert_eq!(failed(&delivery).code(), Some(code));
        assert_eq!(stage.commit().fatal().code(), code);
    }
}

#[test]
fn t056_to_t058_what_names_another_state_or_no_right_is_fatal_to_offsets() {
    for code in [
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ErrorCode::INVALID_TXN_STATE,
    ] {
        fatal(ADD_OFFSETS, code);
        fatal(OFFSETS, code);
    }
}

#[test]
fn t059_topics_that_may_not_be_written_to_are_named_and_nothing_stays_to_be_added() {
    let mut stage = Stage::begun(1, &[1, 1, 1]);
    stage.warm_up(0, 1);
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    stage.refuses_partition(ADD_PARTITIONS, 1, &[denied]);
    stage.refuses_partition(ADD_PARTITIONS, 2, &[ErrorCode::OPERATION_NOT_ATTEMPTED]);
    let first = stage.append("orders", 1, "tea").unwrap();
    let second = stage.append("orders", 2, "cake").unwrap();
    stage.story();
    stage.tick();
    let why = stage.commit().abortable();
    assert_eq!(why.code(), Some(denied));
    assert!(why.to_string().contains("(topics: orders)"), "{why}");
    let expected = [
        "AddPartitionsToTxn orders-1 orders-2",
        "EndTxn abort",
        "InitProducerId 7000/0",
    ];
    stage.abort().done();
    assert_eq!(stage.story(), expected);
    failed(&first);
    failed(&second);
}

#[test]
fn t060_a_commit_fails_with_what_its_partitions_are_refused_with() {
    let mut stage = Stage::begun(1, &[1]);
    stage.keeps(ADD_PARTITIONS);
    let delivery = stage.send(0, "tea");
    let mut committed = stage.commit();
    stage.reply(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let why = committed.abortable();
    assert_eq!(why.code(), Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    stage.abandon();
    failed(&delivery);
    stage.begin().done();
}

#[test]
fn t067_t068_what_names_another_state_or_no_right_is_fatal_to_partitions() {
    fatal(
        ADD_PARTITIONS,
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    );
    fatal(ADD_PARTITIONS, ErrorCode::INVALID_TXN_STATE);
}

#[test]
fn t073_t074_a_producer_that_is_fenced_while_it_is_initialized_says_so_ever_after() {
    for code in [
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        let mut stage = Stage::uninitialized(1, &[1]);
        stage.refuses(ApiKey::INIT_PRODUCER_ID, &[code]);
        let why = stage.init().fatal();
        assert!(matches!(why, FatalError::Fenced { .. }), "{why:?}");
        assert_eq!(stage.begin().fatal(), why);
        assert_eq!(stage.init().fatal(), why);
    }
}

#[test]
fn t075_to_t079_a_producer_that_is_fenced_says_so_and_its_records_fail_with_it() {
    for code in [
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_PRODUCER_EPOCH,
    ] {
        fenced(ADD_PARTITIONS, code);
        fenced(ADD_OFFSETS, code);
        fenced(ApiKey::END_TXN, code);

        let mut stage = Stage::begun(1, &[1]);
        stage.refuses(ADD_PARTITIONS, &[code]);
        let delivery = stage.send(0, "tea");
        assert_eq!(failed(&delivery).code(), Some(code));
    }
}

#[test]
fn t094_t095_offsets_of_a_producer_that_is_fenced_or_may_not_are_fatal() {
    fenced(OFFSETS, ErrorCode::PRODUCER_FENCED);
    fatal(OFFSETS, ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
}

#[test]
fn t096_offsets_that_meet_another_epoch_are_aborted_and_the_answer_to_that_tells_of_a_successor() {
    abortable(OFFSETS, ErrorCode::INVALID_PRODUCER_EPOCH);
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(OFFSETS, &[ErrorCode::INVALID_PRODUCER_EPOCH]);
        stage.send_offsets(&[5]).abortable();
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::PRODUCER_FENCED]);
        let why = stage.abort().fatal();
        assert!(matches!(why, FatalError::Fenced { .. }), "{why:?}");
    }
}

#[test]
fn t135_t137_an_init_that_need_only_be_tried_again_can_be() {
    for api in [ApiKey::INIT_PRODUCER_ID, ApiKey::FIND_COORDINATOR] {
        let mut stage = Stage::uninitialized(2, &[1]);
        stage.refuses(api, &[ErrorCode::TRANSACTION_ABORTABLE]);
        let why = stage.init().abortable();
        assert_eq!(why.code(), Some(ErrorCode::TRANSACTION_ABORTABLE));
        stage.init().done();
    }
}

#[test]
fn t136_t138_to_t140_whatever_is_abortable_says_a_coordinator_ends_the_transaction_alone() {
    for api in [ADD_PARTITIONS, ApiKey::END_TXN, ADD_OFFSETS, OFFSETS] {
        abortable(api, ErrorCode::TRANSACTION_ABORTABLE);
    }
}

#[test]
fn s71_an_abort_that_cannot_be_aborted_ends_the_producer() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::TRANSACTION_ABORTABLE]);
        let why = stage.abort().fatal();
        assert_eq!(why.code(), ErrorCode::TRANSACTION_ABORTABLE);

        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::TRANSACTION_ABORTABLE; 2]);
        let why = stage.commit().abortable();
        assert!(matches!(why, AbortableError::Refused { .. }));
        let why = stage.abort().fatal();
        assert_eq!(why.code(), ErrorCode::TRANSACTION_ABORTABLE);
    }
}

#[test]
fn an_end_that_the_broker_cannot_explain_is_asked_for_again_and_never_taken_for_one() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        stage.refuses(ApiKey::END_TXN, &[ErrorCode::UNKNOWN_SERVER_ERROR; 2]);
        let mut commit = stage.commit();
        commit.is_pending();
        stage.pass(ms(2000));
        assert!(stage.has_refused_all(), "it was asked again");
        commit.done();
    }
}
