//! Faults as data: what is to go wrong, where, and how often.
//!
//! A fault says which requests it is for (broker, API, topic, partition; by default any), how many
//! of them to let pass first, how often to strike, and its effect. Faults are tried in the order
//! they were injected; the first that fits strikes. Killing brokers, moving leaders and the like
//! are methods of the cluster, not faults.

use std::{collections::BTreeMap, time::Duration};

use kafka_wire::{ApiKey, ErrorCode};

use super::ids::BrokerId;

/// Something that goes wrong on purpose.
///
/// ```
/// use kafka_mock::cluster::{Fault, When};
/// use kafka_wire::{ApiKey, ErrorCode};
///
/// // The next two batches for partition 0 of "orders" are refused …
/// Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS).partition("orders", 0).times(2);
/// // … and after the third Produce request is appended, its connection is cut.
/// Fault::disconnect(When::AfterHandling).api(ApiKey::PRODUCE).after(2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    broker: Option<BrokerId>,
    api: Option<ApiKey>,
    topic: Option<String>,
    partition: Option<i32>,
    skip: u32,
    /// None: always.
    left: Option<u32>,
    effect: Effect,
    tag: u32,
}

/// What a fault does.
///
/// ```
/// use kafka_mock::cluster::{Effect, Fault};
/// use kafka_wire::ErrorCode;
///
/// let fault = Fault::refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER);
/// assert_eq!(fault.effect(), Effect::Refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// This is answered instead of doing what was asked: of a partition or topic if the API
    /// answers each of them, else of the request.
    Refuse(ErrorCode),
    /// What was asked is done, but this is answered (as when replication takes too long).
    Misreport(ErrorCode),
    /// The connection is closed without an answer.
    Disconnect(When),
    /// It takes this much longer; what follows on the connection waits.
    Delay(When, Duration),
    /// Nothing is ever answered on the connection again, though it stays open.
    Silence(When),
    /// The answer asks the client to pause this long (`throttle_time_ms`).
    Throttle(Duration),
    /// The answer ends after this many bytes, its length counted, and the connection is closed; a whole answer loses
    /// its last byte at least. Does nothing to a Fetch that has to wait for records.
    Cut(usize),
    /// Metadata is answered with `REBOOTSTRAP_REQUIRED` alone (KIP-1102); does nothing to another
    /// request, nor before version 13.
    Rebootstrap,
}

/// On which side of the handling of a request.
///
/// ```
/// assert_ne!(kafka_mock::cluster::When::BeforeHandling, kafka_mock::cluster::When::AfterHandling);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum When {
    /// As if the request was lost: nothing is appended.
    BeforeHandling,
    /// As if the answer was lost: what was asked is done. Does nothing to a Fetch that has to wait
    /// for records.
    AfterHandling,
}

impl Fault {
    /// A fault with this effect, once, on the next request there is.
    ///
    /// ```
    /// use kafka_mock::cluster::{Effect, Fault, When};
    ///
    /// let _ = Fault::new(Effect::Silence(When::BeforeHandling));
    /// ```
    pub fn new(effect: Effect) -> Self {
        let (broker, api, topic, partition) = (None, None, None, None);
        Self {
            broker,
            api,
            topic,
            partition,
            skip: 0,
            left: Some(1),
            effect,
            tag: 0,
        }
    }

    /// Answers `code` instead of doing what was asked. For Produce, unless another API is named.
    ///
    /// ```
    /// use kafka_mock::cluster::Fault;
    /// use kafka_wire::{ApiKey, ErrorCode};
    ///
    /// let _ = Fault::refuse(ErrorCode::LEADER_NOT_AVAILABLE).api(ApiKey::METADATA).topic("orders");
    /// ```
    pub fn refuse(code: ErrorCode) -> Self {
        Self::new(Effect::Refuse(code)).api(ApiKey::PRODUCE)
    }

    /// Does what was asked and answers `code`. For Produce, unless another API is named.
    ///
    /// ```
    /// use kafka_mock::cluster::Fault;
    /// use kafka_wire::ErrorCode;
    ///
    /// let _ = Fault::misreport(ErrorCode::REQUEST_TIMED_OUT).partition("orders", 3);
    /// ```
    pub fn misreport(code: ErrorCode) -> Self {
        Self::new(Effect::Misreport(code)).api(ApiKey::PRODUCE)
    }

    /// Closes the connection without an answer.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::AfterHandling).topic("orders");
    /// ```
    pub fn disconnect(when: When) -> Self {
        Self::new(Effect::Disconnect(when))
    }

