//! What a producer pays for each of its topics when it has ten thousand of them: memory, a record, a refresh of the
//! metadata, a leader that has moved. Nothing grows faster than the number of topics, and a record costs the same.
//!
//! Counted on the heap, on the test's own thread (`rig`), in which the answers of the broker are counted, too.
//! The table is printed by
//! `cargo test -p kafka-producer --all-features --test many_topics -- --nocapture`.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

#[allow(
    dead_code,
    unused_imports,
    reason = "each of those who share it needs a part"
)]
mod rig;

use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use kafka_wire::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use kafka_wire::{ErrorCode, Request, Uuid, encode_response};

use rig::Rig;

/// What was allocated, and how long it took.
struct Cost {
    heap: AllocationInfo,
    time: Duration,
}

impl Cost {
    fn of(work: impl FnOnce()) -> Self {
        let begun = Instant::now();
        let heap = measure(work);
        let time = begun.elapsed();
        Self { heap, time }
    }
}

/// What so many topics cost, of which each is written to.
struct Costs {
    topics: usize,
    /// The first record of each, with the metadata of its topic.
    all: Cost,
    first: Cost,
    last: Cost,
    /// Another record of a topic.
    record: Cost,
    /// What was noted about when each record is to be given up is looked at when that time has come.
    timers: Cost,
    /// Metadata of all topics after `metadata.max.age.ms`, which has changed nothing.
    refresh: Cost,
    /// A record whose leader has moved, until it is delivered.
    moved: Cost,
}

fn send_first(rig: &mut Rig, number: usize) {
    let topic = format!("topic-{number:05}");
    rig.know(&topic);
    rig.deliver_to(&topic, b"tea");
}

/// The broker turns the batch that was sent last away: it does not lead the partition.
fn turn_away(rig: &mut Rig) {
    let (node, outgoing) = rig.unanswered.pop_front().unwrap();
    let refused = PartitionProduceResponse::default()
        .with_error_code(ErrorCode::NOT_LEADER_OR_FOLLOWER)
        .with_base_offset(-1);
    let topic = TopicProduceResponse::default()
        .with_topic_id(Uuid([7; 16]))
        .with_partition_responses(vec![refused]);
    let answer = ProduceResponse::default().with_responses(vec![topic]);
    let version = ProduceRequest::version(ProduceRequest::STABLE_VERSIONS.latest).unwrap();
    let answer = encode_response::<ProduceRequest>(outgoing.correlation_id, version, &answer);
    drop(outgoing);
    rig.receive(node, answer.unwrap().slice(4..));
}

fn costs(topics: usize) -> Costs {
    let settings = [
        ("linger.ms", "0"),
        ("metadata.max.age.ms", "300000"),
        ("metadata.max.idle.ms", "100000000"),
    ];
    let mut rig = Rig::new(1, &settings);
    let (mut first, mut last) = (None, None);
    let all = Cost::of(|| {
        first = Some(Cost::of(|| send_first(&mut rig, 0)));
        (1..topics - 1).for_each(|number| send_first(&mut rig, number));
        last = Some(Cost::of(|| send_first(&mut rig, topics - 1)));
    });
    let record = Cost::of(|| rig.deliver_to("topic-00500", b"tea"));
    let timers = Cost::of(|| {
        rig.now += Duration::from_secs(121);
        rig.tick();
    });
    let refresh = Cost::of(|| {
        rig.now += Duration::from_secs(180);
        rig.tick();
    });
    let moved = Cost::of(|| {
        rig.append(0, None, b"tea");
        rig.queues[0].flush();
        rig.tick();
        turn_away(&mut rig);
        rig.now += Duration::from_secs(2);
        rig.tick();
        assert!(rig.answer().is_some(), "it is sent again");
    });
    Costs {
        topics,
        all,
        first: first.unwrap(),
        last: last.unwrap(),
        record,
        timers,
        refresh,
        moved,
    }
}

#[allow(clippy::print_stdout, reason = "the table is for who asks for it")]
fn print(costs: &Costs) {
    let topics = costs.topics;
    let kept = costs.all.heap.bytes_current / topics as i64;
    println!("{topics} topics, {kept} bytes kept of each");
    let lines = [
        ("first record of all", &costs.all),
        ("first topic's first record", &costs.first),
        ("last topic's first record", &costs.last),
        ("another record", &costs.record),
        ("timers of records", &costs.timers),
        ("refresh", &costs.refresh),
        ("leader has moved", &costs.moved),
    ];
    for (what, Cost { heap, time }) in lines {
        let (count, bytes) = (heap.count_total, heap.bytes_total);
        println!("{what:>28}: {time:>12.1?} {count:>9} allocations {bytes:>11} bytes");
    }
}

/// Asserts that ten times as many topics take no more than ten times the allocations, and bytes but for lists that
/// double and the shard of the snapshot that a new topic is in.
#[track_caller]
fn is_linear(what: &str, few: &Cost, many: &Cost) {
    let (few, many) = (&few.heap, &many.heap);
    let counts = (few.count_total * 10, many.count_total);
    assert!(counts.1 <= counts.0, "{what}: {counts:?} allocations");
    let bytes = (few.bytes_total * 10, many.bytes_total);
    assert!(bytes.1 <= bytes.0 / 3 * 4, "{what}: {bytes:?} bytes");
}

#[test]
fn each_of_10_000_topics_costs_what_each_of_1000_does() {
    let [few, many] = [1_000, 10_000].map(costs);
    print(&few);
    print(&many);
    let of_record = |costs: &Costs| {
        let heap = &costs.record.heap;
        (heap.count_total, heap.bytes_total)
    };
    assert_eq!(of_record(&few), of_record(&many), "a record costs the same");
    is_linear("the first record", &few.all, &many.all);
    assert!(many.timers.heap.count_total < 100, "nothing for each topic");
    is_linear("a refresh", &few.refresh, &many.refresh);
    assert!(many.moved.heap.count_total < 100, "nothing for each topic");
}
