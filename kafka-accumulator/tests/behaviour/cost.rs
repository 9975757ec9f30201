//! A batch pays for all that it takes: its buffer, what is beside it, and callbacks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kafka_accumulator::{
    AppendError, Appended, BatchOutcome, Callback, Delivery, Filled, NewRecord, Queue, Settings,
};
use kafka_wire::records::RecordParts;

use crate::scene::{Scene, Why};

const BATCH: usize = 16_384;
const FIRST: usize = 1_024;
const OVERHEAD: usize = 700;
const VALUE: &[u8] = b"0123456789";
/// Of a callback that has captured one reference: two places in a list, and an allocation.
const PRICE: usize = 48 + 32;

fn scene(buffer_memory: usize) -> Scene {
    Scene::of(
        Settings::default()
            .batch_size(BATCH)
            .linger(Duration::from_secs(1))
            .buffer_memory(buffer_memory)
            .batch_overhead(OVERHEAD),
    )
}

fn in_use(scene: &Scene) -> usize {
    scene.accumulator.memory_in_use()
}

/// Appends a record that is counted when it ends.
fn append_counted(
    scene: &Scene,
    queue: &Arc<Queue<Why>>,
    ended: &Arc<AtomicUsize>,
) -> Result<Appended<Delivery<Why>>, AppendError> {
    let ended = Arc::clone(ended);
    let callback: Callback<Why> = Box::new(move |_, _| {
        ended.fetch_add(1, Ordering::Relaxed);
    });
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(VALUE)));
    record.callback = Some(callback);
    scene
        .accumulator
        .append(queue, &mut record, None, || scene.at(0))
}

#[test]
fn what_a_batch_takes_beside_its_buffer_is_reserved_with_it() {
    let scene = scene(2 * (FIRST + OVERHEAD));
    let queues = [0, 1, 2].map(|partition| scene.queue(partition));
    for (queue, batches) in queues.iter().zip(1..=2) {
        scene.append(queue, VALUE, 0);
        assert_eq!(in_use(&scene), batches * (FIRST + OVERHEAD));
    }
    let bytes = FIRST + OVERHEAD;
    let third = scene.try_append(&queues[2], VALUE, 0, None).map(drop);
    assert_eq!(third, Err(AppendError::NeedsMemory { bytes }));
    queues[0].flush();
    drop(queues[0].take(scene.at(0)).unwrap());
    assert_eq!(in_use(&scene), bytes);
    scene.append(&queues[2], VALUE, 0);
}

#[test]
fn it_is_reserved_once_however_a_batch_grows() {
    let scene = scene(1 << 20);
    let queue = scene.queue(0);
    while scene.append(&queue, VALUE, 0).filled == Filled::Room {}
    assert_eq!(in_use(&scene), BATCH + OVERHEAD);
    assert_eq!(
        queue.take(scene.at(0)).unwrap().memory_held(),
        BATCH + OVERHEAD
    );
    assert_eq!(in_use(&scene), 0);
}

#[test]
fn a_record_that_leaves_no_room_for_it_is_refused_with_all_that_it_takes() {
    let scene = scene(2_000);
    let queue = scene.queue(0);
    let refused = scene.try_append(&queue, &[0; 1_300], 0, None).map(drop);
    let Err(AppendError::TooLarge { bytes, limit }) = refused else {
        panic!("{refused:?}")
    };
    assert!((2_001..2_100).contains(&bytes), "{bytes}");
    assert_eq!(limit, 2_000);
    scene.append(&queue, &[0; 1_200], 0);
    assert_eq!(in_use(&scene), 2_000, "the buffer makes do with the rest");
}

#[test]
fn callbacks_are_paid_for_and_paid_back() {
    let scene = scene(1 << 20);
    let queue = scene.queue(0);
    let ended = Arc::new(AtomicUsize::new(0));
    scene.append(&queue, VALUE, 0);
    assert_eq!(in_use(&scene), FIRST + OVERHEAD, "none so far");
    let mut callbacks = 0;
    while append_counted(&scene, &queue, &ended).unwrap().filled == Filled::Room {
        assert!(
            in_use(&scene) >= FIRST + OVERHEAD + callbacks * PRICE,
            "but for the last one"
        );
        callbacks += 1;
    }
    callbacks += 1;
    let held = in_use(&scene);
    let least = BATCH + OVERHEAD + (callbacks - 1) * PRICE;
    assert!(held >= least && held < least + callbacks * PRICE, "{held}");
    let batch = queue.take(scene.at(0)).unwrap();
    batch.complete(BatchOutcome::Failed(Why::Expired)).unwrap();
    assert_eq!(ended.load(Ordering::Relaxed), callbacks);
    drop(batch);
    assert_eq!(in_use(&scene), 0);
}

#[test]
fn a_batch_begins_with_what_the_callbacks_of_the_one_before_it_took() {
    let scene = scene(1 << 20);
    let queue = scene.queue(0);
    let ended = Arc::default();
    let fill = || while append_counted(&scene, &queue, &ended).unwrap().filled == Filled::Room {};
    fill();
    drop(queue.take_all());
    append_counted(&scene, &queue, &ended).unwrap();
    let begun = in_use(&scene);
    fill();
    assert_eq!(in_use(&scene), begun, "it did not grow again");
    for _ in 0..20 {
        drop(queue.take_all());
        scene.append(&queue, VALUE, 0);
    }
    assert!(in_use(&scene) <= 512 + OVERHEAD, "it is forgotten again");
}

#[test]
fn a_batch_that_has_no_memory_for_callbacks_leaves() {
    let scene = scene(FIRST + OVERHEAD + 6 * PRICE);
    let queue = scene.queue(0);
    let ended = Arc::new(AtomicUsize::new(0));
    let mut inside = 0;
    let refused = loop {
        match append_counted(&scene, &queue, &ended) {
            Ok(_) => inside += 1,
            Err(refused) => break refused,
        }
        assert!(in_use(&scene) <= scene.accumulator.memory_total());
    };
    assert!(matches!(refused, AppendError::NeedsMemory { .. }));
    assert!((4..=6).contains(&inside), "{inside}");
    let batch = queue.take(scene.at(0)).expect("it is sealed");
    assert_eq!(batch.count(), inside);
    batch.complete(BatchOutcome::Failed(Why::Expired)).unwrap();
    drop(batch);
    assert_eq!(ended.load(Ordering::Relaxed), inside as usize);
    append_counted(&scene, &queue, &ended).unwrap();
}
