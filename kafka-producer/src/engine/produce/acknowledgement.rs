//! What an acknowledgement says: of its batch, and of those before it.
//!
//! A leader that remembers this producer takes its batches in their order only, so that one that is
//! acknowledged speaks for those before it. One that may have forgotten it speaks for that batch alone
//! (`expiration.rs`), and has perhaps let it in ahead of others. Those are not sent behind it: what was
//! refused before ends as not persisted, what had no answer as possibly persisted.
//!
//! No batch ends here that has no answer and is still on its way.

use kafka_accumulator::BatchOutcome;

use crate::engine::Engine;
use crate::engine::produce::expiration::Memory;
use crate::engine::produce::lane::{Confirmed, Lane, LaneKey, Slot, SlotState};
use crate::engine::produce::verdict::Ambiguity;
use crate::error::Cause;

/// For which batches an acknowledgement speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It and all before it: the leader has known this producer all the time.
    AllBefore,
    /// It alone.
    Itself,
    /// It alone, in a log that is gone.
    EarlierTopic,
}

impl Engine {
    /// The leader has acknowledged a batch.
    pub(crate) fn acknowledged(
        &mut self,
        key: LaneKey,
        serial: u64,
        base_offset: i64,
        log_append_time_ms: Option<i64>,
    ) {
        let memory = self.memory();
        let lane = &mut self.lanes[key as usize];
        if lane.is_another_log(serial, base_offset) {
            self.end_presumed(key);
            self.lanes[key as usize].begin_anew(serial);
        }
        let lane = &mut self.lanes[key as usize];
        let Some(position) = lane.position(serial) else {
            return;
        };
        let reach = lane.reach(position, &memory);
        self.end_overtaken(key, serial, reach);
        self.confirm_presumed(key, serial, reach);
        let lane = &mut self.lanes[key as usize];
        lane.note_acknowledged(serial, reach, log_append_time_ms);
        lane.obstacle = None;
        if reach != Reach::EarlierTopic {
            lane.acknowledged_offset = lane.acknowledged_offset.max(base_offset);
        }
        self.delivered(key, serial, base_offset, log_append_time_ms);
    }

    /// A batch that has expired meanwhile was acknowledged: its number was used.
    pub(crate) fn acknowledged_late(&mut self, key: LaneKey, serial: u64) {
        let lane = &mut self.lanes[key as usize];
        if !lane.is_of_earlier_topic(serial) {
            lane.restore_sequence(serial);
        }
    }

    /// Ends a batch as delivered.
    // Inlined, its time would be put together bit by bit, with over a thousand instructions.
    #[inline(never)]
    pub(crate) fn delivered(
        &mut self,
        key: LaneKey,
        serial: u64,
        base_offset: i64,
        log_append_time_ms: Option<i64>,
    ) {
        if let Some(slot) = self.remove(key, serial) {
            let fate = BatchOutcome::Delivered {
                base_offset,
                log_append_time_ms,
            };
            self.tally.delivered += u64::from(slot.batch.count());
            self.end(slot.batch, fate);
        }
    }

    /// Batches that the log would have only behind one that was sent after them.
    fn end_overtaken(&mut self, key: LaneKey, serial: u64, reach: Reach) {
        let lane = &self.lanes[key as usize];
        let overtaken = lane
            .slots
            .iter()
            .filter(|slot| slot.serial < serial && slot.is_overtaken_by(reach));
        let overtaken: Vec<u64> = overtaken.map(|slot| slot.serial).collect();
        for serial in overtaken {
            match self.remove(key, serial) {
                Some(slot) if slot.ambiguity == Ambiguity::None => {
                    let code = slot.last_error.unwrap_or_default();
                    let message = format!("{}; {OVERTAKEN}", code.message());
                    let message = Some(message.into());
                    self.fail(key, slot, Cause::Refused { code, message });
                }
                Some(slot) => self.fail_open(key, slot, Some(FORGOTTEN)),
                None => {}
            }
        }
    }

    fn confirm_presumed(&mut self, key: LaneKey, serial: u64, reach: Reach) {
        if reach != Reach::AllBefore {
            return;
        }
        for slot in self.lanes[key as usize].take_confirmed(serial) {
            self.tally.delivered += u64::from(slot.batch.count());
            let fate = BatchOutcome::Delivered {
                base_offset: -1,
                log_append_time_ms: None,
            };
            self.end(slot.batch, fate);
        }
    }
}

impl Lane {
    /// For which batches this acknowledgement speaks. Age is judged now, not when the leader answered;
    /// the two differ only where a request may take longer than half of what brokers remember.
    fn reach(&self, position: usize, memory: &Memory) -> Reach {
        let slot = &self.slots[position];
        if self.is_of_earlier_topic(slot.serial) {
            return Reach::EarlierTopic;
        }
        let remembered = slot.producer.is_some_and(|producer| {
            self.is_remembered(producer, slot.leadership(), memory, slot.serial)
        });
        match remembered {
            true => Reach::AllBefore,
            false => Reach::Itself,
        }
    }

    /// Notes what the leader knows of this producer from now on.
    fn note_acknowledged(&mut self, serial: u64, reach: Reach, log_append_time_ms: Option<i64>) {
        if reach == Reach::EarlierTopic {
            return;
        }
        self.restore_sequence(serial);
        let Some(slot) = self.position(serial).map(|at| &self.slots[at]) else {
            return;
        };
        let (Some(producer), Some(leadership)) = (slot.producer, slot.leadership()) else {
            return;
        };
        let mut append = slot.append();
        append.timestamp_ms = log_append_time_ms.unwrap_or(append.timestamp_ms);
        let earlier = self.confirmed.take().filter(|_| reach == Reach::AllBefore);
        let (from, last) = earlier.map_or((serial, serial), |earlier| {
            (earlier.from, earlier.last.max(serial))
        });
        self.confirmed = Some(Confirmed {
            producer,
            leadership,
            append,
            from,
            last,
        });
    }
}

impl Slot {
    /// Whether this one could come only behind a later batch, which is in the log.
    fn is_overtaken_by(&self, reach: Reach) -> bool {
        let here = !matches!(self.state, SlotState::InFlight | SlotState::Presumed);
        let overtaken = match reach {
            // It is in the log, too, unless it was refused: then the broker did not know us after all.
            Reach::AllBefore => self.ambiguity == Ambiguity::None,
            Reach::Itself => true,
            Reach::EarlierTopic => false,
        };
        here && overtaken && self.producer.is_some()
    }
}

const OVERTAKEN: &str = "a later batch was appended before it could be sent again: \
     the broker does not remember this producer, and the order would be lost; send the record again \
     if its place does not matter";

/// Why nothing is known of a batch.
pub(crate) const FORGOTTEN: &str =
    "the broker may have appended it and forgotten this producer (producer.id.expiration.ms)";
