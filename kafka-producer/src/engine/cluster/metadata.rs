//! When to ask for metadata, about what, and who waits for it.
//!
//! ```text
//!                      a topic is new ──▶ to be asked about, at once
//!       something of a topic is missing ──▶ to be asked about ─┐
//! leaders may have moved, or time is up ──▶ all are to be      ├─ when the pause is over ─▶ asked
//!                                           asked about ───────┘                              │
//!                        missing still, or no answer ──▶ to be asked about, again ◀───────────┘
//! ```
//!
//! One question is on its way at a time, and it is about all that is to be asked about when it is put.
//! What was never told (a topic, a partition, a leader) is asked about alone, so that a new topic costs
//! the same however many are known. All are asked about when leaders may have moved, and when
//! `metadata.max.age.ms` is over: every topic that was written to within `metadata.max.idle.ms`. What
//! an answer means for lanes and leaders is in `cluster/apply.rs`.
//!
//! However much is wanted, and whatever is answered: between two questions there is
//! `retry.backoff.ms`, which grows as long as the answers bring nothing new. Only what was never asked
//! about does not wait for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_partition::StickyState;

use crate::engine::backoff::Pace;
use crate::engine::notice::Notice;
use crate::engine::produce::partitions::Partitions;
use crate::error::{SendError, WaitReason};
use crate::settings::BackoffRange;

/// What is known and wanted of the cluster's metadata.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) topics: BTreeMap<Arc<str>, Interest>,
    /// Those of which something is missing: all, a partition that is waited for, a leader. Whoever
    /// waits, waits for one of them.
    missing: BTreeSet<Arc<str>>,
    /// Those of the missing that nobody was asked about.
    new: BTreeSet<Arc<str>>,
    /// Topics that were asked about and are not here any more, and until when they are not new.
    forgotten: BTreeMap<Arc<str>, Instant>,
    everything: Everything,
    /// What the question on its way is about.
    asked: Option<Scope>,
    pace: Pace,
    /// Grows with every topic that became known and every leader that was elected.
    pub(crate) learnt: u64,
    /// What went wrong last, for the message of a caller that waits in vain.
    pub(crate) last_obstacle: Option<WaitReason>,
    /// Since when every question was in vain, if that is so.
    pub(crate) unheard_since: Option<Instant>,
}

/// What is known of all topics in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Everything {
    /// Nothing; the first question is about them all.
    Unknown,
    /// What was asked for then, and told or to be told.
    Since(Instant),
    /// The same, for too long.
    Aged,
    /// What may have changed.
    Stale,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Topics of which something is missing.
    Missing,
    /// Every topic in use, because something may have changed.
    Everything,
    /// The same, because of the age of what is known: nothing need have changed.
    Aged,
}

