//! The bell rings per batch, never per record, and only when that can change something.

use std::sync::Arc;

use kafka_accumulator::{Doorbell, Filled, Readiness, Sleep};

use crate::scene::{Scene, Wakes, batch_bytes};

const VALUE: &[u8] = b"0123456789";
const SILENCE: [u32; 0] = [];

#[test]
fn the_first_record_of_an_empty_queue_rings_and_the_others_do_not() {
    let scene = Scene::new(1_024, 5, 1 << 20);
    let queue = scene.queue(3);
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Empty);
    assert!(!scene.bell.is_rung());
    scene.append(&queue, VALUE, 0);
    assert!(scene.bell.awake());
    scene.append(&queue, VALUE, 0);
    assert!(!scene.bell.is_rung());
    assert_eq!(scene.rung(), [3]);
    assert_eq!(scene.rung(), SILENCE);
}

#[test]
fn while_an_alarm_is_set_the_first_record_rings_nobody_awake() {
    let scene = Scene::new(batch_bytes(2, VALUE), 5, 1 << 20);
    let queue = scene.queue(0);
    scene.bell.announce_alarm();
    scene.append(&queue, VALUE, 0);
    assert!(!scene.bell.is_rung());
    assert_eq!(
        scene.rung(),
        [0],
        "who reads the list finds it all the same"
    );
    queue.poll_ready(scene.at(0));
    scene.append(&queue, VALUE, 0);
    assert!(scene.bell.is_rung(), "the batch is full");
    assert_eq!(scene.rung(), [0]);
}

#[test]
fn a_batch_that_fills_while_it_is_only_listed_rings_and_is_listed_once() {
    let scene = Scene::new(batch_bytes(2, VALUE), 5, 1 << 20);
    let queue = scene.queue(0);
    scene.bell.announce_alarm();
    scene.append(&queue, VALUE, 0);
    scene.append(&queue, VALUE, 0);
    assert!(scene.bell.is_rung());
    assert_eq!(scene.rung(), [0]);
}

#[test]
fn without_linger_an_alarm_silences_nothing() {
    let scene = Scene::new(batch_bytes(2, VALUE), 0, 1 << 20);
    let queue = scene.queue(0);
    scene.bell.announce_alarm();
    scene.append(&queue, VALUE, 0);
    assert!(scene.bell.is_rung());
}

#[test]
fn a_queue_that_has_rung_is_silent_until_it_is_polled() {
    let scene = Scene::new(batch_bytes(2, VALUE), 5, 1 << 20);
    let queue = scene.queue(0);
    for _ in 0..20 {
        scene.append(&queue, VALUE, 0);
    }
    assert_eq!(scene.rung(), [0], "once, for ten batches");
    scene.append(&queue, VALUE, 0);
    assert_eq!(scene.rung(), SILENCE, "it is going to be looked at");
}

