//! How long the engine goes on: until `close`, until everything has an outcome, or not at all.

use std::time::Instant;

use futures_channel::oneshot;

use crate::engine::handle::CloseReport;
use crate::engine::notice::Notice;

/// Where the engine is in its life.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Until `close`.
    Open,
    /// Until everything has an outcome.
    Closing {
        deadline: Option<Instant>,
        /// Outcomes so far when `close` was called.
        before: CloseReport,
        replies: Vec<oneshot::Sender<CloseReport>>,
    },
    /// It does nothing any more.
    Ended,
}

/// Whether a call of `close` was the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// The producer begins to close.
    Begins,
    /// It was called before.
    Again,
}

impl Lifecycle {
    pub(crate) fn open() -> Self {
        let stage = Stage::Open;
        Self { stage }
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing { .. })
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// Somebody closes the producer, and is told the outcomes from `tally` on; the earliest deadline counts.
    pub(crate) fn close(
        &mut self,
        deadline: Option<Instant>,
        reply: oneshot::Sender<CloseReport>,
        tally: CloseReport,
        notices: &mut Vec<Notice>,
    ) -> Close {
        match &mut self.stage {
            Stage::Open => {
                self.stage = Stage::Closing {
                    deadline,
                    before: tally,
                    replies: vec![reply],
                };
                return Close::Begins;
            }
            Stage::Closing {
                deadline: agreed,
                replies,
                ..
            } => {
                *agreed = [*agreed, deadline].into_iter().flatten().min();
                replies.push(reply);
            }
            Stage::Ended => notices.push(Notice::answer(reply, CloseReport::default())),
        }
        Close::Again
    }

    /// Whether what has no outcome by now is given up.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Until when, if it is closing and that is given.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Closing { deadline, .. } => deadline,
            Stage::Open | Stage::Ended => None,
        }
    }

    /// Everything has an outcome: tells those that close.
    pub(crate) fn end(&mut self, tally: CloseReport, notices: &mut Vec<Notice>) {
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        if let Stage::Closing {
            before, replies, ..
        } = stage
        {
            let report = CloseReport {
                delivered: tally.delivered - before.delivered,
                failed: tally.failed - before.failed,
                unknown: tally.unknown - before.unknown,
            };
            let replies = replies.into_iter();
            notices.extend(replies.map(|reply| Notice::answer(reply, report)));
        }
    }
}
