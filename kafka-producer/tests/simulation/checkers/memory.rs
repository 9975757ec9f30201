//! The memory of batches never exceeds `buffer.memory`, and none is held when everything is over.

use crate::world::World;

const PROMISE: &str = "memory is bounded by buffer.memory, and given back";

/// At every moment.
pub(crate) fn watch(world: &World) {
    for client in &world.clients {
        let accumulator = &client.producer.accumulator;
        let (used, total) = (accumulator.memory_in_use(), accumulator.memory_total());
        if used > total {
            let story = format!("{used} bytes of {total} are in use");
            world.ground.broken(PROMISE, story);
        }
    }
}

/// After the end of every producer, when nothing is on its way any more.
pub(crate) fn check_returned(world: &World) {
    for client in world.clients.iter().filter(|it| !it.is_killed()) {
        let used = client.producer.accumulator.memory_in_use();
        if used > 0 {
            let story = format!(
                "{used} bytes are in use after the end of {}",
                client.producer
            );
            world.ground.broken(PROMISE, story);
        }
        let waiting = client.producer.accumulator.waiting();
        if waiting > 0 {
            let story = format!("{waiting} callers wait for memory after the end");
            world.ground.broken(PROMISE, story);
        }
    }
}
