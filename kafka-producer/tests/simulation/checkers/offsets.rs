//! Offsets that were sent with transactions are committed with them, and only so: what the group has
//! is what the last committed transaction sent. Whoever was not in the group any more when he sent
//! some commits nothing.

use std::collections::BTreeSet;

use super::Facts;
use crate::ledger::{Confirmed, End, Membership, Transaction};

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    if facts.epoch_was_shared() {
        // Of a group there is only the last offset.
        return Ok(());
    }
    let transactions = facts.ledger.transactions();
    let stale = |it: &&Transaction| it.membership == Membership::Stale;
    if let Some(committed) = transactions
        .iter()
        .filter(stale)
        .find(|it| it.end == End::Committed)
    {
        return Err(format!("no member has committed {committed:?}"));
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
        if transaction.membership == Membership::Stale {
            continue;
        }
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
