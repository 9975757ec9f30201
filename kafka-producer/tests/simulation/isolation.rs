//! One broker that does nothing does not stop the others: while it is frozen, and its leaders have
//! not moved, what goes to the others arrives as fast as ever.
//!
//! Looked at after the faults, when everything else is well, and only where memory is ample: a
//! record that waits for the frozen broker keeps its batch.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kafka_mock::cluster::BrokerId;

use crate::producer::{Producer, WhenDecided, Wish};
use crate::world::{Weather, World};

const PROMISE: &str = "one dead broker does not stop the others";

/// A partition to write to.
type Place = (Arc<str>, usize);

impl World {
    /// Freezes a broker and writes to all.
    pub(crate) fn isolate(&mut self) {
        let plan = Rc::clone(&self.plan);
        let settings = &plan.settings;
        let batch = settings.accumulator.batch_size.max(500);
        let producer = Rc::clone(&self.clients[0].producer);
        if settings.accumulator.buffer_memory < batch * 16 || !producer.is_open() {
            return;
        }
        let Some(broker) = self.any_leader() else {
            return;
        };
        let (theirs, others) = self.places_by_leader(broker);
        if others.is_empty() {
            return;
        }
        self.ground
            .trace
            .tell(broker, || "does nothing, and its leaders do not move");
        self.ground.weather.set(Weather::Calm);
        let until = self.now() + settings.delivery_timeout * 3;
        self.ailments.frozen.insert(broker, until);
        let bound = self.usual_time();
        let write = write_to_all(producer, theirs, others, bound);
        self.tasks.spawn(0, write);
        if !self.run_until(until, |world| world.tasks.are_done()) {
            self.ground.broken(PROMISE, "records have no outcome");
        }
        self.run_until(until, |_| false);
    }

    fn any_leader(&self) -> Option<BrokerId> {
        let topic = &self.plan.topics[0].name;
        self.cluster.leader(topic, 0).ok().flatten()
    }

    /// Partitions that a broker leads, and those that others lead, as far as the producer knows them.
    fn places_by_leader(&self, broker: BrokerId) -> (Vec<Place>, Vec<Place>) {
        let mut places = (Vec::new(), Vec::new());
        for topic in &self.plan.topics {
            let snapshot = self.clients[0].producer.handle.cluster();
            let known = snapshot.topic(&topic.name).map(|topic| topic.partitions());
            for partition in 0..known.unwrap_or_default() {
                let place = (Arc::clone(&topic.name), partition as usize);
                match self.cluster.leader(&topic.name, partition) {
                    Ok(Some(leader)) if leader == broker => places.0.push(place),
                    Ok(Some(_)) => places.1.push(place),
                    _ => {}
                }
            }
        }
        places
    }

    /// What a record takes when nothing is wrong, dialing and greeting included.
    fn usual_time(&self) -> Duration {
        let network = self.plan.network.latency_max + self.plan.network.driver_delay_max;
        let replication = *self.plan.cluster.replication_delay.end();
        let linger = self.plan.settings.accumulator.linger;
        network * 20 + replication * 4 + linger * 2 + Duration::from_millis(20)
    }
}

async fn write_to_all(
    producer: Rc<Producer>,
    theirs: Vec<Place>,
    others: Vec<Place>,
    bound: Duration,
) {
    let ground = Rc::clone(&producer.ground);
    let mut waiting = Vec::new();
    for (topic, partition) in theirs.into_iter().take(2) {
        waiting.extend(producer.send(&topic, wish(partition)).await);
    }
    // A connection that went silent in the storm is only noticed when it is used.
    for bound in [None, Some(bound)] {
        for (topic, partition) in &others {
            let Ok(delivery) = producer.send(topic, wish(*partition)).await else {
                return ground.broken(PROMISE, format!("{topic}-{partition} takes no record"));
            };
            let Some(bound) = bound else {
                drop(delivery.await);
                continue;
            };
            match ground.unless_after(bound, delivery).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => ground.broken(PROMISE, error.to_string()),
                None => ground.broken(
                    PROMISE,
                    format!("{topic}-{partition} takes longer than {bound:?}"),
                ),
            }
        }
    }
    for delivery in waiting {
        drop(delivery.await);
    }
}

fn wish(partition: usize) -> Wish {
    Wish {
        partition,
        filler: 10,
        age: Duration::ZERO,
        transaction: None,
        when_decided: WhenDecided::Nothing,
    }
}
