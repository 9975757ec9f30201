//! In the steady state a send allocates nothing, awaited or not; a batch costs a few allocations.
//!
//! Counted on the sending thread, against the embedded cluster. Which records begin a batch is not
//! known from outside, so each record is measured by itself: no more of them may allocate than
//! begin or end a batch, and all together no more than a few times per batch.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_producer::{Delivery, Producer, ProducerRecord, blocking};
use kafka_wire::ApiKey;

const TOPIC: &str = "orders";
const RECORDS: usize = 20_000;
/// Of a batch: its completion, its buffer if none is idle, room in a queue, a waker.
const PER_BATCH: u64 = 4;

struct Scene {
    kafka: MockCluster,
    producer: Producer<[u8], [u8]>,
    batches_before: usize,
}

impl Scene {
    /// Everything that grows to its size once has done so.
    fn warm() -> Self {
        let kafka = MockCluster::builder()
            .topic(TOPIC, 1)
            .start_blocking()
            .unwrap();
        let builder = Producer::<[u8], [u8]>::builder();
        let builder = builder.bootstrap_servers([kafka.bootstrap_servers()]);
        let builder = builder.linger(Duration::from_millis(50));
        let producer = builder.build().unwrap();
        pollster::block_on(producer.warm_up([TOPIC])).unwrap();
        for _ in 0..RECORDS {
            drop(producer.try_send(record()).unwrap());
        }
        pollster::block_on(producer.flush()).unwrap();
        let mut scene = Self {
            kafka,
            producer,
            batches_before: 0,
        };
        scene.batches_before = scene.batches();
        scene
    }

    /// How many there were since the scene is warm: one a request, because there is one partition.
    fn batches(&self) -> usize {
        let requests = self.kafka.requests().into_iter();
        let batches = requests.filter(|seen| seen.api == ApiKey::PRODUCE).count();
        batches - self.batches_before
    }

    fn check(&self, how: &str, allocating: usize, allocations: u64) {
        pollster::block_on(self.producer.flush()).unwrap();
        let batches = self.batches();
        assert!(
            batches < RECORDS / 20,
            "{how}: {batches} batches: the records do not share any"
        );
        // A batch is begun by one record and sealed by another; no other record may allocate.
        assert!(
            allocating <= 2 * batches,
            "{how}: {allocating} records allocate, of {batches} batches"
        );
        let allowed = PER_BATCH * batches as u64;
        assert!(
            allocations <= allowed,
            "{how}: {allocations} allocations for {batches} batches"
        );
    }
}

fn record() -> ProducerRecord<'static, [u8], [u8]> {
    ProducerRecord::new(TOPIC, &[b'v'; 100][..]).key(&b"customer-7"[..])
}

/// How many calls allocate, and how often in all.
fn count(mut call: impl FnMut()) -> (usize, u64) {
    let (mut allocating, mut allocations) = (0, 0);
    for _ in 0..RECORDS {
        let counted = allocation_counter::measure(&mut call).count_total;
        allocating += usize::from(counted > 0);
        allocations += counted;
    }
    (allocating, allocations)
}

#[test]
fn a_try_send_whose_delivery_is_dropped_allocates_nothing_per_record() {
    let scene = Scene::warm();
    let (allocating, allocations) = count(|| drop(scene.producer.try_send(record()).unwrap()));
    scene.check("try_send", allocating, allocations);
}

#[test]
fn a_forgotten_send_allocates_nothing_per_record() {
    let scene = Scene::warm();
    let producer = blocking::Producer::from(scene.producer.clone());
    let (allocating, allocations) = count(|| producer.send_and_forget(record()).unwrap());
    scene.check("send_and_forget", allocating, allocations);
}

#[test]
fn a_send_whose_delivery_is_dropped_allocates_nothing_per_record() {
    let scene = Scene::warm();
    let (mut allocating, mut allocations) = (0, 0);
    pollster::block_on(async {
        for _ in 0..RECORDS {
            let counted = allocation_counter::measure(|| {
                let send = std::pin::pin!(scene.producer.send(record()));
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                // Ready at once, or it would have had to wait for memory.
                assert!(send.poll(&mut context).is_ready());
            });
            allocating += usize::from(counted.count_total > 0);
            allocations += counted.count_total;
        }
    });
    scene.check("send", allocating, allocations);
}

#[test]
fn awaiting_deliveries_allocates_nothing_per_record() {
    let scene = Scene::warm();
    let mut deliveries: Vec<Delivery> = Vec::with_capacity(RECORDS);
    let (_, sending) = count(|| deliveries.push(scene.producer.try_send(record()).unwrap()));
    let mut acknowledged = 0;
    let awaiting = allocation_counter::measure(|| {
        pollster::block_on(async {
            for delivery in deliveries.drain(..) {
                acknowledged += usize::from(delivery.await.is_ok());
            }
        });
    });
    assert_eq!(acknowledged, RECORDS);
    // One of them is `block_on`'s own.
    let allocations = (sending + awaiting.count_total).saturating_sub(1);
    scene.check("try_send and await", 0, allocations);
}
