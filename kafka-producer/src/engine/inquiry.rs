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
//! not asked, nor does an acknowledgement of one speak for others (`same_topic.rs`).
//!
//! *A broker that may have forgotten this producer* (`expiration.rs`) takes a batch without those before
//! it, and a late request under any number. So none is presumed to be in the log because a later one
//! is, and none is sent again that may be there already or arrive late.
//!
//! *An old leader* cannot deny what a newer one has: only the leader of the newest epoch that is known is
//! asked, and no batch was sent to a newer one. But where metadata tells no epoch (-1) it is believed
//! without, and with the bootstrap servers (`rebootstrap.rs`) epochs begin anew: the cluster may be another.

use std::time::{Duration, Instant};

use kafka_wire::ErrorCode;
use kafka_wire::messages::describe_producers::{
    DescribeProducersRequest, DescribeProducersResponse, PartitionResponse, TopicRequest,
};
use kafka_wire::records::next_sequence;

use super::acknowledgement::FORGOTTEN;
use super::expiration::{LastAppend, Memory};
use super::in_flight::{Sent, What};
use super::lane::{Confirmed, Lane, LaneKey, Numbering, Slot, SlotState};
use super::same_topic::{Evidence, MADE_ANEW};
use super::verdict::Ambiguity;
use super::{Engine, NodeId, backoff};
use crate::error::Cause;
use crate::settings::UnresolvedPolicy;

/// What an answer tells.
pub(super) enum Finding {
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
pub(super) struct Expected {
    /// The sequence that its log takes next.
    next: i32,
    /// The latest timestamp of the batch that it has appended last.
    last_timestamp_ms: i64,
}

/// Where a batch stands, seen from the sequence that the log takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is in, and something after it.
    Behind,
    /// It was the last one.
    Last,
    /// It is the next one.
    Next,
    /// Something is missing before it.
    Ahead,
    /// The log has another cut of these records.
    Across,
}

impl Engine {
    /// The broker takes neither this batch, which may be in the log, nor its number.
    pub(super) fn unresolved(&mut self, key: LaneKey, position: usize) {
        let lane = &mut self.lanes[key as usize];
        let slot = &lane.slots[position];
        let serial = slot.serial;
        match self.settings.unresolved {
            UnresolvedPolicy::Ask if lane.is_of_earlier_topic(serial) => {
                self.leave_open(key, serial, Some(MADE_ANEW));
            }
            UnresolvedPolicy::Ask => {
                let until = self.now;
                lane.slots[position].state = SlotState::Unresolved { until };
            }
            _ if lane.is_known_to_hold(slot) => self.delivered(key, serial, -1, None),
            UnresolvedPolicy::Resend => self.leave_number(key, position),
            UnresolvedPolicy::Fail => self.leave_open(key, serial, None),
        }
    }

    /// An attempt of the oldest slot was not answered, and is too old to be repeated.
    pub(super) fn may_be_forgotten(&mut self, key: LaneKey) {
        let waits = |slot: &Slot| matches!(slot.state, SlotState::Waiting { .. });
        let lane = &self.lanes[key as usize];
        let Some(position) = lane.slots.iter().position(waits) else {
            return;
        };
        let serial = lane.slots[position].serial;
        match self.settings.unresolved {
            UnresolvedPolicy::Fail => self.leave_open(key, serial, Some(FORGOTTEN)),
            _ => {
                let until = self.now;
                let slot = &mut self.lanes[key as usize].slots[position];
                slot.state = SlotState::Unresolved { until };
            }
        }
    }

    /// The lane's leader, whose turn it is, is to be asked about the oldest slot.
    pub(super) fn inquire(&mut self, key: LaneKey) {
        if self.lanes[key as usize].has_unconfirmable(&self.memory()) {
            // Another leader than the one that told of them may not have what was presumed.
            self.doubt(key, usize::MAX);
        }
        let lane = &mut self.lanes[key as usize];
        let unresolved = |slot: &Slot| matches!(slot.state, SlotState::Unresolved { .. });
        let Some(position) = lane.slots.iter().position(unresolved) else {
            return;
        };
        if lane.is_known_to_hold(&lane.slots[position]) {
            return self.check_topic(key, position, Evidence::Acknowledged);
        }
        let slot = &mut lane.slots[position];
        slot.state = SlotState::Inquired;
        let serial = slot.serial;
        self.inquiries.push(Sent { lane: key, serial });
    }

