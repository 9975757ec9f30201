//! What an acknowledgement means for its batch, and for those before it.
//!
//! A leader that remembers this producer appends its batches only in their order, so that an acknowledged
//! batch confirms those before it. A leader that may have forgotten the producer confirms that batch alone
//! (`expiration.rs`), and may have appended it before others. Those are not sent after it: a batch that was
//! refused ends as not persisted, and one without an answer as possibly persisted.
//!
//! A batch in flight never ends here.

use kafka_accumulator::BatchOutcome;

use crate::engine::context::Context;
use crate::engine::produce::expiration::BrokerMemory;
use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::recall::Confirmed;
use crate::engine::produce::lane::slot::{Slot, SlotState};
use crate::engine::produce::lane::unresolved::FORGOTTEN;
use crate::engine::produce::verdict::Ambiguity;
use crate::error::Cause;

/// Which batches an acknowledgement confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It and all before it: the leader has known this producer all the time.
    AllBefore,
    /// It alone.
    Itself,
    /// It alone, in a log that is gone.
    EarlierTopic,
}

impl Lane {
    /// The leader has acknowledged a batch.
    pub(super) fn acknowledged(
        &mut self,
        cx: &mut Context,
        memory: &BrokerMemory,
        serial: u64,
        base_offset: Option<i64>,
        log_append_time_ms: Option<i64>,
    ) {
        if self.recall.is_another_log(serial, base_offset) {
            self.end_presumed(cx);
            self.recall.note_new_log(serial);
        }
        let Some(position) = self.position(serial) else {
            return;
        };
        let reach = self.reach(position, memory);
        self.end_overtaken(cx, serial, reach);
        self.confirm_presumed(cx, serial, reach);
        self.note_acknowledged(serial, reach, log_append_time_ms);
        self.last_refusal = None;
        self.last_loss = None;
        if reach != Reach::EarlierTopic {
            self.recall.note_offset(base_offset);
        }
        self.delivered(cx, serial, base_offset, log_append_time_ms);
    }

    /// A batch was acknowledged that has expired in the meantime: its number was used.
    pub(super) fn acknowledged_late(&mut self, serial: u64) {
        if !self.recall.is_of_earlier_topic(serial) {
            self.numbering.restore(serial);
        }
    }

    /// Ends a batch as delivered.
    // Inlined, the time is assembled byte by byte, with over a thousand instructions.
    #[inline(never)]
    pub(super) fn delivered(
        &mut self,
        cx: &mut Context,
        serial: u64,
        base_offset: Option<i64>,
        log_append_time_ms: Option<i64>,
    ) {
        if let Some(slot) = self.remove(serial) {
            let outcome = BatchOutcome::Delivered {
                base_offset: base_offset.unwrap_or(UNKNOWN_OFFSET),
                log_append_time_ms,
            };
            cx.end_delivered(slot.batch, outcome);
        }
    }

    /// Ends batches that could only be in the log after one that was sent later.
    fn end_overtaken(&mut self, cx: &mut Context, serial: u64, reach: Reach) {
        let overtaken = self
            .slots
            .iter()
            .filter(|slot| slot.serial < serial && is_overtaken(slot, reach));
        let overtaken: Vec<u64> = overtaken.map(|slot| slot.serial).collect();
        for serial in overtaken {
            match self.remove(serial) {
                Some(slot) if slot.ambiguity == Ambiguity::None => {
                    let code = slot.last_error.unwrap_or_default();
                    let message = format!("{}; {OVERTAKEN}", code.message());
                    let message = Some(message.into());
                    self.fail(cx, slot, Cause::Refused { code, message }, &None);
                }
                Some(slot) => self.fail_open(cx, slot, Some(FORGOTTEN)),
                None => {}
            }
        }
    }

    /// An acknowledgement confirms the batches before this serial that were presumed to be in the log.
    fn confirm_presumed(&mut self, cx: &mut Context, acknowledged: u64, reach: Reach) {
        if reach != Reach::AllBefore {
            return;
        }
        let spoken_for = self.recall.first_of_topic()..acknowledged;
        while let Some(serial) = self.presumed().map(|slot| slot.serial)
            && spoken_for.contains(&serial)
        {
            self.delivered(cx, serial, None, None);
        }
    }

    /// Which batches this acknowledgement confirms. Their age is looked at now, not when the leader
    /// answered: that differs only if a request takes longer than half of the time that brokers remember.
    fn reach(&self, position: usize, memory: &BrokerMemory) -> Reach {
        let slot = &self.slots[position];
        if self.recall.is_of_earlier_topic(slot.serial) {
            return Reach::EarlierTopic;
        }
        let remembered = slot
            .producer()
            .is_some_and(|producer| self.is_remembered(producer, slot.sent_to, memory, position));
        match remembered {
            true => Reach::AllBefore,
            false => Reach::Itself,
        }
    }

    /// Notes what the leader remembers of this producer from now on.
    fn note_acknowledged(&mut self, serial: u64, reach: Reach, log_append_time_ms: Option<i64>) {
        if reach == Reach::EarlierTopic {
            return;
        }
        self.numbering.restore(serial);
        let Some(slot) = self.position(serial).map(|at| &self.slots[at]) else {
            return;
        };
        let (Some(producer), Some(leadership)) = (slot.producer(), slot.sent_to) else {
            return;
        };
        let mut append = slot.append();
        append.timestamp_ms = log_append_time_ms.unwrap_or(append.timestamp_ms);
        let earlier = self.recall.confirmed();
        let earlier = earlier.filter(|_| reach == Reach::AllBefore);
        let (from, last) = earlier.map_or((serial, serial), |earlier| {
            (earlier.from, earlier.last.max(serial))
        });
        self.recall.confirm(Confirmed {
            producer,
            leadership,
            append,
            from,
            last,
        });
    }
}

/// Whether this batch could only be appended after a later one, which is in the log.
fn is_overtaken(slot: &Slot, reach: Reach) -> bool {
    let here = !matches!(
        slot.state,
        SlotState::InFlight { .. } | SlotState::PresumedAppended
    );
    let overtaken = match reach {
        // It is in the log, too, unless it was refused: then the broker did not know this producer after all.
        Reach::AllBefore => slot.ambiguity == Ambiguity::None,
        Reach::Itself => true,
        Reach::EarlierTopic => false,
    };
    here && overtaken && slot.number.is_some()
}

/// The offset of records for which it is not known.
const UNKNOWN_OFFSET: i64 = -1;

const OVERTAKEN: &str = "a later batch was appended before it could be sent again: \
     the broker does not remember this producer, and the order would be lost; send the record again \
     if its place does not matter";
