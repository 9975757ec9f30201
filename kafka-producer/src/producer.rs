//! The way in, readable on two screens: serialize, choose a partition, append.
//!
//! In the steady state `send` awaits nothing, locks the partition it writes to and nothing else,
//! and allocates nothing. It waits only for a topic that is not known yet and for memory, at most
//! `max.block.ms` together; that road is in `pending.rs`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_accumulator::Receipt;
use kafka_partition::Partitioner;
use kafka_serde::Serializer;

use crate::clock;
use crate::delivery::{Delivery, metadata};
use crate::engine::{CloseReport, Question};
use crate::error::{DeliveryError, InCallback, SendError};
use crate::intake::{Hindrance, Intake};
use crate::own_thread;
use crate::record::{ProducerRecord, RecordMetadata};
use crate::settings::Guarantee;

/// Sends records to Kafka. Cheap to clone; all clones are one producer.
///
/// Everything behind it runs on one thread of its own, so a producer works under any async runtime
/// and under none ([`blocking`](crate::blocking)). When the last handle is dropped, what was
/// accepted is still sent in the background, each record until its `delivery.timeout.ms`, and an open
/// transaction is aborted, for which its coordinator is looked for no longer than
/// `transaction.timeout.ms` after that; a program that ends before should [`close`](Self::close).
///
/// ```no_run
/// use kafka_producer::{Acks, Producer, ProducerRecord};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let producer: Producer<str, str> = Producer::builder()
///     .bootstrap_servers(["localhost:9092"])
///     .acks(Acks::All)
///     .build()?;
/// let delivery = producer.send(ProducerRecord::new("orders", "hello").key("k")).await?;
/// let metadata = delivery.await?;
/// println!("{}-{} at {:?}", metadata.topic, metadata.partition, metadata.offset);
/// # Ok(())
/// # }
/// ```
pub struct Producer<K: ?Sized, V: ?Sized> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K: ?Sized, V: ?Sized> {
    intake: Intake,
    /// Whether a transaction is held.
    transaction_open: AtomicBool,
    key_serializer: Arc<dyn Serializer<K>>,
    value_serializer: Arc<dyn Serializer<V>>,
}

/// Why [`Producer::try_send`] did not accept a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrySendError<'a, K: ?Sized, V: ?Sized> {
    /// It would have to wait: for metadata of its topic (asked for by this very call) or for
    /// memory. Here it is again.
    #[error("the record would have to wait for {}", .1)]
    WouldWait(ProducerRecord<'a, K, V>, WaitsFor),
    /// It can never be accepted.
    #[error(transparent)]
    Refused(SendError),
}

/// What a record would have to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitsFor {
    /// The partitions of its topic are not known yet.
    Metadata,
    /// `buffer.memory` is used up.
    Memory,
}

