//! What brokers count of clients that have a quota, and how long such a client is throttled.
//!
//! Each broker counts for itself, as in Kafka. What a client asks is kept by its connection, on which one request is
//! handled at a time. While nobody has a quota nothing is kept.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    byte_rate::ByteRate,
    ids::{BrokerId, Link},
    quota::{Direction, Limits, Quota, QuotaEntity, Sharers},
};

/// The limits, and what was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas {
    limits: Limits,
    rates: BTreeMap<(BrokerId, Direction, Sharers), ByteRate>,
    asked: BTreeMap<Link, Asked>,
}

/// The request that is being handled on a connection.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) client_id: String,
    /// Of the request, without its header.
    pub(super) bytes: usize,
}

/// A client, as far as quotas go.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) link: Link,
    pub(super) user: &'a str,
}

impl Quotas {
    pub(super) fn new(limits: Vec<(QuotaEntity, Quota)>) -> Self {
        let mut quotas = Self::default();
        for (entity, quota) in limits {
            quotas.set(entity, quota);
        }
        quotas
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Goes by this from now on; what was counted stays, as long as anybody has a quota.
    pub(super) fn set(&mut self, entity: QuotaEntity, quota: Quota) {
        self.limits.set(entity, quota);
        if self.limits.is_empty() {
            self.rates.clear();
            self.asked.clear();
        }
    }

    /// A request is handled.
    pub(super) fn asked(&mut self, link: Link, asked: Asked) {
        self.asked.insert(link, asked);
    }

    pub(super) fn forget(&mut self, link: Link) {
        self.asked.remove(&link);
    }

    /// The broker has ended, and with it what it has counted.
    pub(super) fn forget_broker(&mut self, broker: BrokerId) {
        self.asked.retain(|link, _| link.broker != broker);
        self.rates.retain(|(of, ..), _| *of != broker);
    }

    /// Counts a Produce request, and returns how long its client is throttled.
    pub(super) fn produced(&mut self, now: Instant, client: Client<'_>) -> Duration {
        let asked = self.asked.get(&client.link);
        let bytes = asked.map_or(0, |asked| asked.bytes);
        self.counted(now, client, Direction::Produce, bytes, Excess::Counts)
    }

    /// Counts the answer to a Fetch, and returns how long its client is throttled; then it is given nothing, and
    /// nothing is counted.
    pub(super) fn fetched(&mut self, now: Instant, client: Client<'_>, bytes: usize) -> Duration {
        self.counted(now, client, Direction::Consume, bytes, Excess::DoesNot)
    }

    /// The most that can be given to a reader at all: what it may read in all whole windows.
    pub(super) fn fetch_bytes_max(&self, client: Client<'_>) -> Option<usize> {
        let (limit, _) = self.limit(client, Direction::Consume)?;
        let seconds = ByteRate::WHOLE_WINDOWS_SECONDS;
        Some(usize::try_from(limit.saturating_mul(seconds)).unwrap_or(usize::MAX))
    }

    fn limit(&self, client: Client<'_>, direction: Direction) -> Option<(u64, Sharers)> {
        let asked = self.asked.get(&client.link)?;
        self.limits.of(direction, client.user, &asked.client_id)
    }

    fn counted(
        &mut self,
        now: Instant,
        client: Client<'_>,
        direction: Direction,
        bytes: usize,
        excess: Excess,
    ) -> Duration {
        let Some((limit, sharers)) = self.limit(client, direction) else {
            return Duration::ZERO;
        };
        let key = (client.link.broker, direction, sharers);
        if !self.rates.contains_key(&key) {
            self.rates.retain(|_, rate| !rate.is_over(now));
        }
        let rate = self.rates.entry(key).or_default();
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        rate.record(now, bytes);
        let throttle = rate.excess(now, limit);
        if excess == Excess::DoesNot && !throttle.is_zero() {
            rate.take_back(bytes);
        }
        throttle
    }
}

/// Whether what was too much counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Excess {
    Counts,
    DoesNot,
}
