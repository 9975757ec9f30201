//! Partitions that nobody has written to have no lane. Whoever writes to one first may be anywhere
//! between his append and the doorbell when the engine takes something away: his record has an outcome
//! all the same.

use std::sync::Arc;
use std::time::Duration;

use kafka_accumulator::{AppendError, Delivery, NewRecord};
use kafka_producer::engine::Topic;
use kafka_producer::error::{Cause, DeliveryError, Persistence};
use kafka_producer::settings::{Acks, Settings};
use kafka_wire::ErrorCode;
use kafka_wire::records::RecordParts;

use crate::stage::{Stage, TOPIC, delivered, failed, ms, pending, plain, settings};
use crate::wires::{Map, TopicOnMap, ok};

impl Stage {
    /// Appends a record, and has not put the queue on the engine's list yet.
    fn append_unnoticed(&self, partition: i32) -> Delivery<DeliveryError> {
        let delivery = self.append(TOPIC, partition, "tea").unwrap();
        let mut rung = Vec::new();
        self.accumulator.take_rung(&mut rung);
        assert_eq!(rung.len(), 1);
        delivery
    }

    /// What who has just looked knows of the topic.
    fn topic(&self) -> Arc<Topic> {
        Arc::clone(self.handle.cluster().topic(TOPIC).unwrap())
    }

    fn append_by_way_of(
        &self,
        topic: &Topic,
        partition: i32,
    ) -> Result<Delivery<DeliveryError>, AppendError> {
        let queue = topic.queue(partition).unwrap();
        let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"tea")));
        let appended = self
            .accumulator
            .append(queue, &mut record, None, || self.now);
        appended.map(|appended| appended.delivery)
    }
}

/// Topics without records are forgotten after five seconds.
fn forgetful(leaders: &[i32]) -> Stage {
    let settings = Settings {
        metadata_max_idle: Duration::from_secs(5),
        metadata_max_age: Duration::from_secs(10),
        ..plain(Acks::All)
    };
    Stage::with(settings, leaders)
}

#[test]
fn the_first_record_of_a_partition_goes_to_the_leader_that_was_told_long_before() {
    let mut stage = Stage::idempotent(&[1, 2, 2]);
    stage.warm_up(0, 1);
    // Of its own word, not by an answer to a question about this partition.
    stage.map.brokers.push(3);
    stage.map.topics[0].leaders[2] = (3, 5);
    stage.pass(Duration::from_secs(301));
    let questions = stage.asked(kafka_wire::ApiKey::METADATA);
    let (second, third) = (stage.send(1, "tea"), stage.send(2, "milk"));
    stage.answer(2, [ok(0)]);
    stage.answer(3, [ok(0)]);
    delivered(&second, 0);
    delivered(&third, 0);
    assert_eq!(stage.asked(kafka_wire::ApiKey::METADATA), questions);
}

#[test]
fn metadata_that_is_older_than_what_is_known_moves_no_partition_written_to_or_not() {
    let mut stage = Stage::idempotent(&[1, 1]);
    stage.warm_up(0, 1);
    let known = stage.map.topics[0].leaders.clone();
    stage.map.brokers.push(2);
    stage.map.topics[0].leaders = vec![(2, 7), (2, 7)];
    stage.pass(Duration::from_secs(301));
    stage.map.topics[0].leaders = known;
    stage.pass(Duration::from_secs(301));
    let (written, new) = (stage.send(0, "tea"), stage.send(1, "milk"));
    stage.answer(2, [ok(1)]);
    stage.answer(2, [ok(0)]);
    delivered(&written, 1);
    delivered(&new, 0);
}

