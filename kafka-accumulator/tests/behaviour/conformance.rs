//! What Apache Kafka's RecordAccumulator suite proves, as far as it is the accumulator's business
//! here: the names begin with the numbers of that checklist. What a leader, a mute, a retry or a
//! transaction means is decided by the engine; here is what it builds that from.

use std::time::Duration;

use kafka_accumulator::{BatchOutcome, Filled, Piece, Readiness};
use kafka_wire::{
    compression::{Compression, CompressionLevel, compress},
    records::RecordParts,
};

use crate::scene::{Scene, Wakes, Why, batch_bytes, decode, values};

const VALUE: &[u8] = b"0123456789";

#[test]
fn a02_appends_go_to_one_batch_until_it_is_full_and_a_full_batch_is_ready() {
    let scene = Scene::new(batch_bytes(8, VALUE), 1_000, 1 << 20);
    let queue = scene.queue(0);
    let mut appended = 0;
    loop {
        let filled = scene.append(&queue, VALUE, 0).filled;
        appended += 1;
        if filled == Filled::Filled {
            break;
        }
        let until = scene.at(1_000);
        assert_eq!(
            queue.poll_ready(scene.at(0)),
            Readiness::Lingering { until }
        );
        assert!(queue.take(scene.at(0)).is_err());
        assert_eq!(queue.batches(), 1);
    }
    assert_eq!(appended, 8);
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);

    let batch = queue.take(scene.at(0)).unwrap();
    assert_eq!(values(&batch), vec![VALUE; 8]);
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Empty);
}

#[test]
fn a03_a_record_larger_than_a_batch_gets_its_own_batch_compressed() {
    let scene = Scene::new(512, 0, 1 << 20);
    let queue = scene.queue(0);
    let value = vec![7; 2 * 512];
    scene.append(&queue, &value, 0);
    let batch = queue.take(scene.at(0)).unwrap();
    let mut compressed = Vec::new();
    let level = CompressionLevel::default_of(Compression::Gzip);
    compress(Compression::Gzip, level, &batch.records(), &mut compressed).unwrap();
    batch
        .replace_records(&compressed, Compression::Gzip)
        .unwrap();
    assert!(batch.records().len() < 512);
    assert_eq!(values(&batch), [value]);
}

