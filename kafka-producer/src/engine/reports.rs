//! What was told to people of the states that change, so that each is told once: not for each record, and not
//! for each attempt.
//!
//! ```text
//! a broker   well ──a connection fails──▶ told, for each cause once ──it answers──▶ told, and well
//! ```
//!
//! It is asked where such a state changes, and lists what is to be told; nothing follows from it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::event::Event;
use crate::engine::input::Action;
use crate::error::WaitReason;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// Of brokers that do not answer: for which causes, since they last did.
    brokers: BTreeMap<NodeId, Vec<WaitReason>>,
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
}
