//! What Apache Kafka's ProducerBatch suite proves: a batch ends once, and every record of it
//! learns its own end.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use kafka_accumulator::{
    AlreadyCompleted, Batch, BatchOutcome, Callback, Completion, Delivered, Delivery, NewRecord,
    NoUserCode, Outcome, Piece, Queue, SplitError, catch_panic,
};
use kafka_wire::records::RecordParts;

use crate::scene::{Scene, Wakes, Why, values};

const VALUE: &[u8] = b"0123456789";

/// What the callbacks said, in order: who, and what.
type Said = Arc<Mutex<Vec<(usize, Outcome<Why>)>>>;

fn batch_of(scene: &Scene, records: usize) -> (Batch<Why>, Vec<Delivery<Why>>) {
    let queue = scene.queue(0);
    let appended = (0..records).map(|_| scene.append(&queue, VALUE, 0).delivery);
    let deliveries = appended.collect();
    (queue.take(scene.at(0)).unwrap(), deliveries)
}

fn poll(delivery: &mut Delivery<Why>, waker: &Waker) -> Poll<Outcome<Why>> {
    Pin::new(delivery).poll(&mut Context::from_waker(waker))
}

fn delivered(base_offset: i64) -> BatchOutcome<Why> {
    BatchOutcome::Delivered {
        base_offset,
        log_append_time_ms: None,
    }
}

fn at_offset(offset: i64) -> Option<Outcome<Why>> {
    Some(Ok(Delivered::new(offset)))
}

fn append_with(scene: &Scene, queue: &Arc<Queue<Why>>, callback: Callback<Why>) -> Delivery<Why> {
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(VALUE)));
    record.callback = Some(callback);
    let now = || scene.at(0);
    let appended = scene
        .accumulator
        .append(queue, &mut record, None, now)
        .unwrap();
    appended.delivery
}

fn speaking(said: &Said, who: usize) -> Callback<Why> {
    let said = Arc::clone(said);
    Box::new(move |_, outcome| {
        said.lock()
            .unwrap()
            .push((who, outcome.map_err(|why| *why)))
    })
}

#[test]
fn a_delivered_batch_tells_each_record_its_offset() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, deliveries) = batch_of(&scene, 3);
    assert_eq!(deliveries[0].try_outcome(), None);
    let batch_outcome = BatchOutcome::Delivered {
        base_offset: 42,
        log_append_time_ms: Some(1_700),
    };
    batch.complete(batch_outcome).unwrap();
    let outcomes: Vec<_> = deliveries
        .iter()
        .map(|d| d.try_outcome().unwrap().unwrap())
        .collect();
    assert_eq!(
        outcomes.iter().map(|end| end.offset).collect::<Vec<_>>(),
        [42, 43, 44]
    );
    assert!(
        outcomes
            .iter()
            .all(|end| end.log_append_time_ms == Some(1_700))
    );
}

#[test]
fn without_a_base_offset_no_record_has_one() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, deliveries) = batch_of(&scene, 2);
    batch.complete(delivered(-1)).unwrap();
    for delivery in &deliveries {
        assert_eq!(delivery.try_outcome(), at_offset(-1));
    }
}

#[test]
fn a_batch_ends_once_and_a_late_answer_changes_nothing() {
    for (first, late) in [
        (delivered(5), BatchOutcome::Failed(Why::Expired)),
        (BatchOutcome::Failed(Why::Expired), delivered(5)),
        (
            BatchOutcome::Failed(Why::Aborted),
            BatchOutcome::Failed(Why::Expired),
        ),
        (delivered(5), delivered(6)),
    ] {
        let scene = Scene::new(1_024, 0, 1 << 20);
        let (batch, deliveries) = batch_of(&scene, 1);
        batch.complete(first).unwrap();
        let outcome = deliveries[0].try_outcome();
        assert_eq!(batch.complete(late), Err(AlreadyCompleted));
        assert_eq!(deliveries[0].try_outcome(), outcome);
    }
}

#[test]
fn the_broker_may_blame_single_records() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, deliveries) = batch_of(&scene, 4);
    let each = Box::new([(3, Why::Expired), (1, Why::Corrupt)]);
    let rest = Why::Neighbour;
    batch
        .complete(BatchOutcome::Refused { each, rest })
        .unwrap();
    let outcomes = deliveries
        .iter()
        .map(|d| d.try_outcome().unwrap().unwrap_err());
    let expected = [Why::Neighbour, Why::Corrupt, Why::Neighbour, Why::Expired];
    assert_eq!(outcomes.collect::<Vec<_>>(), expected);
}

