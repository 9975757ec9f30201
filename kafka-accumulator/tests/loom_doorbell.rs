//! Every interleaving of ringing with falling asleep: no ring is lost.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use kafka_accumulator::{Doorbell, Sleep};
use loom::{future::block_on, sync::Mutex, thread};

/// What a caller writes down before it rings.
type List = Arc<Mutex<Vec<u32>>>;

fn push_and_ring(list: &List, bell: &Doorbell, number: u32) {
    list.lock().unwrap().push(number);
    bell.ring();
}

/// A driver: reads the list when it is awake, and sleeps until everything is there.
fn drive(context: &Context<'_>, list: &List, bell: &Doorbell, expected: usize) -> Poll<()> {
    loop {
        bell.awake();
        if list.lock().unwrap().len() == expected {
            return Poll::Ready(());
        }
        match bell.sleep(context.waker()) {
            Sleep::Asleep => return Poll::Pending,
            Sleep::Rung => {}
        }
    }
}

fn explore(ringers: u32) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let (list, bell) = (List::default(), Arc::new(Doorbell::new()));
        let threads: Vec<_> = (0..ringers)
            .map(|number| {
                let (list, bell) = (Arc::clone(&list), Arc::clone(&bell));
                thread::spawn(move || push_and_ring(&list, &bell, number))
            })
            .collect();
        block_on(poll_fn(|context| {
            drive(context, &list, &bell, ringers as usize)
        }));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_ring_while_the_driver_falls_asleep_is_not_lost() {
    explore(1);
}

#[test]
fn two_rings_at_once_are_both_served() {
    explore(2);
}

#[test]
fn a_lazy_ring_is_found_by_the_driver_that_withdrew_its_alarm() {
    explore_promise(Doorbell::announce_alarm, Doorbell::ring_lazily);
}

#[test]
fn a_ring_that_passed_is_found_by_the_driver_that_withdrew_its_alarm() {
    explore_promise(|bell| bell.ring_after(1), Doorbell::ring_counted);
}

fn explore_promise(promise: fn(&Doorbell), tell: fn(&Doorbell)) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let (list, bell) = (List::default(), Arc::new(Doorbell::new()));
        promise(&bell);
        let caller = {
            let (list, bell) = (Arc::clone(&list), Arc::clone(&bell));
            thread::spawn(move || {
                list.lock().unwrap().push(0);
                tell(&bell);
            })
        };
        // The alarm goes off, and no other is set.
        bell.withdraw_alarm();
        block_on(poll_fn(|context| drive(context, &list, &bell, 1)));
        caller.join().unwrap();
    });
}