    /// Asks a broker about the batches of its partitions that have come to be in doubt.
    pub(super) fn send_inquiries(&mut self, id: NodeId) {
        if self.inquiries.is_empty() {
            return;
        }
        let mut open = std::mem::take(&mut self.inquiries);
        let topic = |about: &Sent| self.lanes[about.lane as usize].topic_number;
        open.sort_unstable_by_key(|about| (topic(about), about.lane));
        let version = self.newest::<DescribeProducersRequest>(id);
        for about in open.chunks(PARTITIONS_AT_ONCE) {
            let about = about.to_vec();
            match version {
                Some(version) => {
                    let request = self.question_about(&about);
                    self.ask(id, version, &request, What::Inquiry(about));
                }
                None => self.resolve_all(&about, || {
                    Finding::Nothing("the broker does not tell (no DescribeProducers)".to_owned())
                }),
            }
        }
    }

    fn question_about(&self, about: &[Sent]) -> DescribeProducersRequest {
        let lanes = about.iter().map(|about| &self.lanes[about.lane as usize]);
        let mut topics: Vec<TopicRequest> = Vec::new();
        for lane in lanes {
            match topics.last_mut().filter(|last| *last.name == *lane.topic) {
                Some(last) => last.partition_indexes.push(lane.partition),
                None => topics.push(
                    TopicRequest::default()
                        .with_name(lane.topic.to_string())
                        .with_partition_indexes(vec![lane.partition]),
                ),
            }
        }
        DescribeProducersRequest::default().with_topics(topics)
    }

    /// The leader has answered.
    pub(super) fn inquired(
        &mut self,
        id: NodeId,
        about: &[Sent],
        answer: &DescribeProducersResponse,
    ) {
        self.throttle(id, answer.throttle_time_ms);
        for about in about {
            self.inquired_about(id, *about, answer);
        }
    }