#[test]
fn a04_a_record_larger_than_a_batch_gets_its_own_batch() {
    let scene = Scene::new(512, 1_000, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let large = vec![7; 2 * 512];
    assert_eq!(scene.append(&queue, &large, 0).filled, Filled::Filled);
    scene.append(&queue, VALUE, 0);
    queue.flush();

    let batches = queue.take_all();
    let batches: Vec<_> = batches.iter().map(values).collect();
    assert_eq!(batches, [vec![VALUE], vec![&large[..]], vec![VALUE]]);
}

#[test]
fn a07_linger_keeps_a_batch_until_its_time_has_come() {
    let scene = Scene::new(1_024, 10, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let until = scene.at(10);
    assert_eq!(
        queue.poll_ready(scene.at(0)),
        Readiness::Lingering { until }
    );
    assert_eq!(
        queue.poll_ready(scene.at(9)),
        Readiness::Lingering { until }
    );
    assert!(queue.take(scene.at(9)).is_err());
    assert_eq!(queue.poll_ready(scene.at(10)), Readiness::Ready);
    assert_eq!(values(&queue.take(scene.at(10)).unwrap()), [VALUE]);
}

#[test]
fn a07_the_linger_of_a_batch_counts_from_its_first_record() {
    let scene = Scene::new(1_024, 10, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 3);
    scene.append(&queue, VALUE, 9);
    let until = scene.at(13);
    assert_eq!(
        queue.poll_ready(scene.at(9)),
        Readiness::Lingering { until }
    );
}

#[test]
fn a07_without_linger_a_batch_is_due_at_once_and_fills_until_it_is_taken() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
    scene.append(&queue, VALUE, 0);
    assert_eq!(queue.take(scene.at(0)).unwrap().count(), 2);
    assert!(queue.take(scene.at(0)).is_err());
}

#[test]
fn a08_batches_leave_one_by_one_and_the_rest_stays() {
    let scene = Scene::new(batch_bytes(2, VALUE), 1_000, 1 << 20);
    let queue = scene.queue(0);
    for number in 0..7_u8 {
        scene.append(&queue, &[number; 10], 0);
    }
    let first = queue.take(scene.at(0)).unwrap();
    assert_eq!(values(&first), [vec![0; 10], vec![1; 10]]);
    assert_eq!(queue.batches(), 3);
    let second = queue.take(scene.at(0)).unwrap();
    assert_eq!(values(&second), [vec![2; 10], vec![3; 10]]);
    assert_eq!(queue.batches(), 2);
}

#[test]
fn a10_the_next_poll_is_due_when_the_rest_of_the_linger_is_over() {
    let scene = Scene::new(1_024, 10, 1 << 20);
    let [early, late, full] = [0, 1, 2].map(|partition| scene.queue(partition));
    scene.append(&early, VALUE, 0);
    scene.append(&late, VALUE, 5);
    let deadlines = [&early, &late].map(|queue| match queue.poll_ready(scene.at(6)) {
        Readiness::Lingering { until } => until,
        other => panic!("{other:?}"),
    });
    assert_eq!(deadlines, [scene.at(10), scene.at(15)]);

    while scene.append(&full, VALUE, 6).filled == Filled::Room {}
    assert_eq!(full.poll_ready(scene.at(6)), Readiness::Ready);
}

#[test]
fn a14_flush_makes_what_is_open_due_and_is_over_when_everything_is_completed() {
    let scene = Scene::new(4_096, 60_000, 1 << 20);
    let queues: Vec<_> = (0..50).map(|partition| scene.queue(partition)).collect();
    for queue in &queues {
        scene.append(queue, VALUE, 0);
        assert!(matches!(
            queue.poll_ready(scene.at(0)),
            Readiness::Lingering { .. }
        ));
    }
    let incomplete: Vec<_> = queues.iter().flat_map(|queue| queue.incomplete()).collect();
    assert_eq!(incomplete.len(), queues.len());

    queues.iter().for_each(|queue| queue.flush());
    for queue in &queues {
        assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
    }
    // What is appended after the flush began is not part of it.
    scene.append(&queues[0], VALUE, 0);

    let (wakes, waker) = Wakes::new();
    let mut flushes: Vec<_> = incomplete
        .iter()
        .map(|batch| Box::pin(batch.settled()))
        .collect();
    for (queue, flush) in queues.iter().zip(&mut flushes) {
        let mut context = std::task::Context::from_waker(&waker);
        assert!(flush.as_mut().poll(&mut context).is_pending());
        let batch = queue.take(scene.at(0)).unwrap();
        batch.complete(BatchOutcome::Failed(Why::Aborted)).unwrap();
        assert!(flush.as_mut().poll(&mut context).is_ready());
    }
    assert_eq!(wakes.count(), queues.len());
    assert_eq!(queues[0].batches(), 1);
    assert!(queues[0].take(scene.at(0)).is_err());
}

#[test]
fn a16_a_forced_close_ends_every_batch_once_taken_or_not() {
    let scene = Scene::new(batch_bytes(3, VALUE), 0, 1 << 20);
    let queues: Vec<_> = (0..4).map(|partition| scene.queue(partition)).collect();
    let deliveries: Vec<_> = (0..100)
        .map(|number| scene.append(&queues[number % 4], VALUE, 0).delivery)
        .collect();
    let mut in_flight: Vec<_> = queues.iter().flat_map(|q| q.take(scene.at(0))).collect();
    assert_eq!(in_flight.len(), 4);

    scene.accumulator.close();
    in_flight.extend(queues.iter().flat_map(|queue| queue.take_all()));
    for batch in &in_flight {
        batch.complete(BatchOutcome::Failed(Why::Aborted)).unwrap();
        batch
            .complete(BatchOutcome::Failed(Why::Expired))
            .unwrap_err();
    }
    for delivery in deliveries {
        assert_eq!(delivery.try_outcome(), Some(Err(Why::Aborted)));
    }
    drop(in_flight);
    assert!(queues.iter().all(|queue| queue.batches() == 0));
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn a17_ending_what_was_not_taken_leaves_what_was_pending() {
    let scene = Scene::new(batch_bytes(2, VALUE), 0, 1 << 20);
    let queue = scene.queue(0);
    let taken = scene.append(&queue, VALUE, 0).delivery;
    let in_flight = queue.take(scene.at(0)).unwrap();
    let waiting: Vec<_> = (0..5)
        .map(|_| scene.append(&queue, VALUE, 0).delivery)
        .collect();

    for batch in queue.take_all() {
        batch.complete(BatchOutcome::Failed(Why::Aborted)).unwrap();
    }
    for delivery in waiting {
        assert_eq!(delivery.try_outcome(), Some(Err(Why::Aborted)));
    }
    assert_eq!(taken.try_outcome(), None);
    assert!(in_flight.completion().batch_outcome().is_none());
}

#[test]
fn a18_a_batch_past_its_time_expires_ready_or_not() {
    for linger_ms in [0, 3_000, 60_000] {
        let scene = Scene::new(1_024, linger_ms, 1 << 20);
        let queue = scene.queue(0);
        let delivery = scene.append(&queue, VALUE, 100).delivery;
        queue.poll_ready(scene.at(100));
        assert_eq!(queue.oldest_created(), Some(scene.at(100)));
        assert!(queue.take_expired(scene.at(99)).is_empty());
        let expired = queue.take_expired(scene.at(100));
        assert_eq!(expired.len(), 1);
        expired[0]
            .complete(BatchOutcome::Failed(Why::Expired))
            .unwrap();
        assert_eq!(delivery.try_outcome(), Some(Err(Why::Expired)));
        assert_eq!(queue.poll_ready(scene.at(100_000)), Readiness::Empty);
    }
}

#[test]
fn a19_the_longest_times_do_not_overflow() {
    let mut scene = Scene::new(1_024, 0, 1 << 20);
    for linger in [Duration::from_millis(i32::MAX as u64), Duration::MAX] {
        let start = scene.start;
        let settings = kafka_accumulator::Settings::default()
            .batch_size(1_024)
            .linger(linger)
            .buffer_memory(1 << 20);
        let bell = scene.bell.clone();
        scene.accumulator = kafka_accumulator::Accumulator::new(settings, bell, || Why::Abandoned);
        let queue = scene.queue(0);
        scene.append(&queue, VALUE, 0);
        assert!(matches!(
            queue.poll_ready(start + Duration::from_secs(60 * 60 * 24)),
            Readiness::Lingering { until } if until > start + Duration::from_secs(60 * 60 * 24)
        ));
        assert!(queue.take(start).is_err());
        assert!(
            queue
                .take_expired(start - Duration::from_millis(1))
                .is_empty()
        );
    }
}

#[test]
fn a20_full_and_lingering_batches_expire_in_order_and_never_early() {
    // Later timestamps take a byte more.
    let scene = Scene::new(batch_bytes(2, VALUE) + 1, 60_000, 1 << 20);
    let queue = scene.queue(0);
    for (number, ms) in [0, 1, 2, 3, 4].into_iter().enumerate() {
        scene.append(&queue, &[number as u8; 10], ms * 100);
    }
    // Batches created at 0 (full), 200 (full) and 400 (open).
    assert!(
        queue
            .take_expired(scene.start - Duration::from_nanos(1))
            .is_empty()
    );
    let first = queue.take_expired(scene.at(199));
    assert_eq!(
        first.iter().map(values).collect::<Vec<_>>(),
        [[vec![0; 10], vec![1; 10]]]
    );
    assert_eq!(queue.oldest_created(), Some(scene.at(200)));
    assert!(queue.take_expired(scene.at(199)).is_empty());
    let rest = queue.take_expired(scene.at(400));
    let created: Vec<_> = rest.iter().map(|batch| batch.created()).collect();
    assert_eq!(created, [scene.at(200), scene.at(400)]);
    assert_eq!(queue.oldest_created(), None);
}

#[test]
fn a20_an_old_sealed_batch_does_not_take_a_young_open_one_along() {
    let scene = Scene::new(batch_bytes(1, VALUE), 60_000, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let large_batch_open = Scene::new(1_024, 60_000, 1 << 20);
    let young = large_batch_open.queue(0);
    large_batch_open.append(&young, VALUE, 500);
    young.flush();
    large_batch_open.append(&young, VALUE, 900);
    assert_eq!(young.take_expired(large_batch_open.at(500)).len(), 1);
    assert_eq!(young.batches(), 1);
    assert_eq!(queue.take_expired(scene.at(0)).len(), 1);
}

#[test]
fn a21_a_queue_that_nobody_takes_from_keeps_what_it_has() {
    let scene = Scene::new(batch_bytes(2, VALUE), 0, 1 << 20);
    let muted = scene.queue(0);
    for _ in 0..4 {
        scene.append(&muted, VALUE, 0);
    }
    assert_eq!(scene.rung(), [0]);
    for ms in 0..10 {
        assert_eq!(muted.poll_ready(scene.at(ms)), Readiness::Ready);
        scene.append(&muted, VALUE, ms);
    }
    assert_eq!(scene.rung(), [] as [u32; 0], "the engine knows");
    let batches: Vec<_> = std::iter::from_fn(|| muted.take(scene.at(10)).ok()).collect();
    assert_eq!(batches.iter().map(|batch| batch.count()).sum::<u32>(), 14);
}

#[test]
fn a22_linger_is_respected_until_the_end_of_a_transaction_seals_what_is_open() {
    let scene = Scene::new(1_024, 10, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    assert!(queue.take(scene.at(5)).is_err());
    queue.flush();
    assert_eq!(queue.poll_ready(scene.at(5)), Readiness::Ready);
    assert_eq!(queue.take(scene.at(5)).unwrap().count(), 1);
}

#[test]
fn a23_the_pieces_of_a_split_batch_give_each_record_its_own_offset() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    let deliveries: Vec<_> = (0..5_u8)
        .map(|number| scene.append(&queue, &[number], 10).delivery)
        .collect();
    let batch = queue.take(scene.at(10)).unwrap();
    let pieces = [&[0, 1][..], &[2, 3], &[4]].map(piece);
    let batches = batch.split(pieces.into()).unwrap();
    drop(batch);
    assert_eq!(
        batches
            .iter()
            .map(|piece| piece.count())
            .collect::<Vec<_>>(),
        [2, 2, 1]
    );
    assert_eq!(values(&batches[1]), [vec![2], vec![3]]);
    assert!(batches.iter().all(|piece| piece.created() == scene.at(10)));

    let ends = [
        delivered(100),
        BatchOutcome::Failed(Why::Corrupt),
        delivered(7),
    ];
    for (batch, batch_outcome) in batches.iter().zip(ends) {
        batch.complete(batch_outcome).unwrap();
    }
    let outcomes = deliveries
        .iter()
        .map(|delivery| delivery.try_outcome().unwrap());
    let offsets: Vec<_> = outcomes
        .map(|outcome| outcome.map(|end| end.offset))
        .collect();
    let corrupt = Err(Why::Corrupt);
    assert_eq!(offsets, [Ok(100), Ok(101), corrupt, corrupt, Ok(7)]);
}

#[test]
fn a24_an_oversized_first_record_fits_and_any_further_one_does_not() {
    let scene = Scene::new(256, 1_000, 1 << 20);
    let queue = scene.queue(0);
    let large = vec![1; 1_000];
    scene.append(&queue, &large, 0);
    scene.append(&queue, &[], 0);
    let batches = queue.take_all();
    let counts: Vec<_> = batches.iter().map(|batch| batch.count()).collect();
    assert_eq!(counts, [1, 1]);
}

#[test]
fn a25_the_pieces_of_a_split_batch_share_its_memory_and_give_it_back() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    for number in 0..3_u8 {
        scene.append(&queue, &[number], 0);
    }
    let batch = queue.take(scene.at(0)).unwrap();
    let batches = batch.split([&[0][..], &[1, 2]].map(piece).into()).unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), 1_024);
    drop(batch);
    let held: usize = batches.iter().map(|batch| batch.memory_held()).sum();
    assert_eq!(scene.accumulator.memory_in_use(), held);
    assert!(held > 1_000 && held <= 1_024, "{held}");
    drop(batches);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn a27_a_batch_taken_shortly_before_it_expires_knows_its_age() {
    let scene = Scene::new(1_024, 10, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 50);
    scene.append(&queue, VALUE, 55);
    let batch = queue.take(scene.at(119)).unwrap();
    assert_eq!(batch.created(), scene.at(50));
    assert!(
        queue.take_expired(scene.at(1_000)).is_empty(),
        "it is the engine's now"
    );
    assert_eq!(queue.oldest_created(), None);
}

#[test]
fn a34_waiting_for_a_split_batch_waits_for_all_its_pieces() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    for number in 0..4_u8 {
        scene.append(&queue, &[number], 0);
    }
    let batch = queue.take(scene.at(0)).unwrap();
    let (wakes, waker) = Wakes::new();
    let mut context = std::task::Context::from_waker(&waker);
    let mut settled = Box::pin(batch.completion().settled());
    assert!(settled.as_mut().poll(&mut context).is_pending());

    let mut left = batch
        .split([&[0, 1, 2][..], &[3]].map(piece).into())
        .unwrap();
    let right = left.pop().unwrap();
    let nested = left[0]
        .split([&[0][..], &[1, 2]].map(piece).into())
        .unwrap();
    assert_eq!(wakes.count(), 1);
    for part in nested.iter().chain([&right]) {
        assert!(settled.as_mut().poll(&mut context).is_pending());
        part.complete(delivered(0)).unwrap();
    }
    assert!(settled.as_mut().poll(&mut context).is_ready());
}

