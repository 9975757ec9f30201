//! Where records without a key go, when brokers are slow, silent or far away (KIP-794, KIP-1123).
//!
//! Partition n is led by broker n + 1. Every record is a batch of its own, and chooses anew.

use std::time::Duration;

use kafka_accumulator::NewRecord;
use kafka_producer::engine::NodeId;
use kafka_producer::partition::{Partitioner, RecordView, UniformStickyPartitioner};
use kafka_producer::settings::{Adaptive, Partitioning, Settings};
use kafka_wire::records::RecordParts;

use crate::stage::{Stage, TOPIC, ms, settings};
use crate::wires::{Map, ok};

const LEADERS: [i32; 3] = [1, 2, 3];

fn partitioned(partitioning: Partitioning) -> Settings {
    Settings {
        partitioning,
        ..settings()
    }
}

/// Partitions whose leader takes nothing for so long are left out.
fn leaving_out(availability_timeout: Option<Duration>) -> Partitioning {
    let adaptive = Adaptive::On {
        availability_timeout,
    };
    Partitioning {
        adaptive,
        ..Default::default()
    }
}

/// Appends a record where the partitioner says, and returns where that is.
fn append(stage: &Stage) -> usize {
    let cluster = stage.handle.cluster();
    let topic = cluster.topic(TOPIC).unwrap();
    let chosen = UniformStickyPartitioner.partition(&topic.view(), &RecordView::default());
    let queue = topic.queue(chosen).unwrap();
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(b"record")));
    let appended = stage
        .accumulator
        .append(queue, &mut record, None, || stage.now);
    drop(appended.expect("there is memory"));
    UniformStickyPartitioner.batch_filled(&topic.view(), chosen);
    usize::try_from(chosen).unwrap()
}

/// So many milliseconds with three records in each, which `answering` brokers acknowledge at once. Returns
/// how many went to each partition.
fn produce(stage: &mut Stage, milliseconds: usize, answering: &[i32]) -> [usize; 3] {
    let mut shares = [0; 3];
    for _ in 0..milliseconds {
        for _ in 0..3 {
            shares[append(stage)] += 1;
        }
        stage.tick();
        for &broker in answering {
            if stage.connections.contains_key(&NodeId(broker)) {
                stage.answer_all(broker, &ok(0));
            }
        }
        stage.pass(ms(1));
    }
    shares
}

/// A second, in which two brokers answer at once, and the third every tenth millisecond one request.
fn produce_with_a_slow_broker(partitioning: Partitioning) -> [usize; 3] {
    let mut stage = Stage::with(partitioned(partitioning), &LEADERS);
    let mut shares = [0; 3];
    for _ in 0..100 {
        let more = produce(&mut stage, 10, &[1, 2]);
        shares = [0, 1, 2].map(|partition| shares[partition] + more[partition]);
        if !stage.requests(3).is_empty() {
            stage.answer(3, [ok(0)]);
        }
    }
    shares
}

#[test]
fn a30_a_slow_broker_gets_what_it_can_take_and_the_others_the_rest() {
    let [fast, as_fast, slow] = produce_with_a_slow_broker(leaving_out(None));
    // It has answered a hundred times; what waits for it is as long as makes it be chosen as seldom.
    assert!((50..300).contains(&slow), "of 3,000 {slow} went there");
    assert!(fast.abs_diff(as_fast) < 600, "{fast} and {as_fast}");
}

#[test]
fn without_adaptive_partitioning_a_slow_broker_gets_as_much_as_the_others() {
    let partitioning = Partitioning {
        adaptive: Adaptive::Off,
        own_rack: None,
    };
    let shares = produce_with_a_slow_broker(partitioning);
    let even = 700..1_300;
    assert!(
        shares.iter().all(|share| even.contains(share)),
        "{shares:?}"
    );
}

#[test]
fn s09_a_broker_that_takes_nothing_for_too_long_gets_nothing_until_it_answers() {
    let timeout = Some(ms(100));
    let mut stage = Stage::with(partitioned(leaving_out(timeout)), &LEADERS);
    let before = produce(&mut stage, 300, &[1, 2]);
    assert!(before[2] > 1, "one is in flight, and another waits");
    assert_eq!(produce(&mut stage, 300, &[1, 2])[2], 0);
    stage.answer_all(3, &ok(0));
    let after = produce(&mut stage, 300, &[1, 2, 3]);
    assert!(after[2] > 100, "{after:?}");
}

