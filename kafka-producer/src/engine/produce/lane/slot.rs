//! One batch that left its queue and has no outcome yet: its number, its attempts and its state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::Batch;
use kafka_wire::ErrorCode;
use kafka_wire::records::next_sequence;

use crate::engine::cluster::addresses::Addresses;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::identity::ProducerId;
use crate::engine::produce::expiration::{BrokerMemory, LastAppend};
use crate::engine::produce::lane::trail::Trail;
use crate::engine::produce::verdict::Ambiguity;
use crate::error::{Attempt, AttemptEnd, DeliveryError, Timeline, TimelineEvent};

/// A batch that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// How many records were taken before its first one: it identifies the batch in its lane. A later batch
    /// has a greater one, and so has the second half of one that was split.
    pub(super) serial: u64,
    pub(super) batch: Arc<Batch<DeliveryError>>,
    /// `None` without idempotence.
    pub(super) number: Option<Number>,
    pub(super) attempts: u32,
    pub(super) ambiguity: Ambiguity,
    pub(super) last_error: Option<ErrorCode>,
    /// The code of the attempt that `ambiguity` is about.
    pub(super) in_doubt: Option<ErrorCode>,
    /// The leader that it was sent to last.
    pub(super) sent_to: Option<Leadership>,
    /// How often in a row its leader was asked about it without a result.
    pub(super) asked_in_vain: u8,
    pub(super) state: SlotState,
    /// The attempts that have ended without an acknowledgement, if there are any.
    pub(super) trail: Option<Box<Trail>>,
}

/// A partition that is written to has room for four; and what is larger than 128 is moved by a call.
const _: () = assert!(size_of::<Slot>() <= 96);

/// Producer id, epoch and sequence of a batch, by which a broker keeps a producer's batches in order.
/// Laid out so that it takes 16 bytes, and no more if there may be none: there is a place for one in every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    producer_id: i64,
    sequence: i32,
    producer_epoch: i16,
    given: Given,
}

const _: () = assert!(size_of::<Option<Number>>() == 16);

/// A byte of which one value means something, so that the others are left to say that there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Given {
    Given,
}

impl Number {
    pub(crate) fn new(producer: ProducerId, sequence: i32) -> Self {
        Self {
            producer_id: producer.id,
            sequence,
            producer_epoch: producer.epoch,
            given: Given::Given,
        }
    }

    pub(crate) fn producer(self) -> ProducerId {
        ProducerId {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }

    /// Of the batch's first record.
    pub(crate) fn sequence(self) -> i32 {
        self.sequence
    }

    /// The number after a batch with this many records.
    pub(super) fn behind(self, count: u32) -> Self {
        let sequence = next_sequence(self.sequence, count as i32);
        Self { sequence, ..self }
    }
}

/// A broker, for as long as it was elected to lead a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leadership {
    pub(crate) node: NodeId,
    /// Grows with every election; -1 where brokers do not tell (before KIP-320).
    pub(crate) epoch: i32,
}

/// The state of a slot's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// It is sent at `until` or later.
    Waiting { until: Instant },
    /// The broker has refused its number, so it needs another, at `until` or later.
    NeedsNewSequence { until: Instant },
    /// In a request to the leader named by `sent_to`.
    InFlight { since: Instant },
    /// It needs another number, too, but it may be in the log. So its leader must be asked about it, at
    /// `until` or later.
    Unresolved { until: Instant },
    /// The leader is being asked whether its log has it, or whether the topic is still the same.
    BeingAsked,
    /// Its leader has it in the log, but perhaps not all replicas do. The next acknowledgement under the
    /// same epoch confirms it.
    PresumedAppended,
}

impl SlotState {
    pub(super) fn is_in_flight(self) -> bool {
        matches!(self, Self::InFlight { .. })
    }
}

/// How a batch's number compares with the one that the log expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// It is in the log, and so is something after it.
    Behind,
    /// It is the last one in the log.
    Last,
    /// It is the expected one.
    Next,
    /// Something is missing before it.
    Ahead,
    /// The log has some of its records in another batch.
    Across,
}

