//! Topics that grow, and that are deleted and made anew.

use super::{Relief, Spared, ms};
use crate::world::{Event, World};

impl World {
    /// New partitions have replicas on brokers that are alive.
    pub(super) fn grow_topic(&mut self) -> Result<(), Spared> {
        if !self.all_are_there() {
            return Err(Spared::NotAllBrokersThere);
        }
        let (topic, _) = self.any_partition()?;
        let partitions = self.cluster.partitions(&topic).unwrap_or_default();
        let more = partitions + self.random.i32(1..=2);
        self.ground
            .trace
            .tell("cluster", || format!("{topic} has {more} partitions now"));
        let grown = self.cluster.grow_topic(&topic, more);
        grown.expect("it is there, and grows");
        Ok(())
    }

    pub(super) fn delete_topic(&mut self) -> Result<(), Spared> {
        if !self.plan.has_topic_ids() {
            return Err(Spared::WrongVersions);
        }
        let place = self.random.usize(..self.plan.topics.len());
        let topic = self.plan.topics[place].name.to_string();
        let partitions = self.cluster.partitions(&topic).ok_or(Spared::NoTopic)?;
        self.ground
            .trace
            .tell("cluster", || format!("{topic} is deleted"));
        self.archive.bury(&self.cluster, &topic);
        let known = self.cluster.delete_topic(&topic);
        known.expect("it was there just now");
        self.ailments.deleted.insert(place, partitions);
        let again = self.now() + self.some_time(ms(0), ms(1_500));
        self.agenda
            .push(again, Event::Relief(Relief::CreateTopic(place)));
        Ok(())
    }

    pub(super) fn create_topic(&mut self, place: usize) {
        let Some(&before) = self.ailments.deleted.get(&place) else {
            return;
        };
        let planned = &self.plan.topics[place];
        let partitions = 1.max(before + self.random.i32(-2..=2));
        let mut config = self
            .plan
            .cluster
            .topic(partitions)
            .with_max_message_bytes(planned.max_message_bytes);
        let alive = usize::from(self.plan.cluster.brokers) - self.ailments.dead.len();
        config.replication_factor = config.replication_factor.min(alive as i16);
        if alive == 0 || self.cluster.create_topic(&planned.name, config).is_err() {
            // Too few brokers are there for it.
            let again = self.now() + ms(50);
            self.agenda
                .push(again, Event::Relief(Relief::CreateTopic(place)));
        } else {
            self.ailments.deleted.remove(&place);
            self.archive.born(&planned.name, self.now());
            self.ground.trace.tell("cluster", || {
                format!("{} is created, with {partitions} partitions", planned.name)
            });
        }
    }
}
