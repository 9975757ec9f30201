//! A producer as its user holds it: the ways to send, to flush, to close, and to ask.
//!
//! Each call checks whether it may be made here, and hands over: records to `send.rs`, all else to the
//! engine, whose answer it waits for. Nothing is decided here.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use kafka_serde::Serializer;

use crate::append::RecordAppender;
use crate::callback::{Call, Nobody};
use crate::custom::Custom;
use crate::delivery::Delivery;
use crate::engine::{CloseReport, Command, Wait};
use crate::error::{ConnectError, DeliveryError, InCallback, SendError};
use crate::explanation::{Explanation, Standing};
use crate::metrics::MetricsSnapshot;
use crate::permit::Permit;
use crate::record::{ProducerRecord, RecordMetadata};
use crate::send::{RecordSender, TrySendError};
use crate::send_all::{Accepted, SentAll};
use crate::timed::Timed;
use crate::{last_handle, own_thread};

/// Sends records to Kafka. Cheap to clone; all clones are one producer.
///
/// Everything behind it runs on one thread of its own, so a producer works under any async runtime
/// and under none ([`blocking`](crate::blocking)).
///
/// A program should [`close`](Self::close) its producer, and look at what that reports. When the last handle is
/// dropped without that, the drop **blocks its thread** until all that was accepted has an outcome and an open
/// transaction is aborted, for `drop.timeout.ms` (5 s) at most; 0: not at all. What is left then is warned of and
/// still sent in the background: each record until its `delivery.timeout.ms`, while the coordinator of a
/// transaction is looked for no longer than `transaction.timeout.ms` after that. When the program ends, it is
/// lost. In a callback nothing is waited for.
///
/// ```no_run
/// use std::time::Duration;
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
/// producer.close(Duration::from_secs(30)).await?; // sends what is left
/// # Ok(())
/// # }
/// ```
pub struct Producer<K: ?Sized, V: ?Sized> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K: ?Sized, V: ?Sized> {
    sender: RecordSender<K, V>,
    /// Whether there is a [`Transaction`](crate::Transaction).
    transaction_open: AtomicBool,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    pub(crate) fn new(
        appender: RecordAppender,
        key_serializer: Arc<dyn Serializer<K>>,
        value_serializer: Arc<dyn Serializer<V>>,
        custom: Option<Box<Custom<K, V>>>,
    ) -> Self {
        let sender = RecordSender::new(appender, key_serializer, value_serializer, custom);
        Self {
            inner: Arc::new(Inner {
                sender,
                transaction_open: AtomicBool::new(false),
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
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let delivery = producer.send(ProducerRecord::new("orders", "2 x tea")).await?;
    /// println!("stored at {:?}", delivery.await?.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`]; the record was not accepted, and nothing else is lost.
    pub async fn send(&self, record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.check_not_transactional()?;
        self.inner.sender.append(record, Nobody).await
    }

    /// Like [`send`](Self::send), but without a [`Delivery`] (fire and forget), which saves about a sixth
    /// of all the work for a small record.
    ///
    /// The record is retried, ordered and counted as any other, and if it fails in a transaction, that
    /// cannot be committed.
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
        self.check_not_transactional()?;
        self.inner.sender.append(record, Nobody).await
    }

    /// Like [`send`](Self::send); `callback` is called with the outcome.
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
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn send_with(
        &self,
        record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        self.check_not_transactional()?;
        self.inner.sender.append(record, Call(callback)).await
    }

    /// Like [`send`](Self::send), but never waits: the record comes back instead.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord, TrySendError};
    ///
    /// fn send_or_drop(producer: &Producer<str, str>, value: &str) {
    ///     match producer.try_send(ProducerRecord::new("clicks", value)) {
    ///         Ok(delivery) => drop(delivery),
    ///         Err(TrySendError::WouldWait(record, waits_for)) => {
    ///             eprintln!("no {waits_for} for a record of {}", record.topic);
    ///         }
    ///         Err(other) => eprintln!("{other}"),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`TrySendError::WouldWait`] hands the record back, without headers its serializers added.
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.check_not_transactional()
            .map_err(TrySendError::Refused)?;
        self.inner.sender.append_now(record)
    }

    /// Waits until a record of so many bytes (key, value and headers together) can be sent without waiting: for the
    /// topic's metadata and for memory, at most `max.block.ms`. The permit holds the memory.
    ///
    /// No permit is given what is guaranteed to brokers (half of `buffer.memory`), because its record may go to any;
    /// but one that is larger than the other half gets its memory while brokers do not use theirs.
    ///
    /// Cancel safe: dropped, nothing is reserved.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let permit = producer.reserve("orders", 1_000).await?;
    /// drop(permit.send(ProducerRecord::new("orders", "2 x tea"))?); // does not wait
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn reserve(
        &self,
        topic: &str,
        record_bytes: usize,
    ) -> Result<Permit<'_, K, V>, SendError> {
        own_thread::may_await("reserve")?;
        self.check_not_transactional()?;
        let since = Instant::now();
        if self.appender().handle().cluster().topic(topic).is_none() {
            self.know(&[Arc::from(topic)]).await?;
        }
        Permit::reserve(&self.inner.sender, record_bytes, since).await
    }

    /// Sends many records and waits until each has an outcome: as many [`send`](Self::send)s in turn, whose
    /// deliveries are awaited when all are accepted. It stops at the first record that is not.
    ///
    /// No record costs more than with `send`; the lists of deliveries and of outcomes grow with their number.
    ///
    /// Not in a transaction, where nothing more is sent, and so nothing has an outcome, once a record was not
    /// accepted.
    ///
    /// Cancel safe: dropped, what was accepted is sent all the same, and nothing else is.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) {
    /// let orders = ["2 x tea", "1 x coffee"].map(|order| ProducerRecord::new("orders", order));
    /// let sent = producer.send_all(orders).await;
    /// for metadata in sent.outcomes.iter().flatten() {
    ///     println!("stored at {:?}", metadata.offset);
    /// }
    /// # }
    /// ```
    pub async fn send_all<'a>(
        &self,
        records: impl IntoIterator<Item = ProducerRecord<'a, K, V>>,
    ) -> SentAll {
        let records = records.into_iter();
        let mut accepted = Accepted::expecting(records.size_hint().0);
        for record in records {
            if !accepted.goes_on(self.send(record).await) {
                break;
            }
        }
        accepted.outcomes().await
    }