#[test]
fn a_lingering_batch_rings_when_it_is_full() {
    let scene = Scene::new(batch_bytes(3, VALUE), 5, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    assert_eq!(scene.rung(), [0]);
    assert!(matches!(
        queue.poll_ready(scene.at(0)),
        Readiness::Lingering { .. }
    ));
    assert_eq!(scene.append(&queue, VALUE, 0).filled, Filled::Room);
    assert_eq!(scene.rung(), SILENCE);
    assert_eq!(scene.append(&queue, VALUE, 0).filled, Filled::Filled);
    assert_eq!(scene.rung(), [0]);
}

#[test]
fn a_lingering_batch_that_is_found_full_rings_even_if_there_is_no_memory_for_the_next() {
    let scene = Scene::new(batch_bytes(3, VALUE), 5, batch_bytes(3, VALUE));
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    scene.rung();
    queue.poll_ready(scene.at(0));
    scene.try_append(&queue, &[0; 39], 0, None).unwrap_err();
    assert_eq!(scene.rung(), [0]);
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
}

#[test]
fn an_engine_that_has_something_to_take_is_not_rung_for_more() {
    let scene = Scene::new(batch_bytes(2, VALUE), 5, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    scene.append(&queue, VALUE, 0);
    scene.rung();
    assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Ready);
    scene.bell.awake();
    for _ in 0..10 {
        scene.append(&queue, VALUE, 0);
    }
    queue.flush();
    assert_eq!(scene.rung(), SILENCE);
    assert!(!scene.bell.is_rung());
}

#[test]
fn a_queue_that_was_emptied_rings_again_also_if_nobody_polled_after_taking() {
    for empty in ["take", "take_expired", "take_all"] {
        let scene = Scene::new(1_024, 5, 1 << 20);
        let queue = scene.queue(0);
        scene.append(&queue, VALUE, 0);
        scene.rung();
        queue.poll_ready(scene.at(0));
        match empty {
            "take" => drop(queue.take(scene.at(5)).unwrap()),
            "take_expired" => drop(queue.take_expired(scene.at(5))),
            _ => drop(queue.take_all()),
        }
        scene.append(&queue, VALUE, 6);
        assert_eq!(scene.rung(), [0], "{empty}");
    }
}

#[test]
fn a_flush_rings_for_what_lingers_and_for_nothing_else() {
    let scene = Scene::new(1_024, 5, 1 << 20);
    let [lingering, empty] = [0, 1].map(|partition| scene.queue(partition));
    scene.append(&lingering, VALUE, 0);
    scene.rung();
    lingering.poll_ready(scene.at(0));
    empty.poll_ready(scene.at(0));
    lingering.flush();
    empty.flush();
    assert_eq!(scene.rung(), [0]);
}

#[test]
fn close_rings_for_what_lingers() {
    let scene = Scene::new(1_024, 5, 1 << 20);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    scene.rung();
    queue.poll_ready(scene.at(0));
    scene.accumulator.close();
    assert_eq!(scene.rung(), [0]);
    assert!(scene.bell.is_rung());
}

#[test]
fn every_queue_rings_for_itself_in_order() {
    let scene = Scene::new(1_024, 5, 1 << 20);
    let queues: Vec<_> = (0..5).map(|partition| scene.queue(partition)).collect();
    for queue in queues.iter().rev() {
        scene.append(queue, VALUE, 0);
    }
    assert_eq!(scene.rung(), [4, 3, 2, 1, 0]);
    let mut into = vec![Arc::clone(&queues[0])];
    queues.iter().for_each(|queue| drop(queue.take_all()));
    for queue in &queues {
        assert_eq!(queue.poll_ready(scene.at(0)), Readiness::Empty);
    }
    scene.append(&queues[2], VALUE, 0);
    scene.accumulator.take_rung(&mut into);
    assert_eq!(
        into.iter().map(|queue| queue.key()).collect::<Vec<_>>(),
        [0, 2]
    );
}

#[test]
fn a_sleeper_is_woken_by_the_first_ring_only() {
    let bell = Doorbell::new();
    let (wakes, waker) = Wakes::new();
    assert_eq!(bell.sleep(&waker), Sleep::Asleep);
    bell.ring();
    bell.ring();
    assert_eq!(wakes.count(), 1);
    assert!(bell.awake());
    assert!(!bell.awake());
}

#[test]
fn a_driver_that_was_rung_for_while_awake_may_not_sleep() {
    let bell = Doorbell::new();
    let (wakes, waker) = Wakes::new();
    bell.ring();
    assert_eq!(bell.sleep(&waker), Sleep::Rung);
    assert_eq!(
        bell.sleep(&waker),
        Sleep::Rung,
        "until it has said that it is awake"
    );
    assert!(bell.awake());
    assert_eq!(bell.sleep(&waker), Sleep::Asleep);
    assert_eq!(wakes.count(), 0);
}

#[test]
fn the_waker_of_the_last_sleep_is_woken() {
    let bell = Doorbell::new();
    let ((old_wakes, old), (new_wakes, new)) = (Wakes::new(), Wakes::new());
    assert_eq!(bell.sleep(&old), Sleep::Asleep);
    assert_eq!(bell.sleep(&new), Sleep::Asleep);
    bell.ring();
    assert_eq!((old_wakes.count(), new_wakes.count()), (0, 1));
}

#[test]
fn a_driver_that_is_awake_is_not_woken() {
    let bell = Doorbell::new();
    let (wakes, waker) = Wakes::new();
    assert_eq!(bell.sleep(&waker), Sleep::Asleep);
    assert!(!bell.awake());
    bell.ring();
    assert_eq!(wakes.count(), 0);
    assert!(bell.is_rung());
}
