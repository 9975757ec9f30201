//! Where callers and the engine meet, besides the accumulator.
//!
//! Callers leave questions here and ring; the engine answers each exactly once. The cluster
//! snapshot hangs above the desk for everyone to read. Nothing here is touched per record except
//! that snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use futures_channel::oneshot;
use kafka_accumulator::{Completion, Doorbell};

use super::cluster::Cluster;
use crate::error::{DeliveryError, FatalError, SendError};

/// Shared between all handles of one producer and its engine.
#[derive(Debug)]
pub struct Desk {
    cluster: ArcSwap<Cluster>,
    /// `None` when the engine has ended and nobody will answer.
    questions: Mutex<Option<Vec<Question>>>,
    state: ArcSwap<DeskState>,
    doorbell: Arc<Doorbell>,
}

/// Whether the producer still takes records.
#[derive(Clone, Debug)]
pub enum DeskState {
    /// It does.
    Open,
    /// `close` was called.
    Closed,
    /// It failed as a whole.
    Failed(FatalError),
}

/// What a caller wants of the engine.
#[derive(Debug)]
pub enum Question {
    /// Tell me when this topic can be written to, or that it never will, by `deadline`.
    Topic {
        /// Its name.
        name: Arc<str>,
        /// `max.block.ms` from the call.
        since: Instant,
        /// When to give up.
        deadline: Instant,
        /// Dropped if nobody waits any more.
        reply: oneshot::Sender<Result<(), SendError>>,
    },
    /// Send everything now, and tell me what that is.
    Flush {
        /// One completion per batch that is not decided yet.
        reply: oneshot::Sender<Vec<Arc<Completion<DeliveryError>>>>,
    },
    /// Send everything, take nothing more, and end by `deadline`.
    Close {
        /// When the rest is given up; `None`: when each record's own time is up.
        deadline: Option<Instant>,
        /// What became of the records that were still here.
        reply: oneshot::Sender<CloseReport>,
    },
}

/// What became of the records that had no outcome when `close` was called.
///
/// ```
/// let report = kafka_producer::CloseReport::default();
/// assert!(report.is_clean());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloseReport {
    /// Acknowledged.
    pub delivered: u64,
    /// Failed, and not in the log.
    pub failed: u64,
    /// Failed, and possibly in the log.
    pub unknown: u64,
}

impl CloseReport {
    /// Whether every record was acknowledged.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.unknown == 0
    }
}

impl Desk {
    /// An empty desk of an open producer.
    pub fn new(doorbell: Arc<Doorbell>) -> Self {
        Self {
            cluster: ArcSwap::default(),
            questions: Mutex::new(Some(Vec::new())),
            state: ArcSwap::from_pointee(DeskState::Open),
            doorbell,
        }
    }

    /// The snapshot of now.
    pub fn cluster(&self) -> arc_swap::Guard<Arc<Cluster>> {
        self.cluster.load()
    }

    /// Whether records are taken.
    pub fn state(&self) -> DeskState {
        DeskState::clone(&self.state.load())
    }

    /// Leaves a question and rings. It is dropped, and with it the reply, if the engine has ended.
    pub fn ask(&self, question: Question) {
        if let Some(questions) = &mut *self.questions() {
            questions.push(question);
        }
        self.doorbell.ring();
    }

    pub(crate) fn publish(&self, cluster: Cluster) {
        self.cluster.store(Arc::new(cluster));
    }

    pub(crate) fn change(&self, state: DeskState) {
        self.state.store(Arc::new(state));
    }

    pub(crate) fn take_questions(&self) -> Vec<Question> {
        self.questions()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// No question will be answered any more.
    pub(crate) fn retire(&self) {
        let unanswered = self.questions().take();
        drop(unanswered);
    }

    fn questions(&self) -> MutexGuard<'_, Option<Vec<Question>>> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
