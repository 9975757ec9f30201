//! What was told to people of the states that change, so that each is told once: not for each record, and not
//! for each attempt.
//!
//! ```text
//! a broker      well ──a connection fails──▶ told, for each cause once ──it answers──▶ told, and well
//! a partition   led ──nobody leads it──▶ told ──somebody does──▶ told, and led
//! a topic       known ──three answers that it is not──▶ told ──it is──▶ told, and known
//! a throttle, memory in vain ──▶ told, but not again within a minute
//! ```
//!
//! It is asked where such a state changes, and lists what is to be told; nothing follows from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::cluster::node_id::NodeId;
use crate::engine::event::Event;
use crate::engine::identity::ProducerId;
use crate::engine::input::Action;
use crate::error::WaitReason;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// Of brokers that do not answer: for which causes, since they last did.
    brokers: BTreeMap<NodeId, Vec<WaitReason>>,
    /// When it was last told that one throttles the producer.
    throttled: BTreeMap<NodeId, Instant>,
    /// Topics that do not exist, and how many answers have said so.
    unknown: BTreeMap<Arc<str>, u8>,
    /// Partitions that records name, and that their topics do not have.
    beyond: BTreeSet<(Arc<str>, i32)>,
    /// Partitions without a leader.
    leaderless: BTreeSet<(Arc<str>, i32)>,
    /// The id and epoch of an idempotent producer.
    producer: Option<ProducerId>,
    /// When it was last told that a caller has waited for memory in vain.
    memory_full: Option<Instant>,
}

/// A connection that has ended, or was never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was never of use.
    BeforeUse,
    /// It was, and so many requests were not answered.
    InUse { unanswered: usize },
}

impl Reports {
    /// A broker's connection has failed, because of `obstacle`.
    pub(crate) fn failed(
        &mut self,
        id: NodeId,
        obstacle: &WaitReason,
        ended: Ended,
        actions: &mut VecDeque<Action>,
    ) {
        let Some(event) = event(obstacle, ended) else {
            return;
        };
        let told = self.brokers.entry(id).or_default();
        if told.len() < CAUSES_MAX && !told.contains(obstacle) {
            told.push(obstacle.clone());
            actions.push_back(Action::Tell(event));
        }
    }

    /// A broker has answered: called for each answer.
    #[inline]
    pub(crate) fn answered(
        &mut self,
        id: NodeId,
        name: impl FnOnce() -> Arc<str>,
        actions: &mut VecDeque<Action>,
    ) {
        if !self.brokers.is_empty() && self.brokers.remove(&id).is_some() {
            actions.push_back(Action::Tell(Event::Back { broker: name() }));
        }
    }

    /// The first is known as the second from now on.
    pub(crate) fn renamed(&mut self, from: NodeId, to: NodeId) {
        if let Some(told) = self.brokers.remove(&from) {
            self.brokers.entry(to).or_insert(told);
        }
    }
}

/// Brokers that ask for a pause, topics and partitions.
impl Reports {
    /// A broker throttles the producer.
    pub(crate) fn throttled(
        &mut self,
        id: NodeId,
        time: Duration,
        name: impl FnOnce() -> Arc<str>,
        now: Instant,
        actions: &mut VecDeque<Action>,
    ) {
        let last = self.throttled.insert(id, now);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE) {
            let broker = name();
            actions.push_back(Action::Tell(Event::Throttled { broker, time }));
        }
    }

    /// An answer has said that a topic does not exist. The first may come while it is being created.
    pub(crate) fn topic_unknown(&mut self, topic: &Arc<str>, actions: &mut VecDeque<Action>) {
        if self.unknown.len() >= TOLD_MAX {
            self.unknown.clear();
        }
        let answers = self.unknown.entry(Arc::clone(topic)).or_default();
        *answers = answers.saturating_add(1);
        if *answers == ANSWERS_IN_VAIN {
            let topic = Arc::clone(topic);
            actions.push_back(Action::Tell(Event::TopicUnknown { topic }));
        }
    }

    /// A topic exists.
    pub(crate) fn topic_known(&mut self, topic: &Arc<str>, actions: &mut VecDeque<Action>) {
        if self.unknown.remove(topic) >= Some(ANSWERS_IN_VAIN) {
            let topic = Arc::clone(topic);
            actions.push_back(Action::Tell(Event::TopicKnown { topic }));
        }
    }

    /// A record names a partition, and an answer has said that its topic has fewer.
    pub(crate) fn partition_unknown(
        &mut self,
        (topic, partition): (&Arc<str>, i32),
        partitions: i32,
        actions: &mut VecDeque<Action>,
    ) {
        let key = (Arc::clone(topic), partition);
        if self.beyond.len() < TOLD_MAX && self.beyond.insert(key) {
            let topic = Arc::clone(topic);
            actions.push_back(Action::Tell(Event::PartitionUnknown {
                topic,
                partition,
                partitions,
            }));
        }
    }

    /// Who leads a partition that records wait for, if anybody does.
    pub(crate) fn led(
        &mut self,
        (topic, partition): (&Arc<str>, i32),
        leader: Option<NodeId>,
        actions: &mut VecDeque<Action>,
    ) {
        if leader.is_some() && self.leaderless.is_empty() {
            return;
        }
        let key = (Arc::clone(topic), partition);
        let topic = Arc::clone(topic);
        match leader {
            Some(leader) if self.leaderless.remove(&key) => {
                let leader = leader.0;
                actions.push_back(Action::Tell(Event::Led {
                    topic,
                    partition,
                    leader,
                }));
            }
            None if self.leaderless.len() < TOLD_MAX && self.leaderless.insert(key) => {
                actions.push_back(Action::Tell(Event::Leaderless { topic, partition }));
            }
            _ => {}
        }
    }
}

