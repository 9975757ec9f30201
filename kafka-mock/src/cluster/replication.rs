//! Followers fetch from leaders, in the background.
//!
//! What was appended reaches all followers after a delay, at once if the delay is zero. Delayed
//! requests that wait for the high watermark are checked again when it moves.

use std::time::Instant;

use super::{Cluster, Now, partition::Moved, timers::Due};

impl Cluster {
    /// Something was appended to a partition: followers will fetch it.
    pub(super) fn replicate_appended(&mut self, now: Now, topic: &str, index: i32) {
        let delay = self.random.duration(&self.config.replication_delay);
        let Some(found) = self.topics.get_mut(topic) else {
            return;
        };
        let id = found.id;
        let Some(partition) = found.partition_mut(index) else {
            return;
        };
        let at = partition.send_to_followers(now.instant + delay);
        if at <= now.instant {
            partition.replicate(Some(now.instant), &self.brokers);
        } else {
            let partition = index;
            self.timers.set(
                at,
                Due::Replication {
                    topic: id,
                    partition,
                },
            );
        }
        // Readers wait for records and committed records alike.
        self.recheck_partition(topic, index);
    }

    /// Followers of a partition get what has reached them.
    pub(super) fn check_replication(&mut self, now: Instant, topic: &str, index: i32) {
        let found = self.topics.get_mut(topic);
        let Some(partition) = found.and_then(|topic| topic.partition_mut(index)) else {
            return;
        };
        if partition.replicate(Some(now), &self.brokers) == Moved::Yes {
            self.recheck_partition(topic, index);
        }
    }

    /// Brokers or leaders changed: followers that are there begin to catch up.
    pub(super) fn catch_up(&mut self) {
        let now = self.last_seen;
        let defect = self.config.defect;
        for (id, topic) in self.topics.iter_mut() {
            for (partition, it) in (0..).zip(&mut topic.partitions) {
                if let Some(defect) = defect {
                    it.apply_election_defect(defect);
                }
                if let Some(now) = now.filter(|_| it.lags(&self.brokers)) {
                    let delay = self.random.duration(&self.config.replication_delay);
                    let at = it.send_to_followers(now + delay);
                    if at > now {
                        let topic = id;
                        self.timers.set(at, Due::Replication { topic, partition });
                    }
                }
                it.replicate(now, &self.brokers);
            }
        }
        self.recheck_all();
    }
}
