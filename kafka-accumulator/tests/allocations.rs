//! In the steady state an append allocates nothing, and a batch three times at most.

#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{sync::Arc, time::Duration, time::Instant};

use kafka_accumulator::{
    Accumulator, Appended, BatchOutcome, Delivery, Doorbell, Filled, NewRecord, Queue, Settings,
};
use kafka_wire::{compression::Compression, records::RecordParts};

const BATCH_SIZE: usize = 16_384;
const VALUE: &[u8] = &[b'x'; 100];

struct Scene {
    accumulator: Accumulator<()>,
    queue: Arc<Queue<()>>,
    now: Instant,
    rung: Vec<Arc<Queue<()>>>,
}

impl Scene {
    /// Everything that grows to its size once has done so.
    fn warm() -> Self {
        let settings = Settings::default()
            .batch_size(BATCH_SIZE)
            .linger(Duration::from_millis(5))
            .buffer_memory(64 * BATCH_SIZE);
        let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || ());
        let mut scene = Self {
            queue: accumulator.queue(Arc::from("orders"), 0, 0),
            accumulator,
            now: Instant::now(),
            rung: Vec::with_capacity(4),
        };
        for batches in [8, 8, 1] {
            for _ in 0..batches {
                while drop_delivery(scene.append()) == Filled::Room {}
            }
            scene.take_all();
        }
        scene
    }

    fn append(&self) -> Appended<Delivery<()>> {
        let mut record = NewRecord::new(0, RecordParts::new(Some(b"key"), Some(VALUE)));
        let now = || self.now;
        self.accumulator
            .append(&self.queue, &mut record, None, now)
            .unwrap()
    }

    fn take_all(&mut self) -> u64 {
        self.rung.clear();
        self.accumulator.take_rung(&mut self.rung);
        self.queue.poll_ready(self.now);
        let mut batches = 0;
        while let Ok(batch) = self.queue.take(self.now) {
            drop(batch.records());
            let batch_outcome = BatchOutcome::Delivered {
                base_offset: 0,
                log_append_time_ms: None,
            };
            batch.complete(batch_outcome).unwrap();
            batches += 1;
        }
        batches
    }
}

fn drop_delivery(appended: Appended<Delivery<()>>) -> Filled {
    appended.filled
}

#[test]
fn an_append_to_an_open_batch_allocates_nothing() {
    let scene = Scene::warm();
    assert_eq!(scene.append().filled, Filled::Room);
    let mut kept: Vec<Delivery<()>> = Vec::with_capacity(100);
    let measured = allocation_counter::measure(|| {
        for _ in 0..50 {
            drop_delivery(scene.append());
            kept.push(scene.append().delivery);
        }
    });
    assert_eq!(measured.count_total, 0);
    assert_eq!(kept.len(), 50);
    let dropped = allocation_counter::measure(|| kept.clear());
    assert_eq!(dropped.count_total, 0);
}

#[test]
fn a_batch_allocates_three_times_at_most_from_its_first_record_to_its_end() {
    let mut scene = Scene::warm();
    let (mut batches, mut records) = (0, 0_u64);
    let measured = allocation_counter::measure(|| {
        for _ in 0..20 {
            while drop_delivery(scene.append()) == Filled::Room {
                records += 1;
            }
            batches += scene.take_all();
        }
    });
    assert_eq!(batches, 20);
    assert!(records > 20 * 100);
    assert!(measured.count_total <= 3 * batches, "{measured:?}");
    assert_eq!(measured.bytes_current, 0, "{measured:?}");
}

#[test]
fn the_buffers_of_batches_are_not_allocated_again() {
    let mut scene = Scene::warm();
    let measured = allocation_counter::measure(|| {
        for _ in 0..20 {
            while drop_delivery(scene.append()) == Filled::Room {}
            scene.take_all();
        }
    });
    assert!(measured.bytes_total < 20 * 1_024, "{measured:?}");
}

#[test]
fn a_completed_delivery_is_read_without_allocating() {
    let mut scene = Scene::warm();
    let delivery = scene.append().delivery;
    scene.queue.flush();
    scene.take_all();
    let measured = allocation_counter::measure(|| {
        assert!(delivery.try_outcome().is_some());
    });
    assert_eq!(measured.count_total, 0);
}

#[test]
fn idle_buffers_and_those_in_use_are_together_within_the_memory() {
    const MEMORY: usize = 4 * BATCH_SIZE;
    const COMPRESSED: usize = BATCH_SIZE / 2;
    let settings = Settings::default()
        .batch_size(BATCH_SIZE)
        .linger(Duration::ZERO)
        .buffer_memory(MEMORY);
    let now = Instant::now();
    let large = vec![0; MEMORY - 1_000];
    let measured = allocation_counter::measure(|| {
        let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || ());
        let queue = accumulator.queue(Arc::from("orders"), 0, 0);
        let append = |value: &[u8]| {
            let mut record = NewRecord::new(0, RecordParts::new(None, Some(value)));
            accumulator
                .append(&queue, &mut record, None, || now)
                .unwrap();
        };
        for _ in 0..4 {
            append(VALUE);
            queue.flush();
        }
        // Four buffers lie idle when a record needs nearly all the memory.
        drop(queue.take_all());
        append(&large);
        drop(queue.take_all());
        // Compressed bytes take no memory of their own.
        for _ in 0..4 {
            append(VALUE);
            queue.flush();
        }
        let batches = queue.take_all();
        for batch in &batches {
            batch
                .replace_records(&[0; COMPRESSED], Compression::Lz4)
                .unwrap();
        }
    });
    let limit = MEMORY + 8_192;
    assert!(measured.bytes_max < limit as u64, "{measured:?}");
    assert_eq!(measured.bytes_current, 0, "{measured:?}");
}
