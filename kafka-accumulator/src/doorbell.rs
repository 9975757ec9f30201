//! How callers wake the one task that serves the queues, and only when it sleeps.
//!
//! ```text
//!            ring                     sleep
//!  Awake ──────────▶ Rung     Awake ──────────▶ Asleep
//!    ▲                │          ▲                 │
//!    └──── awake ─────┘          └─── ring: wake ──┘ (by way of Rung)
//! ```
//!
//! Whoever rings has written down *before* what it is about (in a list, under a lock); the driver
//! first says that it is [`awake`](Doorbell::awake), *then* reads the lists. So whatever is
//! missed by one reading leaves the bell rung, and [`sleep`](Doorbell::sleep) refuses.
//!
//! A driver that will get up by itself soon, because it waits for a linger to be over, says so with
//! [`announce_alarm`](Doorbell::announce_alarm): then what is in no hurry is only written down
//! ([`note`](Doorbell::ring_lazily)). One that will get up even sooner, because an answer is owed to it,
//! may ask for patience: that several have something to do before it is rung for
//! ([`knock`](Doorbell::ring_counted)), so that what is done at one go is more. It takes its word back
//! *before* it reads the lists, so that what it does not find there was rung for.
//!
//! Nothing here knows a runtime; a simulation uses it without any waker.

use std::{fmt, task::Waker};

use crate::sync::{AtomicU8, AtomicUsize, Mutex, Ordering, lock};

/// A bell with one sleeper.
///
/// ```
/// use std::task::Waker;
///
/// use kafka_accumulator::{Doorbell, Sleep};
///
/// let bell = Doorbell::new();
/// bell.ring();
/// // The driver: it has been rung for, so it may not sleep before it has looked.
/// assert_eq!(bell.sleep(Waker::noop()), Sleep::Rung);
/// assert!(bell.awake());
/// // (reads its lists)
/// assert_eq!(bell.sleep(Waker::noop()), Sleep::Asleep);
/// ```
pub struct Doorbell {
    state: AtomicU8,
    alarm: AtomicU8,
    /// How many more may knock before the bell rings.
    patience: AtomicUsize,
    sleeper: Mutex<Option<Waker>>,
}

/// What became of the wish to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "who was rung for must not sleep"]
pub enum Sleep {
    /// The next ring wakes.
    Asleep,
    /// There was a ring since the last [`Doorbell::awake`]: look again, then try again.
    Rung,
}

impl Doorbell {
    /// A bell that has not been rung; its driver is awake.
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(AWAKE),
            alarm: AtomicU8::new(NO_ALARM),
            patience: AtomicUsize::new(0),
            sleeper: Mutex::new(None),
        }
    }

    /// Says that there is something to do. Wakes the driver if it sleeps; else costs one atomic.
    ///
    /// ```
    /// let bell = kafka_accumulator::Doorbell::new();
    /// bell.ring();
    /// assert!(bell.is_rung());
    /// ```
    pub fn ring(&self) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            let sleeper = lock(&self.sleeper).take();
            if let Some(waker) = sleeper {
                waker.wake();
            }
        }
    }

    /// Says that there is something to do, but nothing that could not wait for an alarm: rings only
    /// if none is set.
    ///
    /// ```
    /// let bell = kafka_accumulator::Doorbell::new();
    /// bell.announce_alarm();
    /// bell.ring_lazily();
    /// assert!(!bell.is_rung());
    /// bell.withdraw_alarm();
    /// bell.ring_lazily();
    /// assert!(bell.is_rung());
    /// ```
    pub fn ring_lazily(&self) {
        if self.alarm.load(Ordering::SeqCst) == NO_ALARM {
            self.ring();
        }
    }

    /// Says that there is something to do: rings unless the driver has asked for more patience.
    ///
    /// ```
    /// let bell = kafka_accumulator::Doorbell::new();
    /// bell.ring_after(1);
    /// bell.ring_counted();
    /// assert!(!bell.is_rung());
    /// bell.ring_counted();
    /// assert!(bell.is_rung());
    /// ```
    pub fn ring_counted(&self) {
        let one_less = |patience: usize| patience.checked_sub(1);
        let patient = self
            .patience
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if patient.is_err() {
            self.ring();
        }
    }

    /// The driver will get up by itself very soon, and read all lists then: the next `knocks` need
    /// not ring.
    pub fn ring_after(&self, knocks: usize) {
        self.patience.store(knocks, Ordering::SeqCst);
    }

    /// The driver will get up by itself within a linger, and read all lists then.
    pub fn announce_alarm(&self) {
        self.alarm.store(ALARM, Ordering::SeqCst);
    }

    /// The driver may not get up by itself any more; it reads all lists *after* this.
    pub fn withdraw_alarm(&self) {
        self.alarm.store(NO_ALARM, Ordering::SeqCst);
        self.patience.store(0, Ordering::SeqCst);
    }

    /// The driver is up: it reads all lists *after* this. Tells whether it was rung for.
    ///
    /// ```
    /// let bell = kafka_accumulator::Doorbell::new();
    /// bell.ring();
    /// assert!(bell.awake());
    /// assert!(!bell.awake(), "not again since");
    /// ```
    pub fn awake(&self) -> bool {
        self.state.swap(AWAKE, Ordering::SeqCst) == RUNG
    }

    /// The driver has nothing to do: the next ring wakes `waker`, unless there was one already.
    ///
    /// ```
    /// use std::{future::poll_fn, task::Poll};
    ///
    /// use kafka_accumulator::{Doorbell, Sleep};
    ///
    /// /// Returns when there was a ring; the lists are read after it.
    /// async fn rung(bell: &Doorbell) {
    ///     poll_fn(|context| match bell.sleep(context.waker()) {
    ///         Sleep::Asleep => Poll::Pending,
    ///         Sleep::Rung => Poll::Ready(()),
    ///     })
    ///     .await;
    ///     bell.awake();
    /// }
    /// ```
    pub fn sleep(&self, waker: &Waker) -> Sleep {
        let waker = waker.clone();
        let before = lock(&self.sleeper).replace(waker);
        drop(before);
        let slept = self
            .state
            .compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst);
        match slept {
            Ok(_) | Err(ASLEEP) => Sleep::Asleep,
            Err(_) => Sleep::Rung,
        }
    }

    /// The driver has ended: rings wake nobody, and its waker, with all that belongs to it, is let
    /// go of.
    ///
    /// ```
    /// use std::{sync::Arc, task::{Wake, Waker}};
    ///
    /// struct Sleeper;
    /// impl Wake for Sleeper {
    ///     fn wake(self: Arc<Self>) {}
    /// }
    ///
    /// let (bell, sleeper) = (kafka_accumulator::Doorbell::new(), Arc::new(Sleeper));
    /// let _ = bell.sleep(&Waker::from(Arc::clone(&sleeper)));
    /// bell.dismiss();
    /// assert_eq!(Arc::strong_count(&sleeper), 1);
    /// ```
    pub fn dismiss(&self) {
        let sleeper = lock(&self.sleeper).take();
        drop(sleeper);
    }

    /// Whether it was rung since the last [`awake`](Self::awake).
    pub fn is_rung(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RUNG
    }
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Ordering::SeqCst) {
            AWAKE => "awake",
            RUNG => "rung",
            _ => "asleep",
        };
        f.debug_tuple("Doorbell").field(&state).finish()
    }
}

const NO_ALARM: u8 = 0;
const ALARM: u8 = 1;
const AWAKE: u8 = 0;
const RUNG: u8 = 1;
const ASLEEP: u8 = 2;
