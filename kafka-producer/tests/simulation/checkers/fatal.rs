//! A producer fails for good only when it must: here, when another one with its transactional id has
//! taken over, or when a coordinator has ended a transaction that took too long, which in the first
//! generation of transactions fences the producer as well, or when a request of its own, late or in
//! the second generation amid the end of a transaction, did what a successor's would have done.

use std::time::Instant;

use kafka_producer::engine::DeskState;

use super::Facts;
use crate::producer::Producer;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    // Of two either may be fenced: who is fenced may ask for another epoch, and gets it.
    let [last] = facts.producers.as_slice() else {
        return Ok(());
    };
    if last.ground.fenced_itself.get() {
        return Ok(());
    }
    match &*last.failure.borrow() {
        Some((_, fatal)) if facts.denied.contains(&fatal.code()) => Ok(()),
        Some((at, _)) if took_too_long(facts, last, *at) => Ok(()),
        Some((_, fatal)) => Err(format!("{last}: {fatal}")),
        None => match last.desk.state() {
            // It had no caller any more that was told when.
            DeskState::Failed(_) if facts.plan.is_transactional() => Ok(()),
            DeskState::Failed(fatal) if facts.denied.contains(&fatal.code()) => Ok(()),
            DeskState::Failed(fatal) => Err(format!("{last}: {fatal}")),
            DeskState::Open | DeskState::Closed => Ok(()),
        },
    }
}

/// Whether the transaction that was the latest then was old enough to be ended by its coordinator.
fn took_too_long(facts: &Facts<'_>, producer: &Producer, at: Instant) -> bool {
    let Some(settings) = facts.plan.settings.guarantee.transactional() else {
        return false;
    };
    let latest = facts
        .ledger
        .transactions()
        .iter()
        .rfind(|transaction| transaction.client == producer.client && transaction.begun <= at);
    latest.is_some_and(|latest| at - latest.begun >= settings.timeout)
}
