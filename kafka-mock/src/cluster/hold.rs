//! Answers that take time: what a connection waits for, and what waits behind it.
//!
//! A broker handles one request of a connection at a time; while one is held, the next ones queue.
//! A connection stands here only as long as something is held on it.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use super::{
    Answer, Cluster, Link, Now, Release,
    api::{HeldFetch, HeldProduce, HeldVerification},
};

/// A connection on which a request is held.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) held: Held,
    /// Requests that came after it.
    pub(super) waiting: VecDeque<Bytes>,
}

/// Why a connection waits.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// The request is handled late.
    Request { frame: Bytes, until: Instant },
    /// The request was handled, the answer comes late.
    Answer { answer: Answer, until: Instant },
    /// There is not enough to read yet.
    Fetch(Box<HeldFetch>),
    /// What was appended is not replicated yet.
    Produce(Box<HeldProduce>),
    /// A transaction is ending, and the next one cannot begin before.
    Verification(Box<HeldVerification>),
    /// The broker is frozen.
    Thaw(Bytes),
    /// Nothing will ever come.
    Forever,
}

impl Held {
    /// When the wait ends at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Request { until, .. } | Self::Answer { until, .. } => Some(*until),
            Self::Fetch(fetch) => Some(fetch.until),
            Self::Produce(produce) => Some(produce.until),
            Self::Verification(verification) => Some(verification.next),
            Self::Thaw(_) | Self::Forever => None,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_stirred() || self.until().is_some_and(|until| until <= now)
    }

    /// Whether something happened that may end the wait early.
    pub(super) fn is_stirred(&self) -> bool {
        match self {
            Self::Fetch(fetch) => fetch.stirred,
            Self::Produce(produce) => produce.stirred,
            // Nobody looks before the broker is up.
            Self::Thaw(_) => true,
            _ => false,
        }
    }
}

impl Cluster {
    /// Ends the wait of a connection, and serves what waits behind, up to the next wait.
    pub(super) fn release(&mut self, now: Now, link: Link, releases: &mut Vec<Release>) {
        let Some(Lane { held, mut waiting }) = self.lanes.remove(&link) else {
            return;
        };
        let mut outcome = self.resume(now, link, held);
        loop {
            let answer = match outcome {
                Ok(answer) => answer,
                Err(held) => {
                    self.lanes.insert(link, Lane { held, waiting });
                    return;
                }
            };
            let closed = answer == Answer::Close;
            let Link { broker, connection } = link;
            releases.push(Release {
                broker,
                connection,
                answer,
            });
            outcome = match waiting.pop_front() {
                Some(frame) if !closed => self.serve(now, link, frame),
                _ => return,
            };
        }
    }

    fn resume(&mut self, now: Now, link: Link, held: Held) -> Result<Answer, Held> {
        match held {
            Held::Request { frame, .. } => self.serve_delayed(now, link, frame),
            Held::Answer { answer, .. } => Ok(answer),
            Held::Fetch(fetch) => self.resume_fetch(now, fetch),
            Held::Produce(produce) => self.resume_produce(now, produce),
            Held::Verification(verification) => self.resume_verification(now, *verification),
            Held::Thaw(frame) => self.serve(now, link, frame),
            Held::Forever => Err(Held::Forever),
        }
    }

    /// Something changed in a partition: what waits for it looks again.
    pub(super) fn stir_partition(&mut self, topic: &str, partition: i32) {
        for lane in self.lanes.values_mut() {
            match &mut lane.held {
                Held::Fetch(fetch) => fetch.stirred |= fetch.concerns(topic, partition),
                Held::Produce(produce) => produce.stirred |= produce.concerns(topic, partition),
                _ => {}
            }
        }
    }

    /// Something changed in the cluster: what waits looks again.
    pub(super) fn stir_all(&mut self) {
        for lane in self.lanes.values_mut() {
            match &mut lane.held {
                Held::Fetch(fetch) => fetch.stirred = true,
                Held::Produce(produce) => produce.stirred = true,
                _ => {}
            }
        }
    }
}
