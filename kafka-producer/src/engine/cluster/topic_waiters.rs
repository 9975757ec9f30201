//! Callers in `send` that wait for a topic: until its partitions are known (or the one partition that the
//! record names), or until `max.block.ms` is over.

use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;

use crate::engine::notice::Notice;
use crate::error::{SendError, WaitReason};

/// The callers that wait for one topic.
#[derive(Debug, Default)]
pub(crate) struct TopicWaiters {
    list: Vec<Waiter>,
}

/// A caller that does not know the topic's partitions yet, or not the one it names.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// `None` if any partition will do.
    pub(crate) partition: Option<i32>,
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<(), SendError>>,
}

/// Whether a caller waits.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// It need not wait: answer it.
    Served(Waiter),
    Waits,
}

impl Waiter {
    /// Whether this number of partitions is enough.
    fn is_served_by(&self, partitions: i32) -> bool {
        partitions > self.partition.unwrap_or_default()
    }

    pub(crate) fn answer(self, answer: Result<(), SendError>) -> Notice {
        Notice::answer(self.reply, answer)
    }

    /// The error of a caller whose time is over, for a topic with this many partitions.
    fn timed_out(
        &self,
        topic: &Arc<str>,
        partitions: i32,
        now: Instant,
        last: Option<&WaitReason>,
    ) -> SendError {
        let topic = Arc::clone(topic);
        let waited = now.saturating_duration_since(self.since);
        let last = last.cloned();
        match self.partition {
            Some(partition) if partitions > 0 => SendError::PartitionOutOfRange {
                topic,
                partition,
                partitions,
                waited,
                last,
            },
            _ => SendError::TopicUnknown {
                topic,
                waited,
                last,
            },
        }
    }
}

impl TopicWaiters {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Lets a caller wait, unless this number of partitions is enough for it.
    pub(crate) fn admit(&mut self, waiter: Waiter, partitions: i32) -> Admitted {
        if waiter.is_served_by(partitions) {
            return Admitted::Served(waiter);
        }
        // `try_send` does not wait for the answer. One such entry is enough to keep the topic wanted.
        if self.list.is_empty() || !waiter.reply.is_canceled() {
            self.list.push(waiter);
        }
        Admitted::Waits
    }

    /// Answers those that this number of partitions is enough for.
    pub(crate) fn serve(&mut self, partitions: i32, notices: &mut Vec<Notice>) {
        let served = |waiter: &mut Waiter| waiter.is_served_by(partitions);
        let served = self.list.extract_if(.., served);
        notices.extend(served.map(|waiter| waiter.answer(Ok(()))));
    }

    /// The partitions that callers wait for.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = i32> {
        self.list.iter().filter_map(|waiter| waiter.partition)
    }

    /// Fails those whose deadline has passed.
    pub(crate) fn expire(
        &mut self,
        topic: &Arc<str>,
        partitions: i32,
        now: Instant,
        last: Option<&WaitReason>,
        notices: &mut Vec<Notice>,
    ) {
        let expired = |waiter: &mut Waiter| waiter.deadline <= now;
        for waiter in self.list.extract_if(.., expired) {
            let error = waiter.timed_out(topic, partitions, now, last);
            notices.push(waiter.answer(Err(error)));
        }
    }

    /// Fails all of them.
    pub(crate) fn refuse(&mut self, error: impl Fn() -> SendError, notices: &mut Vec<Notice>) {
        let refused = self.list.drain(..);
        notices.extend(refused.map(|waiter| waiter.answer(Err(error()))));
    }

    /// How many wait for this partition, or for any, and since when the first of them does.
    pub(crate) fn waiting_for(&self, partition: i32) -> (usize, Option<Instant>) {
        let concerned = |waiter: &&Waiter| waiter.partition.is_none_or(|it| it == partition);
        let waiting = self.list.iter().filter(concerned);
        // One whose caller has gone only keeps the topic wanted.
        let waiting = waiting.filter(|waiter| !waiter.reply.is_canceled());
        let since = waiting.clone().map(|waiter| waiter.since).min();
        (waiting.count(), since)
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        self.list.iter().map(|waiter| waiter.deadline)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Reply = oneshot::Receiver<Result<(), SendError>>;

    fn waiter(partition: Option<i32>, now: Instant) -> (Waiter, Reply) {
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter {
            partition,
            since: now,
            deadline: now + Duration::from_secs(1),
            reply,
        };
        (waiter, answer)
    }

    fn tell(notices: Vec<Notice>) {
        notices.into_iter().for_each(Notice::tell);
    }

    #[test]
    fn a_caller_that_names_a_partition_waits_for_that_one() {
        let now = Instant::now();
        let mut waiters = TopicWaiters::default();
        let (any, mut any_answer) = waiter(None, now);
        let (third, mut third_answer) = waiter(Some(2), now);
        assert!(matches!(waiters.admit(any, 0), Admitted::Waits));
        assert!(matches!(waiters.admit(third, 0), Admitted::Waits));
        let mut notices = Vec::new();
        waiters.serve(2, &mut notices);
        tell(std::mem::take(&mut notices));
        assert!(matches!(any_answer.try_recv(), Ok(Some(Ok(())))));
        assert!(matches!(third_answer.try_recv(), Ok(None)));
        waiters.serve(3, &mut notices);
        tell(notices);
        assert!(matches!(third_answer.try_recv(), Ok(Some(Ok(())))));
        assert!(waiters.is_empty());
    }

    #[test]
    fn a_caller_that_need_not_wait_is_returned() {
        let now = Instant::now();
        let mut waiters = TopicWaiters::default();
        let (first, _answer) = waiter(Some(0), now);
        assert!(matches!(waiters.admit(first, 1), Admitted::Served(_)));
        assert!(waiters.is_empty());
    }

    #[test]
    fn of_callers_that_have_gone_one_is_kept() {
        let now = Instant::now();
        let mut waiters = TopicWaiters::default();
        for _ in 0..3 {
            let (gone, answer) = waiter(None, now);
            drop(answer);
            assert!(matches!(waiters.admit(gone, 0), Admitted::Waits));
        }
        assert_eq!(waiters.deadlines().count(), 1);
    }

    #[test]
    fn the_error_of_a_wait_says_what_was_missing() {
        let now = Instant::now();
        let topic: Arc<str> = "orders".into();
        for (partitions, out_of_range) in [(0, false), (2, true)] {
            let mut waiters = TopicWaiters::default();
            let (fifth, mut answer) = waiter(Some(4), now);
            assert!(matches!(waiters.admit(fifth, partitions), Admitted::Waits));
            let mut notices = Vec::new();
            let end = now + Duration::from_secs(1);
            waiters.expire(&topic, partitions, now, None, &mut notices);
            assert!(notices.is_empty(), "not before its deadline");
            waiters.expire(&topic, partitions, end, None, &mut notices);
            tell(notices);
            match answer.try_recv() {
                Ok(Some(Err(SendError::PartitionOutOfRange { partition: 4, .. }))) => {
                    assert!(out_of_range);
                }
                Ok(Some(Err(SendError::TopicUnknown { .. }))) => assert!(!out_of_range),
                other => panic!("{other:?}"),
            }
        }
    }
}
