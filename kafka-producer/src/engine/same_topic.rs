//! Is it the same topic still? What is asked before a batch is believed to be in a log, or not to be,
//! because of its neighbours.
//!
//! A log takes a producer's numbers in their order, so that a later batch speaks for an earlier one:
//! if the one is in, so is the other, and if the earlier one is not, neither is the later. But a topic
//! that was deleted and made anew takes any number for a first one, and metadata may not have told of
//! it yet. So the leader, whose log it is about, is asked for the topic's id, which no other topic of
//! that name has (KIP-516):
//!
//! ```text
//! seen of a log of that name              the same id            another id
//!   a later batch was acknowledged        delivered              may have been in the one before
//!   a later batch is in                   presumed to be in      may have been in the one before
//!   it is not in, and must be numbered    so are those behind    those behind that may be in either
//!     anew                                                         are not sent again
//! ```
//!
//! Where there are no ids (before Kafka 2.8) an acknowledgement at an offset at which a batch before it
//! was acknowledged tells that the log is another (`Lane::is_another_log`); else it is believed to be
//! the same.

use kafka_wire::messages::MetadataRequest;
use kafka_wire::messages::metadata::{LeadersResponse, LeadersTopic, MetadataRequestTopic};
use kafka_wire::{ErrorCode, Uuid};

use super::acknowledgement::FORGOTTEN;
use super::in_flight::{Sent, What};
use super::inquiry::Finding;
use super::lane::{LaneKey, Slot, SlotState};
use super::verdict::Ambiguity;
use super::{Engine, NodeId};
use crate::settings::UnresolvedPolicy;

/// What was seen of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A later batch was acknowledged.
    Acknowledged,
    /// A later one is in: the log takes this sequence next.
    Sequence(i32),
    /// The batch is not in, so that none of those behind it are.
    Gap,
}

impl Engine {
    /// A batch is to get another number, and those behind it, because none of them is in the log.
    /// Whether that has to be asked first: of some it is not known, and a topic made anew may have
    /// them without the first.
    pub(super) fn doubts_topic(&mut self, key: LaneKey) -> bool {
        let lane = &self.lanes[key as usize];
        let known = |slot: &Slot| slot.ambiguity == Ambiguity::None;
        let outnumbered = |slot: &Slot| matches!(slot.state, SlotState::Outnumbered { .. });
        let Some(position) = lane.slots.iter().position(outnumbered) else {
            return false;
        };
        let settled = lane.slots.iter().skip(position + 1).all(known);
        if settled || self.settings.unresolved == UnresolvedPolicy::Resend {
            return false;
        }
        if lane.is_of_earlier_topic(lane.slots[position].serial) {
            self.leave_ambiguous_open(key, position, MADE_ANEW);
            return false;
        }
        if !lane.is_continued_to(position, &self.memory()) {
            self.leave_ambiguous_open(key, position, FORGOTTEN);
            return false;
        }
        self.check_topic(key, position, Evidence::Gap);
        true
    }

    /// What was seen of a log of this name: asks its leader whether it is the same log still.
    pub(super) fn check_topic(&mut self, key: LaneKey, position: usize, evidence: Evidence) {
        let lane = &self.lanes[key as usize];
        let leader = lane.leader.filter(|_| lane.topic_id != Uuid::ZERO);
        let version = leader.and_then(|leader| self.newest::<MetadataRequest>(leader));
        let (Some(leader), Some(version)) = (leader, version) else {
            return self.believe(key, position, evidence);
        };
        let topic = MetadataRequestTopic::default().with_name(Some(lane.topic.to_string()));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(false);
        let slot = &mut self.lanes[key as usize].slots[position];
        slot.state = SlotState::Inquired;
        let serial = slot.serial;
        let about = Sent { lane: key, serial };
        let what = What::TopicCheck(about, evidence);
        self.ask(leader, version, &request, what);
    }

    /// The leader has told of the topic.
    pub(super) fn topic_checked(
        &mut self,
        id: NodeId,
        about: Sent,
        evidence: Evidence,
        answer: LeadersResponse,
    ) {
        self.throttle(id, answer.throttle_time_ms);
        let Sent { lane: key, serial } = about;
        let lane = &self.lanes[key as usize];
        let Some(position) = lane.position(serial) else {
            return self.list(key);
        };
        let of_that_name = |topic: &&LeadersTopic| topic.name.as_deref() == Some(&lane.topic);
        let found = answer.topics.iter().find(of_that_name);
        match found.filter(|topic| topic.error_code == ErrorCode::NONE && lane.leader == Some(id)) {
            // Of another id metadata may have told since the question was asked.
            Some(topic)
                if [lane.topic_id, Uuid::ZERO].contains(&topic.topic_id)
                    && !lane.is_of_earlier_topic(serial) =>
            {
                self.believe(key, position, evidence);
            }
            Some(_) => {
                self.metadata.want();
                match evidence {
                    Evidence::Gap => {
                        self.leave_ambiguous_open(key, position, MADE_ANEW);
                        self.believe(key, position, evidence);
                    }
                    _ => {
                        self.leave_open(key, serial, Some(MADE_ANEW));
                        self.list(key);
                    }
                }
            }
            None => self.topic_unchecked(about, evidence),
        }
    }

    /// The leader cannot tell now, or is not there any more.
    pub(super) fn topic_unchecked(&mut self, about: Sent, evidence: Evidence) {
        let Sent { lane: key, serial } = about;
        let position = self.lanes[key as usize].position(serial);
        if let (Evidence::Gap, Some(position)) = (evidence, position) {
            let until = self.now + self.before_asking_again(key, position);
            self.lanes[key as usize].slots[position].state = SlotState::Outnumbered { until };
            self.metadata.want();
            return self.list(key);
        }
        self.resolve(
            about,
            Finding::AskAgain(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        );
    }

    fn believe(&mut self, key: LaneKey, position: usize, evidence: Evidence) {
        let slot = &mut self.lanes[key as usize].slots[position];
        let serial = slot.serial;
        match evidence {
            Evidence::Sequence(next) => self.presume(key, position, next),
            Evidence::Acknowledged => self.delivered(key, serial, -1, None),
            Evidence::Gap => {
                slot.state = SlotState::Outnumbered { until: self.now };
                self.start_new_epoch(key);
                if self.identity.producer().is_none() {
                    return; // The lane is listed when there is one.
                }
            }
        }
        self.list(key);
    }

    /// Ends the batches behind this one that may be in a log of which nothing is known.
    pub(super) fn leave_ambiguous_open(&mut self, key: LaneKey, position: usize, why: &str) {
        let slots = self.lanes[key as usize].slots.iter().skip(position + 1);
        let ambiguous = slots.filter(|slot| slot.ambiguity != Ambiguity::None);
        let serials: Vec<u64> = ambiguous.map(|slot| slot.serial).collect();
        for serial in serials {
            self.leave_open(key, serial, Some(why));
        }
    }
}

/// Why nothing is known of a batch.
pub(super) const MADE_ANEW: &str = "its topic was made anew meanwhile";