    /// Takes `by` longer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kafka_mock::cluster::{BrokerId, Fault, When};
    ///
    /// let slow = Fault::delay(When::AfterHandling, Duration::from_millis(200));
    /// let _ = slow.broker(BrokerId(2)).always();
    /// ```
    pub fn delay(when: When, by: Duration) -> Self {
        Self::new(Effect::Delay(when, by))
    }

    /// Asks the client to pause for `pause`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kafka_mock::cluster::Fault;
    /// use kafka_wire::ApiKey;
    ///
    /// let _ = Fault::throttle(Duration::from_millis(500)).api(ApiKey::PRODUCE);
    /// ```
    pub fn throttle(pause: Duration) -> Self {
        Self::new(Effect::Throttle(pause))
    }

    /// Cuts the answer off after so many bytes, its length counted, and closes the connection.
    ///
    /// ```
    /// use kafka_mock::cluster::{Effect, Fault};
    /// use kafka_wire::ApiKey;
    ///
    /// assert_eq!(Fault::cut(6).api(ApiKey::FETCH).effect(), Effect::Cut(6));
    /// ```
    pub fn cut(after_bytes: usize) -> Self {
        Self::new(Effect::Cut(after_bytes))
    }

    /// Asks the client to rebootstrap (KIP-1102).
    ///
    /// ```
    /// use kafka_mock::cluster::{Effect, Fault};
    ///
    /// assert_eq!(Fault::rebootstrap().effect(), Effect::Rebootstrap);
    /// ```
    pub fn rebootstrap() -> Self {
        Self::new(Effect::Rebootstrap).api(ApiKey::METADATA)
    }

    /// Counts its strikes under this number; see
    /// [`Cluster::strikes`](super::Cluster::strikes).
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).tagged(7);
    /// ```
    pub fn tagged(self, tag: u32) -> Self {
        Self { tag, ..self }
    }

    /// Only requests to this broker.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).broker(BrokerId(1));
    /// ```
    pub fn broker(self, broker: BrokerId) -> Self {
        Self {
            broker: Some(broker),
            ..self
        }
    }

    /// Only requests of this API.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    /// use kafka_wire::ApiKey;
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).api(ApiKey::INIT_PRODUCER_ID);
    /// ```
    pub fn api(self, api: ApiKey) -> Self {
        Self {
            api: Some(api),
            ..self
        }
    }

    /// Only for this topic.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).topic("orders");
    /// ```
    pub fn topic(self, topic: impl Into<String>) -> Self {
        Self {
            topic: Some(topic.into()),
            ..self
        }
    }

    /// Only for this partition.
    ///
    /// ```
    /// use kafka_mock::cluster::Fault;
    /// use kafka_wire::ErrorCode;
    ///
    /// let _ = Fault::refuse(ErrorCode::KAFKA_STORAGE_ERROR).partition("orders", 0);
    /// ```
    pub fn partition(self, topic: impl Into<String>, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self.topic(topic)
        }
    }

    /// Lets the first `count` requests pass that it is for.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).after(10);
    /// ```
    pub fn after(self, count: u32) -> Self {
        Self {
            skip: count,
            ..self
        }
    }

    /// Strikes `count` times, instead of once.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).times(3);
    /// ```
    pub fn times(self, count: u32) -> Self {
        Self {
            left: Some(count),
            ..self
        }
    }

    /// Strikes until it is cleared.
    ///
    /// ```
    /// use kafka_mock::cluster::{Fault, When};
    ///
    /// let _ = Fault::disconnect(When::BeforeHandling).always();
    /// ```
    pub fn always(self) -> Self {
        Self { left: None, ..self }
    }

    /// What it does.
    ///
    /// ```
    /// use kafka_mock::cluster::{Effect, Fault, When};
    ///
    /// let fault = Fault::disconnect(When::AfterHandling);
    /// assert_eq!(fault.effect(), Effect::Disconnect(When::AfterHandling));
    /// ```
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    fn waits_for(&self, broker: BrokerId, api: ApiKey) -> bool {
        self.broker.is_none_or(|id| id == broker) && self.api.is_none_or(|key| key == api)
    }

    fn names(&self, target: Target<'_>) -> bool {
        let topic = self
            .topic
            .as_deref()
            .is_none_or(|name| target.topic == Some(name));
        topic
            && self
                .partition
                .is_none_or(|index| target.partition == Some(index))
    }

    /// Whether it strikes now, given a request that it is for.
    fn strike(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        true
    }
}

/// A topic or partition that a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) topic: Option<&'a str>,
    pub(super) partition: Option<i32>,
}

/// The faults that are still to strike.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pending: Vec<Fault>,
    /// How often those of each tag have struck.
    strikes: BTreeMap<u32, u64>,
}

/// An error code to answer, and whether to do what was asked nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scripted {
    Refuse(ErrorCode),
    Misreport(ErrorCode),
}

