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

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_channel::oneshot;
use kafka_accumulator::{Accumulator, AppendError, Appended, Filled, NewRecord, Reservation};
use kafka_partition::Keyed;
use kafka_serde::{Context, Headers, Role, SerializeError, Serializer};
use kafka_wire::records::{BATCH_HEADER_BYTES, RecordParts, RecordSize};

use crate::clock;
use crate::delivery::Delivery;
use crate::engine::{Cluster, Desk, DeskState, Question, Snapshot, Topic};
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

/// Whether a record is in.
pub(crate) enum Admission {
    /// It is in its batch.
    Accepted(Delivery),
    /// It has to wait, with copies of its bytes.
    Waits(Box<Pending>),
}

/// A record as bytes, on its way to a batch.
pub(crate) struct Serialized<'a> {
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a Headers,
}

/// Why an append has to be repeated.
pub(crate) enum Obstacle {
    /// There is no metadata of the topic.
    NoTopic,
    /// There is no memory for a new batch in this partition.
    NoMemory { partition: i32, bytes: usize },
    /// It is of no use.
    Refused(SendError),
}

/// What a thread keeps between its sends.
struct Desktop {
    /// Where serializers write what they cannot lend.
    key: Vec<u8>,
    value: Vec<u8>,
    /// The latest snapshot it has seen, of whichever producer.
    snapshot: Snapshot,
}

thread_local! {
    static DESKTOP: RefCell<Desktop> = const { RefCell::new(Desktop::new()) };
}

impl Desktop {
    const fn new() -> Self {
        Self {
            key: Vec::new(),
            value: Vec::new(),
            snapshot: Snapshot::none(),
        }
    }
}

