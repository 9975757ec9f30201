//! The hot path of `send`: from a record to its place in a batch, or to the reason to wait.
//!
//! ```text
//! record ─serialize─▶ bytes ─partition─▶ queue ─append─▶ Accepted
//!            │                   │ topic unknown   │ no memory
//!            ▼                   └──────┬──────────┘
//!         SendError                  Waits (pending.rs)
//! ```
//!
//! Per record: a look at the cluster snapshot, one lock (in the append), no allocation.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_accumulator::{
    Accumulator, AppendError, Appended, Filled, NewRecord, Queue, Receipt, Reservation,
};
use kafka_partition::Keyed;
use kafka_serde::{Context, HeaderIter, Headers, Role, SerializeError, Serializer};
use kafka_wire::records::{BATCH_HEADER_BYTES, RecordParts};

use crate::clock;
use crate::engine::{Cluster, Desk, DeskState, Snapshot, Topic};
use crate::error::{DeliveryError, SendError};
use crate::pending::{Needs, Pending};
use crate::producer::{OutcomeCallback, SharedPartitioner};
use crate::record::ProducerRecord;
use crate::settings::Settings;

/// What every handle of a producer sends through.
pub(crate) struct Intake {
    pub(crate) settings: Arc<Settings>,
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) partitioner: SharedPartitioner,
}

/// Why a record is not in yet. It is boxed where it is returned: nearly all records are in.
pub(crate) enum Hindrance {
    /// It has to wait, with copies of its bytes.
    Waits(Pending),
    /// It is of no use.
    Refused(SendError),
}

impl From<SendError> for Box<Hindrance> {
    #[cold]
    fn from(error: SendError) -> Self {
        Self::new(Hindrance::Refused(error))
    }
}

/// A record as bytes, on its way to a batch.
pub(crate) struct Serialized<'a> {
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a Headers,
}

impl<'a> Serialized<'a> {
    pub(crate) fn for_batch(&self, callback: Option<OutcomeCallback>) -> New<'a> {
        NewRecord {
            timestamp_ms: self.timestamp_ms,
            parts: RecordParts {
                key: self.key,
                value: self.value,
                headers: self.headers.iter(),
            },
            callback,
        }
    }
}

/// A record as the accumulator takes it.
pub(crate) type New<'a> = NewRecord<'a, HeaderIter<'a>, DeliveryError>;

type Parts<'a> = RecordParts<'a, HeaderIter<'a>>;

/// Why an append has to be repeated.
pub(crate) enum Obstacle {
    /// There is no metadata of the topic, or none yet of the partition that the record names; or what
    /// there was has just been found to be of the past.
    NoTopic,
    /// There is no memory for a new batch in this partition.
    NoMemory { partition: i32, bytes: usize },
    /// It is of no use.
    Refused(SendError),
}

/// What a thread keeps between its sends.
#[derive(Default)]
struct Desktop {
    /// Where serializers write what they cannot lend.
    key: Vec<u8>,
    value: Vec<u8>,
    /// The latest snapshot it has seen, of whichever producer.
    snapshot: Snapshot,
}

thread_local! {
    /// Taken while it is in use: a serializer that sends records itself finds none.
    static DESKTOP: Cell<Option<Box<Desktop>>> = const { Cell::new(None) };
}

impl Desktop {
    /// The thread's own, or a new one, which a thread that is ending gets each time.
    #[inline]
    fn take() -> Box<Self> {
        let kept = DESKTOP.try_with(Cell::take).ok().flatten();
        kept.unwrap_or_default()
    }

    /// Keeps it for the next record, but no more of its scratch than is to be kept.
    #[inline]
    fn put_back(mut self: Box<Self>) {
        if self.key.capacity() > KEPT_SCRATCH_BYTES || self.value.capacity() > KEPT_SCRATCH_BYTES {
            self.shrink();
        }
        let _ = DESKTOP.try_with(|desktop| desktop.set(Some(self)));
    }

