//! The driver under its lock, which only one thread drives at a time: its own, or a caller's.
//!
//! While it is held no code of others is called: no callback, no waker of a task. A build with debug
//! assertions panics where that happens. Only the streams of a dialer are polled like sockets, which must
//! not call into a producer. When the driver has ended there is nothing under the lock.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use kafka_accumulator::NoUserCode;

use super::round::Driver;

/// Where the driver is, as long as there is one.
pub(super) struct SharedDriver(Mutex<Option<Driver>>);

/// The driver, while its lock is held.
pub(super) struct DriverGuard<'a> {
    driver: MutexGuard<'a, Option<Driver>>,
    _quiet: NoUserCode,
}

impl SharedDriver {
    pub(super) fn new(driver: Driver) -> Self {
        Self(Mutex::new(Some(driver)))
    }

    /// The driver, for its own thread; `None` when it has ended.
    pub(super) fn lock(&self) -> Option<DriverGuard<'_>> {
        DriverGuard::of(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The driver, unless another thread drives it, or has panicked while it did.
    pub(super) fn try_lock(&self) -> Option<DriverGuard<'_>> {
        match self.0.try_lock() {
            Ok(driver) => DriverGuard::of(driver),
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the driver away for good, as soon as no thread drives it.
    pub(super) fn take(&self) -> Option<Driver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'a> DriverGuard<'a> {
    fn of(driver: MutexGuard<'a, Option<Driver>>) -> Option<Self> {
        driver.is_some().then(|| Self {
            driver,
            _quiet: NoUserCode::new(),
        })
    }
}

impl Deref for DriverGuard<'_> {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        self.driver.as_ref().expect("checked when it was locked")
    }
}

impl DerefMut for DriverGuard<'_> {
    fn deref_mut(&mut self) -> &mut Driver {
        self.driver.as_mut().expect("checked when it was locked")
    }
}
