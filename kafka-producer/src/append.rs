//! Appends a record to its partition's open batch, or says what it has to wait for.
//!
//! ```text
//! bytes ─partition─▶ queue ─append─▶ appended
//!            │ topic unknown  │ no memory
//!            └───────┬────────┘
//!                WaitsFor
//! ```
//!
//! It stands between serialization (`send.rs`) and the accumulator. Per record: a look at the cluster
//! snapshot and one lock (in the accumulator), no allocation. It never waits: that is `pending.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_accumulator::{
    Accumulator, AppendError, Appended, Filled, NewRecord, Queue, Receipt, Reservation,
};
use kafka_partition::{Partitioner, RecordView};
use kafka_serde::{HeaderIter, Headers};
use kafka_wire::records::{BATCH_HEADER_BYTES, RecordParts};

use crate::delivery::{OutcomeCallback, RecordFacts};
use crate::engine::{Cluster, EngineHandle, EngineState, Snapshot, Topic};
use crate::error::{DeliveryError, SendError};
use crate::metrics::MetricsSnapshot;
use crate::reporting::MetricsSource;
use crate::settings::{Guarantee, Settings};

/// Chooses partitions; shared by all threads.
pub(crate) type SharedPartitioner = Arc<dyn Partitioner>;

/// What takes the records of a producer to their batches.
pub(crate) struct RecordAppender {
    settings: Arc<Settings>,
    accumulator: Arc<Accumulator<DeliveryError>>,
    handle: Arc<EngineHandle>,
    partitioner: SharedPartitioner,
}

/// Why a record is not in a batch. It is boxed where it is returned: nearly all records are appended.
///
/// `W` says what it waits for; or is the record that waits, once its bytes have been copied.
pub(crate) enum NotAppended<W = WaitsFor> {
    /// Not yet.
    Waits(W),
    /// It never will be.
    Refused(SendError),
}

impl<W> From<SendError> for Box<NotAppended<W>> {
    #[cold]
    fn from(error: SendError) -> Self {
        Self::new(NotAppended::Refused(error))
    }
}

/// What a record has to wait for before it can be appended.
///
/// ```
/// use kafka_producer::WaitsFor;
///
/// assert_eq!(WaitsFor::Metadata.to_string(), "metadata of its topic");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitsFor {
    /// Metadata of its topic: the partitions are not known, or not the one that the record names.
    Metadata,
    /// Memory: `buffer.memory` is used up, but for what is guaranteed to other brokers, or as much is waiting
    /// to be sent as the connection can take.
    #[non_exhaustive]
    Memory {
        /// The partition that was chosen, which needs a new batch.
        partition: i32,
        /// How much that batch takes.
        bytes: usize,
    },
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata of its topic",
            Self::Memory { .. } => "buffer memory",
        })
    }
}

/// Which partition a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The one that the partitioner chooses.
    Any,
    /// The one that the partitioner chose before the record had to wait: it is asked once.
    Chosen(i32),
    /// The one that the caller has named.
    Named(i32),
    /// That of this number modulo how many there are.
    Number(u32),
}

impl Destination {
    #[inline(always)]
    pub(crate) fn of(named: Option<i32>) -> Self {
        named.map_or(Self::Any, Self::Named)
    }
}

/// A record as bytes, on its way to a batch.
///
/// Whoever hands it to a function that is not inlined hands over a copy: if the compiler sees the address of the
/// original leave, it writes all of it to memory, for each record.
#[derive(Clone, Copy)]
pub(crate) struct SerializedRecord<'a> {
    pub(crate) destination: Destination,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a Headers,
}

impl<'a> SerializedRecord<'a> {
    #[inline(always)]
    fn view(&self) -> RecordView<'a> {
        RecordView::new(self.key, self.value)
    }

    /// What is told of it when it is acknowledged.
    #[inline(always)]
    pub(crate) fn facts(&self) -> RecordFacts {
        RecordFacts::new(self.timestamp_ms, self.key, self.value)
    }

    /// The record as the accumulator takes it.
    #[inline(always)]
    pub(crate) fn for_batch(&self, callback: Option<OutcomeCallback>) -> New<'a> {
        let parts = RecordParts::new(self.key, self.value).with_headers(self.headers.iter());
        let mut new = NewRecord::new(self.timestamp_ms, parts);
        new.callback = callback;
        new
    }
}

/// A record as the accumulator takes it.
pub(crate) type New<'a> = NewRecord<'a, HeaderIter<'a>, DeliveryError>;

type Parts<'a> = RecordParts<'a, HeaderIter<'a>>;

