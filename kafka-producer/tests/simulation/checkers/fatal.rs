//! A producer fails for good only when it must: here, when another one with its transactional id has
//! taken over, or when a coordinator has ended a transaction that took too long, which in the first
//! generation of transactions fences the producer as well, or when a request of its own, late or in
//! the second generation amid the end of a transaction, did what a successor's would have done: then it
//! is told that it was fenced, and nothing else. Or a broker has refused it for good, with the code that
//! it is told.

use std::time::Instant;

use kafka_producer::engine::EngineState;
use kafka_producer::error::FatalError;

use super::Facts;
use crate::producer::Producer;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    for producer in &facts.producers {
        let told = producer.failure.borrow().clone();
        // It may have no caller any more who was told when.
        let failed = told.or_else(|| match producer.handle.state() {
            EngineState::Failed(fatal) => Some((producer.ground.now(), fatal)),
            EngineState::Open | EngineState::Closed => None,
        });
        if let Some((at, fatal)) = failed
            && !is_excused(facts, producer, at, &fatal)
        {
            return Err(format!("{producer}: {fatal}"));
        }
    }
    Ok(())
}

fn is_excused(facts: &Facts<'_>, producer: &Producer, at: Instant, fatal: &FatalError) -> bool {
    if facts.denied.contains(&fatal.code()) {
        return true;
    }
    // Of two either may be fenced: who is fenced may ask for another epoch, and gets it. With two-phase commit
    // each begins after the one before it has ended.
    let has_rival = facts.producers.len() > 1 && !facts.plan.is_two_phase();
    let fenced =
        has_rival || producer.ground.fenced_itself.get() || took_too_long(facts, producer, at);
    let as_fenced = matches!(fatal, FatalError::Fenced { .. });
    as_fenced && fenced
}

/// Whether the transaction that was the latest then was old enough to be ended by its coordinator.
fn took_too_long(facts: &Facts<'_>, producer: &Producer, at: Instant) -> bool {
    let Some(settings) = facts.plan.settings.guarantee.transactional() else {
        return false;
    };
    if settings.two_phase_commit {
        return false;
    }
    let latest = facts
        .ledger
        .transactions()
        .iter()
        .rfind(|transaction| transaction.client == producer.client && transaction.begun <= at);
    latest.is_some_and(|latest| at - latest.begun >= settings.timeout)
}
