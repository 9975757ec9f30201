//! Flush and close: what they wait for, and what they report.

use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use kafka_accumulator::{Completion, Delivery};
use kafka_producer::CloseReport;
use kafka_producer::engine::{Command, EngineState, Input};
use kafka_producer::error::{Cause, DeliveryError, SendError};
use kafka_producer::settings::Settings;
use kafka_wire::{ApiKey, ErrorCode};

use crate::stage::{Stage, TOPIC, delivered, expired, failed, ms, pending, settings};
use crate::wires::{Map, error, ok};

impl Stage {
    pub(crate) fn flush(&mut self) -> Vec<Arc<Completion<DeliveryError>>> {
        let (reply, mut answer) = oneshot::channel();
        self.handle.ask(Command::Flush { reply });
        self.tick();
        answer
            .try_recv()
            .unwrap()
            .expect("flush is answered at once")
    }

    /// Asks for the end, within `limit` if there is one.
    pub(crate) fn close(&mut self, limit: Option<Duration>) -> oneshot::Receiver<CloseReport> {
        let (reply, answer) = oneshot::channel();
        let deadline = limit.map(|limit| self.now + limit);
        self.handle.ask(Command::Close { deadline, reply });
        self.tick();
        answer
    }
}

fn lingering() -> Settings {
    let mut settings = settings();
    settings.accumulator.batch_size = 1000;
    settings.accumulator.linger = Duration::from_secs(10);
    settings
}

/// How many records were delivered, have failed and are unknown, of a close that has ended.
fn counts(report: &mut oneshot::Receiver<CloseReport>) -> [u64; 3] {
    let report = report.try_recv().unwrap().unwrap();
    [report.delivered, report.failed, report.unknown]
}

#[test]
fn flush_sends_what_lingers_and_waits_for_everything() {
    let mut stage = Stage::with(lingering(), &[1, 2, -1]);
    let sent = stage.send(0, "a");
    let _ = stage.flush();
    let lingering = stage.send(1, "b");
    let orphan = stage.send(2, "c");
    let all = stage.flush();
    assert_eq!(all.len(), 3);
    assert_eq!(
        (stage.values(1), stage.values(2)),
        (vec![vec!["a"]], vec![vec!["b"]])
    );
    let decided = |all: &[Arc<Completion<_>>]| {
        all.iter()
            .filter(|one| one.batch_outcome().is_some())
            .count()
    };
    stage.answer(1, [ok(0)]);
    delivered(&sent, 0);
    stage.answer(2, [error(ErrorCode::NOT_ENOUGH_REPLICAS)]);
    assert_eq!(decided(&all), 1, "a retry is not an outcome");
    stage.pass(ms(200));
    stage.answer(2, [ok(0)]);
    delivered(&lingering, 0);
    assert_eq!(decided(&all), 2);
    stage.map.moves(2, 1);
    stage.pass(ms(2000));
    stage.answer(1, [ok(7)]);
    delivered(&orphan, 7);
    assert_eq!(decided(&all), 3);
}

#[test]
fn flush_of_nothing_waits_for_nothing() {
    let mut stage = Stage::idempotent(&[1]);
    assert!(stage.flush().is_empty());
    stage.warm_up(0, 1);
    assert!(stage.flush().is_empty());
}

#[test]
fn after_a_flush_records_linger_again() {
    let mut stage = Stage::with(lingering(), &[1]);
    let _ = stage.send(0, "a");
    let _ = stage.flush();
    stage.answer(1, [ok(0)]);
    let _ = stage.send(0, "b");
    assert!(stage.requests(1).is_empty());
}

#[test]
fn close_sends_everything_and_reports_it_as_delivered() {
    let mut stage = Stage::with(lingering(), &[1, 2]);
    let before = stage.send(0, "before");
    let _ = stage.flush();
    stage.answer(1, [ok(0)]);
    delivered(&before, 0);

    let _ = stage.send(0, "a");
    let _ = stage.send(0, "b");
    let _ = stage.send(1, "c");
    let mut report = stage.close(None);
    assert!(matches!(stage.handle.state(), EngineState::Closed));
    assert!(
        stage.append(TOPIC, 0, "late").is_err(),
        "nothing more is taken"
    );
    assert_eq!(stage.values(1), [["a", "b"]]);
    assert_eq!(report.try_recv(), Ok(None));
    stage.answer(1, [ok(1)]);
    stage.answer(2, [ok(0)]);
    assert_eq!(
        counts(&mut report),
        [3, 0, 0],
        "what was delivered before is not counted"
    );
    assert!(stage.engine.has_ended());
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn close_of_an_idle_producer_ends_at_once() {
    let mut stage = Stage::idempotent(&[1]);
    let mut report = stage.close(None);
    assert_eq!(report.try_recv(), Ok(Some(CloseReport::default())));
    assert!(stage.engine.has_ended());
    let mut again = stage.close(None);
    assert!(again.try_recv().is_err(), "nobody is there any more");
}

#[test]
fn the_deadline_of_close_ends_what_is_left_and_tells_what_may_be_in_the_log() {
    let mut stage = Stage::idempotent(&[1, 2, -1]);
    stage.warm_up(0, 1);
    let acknowledged = stage.send(0, "acknowledged");
    let in_flight = stage.send(1, "in flight");
    let orphan = stage.send(2, "no leader");
    let mut report = stage.close(Some(ms(500)));
    stage.answer(1, [ok(1)]);
    stage.pass(ms(499));
    pending(&in_flight);
    assert_eq!(report.try_recv(), Ok(None));
    stage.pass(ms(1));
    delivered(&acknowledged, 1);
    assert_eq!(*failed(&in_flight).cause(), Cause::Closed);
    assert_eq!(*failed(&orphan).cause(), Cause::Closed);
    assert_eq!(counts(&mut report), [1, 1, 1]);
    assert!(stage.engine.has_ended());
    assert_eq!(stage.accumulator.memory_in_use(), 0);
}

#[test]
fn a_second_close_may_bring_the_deadline_forward() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let orphan = stage.send(0, "no leader");
    let mut first = stage.close(None);
    let mut second = stage.close(Some(ms(100)));
    stage.pass(ms(100));
    failed(&orphan);
    for report in [&mut first, &mut second] {
        assert_eq!(report.try_recv().unwrap().unwrap().failed, 1);
    }
}

