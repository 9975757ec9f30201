//! What `close` reports is what became of the records that had no outcome when it was called.

use kafka_producer::engine::CloseReport;
use kafka_producer::error::Cause;

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
        let before = counted.failed.saturating_sub(closed.report.failed);
        let mut explained = closed.report;
        explained.failed += before.min(aborted(facts, &concerned));
        if counted != explained {
            return Err(format!(
                "it says {:?}, and there were {counted:?} of {} records",
                closed.report,
                concerned.len()
            ));
        }
    }
    Ok(())
}

/// An abort that was asked for just before `close` is seen to before it.
fn aborted(facts: &Facts<'_>, ids: &[RecordId]) -> u64 {
    let aborted = ids.iter().filter(|id| {
        let told = facts.told.get(id);
        matches!(told, Some(Told::Failed(error)) if *error.cause() == Cause::Aborted)
    });
    aborted.count() as u64
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
