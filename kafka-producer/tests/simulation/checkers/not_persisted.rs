//! A record of which it was said that it is not in the log, is not there.

use super::Facts;
use crate::ledger::Told;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let judged = facts.told.iter().filter(|(id, _)| facts.is_judged(**id));
    for (id, told) in judged {
        if let Told::Failed(error) = told
            && told.is_not_persisted()
            && let Some((name, logged)) = facts.places(*id).first()
        {
            let offset = logged.offset;
            return Err(format!("record {id} is in {name:?} at {offset}: {error}"));
        }
    }
    Ok(())
}
