//! When to ask for metadata, about what, and who waits for it.
//!
//! ```text
//! what is known is stale ────▶ everything is due ─┐
//!                                                 ├─▶ asked ──answered──▶ known
//! something is missing ──▶ the missing is due ────┘     └──failed, or missing still──▶ due again
//! ```
//!
//! One question is on its way at a time. What was never told (a topic, a partition, a leader) is asked
//! about alone, so that a new topic costs the same however many are known. Everything is asked about
//! when leaders may have moved, and when `metadata.max.age.ms` is over: every topic that was written to
//! within `metadata.max.idle.ms`. What an answer means for lanes and leaders is in `absorb.rs`.
//!
//! However much is wanted, and whatever is answered: between two questions there is
//! `retry.backoff.ms`, which grows as long as the answers bring nothing new. Only what was never asked
//! about does not wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_partition::StickyState;

use super::backoff::Pace;
use super::notice::Notice;
use super::partitions::Partitions;
use crate::error::{Obstacle, SendError};
use crate::settings::BackoffRange;

/// What is known and wanted of the cluster's metadata.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) topics: BTreeMap<Arc<str>, Interest>,
    /// Those of which something is missing: all, a partition that is waited for, a leader. Whoever
    /// waits, waits for one of them.
    missing: BTreeSet<Arc<str>>,
    refresh: Refresh,
    /// How soon to ask again.
    pub(crate) pace: Pace,
    /// Grows with every topic that became known and every leader that was elected.
    pub(crate) learnt: u64,
    /// What went wrong last, for the message of a caller that waits in vain.
    pub(crate) last_obstacle: Option<Obstacle>,
    /// Since when every question was in vain, if that is so.
    pub(crate) unheard_since: Option<Instant>,
    /// When everything was last learnt.
    pub(crate) fetched: Option<Instant>,
}

/// What is to be asked about, at what time the earliest, and what was asked.
#[derive(Debug, Default)]
struct Refresh {
    everything: Option<Instant>,
    missing: Option<Instant>,
    asked: Option<Scope>,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Topics of which something is missing.
    Missing,
    /// Every topic in use.
    Everything,
}

/// A topic that somebody writes to.
#[derive(Debug)]
pub(crate) struct Interest {
    /// Callers that wait for it.
    pub(crate) waiters: Vec<Waiter>,
    /// `None` until it is known.
    pub(crate) partitions: Option<Partitions>,
    /// Shared by all snapshots.
    pub(crate) sticky: Arc<StickyState>,
    /// Whether callers may write to it.
    pub(crate) state: TopicState,
    /// So many answers in a row told of it as if it had been made anew, without an id to say so.
    pub(crate) doubts: u32,
}

/// What is known of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicState {
    /// The cluster has not told of it, or said that there is none.
    Unknown,
    /// Its partitions are in the snapshot.
    Known,
}

impl Interest {
    pub(crate) fn is_known(&self) -> bool {
        self.state == TopicState::Known
    }

    /// Whether anybody waits for it, or writes to it.
    fn is_wanted(&self) -> bool {
        !self.waiters.is_empty() || self.partitions.is_some()
    }

    /// How many partitions callers may write to.
    pub(crate) fn partitions(&self) -> i32 {
        match self.state {
            TopicState::Known => {
                let partitions = self.partitions.as_ref().map_or(0, Partitions::len);
                i32::try_from(partitions).unwrap_or(i32::MAX)
            }
            TopicState::Unknown => 0,
        }
    }

    /// Lets a caller wait, unless it need not.
    pub(crate) fn admit(&mut self, waiter: Waiter) -> Awaits {
        if waiter.is_served_by(self.partitions()) {
            return Awaits::Nothing(waiter.reply);
        }
        // Who does not stay for the answer (`try_send`) is noted, but not each time that he asks.
        if self.waiters.is_empty() || !waiter.reply.is_canceled() {
            self.waiters.push(waiter);
        }
        Awaits::Metadata
    }

    /// Ends the wait of every caller who waits for nothing any more.
    fn serve_waiters(&mut self, notices: &mut Vec<Notice>) {
        let partitions = self.partitions();
        let served = |waiter: &mut Waiter| waiter.is_served_by(partitions);
        for waiter in self.waiters.extract_if(.., served) {
            notices.push(Notice::answer(waiter.reply, Ok(())));
        }
    }

