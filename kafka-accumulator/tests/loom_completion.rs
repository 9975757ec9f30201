//! Every interleaving of completing a batch with awaiting, dropping and splitting it.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use kafka_accumulator::{
    Accumulator, Batch, BatchOutcome, Delivered, Delivery, Doorbell, NewRecord, Piece, Queue,
    Settings,
};
use kafka_wire::records::{NoHeaders, RecordParts};
use loom::{
    future::block_on,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

type Error = &'static str;

fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scenario);
}

struct Scene {
    accumulator: Accumulator<Error>,
    queue: Arc<Queue<Error>>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let settings = Settings::default()
            .batch_size(1_024)
            .linger(Duration::ZERO)
            .buffer_memory(1 << 20);
        let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
        Self {
            queue: accumulator.queue(Arc::from("orders"), 0, 0),
            accumulator,
            now: Instant::now(),
        }
    }

    fn append(&self) -> Delivery<Error> {
        self.append_record(NewRecord::new(0, RecordParts::new(None, None)))
    }

    fn append_record<'a>(
        &self,
        mut record: NewRecord<'a, NoHeaders<'a>, Error>,
    ) -> Delivery<Error> {
        let now = || self.now;
        let appended = self.accumulator.append(&self.queue, &mut record, None, now);
        appended.unwrap().delivery
    }

    fn take(&self) -> Batch<Error> {
        self.queue.take(self.now).unwrap()
    }
}

fn at(offset: i64) -> Result<Delivered, Error> {
    Ok(Delivered::new(offset))
}

fn delivered(base_offset: i64) -> BatchOutcome<Error> {
    BatchOutcome::Delivered {
        base_offset,
        log_append_time_ms: None,
    }
}

#[test]
fn an_awaited_record_is_woken_whenever_its_batch_is_completed() {
    explore(|| {
        let scene = Scene::new();
        let (first, second) = (scene.append(), scene.append());
        let batch = scene.take();
        let completer = thread::spawn(move || batch.complete(delivered(5)).unwrap());
        let awaiter = thread::spawn(move || assert_eq!(block_on(second), at(6)));
        assert_eq!(block_on(first), at(5));
        completer.join().unwrap();
        awaiter.join().unwrap();
    });
}

#[test]
fn a_delivery_that_was_polled_and_dropped_disturbs_nobody() {
    explore(|| {
        let scene = Scene::new();
        let (mut dropped, kept) = (scene.append(), scene.append());
        let batch = scene.take();
        let completer = thread::spawn(move || batch.complete(delivered(0)).unwrap());
        let dropper = thread::spawn(move || {
            let mut context = Context::from_waker(Waker::noop());
            let _ = Future::poll(Pin::new(&mut dropped), &mut context);
        });
        assert_eq!(block_on(kept), at(1));
        completer.join().unwrap();
        dropper.join().unwrap();
    });
}

#[test]
fn of_two_threads_that_complete_a_batch_one_does_and_everybody_reads_its_outcome() {
    explore(|| {
        let scene = Scene::new();
        let delivery = scene.append();
        let batch = Arc::new(scene.take());
        let other = Arc::clone(&batch);
        let completer = thread::spawn(move || other.complete(delivered(1)).is_ok());
        let ours = batch.complete(BatchOutcome::Failed("ours")).is_ok();
        let outcome = block_on(delivery);
        let theirs = completer.join().unwrap();
        assert!(ours != theirs);
        assert_eq!(outcome, if ours { Err("ours") } else { at(1) });
    });
}

#[test]
fn a_batch_dropped_before_it_is_completed_wakes_those_who_wait() {
    explore(|| {
        let scene = Scene::new();
        let delivery = scene.append();
        let batch = scene.take();
        let loser = thread::spawn(move || drop(batch));
        assert_eq!(block_on(delivery), Err("abandoned"));
        loser.join().unwrap();
    });
}

#[test]
fn a_callback_is_called_once_also_if_the_batch_is_completed_while_it_is_taken() {
    explore(|| {
        let scene = Scene::new();
        let called = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&called);
        let mut record = NewRecord::new(0, RecordParts::new(None, None));
        record.callback = Some(Box::new(move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        drop(scene.append_record(record));
        let completion = scene.queue.incomplete().remove(0);
        let completer = thread::spawn(move || completion.complete(delivered(0)).unwrap());
        let batch = scene.take();
        completer.join().unwrap();
        assert_eq!(called.load(Ordering::SeqCst), 1);
        drop(batch);
        assert_eq!(called.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn callbacks_that_are_attached_while_the_batch_is_completed_are_all_called_though_one_panics() {
    explore(|| {
        let scene = Scene::new();
        let called = Arc::new(AtomicUsize::new(0));
        for index in 0..3 {
            let counter = Arc::clone(&called);
            let mut record = NewRecord::new(0, RecordParts::new(None, None));
            record.callback = Some(Box::new(move |_, outcome| {
                assert_eq!(outcome.map(|end| end.offset), Ok(index));
                counter.fetch_add(1, Ordering::SeqCst);
                if index < 2 {
                    // Without a word to the standard error of each interleaving.
                    std::panic::resume_unwind(Box::new("a callback of the test"));
                }
            }));
            drop(scene.append_record(record));
        }
        let completion = scene.queue.incomplete().remove(0);
        let settled = completion.settled();
        let completer = thread::spawn(move || completion.complete(delivered(0)).unwrap());
        // Taking it attaches them.
        let batch = scene.take();
        block_on(settled);
        completer.join().unwrap();
        assert_eq!(called.load(Ordering::SeqCst), 3);
        drop(batch);
    });
}

#[test]
fn deliveries_that_are_polled_by_several_tasks_in_turn_are_woken_whenever_they_are_completed() {
    explore(|| {
        let scene = Scene::new();
        let (mut first, second) = (scene.append(), scene.append());
        let batch = scene.take();
        // It leaves a waker with one task, then it moves to another.
        let mut context = Context::from_waker(Waker::noop());
        let _ = Future::poll(Pin::new(&mut first), &mut context);
        let completer = thread::spawn(move || batch.complete(delivered(0)).unwrap());
        let awaiter = thread::spawn(move || assert_eq!(block_on(first), at(0)));
        assert_eq!(block_on(second), at(1));
        completer.join().unwrap();
        awaiter.join().unwrap();
    });
}

#[test]
fn awaiting_a_record_or_the_whole_batch_follows_a_split() {
    explore(|| {
        let scene = Scene::new();
        let (_first, second) = (scene.append(), scene.append());
        let batch = scene.take();
        let settled = batch.completion().settled();
        let splitter = thread::spawn(move || {
            let piece = || Piece::new(Vec::new(), 1, 0, 0);
            for (number, piece) in batch
                .split(vec![piece(), piece()])
                .unwrap()
                .iter()
                .enumerate()
            {
                piece.complete(delivered(10 * number as i64)).unwrap();
            }
        });
        assert_eq!(block_on(second), at(10));
        block_on(settled);
        splitter.join().unwrap();
    });
}