    #[cold]
    fn shrink(&mut self) {
        for scratch in [&mut self.key, &mut self.value] {
            if scratch.capacity() > KEPT_SCRATCH_BYTES {
                *scratch = Vec::new();
            }
        }
    }
}

impl Intake {
    /// Serializes a record, which has a time from here on, and appends it if it need not wait.
    #[inline(always)]
    pub(crate) fn admit<R: Receipt<DeliveryError>, K: ?Sized, V: ?Sized>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        key_serializer: &dyn Serializer<K>,
        value_serializer: &dyn Serializer<V>,
        callback: Option<OutcomeCallback>,
    ) -> Result<R, Box<Hindrance>> {
        let mut desktop = Desktop::take();
        let serializers = (key_serializer, value_serializer);
        let admitted = self.admit_via(record, serializers, callback, &mut desktop);
        desktop.put_back();
        admitted
    }

    #[inline(always)]
    fn admit_via<R: Receipt<DeliveryError>, K: ?Sized, V: ?Sized>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        (key_serializer, value_serializer): (&dyn Serializer<K>, &dyn Serializer<V>),
        callback: Option<OutcomeCallback>,
        desktop: &mut Desktop,
    ) -> Result<R, Box<Hindrance>> {
        let topic = record.topic;
        let headers = &mut record.headers;
        let key = match record.key {
            Some(key) => {
                let mut context = Context::new(topic, Role::Key, headers);
                key_serializer
                    .serialize(&mut context, key, &mut desktop.key)
                    .map_err(|source| unserializable(topic, Role::Key, source))?
            }
            None => None,
        };
        let value = match record.value {
            Some(value) => {
                let mut context = Context::new(topic, Role::Value, headers);
                value_serializer
                    .serialize(&mut context, value, &mut desktop.value)
                    .map_err(|source| unserializable(topic, Role::Value, source))?
            }
            None => None,
        };
        let timestamp_ms = *record.timestamp_ms.get_or_insert_with(clock::now_ms);
        if timestamp_ms < 0 {
            return Err(invalid_timestamp(topic, timestamp_ms).into());
        }
        let serialized = Serialized {
            partition: record.partition,
            timestamp_ms,
            key,
            value,
            headers,
        };
        let cluster = self.desk.latest(&mut desktop.snapshot);
        self.place(cluster, topic, &serialized, callback)
    }

    /// Puts the record into its batch, or says why it has to wait.
    #[inline(always)]
    fn place<R: Receipt<DeliveryError>>(
        &self,
        cluster: &Cluster,
        name: &str,
        record: &Serialized<'_>,
        callback: Option<OutcomeCallback>,
    ) -> Result<R, Box<Hindrance>> {
        let mut new = record.for_batch(callback);
        match self.append(cluster, name, record, None, &mut new) {
            Ok(receipt) => Ok(receipt),
            Err(obstacle) => Err(self.wait_because(*obstacle, name, record, new.callback.take())),
        }
    }

    #[cold]
    fn wait_because(
        &self,
        obstacle: Obstacle,
        topic: &str,
        serialized: &Serialized<'_>,
        callback: Option<OutcomeCallback>,
    ) -> Box<Hindrance> {
        if let Some(partition @ ..0) = serialized.partition {
            // Whatever the obstacle: this one stays.
            let topic = topic.into();
            return SendError::InvalidPartition { topic, partition }.into();
        }
        let needs = match obstacle {
            Obstacle::NoTopic => Needs::Topic,
            Obstacle::NoMemory { partition, bytes } => Needs::Memory { partition, bytes },
            Obstacle::Refused(error) => return error.into(),
        };
        let pending = Pending::new(topic, serialized, callback, needs);
        Box::new(Hindrance::Waits(pending))
    }

    /// Appends a record to the open batch of its partition. The callback of `new` is taken if that
    /// succeeds.
    #[inline(always)]
    pub(crate) fn append<R: Receipt<DeliveryError>>(
        &self,
        cluster: &Cluster,
        name: &str,
        record: &Serialized<'_>,
        reserved: Option<Reservation>,
        new: &mut New<'_>,
    ) -> Result<R, Box<Obstacle>> {
        // First, because who waits for its topic is copied.
        self.check_size(&new.parts)?;
        let Some(topic) = cluster.topic(name) else {
            return Err(self.no_topic(name));
        };
        let partition = self.choose(topic, record);
        let Some(queue) = topic.queue(partition) else {
            return Err(self.no_partition(topic, partition, record));
        };
        let appended = match queue.append_short(new) {
            Some(appended) => appended,
            None => self.append_somewhere(queue, reserved, new)?,
        };
        if appended.filled == Filled::Filled && record.partition.is_none() {
            self.partitioner.batch_filled(&topic.view(), partition);
        }
        Ok(appended.delivery)
    }

    #[inline(never)]
    fn append_somewhere<R: Receipt<DeliveryError>>(
        &self,
        queue: &Arc<Queue<DeliveryError>>,
        reserved: Option<Reservation>,
        new: &mut New<'_>,
    ) -> Result<Appended<R>, Box<Obstacle>> {
        let appended = self
            .accumulator
            .append_slowly(queue, new, reserved, Instant::now)
            .map_err(|error| Box::new(self.not_appended(error, queue.partition())))?;
        let Appended { delivery, filled } = appended;
        let delivery = R::of(delivery.completion(), delivery.index());
        Ok(Appended { delivery, filled })
    }

    #[inline]
    fn choose(&self, topic: &Topic, record: &Serialized<'_>) -> i32 {
        match record.partition {
            Some(partition) => partition,
            None => {
                let keyed = Keyed {
                    key: record.key,
                    value: record.value,
                };
                self.partitioner.partition(&topic.view(), &keyed)
            }
        }
    }

    /// `max.request.size` bounds a record by the most that it may take alone in a batch, which is
    /// how Kafka's own client measures it.
    #[inline]
    fn check_size(&self, parts: &Parts<'_>) -> Result<(), Box<Obstacle>> {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let most = length(parts.key)
            .saturating_add(length(parts.value))
            .saturating_add(BATCH_HEADER_BYTES + DISTANCES_BYTES_MAX + LENGTHS_BYTES_MAX);
        if most <= self.settings.max_request_bytes && parts.headers.len() == 0 {
            return Ok(());
        }
        self.check_exact_size(parts)
    }

    #[inline(never)]
    fn check_exact_size(&self, parts: &Parts<'_>) -> Result<(), Box<Obstacle>> {
        let limit = self.settings.max_request_bytes;
        let body = match parts.size(0, 0) {
            Ok(size) => size.body_bytes(),
            // More than the format can describe is told as it is, too.
            Err(too_large) => usize::try_from(too_large.bytes).unwrap_or(usize::MAX),
        };
        let overhead = BATCH_HEADER_BYTES + DISTANCES_BYTES_MAX - DISTANCES_BYTES_MIN;
        let bytes = body.saturating_add(overhead);
        if bytes <= limit {
            return Ok(());
        }
        let setting = "max.request.size";
        let error = SendError::RecordTooLarge {
            bytes,
            setting,
            limit,
        };
        Err(Box::new(Obstacle::Refused(error)))
    }

    #[cold]
    fn not_appended(&self, error: AppendError, partition: i32) -> Obstacle {
        match error {
            AppendError::NeedsMemory { bytes } => Obstacle::NoMemory { partition, bytes },
            // Its partition is gone, or was forgotten: the next snapshot tells.
            AppendError::Closed if matches!(self.desk.state(), DeskState::Open) => {
                Obstacle::NoTopic
            }
            AppendError::TooLarge { bytes, limit } => {
                let setting = "buffer.memory";
                Obstacle::Refused(SendError::RecordTooLarge {
                    bytes,
                    setting,
                    limit,
                })
            }
            _ => Obstacle::Refused(self.refusal()),
        }
    }

    #[cold]
    fn no_topic(&self, topic: &str) -> Box<Obstacle> {
        Box::new(match self.check_open().and_then(|()| check_name(topic)) {
            Ok(()) => Obstacle::NoTopic,
            Err(error) => Obstacle::Refused(error),
        })
    }

    /// A partition that a record names may have been added just now; what a partitioner chooses is
    /// of the same snapshot.
    #[cold]
    fn no_partition(
        &self,
        topic: &Topic,
        partition: i32,
        record: &Serialized<'_>,
    ) -> Box<Obstacle> {
        match record.partition {
            Some(0..) => self.no_topic(&topic.name),
            Some(_) | None => Box::new(Obstacle::Refused(SendError::PartitionOutOfRange {
                topic: Arc::clone(&topic.name),
                partition,
                partitions: topic.partitions(),
                waited: Duration::ZERO,
                last: None,
            })),
        }
    }

    /// Asks the engine for a topic, or for one partition of it, that is not known.
    pub(crate) fn ask_for(
        &self,
        topic: &str,
        partition: Option<i32>,
    ) -> Result<oneshot::Receiver<Result<(), SendError>>, SendError> {
        self.check_open()?;
        check_name(topic)?;
        let since = Instant::now();
        let deadline = since + self.settings.max_block;
        let desk = &self.desk;
        Ok(desk.ask_for_topic(topic.into(), partition, since, deadline))
    }

    pub(crate) fn check_open(&self) -> Result<(), SendError> {
        match self.desk.state() {
            DeskState::Open => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    pub(crate) fn refusal(&self) -> SendError {
        match self.desk.state() {
            DeskState::Failed(fatal) => SendError::Fatal(fatal),
            DeskState::Open | DeskState::Closed => SendError::Closed,
        }
    }
}

#[cold]
fn unserializable(topic: &str, role: Role, error: SerializeError) -> SendError {
    let (topic, reason) = (topic.into(), Arc::new(error));
    SendError::Serialize {
        role,
        topic,
        reason,
    }
}

#[cold]
fn invalid_timestamp(topic: &str, timestamp_ms: i64) -> SendError {
    let topic = topic.into();
    SendError::InvalidTimestamp {
        topic,
        timestamp_ms,
    }
}

/// The rule of Kafka's `Topic.validate`.
fn check_name(topic: &str) -> Result<(), SendError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = match topic {
        "" => "it is empty",
        "." | ".." => "\".\" and \"..\" are not allowed",
        _ if topic.len() > MAX_NAME_BYTES => "it is longer than 249 characters",
        _ if !topic.chars().all(legal) => {
            "only ASCII letters, digits, '.', '_' and '-' are allowed"
        }
        _ => return Ok(()),
    };
    Err(SendError::InvalidTopic {
        topic: topic.to_owned(),
        reason,
    })
}

/// A record's own length, its attributes, and its distances in time and offset, at their longest
/// (`DefaultRecord.MAX_RECORD_OVERHEAD`).
const DISTANCES_BYTES_MAX: usize = 21;
/// What a first record takes for attributes and distances.
const DISTANCES_BYTES_MIN: usize = 3;
/// The lengths of key and value and the number of headers, at their longest.
const LENGTHS_BYTES_MAX: usize = 15;
/// What a thread keeps of each of its two scratches: what the largest record takes by default
/// (`max.request.size`), so that only who sends larger ones allocates for each of them.
const KEPT_SCRATCH_BYTES: usize = 1 << 20;
/// From Kafka's `Topic.MAX_NAME_LENGTH`.
const MAX_NAME_BYTES: usize = 249;

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake")
            .field("client_id", &self.settings.client_id)
            .field("accumulator", &self.accumulator)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_judged_as_kafka_judges_them() {
        for good in ["a", "orders", "a.b_c-1", &"x".repeat(249)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "é", &"x".repeat(250)] {
            let error = check_name(bad).unwrap_err();
            assert!(error.to_string().contains("invalid topic name"), "{error}");
        }
    }
}
