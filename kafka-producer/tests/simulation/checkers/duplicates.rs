//! What an idempotent producer has sent is in a log once at most, whatever it was told.
//!
//! A topic that is deleted and made anew has another log.

use std::collections::BTreeMap;

use kafka_producer::settings::{Guarantee, UnresolvedPolicy};

use super::Facts;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let settings = &facts.plan.settings;
    // The policy of Kafka's own client sends what may be in the log.
    let resends = settings.unresolved == UnresolvedPolicy::Resend;
    if matches!(settings.guarantee, Guarantee::Plain(_)) || resends {
        return Ok(());
    }
    for (name, log) in facts.archive.logs() {
        let mut seen = BTreeMap::new();
        for logged in log.iter().filter(|logged| facts.is_judged(logged.id)) {
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
