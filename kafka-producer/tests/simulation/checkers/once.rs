//! Every record that was taken ends, and is told so exactly once. (That an outcome never changes is
//! in the type of a completion.) No batch is dropped undecided. Nobody is told anything in a process that was killed.

use std::cell::Cell;

use kafka_producer::error::DeliveryError;

use super::Facts;

thread_local! {
    static ABANDONED: Cell<u32> = const { Cell::new(0) };
}

/// Begins to count anew.
pub(crate) fn begin() {
    ABANDONED.set(0);
}

/// What a batch tells that was dropped undecided.
pub(crate) fn abandoned() -> DeliveryError {
    ABANDONED.set(ABANDONED.get() + 1);
    DeliveryError::abandoned()
}

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    for (id, entry) in facts.ledger.records() {
        if facts.ledger.is_killed(entry.lane.client) {
            continue;
        }
        if !facts.told.contains_key(&id) {
            return Err(format!("record {id} has no outcome"));
        }
        match entry.calls() {
            None | Some(1) => {}
            Some(calls) => return Err(format!("record {id} was told {calls} times")),
        }
    }
    match ABANDONED.take() {
        0 => Ok(()),
        batches => Err(format!("{batches} batches were dropped without an outcome")),
    }
}
