//! Quotas, as a client meets them: an answer says how long to pause, and the connection is muted for that long
//! (KIP-219), whatever the client makes of it.
//!
//! What comes on a muted connection waits. Whoever reads too much is answered with nothing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use kafka_wire::{
    RequestHeader,
    messages::{FetchRequest, FetchResponse},
};

use super::{
    Answer, Cluster, Quota, QuotaEntity,
    call::{Call, Pause},
    delayed::{BlockedConnection, Delayed},
    ids::Link,
    quotas::{Asked, Client, Quotas},
    sasl::Sasl,
};

impl Cluster {
    /// Limits how many bytes per second clients write and read, from now on; [`Quota::default`] takes the limits
    /// back. Each broker counts for itself, in windows as Apache Kafka has them by default. An answer says how long
    /// its client is to pause, and until then nothing that comes on the connection is handled (KIP-219); a
    /// [fault](super::Effect::Delay) that delays the answer or its connection takes the place of that.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, Quota, QuotaEntity};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// let slow = Quota::default().with_producer_byte_rate(Some(1024));
    /// cluster.set_quota(QuotaEntity::client_id("billing"), slow);
    /// cluster.set_quota(QuotaEntity::client_id("billing"), Quota::default());
    /// assert_eq!(cluster.quotas().count(), 0);
    /// ```
    pub fn set_quota(&mut self, entity: QuotaEntity, quota: Quota) {
        self.quotas.set(entity, quota);
    }

    /// All limits there are, by whom they are for.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).quotas().count(), 0);
    /// ```
    pub fn quotas(&self) -> impl Iterator<Item = (&QuotaEntity, Quota)> {
        self.quotas.limits().iter()
    }

    /// A request is handled now.
    pub(super) fn note_asked(&mut self, link: Link, header: &RequestHeader, body_bytes: usize) {
        if !self.quotas.limits().is_empty() {
            let asked = Asked {
                client_id: header.client_id.clone().unwrap_or_default(),
                bytes: body_bytes,
            };
            self.quotas.asked(link, asked);
        }
    }

    /// What was written is answered now: how long its client is to pause.
    pub(super) fn throttle_produce(&mut self, now: Instant, link: Link) -> Pause {
        let throttle = self.with_client(link, |quotas, client| quotas.produced(now, client));
        self.muted(now, link, throttle)
    }

    /// The answer to a Fetch, or nothing instead, if that would be too much.
    pub(super) fn throttle_fetch(
        &mut self,
        now: Instant,
        call: &Call,
        response: &FetchResponse,
    ) -> Answer {
        let answer = call.answer::<FetchRequest>(response);
        if self.quotas.limits().is_empty() {
            return answer;
        }
        let bytes = bytes_counted(call, &answer);
        let throttle = self.with_client(call.link, |quotas, client| {
            quotas.fetched(now, client, bytes)
        });
        if throttle.is_zero() {
            return answer;
        }
        let pause = self.muted(now, call.link, throttle).throttle_time_ms();
        let told = pause.max(response.throttle_time_ms);
        call.answer::<FetchRequest>(&FetchResponse::default().with_throttle_time_ms(told))
    }

    /// The same request for no more than its client can be given at all.
    pub(super) fn within_quota(&self, call: &Call, request: FetchRequest) -> FetchRequest {
        if self.quotas.limits().is_empty() {
            return request;
        }
        let client = client(self.sasl.as_ref(), call.link);
        let Some(most) = self.quotas.fetch_bytes_max(client) else {
            return request;
        };
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let max_bytes = request.max_bytes.min(most);
        let min_bytes = request.min_bytes.min(max_bytes);
        request.with_max_bytes(max_bytes).with_min_bytes(min_bytes)
    }

    fn with_client(
        &mut self,
        link: Link,
        count: impl FnOnce(&mut Quotas, Client<'_>) -> Duration,
    ) -> Duration {
        match self.quotas.limits().is_empty() {
            true => Duration::ZERO,
            false => count(&mut self.quotas, client(self.sasl.as_ref(), link)),
        }
    }

    /// Handles nothing more on the connection for so long.
    fn muted(&mut self, now: Instant, link: Link, throttle: Duration) -> Pause {
        if !throttle.is_zero() {
            let delayed = Delayed::Muted {
                until: now + throttle,
            };
            let waiting = VecDeque::new();
            let muted = BlockedConnection { delayed, waiting };
            self.blocked.insert(link, muted);
        }
        Pause(throttle)
    }
}

fn client(sasl: Option<&Sasl>, link: Link) -> Client<'_> {
    let user = sasl.and_then(|sasl| sasl.user(link)).unwrap_or(ANONYMOUS);
    Client { link, user }
}

/// The bytes of the answer that Kafka counts: all but its length and the tagged fields of its header.
fn bytes_counted(call: &Call, answer: &Answer) -> usize {
    let left_out = LENGTH_BYTES + usize::from(call.version.flexible);
    match answer {
        Answer::Send(frame) => frame.len().saturating_sub(left_out),
        _ => 0,
    }
}

/// `KafkaPrincipal.ANONYMOUS`.
const ANONYMOUS: &str = "ANONYMOUS";
/// What a frame begins with.
const LENGTH_BYTES: usize = 4;
