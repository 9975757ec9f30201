//! The one request to a coordinator: whether one is on its way, and when the next may be sent.
//!
//! After a request that brought nothing there is a pause, which doubles with every one in a row.

use std::time::{Duration, Instant};

use crate::engine::context::Context;
use crate::engine::timers::Timer;
use crate::error::WaitReason;

/// How soon a first partition is added again while the transaction before is being ended.
const SOON: Duration = Duration::from_millis(20);

/// Room for one request.
#[derive(Debug)]
pub(super) struct RequestSlot {
    state: State,
    /// Requests in a row that brought nothing.
    failures: u32,
    /// What went wrong last, for the message of a caller that waits in vain.
    last_obstacle: Option<WaitReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None; one may be made from `not_before` on.
    Free { not_before: Instant },
    /// One is on its way.
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

    /// From when on a request may be sent; `None` while one is on its way.
    pub(super) fn not_before(&self) -> Option<Instant> {
        match self.state {
            State::Free { not_before } => Some(not_before),
            State::InFlight => None,
        }
    }

    /// What kept a coordinator from going on, if nothing has since.
    pub(super) fn obstacle(&self) -> Option<WaitReason> {
        self.last_obstacle.clone()
    }

    /// A request was sent.
    pub(super) fn occupy(&mut self) {
        self.state = State::InFlight;
    }

    /// It was answered: the next may be sent at once, unless the answer is reason for a pause.
    pub(super) fn free(&mut self, now: Instant) {
        self.state = State::Free { not_before: now };
    }

    /// The answer was of use.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.last_obstacle = None;
    }

    /// The next request waits for a while that doubles with every failure in a row.
    pub(super) fn pause(&mut self, cx: &mut Context, why: WaitReason) {
        self.failures = self.failures.saturating_add(1);
        let pause = cx.backoff(self.failures);
        self.pause_for(cx, pause, why);
    }

    /// The next request waits a little: the end of the transaction before takes a moment.
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
