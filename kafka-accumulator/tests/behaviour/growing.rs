//! A batch takes the memory that its records need, not that of a full one.

use std::sync::Arc;

use kafka_accumulator::{AppendError, Filled, Queue};

use crate::scene::{Scene, Why, values};

const BATCH: usize = 16_384;
const FIRST: usize = 1_024;
/// With what surrounds it a record of 100 bytes.
const VALUE: &[u8] = &[7; 92];

fn in_use(scene: &Scene) -> usize {
    scene.accumulator.memory_in_use()
}

/// Appends until the batch is full; what was in use on the way.
fn fill(scene: &Scene, queue: &Arc<Queue<Why>>) -> Vec<usize> {
    let mut steps = Vec::new();
    loop {
        let filled = scene.append(queue, VALUE, 0).filled;
        steps.push(in_use(scene));
        steps.dedup();
        if filled == Filled::Filled {
            return steps;
        }
    }
}

#[test]
fn a_batch_grows_with_its_records_up_to_batch_size() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let queue = scene.queue(0);
    let steps = fill(&scene, &queue);
    assert_eq!(steps, [1_024, 2_048, 4_096, 8_192, 16_384]);
    let batches = queue.take_all();
    assert_eq!(batches.len(), 1);
    let values = values(&batches[0]);
    assert_eq!(values.len(), 160);
    assert!(values.iter().all(|value| value == VALUE));
    drop(batches);
    assert_eq!(in_use(&scene), 0);
}

#[test]
fn a_busy_queue_begins_its_batches_at_full_size() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let queue = scene.queue(0);
    fill(&scene, &queue);
    drop(queue.take_all());
    assert_eq!(fill(&scene, &queue), [BATCH]);
}

#[test]
fn a_quiet_queue_holds_little() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let queue = scene.queue(0);
    fill(&scene, &queue);
    for _ in 0..6 {
        drop(queue.take_all());
        scene.append(&queue, VALUE, 0);
    }
    assert_eq!(in_use(&scene), 512);
}

#[test]
fn memory_for_many_more_batches_than_full_ones() {
    let scene = Scene::new(BATCH, 1_000, 4 * BATCH);
    for partition in 0..64 {
        scene.append(&scene.queue(partition), VALUE, 0);
    }
    assert_eq!(in_use(&scene), 64 * FIRST);
}

#[test]
fn a_record_that_needs_more_than_twice_as_much_is_grown_for_at_once() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let large = [9; 5_000];
    scene.append(&queue, &large, 0);
    assert_eq!(in_use(&scene), 8_192);
    let batches = queue.take_all();
    assert_eq!(values(&batches[0]), [VALUE, &large]);
}

#[test]
fn without_memory_to_grow_the_batch_is_sealed() {
    let scene = Scene::new(BATCH, 1_000, 4 * BATCH);
    let queue = scene.queue(0);
    let elsewhere = 4 * BATCH - FIRST - 512;
    let elsewhere = scene.accumulator.reserve(elsewhere, scene.at(0));
    let mut appended = 0;
    let refused = loop {
        match scene.try_append(&queue, VALUE, 0, None) {
            Ok(_) => appended += 1,
            Err(refused) => break refused,
        }
    };
    let bytes = FIRST;
    assert_eq!(refused, AppendError::NeedsMemory { bytes });
    let batch = queue.take(scene.at(0)).expect("it is sealed");
    assert_eq!((appended, batch.count()), (9, 9));
    drop(batch);
    scene.append(&queue, VALUE, 0);
    drop(elsewhere);
    assert_eq!(in_use(&scene), FIRST);
}

#[test]
fn a_batch_grows_though_others_wait_for_the_backlog() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let (queue, other) = (scene.queue(0), scene.queue(1));
    scene.append(&queue, VALUE, 0);
    scene.append(&other, VALUE, 0);
    other.flush();
    scene
        .accumulator
        .limit_backlog(scene.accumulator.unassigned(), FIRST);
    let waiting = scene.accumulator.reserve(FIRST, scene.at(1_000));
    assert!(scene.accumulator.unassigned().is_throttling());
    let steps = fill(&scene, &queue);
    assert_eq!(steps.last(), Some(&(BATCH + FIRST)));
    assert_eq!(scene.accumulator.waiting(), 1, "it is the backlog's turn");
    drop(waiting);
}

#[test]
fn a_batch_does_not_grow_past_those_that_wait_for_memory() {
    let scene = Scene::new(BATCH, 1_000, 4 * BATCH);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    let waiting = scene.accumulator.reserve(4 * BATCH, scene.at(1_000));
    assert_eq!(scene.accumulator.waiting(), 1);
    let appended = (0..20).take_while(|_| scene.try_append(&queue, VALUE, 0, None).is_ok());
    assert_eq!(appended.count(), 8);
    assert_eq!(in_use(&scene), FIRST);
    drop(queue.take_all());
    assert_eq!(scene.accumulator.waiting(), 0, "it is their turn");
    drop(waiting);
}

#[test]
fn a_reservation_is_enough_though_the_queue_has_become_busy_meanwhile() {
    let scene = Scene::new(BATCH, 1_000, 1 << 20);
    let queue = scene.queue(0);
    fill(&scene, &queue);
    drop(queue.take_all());
    let reserved = queue
        .reserve_despite_backlog(FIRST)
        .expect("there is memory");
    scene
        .try_append(&queue, VALUE, 0, Some(reserved))
        .expect("it is enough for the record");
    assert_eq!(in_use(&scene), FIRST);
}

#[test]
fn large_records_use_their_buffers_again() {
    let scene = Scene::new(BATCH, 0, 1 << 22);
    let queue = scene.queue(0);
    let mut addresses = Vec::new();
    for bytes in [1_000_000, 999_990, 1_000_100] {
        scene.append(&queue, &vec![1; bytes], 0);
        let batch = queue.take(scene.at(0)).expect("it is full");
        addresses.push(batch.records().as_ptr() as usize);
    }
    addresses.dedup();
    assert_eq!(addresses.len(), 1);
}
