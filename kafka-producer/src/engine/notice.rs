//! What is to be told to callers: outcomes of batches, answers to questions, memory that is free.
//!
//! The engine decides while it is locked, perhaps on the thread of a caller who took a step of the
//! driver's; and whoever is told anything may do what he likes: a callback, or the waker of a task,
//! is other people's code and may wait for a lock that this very caller holds. So the engine tells
//! nobody. It writes down what is to be told, in order, and its driver tells it on its own thread,
//! when it has unlocked ([`Engine::hand_over`](super::Engine::hand_over)).
//!
//! What became of a batch cannot be asked for before it is told, and its memory is not free before.

use std::sync::Arc;
use std::task::Waker;

use futures_channel::oneshot;
use kafka_accumulator::{Batch, BatchOutcome, run_user_code, wake_all};

use crate::engine::handle::Question;
use crate::error::DeliveryError;

/// Something that somebody is to be told.
pub(super) enum Notice {
    /// To the records of a batch: what became of it.
    Ended(Arc<Batch<DeliveryError>>, BatchOutcome<DeliveryError>),
    /// To who asked for something: the answer. Boxed, because it is rare beside the other.
    Answer(Box<dyn FnOnce() + Send>),
}

impl Notice {
    /// Of `answer` to who waits for it.
    pub(super) fn answer<T: Send + 'static>(reply: oneshot::Sender<T>, answer: T) -> Self {
        // Who does not listen any more need not be told.
        Self::Answer(Box::new(move || drop(reply.send(answer))))
    }

    /// To who asks an engine that has ended: there will be no answer.
    pub(super) fn unanswered(question: Question) -> Self {
        Self::Answer(Box::new(move || drop(question)))
    }

    pub(super) fn tell(self) {
        match self {
            Self::Ended(batch, fate) => {
                let decided = batch.complete(fate);
                debug_assert!(decided.is_ok(), "a batch is ended once");
            }
            // The waker of who waits may panic, which concerns nobody else.
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
        self.list.drain(..).for_each(Notice::tell);
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
