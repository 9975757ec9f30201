//! When a partition has had its share of the records without a key, and another is chosen: what Apache
//! Kafka's RecordAccumulator suite proves of it.

use kafka_accumulator::Filled;

use crate::scene::{Scene, batch_bytes};

#[test]
fn a31_a_high_linger_leaves_no_fractional_batches() {
    let value = [0; 100];
    // 3.5 records would fit.
    let batch_size = batch_bytes(3, &value) + 50;
    let scene = Scene::new(batch_size, u64::MAX, 1 << 20);
    let queue = scene.queue(0);
    for round in 0..20 {
        let filled = [0, 1, 2].map(|_| scene.append(&queue, &value, round).filled);
        assert_eq!(
            filled,
            [Filled::Room, Filled::Room, Filled::Filled],
            "round {round}"
        );
    }
    let batches = queue.take_all();
    assert_eq!(batches.len(), 20);
    assert!(batches.iter().all(|batch| batch.count() == 3));
}

#[test]
fn a29_batches_that_leave_early_take_their_partition_s_share_all_the_same() {
    let value = [0; 100];
    // Four records of the kind; but two at a time are all that comes before the linger is over.
    let scene = Scene::new(batch_bytes(4, &value), 10, 1 << 20);
    let queue = scene.queue(0);
    let mut ends = Vec::new();
    for round in 1..=5 {
        let time = round * 20;
        for _ in 0..2 {
            ends.push(queue.end_share());
            assert_eq!(scene.append(&queue, &value, time).filled, Filled::Room);
        }
        assert_eq!(queue.take(scene.at(time + 10)).unwrap().count(), 2);
    }
    let (stay, leave) = (Filled::Room, Filled::Filled);
    assert_eq!(
        ends,
        [stay, stay, stay, stay, leave, stay, stay, stay, leave, stay],
        "between two batches, never within one"
    );
}

#[test]
fn a31_a_share_that_nobody_ended_between_batches_ends_within_one_at_twice_a_full_batch() {
    let value = [0; 100];
    let scene = Scene::new(batch_bytes(4, &value), 10, 1 << 20);
    let queue = scene.queue(0);
    let mut filled = Vec::new();
    for round in 1..=4 {
        let time = round * 20;
        filled.extend([0, 1].map(|_| scene.append(&queue, &value, time).filled));
        assert_eq!(queue.take(scene.at(time + 10)).unwrap().count(), 2);
    }
    let (stay, leave) = (Filled::Room, Filled::Filled);
    assert_eq!(filled, [stay, stay, stay, stay, stay, stay, stay, leave]);
}

#[test]
fn a31_a_full_batch_begins_a_new_share() {
    let value = [0; 100];
    let scene = Scene::new(batch_bytes(4, &value), 10, 1 << 20);
    let queue = scene.queue(0);
    for count in [3, 4] {
        for _ in 0..count {
            scene.append(&queue, &value, 0);
        }
        assert_eq!(queue.take(scene.at(10)).unwrap().count(), count);
    }
    assert_eq!(queue.end_share(), Filled::Room);
}

#[test]
fn a31_an_append_that_finds_the_batch_full_says_so() {
    let scene = Scene::new(batch_bytes(4, &[0; 20]), 1_000, 1 << 20);
    let queue = scene.queue(0);
    assert_eq!(scene.append(&queue, &[0; 20], 0).filled, Filled::Room);
    assert_eq!(scene.append(&queue, &[0; 90], 0).filled, Filled::Filled);
    assert_eq!(queue.batches(), 2);
}
