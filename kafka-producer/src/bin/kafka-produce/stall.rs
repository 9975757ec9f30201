//! Says why nothing is acknowledged for a while, though records wait, and when it goes on.
//!
//! ```text
//! Going ─nothing for 3 s─▶ asks the producer about the oldest record ─another reason─▶ tells it
//!   ▲                                                                                    │
//!   └────────────────────── tells that it goes on ◀─────── an acknowledgement ───────────┘
//! ```
//!
//! It is looked at now and then, by the thread that draws: it waits for nothing, and the thread that sends knows
//! nothing of it.

use std::future::Future;
use std::mem::{self, Discriminant};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kafka_producer::blocking::Producer;
use kafka_producer::error::{InCallback, WaitReason};
use kafka_producer::{Explanation, Standing};

/// After so long without an acknowledgement it is said why.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// A question that has no answer after so long is dropped, and asked again.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Whether sending stands still, and what was said of it.
pub(crate) struct Stall {
    producer: Producer<[u8], [u8]>,
    /// When an acknowledgement was last seen, or that no record waited.
    moved: Instant,
    delivered: u64,
    /// What was said since.
    told: Option<Discriminant<WaitReason>>,
    question: Option<Question>,
}

/// What is seen at a time.
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// Records that are acknowledged.
    pub(crate) delivered: u64,
    /// Topic and partition of the oldest one that has none.
    pub(crate) oldest: Option<(Arc<str>, i32)>,
}

/// What the producer was asked, and until when it counts.
struct Question {
    answer: Pin<Box<dyn Future<Output = Result<Explanation, InCallback>> + Send>>,
    deadline: Instant,
}

impl Stall {
    pub(crate) fn new(producer: Producer<[u8], [u8]>, now: Instant) -> Self {
        Self {
            producer,
            moved: now,
            delivered: 0,
            told: None,
            question: None,
        }
    }

    /// What is to be said now.
    pub(crate) fn look(&mut self, seen: Seen) -> Option<String> {
        let waited = seen.at.saturating_duration_since(self.moved);
        let is_acknowledged = seen.delivered > self.delivered;
        let oldest = seen.oldest.filter(|_| !is_acknowledged);
        let Some((topic, partition)) = oldest else {
            self.moved = seen.at;
            self.delivered = seen.delivered;
            self.question = None;
            let was_told = self.told.take().is_some();
            let seconds = waited.as_secs();
            return (was_told && is_acknowledged)
                .then(|| format!("records are acknowledged again, after {seconds} s"));
        };
        if waited < SILENCE_MAX {
            return None;
        }
        if self
            .question
            .as_ref()
            .is_none_or(|question| question.deadline <= seen.at)
        {
            self.question = Some(self.ask(topic, partition, seen.at));
        }
        let explanation = self.answer()?;
        let Standing::Waiting { reason, .. } = &explanation.standing else {
            return None;
        };
        let why = mem::discriminant(reason);
        (self.told.replace(why) != Some(why)).then(|| {
            let seconds = waited.as_secs();
            format!("nothing has been acknowledged for {seconds} s: {explanation}")
        })
    }

    fn ask(&self, topic: Arc<str>, partition: i32, now: Instant) -> Question {
        let producer = self.producer.clone();
        Question {
            answer: Box::pin(async move { producer.as_async().explain(&topic, partition).await }),
            deadline: now + ANSWER_MAX,
        }
    }

    /// The answer, if it is there. Nobody is woken: the next look sees it.
    fn answer(&mut self) -> Option<Explanation> {
        let question = self.question.as_mut()?;
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(answer) = question.answer.as_mut().poll(&mut context) else {
            return None;
        };
        self.question = None;
        answer.ok()
    }
}
