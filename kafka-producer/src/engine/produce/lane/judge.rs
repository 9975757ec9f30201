//! Applies the verdict on an answer, or on a missing one, to the slot of its batch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_accumulator::BatchOutcome;
use kafka_wire::messages::produce::PartitionProduceResponse;
use kafka_wire::{ErrorCode, Version};

use crate::engine::context::Context;
use crate::engine::produce::expiration::BrokerMemory;
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::{Slot, SlotState};
use crate::engine::produce::verdict::{Ambiguity, Append, Kind, Refresh, Verdict, verdict};
use crate::error::{Attempt, AttemptEnd, Cause, DeliveryError, FatalError, WaitReason, own_words};
use crate::readable::readable;
use crate::settings::UnresolvedPolicy;

use super::unresolved::MADE_ANEW;

/// Why a request with batches has no answer.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    /// Our own code for that.
    pub(crate) code: ErrorCode,
    /// How its connection was lost, if it was.
    pub(crate) why: Option<Arc<WaitReason>>,
}

impl Loss {
    /// There is no connection to tell of.
    pub(crate) fn untold() -> Self {
        Self {
            code: ErrorCode::NETWORK_EXCEPTION,
            why: None,
        }
    }
}

/// A broker's answer about one batch.
pub(crate) struct PartitionOutcome {
    pub(super) code: ErrorCode,
    pub(super) message: Option<Arc<str>>,
    pub(super) base_offset: Option<i64>,
    pub(super) append: Append,
    pub(super) log_append_time_ms: Option<i64>,
    /// The first offset that the log still has, if the broker tells.
    pub(super) log_start_offset: Option<i64>,
    /// The invalid records, and what is wrong with each, if the broker says.
    pub(super) record_errors: Vec<(u32, Option<Arc<str>>)>,
    /// Why there is no answer, if there is none.
    loss: Option<Loss>,
    /// The answer asks the producer to be silent for so long.
    throttle_time_ms: u32,
}

impl PartitionOutcome {
    /// Only a code, which may be our own for a missing answer.
    pub(crate) fn of(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            base_offset: None,
            append: Append::NotExcluded,
            log_append_time_ms: None,
            log_start_offset: None,
            record_errors: Vec::new(),
            loss: None,
            throttle_time_ms: 0,
        }
    }

    /// That there is no answer.
    pub(crate) fn lost(loss: &Loss) -> Self {
        Self {
            loss: Some(loss.clone()),
            ..Self::of(loss.code)
        }
    }

    /// The answer in a produce response of this version, which asks for so long a silence.
    pub(crate) fn told(
        answer: PartitionProduceResponse,
        version: Version,
        throttle_time_ms: u32,
    ) -> Self {
        let errors = answer.record_errors.into_iter().filter_map(|error| {
            let index = u32::try_from(error.batch_index).ok()?;
            Some((index, error.batch_index_error_message.map(shown)))
        });
        let told = |number: i64| Some(number).filter(|number| *number >= 0);
        Self {
            code: answer.error_code,
            message: own_words(answer.error_message.map(shown)),
            base_offset: told(answer.base_offset),
            append: Append::told_by(answer.base_offset, version.number),
            log_append_time_ms: told(answer.log_append_time_ms),
            log_start_offset: told(answer.log_start_offset),
            record_errors: errors.collect(),
            loss: None,
            throttle_time_ms,
        }
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the attempt has ended with, if it was not acknowledged.
    fn end(&self) -> AttemptEnd {
        match &self.loss {
            None => AttemptEnd::Refused {
                code: self.code,
                message: self.message.clone(),
            },
            Some(Loss { why: None, .. }) => AttemptEnd::NoResult,
            Some(Loss { code, .. }) if *code == ErrorCode::REQUEST_TIMED_OUT => {
                AttemptEnd::TimedOut
            }
            Some(Loss { why: Some(why), .. }) => AttemptEnd::ConnectionLost {
                reason: WaitReason::clone(why),
            },
        }
    }
}

/// A broker's words, which users see.
fn shown(said: String) -> Arc<str> {
    readable(said).into()
}

/// What must be done outside of the lane after a decision about a batch.
#[derive(Debug)]
#[must_use]
pub(crate) enum Consequence {
    Nothing,
    /// Request metadata: leaders may have moved.
    RefreshMetadata,
    /// No batch of this producer will be accepted any more.
    Fail(FatalError),
}

impl Consequence {
    fn of(refresh: Refresh) -> Self {
        match refresh {
            Refresh::Needed => Self::RefreshMetadata,
            Refresh::NotNeeded => Self::Nothing,
        }
    }
}