impl RecordAppender {
    pub(crate) fn new(
        settings: Arc<Settings>,
        accumulator: Arc<Accumulator<DeliveryError>>,
        handle: Arc<EngineHandle>,
        partitioner: SharedPartitioner,
    ) -> Self {
        Self {
            settings,
            accumulator,
            handle,
            partitioner,
        }
    }

    pub(crate) fn accumulator(&self) -> &Accumulator<DeliveryError> {
        &self.accumulator
    }

    /// Where records of a partition wait, if it is there.
    pub(crate) fn queue(&self, topic: &str, partition: i32) -> Option<Arc<Queue<DeliveryError>>> {
        let cluster = self.handle.cluster();
        cluster.topic(topic)?.queue(partition).map(Arc::clone)
    }

    /// Where the engine is asked.
    pub(crate) fn handle(&self) -> &EngineHandle {
        &self.handle
    }

    /// What is measured by now.
    pub(crate) fn metrics(&self) -> MetricsSnapshot {
        self.metrics_source().read()
    }

    /// Where it is read, also while no producer is at hand.
    pub(crate) fn metrics_source(&self) -> MetricsSource {
        MetricsSource {
            settings: Arc::clone(&self.settings),
            accumulator: Arc::clone(&self.accumulator),
            handle: Arc::clone(&self.handle),
        }
    }

    /// `max.block.ms`.
    pub(crate) fn max_block(&self) -> Duration {
        self.settings.max_block
    }

    /// `drop.timeout.ms`.
    pub(crate) fn drop_timeout(&self) -> Duration {
        self.settings.drop_timeout
    }

    /// `client.id`.
    pub(crate) fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// Whether records are sent in transactions only.
    #[inline]
    pub(crate) fn is_transactional(&self) -> bool {
        match self.settings.guarantee {
            Guarantee::Transactional(_) => true,
            Guarantee::Plain(_) | Guarantee::Idempotent => false,
        }
    }