/// The producer itself.
impl Reports {
    /// The id and epoch that an idempotent producer has now.
    pub(crate) fn identity(&mut self, now: Option<ProducerId>, actions: &mut VecDeque<Action>) {
        if now.is_none() || self.producer == now {
            return;
        }
        let before = std::mem::replace(&mut self.producer, now);
        if let (Some(_), Some(ProducerId { id, epoch })) = (before, now) {
            let producer_id = id;
            actions.push_back(Action::Tell(Event::Renewed { producer_id, epoch }));
        }
    }

    /// A caller has waited for memory in vain, because of `why`.
    pub(crate) fn memory_full(
        &mut self,
        why: Option<&WaitReason>,
        now: Instant,
        actions: &mut VecDeque<Action>,
    ) {
        let last = self.memory_full;
        if last.is_none_or(|last| now.saturating_duration_since(last) >= PAUSE) {
            self.memory_full = Some(now);
            let why = why.map(|why| why.to_string().into());
            actions.push_back(Action::Tell(Event::MemoryFull { why }));
        }
    }
}

/// What is told of a failed connection.
fn event(obstacle: &WaitReason, ended: Ended) -> Option<Event> {
    match (obstacle, ended) {
        (WaitReason::Authentication(refused), _) => Some(Event::NotAuthenticated(refused.clone())),
        (WaitReason::Connection { broker, reason }, Ended::BeforeUse) => Some(Event::Unreachable {
            broker: Arc::clone(broker),
            why: Arc::clone(reason),
        }),
        (WaitReason::Connection { broker, reason }, Ended::InUse { unanswered }) => {
            Some(Event::Lost {
                broker: Arc::clone(broker),
                why: Arc::clone(reason),
                unanswered,
            })
        }
        _ => None,
    }
}

/// What comes and goes is told again after this time.
const PAUSE: Duration = Duration::from_secs(60);

/// So many answers must say that a topic does not exist: while it is created, a broker may say so, too.
const ANSWERS_IN_VAIN: u8 = 3;

/// So many topics, or partitions, are remembered at most.
const TOLD_MAX: usize = 1_000;

