//! What is to be told when no lock is held: outcomes, answers, and memory that is free or not to be had.

use std::task::Waker;

use futures_channel::oneshot;
use kafka_accumulator::{Batch, BatchOutcome, run_user_code};

use crate::error::DeliveryError;

/// Something that somebody is to be told.
pub(super) enum Notice {
    /// To the record of a batch: what became of it.
    Ended(Batch<DeliveryError>, BatchOutcome<DeliveryError>),
    /// To a caller that asked for something: the answer.
    Answer(Box<dyn FnOnce() + Send>),
    /// To a caller that waits for memory: that this is over.
    Wake(Waker),
}

impl Notice {
    /// An answer for the caller that waits for it.
    pub(super) fn answer<T: Send + 'static>(reply: oneshot::Sender<T>, answer: T) -> Self {
        // The caller may have gone: then nobody need be told.
        Self::Answer(Box::new(move || drop(reply.send(answer))))
    }

    pub(super) fn tell(self) {
        match self {
            // A callback that panics has been told of by whoever runs it.
            Self::Ended(batch, outcome) => drop(batch.complete(outcome)),
            Self::Answer(tell) => drop(run_user_code(tell)),
            Self::Wake(waker) => drop(run_user_code(|| waker.wake())),
        }
    }
}
