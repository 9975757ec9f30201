//! A committed transaction is visible as a whole, each record once; of an aborted one nothing is; of
//! one whose commit has an unknown outcome either all or nothing. No transaction hangs, nor is one that never times out
//! still open.
//!
//! One that is prepared is committed as soon as its owner has stored it (`outbox.rs`).

use std::collections::BTreeMap;

use super::Facts;
use crate::ledger::{End, RecordId};

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let mut members: BTreeMap<u32, Vec<RecordId>> = BTreeMap::new();
    for (id, entry) in facts.ledger.records() {
        if let Some(number) = entry.transaction {
            members.entry(number).or_default().push(id);
        }
    }
    let judged = members.into_iter();
    for (number, ids) in judged.filter(|(number, _)| facts.is_transaction_judged(*number)) {
        let transaction = facts.ledger.transaction(number);
        check_one(facts, transaction.end, &ids).map_err(|story| {
            let client = transaction.client;
            format!("transaction {number} of producer {client}: {story}")
        })?;
    }
    if facts.plan.is_two_phase()
        && let Some(open) = facts.open.first()
    {
        return Err(format!("it is open, and nobody will end it: {open:?}"));
    }
    match facts.hanging.first().filter(|_| !facts.epoch_was_shared()) {
        None => Ok(()),
        Some(hanging) => Err(format!("it hangs: {hanging:?}")),
    }
}

fn check_one(facts: &Facts<'_>, end: End, ids: &[RecordId]) -> Result<(), String> {
    let seen = |id: &RecordId| facts.archive.visible(*id);
    if let Some(id) = ids.iter().find(|id| seen(id) > 1) {
        return Err(format!("record {id} is visible {} times", seen(id)));
    }
    let some = ids.iter().find(|id| seen(id) > 0);
    let missing = ids.iter().find(|id| seen(id) == 0);
    match (end, some, missing) {
        (End::Committed, _, Some(id)) => {
            let told = facts.told.get(id);
            Err(format!(
                "it is committed, and record {id} is not visible: {told:?}"
            ))
        }
        (End::Aborted | End::Open, Some(id), _) => {
            Err(format!("it is {end:?}, and record {id} is visible"))
        }
        (End::CommitAsked, Some(seen), Some(missing)) => Err(format!(
            "of it record {seen} is visible, and record {missing} is not"
        )),
        _ => Ok(()),
    }
}
