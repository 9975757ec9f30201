//! What is on its way: never more than `max.in.flight.requests.per.connection` produce requests on
//! a connection, nor as many batches of a partition that have no outcome; no request above
//! `max.request.size`.

use std::collections::BTreeMap;

use kafka_producer::engine::{NodeId, Outgoing, Payload};
use kafka_wire::records::BATCH_HEADER_BYTES;

use crate::world::World;

/// After a request was handed over for this broker.
pub(crate) fn check(world: &World, client: usize, node: NodeId) {
    let client = &world.clients[client];
    let most = client.producer.settings.max_in_flight;
    let mut by_partition: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    for (to, id) in &client.links {
        let Some(link) = world.links.get(id) else {
            continue;
        };
        let produce = link.owed.iter().filter(|owed| !owed.batches.is_empty());
        let requests = produce.clone().count();
        if *to == node && requests > most {
            let story = format!("{requests} produce requests to {node}, allowed are {most}");
            world.ground.broken("the window is kept", story);
        }
        let batches = produce.flat_map(|owed| &owed.batches);
        for batch in batches.filter(|batch| batch.batch_outcome().is_none()) {
            let partition = (&**batch.topic(), batch.partition());
            *by_partition.entry(partition).or_default() += 1;
        }
    }
    for ((topic, partition), batches) in by_partition {
        if batches > most {
            let story = format!("{batches} batches of {topic}-{partition} are on their way");
            world.ground.broken("the window is kept", story);
        }
    }
}

/// Records are measured before they are compressed; a batch that is larger goes alone.
pub(crate) fn check_size(world: &World, client: usize, outgoing: &Outgoing) {
    let Payload::Produce(order) = &outgoing.payload else {
        return;
    };
    let settings = &world.clients[client].producer.settings;
    let sizes: Vec<usize> = order
        .batches()
        .map(|batch| BATCH_HEADER_BYTES + batch.uncompressed_bytes())
        .collect();
    let (count, bytes) = (sizes.len(), sizes.iter().sum::<usize>());
    let alone = settings
        .max_request_bytes
        .max(settings.accumulator.batch_size);
    let limit = match count {
        1 => alone,
        _ => settings.max_request_bytes,
    };
    if bytes > limit + BATCH_HEADER_BYTES * count {
        let story = format!("{count} batches of {bytes} bytes in a request, allowed are {limit}");
        world
            .ground
            .broken("requests are bounded by max.request.size", story);
    }
}