#[test]
fn a_partition_has_one_queue_however_old_the_snapshot_that_leads_to_it() {
    let mut stage = Stage::idempotent(&[1, 1]);
    let old = stage.topic();
    stage.warm_up(0, 1);
    stage.map.topics[0].leaders.push((1, 1));
    stage.pass(Duration::from_secs(301));
    assert_eq!(stage.partitions(TOPIC), Some(3));
    let first = stage.append_by_way_of(&old, 0).unwrap();
    // Its queue would be another one's: who finds it closed looks at the next snapshot.
    let refused = stage.append_by_way_of(&old, 1);
    assert_eq!(refused.unwrap_err(), AppendError::Closed);
    let second = stage.append(TOPIC, 1, "milk").unwrap();
    stage.tick();
    stage.answer(1, [ok(1), ok(0)]);
    delivered(&first, 1);
    delivered(&second, 0);
}

#[test]
fn a_record_that_the_engine_was_not_rung_for_ends_when_all_is_given_up() {
    let mut stage = Stage::idempotent(&[1, 1]);
    stage.warm_up(0, 1);
    let delivery = stage.append_unnoticed(1);
    drop(stage.close(Some(Duration::ZERO)));
    let error = failed(&delivery);
    assert!(matches!(error.cause(), Cause::Closed), "{error}");
    assert_eq!(error.persistence(), Persistence::NotPersisted);
}

#[test]
fn a_record_that_the_engine_was_not_rung_for_ends_with_its_partition() {
    let mut stage = Stage::idempotent(&[1, 1, 1]);
    stage.warm_up(0, 1);
    let old = stage.topic();
    let delivery = stage.append_unnoticed(1);
    stage.map.life += 1;
    stage.map.topics[0] = TopicOnMap::of(TOPIC, &[1]);
    stage.pass(Duration::from_secs(301));
    let error = failed(&delivery);
    let gone = matches!(
        error.cause(),
        Cause::Refused {
            code: ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ..
        }
    );
    assert!(gone, "{error}");
    let refused = stage.append_by_way_of(&old, 2);
    assert_eq!(refused.unwrap_err(), AppendError::Closed);
}

#[test]
fn a_topic_that_somebody_is_just_writing_to_stays_and_its_other_partitions_are_of_use() {
    let mut stage = forgetful(&[1, 1, 1]);
    let first = stage.send(0, "tea");
    stage.answer(1, [ok(0)]);
    delivered(&first, 0);
    stage.pass(Duration::from_secs(6));
    let old = stage.topic();
    let unnoticed = stage.append_unnoticed(1);
    stage.pass(Duration::from_secs(5));
    assert_eq!(stage.partitions(TOPIC), Some(3));
    for closed in [0, 2] {
        let refused = stage.append_by_way_of(&old, closed);
        assert_eq!(refused.unwrap_err(), AppendError::Closed);
    }
    let others = [0, 2].map(|partition| stage.append(TOPIC, partition, "milk").unwrap());
    stage.tick();
    stage.answer(1, [ok(1), ok(0)]);
    delivered(&others[0], 1);
    delivered(&others[1], 0);
    pending(&unnoticed);
    drop(stage.close(Some(Duration::ZERO)));
    assert!(matches!(failed(&unnoticed).cause(), Cause::Closed));
}

#[test]
fn a_topic_is_known_for_metadata_max_idle_ms_though_nobody_writes_to_it() {
    let mut stage = forgetful(&[1]);
    stage.pass(Duration::from_secs(9));
    assert_eq!(stage.partitions(TOPIC), Some(1));
    stage.pass(Duration::from_secs(2));
    assert_eq!(stage.partitions(TOPIC), None);
}

#[test]
fn a_partition_without_a_leader_is_written_to_as_soon_as_there_is_one() {
    let mut stage = Stage::bare(settings(), Map::of(TOPIC, &[1, -1]));
    stage.know(TOPIC);
    stage.warm_up(0, 1);
    let delivery = stage.send(1, "tea");
    stage.map.topics[0].leaders[1] = (1, 4);
    stage.pass(ms(2000));
    stage.answer(1, [ok(0)]);
    delivered(&delivery, 0);
}
