//! What an answer, or a lost one, means for its batch: the verdict on its code is applied to the slot.

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
use crate::error::{Cause, DeliveryError, FatalError, own_words};
use crate::settings::UnresolvedPolicy;

use super::unresolved::MADE_ANEW;

/// What a broker said of one batch.
pub(crate) struct PartitionOutcome {
    pub(super) code: ErrorCode,
    pub(super) message: Option<Arc<str>>,
    pub(super) base_offset: Option<i64>,
    pub(super) append: Append,
    pub(super) log_append_time_ms: Option<i64>,
    /// The first offset that the log still has, if the broker tells.
    pub(super) log_start_offset: Option<i64>,
    /// The records to blame, and what is wrong with each, if the broker says.
    pub(super) record_errors: Vec<(u32, Option<Arc<str>>)>,
}

impl PartitionOutcome {
    /// Nothing but a code, which may be our own for an answer that did not come.
    pub(crate) fn of(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            base_offset: None,
            append: Append::NotExcluded,
            log_append_time_ms: None,
            log_start_offset: None,
            record_errors: Vec::new(),
        }
    }

    /// What is told in a produce response of this version.
    pub(crate) fn told(answer: PartitionProduceResponse, version: Version) -> Self {
        let errors = answer.record_errors.into_iter().filter_map(|error| {
            let index = u32::try_from(error.batch_index).ok()?;
            Some((index, error.batch_index_error_message.map(Into::into)))
        });
        let told = |number: i64| Some(number).filter(|number| *number >= 0);
        Self {
            code: answer.error_code,
            message: own_words(answer.error_message.map(Into::into)),
            base_offset: told(answer.base_offset),
            append: Append::told_by(answer.base_offset, version.number),
            log_append_time_ms: told(answer.log_append_time_ms),
            log_start_offset: told(answer.log_start_offset),
            record_errors: errors.collect(),
        }
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }
}

/// What a decision about a batch leads to outside of its lane.
#[derive(Debug)]
#[must_use]
pub(crate) enum Consequence {
    Nothing,
    /// Leaders may have moved: metadata is to be asked for.
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
    /// An attempt of the batch with this serial has come to this.
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
            // It has expired meanwhile; but now it is known that its number was used.
            if matches!(judged, Verdict::Deliver | Verdict::DeliverWithoutOffset) {
                self.acknowledged_late(serial);
            }
            return Consequence::Nothing;
        };
        // This attempt is over; whether the log may have it all the same is part of the verdict.
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
                // Its predecessor is still on its way, or is not where it was presumed, and goes first.
                self.doubt_presumed(position, cx.now);
                self.retry(cx, position, outcome.code, Ambiguity::None);
            }
            Verdict::Forgotten => self.forgotten(cx, position, transactional, outcome),
            // The next epoch of a transactional producer is its coordinator's to give.
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

    /// There will be no answer to the request with this batch.
    pub(crate) fn unanswered(&mut self, serial: u64, code: ErrorCode, now: Instant) {
        if let Some(position) = self.position(serial) {
            let slot = &mut self.slots[position];
            slot.raise(Ambiguity::MaybeInFlight, code);
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
        // A new leader is sent the batch at once (KIP-951), the same one after a pause. After a few moves in
        // vain there is a pause in any case.
        let moved = slot.sent_to != leadership;
        let pause = if moved && slot.attempts <= MOVES_AT_ONCE {
            Duration::ZERO
        } else {
            cx.backoff(slot.attempts)
        };
        let until = cx.now + pause;
        slot.state = SlotState::Waiting { until };
    }

    /// The broker does not know the producer any more (KIP-360). Its state goes with its records, by
    /// retention or `DeleteRecords`, on brokers before 2.5; the log then takes any number.
    fn forgotten(
        &mut self,
        cx: &mut Context,
        position: usize,
        transactional: bool,
        outcome: &mut PartitionOutcome,
    ) {
        let code = outcome.code;
        let Some(log_start) = outcome.log_start_offset.filter(|_| position == 0) else {
            // It does not tell why, or has told why for the batches before: the number may do yet.
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
        // What the broker forgot is not in the log: the transaction begins anew here, at 0.
        if let Some(producer) = slot.producer()
            && self.in_flight() == 0
        {
            self.renumber(producer);
        }
        self.retry(cx, position, code, Ambiguity::None);
    }

    /// The broker does not go on with this sequence.
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
        // A new number helps at once; if not even that does, trying on is no better than any retry.
        let until = match slot.attempts {
            1 => cx.now,
            attempts => cx.now + cx.backoff(attempts - 1),
        };
        slot.state = SlotState::NeedsNewSequence { until };
        self.numbering.break_off(serial, Ambiguity::None);
    }

    /// The broker takes neither this batch, which may be in the log, nor its number.
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

    /// The broker will never take this batch; records it names have an error of their own (KIP-467).
    fn refuse(&mut self, cx: &mut Context, serial: u64, outcome: &mut PartitionOutcome) {
        let Some(mut slot) = self.remove(serial) else {
            return;
        };
        let code = outcome.code;
        if code == ErrorCode::UNKNOWN_SERVER_ERROR {
            // It may have struck the broker after the append as well as before.
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

    /// Ends a refused batch of which some records are to blame: each of them gets the broker's message about
    /// it, or that about the batch; the others get an error that says so.
    fn blame(
        &mut self,
        cx: &mut Context,
        slot: &Slot,
        code: ErrorCode,
        message: &Option<Arc<str>>,
        record_errors: Vec<(u32, Option<Arc<str>>)>,
    ) {
        let history = self.history(cx.now, slot);
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

/// How often a batch is sent on to another leader without a pause.
const MOVES_AT_ONCE: u32 = 3;