impl Faults {
    pub(super) fn inject(&mut self, fault: Fault) {
        if fault.left != Some(0) {
            self.pending.push(fault);
        }
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn pending(&self) -> &[Fault] {
        &self.pending
    }

    pub(super) fn struck(&self) -> impl Iterator<Item = (u32, u64)> {
        self.strikes.iter().map(|(&tag, &count)| (tag, count))
    }

    pub(super) fn strikes(&self, tag: u32) -> u64 {
        self.strikes.get(&tag).copied().unwrap_or_default()
    }

    /// The effect on a request as a whole, which names these targets, if there is one.
    pub(super) fn on_request(
        &mut self,
        broker: BrokerId,
        api: ApiKey,
        targets: &[Target<'_>],
    ) -> Option<Effect> {
        let effect = self.draw(|fault| {
            !matches!(fault.effect, Effect::Refuse(_) | Effect::Misreport(_))
                && fault.waits_for(broker, api)
                && (fault.topic.is_none() || targets.iter().any(|&target| fault.names(target)))
        });
        effect.map(|fault| fault.effect)
    }

    /// The code to answer about one item of a request, if one is scripted.
    pub(super) fn on_item(
        &mut self,
        broker: BrokerId,
        api: ApiKey,
        target: Target<'_>,
    ) -> Option<Scripted> {
        let fault = self.draw(|fault| {
            matches!(fault.effect, Effect::Refuse(_) | Effect::Misreport(_))
                && fault.waits_for(broker, api)
                && fault.names(target)
        })?;
        match fault.effect {
            Effect::Refuse(code) => Some(Scripted::Refuse(code)),
            Effect::Misreport(code) => Some(Scripted::Misreport(code)),
            _ => None,
        }
    }

    /// The first fault that fits and strikes; it is gone if that was the last time.
    fn draw(&mut self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let struck = self
            .pending
            .iter_mut()
            .position(|fault| fits(fault) && fault.strike())?;
        *self.strikes.entry(self.pending[struck].tag).or_default() += 1;
        if self.pending[struck].left == Some(0) {
            return Some(self.pending.remove(struck));
        }
        Some(self.pending[struck].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: BrokerId = BrokerId(1);
    const CODE: ErrorCode = ErrorCode::NOT_ENOUGH_REPLICAS;

    fn verdicts(fault: Fault, partitions: &[i32]) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.inject(fault);
        let mut strikes = |&partition: &i32| {
            let target = Target {
                topic: Some("t"),
                partition: Some(partition),
            };
            faults.on_item(BROKER, ApiKey::PRODUCE, target).is_some()
        };
        partitions.iter().map(&mut strikes).collect()
    }

    #[test]
    fn a_fault_strikes_once_unless_it_says_otherwise() {
        assert_eq!(verdicts(Fault::refuse(CODE), &[0, 0]), [true, false]);
        assert_eq!(
            verdicts(Fault::refuse(CODE).times(2), &[0, 0, 0]),
            [true, true, false]
        );
        assert_eq!(
            verdicts(Fault::refuse(CODE).always(), &[0, 0, 0]),
            [true, true, true]
        );
        assert_eq!(verdicts(Fault::refuse(CODE).times(0), &[0]), [false]);
    }

    #[test]
    fn a_fault_lets_pass_what_it_is_told_to() {
        assert_eq!(
            verdicts(Fault::refuse(CODE).after(1), &[0, 0, 0]),
            [false, true, false]
        );
    }

    #[test]
    fn a_fault_concerns_only_what_it_names() {
        assert_eq!(
            verdicts(Fault::refuse(CODE).partition("t", 1), &[0, 1, 1]),
            [false, true, false]
        );
        assert_eq!(verdicts(Fault::refuse(CODE).topic("u"), &[0]), [false]);
        assert_eq!(
            verdicts(Fault::refuse(CODE).broker(BrokerId(2)), &[0]),
            [false]
        );
        assert_eq!(
            verdicts(Fault::refuse(CODE).api(ApiKey::FETCH), &[0]),
            [false]
        );
    }

    #[test]
    fn effects_on_requests_and_on_items_do_not_mix() {
        let mut faults = Faults::default();
        faults.inject(Fault::disconnect(When::BeforeHandling).topic("t"));
        let target = Target {
            topic: Some("t"),
            partition: Some(0),
        };
        assert_eq!(faults.on_item(BROKER, ApiKey::PRODUCE, target), None);
        let effect = faults.on_request(BROKER, ApiKey::PRODUCE, &[target]);
        assert_eq!(effect, Some(Effect::Disconnect(When::BeforeHandling)));
        assert!(faults.is_empty());
    }
}
