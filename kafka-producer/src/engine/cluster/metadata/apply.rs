//! What a metadata response changes of topics, partitions and leaders.
//!
//! A topic's id distinguishes it from an earlier one of the same name (KIP-516). Without ids, an answer
//! may look as if the topic had been made again (fewer partitions, or older leader epochs) because the
//! broker that gives it lags behind. It is applied only if a leader has refused a batch in the meantime
//! and several answers in a row agree.
//!
//! What follows for batches is not done here: [`Applied`] tells the router whose lanes have another
//! leader, and whose partitions are gone.

use std::sync::Arc;

use kafka_accumulator::Queue;
use kafka_wire::messages::metadata::{LeadersPartition, LeadersTopic};
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::cluster::election::News;
use crate::engine::cluster::metadata::Metadata;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::cluster::topic_entry::TopicEntry;
use crate::engine::cluster::updates::{Gain, Told};
use crate::engine::context::Context;
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::partitions::Partitions;
use crate::engine::produce::row::closed_queue;
use crate::error::{SendError, WaitReason};

/// What a response has changed.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Lanes whose partitions do not exist any more.
    pub(crate) gone: Vec<Gone>,
    /// Lanes with another leader, or one that was elected again.
    pub(crate) led_anew: Vec<LaneKey>,
    /// The topics in use that the response is about.
    told: Vec<Arc<str>>,
    /// How many topics became known and leaders were elected.
    learnt: usize,
}

/// A lane whose partition is gone.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) lane: LaneKey,
    /// Why, for people.
    pub(crate) why: Arc<str>,
}

/// Whether a response is about the same topic as the one known by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    /// It may be another; the next answers decide.
    Doubtful,
    MadeAnew,
}

/// What a response is applied to beside the metadata, and what that has changed so far.
struct Applying<'a> {
    cx: &'a mut Context,
    nodes: &'a Nodes,
    lanes: &'a mut Lanes,
    applied: Applied,
}

impl Metadata {
    /// A response with brokers in it has come.
    pub(crate) fn note_heard(&mut self) {
        self.updates.note_heard();
        self.last_obstacle = None;
    }

    /// The response names no broker at all, so it counts as a failure.
    pub(crate) fn told_of_no_broker(&mut self, cx: &mut Context) {
        self.note_unheard(cx.now);
        self.note_obstacle(WaitReason::NoBroker);
        self.failed(cx);
    }

    /// Applies a response to the topics in use. The brokers in it must have been applied before.
    pub(crate) fn apply(
        &mut self,
        cx: &mut Context,
        nodes: &Nodes,
        lanes: &mut Lanes,
        topics: Vec<LeadersTopic>,
    ) -> Applied {
        let applied = Applied::default();
        let mut to = Applying {
            cx,
            nodes,
            lanes,
            applied,
        };
        let told = topics.len().min(self.topics.len());
        to.applied.told.reserve(told);
        for topic in topics {
            let name = topic.name.as_deref();
            let known = name.and_then(|name| self.topics.get_key_value(name));
            if let Some((name, _)) = known {
                let name = Arc::clone(name);
                let told = self.apply_topic(&mut to, &name, topic);
                self.updates.told(&name, told);
                to.applied.told.push(name);
            }
        }
        to.applied
    }

    /// Shows callers what was applied of a request about `asked`, and ends the waits that are over.
    pub(crate) fn show(
        &mut self,
        cx: &mut Context,
        nodes: &Nodes,
        lanes: &Lanes,
        asked: &[Arc<str>],
        applied: &Applied,
    ) {
        // Before they are shown, so that the first record stays in its rack.
        self.weigh_by_racks(cx, nodes, lanes, &applied.told);
        self.publish(cx, lanes, &applied.told);
        for name in &applied.told {
            if let Some(entry) = self.topics.get_mut(name) {
                let partitions = entry.writable_partitions();
                entry.waiters_mut().serve(partitions, &mut cx.notices);
                if !entry.waiters().is_empty() {
                    self.updates.told(name, Told::Incomplete);
                }
                for partition in entry.waiters().partitions().filter(|_| partitions > 0) {
                    let (reports, actions) = (&mut cx.reports, &mut cx.actions);
                    reports.partition_unknown((name, partition), partitions, actions);
                }
            }
        }
        let gained = if applied.learnt > 0 {
            Gain::News
        } else if self.updates.lack_any(&applied.told) || self.updates.lack_any(asked) {
            Gain::Gaps
        } else {
            Gain::Nothing
        };
        self.updates.answered(gained, cx.now, &mut cx.random);
    }

