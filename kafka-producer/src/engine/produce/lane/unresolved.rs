//! Was it appended? What becomes of a batch that may be in the log under a number that is refused.
//!
//! An attempt was not answered, the next is `OUT_OF_ORDER_SEQUENCE_NUMBER`. Either the batch is in
//! the log and the broker, restarted, remembers only what came after it; or a batch before it is
//! missing and it is not there. Under a new epoch it would be there twice in the first case. So the
//! leader is asked for the last sequence that it has of this producer (DescribeProducers, KIP-664),
//! and nothing is sent under another number before the answer says that this can do no harm:
//!
//! ```text
//! the log's last sequence is …        then the batch …                if an attempt has lapsed …
//!   its own last one                  is sent again under its          ends as possibly persisted: the
//!                                       number: a duplicate, or fits     broker may forget it meanwhile
//!   a later one *                     is presumed to be in the log     ends as possibly persisted
//!   the one before its first          is sent again under its          the same if each attempt was
//!                                       number: it fits                  answered, else possibly persisted
//!   an earlier one of this epoch, *   is not in the log: it gets a     the same if each attempt was
//!     or one of an earlier epoch        new number, unless a missing     answered, else possibly persisted
//!                                       predecessor may still arrive
//!                                       and bring it in (below)
//!   unknown, or of a later epoch      may be there: a broker forgets a producer, by the times of its
//!                                       records, sooner than it does the records
//! ```
//!
//! An attempt *has lapsed* when a broker that has appended it may have forgotten that (`expiration.rs`).
//! Where there is a star the third column holds also if no leader has confirmed a batch of this producer
//! recently (`Lane::is_continued_to`).
//!
//! *Presumed* is not yet delivered. The leader tells of its own log, and what its followers lack may
//! be lost with it. The next acknowledgement under the same epoch says that every replica in sync
//! has all before it. If there is none, the record ends as possibly persisted when its time is up.
//!
//! *Late requests.* A request of a lost connection may be appended after the leader was asked. That
//! is harmless for a batch that keeps its number: the broker takes each number once. One that is to
//! get a new number was found out of sequence, and so will its late request be, unless the missing
//! predecessor arrives first. A predecessor does not if each of its attempts was answered; and a
//! batch has no late request if each of its own was. When both were left without an answer nothing
//! proves that the batch stays out, and it ends as possibly persisted. A new epoch would not fence
//! the late request before a batch of that epoch is appended, which is this one. What follows a
//! batch that stays out stays out, too.
//!
//! *A topic made anew* knows nothing of what was sent to the one before: of such a batch its leader is
//! not asked, nor does an acknowledgement of one speak for others (`sender/unresolved.rs`).
//!
//! *A broker that may have forgotten this producer* (`expiration.rs`) takes a batch without those before
//! it, and a late request under any number. So none is presumed to be in the log because a later one
//! is, and none is sent again that may be there already or arrive late.
//!
//! *An old leader* cannot deny what a newer one has: only the leader of the newest epoch that is known is
//! asked, and no batch was sent to a newer one. But where metadata tells no epoch (-1) it is believed
//! without, and after a rebootstrap (`Lanes::forget_leaders`) epochs begin anew: the cluster may be another.

use std::time::{Duration, Instant};

use kafka_wire::messages::describe_producers::PartitionResponse;
use kafka_wire::records::next_sequence;
use kafka_wire::{ErrorCode, Uuid};

use crate::engine::cluster::expected_response::Evidence;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::identity::Identity;
use crate::engine::produce::expiration::{BrokerMemory, LastAppend};
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::recall::Confirmed;
use crate::engine::produce::lane::slot::{Position, Slot, SlotState};
use crate::engine::produce::verdict::Ambiguity;
use crate::engine::timers::Timer;
use crate::settings::UnresolvedPolicy;

/// What is to be asked about a batch that may be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inquiry {
    /// Nothing any more.
    Nothing,
    /// Whether the log that this was seen of is that of the topic it was sent to.
    Topic(Evidence),
    /// What the log has of this producer.
    Producer,
}