    /// The cluster as it is known now, by way of the snapshot that the caller keeps.
    #[inline(always)]
    pub(crate) fn latest_cluster<'a>(&self, kept: &'a mut Snapshot) -> &'a Cluster {
        self.handle.latest(kept)
    }

    /// Appends a record to the open batch of its partition. The callback of `new` is taken if that
    /// succeeds.
    #[inline(always)]
    pub(crate) fn append<R: Receipt<DeliveryError>>(
        &self,
        cluster: &Cluster,
        name: &str,
        record: &SerializedRecord<'_>,
        reserved: Option<Reservation>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>> {
        // First, because a record that waits for its topic is copied.
        self.check_size(&new.parts)?;
        let Some(topic) = cluster.topic(name) else {
            return Err(self.no_topic(name));
        };
        let partition = self.choose(topic, record);
        let Some(queue) = topic.queue(partition) else {
            return Err(self.no_partition(topic, partition, *record));
        };
        match queue.append_short(new) {
            Some(appended) => {
                self.tell_if_filled(topic, partition, record.destination, appended.filled);
                Ok(appended.delivery)
            }
            None => {
                // A copy, for the same reason as that of the record.
                let mut copy = New::new(new.timestamp_ms, new.parts.clone());
                copy.callback = new.callback.take();
                let appended = self.append_any((topic, queue), *record, reserved, &mut copy);
                new.callback = copy.callback;
                appended
            }
        }
    }

    /// The same, out of line: for records that have waited, or are intercepted. One more copy of the way above
    /// in the callers of `send` would keep the compiler from inlining it there.
    #[inline(never)]
    pub(crate) fn append_out_of_line<R: Receipt<DeliveryError>>(
        &self,
        cluster: &Cluster,
        name: &str,
        record: &SerializedRecord<'_>,
        reserved: Option<Reservation>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>> {
        self.append(cluster, name, record, reserved, new)
    }

    /// Appends a record that is long, or needs a new batch or a larger one. Instead of opening a batch in a
    /// partition that has had its share, it may open one elsewhere.
    #[inline(never)]
    fn append_any<R: Receipt<DeliveryError>>(
        &self,
        (topic, queue): (&Topic, &Arc<Queue<DeliveryError>>),
        record: SerializedRecord<'_>,
        reserved: Option<Reservation>,
        new: &mut New<'_>,
    ) -> Result<R, Box<NotAppended>> {
        let moved = self.move_on(topic, queue, &record);
        let queue = moved.and_then(|to| topic.queue(to)).unwrap_or(queue);
        let partition = queue.partition();
        let appended = self
            .accumulator
            .append_any(queue, new, reserved, Instant::now);
        let Appended {
            delivery, filled, ..
        } = appended.map_err(|error| Box::new(self.not_appended(error, partition)))?;
        self.tell_if_filled(topic, partition, record.destination, filled);
        Ok(delivery)
    }

    /// Where a record goes instead of this queue, if it may go anywhere and enough has left here.
    fn move_on(
        &self,
        topic: &Topic,
        queue: &Queue<DeliveryError>,
        record: &SerializedRecord<'_>,
    ) -> Option<i32> {
        let leaves = record.destination == Destination::Any && queue.end_share() == Filled::Filled;
        leaves.then(|| {
            let from = queue.partition();
            self.partitioner
                .move_on(&topic.view(), &record.view(), from)
        })
    }

    /// Tells the partitioner of a batch that is full, if it was its choice.
    #[inline(always)]
    fn tell_if_filled(
        &self,
        topic: &Topic,
        partition: i32,
        destination: Destination,
        filled: Filled,
    ) {
        if filled == Filled::Filled
            && matches!(destination, Destination::Any | Destination::Chosen(_))
        {
            self.partitioner.batch_filled(&topic.view(), partition);
        }
    }

    #[inline]
    fn choose(&self, topic: &Topic, record: &SerializedRecord<'_>) -> i32 {
        match record.destination {
            Destination::Named(partition) | Destination::Chosen(partition) => partition,
            Destination::Any => self.partitioner.partition(&topic.view(), &record.view()),
            // A topic that is known has a partition.
            Destination::Number(number) => (number % topic.partitions().max(1) as u32) as i32,
        }
    }

    /// `max.request.size` bounds a record by the most that it may take alone in a batch, which is
    /// how Kafka's own client measures it.
    #[inline]
    fn check_size(&self, parts: &Parts<'_>) -> Result<(), Box<NotAppended>> {
        let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let most = length(parts.key)
            .saturating_add(length(parts.value))
            .saturating_add(BATCH_HEADER_BYTES + DISTANCES_BYTES_MAX + LENGTHS_BYTES_MAX);
        if most <= self.settings.max_request_bytes && parts.headers.len() == 0 {
            return Ok(());
        }
        self.check_exact_size(parts.clone())
    }

    #[inline(never)]
    fn check_exact_size(&self, parts: Parts<'_>) -> Result<(), Box<NotAppended>> {
        let limit = self.settings.max_request_bytes;
        let body = match parts.size(0, 0) {
            Ok(size) => size.body_bytes(),
            // More than the format can describe is reported as it is, too.
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
        Err(Box::new(NotAppended::Refused(error)))
    }

    #[cold]
    fn not_appended(&self, error: AppendError, partition: i32) -> NotAppended {
        match error {
            AppendError::NeedsMemory { bytes } => {
                NotAppended::Waits(WaitsFor::Memory { partition, bytes })
            }
            // Its partition is gone, or was freed: the next snapshot tells.
            AppendError::Closed if matches!(self.handle.state(), EngineState::Open) => {
                NotAppended::Waits(WaitsFor::Metadata)
            }
            AppendError::TooLarge { bytes, limit } => {
                let setting = "buffer.memory";
                NotAppended::Refused(SendError::RecordTooLarge {
                    bytes,
                    setting,
                    limit,
                })
            }
            _ => NotAppended::Refused(self.why_closed()),
        }
    }

    #[cold]
    fn no_topic(&self, topic: &str) -> Box<NotAppended> {
        Box::new(match self.check_open().and_then(|()| check_name(topic)) {
            Ok(()) => NotAppended::Waits(WaitsFor::Metadata),
            Err(error) => NotAppended::Refused(error),
        })
    }

    /// A partition that a record names may have been added just now; one that a partitioner chooses is
    /// of the same snapshot.
    #[cold]
    fn no_partition(
        &self,
        topic: &Topic,
        partition: i32,
        record: SerializedRecord<'_>,
    ) -> Box<NotAppended> {
        match record.destination {
            Destination::Named(0..) | Destination::Chosen(0..) => self.no_topic(&topic.name),
            _ => Box::new(NotAppended::Refused(SendError::PartitionOutOfRange {
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
        let handle = &self.handle;
        Ok(handle.ask_for_topic(topic.into(), partition, since, deadline))
    }

    fn check_open(&self) -> Result<(), SendError> {
        match self.handle.state() {
            EngineState::Open => Ok(()),
            _ => Err(self.why_closed()),
        }
    }

    /// Why nothing is accepted any more.
    pub(crate) fn why_closed(&self) -> SendError {
        match self.handle.state() {
            EngineState::Failed(fatal) => SendError::Fatal(fatal),
            EngineState::Open | EngineState::Closed => SendError::Closed,
        }
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

impl fmt::Debug for RecordAppender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordAppender")
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
