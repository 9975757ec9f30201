//! All that a producer has in memory is within `buffer.memory`, but for a constant and what there is of
//! every partition that it writes to, whatever its records and batches are like. Of the others there
//! are a few bytes.
//!
//! Counted on the heap, allocation by allocation, with engine and accumulator on the test's own thread
//! (`rig`): as many records as there is memory for, over and over, batches on their way as the driver
//! holds them, answers for a part of them. Time is told, so that every run counts the same.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

#[allow(
    dead_code,
    unused_imports,
    reason = "each of those who share it needs a part"
)]
mod rig;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use kafka_accumulator::{Callback, Delivery, Filled};
use kafka_producer::error::DeliveryError;
use kafka_producer::serialize::{self, SerializeError, Serializer};
use kafka_producer::{Producer, ProducerRecord, TrySendError};

use rig::{Answers, Rig, Sink, TOPIC, order_of};

/// A producer that has more to send than it has memory for.
#[derive(Clone, Copy, Debug)]
struct Shape {
    partitions: usize,
    value_bytes: usize,
    buffer_memory: usize,
    batch_size: usize,
    idempotence: bool,
    callbacks: bool,
}

const SHAPES: [Shape; 6] = {
    const MANY: Shape = Shape {
        partitions: 10_000,
        value_bytes: 100,
        buffer_memory: 32 << 20,
        batch_size: 16_384,
        idempotence: false,
        callbacks: false,
    };
    const TINY: Shape = Shape {
        partitions: 12,
        value_bytes: 10,
        buffer_memory: 8 << 20,
        idempotence: true,
        callbacks: true,
        ..MANY
    };
    [
        MANY,
        Shape {
            buffer_memory: 1_000_000,
            ..MANY
        },
        Shape {
            value_bytes: 10,
            callbacks: true,
            idempotence: true,
            ..MANY
        },
        TINY,
        Shape {
            batch_size: 100,
            ..TINY
        },
        Shape {
            value_bytes: 900_000,
            ..TINY
        },
    ]
};

/// What there is of a producer without partitions and records, and of the answer that it reads.
const CONSTANT_BYTES: usize = 1 << 20;
/// Of each partition that is written to: its queue, its lane, their places in lists, timers.
const PARTITION_BYTES: usize = 700;
/// What an allocation takes more than was asked for.
const ALLOCATION_BYTES: usize = 16;
/// By default.
const BATCH_BYTES: usize = 16_384;

/// A producer under load, and the outcomes that its callbacks were told.
struct Scene {
    shape: Shape,
    rig: Rig,
    value: Vec<u8>,
    ended: Arc<AtomicUsize>,
    with_callbacks: usize,
}

impl Scene {
    fn new(shape: Shape) -> Self {
        let (memory, batch) = (
            shape.buffer_memory.to_string(),
            shape.batch_size.to_string(),
        );
        let properties = [
            ("buffer.memory", &*memory),
            ("batch.size", &*batch),
            ("acks", "all"),
            (
                "enable.idempotence",
                ["false", "true"][usize::from(shape.idempotence)],
            ),
        ];
        Self {
            rig: Rig::new(shape.partitions as i32, &properties),
            value: vec![b'v'; shape.value_bytes],
            ended: Arc::default(),
            with_callbacks: 0,
            shape,
        }
    }

    /// A record for each partition in turn, until there is no memory for the next.
    fn fill(&mut self) {
        for partition in (0..self.shape.partitions).cycle() {
            let callback = self.shape.callbacks.then(|| self.callback());
            self.with_callbacks += usize::from(callback.is_some());
            if !self.rig.try_append(partition, None, &self.value, callback) {
                self.with_callbacks -= usize::from(self.shape.callbacks);
                return;
            }
        }
    }

    fn callback(&self) -> Callback<DeliveryError> {
        let ended = Arc::clone(&self.ended);
        let captured = [1_u64; 6];
        Box::new(move |_, outcome| {
            assert!(outcome.is_ok());
            ended.fetch_add(captured[0] as usize, Ordering::Relaxed);
        })
    }