#[test]
fn a_delivery_is_sixteen_bytes() {
    assert_eq!(size_of::<Delivery<Why>>(), 16);
    assert_eq!(size_of::<Delivery<String>>(), 16);
}

#[test]
fn what_is_shared_between_threads_may_be() {
    fn shared<T: Send + Sync>() {}
    shared::<kafka_accumulator::Accumulator<Why>>();
    shared::<Queue<Why>>();
    shared::<Batch<Why>>();
    shared::<Delivery<Why>>();
    shared::<Completion<Why>>();
    shared::<kafka_accumulator::Doorbell>();
    shared::<kafka_accumulator::Reserve>();
    shared::<kafka_accumulator::Settled<Why>>();
}

#[test]
fn every_awaited_record_is_woken_once_however_often_it_was_polled() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, mut deliveries) = batch_of(&scene, 3);
    let wakers: Vec<_> = (0..3).map(|_| Wakes::new()).collect();
    let (stale, stale_waker) = Wakes::new();
    // Out of order, and more than once.
    for index in [2, 0, 1, 0, 2] {
        assert!(poll(&mut deliveries[index], &stale_waker).is_pending());
        assert!(poll(&mut deliveries[index], &wakers[index].1).is_pending());
    }
    batch.complete(delivered(0)).unwrap();
    assert_eq!(stale.count(), 0);
    for (delivery, (wakes, waker)) in deliveries.iter_mut().zip(&wakers) {
        assert_eq!(wakes.count(), 1);
        assert!(poll(delivery, waker).is_ready());
    }
}

#[test]
fn dropping_deliveries_cancels_nothing() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, mut deliveries) = batch_of(&scene, 3);
    let kept = deliveries.remove(1);
    drop(deliveries);
    assert_eq!(batch.count(), 3);
    assert_eq!(values(&batch), [VALUE; 3]);
    batch.complete(delivered(10)).unwrap();
    drop(batch);
    assert_eq!(kept.try_outcome(), at_offset(11));
}

#[test]
fn a_delivery_knows_where_its_record_goes() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(7);
    let delivery = scene.append(&queue, VALUE, 0).delivery;
    assert_eq!(&**delivery.completion().topic(), "orders");
    assert_eq!(delivery.completion().partition(), 7);
    assert_eq!(delivery.index(), 0);
    let batch = queue.take(scene.at(0)).unwrap();
    assert_eq!((batch.partition(), &**batch.topic()), (7, "orders"));
}

#[test]
fn callbacks_run_in_record_order_before_anybody_is_woken() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    let said = Said::default();
    let mut deliveries: Vec<_> = (0..3)
        .map(|who| append_with(&scene, &queue, speaking(&said, who)))
        .collect();
    let batch = queue.take(scene.at(0)).unwrap();

    struct Asks(Said, Mutex<Option<usize>>);
    impl std::task::Wake for Asks {
        fn wake(self: Arc<Self>) {
            let said_so_far = self.0.lock().unwrap().len();
            *self.1.lock().unwrap() = Some(said_so_far);
        }
    }
    let asks = Arc::new(Asks(Arc::clone(&said), Mutex::new(None)));
    assert!(poll(&mut deliveries[0], &Waker::from(Arc::clone(&asks))).is_pending());
    batch.complete(delivered(20)).unwrap();

    let expected: Vec<_> = (0..3)
        .map(|who| (who, at_offset(20 + who as i64).unwrap()))
        .collect();
    assert_eq!(*said.lock().unwrap(), expected);
    assert_eq!(*asks.1.lock().unwrap(), Some(3));
}

#[test]
fn a_panicking_callback_loses_nobody_elses() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    let said = Said::default();
    let mut first = append_with(&scene, &queue, speaking(&said, 0));
    drop(append_with(
        &scene,
        &queue,
        Box::new(|_, _| panic!("a test's callback")),
    ));
    drop(append_with(&scene, &queue, speaking(&said, 2)));
    let (wakes, waker) = Wakes::new();
    assert!(poll(&mut first, &waker).is_pending());
    let batch = queue.take(scene.at(0)).unwrap();

    let completed = batch.complete(BatchOutcome::Failed(Why::Aborted)).unwrap();
    assert_eq!(completed.panicked_callbacks, 1);
    let aborted = Err(Why::Aborted);
    assert_eq!(*said.lock().unwrap(), [(0, aborted), (2, aborted)]);
    assert_eq!(wakes.count(), 1);
}

