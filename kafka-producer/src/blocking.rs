//! The producer for programs without async: the same producer, whose calls block the thread.
//!
//! ```no_run
//! use std::time::Duration;
//! use kafka_producer::{ProducerRecord, blocking::Producer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let producer: Producer<str, str> =
//!     Producer::builder().bootstrap_servers(["localhost:9092"]).build()?;
//! let metadata = producer.send(ProducerRecord::new("orders", "hello"))?.wait()?;
//! println!("at {:?}", metadata.offset);
//! producer.close(Duration::from_secs(30))?; // sends what is left
//! # Ok(())
//! # }
//! ```
//!
//! None of these calls may be made from an async task. In a callback, and wherever else a producer's own
//! thread is, a call that would have to wait is refused at once ([`InCallback`]).

mod prepared_transaction;
mod transaction;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use kafka_serde::{DefaultSerializer, Serializer};
use kafka_wire::Uuid;

use crate::builder::ProducerBuilder;
use crate::callback::{Call, Nobody, OnOutcome};
use crate::delivery::{Delivery, SendReceipt};
use crate::engine::CloseReport;
use crate::error::{
    ClientInstanceIdError, ConnectError, DeliveryError, InCallback, SendError, TransactionError,
};
use crate::explanation::Explanation;
use crate::metrics::{ApplicationMetric, MetricsSnapshot};
use crate::permit::Permit;
use crate::prepared::{CompletedTxn, PreparedTxnState};
use crate::producer;
use crate::record::{ProducerRecord, RecordMetadata};
use crate::send::TrySendError;
use crate::send_all::{Accepted, SentAll};

pub use prepared_transaction::PreparedTransaction;
pub use transaction::Transaction;
use waiting::{append, wait};

/// See [`kafka_producer::Producer`](crate::Producer), which this wraps.
///
/// ```no_run
/// # use kafka_producer::{ProducerRecord, blocking::Producer};
/// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
/// let delivery = producer.send(ProducerRecord::new("orders", "2 x tea"))?;
/// println!("stored at {:?}", delivery.wait()?.offset);
/// # Ok(())
/// # }
/// ```
pub struct Producer<K: ?Sized, V: ?Sized> {
    inner: producer::Producer<K, V>,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// Configures a producer with the default serializers of `K` and `V`.
    ///
    /// ```
    /// use kafka_producer::blocking::Producer;
    ///
    /// let builder = Producer::<str, str>::builder().bootstrap_servers(["localhost:9092"]);
    /// ```
    ///
    /// References have no default serializer: records lend what a producer of `str` sends.
    ///
    /// ```compile_fail
    /// let builder = kafka_producer::blocking::Producer::<&str, &str>::builder();
    /// ```
    pub fn builder() -> ProducerBuilder<K, V, Self>
    where
        K: DefaultSerializer,
        V: DefaultSerializer,
    {
        Self::builder_with(K::Serializer::default(), V::Serializer::default())
    }

    /// Configures a producer with these serializers.
    ///
    /// ```
    /// use kafka_producer::blocking::Producer;
    /// use kafka_producer::serialize::{BigEndian, Latin1};
    ///
    /// let builder = Producer::<i64, str>::builder_with(BigEndian, Latin1);
    /// ```
    pub fn builder_with(
        key_serializer: impl Serializer<K> + 'static,
        value_serializer: impl Serializer<V> + 'static,
    ) -> ProducerBuilder<K, V, Self> {
        ProducerBuilder::new(key_serializer, value_serializer)
    }

