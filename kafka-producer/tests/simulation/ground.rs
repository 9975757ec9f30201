//! What everybody in a run stands on: the clock, chance, the trace, the books, and the first promise
//! that was seen to break.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kafka_producer::engine::{NodeId, Outgoing};

use crate::attempts::Attempts;
use crate::clock::Clock;
use crate::group::Standing;
use crate::ledger::{Decided, Ledger};
use crate::network::LinkId;
use crate::successors::Successor;
use crate::trace::{Story, Trace};
use crate::two_phase::TwoPhaseCounts;
use crate::world::Weather;

/// Shared by the world and all callers, who live on one thread.
pub(crate) struct Ground {
    pub(crate) clock: Arc<Clock>,
    /// What callers choose by.
    pub(crate) random: RefCell<fastrand::Rng>,
    pub(crate) trace: Trace,
    pub(crate) ledger: RefCell<Ledger>,
    /// What engines have sent.
    pub(crate) attempts: RefCell<Attempts>,
    /// Sleepers that the agenda does not know of yet.
    pub(crate) alarms: RefCell<Vec<(Instant, Waker)>>,
    /// How long producers have stood still altogether.
    pub(crate) stalled: Cell<Duration>,
    /// Who is in the consumer group of each producer.
    pub(crate) standings: RefCell<BTreeMap<usize, Standing>>,
    /// Whether things go wrong.
    pub(crate) weather: Cell<Weather>,
    /// Until when callers send nothing.
    pub(crate) lull_until: Cell<Option<Instant>>,
    /// Whether a request of a producer was one by which it fences itself.
    pub(crate) fenced_itself: Cell<bool>,
    /// What was decided when two producers were given the same epoch, if they were.
    pub(crate) before_sharing: RefCell<Option<Decided>>,
    /// Who takes the place of a process that has just ended.
    pub(crate) successors: RefCell<Vec<Successor>>,
    /// What has happened to programs with two-phase commit.
    pub(crate) two_phase: RefCell<TwoPhaseCounts>,
    breach: RefCell<Option<Breach>>,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Which.
    pub(crate) promise: &'static str,
    /// What was seen.
    pub(crate) story: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.story)
    }
}

impl Ground {
    pub(crate) fn new(seed: u64, story: Story) -> Self {
        let clock = Arc::new(Clock::new());
        Self {
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            trace: Trace::new(Arc::clone(&clock), story),
            clock,
            ledger: RefCell::new(Ledger::default()),
            attempts: RefCell::default(),
            alarms: RefCell::default(),
            stalled: Cell::default(),
            standings: RefCell::default(),
            weather: Cell::new(Weather::Storm),
            lull_until: Cell::default(),
            fenced_itself: Cell::default(),
            before_sharing: RefCell::default(),
            successors: RefCell::default(),
            two_phase: RefCell::default(),
            breach: RefCell::default(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Who is in the consumer group of a producer.
    pub(crate) fn standing(&self, client: usize) -> Standing {
        let standings = self.standings.borrow();
        standings.get(&client).copied().unwrap_or_default()
    }

    /// An engine has given a request to the connection to a broker.
    pub(crate) fn note_attempts(&self, node: NodeId, link: Option<LinkId>, request: &Outgoing) {
        let mut attempts = self.attempts.borrow_mut();
        attempts.made(node, self.now(), link, request);
    }

    /// Notes that a promise is broken; the first one counts.
    pub(crate) fn broken(&self, promise: &'static str, story: impl Into<String>) {
        let story = story.into();
        self.trace.tell("BROKEN", || format!("{promise}: {story}"));
        let mut breach = self.breach.borrow_mut();
        breach.get_or_insert(Breach { promise, story });
    }

    /// Two producers have the same epoch from now on: to brokers they are one.
    pub(crate) fn note_sharing(&self) {
        let decided = || self.ledger.borrow().decided();
        self.before_sharing.borrow_mut().get_or_insert_with(decided);
    }

    /// The first promise that was broken.
    pub(crate) fn breach(&self) -> Option<Breach> {
        self.breach.borrow().clone()
    }

    pub(crate) fn has_breach(&self) -> bool {
        self.breach.borrow().is_some()
    }

    /// Rests, by the clock of the run.
    pub(crate) fn sleep(&self, time: Duration) -> Sleep<'_> {
        Sleep {
            ground: self,
            until: self.now() + time,
            state: SleepState::New,
        }
    }

    /// Rests `time`, and longer while nobody sends anything.
    pub(crate) async fn pause(&self, time: Duration) {
        if !time.is_zero() {
            self.sleep(time).await;
        }
        while let Some(until) = self.lull_until.get().filter(|until| *until > self.now()) {
            self.sleep(until - self.now()).await;
        }
    }

    pub(crate) fn chance(&self, percent: u32) -> bool {
        self.random.borrow_mut().u32(..100) < percent
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        self.random.borrow_mut().usize(..bound)
    }

    /// Some time between these many microseconds.
    pub(crate) fn some_us(&self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.random.borrow_mut().u64(least..=most))
    }

    /// By how much a record is dated back: every other one is of today.
    pub(crate) fn age(&self, most: Duration) -> Duration {
        match self.chance(50) {
            true => self.some_us(0, most.as_micros() as u64),
            false => Duration::ZERO,
        }
    }

    /// `future`, unless `time` is over first: then it is dropped where it stands.
    pub(crate) async fn unless_after<F: Future>(
        &self,
        time: Duration,
        future: F,
    ) -> Option<F::Output> {
        let mut future = Box::pin(future);
        let mut sleep = Box::pin(self.sleep(time));
        std::future::poll_fn(move |context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            sleep.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

/// Ends when its time has come.
pub(crate) struct Sleep<'a> {
    ground: &'a Ground,
    until: Instant,
    state: SleepState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SleepState {
    New,
    Noted,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.ground.now() >= self.until {
            return Poll::Ready(());
        }
        if self.state == SleepState::New {
            self.state = SleepState::Noted;
            let alarm = (self.until, context.waker().clone());
            self.ground.alarms.borrow_mut().push(alarm);
        }
        Poll::Pending
    }
}
