//! One broker that does nothing does not stop the others: while it is frozen, and its leaders have
//! not moved, what goes to the others arrives as fast as ever, though what goes to the frozen one has
//! taken all the memory that it can get.
//!
//! The bound is [`World::usual_time`], from the call of `send` to the acknowledgement: a record for
//! another broker does not wait for memory at all.
//!
//! Looked at after the faults, when everything else is well, and only where memory is large enough for
//! each broker to be guaranteed two full batches. Runs in which callers have waited for the memory of the
//! frozen broker are counted, and a test demands some.

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
    /// Freezes a broker, writes to it until memory is short, and then to the others.
    pub(crate) fn isolate(&mut self) {
        let plan = Rc::clone(&self.plan);
        let producer = Rc::clone(&self.clients[0].producer);
        if !self.has_memory_for_all() || !producer.is_open() {
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
        let until = self.now() + plan.settings.delivery_timeout * 4;
        self.ailments.frozen.insert(broker, until);
        // A connection that went silent in the storm is only noticed when it is used.
        let usual = write_to_all(Rc::clone(&producer), others.clone(), None);
        self.tasks.spawn(0, usual);
        self.run_until(until, |world| world.tasks.are_done());

        self.tasks.spawn(0, flood(Rc::clone(&producer), theirs));
        let is_short = |world: &mut Self| world.clients[0].producer.accumulator.waiting() > 0;
        let bound = self.now() + FLOOD_TIME;
        let struck = self.run_until(bound, is_short);
        self.counts.floods += u64::from(struck);
        let bound = self.usual_time();
        self.tasks
            .spawn(0, write_to_all(producer, others, Some(bound)));
        if !self.run_until(until, |world| world.tasks.are_done()) {
            self.ground.broken(PROMISE, "records have no outcome");
        }
        self.run_until(until, |_| false);
    }

    /// Whether each broker is guaranteed two full batches.
    fn has_memory_for_all(&self) -> bool {
        let settings = &self.plan.settings.accumulator;
        let batch = settings.batch_size.max(500) + settings.batch_overhead;
        let brokers = usize::from(self.plan.cluster.brokers);
        settings.buffer_memory / 2 / brokers >= 2 * batch
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

/// Writes to a broker that does nothing until a caller has waited for memory.
async fn flood(producer: Rc<Producer>, theirs: Vec<Place>) {
    let since = producer.ground.now();
    for (topic, partition) in theirs.iter().cycle().take(FLOOD_MAX) {
        let sent = producer.send(topic, wish(*partition, FLOOD_BYTES)).await;
        if sent.is_err() || producer.ground.now() > since + FLOOD_TIME {
            return;
        }
    }
}

/// Writes a record to each of these, with a bound for it to be acknowledged or without.
async fn write_to_all(producer: Rc<Producer>, others: Vec<Place>, bound: Option<Duration>) {
    let ground = Rc::clone(&producer.ground);
    for (topic, partition) in &others {
        let written = async {
            let delivery = producer.send(topic, wish(*partition, 10)).await;
            let delivery = delivery.map_err(|error| error.to_string())?;
            delivery.await.map_err(|error| error.to_string())
        };
        let Some(bound) = bound else {
            drop(written.await);
            continue;
        };
        match ground.unless_after(bound, written).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => ground.broken(PROMISE, error),
            None => ground.broken(
                PROMISE,
                format!("{topic}-{partition} takes longer than {bound:?}"),
            ),
        }
    }
}

fn wish(partition: usize, filler: usize) -> Wish {
    Wish {
        partition,
        filler,
        age: Duration::ZERO,
        transaction: None,
        when_decided: WhenDecided::Nothing,
    }
}

/// Of each record for the frozen broker.
const FLOOD_BYTES: usize = 200;
/// More than fit into any memory.
const FLOOD_MAX: usize = 1_000;
/// Enough for all of them, and less than the first of them live.
const FLOOD_TIME: Duration = Duration::from_millis(100);
