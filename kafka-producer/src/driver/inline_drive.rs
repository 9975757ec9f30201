//! While nothing is on its way and little is to be sent, the caller that rings the doorbell does the
//! driver's next step on its own thread.
//!
//! ```text
//! caller: append ─▶ ring ─▶ the driver sleeps ─▶ its lock is free, no response is awaited
//!                                              ─▶ engine, one write that does not block ─▶ go on
//! ```
//!
//! So a record that finds the producer idle reaches the socket without waking another thread, which
//! is most of what its latency would be. Under load a response is always outstanding, and the task
//! does the work. What needs the task wakes it: a dial, a write that the socket did not take whole, an
//! earlier alarm, anything to report to callers (a step calls no code of others). Timers and responses
//! are always the task's. If a step panics, the task reports it; the caller goes on.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

use kafka_accumulator::{Sleep, catch_panic};

use super::round::Driver;
use super::shared::SharedDriver;
use crate::engine::Input;

/// What the doorbell wakes while the task sleeps. Its reference to the driver is weak, because the
/// doorbell, which the driver holds, holds it.
pub(super) struct InlineWaker {
    pub(super) task: Waker,
    pub(super) driver: Weak<SharedDriver>,
}

/// Whether a step left anything to the task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    ForTheTask,
}

impl Wake for InlineWaker {
    fn wake(self: Arc<Self>) {
        if self.drive() == Rest::ForTheTask {
            self.task.wake_by_ref();
        }
    }
}

impl InlineWaker {
    fn drive(self: &Arc<Self>) -> Rest {
        let Some(driver) = self.driver.upgrade() else {
            return Rest::ForTheTask;
        };
        let Some(mut driver) = driver.try_lock() else {
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
    fn step_for_caller(&mut self, waker: &Arc<InlineWaker>) -> Rest {
        if self.defect.is_some() || !self.engine.is_worth_driving() {
            return Rest::ForTheTask;
        }
        self.doorbell.awake();
        if self.step() == Rest::ForTheTask {
            return Rest::ForTheTask;
        }
        match self.doorbell.sleep(&Waker::from(Arc::clone(waker))) {
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
        self.tell_traffic();
        let deadline = self.engine.deadline();
        let earlier = deadline.is_some_and(|deadline| !self.alarm.is_set_for(deadline));
        // A step may be the last one, after a close: it is the task that ends with the engine.
        let ended = self.engine.has_ended() || self.engine.has_notices();
        let begun = !(self.to_dial.is_empty() && self.dials.is_empty() && self.outside.is_empty());
        if ended || earlier || begun || !self.events.is_empty() {
            rest = Rest::ForTheTask;
        }
        rest
    }
}
