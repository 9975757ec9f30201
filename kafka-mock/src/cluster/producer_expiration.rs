//! Brokers forget producers that have not written for long.
//!
//! As in Kafka's `ProducerStateManager`: every `producer.id.expiration.check.interval.ms` each
//! partition drops the producers whose last batch has a largest *timestamp* that is
//! `producer.id.expiration.ms` old by the broker's clock. So a producer that writes records of
//! the day before is forgotten while it writes. A producer with an open transaction is kept.
//!
//! No timer is set for it: it is done when the cluster is next called.

use super::{Cluster, Now};

impl Cluster {
    /// Every partition forgets the producers that are too old by now, if it is time to look.
    pub(super) fn expire_producers(&mut self, now: Now) {
        if self.next_expiry.is_some_and(|due| now.instant < due) {
            return;
        }
        let interval = self.config.producer_id_expiration_check;
        self.next_expiry = now.instant.checked_add(interval);
        let age_ms = i64::try_from(self.config.producer_id_expiration.as_millis());
        let latest_ms = now.wall_ms.saturating_sub(age_ms.unwrap_or(i64::MAX));
        for partition in self.topics.partitions_mut() {
            partition.forget_producers_until(latest_ms);
        }
    }
}
