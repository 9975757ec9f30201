//! What `close` reports is what became of the records that had no outcome when it was called.

use kafka_producer::engine::CloseReport;

use super::Facts;
use crate::ledger::{RecordId, Told};

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    for producer in &facts.producers {
        let Some(closed) = producer.closed.borrow().clone() else {
            continue;
        };
        let later = facts
            .ledger
            .records()
            .filter(|(id, entry)| *id >= closed.later && entry.lane.client == producer.client);
        let mut concerned = closed.undecided.clone();
        concerned.extend(later.map(|(id, _)| id));
        let counted = count(facts, &concerned);
        if counted != closed.report {
            return Err(format!(
                "it says {:?}, and there were {counted:?} of {} records",
                closed.report,
                concerned.len()
            ));
        }
    }
    Ok(())
}

fn count(facts: &Facts<'_>, ids: &[RecordId]) -> CloseReport {
    let mut counted = CloseReport::default();
    for id in ids {
        match facts.told.get(id) {
            Some(Told::Delivered(_)) => counted.delivered += 1,
            Some(told) if told.is_not_persisted() => counted.failed += 1,
            Some(_) => counted.unknown += 1,
            None => {}
        }
    }
    counted
}