    fn inquired_about(&mut self, id: NodeId, about: Sent, answer: &DescribeProducersResponse) {
        let lane = &self.lanes[about.lane as usize];
        let topics = answer.topics.iter();
        let mut partitions = topics
            .filter(|topic| *topic.name == *lane.topic)
            .flat_map(|topic| &topic.partitions);
        let found = partitions.find(|found| found.partition_index == lane.partition);
        let slot = lane.position(about.serial).map(|at| &lane.slots[at]);
        let finding = match (found, slot) {
            // It has ended meanwhile.
            (_, None) => return self.list(about.lane),
            (_, Some(_)) if lane.leader != Some(id) => Finding::AskElsewhere,
            (Some(found), Some(slot)) => finding(found, slot),
            // The answer passes over the question.
            (None, Some(_)) => Finding::AskAgain(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        };
        self.resolve(about, finding);
    }

    /// There will be no answer.
    pub(super) fn inquiry_lost(&mut self, about: &[Sent]) {
        self.resolve_all(about, || Finding::AskAgain(ErrorCode::NETWORK_EXCEPTION));
    }

    fn resolve_all(&mut self, about: &[Sent], finding: impl Fn() -> Finding) {
        for about in about {
            self.resolve(*about, finding());
        }
    }

    pub(super) fn resolve(&mut self, Sent { lane: key, serial }: Sent, finding: Finding) {
        let Some(position) = self.lanes[key as usize].position(serial) else {
            return self.list(key);
        };
        match finding {
            Finding::AskAgain(code) => {
                let until = self.now + self.before_asking_again(key, position);
                self.lanes[key as usize].slots[position].state = SlotState::Unresolved { until };
                if code.invalidates_metadata() {
                    self.metadata.want();
                }
            }
            Finding::AskElsewhere => {
                let until = self.now;
                self.lanes[key as usize].slots[position].state = SlotState::Unresolved { until };
            }
            Finding::Nothing(why) => self.leave_open(key, serial, Some(&why)),
            Finding::Expects(expected) => self.place(key, position, expected),
        }
        self.list(key);
    }

    /// The log takes `next` next: decides on the batch that was asked about and on those behind it.
    fn place(&mut self, key: LaneKey, position: usize, expected: Expected) {
        let next = expected.next;
        let memory = self.memory();
        let lane = &mut self.lanes[key as usize];
        lane.slots[position].asked_in_vain = 0;
        let serial = lane.slots[position].serial;
        if lane.has_lost_presumed(next) {
            // What was presumed went with the leader that told of it: first things first.
            let until = self.now;
            lane.slots[position].state = SlotState::Unresolved { until };
            return self.doubt(key, position);
        }
        let lapsed = lane.has_lapsed(&memory);
        match lane.slots[position].place(next) {
            Place::Behind if !lane.is_continued_to(position, &memory) => {
                self.leave_open(key, serial, Some(FORGOTTEN));
            }
            Place::Behind => {
                lane.note_remembered(position, expected, self.now);
                self.check_topic(key, position, Evidence::Sequence(next));
            }
            Place::Last if lapsed => self.leave_open(key, serial, Some(FORGOTTEN)),
            Place::Next if lapsed && lane.slots[position].ambiguity == Ambiguity::Adrift => {
                self.leave_open(key, serial, Some(FORGOTTEN));
            }
            Place::Last => self.send_again(key, position),
            Place::Next => {
                let slot = &mut lane.slots[position];
                if slot.ambiguity == Ambiguity::Possible {
                    // Each attempt was answered, so none is on its way: it is not in the log.
                    slot.ambiguity = Ambiguity::None;
                }
                self.send_again(key, position);
            }
            Place::Ahead if lane.stays_out(position, &memory) => {
                self.leave_number(key, position);
            }
            Place::Ahead => self.leave_open(key, serial, Some("a request may still arrive")),
            Place::Across => self.leave_open(key, serial, Some("the log has other batches of it")),
        }
    }

    /// It fits, or is there already: either is found out by its own number.
    fn send_again(&mut self, key: LaneKey, position: usize) {
        let slot = &self.lanes[key as usize].slots[position];
        if slot.attempts > self.settings.retries {
            let code = slot.last_error.unwrap_or_default();
            return self.exhaust(key, slot.serial, code);
        }
        let until = self.now + self.pause(key, position);
        self.lanes[key as usize].slots[position].state = SlotState::Waiting { until };
    }

    /// The log has this batch, and whatever behind it may be there and comes before `next`.
    pub(super) fn presume(&mut self, key: LaneKey, position: usize, next: i32) {
        let lane = &mut self.lanes[key as usize];
        let held = |slot: &&mut Slot| {
            slot.ambiguity != Ambiguity::None
                && slot.state != SlotState::InFlight
                && slot.place(next) == Place::Behind
        };
        for slot in lane.slots.iter_mut().skip(position).take_while(held) {
            slot.state = SlotState::Presumed;
        }
    }

    /// A batch is out of sequence: those before it, if any is presumed to be in the log, are not
    /// there any more, and are asked about again.
    pub(super) fn doubt(&mut self, key: LaneKey, position: usize) {
        let until = self.now;
        let before = self.lanes[key as usize].slots.iter_mut().take(position);
        for slot in before.filter(|slot| slot.state == SlotState::Presumed) {
            slot.state = SlotState::Unresolved { until };
        }
    }

    /// Ends the batches that are presumed to be in the log, because no acknowledgement will tell.
    pub(super) fn end_presumed(&mut self, key: LaneKey) {
        while let Some(slot) = self.lanes[key as usize].slots.front()
            && slot.state == SlotState::Presumed
        {
            let serial = slot.serial;
            self.leave_open(key, serial, None);
        }
    }

    /// Ends a batch that may be in the log.
    pub(super) fn leave_open(&mut self, key: LaneKey, serial: u64, why: Option<&str>) {
        if let Some(mut slot) = self.remove(key, serial) {
            slot.state = SlotState::Waiting { until: self.now };
            self.lanes[key as usize].break_sequence(serial, slot.ambiguity);
            self.fail_open(key, slot, why);
        }
    }

    /// Ends a batch that may be in the log, and was taken from its lane.
    pub(super) fn fail_open(&mut self, key: LaneKey, slot: Slot, why: Option<&str>) {
        let code = slot.last_error.unwrap_or_default();
        let message = why.map(|why| {
            format!(
                "{}; it is not known whether an earlier attempt was appended: {why}",
                code.message()
            )
            .into()
        });
        self.fail(key, slot, Cause::Refused { code, message });
    }

    /// A broker that could not tell is left alone for a while, and for longer if it cannot again.
    pub(super) fn before_asking_again(&mut self, key: LaneKey, position: usize) -> Duration {
        let slot = &mut self.lanes[key as usize].slots[position];
        slot.asked_in_vain = slot.asked_in_vain.saturating_add(1);
        backoff::delay(
            self.settings.retry_backoff,
            u32::from(slot.asked_in_vain),
            &mut self.random,
        )
    }

    /// None at first; if asking leads nowhere, as long as between any attempts.
    fn pause(&mut self, key: LaneKey, position: usize) -> Duration {
        let attempts = self.lanes[key as usize].slots[position].attempts;
        match attempts {
            ..=2 => Duration::ZERO,
            more => backoff::delay(self.settings.retry_backoff, more - 2, &mut self.random),
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
    let Some(ours) = slot.producer else {
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

impl Slot {
    /// Where the batch stands in a log that takes `next` next.
    fn place(&self, next: i32) -> Place {
        let end = next_sequence(self.sequence, self.batch.count() as i32);
        if next == self.sequence {
            Place::Next
        } else if next == end {
            Place::Last
        } else if is_before(end, next) {
            Place::Behind
        } else if is_before(next, self.sequence) {
            Place::Ahead
        } else {
            Place::Across
        }
    }
}

impl Lane {
    /// Whether a batch whose predecessor the log lacks will never get in under its number.
    fn stays_out(&self, position: usize, memory: &Memory) -> bool {
        let predecessors = match self.numbering {
            Numbering::Broken { ambiguity, .. } => ambiguity,
            Numbering::Running { .. } | Numbering::Unnumbered => Ambiguity::None,
        };
        let own = self.slots[position].ambiguity;
        match self.is_continued_to(position, memory) {
            true => own.min(predecessors) < Ambiguity::Adrift,
            // A broker that has forgotten this producer takes a late request all the same.
            false => own < Ambiguity::Adrift,
        }
    }

    /// Whether every log that may have the batch at this position, or one behind it, has those
    /// before it: its leaders have known this producer all the time.
    pub(super) fn is_continued_to(&self, position: usize, memory: &Memory) -> bool {
        let producer = self.slots[position].producer;
        producer.is_some_and(|producer| self.has_continued(producer, memory))
            && !self.has_lapsed(memory)
    }

    /// The leader has told what it remembers.
    fn note_remembered(&mut self, position: usize, expected: Expected, now: Instant) {
        let slot = &self.slots[position];
        let (Some(producer), Some(leadership)) = (slot.producer, self.leadership()) else {
            return;
        };
        let serial = slot.serial;
        let before = self.confirmed.take();
        let same = before.filter(|before| before.producer == producer);
        let (from, last) = same.map_or((serial, serial), |same| (same.from, same.last));
        self.confirmed = Some(Confirmed {
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
        let mut presumed = self
            .slots
            .iter()
            .take_while(|slot| slot.state == SlotState::Presumed);
        presumed.any(|slot| !matches!(slot.place(next), Place::Behind | Place::Last))
    }
}

/// Whether one sequence comes before another: they wrap around, so half of them do.
fn is_before(a: i32, b: i32) -> bool {
    let distance = b.wrapping_sub(a) & i32::MAX;
    (1..1 << 30).contains(&distance)
}

/// About so many partitions a broker is asked in a request: it tells of every producer in them.
const PARTITIONS_AT_ONCE: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_compared_around_their_end() {
        for (a, b) in [(0, 1), (5, 1 << 29), (i32::MAX, 0), (i32::MAX - 3, 7)] {
            assert!(is_before(a, b), "{a} before {b}");
            assert!(!is_before(b, a), "{b} not before {a}");
            assert!(!is_before(a, a));
        }
    }
}