#[test]
fn a_batch_carries_its_records_timestamps_also_when_they_go_backwards() {
    let scene = Scene::new(4_096, 0, 1 << 20);
    let queue = scene.queue(0);
    let timestamps = [1_000, 5_000, 0, i64::MAX, 999];
    for timestamp_ms in timestamps {
        let parts = RecordParts::new(Some(b"k"), None);
        let mut record = kafka_accumulator::NewRecord::new(timestamp_ms, parts);
        scene
            .accumulator
            .append(&queue, &mut record, None, || scene.at(0))
            .unwrap();
    }
    let batch = queue.take(scene.at(0)).unwrap();
    assert_eq!(batch.base_timestamp_ms(), 1_000);
    assert_eq!(batch.max_timestamp_ms(), i64::MAX);
    let decoded: Vec<_> = decode(&batch)
        .iter()
        .map(|record| record.timestamp)
        .collect();
    assert_eq!(decoded, timestamps);
}

#[test]
fn batch_size_zero_gives_every_record_its_own_batch() {
    let scene = Scene::new(0, 1_000, 1 << 20);
    let queue = scene.queue(0);
    for _ in 0..3 {
        assert_eq!(scene.append(&queue, b"", 0).filled, Filled::Filled);
    }
    assert_eq!(queue.take_all().len(), 3);
}

