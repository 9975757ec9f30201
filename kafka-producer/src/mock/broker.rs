//! What a test holds of a producer without a broker: says what becomes of records, and shows them.

use std::fmt;
use std::sync::Arc;

use kafka_wire::ErrorCode;

use super::cluster::{MockCluster, Pace};
use super::driver::MockDriver;
use super::failure::Failure;
use super::record::{MockRecord, MockTransaction};
use crate::group::{ConsumerGroupMetadata, OffsetToCommit};

/// The broker of a producer that was built by [`build_mock`](crate::ProducerBuilder::build_mock): the test says by it
/// what becomes of records. Cheap to clone; all clones are one.
///
/// Unless it is told otherwise, it stores each record at once. It keeps all that it was sent.
///
/// ```
/// use kafka_producer::{Producer, ProducerRecord, SendError};
///
/// /// Part of the application.
/// async fn order(producer: &Producer<str, str>, item: &str) -> Result<(), SendError> {
///     producer.send_and_forget(ProducerRecord::new("orders", item).key("customer-7")).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (producer, broker) = Producer::builder().build_mock([("orders", 3)])?;
/// order(&producer, "2 x tea").await?;
/// assert_eq!(broker.records("orders").len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MockBroker {
    driver: Arc<MockDriver>,
}

impl MockBroker {
    pub(super) fn new(driver: Arc<MockDriver>) -> Self {
        Self { driver }
    }