    /// Accepts a record; waits for metadata and memory, at most `max.block.ms`.
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let delivery = producer.send(ProducerRecord::new("orders", "2 x tea"))?;
    /// println!("stored at {:?}", delivery.wait()?.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send(&self, mut record: ProducerRecord<'_, K, V>) -> Result<Delivery, SendError> {
        self.append(&mut record, Nobody)
    }

    /// See [`Producer::send_and_forget`](crate::Producer::send_and_forget).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.send_and_forget(ProducerRecord::new("clicks", "hello"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`].
    #[inline]
    pub fn send_and_forget(&self, mut record: ProducerRecord<'_, K, V>) -> Result<(), SendError> {
        self.append(&mut record, Nobody)
    }

    /// Like [`send`](Self::send); `callback` is called with the outcome, on the producer's own thread.
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.send_with(ProducerRecord::new("orders", "2 x tea"), |outcome| {
    ///     if let Err(error) = outcome {
    ///         eprintln!("{error}");
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`SendError`]; then the callback is dropped.
    pub fn send_with(
        &self,
        mut record: ProducerRecord<'_, K, V>,
        callback: impl FnOnce(Result<RecordMetadata, &DeliveryError>) + Send + 'static,
    ) -> Result<(), SendError> {
        self.append(&mut record, Call(callback))
    }

    /// See [`Producer::reserve`](crate::Producer::reserve).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let permit = producer.reserve("orders", 1_000)?;
    /// drop(permit.send(ProducerRecord::new("orders", "2 x tea"))?); // does not wait
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn reserve(&self, topic: &str, record_bytes: usize) -> Result<Permit<'_, K, V>, SendError> {
        wait("reserve", self.inner.reserve(topic, record_bytes))
    }

    /// See [`Producer::send_all`](crate::Producer::send_all).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) {
    /// let orders = ["2 x tea", "1 x coffee"].map(|order| ProducerRecord::new("orders", order));
    /// assert!(producer.send_all(orders).is_complete());
    /// # }
    /// ```
    pub fn send_all<'a>(
        &self,
        records: impl IntoIterator<Item = ProducerRecord<'a, K, V>>,
    ) -> SentAll {
        let records = records.into_iter();
        let mut accepted = Accepted::expecting(records.size_hint().0);
        for record in records {
            if !accepted.goes_on(self.send(record)) {
                break;
            }
        }
        accepted.wait()
    }

    /// Like [`send`](Self::send), but never waits.
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Err(refused) = producer.try_send(ProducerRecord::new("clicks", "hello")) {
    ///     eprintln!("{refused}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`TrySendError`].
    pub fn try_send<'a>(
        &self,
        record: ProducerRecord<'a, K, V>,
    ) -> Result<Delivery, TrySendError<'a, K, V>> {
        self.inner.try_send(record)
    }

    /// See [`Producer::connect`](crate::Producer::connect).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.connect()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn connect(&self) -> Result<(), ConnectError> {
        wait("connect", self.inner.connect())
    }

    /// See [`Producer::explain`](crate::Producer::explain).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// eprintln!("{}", producer.explain("orders", 3)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn explain(&self, topic: &str, partition: i32) -> Result<Explanation, InCallback> {
        wait("explain", self.inner.explain(topic, partition))
    }

    /// See [`Producer::warm_up`](crate::Producer::warm_up).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.warm_up(["orders", "payments"])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn warm_up<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Result<(), SendError> {
        wait("warm_up", self.inner.warm_up(topics))
    }

    /// See [`Producer::client_instance_id`](crate::Producer::client_instance_id).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// println!("{}", producer.client_instance_id(Duration::from_secs(10))?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn client_instance_id(&self, timeout: Duration) -> Result<Uuid, ClientInstanceIdError> {
        let id = self.inner.client_instance_id(timeout);
        wait("client_instance_id", id)
    }

    /// See [`Producer::register_metric_for_subscription`](crate::Producer::register_metric_for_subscription).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) {
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// let open_orders = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0);
    /// producer.register_metric_for_subscription(open_orders);
    /// # }
    /// ```
    pub fn register_metric_for_subscription(
        &self,
        metric: impl Into<Arc<ApplicationMetric>>,
    ) -> Arc<ApplicationMetric> {
        self.inner.register_metric_for_subscription(metric)
    }

    /// See [`Producer::unregister_metric_from_subscription`](crate::Producer::unregister_metric_from_subscription).
    ///
    /// ```no_run
    /// # use kafka_producer::{blocking::Producer, metrics::ApplicationMetric};
    /// # fn example(producer: Producer<str, str>) {
    /// let metric = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0);
    /// assert!(!producer.unregister_metric_from_subscription(&metric.into()));
    /// # }
    /// ```
    pub fn unregister_metric_from_subscription(&self, metric: &Arc<ApplicationMetric>) -> bool {
        self.inner.unregister_metric_from_subscription(metric)
    }

    /// See [`Producer::flush`](crate::Producer::flush).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.send_and_forget(ProducerRecord::new("orders", "2 x tea"))?;
    /// producer.flush()?; // it has an outcome now
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn flush(&self) -> Result<(), InCallback> {
        wait("flush", self.inner.flush())
    }

    /// See [`Producer::close`](crate::Producer::close).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let report = producer.close(Duration::from_secs(30))?;
    /// assert!(report.is_clean(), "{report:?}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn close(&self, timeout: Duration) -> Result<CloseReport, InCallback> {
        wait("close", self.inner.close(timeout))
    }

    /// See [`Producer::metrics`](crate::Producer::metrics).
    ///
    /// ```no_run
    /// # fn example(producer: kafka_producer::blocking::Producer<str, str>) {
    /// let sent = producer.metrics().number("producer-metrics", "record-send-total", &[]);
    /// # }
    /// ```
    pub fn metrics(&self) -> MetricsSnapshot {
        self.inner.metrics()
    }

    /// See [`Producer::init_transactions`](crate::Producer::init_transactions).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// producer.init_transactions()?; // once, before the first transaction
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn init_transactions(&self) -> Result<(), TransactionError> {
        wait("init_transactions", self.inner.init_transactions())
    }

    /// See [`Producer::begin_transaction`](crate::Producer::begin_transaction).
    ///
    /// ```no_run
    /// # use kafka_producer::{ProducerRecord, blocking::Producer};
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// transaction.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn begin_transaction(&self) -> Result<Transaction<'_, K, V>, TransactionError> {
        wait("begin_transaction", self.inner.begin_transaction()).map(|inner| Transaction { inner })
    }

    /// See [`Producer::wait_for_transaction`](crate::Producer::wait_for_transaction).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// use kafka_producer::TransactionError;
    ///
    /// let mut outcome = producer.begin_transaction()?.commit();
    /// while let Err(TransactionError::TimedOut(_)) = outcome {
    ///     outcome = producer.wait_for_transaction();
    /// }
    /// outcome?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn wait_for_transaction(&self) -> Result<(), TransactionError> {
        wait("wait_for_transaction", self.inner.wait_for_transaction())
    }

    /// See [`Producer::complete_transaction`](crate::Producer::complete_transaction).
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn stored() -> Option<String> { None }
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// let stored = stored().map(|text| text.parse()).transpose()?;
    /// println!("{:?}", producer.complete_transaction(stored)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See there.
    pub fn complete_transaction(
        &self,
        stored: Option<PreparedTxnState>,
    ) -> Result<CompletedTxn, TransactionError> {
        let completed = self.inner.complete_transaction(stored);
        wait("complete_transaction", completed)
    }

    #[inline(always)]
    fn append<R: SendReceipt>(
        &self,
        record: &mut ProducerRecord<'_, K, V>,
        on_outcome: impl OnOutcome,
    ) -> Result<R, SendError> {
        self.inner.check_not_transactional()?;
        append(self.inner.sender(), record, on_outcome)
    }

    /// The same producer for async code.
    ///
    /// ```no_run
    /// # use kafka_producer::blocking::Producer;
    /// # fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("{} bytes wait to be delivered", producer.as_async().memory_in_use());
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_async(&self) -> &producer::Producer<K, V> {
        &self.inner
    }
}

impl<K: ?Sized, V: ?Sized> Clone for Producer<K, V> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<K: ?Sized, V: ?Sized> std::fmt::Debug for Producer<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl<K: ?Sized, V: ?Sized> From<producer::Producer<K, V>> for Producer<K, V> {
    fn from(inner: producer::Producer<K, V>) -> Self {
        Self { inner }
    }
}
