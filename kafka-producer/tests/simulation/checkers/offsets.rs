//! Offsets that were sent with transactions are committed with them, and only so: what the group has
//! is what the last committed transaction sent.

use std::collections::BTreeSet;

use super::Facts;
use crate::ledger::{Confirmed, End};

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    if facts.epoch_was_shared() {
        // Of a group there is only the last offset.
        return Ok(());
    }
    for (client, committed) in facts.offsets.iter().enumerate() {
        let possible = possible(facts, client);
        if !possible.contains(committed) {
            return Err(format!(
                "the group of producer {client} is at {committed:?}; possible are {possible:?}"
            ));
        }
    }
    Ok(())
}

/// What the group of a producer may be at.
fn possible(facts: &Facts<'_>, client: usize) -> BTreeSet<Option<i64>> {
    let mut possible = BTreeSet::from([None]);
    let transactions = facts.ledger.transactions().iter();
    for transaction in transactions.filter(|transaction| transaction.client == client) {
        let Some((offset, confirmed)) = transaction.offset else {
            continue;
        };
        match (transaction.end, confirmed) {
            (End::Committed, Confirmed::Yes) => possible = BTreeSet::from([Some(offset)]),
            (End::Committed, Confirmed::No) | (End::CommitAsked, _) => {
                possible.insert(Some(offset));
            }
            (End::Aborted | End::Open, _) => {}
        }
    }
    possible
}
