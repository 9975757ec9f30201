//! What waits in a lane to be sent. It is asked before the lane is put on a list, so that lanes without batches
//! are not looked at, and when partitions are weighed.
//!
//! It changes nothing.

use std::time::{Duration, Instant};

use crate::engine::produce::lane::Lane;

impl Lane {
    /// Whether anything waits behind the batch that is sent next. If not, the queue rings for what comes.
    pub(crate) fn has_more(&self) -> bool {
        let mut waiting = self.slots.iter().filter(|slot| slot.is_waiting());
        waiting.nth(1).is_some() || !self.queue.is_empty()
    }

    /// Whether nothing is to be done here before the queue rings.
    pub(crate) fn is_idle(&self) -> bool {
        !self.has_batches() && !self.is_broken()
    }

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
        let waiting = open.find(|slot| !slot.state.is_in_flight());
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