    /// Applies one topic of a response, and says whether another request is needed for it.
    fn apply_topic(&mut self, to: &mut Applying<'_>, name: &Arc<str>, topic: LeadersTopic) -> Told {
        match topic.error_code {
            ErrorCode::NONE if !topic.partitions.is_empty() => {
                let cx = &mut *to.cx;
                cx.reports.topic_known(name, &mut cx.actions);
                self.apply_partitions(to, name, &topic)
            }
            ErrorCode::NONE => Told::Incomplete,
            code if code.is_retriable() => {
                self.last_obstacle = Some(WaitReason::refused("Metadata", code));
                if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                    let cx = &mut *to.cx;
                    cx.reports.topic_unknown(name, &mut cx.actions);
                }
                if code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                    && let Some(entry) = self.topics.get_mut(name)
                {
                    // Deleted: callers wait until there is one of this name again.
                    entry.become_unknown();
                }
                Told::Incomplete
            }
            code => self.refuse_topic(to.cx, name, code),
        }
    }

    /// The cluster does not let this producer write to the topic.
    fn refuse_topic(&mut self, cx: &mut Context, name: &Arc<str>, code: ErrorCode) -> Told {
        let Some(entry) = self.topics.get_mut(name) else {
            return Told::Complete;
        };
        entry.become_unknown();
        let refused = || SendError::TopicRefused {
            topic: Arc::clone(name),
            code,
        };
        entry.waiters_mut().refuse(refused, &mut cx.notices);
        if entry.partitions().is_some() {
            return Told::Incomplete;
        }
        self.forget(name, cx.now);
        Told::Complete
    }

    fn apply_partitions(
        &mut self,
        to: &mut Applying<'_>,
        name: &Arc<str>,
        told: &LeadersTopic,
    ) -> Told {
        match self.likeness(to.lanes, name, told) {
            Likeness::Same => {}
            Likeness::Doubtful => return Told::Incomplete,
            Likeness::MadeAnew => {
                let gone = self.make_anew(to, name, told.partitions.len());
                to.applied.gone.extend(gone);
            }
        }
        let Some(entry) = self.topics.get_mut(name) else {
            return Told::Complete;
        };
        to.applied.learnt += usize::from(!entry.is_known());
        let (now, lanes) = (to.cx.now, &mut *to.lanes);
        let count = told.partitions.len();
        let make = || Partitions::new(told.topic_id, lanes.number_topic(), count, now);
        entry.become_known(make);
        let Some(known) = entry.partitions_mut() else {
            return Told::Complete;
        };
        if known.len() < count {
            let closed = closed_queue(&to.cx.accumulator, name);
            known.replace_row(0..known.len(), count, &closed, now);
        }
        to.apply_leaders(known, told)
    }

    /// Compares what a response says of a topic with what is known.
    fn likeness(&mut self, lanes: &Lanes, name: &Arc<str>, told: &LeadersTopic) -> Likeness {
        let Some(entry) = self.topics.get_mut(name) else {
            return Likeness::Same;
        };
        let Some(known) = entry.partitions() else {
            return Likeness::Same;
        };
        if known.topic_id() != Uuid::ZERO && told.topic_id != Uuid::ZERO {
            return match known.topic_id() == told.topic_id {
                true => Likeness::Same,
                false => Likeness::MadeAnew,
            };
        }
        if !seems_new(lanes, known, &told.partitions) {
            entry.believe();
            return Likeness::Same;
        }
        if entry.doubt() < DOUBTS {
            return Likeness::Doubtful;
        }
        entry.believe();
        Likeness::MadeAnew
    }

    /// Another topic has this name now, with this many partitions. Lanes of partitions that it has, too,
    /// are kept for it; the others are returned.
    fn make_anew(
        &mut self,
        to: &mut Applying<'_>,
        name: &Arc<str>,
        partitions: usize,
    ) -> Vec<Gone> {
        let (now, lanes) = (to.cx.now, &mut *to.lanes);
        let entry = self.topics.get_mut(name);
        let Some(known) = entry.and_then(TopicEntry::partitions_mut) else {
            return Vec::new();
        };
        let closed = closed_queue(&to.cx.accumulator, name);
        let kept = partitions.min(known.len());
        let gone = known.row().close_unused(kept..known.len(), &closed);
        // Close all of them before the first record fails: a caller that then sends it again must not
        // find one that is still open.
        gone.iter().for_each(Queue::close);
        let used = gone
            .iter()
            .filter(|queue| LaneKey::of(queue).is_some() || !queue.is_empty());
        let why: Arc<str> =
            format!("the topic was made anew with {partitions} partition(s)").into();
        let gone = used.filter_map(|queue| {
            let lane = self.lane_for(queue, lanes, now)?;
            let why = Arc::clone(&why);
            Some(Gone { lane, why })
        });
        let gone = gone.collect();
        let entry = self.topics.get_mut(name);
        if let Some(known) = entry.and_then(TopicEntry::partitions_mut) {
            if kept < known.len() {
                known.replace_row(0..kept, kept, &closed, now);
            }
            known.belong_to_another();
            for key in known.lanes() {
                lanes[key].belong_to_another();
            }
        }
        gone
    }
}

