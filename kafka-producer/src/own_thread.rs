//! Which threads are producers' own: nothing of a producer may be waited for there.
//!
//! On its own thread a producer runs callbacks and wakes tasks. A call that waited there for the
//! producer would wait for ever, because only that thread does what it waits for; two producers could
//! wait for each other in the same way. Such a call is recognised by its thread and rejected. A callback
//! may only make calls that do not wait.
//!
//! An executor may poll futures from inside a waker, and so on this thread, which blocks nothing.
//! Therefore a future is rejected only while a callback runs.

use std::cell::Cell;
use std::marker::PhantomData;

use crate::error::InCallback;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Here {
    /// Not a producer's.
    Elsewhere,
    OwnThread,
    /// On its own thread as well.
    InCallback,
}

thread_local! {
    static HERE: Cell<Here> = const { Cell::new(Here::Elsewhere) };
}

/// Until it is dropped, this thread counts as another kind than before.
pub(crate) struct Entered {
    before: Here,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        HERE.set(self.before);
    }
}

/// This thread is a producer's own.
pub(crate) fn enter() -> Entered {
    change_to(Here::OwnThread)
}

/// A callback is about to be called. On a thread that is not a producer's own it may do anything.
pub(crate) fn enter_callback() -> Entered {
    match HERE.get() {
        Here::Elsewhere => change_to(Here::Elsewhere),
        Here::OwnThread | Here::InCallback => change_to(Here::InCallback),
    }
}

fn change_to(here: Here) -> Entered {
    Entered {
        before: HERE.replace(here),
        _thread: PhantomData,
    }
}

/// Whether this thread may be blocked by `call`, which waits for a producer.
pub(crate) fn may_block(call: &'static str) -> Result<(), InCallback> {
    match HERE.get() {
        Here::Elsewhere => Ok(()),
        Here::OwnThread | Here::InCallback => Err(InCallback { call }),
    }
}

/// Whether `call` may be awaited here.
pub(crate) fn may_await(call: &'static str) -> Result<(), InCallback> {
    match HERE.get() {
        Here::Elsewhere | Here::OwnThread => Ok(()),
        Here::InCallback => Err(InCallback { call }),
    }
}
