//! Every interleaving of reserving memory with giving it back, giving up and timing out.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use kafka_accumulator::{
    Accumulator, AppendError, Doorbell, NewRecord, Queue, Reservation, Reserve, ReserveError,
    Settings, wake_all,
};
use kafka_wire::records::RecordParts;
use loom::{future::block_on, thread};

const TOTAL: usize = 2 * 128;

type Memory = Arc<Accumulator<()>>;

fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(4);
    builder.check(scenario);
}

fn memory() -> (Memory, Instant) {
    let settings = Settings::default()
        .batch_size(TOTAL / 2)
        .linger(Duration::ZERO)
        .buffer_memory(TOTAL);
    let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || ());
    (Arc::new(accumulator), Instant::now())
}

fn now_or_never(reserve: &mut Reserve) -> Option<Result<Reservation, ReserveError>> {
    match Pin::new(reserve).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Wakes those whose wait is over, as the driver does.
fn wake_served(memory: &Memory) {
    let mut served = Vec::new();
    memory.take_served(&mut served);
    wake_all(&mut served);
}

fn granted(mut reserve: Reserve) -> Reservation {
    now_or_never(&mut reserve).unwrap().unwrap()
}

#[test]
fn memory_given_back_wakes_the_caller_that_waits_for_it() {
    explore(|| {
        let (memory, now) = memory();
        let all = granted(memory.reserve(TOTAL, now));
        let theirs = Arc::clone(&memory);
        let giver = thread::spawn(move || {
            drop(all);
            wake_served(&theirs);
        });
        let reservation = block_on(memory.reserve(TOTAL, now)).unwrap();
        giver.join().unwrap();
        assert_eq!(memory.memory_in_use(), TOTAL);
        drop(reservation);
        assert_eq!(memory.memory_in_use(), 0);
    });
}

#[test]
fn two_callers_that_wait_are_both_served() {
    explore(|| {
        let (memory, now) = memory();
        let all = granted(memory.reserve(TOTAL, now));
        let theirs = Arc::clone(&memory);
        let other = thread::spawn(move || {
            drop(block_on(theirs.reserve(TOTAL, now)).unwrap());
            wake_served(&theirs);
        });
        let ours = memory.reserve(TOTAL, now);
        drop(all);
        wake_served(&memory);
        drop(block_on(ours).unwrap());
        wake_served(&memory);
        other.join().unwrap();
        assert_eq!((memory.memory_in_use(), memory.waiting()), (0, 0));
    });
}

#[test]
fn a_newcomer_does_not_overtake_a_caller_that_waits() {
    explore(|| {
        let (memory, now) = memory();
        let halves = [(); 2].map(|()| granted(memory.reserve(TOTAL / 2, now)));
        let mut first = memory.reserve(TOTAL, now);
        let giver = thread::spawn(move || halves.map(drop));
        let queue = memory.queue(Arc::from("orders"), 0, 0);
        let mut record = NewRecord::new(0, RecordParts::new(None, None));
        match memory.append(&queue, &mut record, None, || now) {
            Err(AppendError::NeedsMemory { .. }) => {}
            other => panic!("overtook: {other:?}"),
        }
        giver.join().unwrap();
        assert_eq!(now_or_never(&mut first).unwrap().unwrap().bytes(), TOTAL);
    });
}

#[test]
fn a_wait_that_is_dropped_while_it_is_served_gives_back() {
    explore(|| {
        let (memory, now) = memory();
        let all = granted(memory.reserve(TOTAL, now));
        let gives_up = memory.reserve(TOTAL, now);
        let next = memory.reserve(TOTAL / 2, now);
        let theirs = Arc::clone(&memory);
        let giver = thread::spawn(move || {
            drop(all);
            wake_served(&theirs);
        });
        drop(gives_up);
        wake_served(&memory);
        drop(block_on(next).unwrap());
        giver.join().unwrap();
        assert_eq!((memory.memory_in_use(), memory.waiting()), (0, 0));
    });
}

#[test]
fn a_wait_that_times_out_while_it_is_served_ends_one_way() {
    explore(|| {
        let (memory, now) = memory();
        let all = granted(memory.reserve(TOTAL, now));
        let waiting = memory.reserve(TOTAL, now);
        let theirs = Arc::clone(&memory);
        let clock = thread::spawn(move || {
            theirs.expire_waiters(now);
            wake_served(&theirs);
        });
        drop(all);
        wake_served(&memory);
        match block_on(waiting) {
            Ok(reservation) => assert_eq!(reservation.bytes(), TOTAL),
            Err(error) => assert_eq!(error, ReserveError::TimedOut { bytes: TOTAL }),
        }
        clock.join().unwrap();
        assert_eq!((memory.memory_in_use(), memory.waiting()), (0, 0));
    });
}

#[test]
fn a_wait_that_meets_close_ends() {
    explore(|| {
        let (memory, now) = memory();
        let all = granted(memory.reserve(TOTAL, now));
        let theirs = Arc::clone(&memory);
        let closer = thread::spawn(move || {
            theirs.close();
            wake_served(&theirs);
        });
        let answer = block_on(memory.reserve(TOTAL, now)).map(drop);
        assert_eq!(answer, Err(ReserveError::Closed));
        closer.join().unwrap();
        drop(all);
        assert_eq!(memory.memory_in_use(), 0);
    });
}

#[test]
fn a_caller_that_waits_for_memory_gets_it_however_a_batch_grows_meanwhile() {
    explore(|| {
        let settings = Settings::default()
            .batch_size(4_096)
            .linger(Duration::ZERO)
            .buffer_memory(4_096);
        let memory = Arc::new(Accumulator::new(settings, Arc::new(Doorbell::new()), || ()));
        let now = Instant::now();
        let queue = memory.queue(Arc::from("orders"), 0, 0);
        let append = move |memory: &Memory, queue: &Arc<Queue<()>>| {
            let mut record = NewRecord::new(0, RecordParts::new(None, Some(&[7; 900])));
            memory.append(queue, &mut record, None, || now).is_ok()
        };
        assert!(append(&memory, &queue));
        let (theirs, their_queue) = (Arc::clone(&memory), Arc::clone(&queue));
        let appender = thread::spawn(move || {
            append(&theirs, &their_queue);
            drop(their_queue.take_all());
            wake_served(&theirs);
        });
        let reservation = block_on(memory.reserve(3_072, now)).unwrap();
        appender.join().unwrap();
        assert_eq!(memory.memory_in_use(), 3_072);
        drop(reservation);
    });
}

#[test]
fn a_caller_gets_what_is_guaranteed_to_its_account_while_another_waits_for_more() {
    explore(|| {
        let (memory, now) = memory();
        let accounts = [memory.account(), memory.account()];
        memory.guarantee(accounts.to_vec());
        let queues = [0, 1].map(|partition| memory.queue(Arc::from("orders"), partition, 0));
        for (queue, account) in queues.iter().zip(&accounts) {
            queue.assign(account);
        }
        let [greedy, modest] = queues;
        let own = accounts[0].guaranteed();
        let most = granted(greedy.reserve(TOTAL - accounts[1].guaranteed(), now));
        let theirs = Arc::clone(&memory);
        let other = thread::spawn(move || {
            let waiting = greedy.reserve(own, now);
            drop(most);
            wake_served(&theirs);
            drop(block_on(waiting).unwrap());
            wake_served(&theirs);
        });
        drop(granted(modest.reserve(accounts[1].guaranteed(), now)));
        wake_served(&memory);
        other.join().unwrap();
        assert_eq!((memory.memory_in_use(), memory.waiting()), (0, 0));
    });
}

#[test]
fn a_caller_that_begins_to_wait_goes_with_its_queue_to_another_account() {
    explore(|| {
        let (memory, now) = memory();
        let accounts = [memory.account(), memory.account()];
        memory.guarantee(accounts.to_vec());
        let queue = memory.queue(Arc::from("orders"), 0, 0);
        queue.assign(&accounts[0]);
        let full = granted(queue.reserve(TOTAL - accounts[1].guaranteed(), now));
        let (theirs, moved, to) = (
            Arc::clone(&memory),
            Arc::clone(&queue),
            Arc::clone(&accounts[1]),
        );
        let engine = thread::spawn(move || {
            moved.assign(&to);
            wake_served(&theirs);
        });
        drop(block_on(queue.reserve(accounts[1].guaranteed(), now)).unwrap());
        engine.join().unwrap();
        drop(full);
        assert_eq!((memory.memory_in_use(), memory.waiting()), (0, 0));
    });
}
