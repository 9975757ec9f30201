//! The atomics and locks of this crate: the standard ones, or loom's when a test explores every
//! interleaving of them.
//!
//! Locks here guard plain data that is consistent between any two statements, so a lock that was
//! poisoned by a panic is taken all the same: one panicking caller must not stop the producer.

use std::{
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex,
    atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex,
    atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering},
};

#[cfg(loom)]
use loom::sync::MutexGuard;
#[cfg(not(loom))]
use std::sync::MutexGuard;

use crate::user_code::NoUserCode;

/// What a lock guards, while it is held; no user code runs meanwhile.
pub(crate) struct Guard<'a, T> {
    guarded: MutexGuard<'a, T>,
    _quiet: NoUserCode,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.guarded
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guarded
    }
}

/// Takes the lock, poisoned or not.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Guard<'_, T> {
    Guard {
        guarded: mutex.lock().unwrap_or_else(PoisonError::into_inner),
        _quiet: NoUserCode::new(),
    }
}

/// A value that is written once and read without a lock.
#[cfg(not(loom))]
pub(crate) use std::sync::OnceLock as Once;

/// The same for loom, which has no such cell: what loom explores is the flag that publishes it.
#[cfg(loom)]
#[derive(Debug)]
pub(crate) struct Once<T> {
    value: std::sync::OnceLock<T>,
    published: AtomicU8,
}

#[cfg(loom)]
impl<T> Once<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: std::sync::OnceLock::new(),
            published: AtomicU8::new(0),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        match self.published.load(Ordering::Acquire) {
            0 => None,
            _ => self.value.get(),
        }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.published.store(1, Ordering::Release);
        Ok(())
    }
}