impl Applying<'_> {
    /// Applies who leads the partitions of a topic, and says whether each has a leader that is known.
    fn apply_leaders(&mut self, known: &mut Partitions, told: &LeadersTopic) -> Told {
        let Self {
            cx,
            nodes,
            lanes,
            applied,
        } = self;
        known.belong_to(told.topic_id);
        for key in known.lanes() {
            lanes[key].belong_to(told.topic_id);
        }
        let elections = known.take_in(&told.partitions, |id| nodes.knows(id));
        applied.learnt += elections.learnt;
        let mut all_led = elections.all_led;
        for (key, election) in elections.in_use {
            if let Some(news) = lanes.elect(key, election, cx.now) {
                applied.learnt += usize::from(news == News::Elected);
                applied.led_anew.push(key);
            }
            // The lane may know a newer leader than this answer.
            let leader = lanes[key].leader();
            let leader = leader.filter(|leader| nodes.knows(*leader));
            all_led &= leader.is_some();
            let lane = &lanes[key];
            if leader.is_some() || lane.has_batches() {
                let partition = (lane.topic(), lane.partition());
                cx.reports.led(partition, leader, &mut cx.actions);
            }
        }
        Told::of(all_led)
    }
}

/// Whether a topic without an id looks as if it had been made again: the response says so, and a leader
/// has refused a batch.
fn seems_new(lanes: &Lanes, known: &Partitions, told: &[LeadersPartition]) -> bool {
    let refused = |key: LaneKey| {
        let refusal = lanes[key].last_refusal();
        refusal.is_some_and(ErrorCode::invalidates_metadata)
    };
    let behind = |(epoch, told): (i32, &LeadersPartition)| (0..epoch).contains(&told.leader_epoch);
    let fewer = told.len() < known.len();
    let seems_new = fewer || known.epochs(lanes).zip(told).any(behind);
    seems_new && known.lanes().any(refused)
}

/// How many answers in a row must agree that a topic without an id was made again.
const DOUBTS: u32 = 3;
