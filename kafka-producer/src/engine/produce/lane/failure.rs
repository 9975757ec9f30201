//! Ends batches that were not acknowledged: the errors of their records, and what that means for the lane's
//! sequence.

use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Batch, BatchOutcome};
use kafka_wire::ErrorCode;

use crate::engine::context::Context;
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::{Slot, SlotState};
use crate::engine::produce::lane_key::LaneKey;
use crate::engine::produce::verdict::Ambiguity;
use crate::error::{
    AttemptEnd, Cause, DeliveryError, History, Persistence, Timeline, TimelineEvent, WaitReason,
};

/// What a batch that was not delivered was waiting for, if that is known.
pub(crate) type Waited = Option<WaitReason>;

impl Lane {
    /// Ends a batch that was removed from the lane.
    pub(super) fn fail(&mut self, cx: &mut Context, slot: Slot, cause: Cause, waited: &Waited) {
        let mut history = self.history(cx, &slot);
        let waited = match slot.state {
            SlotState::InFlight { .. } => Some(WaitReason::Unanswered { request: "Produce" }),
            _ => waited.clone(),
        };
        history.wait_reason = waited.filter(|_| tells_what_it_waited_for(&cause));
        let error = DeliveryError::new(cause, history);
        self.end_failed(cx, slot.batch, &error, BatchOutcome::Failed(error.clone()));
    }

    /// Ends a batch that never left the accumulator.
    pub(super) fn fail_untried(
        &mut self,
        cx: &mut Context,
        batch: Batch<DeliveryError>,
        cause: Cause,
        waited: &Waited,
    ) {
        let topic = Arc::clone(self.topic());
        let waited = waited.as_ref().filter(|_| tells_what_it_waited_for(&cause));
        let elapsed = cx.now.saturating_duration_since(batch.created());
        let failed = TimelineEvent::Failed { at: elapsed };
        let history = History {
            elapsed,
            timeline: Timeline::new(vec![TimelineEvent::Accepted, failed]),
            wait_reason: waited.cloned(),
            batch_bytes: batch.uncompressed_bytes(),
            ..History::without_attempt(topic, self.partition(), Persistence::NotPersisted)
        };
        let error = DeliveryError::new(cause, history);
        let outcome = BatchOutcome::Failed(error.clone());
        self.end_failed(cx, Arc::new(batch), &error, outcome);
    }

    /// Ends a batch with the error of its records.
    pub(super) fn end_failed(
        &mut self,
        cx: &mut Context,
        batch: Arc<Batch<DeliveryError>>,
        error: &DeliveryError,
        outcome: BatchOutcome<DeliveryError>,
    ) {
        if error.persistence() == Persistence::PossiblyPersisted {
            self.recall.forget_confirmed();
        }
        let key = LaneKey::of(&self.queue);
        cx.end_failed(key, batch, error, outcome);
    }

    pub(super) fn history(&self, cx: &Context, slot: &Slot) -> History {
        let in_flight = slot.state.is_in_flight();
        let ambiguous = slot.ambiguity != Ambiguity::None || in_flight;
        History {
            topic: Arc::clone(self.topic()),
            partition: self.partition(),
            persistence: match ambiguous {
                true => Persistence::PossiblyPersisted,
                false => Persistence::NotPersisted,
            },
            attempts: slot.attempts,
            elapsed: cx.now.saturating_duration_since(slot.batch.created()),
            broker: slot.sent_to.map(|leader| leader.node.0),
            batch_bytes: slot.batch.uncompressed_bytes(),
            connection: self.last_loss.as_deref().cloned(),
            last_error: slot.last_error,
            in_doubt: slot.in_doubt.filter(|_| ambiguous),
            wait_reason: None,
            timeline: slot.timeline(&cx.addresses, cx.now),
        }
    }

    /// Ends a batch that may be in the log.
    pub(super) fn leave_open(&mut self, cx: &mut Context, serial: u64, why: Option<&str>) {
        if let Some(mut slot) = self.remove(serial) {
            slot.state = SlotState::Waiting { until: cx.now };
            self.numbering.break_off(serial, slot.ambiguity);
            self.fail_open(cx, slot, why);
        }
    }

    /// Ends a batch that may be in the log, and was removed from the lane.
    pub(super) fn fail_open(&mut self, cx: &mut Context, slot: Slot, why: Option<&str>) {
        let code = slot.last_error.unwrap_or_default();
        let message = why.map(|why| {
            format!(
                "{}; it is not known whether an earlier attempt was appended: {why}",
                code.message()
            )
            .into()
        });
        self.fail(cx, slot, Cause::Refused { code, message }, &None);
    }

    /// Ends the batches that are presumed to be in the log, because no acknowledgement will confirm them.
    pub(super) fn end_presumed(&mut self, cx: &mut Context) {
        while let Some(serial) = self.presumed().map(|slot| slot.serial) {
            self.leave_open(cx, serial, None);
        }
    }

    /// Ends the batches after this one that may be in the log, because nothing is known of the log.
    pub(super) fn leave_ambiguous_open(&mut self, cx: &mut Context, position: usize, why: &str) {
        let slots = self.slots.iter().skip(position + 1);
        let ambiguous = slots.filter(|slot| slot.ambiguity != Ambiguity::None);
        let serials: Vec<u64> = ambiguous.map(|slot| slot.serial).collect();
        for serial in serials {
            self.leave_open(cx, serial, Some(why));
        }
    }