/// What an answer tells of a batch that may be in the log.
pub(crate) enum Finding {
    /// The log takes this sequence next, under the epoch that was asked about.
    Expects(Expected),
    /// Nothing that could be relied on.
    Nothing(String),
    /// Not now.
    AskAgain(ErrorCode),
    /// Not here: another broker leads by now.
    AskElsewhere,
}

/// What a leader remembers of this producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The sequence that its log takes next.
    next: i32,
    /// The latest timestamp of the batch that it has appended last.
    last_timestamp_ms: i64,
}

/// Whether a topic of that name is the one that a batch was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SameTopic {
    Yes,
    No,
}

/// What a lane does after it has heard a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterFinding {
    GoesOn,
    /// When there is a producer id.
    WaitsForIdentity,
}

impl Lane {
    /// The oldest batch was not answered for, and is too old to be sent again.
    pub(crate) fn may_be_forgotten(&mut self, cx: &mut Context) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_waiting()) else {
            return;
        };
        match cx.settings.unresolved {
            UnresolvedPolicy::Fail => {
                let serial = slot.serial;
                self.leave_open(cx, serial, Some(FORGOTTEN));
            }
            _ => slot.state = SlotState::Unresolved { until: cx.now },
        }
    }

    /// What its leader is to be asked about the oldest batch that may be in the log, whose serial it is.
    pub(crate) fn inquire(&mut self, memory: &BrokerMemory) -> (u64, Inquiry) {
        if self.has_unconfirmable(memory) {
            // Another leader than the one that told of them may not have what was presumed.
            self.doubt_presumed(self.slots.len(), memory.now());
        }
        let unresolved = |slot: &&mut Slot| matches!(slot.state, SlotState::Unresolved { .. });
        let Some(slot) = self.slots.iter_mut().find(unresolved) else {
            return (0, Inquiry::Nothing);
        };
        if self.recall.holds(slot) {
            return (slot.serial, Inquiry::Topic(Evidence::Acknowledged));
        }
        slot.state = SlotState::BeingAsked;
        (slot.serial, Inquiry::Producer)
    }

    /// What a leader has said of the batch, if that has no outcome yet.
    pub(crate) fn finding(
        &self,
        serial: u64,
        found: Option<&PartitionResponse>,
    ) -> Option<Finding> {
        let slot = &self.slots[self.position(serial)?];
        Some(match found {
            Some(found) => finding(found, slot),
            // The answer passes over the question.
            None => Finding::AskAgain(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        })
    }

    /// Decides by a finding what becomes of the batch that was asked about, and of those behind it. Returns
    /// what was seen of the log, if that decides only as long as the topic is the same.
    pub(crate) fn resolve(
        &mut self,
        cx: &mut Context,
        memory: &BrokerMemory,
        serial: u64,
        finding: Finding,
    ) -> Option<Evidence> {
        let position = self.position(serial)?;
        match finding {
            Finding::AskAgain(_) => {
                let until = cx.now + self.pause_of_asking(cx, position);
                self.slots[position].state = SlotState::Unresolved { until };
            }
            Finding::AskElsewhere => {
                self.slots[position].state = SlotState::Unresolved { until: cx.now };
            }
            Finding::Nothing(why) => self.leave_open(cx, serial, Some(&why)),
            Finding::Expects(expected) => return self.compare(cx, memory, position, expected),
        }
        None
    }

    /// The log takes `expected.next` next: decides on the batch that was asked about and on those behind it.
    fn compare(
        &mut self,
        cx: &mut Context,
        memory: &BrokerMemory,
        position: usize,
        expected: Expected,
    ) -> Option<Evidence> {
        let next = expected.next;
        self.slots[position].asked_in_vain = 0;
        let serial = self.slots[position].serial;
        if self.has_lost_presumed(next) {
            // What was presumed was lost with the leader that told of it: it is asked about first.
            self.slots[position].state = SlotState::Unresolved { until: cx.now };
            self.doubt_presumed(position, cx.now);
            return None;
        }
        let lapsed = self.has_lapsed(memory);
        let ambiguity = self.slots[position].ambiguity;
        match self.slots[position].position(next) {
            Some(Position::Behind) if self.is_continued_to(position, memory) => {
                self.note_remembered(position, expected, cx.now);
                return Some(Evidence::Sequence(next));
            }
            Some(Position::Behind) => self.leave_open(cx, serial, Some(FORGOTTEN)),
            Some(Position::Last) if lapsed => self.leave_open(cx, serial, Some(FORGOTTEN)),
            Some(Position::Next) if lapsed && ambiguity == Ambiguity::MaybeInFlight => {
                self.leave_open(cx, serial, Some(FORGOTTEN));
            }
            Some(Position::Last) => self.send_again(cx, position),
            Some(Position::Next) => {
                if ambiguity == Ambiguity::Possible {
                    // Each attempt was answered, so none is on its way: it is not in the log.
                    self.slots[position].ambiguity = Ambiguity::None;
                }
                self.send_again(cx, position);
            }
            Some(Position::Ahead) if self.stays_out(position, memory) => {
                self.leave_number(cx, position);
            }
            Some(Position::Ahead) => {
                self.leave_open(cx, serial, Some("a request may still arrive"));
            }
            Some(Position::Across) | None => {
                self.leave_open(cx, serial, Some("the log has other batches of it"));
            }
        }
        None
    }

    /// It fits, or is there already: either is found out by its own number.
    fn send_again(&mut self, cx: &mut Context, position: usize) {
        let slot = &mut self.slots[position];
        if slot.attempts > cx.settings.retries {
            let (serial, code) = (slot.serial, slot.last_error.unwrap_or_default());
            return self.exhaust(cx, serial, code);
        }
        // None at first; if asking leads nowhere, as long as between any attempts.
        let pause = match slot.attempts {
            ..=2 => Duration::ZERO,
            more => cx.backoff(more - 2),
        };
        let until = cx.now + pause;
        slot.state = SlotState::Waiting { until };
    }

    /// A broker that could not tell is left alone for a while, and for longer if it cannot again.
    fn pause_of_asking(&mut self, cx: &mut Context, position: usize) -> Duration {
        let slot = &mut self.slots[position];
        slot.asked_in_vain = slot.asked_in_vain.saturating_add(1);
        cx.backoff(u32::from(slot.asked_in_vain))
    }

    /// A batch is out of sequence: those before it, if any is presumed to be in the log, are not
    /// there any more, and are asked about again.
    pub(super) fn doubt_presumed(&mut self, position: usize, until: Instant) {
        for slot in self.slots.iter_mut().take(position) {
            if slot.state == SlotState::PresumedAppended {
                slot.state = SlotState::Unresolved { until };
            }
        }
    }

    /// Whether a batch whose predecessor the log lacks will never get in under its number.
    fn stays_out(&self, position: usize, memory: &BrokerMemory) -> bool {
        let predecessors = self.numbering.ambiguity();
        let own = self.slots[position].ambiguity;
        match self.is_continued_to(position, memory) {
            true => own.min(predecessors) < Ambiguity::MaybeInFlight,
            // A broker that has forgotten this producer takes a late request all the same.
            false => own < Ambiguity::MaybeInFlight,
        }
    }

    /// Whether every log that may have the batch at this position, or one behind it, has those
    /// before it: its leaders have known this producer all the time.
    fn is_continued_to(&self, position: usize, memory: &BrokerMemory) -> bool {
        let producer = self.slots[position].producer();
        producer.is_some_and(|producer| self.recall.has_continued(producer, memory))
            && !self.has_lapsed(memory)
    }

    /// The leader has told what it remembers.
    fn note_remembered(&mut self, position: usize, expected: Expected, now: Instant) {
        let slot = &self.slots[position];
        let (Some(producer), Some(leadership)) = (slot.producer(), self.leadership()) else {
            return;
        };
        let serial = slot.serial;
        let before = self.recall.confirmed();
        let same = before.filter(|before| before.producer == producer);
        let (from, last) = same.map_or((serial, serial), |same| (same.from, same.last));
        self.recall.confirm(Confirmed {
            producer,
            leadership,
            append: LastAppend {
                age_from: now,
                timestamp_ms: expected.last_timestamp_ms,
            },
            from,
            last,
        });
    }

    /// Whether the log, which takes `next` next, lacks something that was presumed to be there.
    fn has_lost_presumed(&self, next: i32) -> bool {
        let slots = self.slots.iter();
        let mut presumed = slots.take_while(|slot| slot.state == SlotState::PresumedAppended);
        let held = |slot: &Slot| {
            let position = slot.position(next);
            matches!(position, Some(Position::Behind | Position::Last))
        };
        presumed.any(|slot| !held(slot))
    }

    /// A batch is to get another number, and those behind it, because none of them is in the log. Whether
    /// that has to be asked first, about the batch with this serial: of some behind it it is not known, and
    /// a topic made anew may have them without the first.
    pub(crate) fn prepare_renumbering(
        &mut self,
        cx: &mut Context,
        memory: &BrokerMemory,
    ) -> Option<u64> {
        let needs_number = |slot: &Slot| matches!(slot.state, SlotState::NeedsNewSequence { .. });
        let position = self.slots.iter().position(needs_number)?;
        let known = |slot: &Slot| slot.ambiguity == Ambiguity::None;
        let settled = self.slots.iter().skip(position + 1).all(known);
        if settled || cx.settings.unresolved == UnresolvedPolicy::Resend {
            return None;
        }
        let serial = self.slots[position].serial;
        if self.recall.is_of_earlier_topic(serial) {
            self.leave_ambiguous_open(cx, position, MADE_ANEW);
            return None;
        }
        if !self.is_continued_to(position, memory) {
            self.leave_ambiguous_open(cx, position, FORGOTTEN);
            return None;
        }
        Some(serial)
    }

    /// Who can tell of the topic whether it is the same still: its leader, if topics have ids.
    pub(crate) fn knows_topic(&self) -> Option<NodeId> {
        self.leader.filter(|_| self.topic_id != Uuid::ZERO)
    }

    /// Its leader is asked about the topic that the batch with this serial was sent to.
    pub(crate) fn await_topic(&mut self, serial: u64) {
        if let Some(position) = self.position(serial) {
            self.slots[position].state = SlotState::BeingAsked;
        }
    }

    /// Whether the topic that a leader tells of is the one that this batch was sent to.
    pub(crate) fn is_same_topic(&self, serial: u64, topic_id: Uuid) -> SameTopic {
        // Of another id metadata may have told since the question was asked.
        let same = [self.topic_id, Uuid::ZERO].contains(&topic_id);
        match same && !self.recall.is_of_earlier_topic(serial) {
            true => SameTopic::Yes,
            false => SameTopic::No,
        }
    }

    /// The topic was made anew since this was seen of a log: nothing follows from it.
    pub(crate) fn disbelieve(&mut self, cx: &mut Context, serial: u64, evidence: Evidence) {
        match (evidence, self.position(serial)) {
            (Evidence::Gap, Some(position)) => self.leave_ambiguous_open(cx, position, MADE_ANEW),
            _ => self.leave_open(cx, serial, Some(MADE_ANEW)),
        }
    }

    /// Nobody could tell of the topic now: it is asked about again before the batch gets a number.
    pub(crate) fn ask_about_topic_later(&mut self, cx: &mut Context, serial: u64) {
        if let Some(position) = self.position(serial) {
            let until = cx.now + self.pause_of_asking(cx, position);
            self.slots[position].state = SlotState::NeedsNewSequence { until };
        }
    }

    /// What was seen of a log holds: does what follows from it.
    pub(crate) fn believe(
        &mut self,
        cx: &mut Context,
        identity: &mut Identity,
        serial: u64,
        evidence: Evidence,
    ) -> AfterFinding {
        let Some(position) = self.position(serial) else {
            return AfterFinding::GoesOn;
        };
        match evidence {
            Evidence::Sequence(next) => self.presume(position, next),
            Evidence::Acknowledged => self.delivered(cx, serial, None, None),
            Evidence::Gap => {
                self.slots[position].state = SlotState::NeedsNewSequence { until: cx.now };
                self.start_new_epoch(cx, identity);
                if identity.producer().is_none() {
                    return AfterFinding::WaitsForIdentity;
                }
            }
        }
        AfterFinding::GoesOn
    }

    /// The log has this batch, and whatever behind it may be there and comes before `next`.
    fn presume(&mut self, position: usize, next: i32) {
        let held = |slot: &&mut Slot| {
            slot.ambiguity != Ambiguity::None
                && !slot.state.is_in_flight()
                && slot.position(next) == Some(Position::Behind)
        };
        for slot in self.slots.iter_mut().skip(position).take_while(held) {
            slot.state = SlotState::PresumedAppended;
        }
    }

    /// A broken sequence cannot go on: numbers the lane anew under the next epoch. That the log has
    /// none of its batches under the old one is known by now, unless the user does not care.
    pub(crate) fn start_new_epoch(&mut self, cx: &mut Context, identity: &mut Identity) {
        if let Some(producer) = self.numbering.producer() {
            identity.leave(producer, cx.now);
        }
        self.number_anew(cx, identity);
    }

    /// A request may still arrive that brokers are to remember the lane's id for: goes on under another.
    pub(crate) fn start_new_id(&mut self, cx: &mut Context, identity: &mut Identity) {
        // A broker that knows nothing of the new id would take once more what it may have by now.
        self.leave_ambiguous_open(cx, 0, FORGOTTEN);
        let left = self.slots.iter().find_map(Slot::producer);
        let current = identity.producer();
        if let Some(left) = left.filter(|left| current.is_some_and(|it| it.id == left.id)) {
            // After a pause, should the same one be given again.
            let not_before = cx.now + cx.backoff(1);
            identity.leave_id(left.id, not_before);
            cx.timers.arm(Timer::Identity, not_before);
        }
        self.number_anew(cx, identity);
    }

    fn number_anew(&mut self, cx: &mut Context, identity: &Identity) {
        self.end_presumed(cx);
        if let Some(producer) = identity.producer() {
            self.renumber(producer);
            if cx.settings.unresolved != UnresolvedPolicy::Resend {
                let slots = self.slots.iter_mut();
                slots.for_each(|slot| slot.ambiguity = Ambiguity::None);
            }
        }
    }
}

