//! What Apache Kafka's BufferPool suite proves: memory is bounded, fair and always given back.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use kafka_accumulator::{
    AppendError, BatchOutcome, NoUserCode, Readiness, Reservation, Reserve, ReserveError,
};
use kafka_wire::compression::Compression;

use crate::scene::{Scene, Wakes, Why};

const BATCH: usize = 1_024;
const VALUE: &[u8] = b"0123456789";
/// So much that the next batch begins as this one.
const HALF: &[u8] = &[7; 460];

fn poll(reserve: &mut Reserve) -> Poll<Result<Reservation, ReserveError>> {
    Pin::new(reserve).poll(&mut Context::from_waker(Waker::noop()))
}

fn granted(mut reserve: Reserve) -> Reservation {
    match poll(&mut reserve) {
        Poll::Ready(Ok(reservation)) => reservation,
        other => panic!("{other:?}"),
    }
}

fn refused(mut reserve: Reserve) -> ReserveError {
    match poll(&mut reserve) {
        Poll::Ready(Err(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn memory_is_reserved_per_batch_and_free_again_when_the_batch_is_gone() {
    let scene = Scene::new(BATCH, 0, 10 * BATCH);
    let queue = scene.queue(0);
    for round in 0..30 {
        scene.append(&queue, HALF, round);
        scene.append(&queue, VALUE, round);
        assert_eq!(scene.accumulator.memory_in_use(), BATCH);
        drop(queue.take(scene.at(round)).unwrap());
        assert_eq!(scene.accumulator.memory_in_use(), 0);
    }
    scene.append(&queue, &[0; 5 * BATCH], 0);
    let held = scene.accumulator.memory_in_use();
    assert!(held > 5 * BATCH && held < 6 * BATCH, "{held}");
    drop(queue.take_all());
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn memory_stays_in_use_until_the_last_reader_of_the_bytes_is_gone() {
    let scene = Scene::new(BATCH, 0, BATCH);
    let queue = scene.queue(0);
    let delivery = scene.append(&queue, HALF, 0).delivery;
    let batch = queue.take(scene.at(0)).unwrap();
    // A socket is still busy with the bytes when the batch has timed out (KAFKA-19012).
    let on_the_wire = batch.records();
    let before = on_the_wire.to_vec();
    batch.complete(BatchOutcome::Failed(Why::Expired)).unwrap();
    drop((batch, delivery));
    assert_eq!(scene.accumulator.memory_in_use(), BATCH);
    let bytes = BATCH;
    let again = scene.try_append(&queue, VALUE, 0, None).map(drop);
    assert_eq!(again, Err(AppendError::NeedsMemory { bytes }));
    assert_eq!(on_the_wire, before);

    drop(on_the_wire);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
    scene.append(&queue, VALUE, 0);
}

#[test]
fn the_buffer_of_a_batch_is_used_again_and_only_then() {
    let scene = Scene::new(BATCH, 0, 4 * BATCH);
    let queue = scene.queue(0);
    let next = || {
        scene.append(&queue, HALF, 0);
        queue.take(scene.at(0)).unwrap()
    };
    let (first, second) = (next(), next());
    let address = |bytes: &bytes::Bytes| bytes.as_ptr() as usize;
    let (of_first, of_second) = (address(&first.records()), address(&second.records()));
    assert_ne!(of_first, of_second);
    let reader = second.records();
    drop(first);
    drop(second);
    let third = next();
    assert_eq!(address(&third.records()), of_first);
    let fourth = next();
    assert_ne!(address(&fourth.records()), of_second, "somebody reads it");
    drop(reader);
    assert_eq!(
        address(&next().records()),
        of_second,
        "the last returned is the next used"
    );
}

#[test]
fn a_record_that_can_never_fit_is_refused_at_once() {
    let scene = Scene::new(BATCH, 0, 4 * BATCH);
    let queue = scene.queue(0);
    let refused_append = scene.try_append(&queue, &[0; 4 * BATCH], 0, None).map(drop);
    let Err(AppendError::TooLarge { bytes, limit }) = refused_append else {
        panic!("{refused_append:?}");
    };
    assert!(bytes > limit);
    assert_eq!(limit, 4 * BATCH);
    let (bytes, limit) = (4 * BATCH + 1, 4 * BATCH);
    let reserve = scene.accumulator.reserve(bytes, scene.at(0));
    assert_eq!(refused(reserve), ReserveError::TooLarge { bytes, limit });
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn a_batch_size_beyond_the_memory_still_lets_records_through() {
    let scene = Scene::new(1 << 20, 0, 512);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    assert_eq!(scene.accumulator.memory_in_use(), 512);
}

#[test]
fn an_append_without_memory_says_how_much_it_needs_and_succeeds_with_it() {
    let scene = Scene::new(BATCH, 1_000, 2 * BATCH);
    let [full, starved] = [0, 1].map(|partition| scene.queue(partition));
    scene.append(&full, &[0; 2 * BATCH - 200], 0);
    let Err(AppendError::NeedsMemory { bytes }) = scene.try_append(&starved, VALUE, 0, None) else {
        panic!("there is no memory")
    };
    assert_eq!(bytes, BATCH);
    let mut reserve = scene.accumulator.reserve(bytes, scene.at(10));
    assert!(poll(&mut reserve).is_pending());
    assert_eq!(scene.accumulator.waiting(), 1);

    drop(full.take(scene.at(0)).unwrap());
    let reservation = granted(reserve);
    assert_eq!(reservation.bytes(), BATCH);
    scene
        .try_append(&starved, VALUE, 0, Some(reservation))
        .unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), BATCH);
}

#[test]
fn a_reservation_that_is_not_needed_is_given_back() {
    let scene = Scene::new(BATCH, 1_000, 4 * BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, HALF, 0);
    let reservation = granted(scene.accumulator.reserve(BATCH, scene.at(0)));
    assert_eq!(scene.accumulator.memory_in_use(), 2 * BATCH);
    scene
        .try_append(&queue, VALUE, 0, Some(reservation))
        .unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), BATCH);

    let too_much = granted(scene.accumulator.reserve(3 * BATCH, scene.at(0)));
    queue.flush();
    scene.try_append(&queue, VALUE, 0, Some(too_much)).unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), 2 * BATCH);
}