    /// Sends everything that was accepted before this call, without lingering, and waits until all
    /// of it has an outcome, at most `delivery.timeout.ms`. Deliveries and callbacks
    /// get the outcomes.
    ///
    /// Cancel safe: dropped, the records are sent without lingering all the same.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, ProducerRecord};
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.send_and_forget(ProducerRecord::new("orders", "2 x tea")).await?;
    /// producer.flush().await?; // it has an outcome now
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only in a callback, which must not wait: [`InCallback`], and nothing is flushed.
    pub async fn flush(&self) -> Result<(), InCallback> {
        own_thread::may_await("flush")?;
        let _timed = Timed::begin(self.appender().handle(), Wait::Flush);
        let (reply, undecided) = oneshot::channel();
        self.appender().handle().ask(Command::Flush { reply });
        for completion in undecided.await.unwrap_or_default() {
            completion.settled().await;
        }
        Ok(())
    }

    /// Accepts nothing more, sends everything, and ends: what has no outcome after `timeout` is
    /// given up with [`Cause::Closed`](crate::error::Cause::Closed). An open transaction is aborted;
    /// one that is being committed goes on.
    ///
    /// Cancel safe: dropped, the producer closes all the same. Closing twice is allowed.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let report = producer.close(Duration::from_secs(30)).await?;
    /// if !report.is_clean() {
    ///     eprintln!("{} failed, {} are unknown", report.failed, report.unknown);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only in a callback, which must not wait: [`InCallback`], and nothing is closed.
    pub async fn close(&self, timeout: Duration) -> Result<CloseReport, InCallback> {
        own_thread::may_await("close")?;
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now().checked_add(timeout);
        let close = Command::Close { deadline, reply };
        self.appender().handle().ask(close);
        Ok(report.await.unwrap_or_default())
    }