impl Lane {
    /// Applies the result of an attempt of the batch with this serial.
    pub(crate) fn judge(
        &mut self,
        cx: &mut Context,
        memory: &BrokerMemory,
        kind: Kind,
        serial: u64,
        outcome: &mut PartitionOutcome,
    ) -> Consequence {
        let judged = verdict(outcome.code, kind, outcome.append);
        let Some(position) = self.position(serial) else {
            // It has expired in the meantime, but now it is known that its number was used.
            if matches!(judged, Verdict::Deliver | Verdict::DeliverWithoutOffset) {
                self.acknowledged_late(serial);
            }
            return Consequence::Nothing;
        };
        if !matches!(judged, Verdict::Deliver | Verdict::DeliverWithoutOffset) {
            note_attempt(&mut self.slots[position], cx, outcome);
        }
        // This attempt has ended; whether the log may have it is part of the verdict.
        self.slots[position].state = SlotState::Waiting { until: cx.now };
        let transactional = matches!(kind, Kind::Transactional(_));
        match judged {
            Verdict::Deliver => {
                let offset = outcome.base_offset;
                self.acknowledged(cx, memory, serial, offset, outcome.log_append_time_ms);
            }
            Verdict::DeliverWithoutOffset => self.acknowledged(cx, memory, serial, None, None),
            Verdict::Retry(refresh, ambiguity) => {
                self.retry(cx, position, outcome.code, ambiguity);
                return Consequence::of(refresh);
            }
            Verdict::OutOfSequence if position > 0 => {
                // Its predecessor is in flight, or not in the log as was presumed, and must be sent first.
                self.doubt_presumed(position, cx.now);
                self.retry(cx, position, outcome.code, Ambiguity::None);
            }
            Verdict::Forgotten => self.forgotten(cx, position, transactional, outcome),
            // A transactional producer gets its next epoch from its coordinator.
            Verdict::OutOfSequence | Verdict::NewEpoch if transactional => {
                self.refuse(cx, serial, outcome);
            }
            Verdict::OutOfSequence | Verdict::NewEpoch => {
                self.refuse_number(cx, position, outcome.code);
            }
            Verdict::Split if self.split(cx, position).is_some() => {}
            Verdict::Split | Verdict::Fail | Verdict::Abortable => {
                self.refuse(cx, serial, outcome);
            }
            Verdict::Fatal => {
                return Consequence::Fail(FatalError::of(outcome.code, outcome.message.take()));
            }
        }
        Consequence::Nothing
    }

    /// The request with this batch will not be answered.
    pub(crate) fn unanswered(&mut self, serial: u64, loss: &Loss, now: Instant) {
        if let Some(position) = self.position(serial) {
            self.last_loss = loss.why.clone();
            let slot = &mut self.slots[position];
            slot.raise(Ambiguity::MaybeInFlight, loss.code);
            self.recall.note_unanswered(slot.producer(), now);
        }
    }

    fn retry(&mut self, cx: &mut Context, position: usize, code: ErrorCode, ambiguity: Ambiguity) {
        let leadership = self.leadership();
        let slot = &mut self.slots[position];
        slot.last_error = Some(code);
        slot.raise(ambiguity, code);
        if position == 0 {
            self.last_refusal = Some(code);
        }
        let slot = &mut self.slots[position];
        if slot.attempts > cx.settings.retries {
            let serial = slot.serial;
            return self.exhaust(cx, serial, code);
        }
        // A new leader is sent the batch at once (KIP-951), the same one after a pause. After a few moves
        // without success there is a pause in any case.
        let moved = slot.sent_to != leadership;
        let pause = if moved && slot.attempts <= MOVES_AT_ONCE {
            Duration::ZERO
        } else {
            cx.backoff(slot.attempts)
        };
        let until = cx.now + pause;
        slot.state = SlotState::Waiting { until };
    }

    /// The broker does not know the producer any more (KIP-360). Brokers before 2.5 forget it when its
    /// records are removed, by retention or `DeleteRecords`; then they accept any number.
    fn forgotten(
        &mut self,
        cx: &mut Context,
        position: usize,
        transactional: bool,
        outcome: &mut PartitionOutcome,
    ) {
        let code = outcome.code;
        let Some(log_start) = outcome.log_start_offset.filter(|_| position == 0) else {
            // The broker does not say why, or has said so for the batches before: try the same number.
            return self.retry(cx, position, code, Ambiguity::None);
        };
        if !transactional {
            return self.refuse_number(cx, position, code);
        }
        let slot = &self.slots[position];
        if !self.recall.is_truncated(log_start) || slot.ambiguity != Ambiguity::None {
            let serial = slot.serial;
            return self.refuse(cx, serial, outcome);
        }
        // The log has no batch of this producer: the sequence of the transaction starts at 0 again.
        if let Some(producer) = slot.producer()
            && self.in_flight() == 0
        {
            self.renumber(producer);
        }
        self.retry(cx, position, code, Ambiguity::None);
    }