#[test]
fn a_reservation_that_is_too_small_is_given_back_and_does_not_count() {
    let scene = Scene::new(BATCH, 1_000, 4 * BATCH);
    let queue = scene.queue(0);
    let small = granted(scene.accumulator.reserve(10, scene.at(0)));
    scene.try_append(&queue, VALUE, 0, Some(small)).unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), BATCH);
}

#[test]
fn waiters_are_served_in_order_and_nobody_passes_them_by() {
    let scene = Scene::new(BATCH, 1_000, 10 * BATCH);
    let accumulator = &scene.accumulator;
    let deadline = scene.at(1_000);
    let most = granted(accumulator.reserve(9 * BATCH, deadline));
    let mut large = accumulator.reserve(5 * BATCH, deadline);
    let mut small = accumulator.reserve(BATCH, deadline);
    // One batch is free, and would do for the second one and for a newcomer.
    assert!(poll(&mut small).is_pending());
    assert!(poll(&mut large).is_pending());
    let newcomer = scene.try_append(&scene.queue(0), VALUE, 0, None).map(drop);
    assert_eq!(newcomer, Err(AppendError::NeedsMemory { bytes: BATCH }));
    assert_eq!(accumulator.waiting(), 2);

    drop(most);
    let large = granted(large);
    assert_eq!(large.bytes(), 5 * BATCH);
    drop(granted(small));
    assert_eq!(accumulator.waiting(), 0);
    assert_eq!(accumulator.memory_in_use(), 5 * BATCH);
    scene.append(&scene.queue(0), VALUE, 0);
}

#[test]
fn the_waker_of_the_last_poll_is_woken_when_memory_is_free() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let all = granted(scene.accumulator.reserve(BATCH, scene.at(0)));
    let mut waiting = scene.accumulator.reserve(BATCH, scene.at(1_000));
    let ((old_wakes, old), (new_wakes, new)) = (Wakes::new(), Wakes::new());
    for waker in [&old, &new] {
        let mut context = Context::from_waker(waker);
        assert!(Pin::new(&mut waiting).poll(&mut context).is_pending());
    }
    scene.bell.awake();
    drop(all);
    assert!(scene.bell.is_rung());
    assert_eq!((old_wakes.count(), new_wakes.count()), (0, 0));
    scene.wake_served();
    assert_eq!((old_wakes.count(), new_wakes.count()), (0, 1));
    drop(granted(waiting));
}

