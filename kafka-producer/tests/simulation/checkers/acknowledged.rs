//! A record that was acknowledged is in the log of its partition, at the offset that was told.
//!
//! With `acks=0` nothing was promised, and with `acks=1` nothing that outlives a leader: it
//! is checked where a partition had the same leader all the time. Without an offset (a duplicate that the broker
//! no longer knows the offset of) it is somewhere in the log.

use kafka_producer::settings::Acks;

use super::Facts;
use crate::ledger::Told;

pub(crate) fn check(facts: &Facts<'_>) -> Result<(), String> {
    let acks = facts.plan.settings.guarantee.acks();
    if acks == Acks::None {
        return Ok(());
    }
    let judged = facts.told.iter().filter(|(id, _)| facts.is_judged(**id));
    for (id, told) in judged {
        let Told::Delivered(delivered) = told else {
            continue;
        };
        let Some(entry) = facts.ledger.entry(*id) else {
            continue;
        };
        let lane = &entry.lane;
        if acks == Acks::Leader && !facts.archive.stayed(&lane.topic, lane.partition) {
            continue;
        }
        let there = facts.places(*id).iter().any(|(name, logged)| {
            *name.topic == *lane.topic
                && name.partition == lane.partition
                && (delivered.offset < 0 || delivered.offset == logged.offset)
        });
        if !there {
            let (topic, partition) = (&lane.topic, lane.partition);
            let places = facts.places(*id);
            return Err(format!(
                "record {id} was acknowledged in {topic}-{partition} at {}; it is at {places:?}",
                delivered.offset
            ));
        }
    }
    Ok(())
}
