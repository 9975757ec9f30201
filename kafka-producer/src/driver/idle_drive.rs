//! While nothing is on its way and little is to be sent, whoever rings does the driver's next step
//! himself.
//!
//! ```text
//! caller: append ─▶ ring ─▶ the driver sleeps ─▶ its lock is free, no answer is owed
//!                                              ─▶ engine, one write that does not block ─▶ go on
//! ```
//!
//! A record that finds the producer idle so reaches the socket without waking another thread, which
//! is what its latency would consist of. Under load an answer is always owed, and it is the task
//! that goes on. What needs the task (a dial, an unwritten rest, an earlier alarm) wakes it. Timers
//! and answers, and with them callbacks, are left to the task in any case.

use std::sync::{Arc, Mutex, TryLockError, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

use kafka_accumulator::{Doorbell, Sleep};

use super::Driver;
use crate::engine::Input;

/// The driver, asleep: what the doorbell wakes.
pub(super) struct Sleeper {
    pub(super) task: Waker,
    pub(super) driver: Weak<Mutex<Driver>>,
    pub(super) doorbell: Arc<Doorbell>,
}

/// Whether a step left anything to the task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    ForTheTask,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        if self.drive() == Rest::ForTheTask {
            self.task.wake_by_ref();
        }
    }
}

impl Sleeper {
    fn drive(self: &Arc<Self>) -> Rest {
        let Some(driver) = self.driver.upgrade() else {
            return Rest::ForTheTask;
        };
        let mut driver = match driver.try_lock() {
            Ok(driver) => driver,
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => return Rest::ForTheTask,
        };
        if !driver.engine.is_worth_driving() {
            return Rest::ForTheTask;
        }
        self.doorbell.awake();
        if driver.step() == Rest::ForTheTask {
            return Rest::ForTheTask;
        }
        match self.doorbell.sleep(&Waker::from(Arc::clone(self))) {
            Sleep::Asleep => Rest::Nothing,
            Sleep::Rung => Rest::ForTheTask,
        }
    }
}

impl Driver {
    /// What callers asked for, as far as it takes no task.
    fn step(&mut self) -> Rest {
        self.observe_wall_clock();
        self.engine.handle(Instant::now(), Input::Rung);
        self.act();
        let Self {
            connections,
            events,
            ..
        } = self;
        let mut rest = Rest::Nothing;
        for (id, connection) in connections {
            if !connection.try_write(|event| events.push((*id, event))) {
                rest = Rest::ForTheTask;
            }
        }
        let deadline = self.engine.deadline();
        let earlier = deadline.is_some_and(|deadline| !self.alarm.is_set_for(deadline));
        // A step may be the last one, after a close: it is the task that ends with the engine.
        let ended = self.engine.has_ended();
        if ended || earlier || !self.events.is_empty() || !self.dials.is_empty() {
            rest = Rest::ForTheTask;
        }
        rest
    }
}