impl Intake {
    /// Serializes a record and appends it if it need not wait.
    pub(crate) fn admit<K: ?Sized, V: ?Sized>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        key_serializer: &dyn Serializer<K>,
        value_serializer: &dyn Serializer<V>,
        callback: Option<OutcomeCallback>,
    ) -> Result<Admission, SendError> {
        let serializers = (key_serializer, value_serializer);
        let mut callback = callback;
        let admitted = DESKTOP.try_with(|desktop| {
            let mut desktop = desktop.try_borrow_mut().ok()?;
            Some(self.admit_via(record, serializers, &mut callback, &mut desktop))
        });
        match admitted {
            Ok(Some(admitted)) => admitted,
            // A serializer that sends records itself, or a thread that is ending.
            Ok(None) | Err(_) => {
                self.admit_via(record, serializers, &mut callback, &mut Desktop::new())
            }
        }
    }

    #[inline]
    fn admit_via<K: ?Sized, V: ?Sized>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        (key_serializer, value_serializer): (&dyn Serializer<K>, &dyn Serializer<V>),
        callback: &mut Option<OutcomeCallback>,
        desktop: &mut Desktop,
    ) -> Result<Admission, SendError> {
        let topic = record.topic;
        let headers = &mut record.headers;
        let key = match record.key {
            Some(key) => serialize(
                topic,
                Role::Key,
                key,
                key_serializer,
                headers,
                &mut desktop.key,
            )?,
            None => None,
        };
        let value = match record.value {
            Some(value) => serialize(
                topic,
                Role::Value,
                value,
                value_serializer,
                headers,
                &mut desktop.value,
            )?,
            None => None,
        };
        let timestamp_ms = record.timestamp_ms.unwrap_or_else(clock::now_ms);
        let partition = record.partition;
        let serialized = Serialized {
            partition,
            timestamp_ms,
            key,
            value,
            headers,
        };
        let cluster = self.desk.latest(&mut desktop.snapshot);
        match self.append(cluster, topic, &serialized, None, callback) {
            Ok(delivery) => Ok(Admission::Accepted(delivery)),
            Err(obstacle) => self.wait_because(obstacle, topic, &serialized, callback.take()),
        }
    }

    #[cold]
    fn wait_because(
        &self,
        obstacle: Obstacle,
        topic: &str,
        serialized: &Serialized<'_>,
        callback: Option<OutcomeCallback>,
    ) -> Result<Admission, SendError> {
        let mut pending = Pending::new(topic, serialized, callback);
        match obstacle {
            Obstacle::NoTopic => {}
            Obstacle::NoMemory { partition, bytes } => {
                pending.wait_for(Needs::Memory { partition, bytes })
            }
            Obstacle::Refused(error) => return Err(error),
        }
        Ok(Admission::Waits(Box::new(pending)))
    }

    /// Appends a record to the open batch of its partition. `callback` is taken if that succeeds.
    #[inline]
    pub(crate) fn append(
        &self,
        cluster: &Cluster,
        topic: &str,
        record: &Serialized<'_>,
        reserved: Option<Reservation>,
        callback: &mut Option<OutcomeCallback>,
    ) -> Result<Delivery, Obstacle> {
        let Some(topic) = cluster.topic(topic) else {
            return Err(self.no_topic(topic));
        };
        let partition = self.choose(topic, record)?;
        let Some(queue) = topic.queue(partition) else {
            return Err(Obstacle::Refused(out_of_range(topic, partition)));
        };
        let parts = RecordParts {
            key: record.key,
            value: record.value,
            headers: record.headers.iter(),
        };
        let mut new = NewRecord {
            timestamp_ms: record.timestamp_ms,
            parts,
            callback: callback.take(),
        };
        if let Err(obstacle) = self.check_size(&new.parts) {
            *callback = new.callback;
            return Err(obstacle);
        }
        let appended = self
            .accumulator
            .append(queue, &mut new, reserved, Instant::now);
        match appended {
            Ok(Appended { delivery, filled }) => {
                if filled == Filled::Filled && record.partition.is_none() {
                    self.partitioner.batch_filled(&topic.view(), partition);
                }
                Ok(Delivery::new(delivery, record.timestamp_ms))
            }
            Err(error) => {
                *callback = new.callback;
                Err(self.not_appended(error, partition))
            }
        }
    }

    #[inline]
    fn choose(&self, topic: &Topic, record: &Serialized<'_>) -> Result<i32, Obstacle> {
        match record.partition {
            Some(partition) => Ok(partition),
            None => {
                let keyed = Keyed {
                    key: record.key,
                    value: record.value,
                };
                Ok(self.partitioner.partition(&topic.view(), &keyed))
            }
        }
    }

    /// `max.request.size` bounds a record by the most that it may take alone in a batch, which is
    /// how Kafka's own client measures it.
    #[inline]
    fn check_size<'a, H>(&self, parts: &RecordParts<'a, H>) -> Result<(), Obstacle>
    where
        H: Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    {
        let limit = self.settings.max_request_bytes;
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let most = length(parts.key)
            .saturating_add(length(parts.value))
            .saturating_add(BATCH_HEADER_BYTES + DISTANCES_BYTES_MAX + LENGTHS_BYTES_MAX);
        if most <= limit && parts.headers.clone().next().is_none() {
            return Ok(());
        }
        let exact = parts.size(0, 0).map(RecordSize::body_bytes);
        let bytes = exact.map_or(usize::MAX, |body| {
            BATCH_HEADER_BYTES + DISTANCES_BYTES_MAX - DISTANCES_BYTES_MIN + body
        });
        if bytes <= limit {
            return Ok(());
        }
        let setting = "max.request.size";
        Err(Obstacle::Refused(SendError::RecordTooLarge {
            bytes,
            setting,
            limit,
        }))
    }

    #[cold]
    fn not_appended(&self, error: AppendError, partition: i32) -> Obstacle {
        match error {
            AppendError::NeedsMemory { bytes } => Obstacle::NoMemory { partition, bytes },
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
    fn no_topic(&self, topic: &str) -> Obstacle {
        match self.check_open().and_then(|()| check_name(topic)) {
            Ok(()) => Obstacle::NoTopic,
            Err(error) => Obstacle::Refused(error),
        }
    }

    /// Asks the engine for a topic that is not known.
    pub(crate) fn ask_for(
        &self,
        topic: &str,
    ) -> Result<oneshot::Receiver<Result<(), SendError>>, SendError> {
        self.check_open()?;
        check_name(topic)?;
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        let deadline = since + self.settings.max_block;
        self.desk.ask(Question::Topic {
            name: topic.into(),
            since,
            deadline,
            reply,
        });
        Ok(answer)
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

#[inline]
fn serialize<'a, T: ?Sized>(
    topic: &str,
    role: Role,
    value: &'a T,
    serializer: &dyn Serializer<T>,
    headers: &mut Headers,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<&'a [u8]>, SendError> {
    let mut context = Context::new(topic, role, headers);
    match serializer.serialize(&mut context, value, scratch) {
        Ok(bytes) => Ok(bytes),
        Err(source) => Err(unserializable(topic, role, source)),
    }
}

#[cold]
fn unserializable(topic: &str, role: Role, source: SerializeError) -> SendError {
    SendError::Serialize {
        role,
        topic: topic.into(),
        source: Arc::new(source),
    }
}

#[cold]
fn out_of_range(topic: &Topic, partition: i32) -> SendError {
    let partitions = topic.partitions();
    SendError::PartitionOutOfRange {
        topic: Arc::clone(&topic.name),
        partition,
        partitions,
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
