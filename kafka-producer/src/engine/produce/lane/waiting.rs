//! What waits in a lane to be sent. It is asked when partitions are weighed.
//!
//! It changes nothing.

use std::time::{Duration, Instant};

use crate::engine::produce::lane::Lane;
use crate::engine::produce::lane::slot::SlotState;

impl Lane {
    /// How many batches wait to be sent, in the queue or to be sent again.
    pub(crate) fn queued(&self) -> usize {
        let again = match self.slots.is_empty() {
            true => 0,
            false => self.open().count() - self.in_flight(),
        };
        self.queue.batches() + again
    }

    /// Since when the oldest batch that waits could have been sent. One that lingers does not wait.
    pub(crate) fn waits_since(&self, linger: Duration) -> Option<Instant> {
        let mut open = self.open();
        let waiting = open.find(|slot| slot.state != SlotState::InFlight);
        if let Some(slot) = waiting {
            return Some(slot.batch.created());
        }
        let created = self.queue.oldest_created()?;
        match self.queue.batches() {
            // It may be open.
            ..=1 => created.checked_add(linger),
            _ => Some(created),
        }
    }
}
