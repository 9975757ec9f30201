//! What is in a log was sent, and is there as it was sent: key, value, headers and time, through
//! compression, and in whatever batches.

use super::Facts;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    for (name, log) in facts.archive.logs() {
        for logged in log {
            let (id, offset) = (logged.id, logged.offset);
            let Some(entry) = facts.ledger.entry(id) else {
                return Err(format!("nobody has sent what is in {name:?} at {offset}"));
            };
            if entry.digest != logged.digest {
                return Err(format!("record {id} is in {name:?} at {offset} as another"));
            }
        }
    }
    Ok(())
}
