//! What is to be told to callers: outcomes of batches, answers to commands, memory that is free.
//!
//! The engine runs under the driver's lock, perhaps on a caller's thread. A callback, or the waker of a
//! task, is user code: it may wait for a lock that this caller holds. So the engine calls none. It lists
//! what is to be told, in order, and the driver tells it on its own thread when it has unlocked
//! ([`Engine::hand_over`](super::Engine::hand_over)).
//!
//! Before that the outcome of a batch cannot be asked for, and its memory is not free.

use std::sync::Arc;
use std::task::Waker;

use futures_channel::oneshot;
use kafka_accumulator::{Batch, BatchOutcome, run_user_code, wake_all};

use crate::engine::handle::Command;
use crate::error::DeliveryError;

/// A batch that has ended.
type EndedBatch = Batch<DeliveryError>;

/// What became of it.
type EndedOutcome = BatchOutcome<DeliveryError>;

/// Something that somebody is to be told.
pub(super) enum Notice {
    /// To the records of a batch: what became of it.
    Ended(Arc<Batch<DeliveryError>>, BatchOutcome<DeliveryError>),
    /// To a caller that asked for something: the answer. Boxed, because there are few of them.
    Answer(Box<dyn FnOnce() + Send>),
}

impl Notice {
    /// An answer for the caller that waits for it.
    pub(super) fn answer<T: Send + 'static>(reply: oneshot::Sender<T>, answer: T) -> Self {
        // The caller may have gone: then nobody need be told.
        Self::Answer(Box::new(move || drop(reply.send(answer))))
    }

    /// For a caller that asks an engine that has ended: there will be no answer.
    pub(super) fn unanswered(command: Command) -> Self {
        Self::Answer(Box::new(move || drop(command)))
    }

    #[cfg(test)]
    pub(super) fn tell(self) {
        self.tell_within(&mut |_, _| ());
    }

    fn tell_within<G>(self, enter: &mut impl FnMut(&EndedBatch, &EndedOutcome) -> G) {
        match self {
            Self::Ended(batch, outcome) => {
                let _entered = enter(&batch, &outcome);
                let decided = batch.complete(outcome);
                debug_assert!(decided.is_ok(), "a batch is ended once");
            }
            // The waker of the caller may panic, which must not keep others from being told.
            Self::Answer(tell) => drop(run_user_code(tell)),
        }
    }
}

/// What an engine has handed over to be told. Kept by its driver, to be filled again.
///
/// ```
/// let mut notices = kafka_producer::engine::Notices::default();
/// notices.tell();
/// ```
#[derive(Default)]
pub struct Notices {
    pub(super) list: Vec<Notice>,
    /// Whose wait for memory is over.
    pub(super) served: Vec<Waker>,
}

impl Notices {
    /// Tells all of it, in order: runs callbacks and wakes tasks, so nothing may be locked.
    pub fn tell(&mut self) {
        self.tell_within(|_, _| ());
    }

    /// The same; while the records of a batch are told of this outcome, there is what `enter` returns for it.
    ///
    /// ```
    /// let mut ended = 0;
    /// kafka_producer::engine::Notices::default().tell_within(|_, _| ended += 1);
    /// assert_eq!(ended, 0);
    /// ```
    pub fn tell_within<G>(&mut self, mut enter: impl FnMut(&EndedBatch, &EndedOutcome) -> G) {
        for notice in self.list.drain(..) {
            notice.tell_within(&mut enter);
        }
        wake_all(&mut self.served);
        if self.list.capacity() > KEPT_NOTICES {
            self.list.shrink_to(KEPT_NOTICES);
        }
    }
}

impl std::fmt::Debug for Notices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notices")
            .field("notices", &self.list.len())
            .field("served", &self.served.len())
            .finish()
    }
}

/// Room for so many is kept when they are told.
const KEPT_NOTICES: usize = 256;