/// Where memory is given back there may be a lock: of a driver, of whoever holds the batch.
#[test]
fn memory_that_is_given_back_under_a_lock_wakes_nobody_there() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let all = granted(scene.accumulator.reserve(BATCH, scene.at(0)));
    let mut waiting = scene.accumulator.reserve(BATCH, scene.at(1_000));
    let (wakes, waker) = Wakes::new();
    let polled = Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    let quiet = NoUserCode::new();
    drop(all);
    scene.accumulator.expire_waiters(scene.at(2_000));
    drop(quiet);
    assert_eq!(wakes.count(), 0);
    scene.wake_served();
    assert_eq!(wakes.count(), 1);
    drop(granted(waiting));
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let accumulator = &scene.accumulator;
    let all = granted(accumulator.reserve(BATCH, scene.at(0)));
    assert_eq!(accumulator.next_waiter_deadline(), None);
    let mut late = accumulator.reserve(BATCH, scene.at(200));
    let mut soon = accumulator.reserve(1, scene.at(100));
    assert_eq!(accumulator.next_waiter_deadline(), Some(scene.at(100)));
    accumulator.expire_waiters(scene.at(99));
    assert!(poll(&mut soon).is_pending());

    accumulator.expire_waiters(scene.at(100));
    assert_eq!(refused(soon), ReserveError::TimedOut { bytes: 1 });
    assert!(poll(&mut late).is_pending());
    assert_eq!(accumulator.next_waiter_deadline(), Some(scene.at(200)));
    assert_eq!(accumulator.waiting(), 1);
    accumulator.expire_waiters(scene.at(300));
    assert_eq!(refused(late), ReserveError::TimedOut { bytes: BATCH });
    assert_eq!(accumulator.next_waiter_deadline(), None);

    drop(all);
    assert_eq!(accumulator.memory_in_use(), 0);
}

#[test]
fn when_the_first_stops_waiting_the_next_is_served() {
    for gives_up_by in ["timing out", "being dropped"] {
        let scene = Scene::new(BATCH, 1_000, 2 * BATCH);
        let accumulator = &scene.accumulator;
        let half = granted(accumulator.reserve(BATCH, scene.at(0)));
        let first = accumulator.reserve(2 * BATCH, scene.at(1));
        let second = accumulator.reserve(BATCH, scene.at(1_000));
        if gives_up_by == "timing out" {
            accumulator.expire_waiters(scene.at(1));
        }
        drop(first);
        let second = granted(second);
        drop((half, second));
        assert_eq!(accumulator.memory_in_use(), 0, "{gives_up_by}");
    }
}

#[test]
fn a_grant_that_is_dropped_before_it_is_picked_up_goes_to_the_next() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let accumulator = &scene.accumulator;
    let all = granted(accumulator.reserve(BATCH, scene.at(0)));
    let first = accumulator.reserve(BATCH, scene.at(1_000));
    let second = accumulator.reserve(BATCH, scene.at(1_000));
    drop(all);
    assert_eq!(accumulator.waiting(), 1);
    drop(first);
    drop(granted(second));
    assert_eq!(accumulator.memory_in_use(), 0);
}

#[test]
fn close_ends_all_waits_refuses_new_ones_and_still_takes_memory_back() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let accumulator = &scene.accumulator;
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let mut waiting = accumulator.reserve(BATCH, scene.at(1_000));
    let (wakes, waker) = Wakes::new();
    let polled = Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());

    accumulator.close();
    scene.wake_served();
    assert_eq!(wakes.count(), 1);
    assert_eq!(refused(waiting), ReserveError::Closed);
    let new_wait = accumulator.reserve(BATCH, scene.at(1_000));
    assert_eq!(refused(new_wait), ReserveError::Closed);
    for queue in [&queue, &scene.queue(1)] {
        let append = scene.try_append(queue, VALUE, 0, None).map(drop);
        assert_eq!(append, Err(AppendError::Closed));
    }
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
    assert_eq!(queue.take(scene.at(0)).unwrap().count(), 1);
    assert_eq!(accumulator.memory_in_use(), 0);
}

