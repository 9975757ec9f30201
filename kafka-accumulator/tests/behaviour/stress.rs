//! Many appenders, one taker, little memory: nothing is lost, doubled, out of order or kept.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use kafka_accumulator::{
    Accumulator, AppendError, Appended, BatchOutcome, Delivery, Queue, Readiness, Sleep,
};

use crate::{
    memory::wait,
    scene::{Scene, Why, values},
};

const THREADS: u32 = 4;
const RECORDS: u32 = 5_000;
const PARTITIONS: i32 = 3;
const MEMORY: usize = 4 * 512;

#[test]
fn a09_many_appenders_and_one_taker_lose_and_double_nothing() {
    let scene = Arc::new(Scene::new(512, 1, MEMORY));
    let queues: Arc<Vec<_>> = Arc::new((0..PARTITIONS).map(|p| scene.queue(p)).collect());
    let (ends, ended) = mpsc::channel();
    let appenders: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (scene, queues, ends) = (scene.clone(), queues.clone(), ends.clone());
            thread::spawn(move || append_all(&scene, &queues, thread, &ends))
        })
        .collect();
    drop(ends);
    let taker = {
        let scene = Arc::clone(&scene);
        thread::spawn(move || take_until_closed(&scene))
    };
    let mut offsets = HashMap::new();
    for (partition, thread, number, delivery) in ended {
        let delivered = wait(delivery).unwrap();
        offsets.insert((partition, delivered.offset), (thread, number));
    }
    appenders
        .into_iter()
        .for_each(|appender| appender.join().unwrap());
    assert_eq!(scene.accumulator.waiting(), 0);
    scene.accumulator.close();
    let log = taker.join().unwrap();

    let records: usize = log.values().map(Vec::len).sum();
    assert_eq!(records, (THREADS * RECORDS) as usize);
    assert_eq!(offsets.len(), records, "no offset twice");
    for (partition, entries) in &log {
        let mut last = HashMap::new();
        for (offset, (thread, number)) in entries.iter().enumerate() {
            assert_eq!(offsets[&(*partition, offset as i64)], (*thread, *number));
            let before = last.insert(*thread, *number);
            assert!(
                before.is_none_or(|before| before < *number),
                "order of one appender"
            );
        }
    }
    assert_eq!(scene.accumulator.memory_in_use(), 0);
}

type End = (i32, u32, u32, Delivery<Why>);

fn append_all(scene: &Scene, queues: &[Arc<Queue<Why>>], thread: u32, ends: &mpsc::Sender<End>) {
    for number in 0..RECORDS {
        let partition = (number * 7 + thread) % PARTITIONS as u32;
        let queue = &queues[partition as usize];
        let value = [thread.to_be_bytes(), number.to_be_bytes()].concat();
        let appended = append_waiting(scene, queue, &value);
        ends.send((partition as i32, thread, number, appended.delivery))
            .unwrap();
    }
}

fn append_waiting(scene: &Scene, queue: &Arc<Queue<Why>>, value: &[u8]) -> Appended<Delivery<Why>> {
    let mut reserved = None;
    loop {
        match scene.try_append(queue, value, 0, reserved.take()) {
            Ok(appended) => return appended,
            Err(AppendError::NeedsMemory { bytes }) => {
                let deadline = scene.at(1 << 30);
                reserved = Some(wait(scene.accumulator.reserve(bytes, deadline)).unwrap());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

type Log = HashMap<i32, Vec<(u32, u32)>>;

/// A driver without a broker: acknowledges what it takes, until everything is in.
fn take_until_closed(scene: &Scene) -> Log {
    let mut log = Log::new();
    let mut known: HashMap<u32, Arc<Queue<Why>>> = HashMap::new();
    let mut rung = Vec::new();
    let most_memory = AtomicUsize::new(0);
    while log.values().map(Vec::len).sum::<usize>() < (THREADS * RECORDS) as usize {
        wait(std::future::poll_fn(|context| {
            match scene.bell.sleep(context.waker()) {
                Sleep::Rung => std::task::Poll::Ready(()),
                Sleep::Asleep => std::task::Poll::Pending,
            }
        }));
        scene.bell.awake();
        scene.accumulator.take_rung(&mut rung);
        known.extend(rung.drain(..).map(|queue| (queue.key(), queue)));
        // Time passes at once: what lingers is due.
        for queue in known.values() {
            serve(&scene.accumulator, queue, scene.at(1), &mut log);
        }
        scene.wake_served();
        most_memory.fetch_max(scene.accumulator.memory_in_use(), Ordering::Relaxed);
    }
    assert!(most_memory.into_inner() <= MEMORY);
    log
}

fn serve(accumulator: &Accumulator<Why>, queue: &Queue<Why>, now: Instant, log: &mut Log) {
    while queue.poll_ready(now) == Readiness::Ready {
        let Ok(batch) = queue.take(now) else {
            continue;
        };
        assert!(accumulator.memory_in_use() <= MEMORY);
        let entries = log.entry(batch.partition()).or_default();
        let base_offset = entries.len() as i64;
        entries.extend(values(&batch).iter().map(|value| {
            let (thread, number) = value.split_at(4);
            let number_of = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
            (number_of(thread), number_of(number))
        }));
        let batch_outcome = BatchOutcome::Delivered {
            base_offset,
            log_append_time_ms: None,
        };
        batch.complete(batch_outcome).unwrap();
    }
}