fn finding(found: &PartitionResponse, slot: &Slot) -> Finding {
    let code = found.error_code;
    if code.is_retriable() {
        return Finding::AskAgain(code);
    }
    if code != ErrorCode::NONE {
        return Finding::Nothing(format!("asking was refused: {code}"));
    }
    let Some(ours) = slot.producer() else {
        return Finding::Nothing("it has no number".to_owned());
    };
    let mut producers = found.active_producers.iter();
    match producers.find(|theirs| theirs.producer_id == ours.id) {
        None => Finding::Nothing("the broker does not know this producer any more".to_owned()),
        Some(theirs) if theirs.producer_epoch < i32::from(ours.epoch) => {
            Finding::Expects(Expected {
                next: 0,
                last_timestamp_ms: theirs.last_timestamp,
            })
        }
        Some(theirs)
            if theirs.producer_epoch > i32::from(ours.epoch) || theirs.last_sequence < 0 =>
        {
            Finding::Nothing("the broker knows no batch of this epoch".to_owned())
        }
        Some(theirs) => Finding::Expects(Expected {
            next: next_sequence(theirs.last_sequence, 1),
            last_timestamp_ms: theirs.last_timestamp,
        }),
    }
}

/// Why nothing is known of a batch.
pub(super) const FORGOTTEN: &str =
    "the broker may have appended it and forgotten this producer (producer.id.expiration.ms)";

/// Why nothing is known of a batch.
pub(super) const MADE_ANEW: &str = "its topic was made anew meanwhile";