#[test]
fn while_somebody_waits_for_memory_open_batches_are_due() {
    let scene = Scene::new(BATCH, 1_000, BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let until = scene.at(1_000);
    assert_eq!(
        queue.poll_ready(scene.at(0)),
        Readiness::Lingering { until }
    );
    scene.bell.awake();

    let waiting = scene.accumulator.reserve(BATCH, scene.at(1_000));
    assert!(scene.bell.is_rung());
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
    drop(queue.take(scene.at(0)).unwrap());
    drop(granted(waiting));
}

#[test]
fn compressed_bytes_are_in_the_buffer_of_the_records() {
    let scene = Scene::new(BATCH, 0, 4 * BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, &[7; 900], 0);
    let batch = queue.take(scene.at(0)).unwrap();
    let buffer = batch.records().as_ptr();
    batch.replace_records(&[1; 100], Compression::Lz4).unwrap();
    assert_eq!(batch.records(), vec![1; 100]);
    assert_eq!(batch.records().as_ptr(), buffer);
    assert_eq!(batch.memory_held(), BATCH);
    drop(batch);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn compressed_bytes_hold_only_the_memory_they_take_while_somebody_reads_the_records() {
    let scene = Scene::new(BATCH, 0, 4 * BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, &[7; 900], 0);
    let batch = queue.take(scene.at(0)).unwrap();
    let uncompressed = batch.uncompressed_bytes();
    let raw = batch.records();
    batch.replace_records(&[1; 100], Compression::Lz4).unwrap();
    assert_eq!(batch.memory_held(), 100);
    assert_eq!(
        scene.accumulator.memory_in_use(),
        BATCH,
        "somebody reads the raw bytes"
    );
    drop(raw);
    assert_eq!(scene.accumulator.memory_in_use(), 100);
    assert_eq!(
        batch.records_and_codec(),
        (vec![1; 100].into(), Compression::Lz4)
    );
    assert_eq!(batch.uncompressed_bytes(), uncompressed);

    let again = batch
        .replace_records(&[2; 10], Compression::Gzip)
        .unwrap_err();
    assert_eq!(again.codec, Compression::Lz4);
    assert_eq!(batch.records(), vec![1; 100]);
    let on_the_wire = batch.records();
    drop(batch);
    assert_eq!(scene.accumulator.memory_in_use(), 100);
    drop(on_the_wire);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn bytes_that_grow_by_compression_are_within_what_the_batch_holds() {
    let scene = Scene::new(BATCH, 0, BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let batch = queue.take(scene.at(0)).unwrap();
    batch
        .replace_records(&[0; 2 * BATCH], Compression::Zstd)
        .unwrap();
    assert_eq!(scene.accumulator.memory_in_use(), BATCH);
    drop(batch);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

#[test]
fn totals_beyond_32_bits_are_counted() {
    let total = if usize::BITS > 32 {
        5 << 32
    } else {
        usize::MAX
    };
    let scene = Scene::new(BATCH, 0, total);
    assert!(scene.accumulator.memory_total() > total / 4);
    let half = scene.accumulator.memory_total() / 2 + 1;
    let reservation = granted(scene.accumulator.reserve(half, scene.at(0)));
    assert_eq!(scene.accumulator.memory_in_use(), half);
    drop(reservation);
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

/// Each step may serve others, and there is no driver whom the bell would wake for them.
#[test]
fn many_threads_that_come_and_go_leave_the_total_as_it_was() {
    let scene = Arc::new(Scene::new(BATCH, 0, 10 * BATCH));
    let threads: Vec<_> = (0..8_usize)
        .map(|thread| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                for round in 0..2_000_usize {
                    let bytes = 1 + (thread * 7_919 + round * 104_729) % (6 * BATCH);
                    let reserve = scene.accumulator.reserve(bytes, scene.at(u64::MAX >> 24));
                    scene.wake_served();
                    if round % 5 == 0 {
                        drop(reserve);
                        scene.wake_served();
                        continue;
                    }
                    let reservation = wait(reserve).unwrap();
                    assert_eq!(reservation.bytes(), bytes);
                    assert!(scene.accumulator.memory_in_use() <= 10 * BATCH);
                    drop(reservation);
                    scene.wake_served();
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(scene.accumulator.memory_in_use(), 0);
    assert_eq!(scene.accumulator.waiting(), 0);
}

/// Blocks the thread until the future is ready.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Thread(thread::Thread);
    impl std::task::Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