    /// The batch was sent as often as it may be.
    pub(super) fn exhaust(&mut self, cx: &mut Context, serial: u64, code: ErrorCode) {
        if let Some(slot) = self.remove(serial) {
            self.numbering.break_off(serial, slot.ambiguity);
            self.fail(cx, slot, Cause::RetriesExhausted { code }, &None);
        }
    }

    /// A batch could not be put into a request, and never can.
    pub(crate) fn unsendable(&mut self, cx: &mut Context, serial: u64, why: &Arc<str>) {
        if let Some(mut slot) = self.remove(serial) {
            let attempt = slot.attempt(&cx.addresses, cx.now, AttemptEnd::NotWritten);
            attempt
                .into_iter()
                .for_each(|attempt| slot.note_end(attempt));
            // It was not written, so this attempt cannot have reached a log.
            slot.state = SlotState::Waiting { until: cx.now };
            self.numbering.break_off(serial, slot.ambiguity);
            self.fail(cx, slot, Cause::Unsendable(Arc::clone(why)), &None);
        }
    }

    /// Whether any batch was created before then, sent or not.
    pub(crate) fn has_expired(&self, created_before: Instant) -> bool {
        let slot = self.slots.front().map(|slot| slot.batch.created());
        let mut oldest = [slot, self.queue.oldest_created()].into_iter().flatten();
        oldest.any(|created| created <= created_before)
    }

    /// Ends what was created before then, sent or not.
    pub(crate) fn expire(&mut self, cx: &mut Context, created_before: Instant, waited: &Waited) {
        let limit = cx.settings.delivery_timeout;
        let refusal = self.refusal();
        while let Some(slot) = self.slots.front()
            && slot.batch.created() <= created_before
        {
            let Some(slot) = self.slots.pop_front() else {
                break;
            };
            let ambiguity = match slot.state {
                SlotState::InFlight { .. } => {
                    self.recall.note_unanswered(slot.producer(), cx.now);
                    Ambiguity::MaybeInFlight
                }
                _ => slot.ambiguity,
            };
            let code = slot.last_error.or(refusal);
            self.numbering.break_off(slot.serial, ambiguity);
            self.fail(cx, slot, Cause::Expired { limit, code }, waited);
        }
        for batch in self.queue.take_expired(created_before) {
            // Our own code for a missing answer says nothing about a batch that was not sent.
            let code = refusal.filter(|code| !is_our_own(*code));
            self.fail_untried(cx, batch, Cause::Expired { limit, code }, waited);
        }
    }

    /// Why the batches are not delivered, if that is known.
    fn refusal(&self) -> Option<ErrorCode> {
        let leaderless = self.leader.is_none();
        let leaderless = leaderless.then_some(ErrorCode::LEADER_NOT_AVAILABLE);
        self.last_refusal.or(leaderless)
    }

    /// Ends every record that has no outcome.
    pub(crate) fn give_up(
        &mut self,
        cx: &mut Context,
        cause: &impl Fn() -> Cause,
        waited: &Waited,
    ) {
        while let Some(slot) = self.slots.pop_front() {
            self.fail(cx, slot, cause(), waited);
        }
        self.fail_queued(cx, cause, waited);
    }

    /// Ends the batches in the queue.
    pub(crate) fn fail_queued(
        &mut self,
        cx: &mut Context,
        cause: &impl Fn() -> Cause,
        waited: &Waited,
    ) {
        for batch in self.queue.take_all() {
            self.fail_untried(cx, batch, cause(), waited);
        }
    }

    /// Ends the batches that are not in flight.
    pub(crate) fn fail_unsent(&mut self, cx: &mut Context, cause: &impl Fn() -> Cause) {
        let unsent = |slot: &Slot| !slot.state.is_in_flight();
        while let Some(position) = self.slots.iter().position(unsent)
            && let Some(slot) = self.slots.remove(position)
        {
            self.numbering.break_off(slot.serial, slot.ambiguity);
            self.fail(cx, slot, cause(), &None);
        }
        self.fail_queued(cx, cause, &None);
    }

    /// The partition does not exist any more: ends all of its records, and its sequence.
    pub(crate) fn end_gone(&mut self, cx: &mut Context, cause: &impl Fn() -> Cause) {
        self.give_up(cx, cause, &None);
        self.numbering
            .break_off(self.next_serial, Ambiguity::Possible);
    }

    /// Treats every attempt as unanswered: the panic may have happened while an answer was being processed.
    pub(crate) fn doubt_all_attempts(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.attempts > 0) {
            slot.ambiguity = Ambiguity::MaybeInFlight;
        }
    }
}

/// Whether an error with this cause says what the record was waiting for.
fn tells_what_it_waited_for(cause: &Cause) -> bool {
    matches!(cause, Cause::Expired { .. } | Cause::Closed)
}

/// Whether this code, if it is not a broker's, stands for a missing answer.
pub(crate) fn is_our_own(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NETWORK_EXCEPTION | ErrorCode::REQUEST_TIMED_OUT
    )
}
