//! The driver under its lock, which only one thread drives at a time: its own, or a caller's.
//!
//! While it is held nobody is called: no callback, no waker of anybody's. A build with debug
//! assertions panics if it happens. When the driver has ended the seat is empty.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use kafka_accumulator::NoUserCode;

use super::Driver;

/// Where the driver is, as long as there is one.
pub(super) struct Seat(Mutex<Option<Driver>>);

/// The driver, while its lock is held.
pub(super) struct Locked<'a> {
    seat: MutexGuard<'a, Option<Driver>>,
    _quiet: NoUserCode,
}

impl Seat {
    pub(super) fn new(driver: Driver) -> Self {
        Self(Mutex::new(Some(driver)))
    }

    /// The driver, for its own thread; `None` when it has ended.
    pub(super) fn lock(&self) -> Option<Locked<'_>> {
        Locked::of(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The driver, unless somebody drives it, or it has panicked while somebody did.
    pub(super) fn try_lock(&self) -> Option<Locked<'_>> {
        match self.0.try_lock() {
            Ok(seat) => Locked::of(seat),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        }
    }

    /// Ends the driving: takes the driver away when nobody drives it.
    pub(super) fn take(&self) -> Option<Driver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'a> Locked<'a> {
    fn of(seat: MutexGuard<'a, Option<Driver>>) -> Option<Self> {
        seat.is_some().then(|| Self {
            seat,
            _quiet: NoUserCode::new(),
        })
    }
}

impl Deref for Locked<'_> {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        self.seat.as_ref().expect("looked at when it was locked")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Driver {
        self.seat.as_mut().expect("looked at when it was locked")
    }
}