    /// Finds out at once whether the cluster can be used: resolves the names of the bootstrap servers, connects,
    /// secures and authenticates the connection, and asks what the cluster is.
    ///
    /// [`build`](crate::ProducerBuilder::build) connects to nobody, and a [`send`](Self::send) waits for a cluster
    /// that is away, because it may come back. This returns as soon as one server has answered, or each has
    /// failed once; after `max.block.ms` at the latest. The producer can be used in either case: it goes on
    /// trying as soon as there is something to send. [`warm_up`](Self::warm_up) does more, for given topics.
    ///
    /// Cancel safe: what was begun goes on.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.connect().await?; // no bootstrap server answers: localhost:9092: Connection refused
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError::Unreachable`] names every server that was tried, each with its own reason.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        own_thread::may_await("connect")?;
        let limit = self.appender().max_block();
        let (reply, connected) = oneshot::channel();
        self.appender().handle().ask(Command::Connect {
            limit,
            deadline: Instant::now() + limit,
            reply,
        });
        let refused = || match self.appender().why_closed() {
            SendError::Fatal(fatal) => ConnectError::Fatal(fatal),
            _ => ConnectError::Closed,
        };
        connected.await.unwrap_or_else(|_| Err(refused()))
    }

    /// Prepares for the first records of these topics, so that each needs one round trip to its leader and no
    /// more: the topics are known, the leaders of all their partitions connected, secured and authenticated, and
    /// an idempotent producer has its id. (A transactional one gets it by `init_transactions`.)
    ///
    /// Takes at most `max.block.ms`. A connection that nothing is sent on is closed after
    /// `connections.max.idle.ms`, and a topic is forgotten after `metadata.max.idle.ms`.
    ///
    /// Cancel safe: what was begun goes on.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.warm_up(["orders", "payments"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for a [`send`](Self::send) to the first of them that is not known; [`SendError::NotReady`] says what
    /// else is missing, and [`SendError::Authentication`] that a broker refuses to authenticate the producer.
    pub async fn warm_up<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SendError> {
        own_thread::may_await("warm_up")?;
        let topics: Vec<Arc<str>> = topics.into_iter().map(Arc::from).collect();
        let since = Instant::now();
        let deadline = since + self.appender().max_block();
        self.know(&topics).await?;
        let (reply, warm) = oneshot::channel();
        self.appender().handle().ask(Command::WarmUp {
            topics,
            since,
            deadline,
            reply,
        });
        warm.await
            .unwrap_or_else(|_| Err(self.appender().why_closed()))
    }

    /// Why the records of a partition are still here: how many wait, for how long, and what the oldest waits for,
    /// as its error would say if its time was up. For people; a program that has to know of a record awaits its
    /// [`Delivery`].
    ///
    /// The producer's thread answers at its next step, and also after `close` or a failure: then the answer is that.
    /// Nothing is sent, or asked of a broker, because of it.
    ///
    /// Cancel safe: nothing was begun.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// // orders-3: 12 record(s) wait, the oldest for 1705 ms: in a request to broker 1 at kafka-1:9092, …
    /// eprintln!("{}", producer.explain("orders", 3).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Only in a callback, which must not wait: [`InCallback`].
    pub async fn explain(&self, topic: &str, partition: i32) -> Result<Explanation, InCallback> {
        own_thread::may_await("explain")?;
        let topic: Arc<str> = Arc::from(topic);
        let (reply, standing) = oneshot::channel();
        self.appender().handle().ask(Command::Explain {
            topic: Arc::clone(&topic),
            partition,
            reply,
        });
        let ended = || self.appender().handle().state().ended();
        let standing = standing.await;
        Ok(Explanation {
            topic,
            partition,
            standing: standing.unwrap_or_else(|_| ended().unwrap_or(Standing::Closed)),
        })
    }

    /// Waits until all of the topics are known.
    async fn know(&self, topics: &[Arc<str>]) -> Result<(), SendError> {
        let _timed = Timed::begin(self.appender().handle(), Wait::Metadata);
        let ask = |topic: &Arc<str>| self.appender().ask_for(topic, None);
        let waits: Vec<_> = topics.iter().map(ask).collect();
        for wait in waits {
            let answer = wait?.await;
            answer.unwrap_or_else(|_| Err(self.appender().why_closed()))?;
        }
        Ok(())
    }

    /// How many partitions a topic has; asks the cluster if it is not known.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("orders has {} partitions", producer.partitions_for("orders").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for a [`send`](Self::send) to it.
    pub async fn partitions_for(&self, topic: &str) -> Result<i32, SendError> {
        loop {
            if let Some(topic) = self.appender().handle().cluster().topic(topic) {
                return Ok(topic.partitions());
            }
            own_thread::may_await("partitions_for")?;
            self.know(&[topic.into()]).await?;
        }
    }

    /// Bytes of `buffer.memory` in use.
    ///
    /// ```
    /// fn load(producer: &kafka_producer::Producer<str, str>) {
    ///     println!("{} bytes wait to be delivered", producer.memory_in_use());
    /// }
    /// ```
    pub fn memory_in_use(&self) -> usize {
        self.appender().accumulator().memory_in_use()
    }

    /// What the producer has measured, by the names of Kafka's Java client
    /// ([`metrics::definitions`](crate::metrics::definitions) lists them all).
    ///
    /// It takes some microseconds, and more with thousands of topics; it never waits for a broker. After
    /// [`close`](Self::close), the last values stay.
    ///
    /// ```
    /// use kafka_producer::Producer;
    ///
    /// let producer = Producer::<str, str>::builder().bootstrap_servers(["localhost:9092"]).build()?;
    /// let metrics = producer.metrics();
    /// assert_eq!(metrics.number("producer-metrics", "record-send-total", &[]), Some(0.0));
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn metrics(&self) -> MetricsSnapshot {
        self.appender().metrics()
    }

    /// A transactional producer sends through its transactions.
    #[inline]
    pub(crate) fn check_not_transactional(&self) -> Result<(), SendError> {
        if self.appender().is_transactional() {
            return Err(SendError::NoTransaction);
        }
        Ok(())
    }

    /// What records are sent through, in a transaction or not.
    #[inline]
    pub(crate) fn sender(&self) -> &RecordSender<K, V> {
        &self.inner.sender
    }

    #[inline]
    pub(crate) fn appender(&self) -> &RecordAppender {
        self.inner.sender.appender()
    }

    pub(crate) fn transaction_open(&self) -> &AtomicBool {
        &self.inner.transaction_open
    }
}

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
            .field("appender", self.inner.sender.appender())
            .finish_non_exhaustive()
    }
}

impl<K: ?Sized, V: ?Sized> Drop for Inner<K, V> {
    /// The last handle is gone.
    fn drop(&mut self) {
        last_handle::leave(self.sender.appender());
    }
}

/// What is shared among threads stays so, or this does not compile.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Producer<str, str>>();
    shared::<Delivery>();
    shared::<ProducerRecord<'_, str, str>>();
    shared::<RecordMetadata>();
};