/// A panic that panics again when it is dropped, and so does what that throws.
struct Relapsing(u32);

impl Drop for Relapsing {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Self(self.0 - 1));
        }
    }
}

/// Panics when it is woken.
struct Thrower;

impl std::task::Wake for Thrower {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any(Relapsing(3));
    }
}

#[test]
fn a_panic_that_panics_again_when_it_is_dropped_loses_nobody_elses_outcome() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    let said = Said::default();
    let relapse: Callback<Why> = Box::new(|_, _| std::panic::panic_any(Relapsing(3)));
    drop(append_with(&scene, &queue, relapse));
    let mut told = append_with(&scene, &queue, speaking(&said, 1));
    let (wakes, waker) = Wakes::new();
    assert!(poll(&mut told, &waker).is_pending());
    let batch = queue.take(scene.at(0)).unwrap();
    let completed = batch.complete(delivered(7)).unwrap();
    assert_eq!(completed.panicked_callbacks, 1);
    assert_eq!(*said.lock().unwrap(), [(1, at_offset(8).unwrap())]);
    assert_eq!(wakes.count(), 1);
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, mut deliveries) = batch_of(&scene, 3);
    let (wakes, waker) = Wakes::new();
    let thrower = Waker::from(Arc::new(Thrower));
    for (delivery, waker) in deliveries.iter_mut().zip([&thrower, &waker, &thrower]) {
        assert!(poll(delivery, waker).is_pending());
    }
    batch.complete(delivered(0)).unwrap();
    assert_eq!(wakes.count(), 1);
    for (delivery, offset) in deliveries.iter().zip(0..) {
        assert_eq!(delivery.try_outcome(), at_offset(offset));
    }
}

#[cfg(debug_assertions)]
#[test]
fn a_callback_or_a_waker_under_a_lock_is_a_defect_that_a_debug_build_tells() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let completed_under_a_lock = |batch: &Batch<Why>| {
        let quiet = NoUserCode::new();
        let told = catch_panic(|| batch.complete(delivered(0)));
        drop(quiet);
        told.unwrap_err().to_string()
    };
    let queue = scene.queue(0);
    drop(append_with(&scene, &queue, speaking(&Said::default(), 0)));
    let with_a_callback = queue.take(scene.at(0)).unwrap();
    let (with_a_waker, mut deliveries) = batch_of(&scene, 1);
    let (_wakes, waker) = Wakes::new();
    assert!(poll(&mut deliveries[0], &waker).is_pending());
    for batch in [&with_a_callback, &with_a_waker] {
        let panic = completed_under_a_lock(batch);
        assert!(panic.contains("holds a lock of its own"), "{panic}");
    }
}

/// A waker may be the last that holds a task, and the task may wait for other things of ours.
#[test]
fn a_waker_that_is_replaced_is_dropped_when_nothing_is_locked() {
    struct Holds(Mutex<Option<Delivery<Why>>>);
    impl std::task::Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Holds {
        fn drop(&mut self) {
            let mut other = self.0.get_mut().unwrap().take().unwrap();
            assert!(poll(&mut other, Waker::noop()).is_pending());
        }
    }
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, mut deliveries) = batch_of(&scene, 2);
    let other = Mutex::new(deliveries.pop());
    let holds = Waker::from(Arc::new(Holds(other)));
    assert!(poll(&mut deliveries[0], &holds).is_pending());
    drop(holds);
    assert!(poll(&mut deliveries[0], Waker::noop()).is_pending());
    batch.complete(delivered(0)).unwrap();
}

#[test]
fn a_callback_may_send_again_into_a_fresh_batch() {
    let scene = Arc::new(Scene::new(1_024, 0, 1 << 20));
    let queue = scene.queue(0);
    let (again, to) = (Arc::clone(&scene), Arc::clone(&queue));
    let resend: Callback<Why> = Box::new(move |_, _| drop(again.append(&to, b"again", 5)));
    drop(append_with(&scene, &queue, resend));
    let expired = queue.take_expired(scene.at(0)).remove(0);
    expired
        .complete(BatchOutcome::Failed(Why::Expired))
        .unwrap();
    let fresh = queue.take(scene.at(5)).unwrap();
    assert_eq!(values(&fresh), ["again"]);
    assert_eq!(fresh.created(), scene.at(5));
}