    /// Ends the wait of every caller whose deadline has come.
    fn expire_waiters(
        &mut self,
        topic: &Arc<str>,
        now: Instant,
        last: Option<&Obstacle>,
        notices: &mut Vec<Notice>,
    ) {
        let partitions = self.partitions();
        let expired = |waiter: &mut Waiter| waiter.deadline <= now;
        for waiter in self.waiters.extract_if(.., expired) {
            let topic = Arc::clone(topic);
            let waited = now.saturating_duration_since(waiter.since);
            let error = match waiter.partition {
                Some(partition) if partitions > 0 => SendError::PartitionOutOfRange {
                    topic,
                    partition,
                    partitions,
                    waited,
                    last: last.cloned(),
                },
                _ => SendError::TopicUnknown {
                    topic,
                    waited,
                    last: last.cloned(),
                },
            };
            notices.push(Notice::answer(waiter.reply, Err(error)));
        }
    }
}

/// A caller in `send` that does not know the topic's partitions yet, or not the one it names.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// If any will not do.
    pub(crate) partition: Option<i32>,
    pub(crate) since: Instant,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<(), SendError>>,
}

/// What a caller that asks for a topic has to wait for.
#[derive(Debug)]
pub(crate) enum Awaits {
    /// It is to be answered.
    Nothing(oneshot::Sender<Result<(), SendError>>),
    Metadata,
}

impl Waiter {
    /// Whether so many partitions are enough.
    fn is_served_by(&self, partitions: i32) -> bool {
        partitions > self.partition.unwrap_or_default()
    }
}

impl Metadata {
    /// Nothing; between questions there is `backoff`.
    pub(crate) fn new(backoff: BackoffRange) -> Self {
        Self {
            topics: BTreeMap::new(),
            missing: BTreeSet::new(),
            refresh: Refresh::default(),
            pace: Pace::new(backoff),
            learnt: 0,
            last_obstacle: None,
            unheard_since: None,
            fetched: None,
        }
    }

    /// What is known is stale: ask, after a pause if the last question was a moment ago.
    pub(crate) fn want(&mut self, now: Instant) {
        let not_before = self.pace.earliest(now);
        self.refresh.everything = sooner(self.refresh.everything, not_before);
    }

    /// Something is missing of this topic: ask about it, unless that is to be done already.
    pub(crate) fn want_more(&mut self, topic: &Arc<str>, now: Instant) {
        let known = self.missing.contains(topic);
        if !known {
            self.missing.insert(Arc::clone(topic));
        }
        let nothing_is_due = self.refresh.missing.is_none() && self.refresh.asked.is_none();
        if !known || nothing_is_due {
            let not_before = self.pace.earliest_anew(now);
            self.refresh.missing = sooner(self.refresh.missing, not_before);
        }
    }

    /// Whether what is known is older than `max_age`.
    pub(crate) fn has_aged(&self, now: Instant, max_age: Duration) -> bool {
        self.fetched.is_some_and(|fetched| fetched + max_age <= now)
    }

    /// What is known is wanted anew if it is older than `max_age`.
    pub(crate) fn age(&mut self, now: Instant, max_age: Duration) {
        let aged = self.has_aged(now, max_age);
        let Refresh {
            everything, asked, ..
        } = &mut self.refresh;
        if aged && *asked != Some(Scope::Everything) {
            everything.get_or_insert(now);
        }
    }

    /// An answer has told of this topic; whether all that is wanted of it.
    pub(crate) fn told(&mut self, topic: &Arc<str>, word: Word) {
        match word {
            Word::Complete => drop(self.missing.remove(topic)),
            Word::Incomplete if self.missing.contains(topic) => {}
            Word::Incomplete => drop(self.missing.insert(Arc::clone(topic))),
        }
    }

    /// Whether something is missing of any of these topics.
    pub(crate) fn lacks_any(&self, topics: &[Arc<str>]) -> bool {
        topics.iter().any(|topic| self.missing.contains(topic))
    }

    /// Ends the wait of the callers that this topic is complete enough for; whether all are served.
    pub(super) fn serve_waiters(&mut self, topic: &Arc<str>, notices: &mut Vec<Notice>) -> bool {
        let Some(interest) = self.topics.get_mut(topic) else {
            return true;
        };
        interest.serve_waiters(notices);
        interest.waiters.is_empty()
    }

    /// What it is time to ask about.
    pub(crate) fn due(&self, now: Instant) -> Option<Scope> {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match &self.refresh {
            Refresh { asked: Some(_), .. } => None,
            refresh if due(refresh.everything) => Some(Scope::Everything),
            refresh if due(refresh.missing) => match self.fetched {
                Some(_) => Some(Scope::Missing),
                // From the first answer on the age of what is known counts.
                None => Some(Scope::Everything),
            },
            _ => None,
        }
    }

