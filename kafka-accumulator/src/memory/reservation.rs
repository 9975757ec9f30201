//! Memory that is reserved, and the wait for it.
//!
//! Reserved memory is charged to an [account](super::account), and given back to the same one when the
//! reservation is dropped, whoever leads the partition by then. A wait is a plain future; its deadline is
//! enforced by whoever calls [`Budget::expire`] with the time. What is given to whom is decided in the
//! [budget](super::budget), not here.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use super::{
    account::Account,
    budget::{Asks, Budget, Joined},
    waiters::{Answer, Place},
};
use crate::{
    error::ReserveError,
    sync::{AtomicUsize, Ordering},
};

/// Bytes that are charged to an account until this is dropped.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// # use std::{pin::pin, future::Future, task::{Context, Poll, Waker}};
/// let mut reserve = pin!(accumulator.reserve(1_024, now));
/// let mut context = Context::from_waker(Waker::noop());
/// let Poll::Ready(Ok(reservation)) = reserve.as_mut().poll(&mut context) else {
///     panic!("there is memory");
/// };
/// assert_eq!(reservation.bytes(), 1_024);
/// drop(reservation);
/// assert_eq!(accumulator.memory_in_use(), 0);
/// ```
pub struct Reservation {
    budget: Arc<Budget>,
    account: Arc<Account>,
    bytes: AtomicUsize,
}

impl Reservation {
    /// Charges an account with `bytes` that are there, if whoever `asks` overtakes nobody.
    pub(crate) fn of(
        budget: &Arc<Budget>,
        account: &Arc<Account>,
        bytes: usize,
        asks: Asks,
    ) -> Option<Self> {
        budget.charge(account, bytes, asks).then(|| {
            let (budget, account) = (Arc::clone(budget), Arc::clone(account));
            Self::new(budget, account, bytes)
        })
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire)
    }

    /// What they are charged to.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Lets whoever calls answer for what is held.
    pub(super) fn take(&self) -> usize {
        self.bytes.swap(0, Ordering::AcqRel)
    }

    /// Gives back all but `bytes` of what is held.
    pub(crate) fn keep(&self, bytes: usize) {
        let kept = |held: usize| Some(held.min(bytes));
        let held = self
            .bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, kept);
        let surplus = held.unwrap_or(0).saturating_sub(bytes);
        self.budget.discharge(&self.account, surplus);
    }

    fn new(budget: Arc<Budget>, account: Arc<Account>, bytes: usize) -> Self {
        let bytes = AtomicUsize::new(bytes);
        Self {
            budget,
            account,
            bytes,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.discharge(&self.account, self.bytes());
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// The share of an open batch in what its account uses.
pub(crate) struct OpenShare {
    account: Arc<Account>,
    bytes: usize,
}

impl OpenShare {
    /// Counts `bytes` as an open batch's, until this is dropped.
    pub(crate) fn of(account: &Arc<Account>, bytes: usize) -> Self {
        account.open(bytes);
        let account = Arc::clone(account);
        Self { account, bytes }
    }

    /// Whether it is a share in what this account uses.
    pub(crate) fn is_in(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }

    /// Takes over all of `other`, which is a share in the same account.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Charges an account with `bytes` that are there, for an open batch to grow by, unless a caller waits
    /// for memory. An open batch is no part of the backlog, so callers that wait for that are not overtaken.
    pub(crate) fn reserve(
        budget: &Arc<Budget>,
        account: &Arc<Account>,
        bytes: usize,
    ) -> Option<(Reservation, Self)> {
        let reservation = Reservation::of(budget, account, bytes, Asks::ToGrow)?;
        let account = Arc::clone(account);
        Some((reservation, Self { account, bytes }))
    }
}

impl Drop for OpenShare {
    fn drop(&mut self) {
        self.account.close(self.bytes);
    }
}

/// A wait for memory, in order of arrival.
///
/// The order is that in which the futures are made, not that of their first polls. Cancel safe: dropped,
/// it waits no longer, and what was granted but not yet fetched is given back.
///
/// ```
/// # use std::{sync::Arc, time::{Duration, Instant}};
/// # use kafka_accumulator::*;
/// # use kafka_accumulator::records::RecordParts;
/// # let settings = Settings::default().batch_size(1_024).buffer_memory(4_096);
/// # let accumulator = Accumulator::new(settings, Arc::new(Doorbell::new()), || "abandoned");
/// # let queue = accumulator.queue(Arc::from("orders"), 0, 0);
/// # let now = Instant::now();
/// let all = accumulator.reserve(4_096, now);
/// let impatient = accumulator.reserve(1_024, now);
/// drop(impatient);
/// drop(all);
/// assert_eq!(accumulator.memory_in_use(), 0);
/// ```
#[must_use = "dropping it ends the wait"]
pub struct Reserve {
    budget: Arc<Budget>,
    bytes: usize,
    state: ReserveState,
}

enum ReserveState {
    /// The answer was there at once.
    Answered(Result<Reservation, ReserveError>),
    Waiting {
        ticket: u64,
    },
    Fetched,
}

impl Reserve {
    /// Charges an account with `bytes`, or begins to wait for them.
    pub(crate) fn of(
        budget: &Arc<Budget>,
        account: &Arc<Account>,
        place: Place,
        bytes: usize,
        deadline: Instant,
    ) -> Self {
        let limit = budget.total();
        let answered = ReserveState::Answered;
        let state = match bytes > limit {
            true => answered(Err(ReserveError::TooLarge { bytes, limit })),
            false => match budget.join(account, place, bytes, deadline) {
                Joined::Granted { account } => {
                    answered(Ok(Reservation::new(Arc::clone(budget), account, bytes)))
                }
                Joined::Closed => answered(Err(ReserveError::Closed)),
                Joined::Waits { ticket } => ReserveState::Waiting { ticket },
            },
        };
        let budget = Arc::clone(budget);
        Self {
            budget,
            bytes,
            state,
        }
    }

    /// Whether it has to wait for its turn; else the first poll is ready.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, ReserveState::Waiting { .. })
    }
}

impl Future for Reserve {
    type Output = Result<Reservation, ReserveError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.state, ReserveState::Fetched) {
            ReserveState::Answered(answer) => Poll::Ready(answer),
            ReserveState::Waiting { ticket } => {
                let Some(answer) = self.budget.poll_ticket(ticket, context.waker()) else {
                    self.state = ReserveState::Waiting { ticket };
                    return Poll::Pending;
                };
                Poll::Ready(match answer {
                    Answer::Granted { account, bytes } => {
                        Ok(Reservation::new(Arc::clone(&self.budget), account, bytes))
                    }
                    Answer::TimedOut => Err(ReserveError::TimedOut { bytes: self.bytes }),
                    Answer::Closed => Err(ReserveError::Closed),
                })
            }
            ReserveState::Fetched => panic!("a Reserve was polled after it was ready"),
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        if let ReserveState::Waiting { ticket } = self.state {
            self.budget.leave(ticket);
        }
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