    /// The broker does not accept this sequence.
    fn refuse_number(&mut self, cx: &mut Context, position: usize, code: ErrorCode) {
        let slot = &mut self.slots[position];
        slot.last_error = Some(code);
        match slot.ambiguity {
            Ambiguity::None => self.leave_number(cx, position),
            Ambiguity::Possible | Ambiguity::MaybeInFlight => self.be_unresolved(cx, position),
        }
    }

    /// The batch, which is not in the log, needs another number.
    pub(super) fn leave_number(&mut self, cx: &mut Context, position: usize) {
        let slot = &mut self.slots[position];
        let serial = slot.serial;
        if slot.attempts > cx.settings.retries {
            let code = slot.last_error.unwrap_or_default();
            return self.exhaust(cx, serial, code);
        }
        // The first new number is tried at once, further ones after a pause as any retry.
        let until = match slot.attempts {
            1 => cx.now,
            attempts => cx.now + cx.backoff(attempts - 1),
        };
        slot.state = SlotState::NeedsNewSequence { until };
        self.numbering.break_off(serial, Ambiguity::None);
    }

    /// The broker refuses this batch, which may be in the log, and its number.
    fn be_unresolved(&mut self, cx: &mut Context, position: usize) {
        let slot = &mut self.slots[position];
        let serial = slot.serial;
        match cx.settings.unresolved {
            UnresolvedPolicy::Ask if self.recall.is_of_earlier_topic(serial) => {
                self.leave_open(cx, serial, Some(MADE_ANEW));
            }
            UnresolvedPolicy::Ask => slot.state = SlotState::Unresolved { until: cx.now },
            _ if self.recall.holds(slot) => self.delivered(cx, serial, None, None),
            UnresolvedPolicy::Resend => self.leave_number(cx, position),
            UnresolvedPolicy::Fail => self.leave_open(cx, serial, None),
        }
    }

    /// The broker will never accept this batch. The records that it names get errors of their own (KIP-467).
    fn refuse(&mut self, cx: &mut Context, serial: u64, outcome: &mut PartitionOutcome) {
        let Some(mut slot) = self.remove(serial) else {
            return;
        };
        let code = outcome.code;
        if code == ErrorCode::UNKNOWN_SERVER_ERROR {
            // The error may have happened before or after the append.
            slot.raise(Ambiguity::Possible, code);
        }
        self.numbering.break_off(serial, slot.ambiguity);
        let records = slot.batch.count();
        let message = outcome.message.take();
        let mut record_errors = std::mem::take(&mut outcome.record_errors);
        record_errors.retain(|(index, _)| *index < records);
        if record_errors.is_empty() {
            return self.fail(cx, slot, Cause::Refused { code, message }, &None);
        }
        self.blame(cx, &slot, code, &message, record_errors);
    }

    /// Ends a batch that was refused because of some of its records. Each of those gets the broker's message
    /// about it, or else that about the batch; the others get an error that says they were not at fault.
    fn blame(
        &mut self,
        cx: &mut Context,
        slot: &Slot,
        code: ErrorCode,
        message: &Option<Arc<str>>,
        record_errors: Vec<(u32, Option<Arc<str>>)>,
    ) {
        let history = self.history(cx, slot);
        let error = |cause| DeliveryError::new(cause, history.clone());
        let each = record_errors.into_iter().map(|(index, why)| {
            let message = why.or_else(|| message.clone());
            (index, error(Cause::Refused { code, message }))
        });
        let each: Box<[_]> = each.collect();
        let message = message.clone();
        let rest = error(Cause::RefusedWithOthers { code, message });
        let first = each.first().map_or(&rest, |(_, why)| why).clone();
        let outcome = BatchOutcome::Refused { each, rest };
        self.end_failed(cx, Arc::clone(&slot.batch), &first, outcome);
    }
}

/// Notes an attempt that was not acknowledged.
#[cold]
fn note_attempt(slot: &mut Slot, cx: &Context, outcome: &PartitionOutcome) {
    let throttle = Duration::from_millis(outcome.throttle_time_ms.into());
    if let Some(attempt) = slot.attempt(&cx.addresses, cx.now, outcome.end()) {
        slot.note_end(Attempt {
            throttled: Some(throttle).filter(|throttle| !throttle.is_zero()),
            ..attempt
        });
    }
}

/// How often a batch is sent to another leader without a pause.
const MOVES_AT_ONCE: u32 = 3;