    /// When the next question may be asked, if one is to be.
    pub(crate) fn next_question(&self) -> Option<Instant> {
        let Refresh {
            everything,
            missing,
            asked,
        } = self.refresh;
        match asked {
            Some(_) => None,
            None => [everything, missing].into_iter().flatten().min(),
        }
    }

    /// The topics that such a question names.
    pub(crate) fn names(&self, scope: Scope) -> Vec<Arc<str>> {
        match scope {
            Scope::Missing => self.missing.iter().cloned().collect(),
            Scope::Everything => self
                .topics
                .iter()
                .filter(|(_, interest)| interest.is_wanted())
                .map(|(name, _)| Arc::clone(name))
                .collect(),
        }
    }

    /// The question is on its way.
    pub(crate) fn asked(&mut self, scope: Scope, now: Instant, random: &mut fastrand::Rng) {
        self.pace.recover(now);
        self.pace.begin(now, random);
        self.refresh.asked = Some(scope);
        self.refresh.missing = None;
        if scope == Scope::Everything {
            self.refresh.everything = None;
        }
    }

    /// The question is answered; what it was about.
    pub(crate) fn answered(&mut self) -> Scope {
        self.refresh.asked.take().unwrap_or(Scope::Missing)
    }

    /// Everything was told. What has become stale again while it was asked about is not asked about
    /// again before the pause is over.
    pub(crate) fn everything_told(&mut self, now: Instant) {
        self.fetched = Some(now);
        if self.refresh.everything.is_some() {
            self.refresh.everything = Some(self.pace.earliest(now));
        }
    }

    /// The question was not answered, or brought no broker: when to ask again.
    pub(crate) fn failed(&mut self, now: Instant, random: &mut fastrand::Rng) -> Instant {
        let scope = self.refresh.asked.take();
        if scope == Some(Scope::Missing) {
            return self.lacking(now, random);
        }
        let not_before = self.pace.fail(now, random);
        self.refresh.everything = Some(not_before);
        not_before
    }

    /// Something was missing in the answer: when to ask about that again.
    pub(crate) fn lacking(&mut self, now: Instant, random: &mut fastrand::Rng) -> Instant {
        let not_before = self.pace.fail(now, random);
        self.refresh.missing = sooner(self.refresh.missing, not_before);
        not_before
    }

    /// Ends the wait of every caller whose deadline has come.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        last: Option<&Obstacle>,
        notices: &mut Vec<Notice>,
    ) {
        let Self {
            topics, missing, ..
        } = self;
        missing.retain(|name| {
            let Some(interest) = topics.get_mut(name) else {
                return false;
            };
            interest.expire_waiters(name, now, last, notices);
            // A topic that nobody waits for and that never existed is forgotten.
            let wanted = interest.is_wanted();
            if !wanted {
                topics.remove(name);
            }
            wanted
        });
    }

    /// Forgets the topics that nobody waits for and that never existed.
    pub(crate) fn forget_unwanted(&mut self) {
        let Self {
            topics, missing, ..
        } = self;
        missing.retain(|name| {
            let wanted = topics.get(name).is_some_and(Interest::is_wanted);
            if !wanted {
                topics.remove(name);
            }
            wanted
        });
    }

    /// The cluster says that there is no such topic.
    pub(crate) fn lose_sight(&mut self, topic: &Arc<str>) {
        if let Some(interest) = self.topics.get_mut(topic) {
            interest.state = TopicState::Unknown;
        }
    }

    /// Nobody writes to this topic any more.
    pub(crate) fn forget(&mut self, topic: &Arc<str>) {
        self.topics.remove(topic);
        self.missing.remove(topic);
    }

    /// When something will be due here that is not yet, `max_age` being `metadata.max.age.ms`.
    pub(crate) fn next_due(&self, now: Instant, max_age: Duration) -> Option<Instant> {
        let waited_for = self.missing.iter().filter_map(|name| self.topics.get(name));
        let deadlines = waited_for.flat_map(|interest| &interest.waiters);
        let deadlines = deadlines.map(|waiter| waiter.deadline);
        let aged = self.fetched.map(|fetched| fetched + max_age);
        let others = [self.next_question(), aged];
        let others = others.into_iter().flatten();
        deadlines.chain(others).filter(|at| *at > now).min()
    }
}

/// Whether an answer has told all that is wanted of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Complete,
    Incomplete,
}

impl Word {
    pub(crate) fn of(complete: bool) -> Self {
        if complete {
            Self::Complete
        } else {
            Self::Incomplete
        }
    }
}

fn sooner(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.min(other)))
}