    /// From now on records get no outcome before [`complete_next`](Self::complete_next),
    /// [`fail_next`](Self::fail_next) or [`release`](Self::release).
    ///
    /// A flush waits for them, and so does who awaits a delivery: have them completed by another task. A close gives
    /// them up at once, and a commit times out at once and goes on. Each of them takes the memory of a batch, and when
    /// `buffer.memory` is used up, a send fails at once with [`BufferExhausted`](crate::SendError::BufferExhausted).
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.hold();
    /// let delivery = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?;
    /// assert!(delivery.try_outcome().is_none());
    /// assert_eq!(broker.held(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hold(&self) {
        self.driver.change(|cluster| cluster.set_pace(Pace::Held));
    }

    /// Stores the records that are held, and from now on each at once.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.hold();
    /// let delivery = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?;
    /// broker.release();
    /// assert_eq!(delivery.wait()?.offset, Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&self) {
        self.driver.change(|cluster| cluster.set_pace(Pace::AtOnce));
    }

    /// Stores the record that is held for longest. Returns whether there was one.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.hold();
    /// let first = producer.try_send(ProducerRecord::new("orders", "tea"))?;
    /// let second = producer.try_send(ProducerRecord::new("orders", "coffee"))?;
    /// assert!(broker.complete_next());
    /// assert!(first.try_outcome().is_some() && second.try_outcome().is_none());
    /// assert!(broker.complete_next());
    /// assert!(!broker.complete_next(), "none is held");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn complete_next(&self) -> bool {
        self.driver.change(MockCluster::complete_next)
    }

    /// The next record to have an outcome fails: the one that is held for longest; if none is, the next that is
    /// accepted. Several calls are for as many records.
    ///
    /// ```
    /// use kafka_producer::mock::Failure;
    /// use kafka_producer::{ErrorCode, Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.fail_next(Failure::refused(ErrorCode::INVALID_RECORD));
    /// let refused = producer.try_send(ProducerRecord::new("orders", "beer"))?;
    /// let stored = producer.try_send(ProducerRecord::new("orders", "tea"))?;
    /// assert_eq!(refused.wait().unwrap_err().code(), Some(ErrorCode::INVALID_RECORD));
    /// assert_eq!(stored.wait()?.offset, Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fail_next(&self, failure: Failure) {
        self.driver.change(|cluster| cluster.fail_next(failure));
    }

    /// How many records are held.
    ///
    /// ```
    /// let (_producer, broker) =
    ///     kafka_producer::Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.hold();
    /// assert_eq!(broker.held(), 0);
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn held(&self) -> usize {
        self.driver.read(MockCluster::held)
    }

    /// From now on records for this topic are not accepted: [`SendError::TopicRefused`](crate::SendError). (A topic
    /// that was not given when the producer was built is unknown.)
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, Producer, ProducerRecord, SendError, blocking};
    ///
    /// let builder = blocking::Producer::<str, str>::builder();
    /// let (producer, broker) = builder.build_mock([("orders", 1)])?;
    /// broker.refuse_topic("orders", ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    /// let refused = producer.send(ProducerRecord::new("orders", "2 x tea"));
    /// assert!(matches!(refused, Err(SendError::TopicRefused { .. })));
    /// broker.allow_topic("orders");
    /// producer.send_and_forget(ProducerRecord::new("orders", "2 x tea"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse_topic(&self, topic: &str, code: ErrorCode) {
        let change = |cluster: &mut MockCluster| cluster.refuse_topic(topic, Some(code));
        self.driver.change(change);
    }

    /// Records for this topic are accepted again, after [`refuse_topic`](Self::refuse_topic).
    ///
    /// ```
    /// let (_producer, broker) =
    ///     kafka_producer::Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.allow_topic("orders"); // nothing has changed
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn allow_topic(&self, topic: &str) {
        self.driver
            .change(|cluster| cluster.refuse_topic(topic, None));
    }

    /// Another producer with the same `transactional.id` has taken over: this one, and every record that is held,
    /// fails with [`FatalError::Fenced`](crate::FatalError::Fenced).
    ///
    /// ```
    /// use kafka_producer::{FatalError, Producer, ProducerRecord, SendError, TrySendError};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.fence();
    /// let refused = producer.try_send(ProducerRecord::new("orders", "2 x tea")).unwrap_err();
    /// let error = refused.into_owned();
    /// assert!(matches!(error, SendError::Fatal(FatalError::Fenced { .. })));
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn fence(&self) {
        self.fail_for_good(ErrorCode::PRODUCER_FENCED);
    }

    /// The producer, and every record that is held, fails with the [`FatalError`](crate::FatalError) of this code.
    ///
    /// ```
    /// use kafka_producer::{ErrorCode, Producer, ProducerRecord, SendError};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// broker.fail_for_good(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    /// let refused = producer.try_send(ProducerRecord::new("orders", "2 x tea")).unwrap_err();
    /// assert!(matches!(refused.into_owned(), SendError::Fatal(_)));
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn fail_for_good(&self, code: ErrorCode) {
        self.driver.change(|cluster| cluster.fail_for_good(code));
    }

    /// Every record that was accepted, in that order, also those that have failed or are held.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("a", 1), ("b", 1)])?;
    /// for topic in ["b", "a", "b"] {
    ///     drop(producer.try_send(ProducerRecord::new(topic, "hello"))?);
    /// }
    /// let topics: Vec<_> = broker.history().into_iter().map(|record| record.topic).collect();
    /// assert_eq!(topics, ["b".into(), "a".into(), "b".into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn history(&self) -> Vec<MockRecord> {
        self.select(|_| true)
    }

    /// The records in the log of a topic, those of open and aborted transactions as well, in the order in which they
    /// were accepted.
    ///
    /// ```
    /// let (_producer, broker) =
    ///     kafka_producer::Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// assert!(broker.records("orders").is_empty());
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn records(&self, topic: &str) -> Vec<MockRecord> {
        self.select(|record| is_stored_in(topic, record))
    }

    /// The records that a consumer with `isolation.level=read_committed` would see of a topic.
    ///
    /// ```
    /// use kafka_producer::{ProducerRecord, blocking};
    ///
    /// let builder = blocking::Producer::<str, str>::builder().set("transactional.id", "billing-1");
    /// let (producer, broker) = builder.build_mock([("invoices", 1)])?;
    /// producer.init_transactions()?;
    /// let transaction = producer.begin_transaction()?;
    /// transaction.send_and_forget(ProducerRecord::new("invoices", "42"))?;
    /// assert!(broker.committed_records("invoices").is_empty());
    /// transaction.commit()?;
    /// assert_eq!(broker.committed_records("invoices").len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn committed_records(&self, topic: &str) -> Vec<MockRecord> {
        self.select(|record| {
            let is_visible = matches!(record.transaction, None | Some(MockTransaction::Committed));
            is_visible && is_stored_in(topic, record)
        })
    }

    /// The offsets that were committed with transactions, and the groups that they are of, in order.
    ///
    /// ```
    /// use kafka_producer::{ConsumerGroupMetadata, OffsetToCommit, blocking};
    ///
    /// let builder = blocking::Producer::<str, str>::builder().set("transactional.id", "billing-1");
    /// let (producer, broker) = builder.build_mock([("invoices", 1)])?;
    /// producer.init_transactions()?;
    /// let transaction = producer.begin_transaction()?;
    /// let group = ConsumerGroupMetadata::new("billing");
    /// transaction.send_offsets([OffsetToCommit::new("orders", 3, 1042)], &group)?;
    /// transaction.commit()?;
    /// assert_eq!(broker.committed_offsets(), [(group, OffsetToCommit::new("orders", 3, 1042))]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn committed_offsets(&self) -> Vec<(ConsumerGroupMetadata, OffsetToCommit)> {
        self.driver
            .read(|cluster| cluster.committed_offsets().to_vec())
    }

    /// Whether the producer was closed, or its last handle dropped.
    ///
    /// ```
    /// let (producer, broker) =
    ///     kafka_producer::Producer::<str, str>::builder().build_mock([("orders", 1)])?;
    /// assert!(!broker.is_closed());
    /// drop(producer);
    /// assert!(broker.is_closed());
    /// # Ok::<(), kafka_producer::BuildError>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.driver.read(MockCluster::has_ended)
    }

    fn select(&self, wanted: impl Fn(&MockRecord) -> bool) -> Vec<MockRecord> {
        self.driver.read(|cluster| {
            let records = cluster.records().iter();
            records.filter(|record| wanted(record)).cloned().collect()
        })
    }
}

fn is_stored_in(topic: &str, record: &MockRecord) -> bool {
    *record.topic == *topic && record.offset().is_some()
}

impl fmt::Debug for MockBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("MockBroker");
        self.driver.read(|cluster| {
            told.field("records", &cluster.records().len())
                .field("held", &cluster.held());
        });
        told.finish_non_exhaustive()
    }
}
