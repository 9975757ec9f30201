//! What the error of a record tells of its attempts.

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::{Attempt, AttemptEnd, DeliveryError, TimelineEvent};
use kafka_producer::settings::Settings;
use kafka_wire::ErrorCode;

use crate::stage::{Stage, expired, failed, ms, refused, settings};
use crate::wires::error;

const NOT_ENOUGH_REPLICAS: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;

fn short() -> Settings {
    Settings {
        delivery_timeout: ms(2400),
        request_timeout: ms(1000),
        ..settings()
    }
}

/// What each attempt ended with, in words.
fn ends(error: &DeliveryError) -> Vec<String> {
    let attempts = error.timeline().attempts();
    attempts.map(|attempt| attempt.end.to_string()).collect()
}

#[test]
fn a_record_that_expired_tells_each_attempt_with_its_broker_its_times_and_its_end() {
    let mut stage = Stage::with(short(), &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(20));
    stage.answer(1, [error(NOT_ENOUGH_REPLICAS).because("one of two")]);
    stage.pass(ms(150));
    stage.map.moves(0, 2);
    stage.lose(1);
    // The new leader does not answer within `request.timeout.ms`, and then not in time.
    stage.pass(ms(2400));
    let failed = expired(&delivery);
    let timeline = failed.timeline();
    assert_eq!(
        ends(&failed),
        [
            "NOT_ENOUGH_REPLICAS(19): one of two",
            "the connection was lost: connection reset",
            "no answer within request.timeout.ms",
            "not answered yet",
        ],
        "{timeline}"
    );
    let attempts: Vec<&Attempt> = timeline.attempts().collect();
    let brokers = attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.broker));
    let brokers: Vec<_> = brokers.collect();
    assert_eq!(brokers, [(1, 1), (2, 1), (3, 2), (4, 2)]);
    assert_eq!(attempts[0].address.as_deref(), Some("broker-1:9092"));
    assert_eq!(attempts[3].address.as_deref(), Some("broker-2:9092"));
    assert_eq!((attempts[0].sent, attempts[0].ended), (ms(0), ms(20)));
    assert_eq!((attempts[1].ended, attempts[2].sent), (ms(170), ms(170)));
    assert_eq!(attempts[2].ended, ms(1170));
    assert_eq!(attempts[3].ended, ms(2400));
    let events = timeline.events();
    assert_eq!(events.first(), Some(&TimelineEvent::Accepted));
    let last = events.last();
    assert!(matches!(last, Some(TimelineEvent::Failed { at, .. }) if *at == ms(2400)));
    assert_eq!(failed.history().attempts as usize, attempts.len());
}

#[test]
fn a_record_that_was_never_sent_was_accepted_and_failed() {
    let mut stage = Stage::with(short(), &[1]);
    stage.warm_up(0, 1);
    stage.map.moves(0, -1);
    stage.lose(1);
    stage.pass(ms(100));
    let delivery = stage.send(0, "tea");
    stage.pass(ms(2400));
    let timeline = expired(&delivery).timeline().to_string();
    assert_eq!(timeline, "      0.0 ms  accepted\n   2400.0 ms  failed");
}

#[test]
fn a_batch_that_lingered_tells_when_it_was_sealed() {
    let accumulator = settings().accumulator.batch_size(1000).linger(ms(5));
    let lingering = Settings {
        accumulator,
        ..settings()
    };
    let mut stage = Stage::with(lingering, &[1]);
    let delivery = stage.send(0, "tea");
    stage.pass(ms(7));
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    let timeline = failed(&delivery).timeline().clone();
    let sealed =
        |event: &TimelineEvent| matches!(event, TimelineEvent::Sealed { at, .. } if *at == ms(5));
    assert!(sealed(&timeline.events()[1]), "{timeline}");
    let ends: Vec<_> = timeline.attempts().map(|it| (it.sent, it.ended)).collect();
    assert_eq!(ends, [(ms(5), ms(7))]);
}

#[test]
fn an_answer_that_throttles_is_told_with_the_attempt() {
    let mut stage = Stage::with(short(), &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    stage.answer_throttled(1, 700, [error(NOT_ENOUGH_REPLICAS)]);
    stage.pass(ms(1500));
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    let error = refused(&delivery, ErrorCode::INVALID_RECORD);
    let throttled = error.timeline().attempts().map(|it| it.throttled);
    assert_eq!(throttled.collect::<Vec<_>>(), [Some(ms(700)), None]);
}

#[test]
fn the_halves_of_a_batch_tell_the_attempt_of_the_whole_first() {
    let accumulator = settings().accumulator.batch_size(1000).linger(ms(5));
    let lingering = Settings {
        accumulator,
        ..settings()
    };
    let mut stage = Stage::with(lingering, &[1]);
    let [first, second] = ["a", "b"].map(|value| stage.send(0, value));
    stage.pass(ms(5));
    let too_large = ErrorCode::MESSAGE_TOO_LARGE;
    stage.answer(1, [error(too_large)]);
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    stage.answer(1, [error(too_large)]);
    let ended = |end: &AttemptEnd| match end {
        AttemptEnd::Refused { code, .. } => *code,
        other => panic!("{other}"),
    };
    for (delivery, last) in [(first, ErrorCode::INVALID_RECORD), (second, too_large)] {
        let error = refused(&delivery, last);
        let told = error
            .timeline()
            .attempts()
            .map(|it| (it.number, ended(&it.end)));
        assert_eq!(told.collect::<Vec<_>>(), [(1, too_large), (2, last)]);
    }
}

#[test]
fn of_many_attempts_the_first_and_the_last_are_told_and_how_many_are_not() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    for _ in 0..30 {
        stage.answer(1, [error(NOT_ENOUGH_REPLICAS)]);
        stage.pass(ms(1300));
    }
    stage.answer(1, [error(ErrorCode::INVALID_RECORD)]);
    let error = failed(&delivery);
    assert_eq!(error.history().attempts, 31);
    let numbers = error.timeline().attempts().map(|it| it.number);
    let expected: Vec<u32> = (1..=4).chain(20..=31).collect();
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
    let text = error.timeline().to_string();
    assert!(
        text.contains("\n              15 attempt(s) left out\n"),
        "{text}"
    );
}

#[test]
fn one_that_is_not_answered_yet_is_the_last_of_many_attempts() {
    let patient = Settings {
        delivery_timeout: ms(60_000),
        request_timeout: ms(59_000),
        ..settings()
    };
    let mut stage = Stage::with(patient, &[1]);
    stage.warm_up(0, 1);
    let delivery = stage.send(0, "tea");
    for _ in 0..17 {
        stage.answer(1, [error(NOT_ENOUGH_REPLICAS)]);
        stage.pass(ms(1300));
    }
    stage.pass(ms(60_000));
    let error = expired(&delivery);
    assert_eq!(error.history().attempts, 18);
    let numbers = error.timeline().attempts().map(|it| it.number);
    let expected: Vec<u32> = (1..=4).chain(7..=18).collect();
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
}

#[test]
fn a_request_that_cannot_be_framed_was_not_written() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = stage.send(0, "tea");
    let unanswered = stage.connections.get_mut(&NodeId(1)).unwrap();
    let number = unanswered.pop_front().unwrap().header.correlation_id;
    stage.input(Input::Unsendable(
        NodeId(1),
        number,
        "the codec failed".into(),
    ));
    assert_eq!(ends(&failed(&delivery)), ["not written"]);
}
