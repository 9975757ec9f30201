//! Every record has an outcome within `delivery.timeout.ms`, counted from its append, whatever
//! happens. A process that stands still says it as soon as it goes on.

use crate::producer::LATENESS;
use crate::world::World;

/// Looks at the oldest record without an outcome.
pub(crate) fn watch(world: &World) {
    let mut ledger = world.ground.ledger.borrow_mut();
    let Some((id, entry)) = ledger.first_undecided() else {
        return;
    };
    let client = &world.clients[entry.lane.client];
    let limit = client.producer.settings.delivery_timeout;
    let now = world.now();
    let age = now.saturating_duration_since(entry.appended);
    if age <= limit + LATENESS || client.stood_still_lately(now) {
        return;
    }
    let story = format!("record {id} has no outcome after {age:?}, allowed are {limit:?}");
    drop(ledger);
    world
        .ground
        .broken("every record ends within delivery.timeout.ms", story);
}
