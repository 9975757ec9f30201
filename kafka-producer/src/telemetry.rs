//! What users do about the metrics that brokers ask for (KIP-714): ask who the client is to the brokers, and add
//! metrics of the program's own (KIP-1076). What is pushed, and when, is the engine's (`engine/telemetry`).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_channel::oneshot;
use kafka_wire::Uuid;

use crate::engine::Command;
use crate::error::ClientInstanceIdError;
use crate::metrics::ApplicationMetric;
use crate::own_thread;
use crate::producer::Producer;

impl<K: ?Sized + 'static, V: ?Sized + 'static> Producer<K, V> {
    /// The id by which brokers know the metrics of this client (KIP-714): given by the first broker that takes
    /// metrics. If none is connected, one is.
    ///
    /// Waits until one has answered, for at most `timeout`.
    ///
    /// Cancel safe: nothing is lost.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # async fn example(producer: Producer<str, str>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// println!("{}", producer.client_instance_id(Duration::from_secs(10)).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientInstanceIdError`]: with `enable.metrics.push=false`, and if no broker takes metrics.
    pub async fn client_instance_id(
        &self,
        timeout: Duration,
    ) -> Result<Uuid, ClientInstanceIdError> {
        own_thread::may_await("client_instance_id")?;
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + LONGEST_WAIT);
        let (reply, id) = oneshot::channel();
        self.appender()
            .handle()
            .ask(Command::ClientInstanceId { deadline, reply });
        id.await.unwrap_or(Err(ClientInstanceIdError::Closed))
    }

    /// Pushes a metric of the program beside the producer's, to brokers that ask for it (KIP-1076). One of the
    /// same group, name and tags is replaced; the producer's own metrics are not.
    ///
    /// ```no_run
    /// # use kafka_producer::Producer;
    /// # fn example(producer: Producer<str, str>) {
    /// use kafka_producer::metrics::ApplicationMetric;
    ///
    /// let open_orders = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0);
    /// let registered = producer.register_metric_for_subscription(open_orders);
    /// assert!(producer.unregister_metric_from_subscription(&registered));
    /// # }
    /// ```
    pub fn register_metric_for_subscription(
        &self,
        metric: impl Into<Arc<ApplicationMetric>>,
    ) -> Arc<ApplicationMetric> {
        let metric = metric.into();
        self.appender()
            .handle()
            .application_metrics()
            .register(Arc::clone(&metric), SystemTime::now());
        metric
    }

    /// Pushes that metric no more; whether it was registered.
    ///
    /// ```no_run
    /// # use kafka_producer::{Producer, metrics::ApplicationMetric};
    /// # fn example(producer: Producer<str, str>) {
    /// let metric = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0);
    /// assert!(!producer.unregister_metric_from_subscription(&metric.into()));
    /// # }
    /// ```
    pub fn unregister_metric_from_subscription(&self, metric: &Arc<ApplicationMetric>) -> bool {
        let metrics = self.appender().handle().application_metrics();
        metrics.unregister(metric)
    }
}

/// A wait that ends after this program.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400 * 365);