/// What an answer has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gain {
    /// A topic or a leader.
    News,
    /// All that was asked for, and none of it new.
    Nothing,
    /// Not all that was asked for.
    Gaps,
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
        last: Option<&WaitReason>,
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
            new: BTreeSet::new(),
            forgotten: BTreeMap::new(),
            everything: Everything::Unknown,
            asked: None,
            pace: Pace::new(backoff),
            learnt: 0,
            last_obstacle: None,
            unheard_since: None,
        }
    }

    /// The topic of this name. One that nobody has written to yet is asked about.
    pub(crate) fn interest(&mut self, name: &Arc<str>, seed: u64, now: Instant) -> &mut Interest {
        self.topics.entry(Arc::clone(name)).or_insert_with(|| {
            self.missing.insert(Arc::clone(name));
            if self.forgotten.remove(name).is_none_or(|until| until <= now) {
                self.new.insert(Arc::clone(name));
            }
            Interest {
                waiters: Vec::new(),
                partitions: None,
                sticky: Arc::new(StickyState::new(seed)),
                state: TopicState::Unknown,
                doubts: 0,
            }
        })
    }

    /// What is known may have changed: all are to be asked about.
    pub(crate) fn want(&mut self) {
        self.everything = Everything::Stale;
    }

    /// Something is missing of this topic: it is to be asked about.
    pub(crate) fn want_more(&mut self, topic: &Arc<str>) {
        if !self.missing.contains(topic) {
            self.missing.insert(Arc::clone(topic));
        }
    }

    /// What is known is wanted anew if it is older than `max_age`.
    pub(crate) fn age(&mut self, now: Instant, max_age: Duration) {
        if matches!(self.everything, Everything::Since(since) if since + max_age <= now) {
            self.everything = Everything::Aged;
        }
    }

    /// An answer has told of this topic; whether all that is wanted of it.
    pub(crate) fn told(&mut self, topic: &Arc<str>, word: Word) {
        match word {
            Word::Complete => {
                self.missing.remove(topic);
                self.new.remove(topic);
            }
            Word::Incomplete => self.want_more(topic),
        }
    }

    /// Whether something is missing of any of these topics.
    pub(crate) fn lacks_any(&self, topics: &[Arc<str>]) -> bool {
        topics.iter().any(|topic| self.missing.contains(topic))
    }

    /// Ends the wait of the callers that this topic is complete enough for; whether all are served.
    pub(crate) fn serve_waiters(&mut self, topic: &Arc<str>, notices: &mut Vec<Notice>) -> bool {
        let Some(interest) = self.topics.get_mut(topic) else {
            return true;
        };
        interest.serve_waiters(notices);
        interest.waiters.is_empty()
    }

    /// When the next question may be put, if one is to be.
    pub(crate) fn next_question(&self, now: Instant) -> Option<Instant> {
        if self.asked.is_some() {
            None
        } else if !self.new.is_empty() {
            Some(now)
        } else {
            let stale = matches!(self.everything, Everything::Aged | Everything::Stale);
            (stale || !self.missing.is_empty()).then(|| self.pace.earliest(now))
        }
    }

    /// What the next question is about.
    pub(crate) fn scope(&self) -> Scope {
        match self.everything {
            Everything::Unknown | Everything::Stale => Scope::Everything,
            Everything::Aged => Scope::Aged,
            Everything::Since(_) => Scope::Missing,
        }
    }

    /// The topics that such a question names.
    pub(crate) fn names(&self, scope: Scope) -> Vec<Arc<str>> {
        match scope {
            Scope::Missing => self.missing.iter().cloned().collect(),
            Scope::Everything | Scope::Aged => self
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
        self.new.clear();
        self.forgotten.retain(|_, until| *until > now);
        self.asked = Some(scope);
        if scope != Scope::Missing {
            self.everything = Everything::Since(now);
        }
    }

    /// The question is answered, which has come to so much.
    pub(crate) fn answered(&mut self, gained: Gain, now: Instant, random: &mut fastrand::Rng) {
        match (self.asked.take(), gained) {
            (_, Gain::News) => self.pace.succeed(random),
            (Some(Scope::Aged), Gain::Nothing) => {}
            _ => drop(self.pace.fail(now, random)),
        }
    }

    /// The question was not answered, or brought no broker: it is to be put again.
    pub(crate) fn failed(&mut self, now: Instant, random: &mut fastrand::Rng) {
        self.pace.fail(now, random);
        if self
            .asked
            .take()
            .is_some_and(|scope| scope != Scope::Missing)
        {
            self.want();
        }
    }

    /// Ends the wait of every caller whose deadline has come.
    pub(crate) fn expire(
        &mut self,
        now: Instant,
        last: Option<&WaitReason>,
        notices: &mut Vec<Notice>,
    ) {
        for name in &self.missing {
            if let Some(interest) = self.topics.get_mut(name) {
                interest.expire_waiters(name, now, last, notices);
            }
        }
        self.forget_unwanted(now);
    }

    /// Forgets the topics that nobody waits for and that never existed.
    pub(crate) fn forget_unwanted(&mut self, now: Instant) {
        let topics = &self.topics;
        let wanted = |name: &Arc<str>| topics.get(name).is_some_and(Interest::is_wanted);
        let unwanted = self.missing.iter().filter(|name| !wanted(name)).cloned();
        for name in unwanted.collect::<Vec<_>>() {
            self.forget(&name, now);
        }
    }

    /// The cluster says that there is no such topic.
    pub(crate) fn lose_sight(&mut self, topic: &Arc<str>) {
        if let Some(interest) = self.topics.get_mut(topic) {
            interest.state = TopicState::Unknown;
        }
    }

    /// Nobody waits for this topic any more, or writes to it. Whoever does soon does not wait for a new
    /// one, if the last question may have been about it.
    pub(crate) fn forget(&mut self, topic: &Arc<str>, now: Instant) {
        self.topics.remove(topic);
        self.missing.remove(topic);
        let was_asked = !self.new.remove(topic);
        let asked = self.pace.begun().filter(|_| was_asked);
        let until = asked.map(|asked| asked + self.pace.longest());
        if let Some(until) = until.filter(|until| *until > now) {
            self.forgotten.insert(Arc::clone(topic), until);
        }
    }

    /// When something will be due here that is not yet, `max_age` being `metadata.max.age.ms`.
    pub(crate) fn next_due(&self, now: Instant, max_age: Duration) -> Option<Instant> {
        let waited_for = self.missing.iter().filter_map(|name| self.topics.get(name));
        let deadlines = waited_for.flat_map(|interest| &interest.waiters);
        let deadlines = deadlines.map(|waiter| waiter.deadline);
        let aged = match self.everything {
            Everything::Since(since) => Some(since + max_age),
            _ => None,
        };
        let others = [self.next_question(now), aged];
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
