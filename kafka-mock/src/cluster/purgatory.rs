//! Completes delayed requests, and serves the requests that queue behind them.
//!
//! A broker handles one request of a connection at a time; while one is delayed, the next ones
//! queue.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    Answer, Cluster, Now, Release,
    delayed::{BlockedConnection, Delayed, Outcome},
    groups::resume_member,
    ids::Link,
};

impl Cluster {
    /// Completes the delayed request of a connection, and serves those behind it up to the next
    /// that is delayed.
    pub(super) fn release(&mut self, now: Now, link: Link, releases: &mut Vec<Release>) {
        let Some(BlockedConnection {
            delayed,
            mut waiting,
        }) = self.blocked.remove(&link)
        else {
            return;
        };
        let is_refusal = matches!(delayed, Delayed::Refusal { .. });
        let Some(mut outcome) = self.resume(now, link, delayed, &mut waiting) else {
            return;
        };
        loop {
            let answer = match outcome {
                Ok(answer) => answer,
                Err(delayed) => {
                    self.blocked
                        .insert(link, BlockedConnection { delayed, waiting });
                    return;
                }
            };
            let closed = is_refusal || answer == Answer::Close;
            let Link { broker, connection } = link;
            let close = is_refusal.then_some(Answer::Close);
            releases.extend([answer].into_iter().chain(close).map(|answer| Release {
                broker,
                connection,
                answer,
            }));
            if !closed && let Some(muted) = self.blocked.get_mut(&link) {
                muted.waiting = waiting;
                return;
            }
            outcome = match waiting.pop_front() {
                Some(frame) if !closed => self.serve(now, link, frame),
                _ => return,
            };
        }
    }

    /// What becomes of what was delayed, or of the next request, if that only waited for being handled.
    fn resume(
        &mut self,
        now: Now,
        link: Link,
        delayed: Delayed,
        waiting: &mut VecDeque<Bytes>,
    ) -> Option<Outcome> {
        Some(match delayed {
            Delayed::Muted { .. } => self.serve(now, link, waiting.pop_front()?),
            Delayed::Request { frame, .. } => self.serve_delayed(now, link, frame),
            Delayed::Answer { answer, .. } | Delayed::Refusal { answer, .. } => Ok(answer),
            Delayed::Fetch(fetch) => self.resume_fetch(now, fetch),
            Delayed::Produce(produce) => self.resume_produce(now, produce),
            Delayed::Verification(verification) => self.resume_verification(now, *verification),
            Delayed::Member(member) => resume_member(member),
            Delayed::UntilThawed(frame) => self.serve(now, link, frame),
            Delayed::Forever => Err(Delayed::Forever),
        })
    }

    /// Something changed in a partition: requests that wait for it are checked again.
    pub(super) fn recheck_partition(&mut self, topic: &str, partition: i32) {
        for connection in self.blocked.values_mut() {
            match &mut connection.delayed {
                Delayed::Fetch(fetch) => fetch.recheck |= fetch.waits_for(topic, partition),
                Delayed::Produce(produce) => produce.recheck |= produce.waits_for(topic, partition),
                _ => {}
            }
        }
    }

    /// Something changed in the cluster: delayed requests are checked again.
    pub(super) fn recheck_all(&mut self) {
        for connection in self.blocked.values_mut() {
            match &mut connection.delayed {
                Delayed::Fetch(fetch) => fetch.recheck = true,
                Delayed::Produce(produce) => produce.recheck = true,
                _ => {}
            }
        }
    }
}
