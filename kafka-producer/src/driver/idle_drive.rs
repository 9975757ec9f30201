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
//! and answers are left to the task in any case, and whatever is to be told to anybody: a step calls
//! nobody. If it panics, that is for the task to see to, too; the caller goes on.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

use kafka_accumulator::{Sleep, catch_panic};

use super::Driver;
use super::seat::Seat;
use crate::engine::Input;

/// The driver, asleep: what the doorbell wakes. It holds nothing of the driver's but the task's waker,
/// because the doorbell holds it.
pub(super) struct Sleeper {
    pub(super) task: Waker,
    pub(super) seat: Weak<Seat>,
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
        let Some(seat) = self.seat.upgrade() else {
            return Rest::ForTheTask;
        };
        let Some(mut driver) = seat.try_lock() else {
            return Rest::ForTheTask;
        };
        match catch_panic(|| driver.step_for_caller(self)) {
            Ok(rest) => rest,
            Err(panic) => {
                driver.defect = Some(panic);
                Rest::ForTheTask
            }
        }
    }
}

impl Driver {
    /// Does a step on a caller's thread, if that is worth it, and goes to sleep again.
    fn step_for_caller(&mut self, sleeper: &Arc<Sleeper>) -> Rest {
        if self.defect.is_some() || !self.engine.is_worth_driving() {
            return Rest::ForTheTask;
        }
        self.doorbell.awake();
        if self.step() == Rest::ForTheTask {
            return Rest::ForTheTask;
        }
        match self.doorbell.sleep(&Waker::from(Arc::clone(sleeper))) {
            Sleep::Asleep => Rest::Nothing,
            Sleep::Rung => Rest::ForTheTask,
        }
    }

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
        let ended = self.engine.has_ended() || self.engine.has_notices();
        if ended || earlier || !self.events.is_empty() || !self.dials.is_empty() {
            rest = Rest::ForTheTask;
        }
        rest
    }
}