/// Of so many causes it is told, until the broker answers: a server that sends garbage has a new one each time.
const CAUSES_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: NodeId = NodeId(1);

    /// What is told, in words.
    fn told(happen: impl FnOnce(&mut Reports, &mut VecDeque<Action>)) -> Vec<String> {
        let mut actions = VecDeque::new();
        happen(&mut Reports::default(), &mut actions);
        let words = actions.into_iter().map(|action| match action {
            Action::Tell(event) => event.to_string(),
            other => panic!("{other:?}"),
        });
        words.collect()
    }

    fn because(reason: &str) -> WaitReason {
        WaitReason::Connection {
            broker: "broker 1 at kafka-1:9092".into(),
            reason: reason.into(),
        }
    }

    fn name() -> Arc<str> {
        "broker 1 at kafka-1:9092".into()
    }

    #[test]
    fn a_broker_that_cannot_be_reached_is_told_of_once_for_each_cause() {
        let told = told(|reports, actions| {
            for _ in 0..100 {
                reports.failed(BROKER, &because("refused"), Ended::BeforeUse, actions);
                reports.failed(BROKER, &because("no route"), Ended::BeforeUse, actions);
            }
        });
        let of =
            |why| format!("broker 1 at kafka-1:9092 cannot be reached: {why}; it is tried again");
        assert_eq!(told, [of("refused"), of("no route")]);
    }

    #[test]
    fn a_broker_that_answers_again_is_told_of_and_so_is_its_next_failure() {
        let lost = Ended::InUse { unanswered: 2 };
        let told = told(|reports, actions| {
            reports.answered(BROKER, name, actions);
            reports.failed(BROKER, &because("reset"), lost, actions);
            reports.failed(BROKER, &because("refused"), Ended::BeforeUse, actions);
            reports.answered(BROKER, name, actions);
            reports.answered(BROKER, name, actions);
            reports.failed(BROKER, &because("reset"), lost, actions);
        });
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told[0].contains("was lost: reset; 2 request(s)"),
            "{told:?}"
        );
        assert!(told[1].contains("cannot be reached: refused"), "{told:?}");
        assert_eq!(told[2], "broker 1 at kafka-1:9092 answers again");
        assert_eq!(told[3], told[0]);
    }

    #[test]
    fn of_a_server_with_a_new_cause_each_time_little_is_told() {
        let told = told(|reports, actions| {
            for number in 0..100 {
                let cause = because(&format!("garbage {number}"));
                reports.failed(BROKER, &cause, Ended::BeforeUse, actions);
            }
        });
        assert_eq!(told.len(), CAUSES_MAX);
    }

    #[test]
    fn a_bootstrap_server_that_turns_out_to_be_a_broker_answers_under_that_name() {
        let told = told(|reports, actions| {
            reports.failed(NodeId(-1), &because("refused"), Ended::BeforeUse, actions);
            reports.renamed(NodeId(-1), BROKER);
            reports.answered(NodeId(-1), name, actions);
            reports.answered(BROKER, name, actions);
        });
        assert_eq!(told.len(), 2, "{told:?}");
    }

    #[test]
    fn a_topic_that_is_being_created_is_no_news_and_one_that_stays_away_is() {
        let topic: Arc<str> = "orders".into();
        let told_of = |answers| {
            told(|reports, actions| {
                for _ in 0..answers {
                    reports.topic_unknown(&topic, actions);
                }
                reports.topic_known(&topic, actions);
                reports.topic_known(&topic, actions);
            })
        };
        assert_eq!(told_of(2), [""; 0]);
        let told = told_of(100);
        assert!(
            told[0].starts_with("topic orders does not exist"),
            "{told:?}"
        );
        assert_eq!(told[1..], ["topic orders exists now"]);
    }

    #[test]
    fn a_partition_without_a_leader_is_told_once_until_it_has_one() {
        let topic: Arc<str> = "orders".into();
        let told = told(|reports, actions| {
            for leader in [Some(1), None, None, Some(2), Some(2), None] {
                reports.led((&topic, 3), leader.map(NodeId), actions);
            }
        });
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("orders-3 has no leader"), "{told:?}");
        assert_eq!(told[1], "orders-3 is led by broker 2 now");
        assert_eq!(told[2], told[0]);
    }

    #[test]
    fn what_comes_and_goes_is_told_once_in_a_minute() {
        let start = Instant::now();
        let told = told(|reports, actions| {
            for seconds in 0..120 {
                let now = start + Duration::from_secs(seconds);
                reports.memory_full(None, now, actions);
                // Each throttle goes on from the one before.
                reports.throttled(BROKER, Duration::from_millis(7), name, now, actions);
            }
        });
        let full = told.iter().filter(|told| told.contains("buffer.memory"));
        assert_eq!(full.count(), 2);
        assert_eq!(told.len(), 3, "{told:?}");
    }

    #[test]
    fn the_first_epoch_is_no_news_and_the_next_are() {
        let told = told(|reports, actions| {
            reports.identity(None, actions);
            for epoch in [0, 0, 1, 1] {
                reports.identity(Some(ProducerId { id: 7, epoch }), actions);
            }
            reports.identity(None, actions);
        });
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("id 7, epoch 1"), "{told:?}");
    }
}