#[test]
fn without_a_deadline_close_ends_when_the_last_record_expires() {
    let mut stage = Stage::idempotent(&[-1, 1]);
    let _ = stage.send(0, "no leader");
    let mut report = stage.close(None);
    stage.pass(Duration::from_secs(120));
    assert_eq!(report.try_recv().unwrap().unwrap().failed, 1);
    assert!(stage.engine.has_ended());
}

#[test]
fn close_refuses_who_waits_for_a_topic() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1]));
    let mut waiting = stage.ask_topic("unheard-of");
    let _ = stage.close(None);
    assert!(matches!(
        waiting.try_recv(),
        Ok(Some(Err(SendError::Closed)))
    ));
    let mut late = stage.ask_topic("another");
    // Once ended nobody may be there to answer; then the question is dropped with the engine.
    assert!(!matches!(late.try_recv(), Ok(Some(Ok(())))));
}

#[test]
fn close_refuses_who_waits_for_memory() {
    let mut stage = Stage::idempotent(&[1]);
    let total = stage.accumulator.memory_total();
    let all = stage.accumulator.reserve(total, stage.now);
    let waiting = stage.accumulator.reserve(1, stage.now + ms(5000));
    let _ = stage.close(None);
    assert_eq!(stage.accumulator.waiting(), 0);
    drop((all, waiting));
}

#[test]
fn close_after_a_fatal_error_ends_at_once() {
    let mut stage = Stage::idempotent(&[1]);
    let _ = stage.send(0, "tea");
    stage.answer(1, [error(ErrorCode::CLUSTER_AUTHORIZATION_FAILED)]);
    let mut report = stage.close(None);
    assert_eq!(report.try_recv(), Ok(Some(CloseReport::default())));
    assert!(stage.engine.has_ended());
    assert!(
        matches!(stage.handle.state(), EngineState::Failed(_)),
        "the cause stays known"
    );
}

#[test]
fn an_engine_that_has_ended_asks_for_nothing_more() {
    let mut stage = Stage::idempotent(&[1]);
    stage.warm_up(0, 1);
    let _ = stage.close(None);
    let asked = stage.asked.len();
    stage.pass(Duration::from_secs(1000));
    assert_eq!(stage.asked.len(), asked);
    assert_eq!(stage.asked(ApiKey::PRODUCE), 1);
}

#[test]
fn records_fill_the_memory_and_give_all_of_it_back() {
    let mut settings = settings();
    settings.accumulator.buffer_memory = 10_000;
    let mut stage = Stage::with(settings, &[1]);
    let value = "x".repeat(900);
    for round in 0..5 {
        let mut deliveries = Vec::new();
        while let Ok(delivery) = stage.append(TOPIC, 0, &value) {
            deliveries.push(delivery);
            assert!(stage.accumulator.memory_in_use() <= 10_000);
        }
        assert!(deliveries.len() >= 9);
        stage.tick();
        let mut offset = round * 100;
        while let Some(batches) = stage.requests(1).first().map(|batches| batches.len()) {
            assert_eq!(batches, 1);
            stage.answer(1, [ok(offset)]);
            offset += 1;
        }
        assert_eq!(stage.accumulator.memory_in_use(), 0);
        assert!(
            deliveries
                .iter()
                .all(|delivery| delivery.try_outcome().is_some())
        );
    }
}

/// A record that is taken for its partition's turn before the engine has read that it is there.
fn taken_unread(stage: &mut Stage) -> Delivery<DeliveryError> {
    stage.warm_up(0, 1);
    assert!(stage.flush().is_empty());
    // The first record's time is up: the partition is looked after, and has nothing.
    stage.now += stage.settings.delivery_timeout;
    let delivery = stage.input_while(Input::Tick, |stage| stage.append(TOPIC, 0, "tea").unwrap());
    stage.settle();
    assert_eq!(stage.values(1), [["tea"]]);
    stage.tick();
    delivery
}

#[test]
fn close_and_flush_wait_for_a_record_that_was_on_its_way_before_the_engine_read_of_it() {
    let mut stage = Stage::idempotent(&[1]);
    let delivery = taken_unread(&mut stage);
    assert_eq!(stage.flush().len(), 1);
    let mut report = stage.close(None);
    assert_eq!(report.try_recv(), Ok(None));
    stage.answer(1, [ok(1)]);
    delivered(&delivery, 1);
    assert_eq!(report.try_recv().unwrap().unwrap().delivered, 1);
}

#[test]
fn a_record_that_was_on_its_way_before_the_engine_read_of_it_expires_in_time() {
    let settings = Settings {
        request_timeout: Duration::from_secs(600),
        ..settings()
    };
    let mut stage = Stage::with(settings, &[1]);
    let delivery = taken_unread(&mut stage);
    stage.pass(stage.settings.delivery_timeout - ms(1));
    pending(&delivery);
    stage.pass(ms(1));
    expired(&delivery);
}
