//! Every interleaving of appending with looking and taking: nothing stays unnoticed.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use kafka_accumulator::{
    Accumulator, AppendError, Batch, Doorbell, NewRecord, Queue, Readiness, Settings, Sleep,
};
use kafka_wire::records::RecordParts;
use loom::{future::block_on, thread};

/// A record without key and value takes seven bytes.
const RECORD: usize = 7;
const TWO_RECORDS: usize = 61 + 2 * RECORD;

fn explore(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scenario);
}

struct Scene {
    accumulator: Accumulator<()>,
    queue: Arc<Queue<()>>,
    bell: Arc<Doorbell>,
    now: Instant,
}

impl Scene {
    fn new(batch_size: usize, linger: Duration) -> Arc<Self> {
        let settings = Settings::default()
            .batch_size(batch_size)
            .linger(linger)
            .buffer_memory(1 << 20);
        let bell = Arc::new(Doorbell::new());
        let accumulator = Accumulator::new(settings, Arc::clone(&bell), || ());
        Arc::new(Self {
            queue: accumulator.queue(Arc::from("orders"), 0, 0),
            accumulator,
            bell,
            now: Instant::now(),
        })
    }

    fn append(&self) -> Result<(), AppendError> {
        self.append_value(None)
    }

    fn append_value(&self, value: Option<&[u8]>) -> Result<(), AppendError> {
        let mut record = NewRecord::new(0, RecordParts::new(None, value));
        let now = || self.now;
        let appended = self.accumulator.append(&self.queue, &mut record, None, now);
        appended.map(drop)
    }

    /// A driver for which time stands still: it takes what is ready, and sleeps until it has seen
    /// `records` of them.
    fn drive(&self, context: &Context<'_>, records: u32, seen: &mut u32) -> Poll<()> {
        let mut rung = Vec::new();
        loop {
            self.bell.awake();
            self.accumulator.take_rung(&mut rung);
            for queue in rung.drain(..) {
                while queue.poll_ready(self.now) == Readiness::Ready {
                    *seen += queue.take(self.now).map_or(0, |batch| batch.count());
                }
            }
            if *seen == records {
                return Poll::Ready(());
            }
            match self.bell.sleep(context.waker()) {
                Sleep::Asleep => return Poll::Pending,
                Sleep::Rung => {}
            }
        }
    }

    fn drive_until(&self, records: u32) {
        let mut seen = 0;
        block_on(poll_fn(|context| self.drive(context, records, &mut seen)));
    }
}

fn append_on_a_thread(scene: &Arc<Scene>, records: u32) -> thread::JoinHandle<()> {
    let scene = Arc::clone(scene);
    thread::spawn(move || (0..records).for_each(|_| scene.append().unwrap()))
}

#[test]
fn without_linger_every_record_is_noticed() {
    explore(3, || {
        let scene = Scene::new(TWO_RECORDS, Duration::ZERO);
        let appender = append_on_a_thread(&scene, 2);
        scene.drive_until(2);
        appender.join().unwrap();
    });
}

#[test]
fn two_appenders_are_both_noticed() {
    explore(2, || {
        let scene = Scene::new(1_024, Duration::ZERO);
        let appenders = [append_on_a_thread(&scene, 1), append_on_a_thread(&scene, 1)];
        scene.drive_until(2);
        for appender in appenders {
            appender.join().unwrap();
        }
    });
}

/// What a batch begins with holds the first of these, the next makes it grow.
const VALUE: &[u8] = &[7; 900];

#[test]
fn a_batch_that_two_appenders_make_grow_keeps_the_records_of_both() {
    explore(2, || {
        let scene = Scene::new(8_192, Duration::from_secs(1));
        scene.append_value(Some(VALUE)).unwrap();
        let theirs = Arc::clone(&scene);
        let appender = thread::spawn(move || theirs.append_value(Some(VALUE)).unwrap());
        scene.append_value(Some(VALUE)).unwrap();
        appender.join().unwrap();
        let batches = scene.queue.take_all();
        let counts: Vec<_> = batches.iter().map(|batch| batch.count()).collect();
        assert_eq!(counts, [3]);
        assert_eq!(scene.accumulator.memory_in_use(), 4_096);
        drop(batches);
        assert_eq!(scene.accumulator.memory_in_use(), 0);
    });
}

#[test]
fn a_batch_that_is_taken_while_it_grows_loses_nothing() {
    explore(2, || {
        let scene = Scene::new(8_192, Duration::from_secs(1));
        scene.append_value(Some(VALUE)).unwrap();
        let theirs = Arc::clone(&scene);
        let appender = thread::spawn(move || theirs.append_value(Some(VALUE)).unwrap());
        let count = |batches: Vec<Batch<()>>| batches.iter().map(|batch| batch.count()).sum();
        let early: u32 = count(scene.queue.take_all());
        appender.join().unwrap();
        let late: u32 = count(scene.queue.take_all());
        assert_eq!(early + late, 2);
        assert_eq!(scene.accumulator.memory_in_use(), 0);
    });
}

#[test]
fn a_lingering_batch_is_noticed_when_it_is_full_though_no_time_passes() {
    explore(2, || {
        let scene = Scene::new(TWO_RECORDS, Duration::from_secs(1));
        let appenders = [append_on_a_thread(&scene, 1), append_on_a_thread(&scene, 1)];
        scene.drive_until(2);
        for appender in appenders {
            appender.join().unwrap();
        }
    });
}

#[test]
fn a_flush_from_another_thread_is_noticed() {
    explore(3, || {
        let scene = Scene::new(1_024, Duration::from_secs(1));
        let theirs = Arc::clone(&scene);
        let flusher = thread::spawn(move || {
            theirs.append().unwrap();
            theirs.queue.flush();
        });
        scene.drive_until(1);
        flusher.join().unwrap();
    });
}

#[test]
fn what_was_appended_before_close_is_there_after_it_and_nothing_else() {
    explore(3, || {
        let scene = Scene::new(1_024, Duration::from_secs(1));
        let theirs = Arc::clone(&scene);
        let appender = thread::spawn(move || u32::from(theirs.append().is_ok()));
        scene.accumulator.close();
        let here: u32 = scene
            .queue
            .take_all()
            .iter()
            .map(|batch| batch.count())
            .sum();
        assert_eq!(scene.append(), Err(AppendError::Closed));
        assert_eq!(appender.join().unwrap(), here);
        assert_eq!(scene.queue.batches(), 0);
    });
}

#[test]
fn a_batch_that_grows_while_others_flush_and_close_is_taken_once_with_all_that_was_accepted() {
    explore(2, || {
        let scene = Scene::new(8_192, Duration::from_secs(1));
        scene.append_value(Some(VALUE)).unwrap();
        let theirs = Arc::clone(&scene);
        let appender = thread::spawn(move || u32::from(theirs.append_value(Some(VALUE)).is_ok()));
        let theirs = Arc::clone(&scene);
        let flusher = thread::spawn(move || {
            theirs.queue.flush();
            theirs
                .queue
                .take(theirs.now)
                .map_or(0, |batch| batch.count())
        });
        scene.accumulator.close();
        let here = || -> u32 {
            let batches = scene.queue.take_all();
            batches.iter().map(|batch| batch.count()).sum()
        };
        let taken = here() + flusher.join().unwrap();
        let accepted = 1 + appender.join().unwrap();
        assert_eq!(taken + here(), accepted);
        assert_eq!(scene.append(), Err(AppendError::Closed));
        assert_eq!(scene.accumulator.memory_in_use(), 0);
    });
}
