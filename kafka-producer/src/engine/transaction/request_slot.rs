//! The one request to a coordinator: whether it is in flight, and when the next may be sent.
//!
//! After a request that failed there is a pause, which doubles with each further failure.

use std::time::{Duration, Instant};

use crate::engine::context::Context;
use crate::engine::timers::Timer;
use crate::error::WaitReason;

/// The pause before the first partition is added again, while the previous transaction is being ended.
const SOON: Duration = Duration::from_millis(20);

/// Room for one request.
#[derive(Debug)]
pub(super) struct RequestSlot {
    state: State,
    /// How many requests in a row have failed.
    failures: u32,
    /// What went wrong last, for the error of a caller that waits for too long.
    last_obstacle: Option<WaitReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None is in flight; one may be sent from `not_before` on.
    Free { not_before: Instant },
    /// One is in flight.
    InFlight,
}

impl RequestSlot {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Free { not_before: now },
            failures: 0,
            last_obstacle: None,
        }
    }

    /// From when on a request may be sent; `None` while one is in flight.
    pub(super) fn not_before(&self) -> Option<Instant> {
        match self.state {
            State::Free { not_before } => Some(not_before),
            State::InFlight => None,
        }
    }

    /// Why the last request did not succeed, if none has succeeded since.
    pub(super) fn obstacle(&self) -> Option<WaitReason> {
        self.last_obstacle.clone()
    }

    /// A request was sent.
    pub(super) fn occupy(&mut self) {
        self.state = State::InFlight;
    }

    /// The request was answered: the next may be sent at once, unless a pause follows.
    pub(super) fn free(&mut self, now: Instant) {
        self.state = State::Free { not_before: now };
    }

    /// The answer was a success.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.last_obstacle = None;
    }

    /// The next request waits, twice as long after each further failure.
    pub(super) fn pause(&mut self, cx: &mut Context, why: WaitReason) {
        self.failures = self.failures.saturating_add(1);
        let pause = cx.backoff(self.failures);
        self.pause_for(cx, pause, why);
    }

    /// The next request waits a little, until the previous transaction has ended.
    pub(super) fn pause_a_little(&mut self, cx: &mut Context, why: WaitReason) {
        self.pause_for(cx, SOON, why);
    }

    fn pause_for(&mut self, cx: &mut Context, pause: Duration, why: WaitReason) {
        let not_before = cx.now + pause;
        self.state = State::Free { not_before };
        self.last_obstacle = Some(why);
        cx.timers.arm(Timer::Transaction, not_before);
    }
}