impl Slot {
    /// A batch that was taken just now.
    pub(super) fn new(
        serial: u64,
        batch: Batch<DeliveryError>,
        number: Option<Number>,
        now: Instant,
    ) -> Self {
        Self {
            serial,
            batch: Arc::new(batch),
            number,
            attempts: 0,
            ambiguity: Ambiguity::None,
            last_error: None,
            in_doubt: None,
            sent_to: None,
            asked_in_vain: 0,
            state: SlotState::Waiting { until: now },
            trail: None,
        }
    }

    /// An attempt begins.
    pub(super) fn send(&mut self, to: Leadership, now: Instant) {
        self.state = SlotState::InFlight { since: now };
        self.attempts += 1;
        self.sent_to = Some(to);
    }

    /// The last attempt has ended without an acknowledgement.
    pub(super) fn note_end(&mut self, attempt: Attempt) {
        self.trail.get_or_insert_default().note(attempt);
    }

    /// The attempt that it is in, if it ends now.
    pub(super) fn attempt(
        &self,
        addresses: &Addresses,
        now: Instant,
        end: AttemptEnd,
    ) -> Option<Attempt> {
        let SlotState::InFlight { since } = self.state else {
            return None;
        };
        let node = self.sent_to?.node;
        let ended = self.trail.as_ref().map_or(0, |trail| trail.total());
        Some(Attempt {
            number: ended + 1,
            broker: node.0,
            address: addresses.of(node),
            sent: self.age(since),
            ended: self.age(now),
            end,
            throttled: None,
        })
    }

    /// What happened to its records, which fail now.
    pub(super) fn timeline(&self, addresses: &Addresses, now: Instant) -> Timeline {
        let at = self.sealed(now);
        let mut events = vec![TimelineEvent::Accepted, TimelineEvent::Sealed { at }];
        let mut trail = self.trail.as_deref().cloned().unwrap_or_default();
        if let Some(unanswered) = self.attempt(addresses, now, AttemptEnd::Unanswered) {
            trail.note(unanswered);
        }
        trail.tell(&mut events);
        events.push(TimelineEvent::Failed { at: self.age(now) });
        Timeline::new(events)
    }

    /// When it was taken from its queue. That is not noted: it is sent as soon as it was taken.
    fn sealed(&self, now: Instant) -> Duration {
        let first = self.trail.as_ref().and_then(|trail| trail.first());
        match (first, self.state) {
            (Some(attempt), _) => attempt.sent,
            (None, SlotState::InFlight { since }) => self.age(since),
            (None, SlotState::Waiting { until }) => self.age(until.min(now)),
            (None, _) => self.age(now),
        }
    }

    /// From the creation of its batch.
    fn age(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.batch.created())
    }

    pub(super) fn producer(&self) -> Option<ProducerId> {
        self.number.map(Number::producer)
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, SlotState::Waiting { .. })
    }

    /// Notes that an attempt that ended with this code may have been appended.
    pub(super) fn raise(&mut self, ambiguity: Ambiguity, code: ErrorCode) {
        if ambiguity > self.ambiguity {
            self.ambiguity = ambiguity;
            self.in_doubt = Some(code);
        }
    }

    /// What a broker remembers this producer by if it has appended this batch.
    pub(super) fn append(&self) -> LastAppend {
        LastAppend::of(&self.batch)
    }

    /// Whether a broker may have appended it, and forgotten this producer since.
    pub(super) fn has_lapsed(&self, memory: &BrokerMemory) -> bool {
        let tried = self.ambiguity != Ambiguity::None || self.state.is_in_flight();
        tried && self.number.is_some() && !memory.keeps(self.append())
    }

    /// How its number compares with `next`, which the log expects; `None` if it has none.
    pub(super) fn position(&self, next: i32) -> Option<Position> {
        let number = self.number?;
        let sequence = number.sequence;
        let end = number.behind(self.batch.count()).sequence;
        Some(if next == sequence {
            Position::Next
        } else if next == end {
            Position::Last
        } else if is_before(end, next) {
            Position::Behind
        } else if is_before(next, sequence) {
            Position::Ahead
        } else {
            Position::Across
        })
    }
}

/// Whether one sequence comes before another: they wrap around, so half of them do.
fn is_before(a: i32, b: i32) -> bool {
    let distance = b.wrapping_sub(a) & i32::MAX;
    (1..1 << 30).contains(&distance)
}

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
