//! The order in a partition is the order of `send`.
//!
//! An idempotent producer keeps it for every record, as long as it is one producer to the brokers:
//! a request that was given up may still arrive, and is only told from a new one by the epoch.
//! After all epochs of an id are used up, and without idempotence with one request in flight, the
//! order of what was acknowledged is kept: each record's first place in the log counts. Brokers
//! that forget their producer at once, because its records are dated back, do not tell a late request
//! from a new one, either: there too the order of what was acknowledged counts. Brokers
//! that take records by the name of a topic (Produce up to 12) do not tell that it is another topic,
//! which knows no producer: a first batch may be refused there and its successor taken, until the
//! producer has heard of it; of what was sent later the order is judged there, too. With
//! `acks=0` no connection knows how far the one before it came: there is no promise.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use kafka_producer::settings::{Acks, Guarantee};

use super::Facts;
use crate::archive::{LogName, Logged};
use crate::ledger::{LaneName, RecordId, Told};

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let settings = &facts.plan.settings;
    let idempotent = !matches!(settings.guarantee, Guarantee::Plain(_));
    let unanswered = settings.guarantee.acks() == Acks::None;
    if unanswered || (!idempotent && settings.max_in_flight > 1) {
        return Ok(());
    }
    for (name, log) in facts.archive.logs() {
        let excused_until = excused_until(facts, name);
        for (lane, sent) in facts.ledger.lanes() {
            if *lane.topic != *name.topic || lane.partition != name.partition {
                continue;
            }
            check_lane(facts, lane, sent, log, excused_until)
                .map_err(|story| format!("{name:?}: {story}"))?;
        }
    }
    Ok(())
}

/// Records that were sent before may change places in a topic that was made anew. Where it is named by
/// its name, that ends when the producer has heard of it.
fn excused_until(facts: &Facts<'_>, log: &LogName) -> Option<Instant> {
    let by_name = !facts.plan.cluster.version_caps.is_empty();
    let birth = facts.archive.birth(log).filter(|_| by_name)?;
    Some(birth + facts.plan.settings.metadata_max_age + facts.plan.recovery())
}

fn check_lane(
    facts: &Facts<'_>,
    lane: &LaneName,
    sent: &[RecordId],
    log: &[Logged],
    excused_until: Option<Instant>,
) -> Result<(), String> {
    let ids: BTreeSet<i64> = log.iter().filter_map(|logged| logged.producer_id).collect();
    let all_count = ids.len() == 1 && !facts.plan.dates_back();
    let rank: BTreeMap<RecordId, usize> = sent.iter().copied().zip(0..).collect();
    let mut seen = BTreeSet::new();
    let mut latest: Option<(usize, RecordId)> = None;
    for logged in log {
        let Some(&rank) = rank.get(&logged.id) else {
            continue;
        };
        let counts = all_count || facts.told.get(&logged.id).is_some_and(Told::is_delivered);
        if !counts || !facts.is_judged(logged.id) || !seen.insert(logged.id) {
            continue;
        }
        if let Some((before, other)) = latest.filter(|(before, _)| *before > rank) {
            let entry = facts.ledger.entry(logged.id);
            if entry.is_some_and(|entry| Some(entry.appended) < excused_until) {
                continue;
            }
            let (id, offset) = (logged.id, logged.offset);
            return Err(format!(
                "record {id}, sent as number {rank} by producer {}, is at {offset}, behind record \
                 {other}, sent as number {before}",
                lane.client
            ));
        }
        latest = Some((rank, logged.id));
    }
    Ok(())
}