#[test]
fn s09_a_broker_that_cannot_be_reached_gets_nothing_until_it_can() {
    let timeout = Some(ms(100));
    let mut stage = Stage::bare(partitioned(leaving_out(timeout)), Map::of(TOPIC, &LEADERS));
    stage.unreachable.insert(NodeId(3));
    stage.know(TOPIC);
    assert!(produce(&mut stage, 300, &[1, 2])[2] > 0);
    assert_eq!(produce(&mut stage, 300, &[1, 2])[2], 0);
    stage.unreachable.clear();
    stage.settle();
    let after = produce(&mut stage, 300, &[1, 2, 3]);
    assert!(after[2] > 100, "{after:?}");
}

#[test]
fn without_an_availability_timeout_a_silent_broker_gets_less_and_less_but_something() {
    let mut stage = Stage::with(partitioned(leaving_out(None)), &LEADERS);
    let first = produce(&mut stage, 300, &[1, 2])[2];
    let later = produce(&mut stage, 1_000, &[1, 2])[2];
    assert!(later < 3 * first, "{later} after {first}");
    assert!(later > 0);
}

#[test]
fn if_no_broker_takes_anything_each_gets_its_share() {
    let mut stage = Stage::with(partitioned(leaving_out(Some(ms(20)))), &LEADERS);
    produce(&mut stage, 200, &[]);
    let shares = produce(&mut stage, 300, &[]);
    assert!(shares.iter().all(|share| *share > 100), "{shares:?}");
}

/// The client stands in rack `near`, as brokers 1 and 3 do.
fn in_a_rack(adaptive: Adaptive) -> Stage {
    let partitioning = Partitioning {
        adaptive,
        own_rack: Some("near".into()),
    };
    let mut map = Map::of(TOPIC, &LEADERS);
    map.racks = [(1, "near"), (2, "far"), (3, "near")].into();
    let mut stage = Stage::bare(partitioned(partitioning), map);
    stage.know(TOPIC);
    stage.pass(ms(200));
    stage
}

#[test]
fn records_stay_in_the_rack_of_their_producer_from_the_first_one_on() {
    for adaptive in [Adaptive::Off, Adaptive::default()] {
        let mut stage = in_a_rack(adaptive);
        let [near, far, also_near] = produce(&mut stage, 300, &LEADERS);
        assert_eq!(far, 0);
        assert!(near > 200 && also_near > 200, "{near} and {also_near}");
    }
}

#[test]
fn within_the_rack_a_slow_broker_gets_less_but_no_broker_elsewhere_gets_more() {
    let mut stage = in_a_rack(Adaptive::default());
    let [near, far, slow] = produce(&mut stage, 500, &[1, 2]);
    assert_eq!(far, 0);
    assert!(slow < near / 4, "{near} and {slow}");
}

#[test]
fn records_leave_the_rack_if_none_of_its_brokers_is_available() {
    let availability_timeout = Some(ms(50));
    let mut stage = in_a_rack(Adaptive::On {
        availability_timeout,
    });
    produce(&mut stage, 300, &[2]);
    let [near, _, also_near] = produce(&mut stage, 300, &[2]);
    assert_eq!([near, also_near], [0, 0]);
    stage.answer_all(3, &ok(0));
    let [_, far, near_again] = produce(&mut stage, 300, &[2, 3]);
    assert!(near_again > 800, "{near_again} and {far}");
}

#[test]
fn records_leave_the_rack_if_no_leader_is_in_it_and_come_back() {
    let mut stage = in_a_rack(Adaptive::default());
    let tell = |stage: &mut Stage| stage.pass(stage.settings.metadata_max_age + ms(1));
    stage.map.moves(0, 2);
    stage.map.moves(2, 2);
    tell(&mut stage);
    let shares = produce(&mut stage, 100, &LEADERS);
    assert!(shares.iter().all(|share| *share > 50), "{shares:?}");
    stage.map.moves(1, 3);
    tell(&mut stage);
    // A first choice may have been made before.
    let shares = produce(&mut stage, 100, &LEADERS);
    assert!(shares[1] >= 299, "{shares:?}");
}