    fn tick(&mut self) {
        self.rig.now += Duration::from_millis(5);
        self.rig.tick();
    }

    /// Memory is full again and again, with everything on its way that may be.
    fn run(&mut self) {
        for _ in 0..4 {
            self.fill();
            self.tick();
            self.fill();
            // What a connection writes is framed, and all of it refers to its batches.
            let first = self.rig.unanswered.front();
            let frame = first.map(|(_, outgoing)| order_of(outgoing).frame());
            self.rig.answer();
            self.fill();
            drop(frame);
            self.tick();
            for _ in 0..self.rig.unanswered.len() {
                self.rig.answer();
                self.fill();
            }
        }
        while self.rig.accumulator.memory_in_use() > 0 {
            self.tick();
            while self.rig.answer().is_some() {}
        }
    }
}

#[test]
fn all_that_is_in_memory_is_within_buffer_memory_and_a_constant() {
    for shape in SHAPES {
        let mut told = 0;
        let counted = allocation_counter::measure(|| {
            let mut scene = Scene::new(shape);
            scene.run();
            assert_eq!(scene.ended.load(Ordering::Relaxed), scene.with_callbacks);
            told = scene.with_callbacks;
        });
        let most = counted.bytes_max as usize + ALLOCATION_BYTES * counted.count_max as usize;
        let beyond = most.saturating_sub(shape.buffer_memory);
        let allowed = CONSTANT_BYTES + shape.partitions * PARTITION_BYTES;
        assert!(beyond <= allowed, "{beyond} bytes are beyond: {shape:?}");
        // Else nothing was tested.
        assert!(most > shape.buffer_memory / 2, "{most}: {shape:?}");
        assert_eq!(told > 0, shape.callbacks);
    }
}

/// Of a partition that nobody writes to: its leader, a place for its queue, and that it can be
/// written to.
const UNUSED_PARTITION_BYTES: usize = 32;
/// While an answer is read, beside the answer: what is told of each partition.
const TOLD_PARTITION_BYTES: usize = 16;