impl std::fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata of its topic",
            Self::Memory => "buffer memory",
        })
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    pub(crate) fn new(
        intake: Intake,
        key_serializer: Arc<dyn Serializer<K>>,
        value_serializer: Arc<dyn Serializer<V>>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                intake,
                transaction_open: AtomicBool::new(false),
                key_serializer,
                value_serializer,
            }),
        }
    }

    /// Accepts a record: when this returns, it is in its batch and will end exactly once.
    ///
    /// Waits for the topic's metadata and for memory, at most `max.block.ms`; else it does not
    /// wait. Records of one task go to their partition in the order of the calls.
    ///
    /// Cancel safe: dropped before it is ready, the record was not accepted.
    ///
    /// # Errors
    /// See [`SendError`]; the record was not accepted, and nothing else is lost.
    pub async fn send(&self, record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.outside_of_transactions()?;
        self.send_anyway(record).await
    }

    pub(crate) async fn send_anyway(
        &self,
        mut record: ProducerRecord<'_, K, V>,
    ) -> Result<Delivery, SendError> {
        match self.admit(&mut record) {
            Ok(delivery) => Ok(delivery),
            Err(hindrance) => self.overcome(hindrance).await,
        }
    }

    /// Like [`send`](Self::send), but nobody will ask what becomes of the record (fire and forget):
    /// that spares what a [`Delivery`] costs, about a sixth of all that is done for a small record.
    ///
    /// Nothing else is different: the record is retried, ordered and counted as any other, and if
    /// it fails in a transaction, that cannot be committed.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord, SendError};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), SendError> {
    /// producer.send_and_forget(ProducerRecord::new("clicks", "hello")).await
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_and_forget(&self, record: ProducerRecord<'_, K, V>) -> Result<(), SendError> {
        self.outside_of_transactions()?;
        self.send_anyway_and_forget(record).await
    }

    pub(crate) async fn send_anyway_and_forget(
        &self,
        mut record: ProducerRecord<'_, K, V>,
    ) -> Result<(), SendError> {
        match self.admit_to_forget(&mut record) {
            Ok(()) => Ok(()),
            Err(hindrance) => self.overcome(hindrance).await.map(drop),
        }
    }

    /// Like [`send`](Self::send); `callback` is told the outcome.
    ///
    /// Callbacks of a partition run in the order of its acknowledgements, on the producer's own
    /// thread and under no lock: they must not block, and they may send. Calls that wait for a producer
    /// are refused there ([`InCallback`]). If `send_with` itself fails, the callback
    /// is dropped.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord, SendError};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), SendError> {
    /// producer
    ///     .send_with(ProducerRecord::new("orders", "hello"), |outcome| match outcome {
    ///         Ok(metadata) => println!("at {:?}", metadata.offset),
    ///         Err(error) => eprintln!("{error}"),
    ///     })
    ///     .await
    /// # }
    /// ```
    pub async fn send_with(
        &self,
        record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        self.outside_of_transactions()?;
        self.send_anyway_with(record, callback).await
    }

    pub(crate) async fn send_anyway_with(
        &self,
        mut record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        match self.admit_to_tell(&mut record, callback) {
            Ok(()) => Ok(()),
            Err(hindrance) => self.overcome(hindrance).await.map(drop),
        }
    }

    /// Waits for what hinders a record.
    pub(crate) async fn overcome(&self, hindrance: Box<Hindrance>) -> Result<Delivery, SendError> {
        match *hindrance {
            Hindrance::Waits(pending) => {
                own_thread::may_await("send")?;
                pending.complete(&self.inner.intake).await
            }
            Hindrance::Refused(error) => Err(error),
        }
    }

    /// Like [`send`](Self::send), but never waits: the record comes back instead.
    ///
    /// # Errors
    /// [`TrySendError::WouldWait`] hands the record back, without headers its serializers added.
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.outside_of_transactions()
            .map_err(TrySendError::Refused)?;
        self.try_send_anyway(record)
    }

    pub(crate) fn try_send_anyway<'a>(
        &self,
        mut record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        let headers = record.headers.len();
        let timestamp_ms = record.timestamp_ms;
        let hindrance = match self.admit(&mut record) {
            Ok(delivery) => return Ok(delivery),
            Err(hindrance) => *hindrance,
        };
        match hindrance {
            Hindrance::Waits(pending) => match pending.try_complete(&self.inner.intake) {
                Ok(delivery) => Ok(delivery),
                Err(waits_for) => {
                    record.headers = record.headers.into_iter().take(headers).collect();
                    record.timestamp_ms = timestamp_ms;
                    Err(TrySendError::WouldWait(record, waits_for))
                }
            },
            Hindrance::Refused(error) => Err(TrySendError::Refused(error)),
        }
    }

    /// Sends everything that was accepted before this call, without lingering, and waits until all
    /// of it has an outcome, at most `delivery.timeout.ms`. The outcomes are told to the deliveries
    /// and callbacks.
    ///
    /// Cancel safe: dropped, it has hurried the records all the same.
    ///
    /// # Errors
    /// Only in a callback, which must not wait: [`InCallback`], and nothing is hurried.
    pub async fn flush(&self) -> Result<(), InCallback> {
        own_thread::may_await("flush")?;
        let (reply, undecided) = oneshot::channel();
        self.inner.intake.desk.ask(Question::Flush { reply });
        for completion in undecided.await.unwrap_or_default() {
            completion.settled().await;
        }
        Ok(())
    }

    /// Accepts nothing more, sends everything, and ends: what has no outcome after `timeout` is
    /// given up with [`Cause::Closed`](crate::error::Cause::Closed). An open transaction is aborted;
    /// one that is being committed goes on.
    ///
    /// Cancel safe: dropped, closing goes on. Closing twice is allowed.
    ///
    /// # Errors
    /// Only in a callback, which must not wait: [`InCallback`], and nothing is closed.
    pub async fn close(&self, timeout: Duration) -> Result<CloseReport, InCallback> {
        own_thread::may_await("close")?;
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now().checked_add(timeout);
        self.inner
            .intake
            .desk
            .ask(Question::Close { deadline, reply });
        Ok(report.await.unwrap_or_default())
    }

    /// Waits until all of `topics` can be written to, so that the first records do not have to.
    ///
    /// # Errors
    /// As for a [`send`](Self::send) to the first of them that fails.
    pub async fn ready<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SendError> {
        own_thread::may_await("ready")?;
        let waits: Vec<_> = topics
            .into_iter()
            .map(|topic| self.inner.intake.ask_for(topic, None))
            .collect();
        for wait in waits {
            let answer = wait?.await;
            answer.unwrap_or_else(|_| Err(self.inner.intake.refusal()))?;
        }
        Ok(())
    }

    /// How many partitions a topic has; asks the cluster if it is not known.
    ///
    /// # Errors
    /// As for a [`send`](Self::send) to it.
    pub async fn partitions_for(&self, topic: &str) -> Result<i32, SendError> {
        loop {
            if let Some(topic) = self.inner.intake.desk.cluster().topic(topic) {
                return Ok(topic.partitions());
            }
            self.ready([topic]).await?;
        }
    }

    /// Bytes of `buffer.memory` in use.
    pub fn memory_in_use(&self) -> usize {
        self.inner.intake.accumulator.memory_in_use()
    }

    // By reference: a record that is handed on by value is copied at each step.
    #[inline(always)]
    pub(crate) fn admit(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
    ) -> Result<Delivery, Box<Hindrance>> {
        let inner = self.admit_with(record, None)?;
        Ok(Delivery::new(
            inner,
            record.timestamp_ms.unwrap_or_default(),
        ))
    }

    #[inline(always)]
    pub(crate) fn admit_to_forget(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
    ) -> Result<(), Box<Hindrance>> {
        self.admit_with(record, None)
    }

    #[inline(always)]
    pub(crate) fn admit_to_tell(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), Box<Hindrance>> {
        let timestamp_ms = *record.timestamp_ms.get_or_insert_with(clock::now_ms);
        let callback: OutcomeCallback = Box::new(move |completion, outcome| {
            let _in_callback = own_thread::enter_callback();
            callback(outcome.map(|delivered| metadata(completion, delivered, timestamp_ms)));
        });
        self.admit_with(record, Some(callback))
    }

    /// Within a transaction or not; the record has a time from here on.
    #[inline(always)]
    fn admit_with<R: Receipt<DeliveryError>>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        callback: Option<OutcomeCallback>,
    ) -> Result<R, Box<Hindrance>> {
        self.inner.intake.admit(
            record,
            &*self.inner.key_serializer,
            &*self.inner.value_serializer,
            callback,
        )
    }

    /// A transactional producer sends through its transactions.
    #[inline]
    pub(crate) fn outside_of_transactions(&self) -> Result<(), SendError> {
        match self.inner.intake.settings.guarantee {
            Guarantee::Transactional(_) => Err(SendError::NoTransaction),
            Guarantee::Plain(_) | Guarantee::Idempotent => Ok(()),
        }
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.inner.intake
    }

    pub(crate) fn transaction_open(&self) -> &AtomicBool {
        &self.inner.transaction_open
    }
}

/// What [`Producer::send_with`] leaves with the record.
pub(crate) type OutcomeCallback = kafka_accumulator::Callback<DeliveryError>;

/// Chooses partitions; shared by all threads.
pub(crate) type SharedPartitioner = Arc<dyn Partitioner>;

impl<K: ?Sized, V: ?Sized> Clone for Producer<K, V> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K: ?Sized, V: ?Sized> std::fmt::Debug for Producer<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("intake", &self.inner.intake)
            .finish_non_exhaustive()
    }
}

impl<K: ?Sized, V: ?Sized> Drop for Inner<K, V> {
    /// The last handle is gone: the engine sends what it has and ends by itself.
    fn drop(&mut self) {
        let (reply, _) = oneshot::channel();
        self.intake.desk.ask(Question::Close {
            deadline: None,
            reply,
        });
    }
}
