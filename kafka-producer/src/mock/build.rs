//! From a builder to a producer without a broker.

use std::sync::Arc;

use super::broker::MockBroker;
use super::cluster::MockCluster;
use super::driver::MockDriver;
use crate::builder::{BuildError, ProducerBuilder};
use crate::producer::Producer;

impl<K: ?Sized + 'static, V: ?Sized + 'static, P: From<Producer<K, V>>> ProducerBuilder<K, V, P> {
    /// Builds the producer for a test of what is done with it: the broker is the test itself, by the
    /// [`MockBroker`]. The topics exist, each with so many partitions (one at least), and no others.
    ///
    /// The producer is what [`build`](Self::build) returns, with its serializers, interceptors, router, partitioner
    /// and settings, but without a thread, a connection and a runtime: what it is asked for is done on the thread that
    /// asks, at once. Without a key, the default partitioner makes the same choice in each run.
    ///
    /// Of the settings those have no effect that are for the way to brokers: `bootstrap.servers`, which need not be
    /// set, `ssl.*`, `sasl.*`, compression, `linger.ms`, retries. Metrics stay at zero, and no reporter is called.
    ///
    /// ```
    /// use kafka_producer::{Producer, ProducerRecord};
    ///
    /// let (producer, broker) = Producer::<str, str>::builder().build_mock([("orders", 3)])?;
    /// let metadata = producer.try_send(ProducerRecord::new("orders", "2 x tea"))?.wait()?;
    /// assert_eq!(metadata.offset, Some(0));
    /// assert_eq!(broker.records("orders")[0].value.as_deref(), Some(&b"2 x tea"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub fn build_mock<T: Into<Arc<str>>>(
        self,
        topics: impl IntoIterator<Item = (T, i32)>,
    ) -> Result<(P, MockBroker), BuildError> {
        let (producer, shared) = self.build_without_engine()?;
        let topic = |(name, partitions): (T, i32)| {
            let partitions = usize::try_from(partitions).unwrap_or(0).max(1);
            (name.into(), partitions)
        };
        let topics = topics.into_iter().map(topic).collect();
        let (settings, accumulator, handle) = (shared.settings, shared.accumulator, shared.handle);
        let doorbell = Arc::clone(accumulator.doorbell());
        let cluster = MockCluster::new(settings, accumulator, handle, topics);
        let driver = MockDriver::start(doorbell, cluster);
        Ok((producer, MockBroker::new(driver)))
    }
}
