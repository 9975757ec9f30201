//! How callers wake the one task that serves the queues, and only when it sleeps.
//!
//! ```text
//!            ring                     sleep
//!  Awake ──────────▶ Rung     Awake ──────────▶ Asleep
//!    ▲                │          ▲                 │
//!    └──── awake ─────┘          └─── ring: wake ──┘ (by way of Rung)
//! ```
//!
//! A caller puts what is to be done on a list (under a lock) *before* it rings. The driver says that it
//! is [`awake`](Doorbell::awake) *before* it reads the lists. So whatever one reading misses leaves the
//! bell rung, and [`sleep`](Doorbell::sleep) returns at once.
//!
//! A driver that has set itself an alarm, because a batch lingers, says so with
//! [`announce_alarm`](Doorbell::announce_alarm): until then a [lazy ring](Doorbell::ring_lazily) does
//! not wake it. One that will be woken even sooner, by a broker's answer, may let
//! [some rings](Doorbell::ring_counted) pass ([`ring_after`](Doorbell::ring_after)), to do more at a
//! time. It withdraws both *before* it reads the lists, so that whatever it does not find there rings.
//!
//! Nothing here knows a runtime; a simulation uses it without any waker.

use std::{fmt, task::Waker};

use crate::sync::{AtomicU8, AtomicUsize, Mutex, Ordering, lock};

/// Wakes one driver.
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
    /// How many counted rings pass before one rings.
    to_pass: AtomicUsize,
    sleeper: Mutex<Option<Waker>>,
}

/// Whether the driver may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a driver that was rung for must not sleep"]
pub enum Sleep {
    /// It may: the next ring wakes it.
    Asleep,
    /// It was rung for since the last [`Doorbell::awake`]: it must read its lists again.
    Rung,
}

// Hidden: what spares the producer's driver needless wakes, and what a driver does that ends before its
// accumulator. A simple driver rings, sleeps and awakes.
impl Doorbell {
    /// A bell that has not been rung; its driver is awake.
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(AWAKE),
            alarm: AtomicU8::new(NO_ALARM),
            to_pass: AtomicUsize::new(0),
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

    /// Says that there is something to do that can wait for the driver's alarm: rings only if none is set.
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
    #[doc(hidden)]
    pub fn ring_lazily(&self) {
        if self.alarm.load(Ordering::SeqCst) == NO_ALARM {
            self.ring();
        }
    }

    /// Says that there is something to do: rings unless the driver lets this ring pass.
    ///
    /// ```
    /// let bell = kafka_accumulator::Doorbell::new();
    /// bell.ring_after(1);
    /// bell.ring_counted();
    /// assert!(!bell.is_rung());
    /// bell.ring_counted();
    /// assert!(bell.is_rung());
    /// ```
    #[doc(hidden)]
    pub fn ring_counted(&self) {
        let one_less = |to_pass: usize| to_pass.checked_sub(1);
        let passed = self
            .to_pass
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if passed.is_err() {
            self.ring();
        }
    }

    /// The driver will be woken very soon, and read all lists then: the next `passing` counted rings
    /// need not wake it.
    #[doc(hidden)]
    pub fn ring_after(&self, passing: usize) {
        self.to_pass.store(passing, Ordering::SeqCst);
    }

    /// The driver will be woken within a linger by its own timer, and read all lists then.
    #[doc(hidden)]
    pub fn announce_alarm(&self) {
        self.alarm.store(ALARM, Ordering::SeqCst);
    }

    /// The driver may not be woken by itself any more; it reads all lists *after* this.
    #[doc(hidden)]
    pub fn withdraw_alarm(&self) {
        self.alarm.store(NO_ALARM, Ordering::SeqCst);
        self.to_pass.store(0, Ordering::SeqCst);
    }

    /// The driver is awake: it reads all lists *after* this. Returns whether it was rung for.
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

    /// The driver has nothing to do: the next ring wakes `waker`, unless there was a ring already.
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

    /// The driver has ended: rings wake nobody, and its waker, with all that belongs to it, is dropped.
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
    #[doc(hidden)]
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