#[test]
fn a_batch_never_exceeds_its_size_with_its_header() {
    for batch_size in [80, 100, 128, 1_000, 16_384] {
        let scene = Scene::new(batch_size, 1_000, 1 << 24);
        let queue = scene.queue(0);
        for number in 0..500_usize {
            scene.append(&queue, &vec![0; number % 13], 0);
        }
        for batch in queue.take_all() {
            let bytes = batch.uncompressed_bytes() + 61;
            assert!(
                bytes <= batch_size || batch.count() == 1,
                "{bytes} > {batch_size}"
            );
        }
    }
}

#[test]
fn the_clock_is_read_only_when_a_batch_is_opened() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let mut record = kafka_accumulator::NewRecord::new(0, RecordParts::new(None, Some(VALUE)));
    let now = || unreachable!("the batch is open");
    scene
        .accumulator
        .append(&queue, &mut record, None, now)
        .unwrap();
}

/// A piece of one-byte records.
fn piece(values: &[u8]) -> Piece {
    let mut records = Vec::new();
    for (offset, value) in values.chunks(1).enumerate() {
        let parts = RecordParts::new(None, Some(value));
        let size = parts.size(0, offset as i32).unwrap();
        parts.encode(size, 0, offset as i32, &mut records);
    }
    Piece::new(records, values.len() as u32, 10, 10)
}

fn delivered(base_offset: i64) -> BatchOutcome<Why> {
    BatchOutcome::Delivered {
        base_offset,
        log_append_time_ms: None,
    }
}
