//! What an idempotent producer has sent is in a log once at most, whatever it was told.
//!
//! A topic that is deleted and made anew has another log.

use std::collections::BTreeMap;

use kafka_producer::settings::Guarantee;

use super::Facts;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    if matches!(facts.plan.settings.guarantee, Guarantee::Plain(_)) {
        return Ok(());
    }
    for (name, log) in facts.archive.logs() {
        let mut seen = BTreeMap::new();
        for logged in log {
            if let Some(before) = seen.insert(logged.id, logged.offset) {
                let (id, offset) = (logged.id, logged.offset);
                return Err(format!(
                    "record {id} is in {name:?} at {before} and {offset}"
                ));
            }
        }
    }
    Ok(())
}
