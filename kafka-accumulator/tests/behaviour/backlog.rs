//! The backlog, which is what is reserved for full batches, keeps callers from writing ahead.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use kafka_accumulator::{AppendError, Reservation, Reserve};

use crate::scene::Scene;

const BATCH: usize = 1_024;

fn served(reserve: &mut Reserve) -> Option<Reservation> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(reserve).poll(&mut context) {
        Poll::Ready(served) => Some(served.unwrap()),
        Poll::Pending => None,
    }
}

/// So many bytes that no open batch is written to.
fn backlog(scene: &Scene, batches: usize) -> Vec<Reservation> {
    let queue = scene.queue(99);
    let reserved = (0..batches).map(|_| queue.reserve_despite_backlog(BATCH));
    reserved.map(Option::unwrap).collect()
}

fn limit(scene: &Scene, bytes: usize) {
    let accumulator = &scene.accumulator;
    accumulator.limit_backlog(accumulator.unassigned(), bytes);
}

#[test]
fn a_caller_below_the_limit_does_not_wait() {
    let scene = Scene::new(BATCH, 0, 100 * BATCH);
    limit(&scene, 8 * BATCH);
    let held = backlog(&scene, 7);
    scene.append(&scene.queue(0), b"v", 0);
    assert_eq!(scene.accumulator.unassigned().backlog(), held.len() * BATCH);
}

#[test]
fn a_caller_that_waits_for_the_backlog_is_served_when_half_of_it_is_gone_and_the_next_need_not_wait()
 {
    let scene = Scene::new(BATCH, 0, 100 * BATCH);
    limit(&scene, 8 * BATCH);
    let mut held = backlog(&scene, 8);
    let queue = scene.queue(0);
    let refused = scene.try_append(&queue, b"v", 0, None).map(drop);
    assert!(matches!(refused, Err(AppendError::NeedsMemory { .. })));
    let [mut first, mut second] =
        [(); 2].map(|()| scene.accumulator.reserve(BATCH, scene.at(1_000)));
    while held.len() > 4 {
        held.pop();
        assert!(served(&mut first).is_none());
        assert!(scene.accumulator.unassigned().is_throttling());
    }
    // What is granted counts until a batch is open for it.
    held.pop();
    held.extend(served(&mut first));
    assert_eq!(held.len(), 4, "it was served");
    assert!(served(&mut second).is_none());
    held.pop();
    held.extend(served(&mut second));
    assert_eq!((held.len(), scene.accumulator.waiting()), (4, 0));
    scene.append(&queue, b"v", 0);
}
