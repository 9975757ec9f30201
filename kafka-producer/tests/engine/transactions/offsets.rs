//! Offsets of a consumer in a transaction: who is told, what is sent again, what makes them fail.

use kafka_producer::ConsumerGroupMetadata;
use kafka_producer::error::AbortableError;
use kafka_wire::{ApiKey, ErrorCode};

use super::coordinator::{Call, GROUP, GROUPS};
use super::requests::Ask;
use crate::stage::{Stage, ms};

const VERSIONS: [i16; 2] = [1, 2];

#[test]
fn t091_to_t093_offsets_that_cannot_be_taken_now_are_sent_again() {
    for level in VERSIONS {
        for code in [
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
            ErrorCode::NETWORK_EXCEPTION,
            ErrorCode::REQUEST_TIMED_OUT,
        ] {
            let mut stage = Stage::begun(level, &[1]);
            stage.refuses(ApiKey::TXN_OFFSET_COMMIT, &[code, code]);
            let mut sent = stage.send_offsets(&[5]);
            sent.is_pending();
            stage.pass(ms(1000));
            sent.done();
            assert_eq!(stage.asked(ApiKey::TXN_OFFSET_COMMIT), 3, "{code}");
            stage.commit().done();
        }
    }
}

#[test]
fn t102_the_group_tells_who_consumes_and_only_what_was_refused_is_sent_again() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1]);
        let again = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        stage.refuses_partition(ApiKey::TXN_OFFSET_COMMIT, 1, &[again]);
        stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
        let group = ConsumerGroupMetadata::new(GROUP).member("member-7", 3);
        let mut sent = stage.send_offsets_of(group.instance("static-1"), &[5, 6]);
        let (node, ask) = stage.question().unwrap();
        assert_eq!(node.0, GROUPS);
        let Ask::CommitOffsets { member, .. } = ask else {
            panic!("{ask}");
        };
        let instance = Some("static-1".to_owned());
        assert_eq!(member, (3, "member-7".to_owned(), instance));
        stage.story();
        stage.reply(ErrorCode::NONE);
        sent.is_pending();
        stage.pass(ms(200));
        assert_eq!(stage.story(), ["TxnOffsetCommit billing payments-1@6"]);
        stage.reply(ErrorCode::NONE);
        sent.done();
    }
}

#[test]
fn t103_a_broker_that_cannot_check_the_member_is_refused_and_one_that_need_not_is_not() {
    for (group, taken) in [
        (ConsumerGroupMetadata::new(GROUP), true),
        (
            ConsumerGroupMetadata::new(GROUP).member("member-7", 3),
            false,
        ),
    ] {
        let mut stage = Stage::uninitialized(1, &[1]);
        let latest = &mut stage.coordinators.latest;
        latest.insert(ApiKey::TXN_OFFSET_COMMIT, 2);
        stage.init().done();
        stage.begin().done();
        let mut sent = stage.send_offsets_of(group, &[5]);
        if taken {
            sent.done();
        } else {
            assert_eq!(sent.fatal().code(), ErrorCode::UNSUPPORTED_VERSION);
        }
    }
}

#[test]
fn no_offsets_are_nothing_to_do() {
    let mut stage = Stage::begun(1, &[1]);
    stage.send_offsets(&[]).done();
    assert!(stage.story().is_empty());
}

#[test]
fn t054_offsets_that_are_refused_are_forgotten_and_the_next_transaction_sends_its_own() {
    for level in VERSIONS {
        let mut stage = Stage::begun(level, &[1]);
        let code = ErrorCode::GROUP_AUTHORIZATION_FAILED;
        stage.refuses(ApiKey::TXN_OFFSET_COMMIT, &[code]);
        let why = stage.send_offsets(&[5]).abortable();
        assert!(matches!(why, AbortableError::Refused { .. }), "{why}");
        assert_eq!(why.code(), Some(code));
        stage.abort().done();
        stage.begin().done();
        stage.story();
        stage.send_offsets(&[7]).done();
        let story = stage.story();
        let last = story.last().map(String::as_str);
        assert_eq!(last, Some("TxnOffsetCommit billing payments-0@7"));
        stage.commit().done();
    }
}

#[test]
fn t053_a_group_that_may_not_be_looked_up_makes_the_transaction_abort() {
    for level in VERSIONS {
        let mut stage = Stage::under_way(level, &[1]);
        let code = ErrorCode::GROUP_AUTHORIZATION_FAILED;
        stage.refuses(ApiKey::FIND_COORDINATOR, &[code]);
        let why = stage.send_offsets(&[5]).abortable();
        assert_eq!(why.code(), Some(code));
        assert_eq!(stage.commit().abortable().code(), Some(code));
        stage.abort().done();
        stage.begin().done();
    }
}

#[test]
fn what_is_wrong_with_offsets_is_cured_by_an_abort() {
    // Apache Kafka's client gives the whole producer up for these.
    for code in [
        ErrorCode::OFFSET_METADATA_TOO_LARGE,
        ErrorCode::INVALID_COMMIT_OFFSET_SIZE,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::STALE_MEMBER_EPOCH,
    ] {
        let mut stage = Stage::begun(2, &[1]);
        stage.refuses(ApiKey::TXN_OFFSET_COMMIT, &[code]);
        assert_eq!(stage.send_offsets(&[5]).abortable().code(), Some(code));
        stage.abort().done();
        stage.begin().done();
    }
}

/// Offsets are taken, but the answer is lost, and they are sent again: a copy may still come.
fn repeated(level: i16, first: &[i64], then: Option<&[i64]>) -> (Stage, Option<Call>) {
    let mut stage = Stage::begun(level, &[1]);
    stage.keeps(ApiKey::TXN_OFFSET_COMMIT);
    let mut sent = stage.send_offsets(first);
    let later = then.map(|offsets| stage.send_offsets(offsets));
    stage.lose(GROUPS);
    stage.lets_go();
    stage.pass(ms(2000));
    sent.done();
    (stage, later)
}

#[test]
fn offsets_behind_some_that_may_come_once_more_make_the_transaction_abort() {
    for level in VERSIONS {
        let (mut stage, _) = repeated(level, &[5], None);
        let (mut queued, later) = repeated(level, &[5], Some(&[6]));
        let later = [
            stage.send_offsets(&[6]).abortable(),
            later.expect("there is one").abortable(),
        ];
        for (stage, why) in [&mut stage, &mut queued].into_iter().zip(later) {
            assert!(
                matches!(why, AbortableError::OffsetsInDoubt { .. }),
                "{why}"
            );
            assert!(why.to_string().contains(GROUP), "{why}");
            assert_eq!(stage.asked(ApiKey::TXN_OFFSET_COMMIT), 2);
            stage.abort().done();
            stage.begin().done();
            stage.send_offsets(&[6]).done();
            stage.send_offsets(&[7]).done();
            stage.commit().done();
        }
    }
}

#[test]
fn offsets_that_may_come_once_more_are_committed_if_no_others_follow() {
    for level in VERSIONS {
        let (mut stage, _) = repeated(level, &[5], None);
        let other = ConsumerGroupMetadata::new("accounting");
        stage.send_offsets_of(other, &[6]).done();
        stage.commit().done();
    }
}