#[test]
fn the_callback_of_a_record_that_was_not_appended_is_kept() {
    let scene = Scene::new(1_024, 0, 1_024);
    let queue = scene.queue(0);
    scene.append(&queue, VALUE, 0);
    queue.flush();
    let said = Said::default();
    let mut record = NewRecord::new(0, RecordParts::new(None, Some(VALUE)));
    record.callback = Some(speaking(&said, 9));
    let now = || scene.at(0);
    scene
        .accumulator
        .append(&queue, &mut record, None, now)
        .unwrap_err();
    assert!(record.callback.is_some());
    drop(queue.take(scene.at(0)));
    scene
        .accumulator
        .append(&queue, &mut record, None, now)
        .unwrap();
    assert!(record.callback.is_none());
    queue
        .take(scene.at(0))
        .unwrap()
        .complete(delivered(3))
        .unwrap();
    assert_eq!(*said.lock().unwrap(), [(9, at_offset(3).unwrap())]);
}

#[test]
fn callbacks_and_deliveries_follow_their_records_into_the_pieces_of_a_split_batch() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    let said = Said::default();
    let mut deliveries: Vec<_> = (0..4)
        .map(|who| append_with(&scene, &queue, speaking(&said, who)))
        .collect();
    let batch = queue.take(scene.at(0)).unwrap();
    let wakers: Vec<_> = (0..4).map(|_| Wakes::new()).collect();
    for (delivery, (_, waker)) in deliveries.iter_mut().zip(&wakers) {
        assert!(poll(delivery, waker).is_pending());
    }
    let halves = batch.split(vec![piece(1), piece(3)]).unwrap();
    assert_eq!(batch.complete(delivered(0)), Err(AlreadyCompleted));
    for (delivery, (wakes, waker)) in deliveries.iter_mut().zip(&wakers) {
        assert_eq!(wakes.count(), 1, "so that it follows");
        assert!(poll(delivery, waker).is_pending());
    }
    assert!(said.lock().unwrap().is_empty());
    assert_eq!(deliveries[3].index(), 2);

    halves[1].complete(delivered(50)).unwrap();
    halves[0]
        .complete(BatchOutcome::Failed(Why::Expired))
        .unwrap();
    let order: Vec<_> = said.lock().unwrap().iter().map(|(who, _)| *who).collect();
    assert_eq!(order, [1, 2, 3, 0]);
    assert!(wakers.iter().all(|(wakes, _)| wakes.count() == 2));
    assert_eq!(deliveries[3].try_outcome(), at_offset(52));
    assert_eq!(deliveries[0].try_outcome(), Some(Err(Why::Expired)));
    for (delivery, (_, waker)) in deliveries.iter_mut().zip(&wakers) {
        assert_eq!(
            poll(delivery, waker).map(Some),
            Poll::Ready(delivery.try_outcome())
        );
    }
}

#[test]
fn pieces_must_hold_exactly_the_records_of_their_batch() {
    for counts in [&[][..], &[1], &[1, 1, 1], &[0, 2], &[2, 0], &[u32::MAX, 3]] {
        let scene = Scene::new(1_024, 0, 1 << 20);
        let (batch, deliveries) = batch_of(&scene, 2);
        let pieces = counts.iter().map(|count| piece(*count)).collect();
        let Err(SplitError::Uneven { batch: 2, .. }) = batch.split(pieces) else {
            panic!("{counts:?} were taken for two records");
        };
        assert_eq!(deliveries[0].try_outcome(), None);
    }
}

#[test]
fn a_batch_that_has_ended_is_not_split() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, _deliveries) = batch_of(&scene, 2);
    batch.complete(delivered(0)).unwrap();
    let refused = batch.split(vec![piece(1), piece(1)]).unwrap_err();
    assert_eq!(refused, SplitError::AlreadyCompleted(AlreadyCompleted));
}

#[test]
fn a_split_without_pieces_still_completes_its_records() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (batch, deliveries) = batch_of(&scene, 1);
    batch.complete(BatchOutcome::Split(Box::default())).unwrap();
    assert_eq!(deliveries[0].try_outcome(), Some(Err(Why::Abandoned)));
}

