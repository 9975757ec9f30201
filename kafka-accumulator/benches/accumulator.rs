//! How long a record takes into its batch, and a batch from its queue to its end.
//!
//! `cargo bench -p kafka-accumulator`; a word behind `--` chooses those that have it in their name.
//! An append is measured with all that belongs to it: every batch that fills is taken and completed
//! by the thread that filled it.

#![allow(clippy::unwrap_used, reason = "what is measured here works")]

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion};
use kafka_accumulator::{
    Accumulator, Appended, Batch, BatchOutcome, Delivery, Doorbell, Filled, NewRecord, Queue,
    Settings,
};
use kafka_wire::records::RecordParts;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    appends(&mut criterion);
    batches(&mut criterion);
    completions(&mut criterion);
    criterion.final_summary();
}

struct Scene {
    accumulator: Accumulator<()>,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let settings = Settings::default()
            .batch_size(16_384)
            .linger(Duration::from_millis(5))
            .buffer_memory(64 << 20);
        Self {
            accumulator: Accumulator::new(settings, Arc::new(Doorbell::new()), || ()),
            now: Instant::now(),
        }
    }

    fn queue(&self) -> Arc<Queue<()>> {
        self.accumulator.queue(Arc::from("orders"), 0, 0)
    }

    fn append(&self, queue: &Arc<Queue<()>>, value: &[u8]) -> Appended<Delivery<()>> {
        let mut record = NewRecord::new(0, RecordParts::new(None, Some(value)));
        self.accumulator
            .append(queue, &mut record, None, || self.now)
            .unwrap()
    }

    /// Appends, and if that fills the batch, takes it and completes it.
    fn append_and_take(&self, queue: &Arc<Queue<()>>, value: &[u8]) {
        if self.append(queue, value).filled == Filled::Filled {
            while let Ok(batch) = queue.take(self.now) {
                complete(&batch);
            }
        }
    }

    fn fill(&self, queue: &Arc<Queue<()>>) -> Vec<Delivery<()>> {
        let mut deliveries = Vec::new();
        loop {
            let appended = self.append(queue, &[b'v'; 100]);
            deliveries.push(appended.delivery);
            if appended.filled == Filled::Filled {
                return deliveries;
            }
        }
    }

    fn full_batch(&self, queue: &Arc<Queue<()>>) -> Batch<()> {
        drop(self.fill(queue));
        queue.take(self.now).unwrap()
    }
}

fn complete(batch: &Batch<()>) {
    let batch_outcome = BatchOutcome::Delivered {
        base_offset: 0,
        log_append_time_ms: None,
    };
    batch.complete(batch_outcome).unwrap();
}

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    let scene = Scene::new();
    for bytes in [10, 100, 1024] {
        let (queue, value) = (scene.queue(), vec![b'v'; bytes]);
        group.bench_function(format!("{bytes} B"), |bencher| {
            bencher.iter(|| scene.append_and_take(&queue, black_box(&value)));
        });
    }
    for (threads, queues) in [(2, 1), (2, 2), (4, 1), (4, 4)] {
        let queues: Vec<_> = (0..queues).map(|_| scene.queue()).collect();
        let name = format!("100 B, {threads} threads, {} queues", queues.len());
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|records| together(&scene, &queues, threads, records));
        });
    }
    group.finish();
}

/// How long `threads` threads take that append `records` each.
fn together(scene: &Scene, queues: &[Arc<Queue<()>>], threads: usize, records: u64) -> Duration {
    let ready = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        for index in 0..threads {
            let (queue, ready) = (&queues[index % queues.len()], &ready);
            scope.spawn(move || {
                ready.wait();
                for _ in 0..records {
                    scene.append_and_take(queue, black_box(&[b'v'; 100]));
                }
            });
        }
        ready.wait();
        Instant::now()
    })
    .elapsed()
}

fn batches(criterion: &mut Criterion) {
    let scene = Scene::new();
    let queue = scene.queue();
    criterion.bench_function("seal and take a batch", |bencher| {
        bencher.iter_batched(
            || scene.append(&queue, b"v"),
            |_| {
                queue.flush();
                scene.accumulator.take_rung(&mut Vec::new());
                queue.poll_ready(scene.now);
                queue.take(scene.now)
            },
            BatchSize::PerIteration,
        );
    });
}

fn completions(criterion: &mut Criterion) {
    let scene = Scene::new();
    let queue = scene.queue();
    criterion.bench_function("complete a batch", |bencher| {
        bencher.iter_batched(
            || scene.full_batch(&queue),
            |batch| {
                complete(&batch);
                batch
            },
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("read the outcome of a record", |bencher| {
        let deliveries = scene.fill(&queue);
        let batch = queue.take(scene.now).unwrap();
        complete(&batch);
        bencher.iter(|| black_box(&deliveries[0]).try_outcome());
    });
}