#[test]
fn a_topic_with_a_million_partitions_takes_a_few_bytes_for_each_that_nobody_writes_to() {
    const PARTITIONS: usize = 1_000_000;
    const CONSTANT_BYTES: usize = 1 << 16;
    let mut rig = Rig::new(1, &[]);
    // Connected, so that the question is all that follows.
    rig.deliver_to(TOPIC, b"tea");
    let (node, answer) = rig.answer_about("wide", PARTITIONS as i32);
    let begun = Instant::now();
    let counted = allocation_counter::measure(|| rig.receive(node, answer.clone()));
    let took = begun.elapsed();
    let (kept, most) = (counted.bytes_current as usize, counted.bytes_max as usize);
    eprintln!(
        "an answer of {} bytes takes {most} more, keeps {kept}, in {took:?}",
        answer.len()
    );
    assert!(rig.knows("wide"));
    let allowed = PARTITIONS * UNUSED_PARTITION_BYTES + CONSTANT_BYTES;
    assert!(kept <= allowed, "{kept} bytes");
    let allowed = allowed + PARTITIONS * TOLD_PARTITION_BYTES;
    assert!(most <= allowed, "{most} bytes");
    let used = allocation_counter::measure(|| rig.deliver_to("wide", b"tea"));
    let kept = used.bytes_current.max(0) as usize;
    assert!(kept <= CONSTANT_BYTES, "{kept} bytes for one");
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

/// Nearly as many records without a value as there is memory for, and how many batches they are in.
fn small_records(rig: &Rig) -> (Vec<Delivery<DeliveryError>>, usize) {
    let (mut deliveries, mut batches) = (Vec::new(), 1);
    let total = rig.accumulator.memory_total();
    while rig.accumulator.memory_in_use() + 2 * BATCH_BYTES < total {
        let appended = rig.append(0, None, b"");
        deliveries.push(appended.delivery);
        batches += usize::from(appended.filled == Filled::Filled);
    }
    (deliveries, batches)
}

/// What polling these takes at most, with all that is allocated for it on the way.
fn polling(deliveries: &mut [Delivery<DeliveryError>], tasks: &[Waker]) -> usize {
    let counted = allocation_counter::measure(|| {
        // The last one first, which is to make no difference.
        for (delivery, task) in deliveries.iter_mut().rev().zip(tasks.iter().cycle()) {
            let polled = Pin::new(delivery).poll(&mut Context::from_waker(task));
            assert!(polled.is_pending());
        }
    });
    counted.bytes_max as usize + ALLOCATION_BYTES * counted.count_max as usize
}

#[test]
fn records_that_one_task_awaits_take_nothing_each() {
    let memory = (8 << 20).to_string();
    let rig = Rig::new(1, &[("buffer.memory", &memory)]);
    let (mut deliveries, batches) = small_records(&rig);
    assert!(deliveries.len() > 500_000, "{}", deliveries.len());
    let task = Waker::from(Arc::new(Task));
    let taken = polling(&mut deliveries, &[task]);
    assert!(
        taken <= batches * 128,
        "{taken} bytes for {batches} batches"
    );
}

#[test]
fn records_that_are_awaited_by_tasks_of_their_own_take_less_than_a_task_each() {
    let memory = (1 << 20).to_string();
    let rig = Rig::new(1, &[("buffer.memory", &memory)]);
    let (mut deliveries, batches) = small_records(&rig);
    let tasks: Vec<_> = deliveries
        .iter()
        .map(|_| Waker::from(Arc::new(Task)))
        .collect();
    let taken = polling(&mut deliveries, &tasks);
    // A place in a list that doubles, half of which is copied to the other half for a moment.
    let allowed = tasks.len() * 72 + batches * 128;
    assert!(taken <= allowed, "{taken} bytes for {} tasks", tasks.len());
}

/// Writes as many bytes as it is told, as one writes that does not know how many there will be.
struct Writer;

impl Serializer<usize> for Writer {
    fn serialize<'a>(
        &self,
        _: &mut serialize::Context<'_>,
        bytes: &'a usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        scratch.resize(*bytes, b'v');
        match *bytes {
            REFUSED => Err(SerializeError::new(
                "a value",
                "it is refused when it is written",
            )),
            // As one compresses, which takes more room than it comes to use.
            SHRINKING => Ok(Some(&scratch[..10])),
            _ => Ok(Some(scratch)),
        }
    }
}

const REFUSED: usize = 20 << 20;
const TOO_LARGE: usize = 25 << 20;
const SHRINKING: usize = 30 << 20;

fn producer_for<V: ?Sized + 'static>(
    servers: String,
    serializer: impl Serializer<V> + 'static,
) -> Producer<[u8], V> {
    let builder = Producer::builder_with(serialize::Raw, serializer);
    builder.bootstrap_servers([servers]).build().unwrap()
}

#[test]
fn a_thread_keeps_no_more_scratch_than_a_usual_record_takes() {
    let sink = Sink::start(1, Answers::Prompt);
    let producer = producer_for(sink.bootstrap_servers(), Writer);
    pollster::block_on(producer.warm_up([TOPIC])).unwrap();
    let send = |bytes: usize| {
        let sent = producer.try_send(ProducerRecord::new(TOPIC, &bytes));
        sent.map(drop).map_err(drop)
    };
    send(10).unwrap();
    for (bytes, is_sent) in [(REFUSED, false), (TOO_LARGE, false), (SHRINKING, true)] {
        let counted = allocation_counter::measure(|| assert_eq!(send(bytes).is_ok(), is_sent));
        assert!(counted.bytes_max > bytes as u64, "else nothing is tested");
        let kept = counted.bytes_current;
        assert!(kept < 1 << 16, "{kept} bytes after a record of {bytes}");
    }
    let usual = allocation_counter::measure(|| send(500_000).unwrap());
    let again = allocation_counter::measure(|| send(500_000).unwrap());
    assert!(usual.bytes_total > 500_000);
    assert!(
        again.bytes_total < 2 * 500_000,
        "only its batch: the scratch is there"
    );
}