#[test]
fn the_records_of_a_batch_that_is_dropped_learn_that_they_were_abandoned() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let (taken, mut of_taken) = batch_of(&scene, 1);
    let (wakes, waker) = Wakes::new();
    assert!(poll(&mut of_taken[0], &waker).is_pending());
    drop(taken);
    assert_eq!(wakes.count(), 1);
    assert_eq!(of_taken[0].try_outcome(), Some(Err(Why::Abandoned)));
}

#[test]
fn the_records_of_a_queue_that_is_dropped_learn_that_they_were_abandoned() {
    let scene = Scene::new(64, 60_000, 1 << 20);
    let queue = scene.queue(0);
    let said = Said::default();
    let deliveries: Vec<_> = (0..3)
        .map(|who| append_with(&scene, &queue, speaking(&said, who)))
        .collect();
    drop(queue);
    assert_eq!(
        deliveries[0].try_outcome(),
        None,
        "the engine has been rung for it"
    );
    drop(scene);
    for delivery in deliveries {
        assert_eq!(delivery.try_outcome(), Some(Err(Why::Abandoned)));
    }
    assert_eq!(said.lock().unwrap().len(), 3);
}

/// Where a callback finds the completion that it is called for.
type Holder = Arc<Mutex<Option<Arc<Completion<Why>>>>>;

#[test]
fn a_batch_is_settled_when_its_callbacks_have_returned_and_not_before() {
    let scene = Scene::new(1_024, 0, 1 << 20);
    let queue = scene.queue(0);
    // Whether the batch counts as settled while its callback runs.
    let seen = Arc::new(Mutex::new(None));
    let (told, holder) = (Arc::clone(&seen), Holder::default());
    let held = Arc::clone(&holder);
    let callback: Callback<Why> = Box::new(move |_, _| {
        let completion = held.lock().unwrap().take().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let settled = Box::pin(completion.settled()).as_mut().poll(&mut context);
        *told.lock().unwrap() = Some(settled.is_ready());
    });
    drop(append_with(&scene, &queue, callback));
    let batch = queue.take(scene.at(0)).unwrap();
    *holder.lock().unwrap() = Some(Arc::clone(batch.completion()));
    batch.complete(BatchOutcome::Failed(Why::Corrupt)).unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(false));
    let mut context = Context::from_waker(Waker::noop());
    let settled = Box::pin(batch.completion().settled())
        .as_mut()
        .poll(&mut context);
    assert!(settled.is_ready());
}

#[test]
fn headers_whose_iterator_panics_leave_the_batch_as_it_was() {
    /// Yields three headers at every walk, and panics at a certain call.
    #[derive(Clone)]
    struct Treacherous<'a> {
        calls_left: &'a std::cell::Cell<u32>,
        headers_left: u32,
    }
    impl<'a> Iterator for Treacherous<'a> {
        type Item = (&'a str, Option<&'a [u8]>);
        fn next(&mut self) -> Option<Self::Item> {
            let calls_left = self.calls_left.get().checked_sub(1);
            self.calls_left.set(calls_left.expect("a test's iterator"));
            self.headers_left = self.headers_left.checked_sub(1)?;
            Some(("name", None))
        }
    }
    let mut panics = 0;
    for calls in 0..20 {
        let scene = Scene::new(1_024, 0, 1 << 20);
        let queue = scene.queue(0);
        scene.append(&queue, b"before", 0);
        let calls_left = std::cell::Cell::new(calls);
        let (calls_left, headers_left) = (&calls_left, 3);
        let headers = Treacherous {
            calls_left,
            headers_left,
        };
        let (key, value) = (None, Some(&b"between"[..]));
        let mut record = NewRecord::new(0, RecordParts::new(key, value).with_headers(headers));
        let appended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let now = || scene.at(0);
            let _ = scene.accumulator.append(&queue, &mut record, None, now);
        }));
        scene.append(&queue, b"after", 0);
        let expected = match appended {
            Ok(()) => vec!["before", "between", "after"],
            Err(_) => vec!["before", "after"],
        };
        panics += u32::from(expected.len() == 2);
        assert_eq!(
            values(&queue.take(scene.at(0)).unwrap()),
            expected,
            "{calls} calls"
        );
    }
    // Measuring takes four calls at least, and writing three.
    assert!((7..20).contains(&panics), "{panics}");
}

/// A piece of `count` records, of which nobody reads the bytes.
fn piece(count: u32) -> Piece {
    Piece::new(vec![0; count.min(100) as usize * 8], count, 0, 0)
}
