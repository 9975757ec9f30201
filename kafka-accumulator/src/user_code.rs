//! Calls into user code: callbacks and wakers.
//!
//! Whatever such code does, the producer goes on: a panic is caught here, and so is one of dropping its
//! payload. User code never runs while a lock of ours is held, because it may wait for another thread that
//! waits for that lock: in a build with debug assertions it panics where there is a [`NoUserCode`].
//!
//! All of it is hidden in the documentation: it is shared with the producer, which calls callbacks and
//! wakers by the same rules, and is no part of an accumulator.

use std::{
    any::Any,
    cell::Cell,
    fmt,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Waker,
};

/// The message of a panic.
///
/// ```
/// let panic = kafka_accumulator::catch_panic(|| panic!("no such key")).unwrap_err();
/// assert_eq!(panic.to_string(), "no such key");
/// ```
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic(Arc<str>);

impl Panic {
    /// Its message.
    pub fn message(&self) -> &Arc<str> {
        &self.0
    }

    fn of(payload: Box<dyn Any + Send>) -> Self {
        let said = match (payload.downcast_ref(), payload.downcast_ref::<String>()) {
            (Some(text), _) => *text,
            (None, Some(text)) => text.as_str(),
            (None, None) => "a panic without a message",
        };
        let panic = Self(Arc::from(said));
        // Dropping the payload may panic, too. The payload of that second panic is leaked: dropping it might
        // go on for ever.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        panic
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs `call`; if it panics, returns the message.
///
/// ```
/// assert_eq!(kafka_accumulator::catch_panic(|| 7).ok(), Some(7));
/// ```
#[doc(hidden)]
pub fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(call)).map_err(Panic::of)
}

/// Runs a callback or wakes a task, as [`catch_panic`] does; not where there is a [`NoUserCode`].
///
/// ```
/// assert!(kafka_accumulator::run_user_code(|| panic!("other people's code")).is_err());
/// ```
#[doc(hidden)]
pub fn run_user_code(call: impl FnOnce()) -> Result<(), Panic> {
    assert_user_code_may_run();
    catch_panic(call)
}

/// Wakes all of them, whatever one of them does. Not where there is a [`NoUserCode`].
///
/// ```
/// use std::task::Waker;
///
/// kafka_accumulator::wake_all(&mut vec![Waker::noop().clone()]);
/// ```
#[doc(hidden)]
pub fn wake_all(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        // The panic hook has reported it, and there is nothing else to be done about it.
        let _ = run_user_code(|| waker.wake());
    }
}

/// Whether [`NoUserCode`] is checked. Loom's threads are one thread to the counter.
const CHECKED: bool = cfg!(all(debug_assertions, not(loom)));

thread_local! {
    /// How many [`NoUserCode`] this thread has.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, this thread holds a lock of the producer's: it must not run user code.
///
/// It is checked in builds with debug assertions, and costs nothing in others.
///
/// ```
/// let quiet = kafka_accumulator::NoUserCode::new();
/// drop(quiet);
/// kafka_accumulator::wake_all(&mut vec![std::task::Waker::noop().clone()]);
/// ```
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "it marks what is done while it lives"]
pub struct NoUserCode(PhantomData<*const ()>);

impl NoUserCode {
    /// From here on.
    #[allow(clippy::new_without_default, reason = "it does something")]
    #[inline(always)]
    pub fn new() -> Self {
        if CHECKED {
            let _ = HELD.try_with(|held| held.set(held.get() + 1));
        }
        Self(PhantomData)
    }
}

impl Drop for NoUserCode {
    #[inline(always)]
    fn drop(&mut self) {
        if CHECKED {
            let _ = HELD.try_with(|held| held.set(held.get() - 1));
        }
    }
}

#[inline(always)]
fn assert_user_code_may_run() {
    let held = if CHECKED {
        HELD.try_with(Cell::get)
    } else {
        Ok(0)
    };
    // A thread that unwinds may drop batches, and so complete them, wherever it is.
    assert!(
        held.unwrap_or(0) == 0 || std::thread::panicking(),
        "a callback or a waker is called while the producer holds a lock of its own"
    );
}