#[test]
fn a_record_beyond_the_format_is_refused_with_its_size_before_it_is_copied() {
    static MEGABYTE: [u8; 1 << 20] = [0; 1 << 20];
    const HEADERS: usize = 3_000;
    let producer = producer_for("127.0.0.1:1".to_owned(), serialize::Raw);
    let record = (0..HEADERS).fold(
        ProducerRecord::new("nobody-knows-it", &MEGABYTE[..]),
        |record, _| record.header("h", &MEGABYTE[..]),
    );
    let mut refused = None;
    let counted = allocation_counter::measure(|| refused = producer.try_send(record).err());
    let Some(TrySendError::Refused(error)) = refused else {
        panic!("it was not refused")
    };
    // What lies around key and value: 61 bytes of batch, 21 at most of the record, and its lengths.
    let bytes = 61 + 21 + 1 + 4 + MEGABYTE.len() + 2 + HEADERS * (2 + 4 + MEGABYTE.len());
    let told = format!(
        "the record takes {bytes} bytes in a batch of its own, more than max.request.size=1048576"
    );
    assert_eq!(error.to_string(), told);
    assert!(
        counted.bytes_total < 1 << 16,
        "{} bytes",
        counted.bytes_total
    );
}

/// What a topic with one partition takes while it is known: at least so much, or nothing is tested.
const TOPIC_BYTES_MIN: usize = 2_500;
/// What may stay of each for the next one that is known, in rows that have become longer.
const PLACE_BYTES: usize = 100;

fn topics(round: usize) -> impl Iterator<Item = String> {
    (0..1_000).map(move |number| format!("topic-{round}-{number}"))
}

#[test]
fn what_is_kept_of_topics_is_freed_when_nobody_writes_to_them_for_metadata_max_idle_ms() {
    let idle = Duration::from_secs(300);
    let mut rig = Rig::new(1, &[("linger.ms", "0")]);
    let mut kept = Vec::new();
    for round in 0..4 {
        let used = allocation_counter::measure(|| {
            for topic in topics(round) {
                rig.know(&topic);
                rig.deliver_to(&topic, b"tea");
            }
        });
        let freed = allocation_counter::measure(|| {
            rig.now += idle + Duration::from_secs(1);
            rig.tick();
            assert!(topics(round).all(|topic| !rig.knows(&topic)));
            // What nobody keeps any more is let go of with the next answer.
            rig.know(&format!("another-{round}"));
        });
        assert!(
            used.bytes_current as usize > 1_000 * TOPIC_BYTES_MIN,
            "{used:?}"
        );
        kept.push(used.bytes_current + freed.bytes_current);
    }
    assert!(kept[0] < 1_000 * PLACE_BYTES as i64, "{kept:?}");
    // The places are used again.
    assert!(
        kept[2] + kept[3] < 1_000 * PLACE_BYTES as i64 / 5,
        "{kept:?}"
    );
}

#[test]
fn a_new_topic_costs_the_same_however_many_are_known() {
    let mut rig = Rig::new(1, &[("linger.ms", "0")]);
    let mut hundred = |from: usize| {
        allocation_counter::measure(|| {
            for number in from..from + 100 {
                let topic = format!("topic-{number:05}");
                rig.know(&topic);
                rig.deliver_to(&topic, b"tea");
            }
        })
        .bytes_total
    };
    let first = hundred(0) + hundred(100);
    for from in (200..9_800).step_by(100) {
        hundred(from);
    }
    let last = hundred(9_800) + hundred(9_900);
    assert!(last < first * 2, "{last} bytes after {first}");
}
