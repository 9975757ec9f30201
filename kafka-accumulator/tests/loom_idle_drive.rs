//! Every interleaving of a driver that sleeps with callers who do its next step themselves: whoever
//! rings, what it is about is done once, by the caller or by the task.
//!
//! The protocol of the producer's `inline_drive`, with its lock, its doorbell and a list in place of the
//! engine: what the doorbell wakes tries the lock, says that it is awake, takes a step and goes to
//! sleep again, and leaves to the task what it cannot do.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::{
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
};

use kafka_accumulator::{Doorbell, Sleep};
use loom::{future::block_on, sync::Mutex, thread};

struct Scene {
    bell: Doorbell,
    /// What callers write down before they ring.
    asked: Mutex<Vec<u32>>,
    driver: Mutex<Driver>,
    /// How many there will be.
    expected: usize,
    /// What a caller's step is allowed to do.
    rule: Rule,
}

#[derive(Default)]
struct Driver {
    done: Vec<u32>,
    /// What is begun and only the task can end.
    rest: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// All of it.
    Whole,
    /// It reads what was asked, and leaves a part to the task, as a dial is.
    LeavesRest,
    /// Nothing: a broker is about to answer, and the task goes on.
    NotWorthIt,
}

/// The driver, asleep.
struct Sleeper {
    task: Waker,
    scene: Weak<Scene>,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        let scene = self.scene.upgrade();
        if scene.is_none_or(|scene| !scene.step_of_caller(&self)) {
            self.task.wake_by_ref();
        }
    }
}

impl Scene {
    /// Falls asleep with the lock in hand. Whoever rings before that is given back finds it taken:
    /// loom lets others run only where there is an operation, so there is one more.
    fn sleep(&self, waker: &Waker) -> Sleep {
        let sleep = self.bell.sleep(waker);
        self.bell.is_rung();
        sleep
    }

    /// Whether nothing is left to the task.
    fn step_of_caller(&self, sleeper: &Arc<Sleeper>) -> bool {
        let Ok(mut driver) = self.driver.try_lock() else {
            return false;
        };
        if self.rule == Rule::NotWorthIt {
            return false;
        }
        self.bell.awake();
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        match self.rule {
            Rule::LeavesRest => driver.rest.append(&mut asked),
            _ => driver.done.append(&mut asked),
        }
        if !driver.rest.is_empty() || driver.done.len() == self.expected {
            return false;
        }
        self.sleep(&Waker::from(Arc::clone(sleeper))) == Sleep::Asleep
    }

    fn poll_task(self: &Arc<Self>, context: &Context<'_>) -> Poll<()> {
        let mut driver = self.driver.lock().unwrap();
        loop {
            self.bell.awake();
            let Driver { done, rest } = &mut *driver;
            done.append(rest);
            done.append(&mut self.asked.lock().unwrap());
            if driver.done.len() == self.expected {
                return Poll::Ready(());
            }
            let sleeper = Sleeper {
                task: context.waker().clone(),
                scene: Arc::downgrade(self),
            };
            if self.sleep(&Waker::from(Arc::new(sleeper))) == Sleep::Asleep {
                return Poll::Pending;
            }
        }
    }
}

fn explore(rule: Rule, callers: u32, each: u32) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(move || {
        let expected = (callers * each) as usize;
        let scene = Arc::new(Scene {
            bell: Doorbell::new(),
            asked: Mutex::new(Vec::new()),
            driver: Mutex::new(Driver::default()),
            expected,
            rule,
        });
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                let scene = Arc::clone(&scene);
                thread::spawn(move || {
                    for number in 0..each {
                        scene.asked.lock().unwrap().push(caller * each + number);
                        scene.bell.ring();
                    }
                })
            })
            .collect();
        block_on(poll_fn(|context| scene.poll_task(context)));
        for thread in threads {
            thread.join().unwrap();
        }
        let mut done = scene.driver.lock().unwrap().done.clone();
        done.sort_unstable();
        assert!(done.into_iter().eq(0..callers * each));
    });
}

#[test]
fn what_a_caller_asks_is_done_by_it_or_by_the_task() {
    for rule in [Rule::Whole, Rule::LeavesRest, Rule::NotWorthIt] {
        explore(rule, 1, 2);
    }
}

#[test]
fn of_two_callers_that_find_the_driver_asleep_both_are_served() {
    for rule in [Rule::Whole, Rule::LeavesRest, Rule::NotWorthIt] {
        explore(rule, 2, 1);
    }
}
