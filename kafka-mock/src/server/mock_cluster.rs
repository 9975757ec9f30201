//! The handle of an embedded cluster, as tests use it.
//!
//! Every method but the waits returns at once or within a round trip to the cluster's thread, so
//! they are plain functions, for async and other programs alike.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{runtime, sync::oneshot};

use super::{
    MockError,
    accept::Acceptor,
    broker::{Listening, Port, listen},
    exchange::Watcher,
    shared::Shared,
};
use crate::{
    MockRecord,
    cluster::{
        BrokerId, Cluster, ClusterError, Fault, GroupFacts, RequestSeen, Restart, TopicConfig,
    },
};

/// A running embedded cluster; it stops when this is dropped.
///
/// ```
/// use kafka_mock::MockCluster;
///
/// let kafka = MockCluster::builder().brokers(3).topic("orders", 6).start_blocking()?;
/// let servers = kafka.bootstrap_servers(); // "127.0.0.1:…,127.0.0.1:…,127.0.0.1:…"
/// assert!(servers.starts_with("127.0.0.1:"));
/// assert!(kafka.records("orders").is_empty());
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Debug)]
pub struct MockCluster {
    parts: Parts,
    thread: Option<JoinHandle<()>>,
}

/// What the thread of the cluster hands over when it is ready.
#[derive(Debug)]
pub(super) struct Parts {
    shared: Arc<Shared>,
    runtime: runtime::Handle,
    ports: BTreeMap<BrokerId, Port>,
    /// The brokers that are alive.
    listening: Arc<Mutex<BTreeMap<BrokerId, Listening>>>,
    acceptor: Acceptor,
    stop: Option<oneshot::Sender<()>>,
}

/// What a cluster is to be.
pub(super) struct Plan {
    pub(super) acceptor: Acceptor,
    pub(super) cluster: Cluster,
    pub(super) watcher: Option<Watcher>,
    /// Of the first broker; 0 for any.
    pub(super) port: u16,
}

/// Starts the thread of a cluster; `ready` is told when it listens, or why it does not.
pub(super) fn spawn(
    plan: Plan,
    ready: impl FnOnce(Result<Parts, MockError>) + Send + 'static,
) -> Result<JoinHandle<()>, MockError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(MockError::Thread)?;
    let thread = std::thread::Builder::new().name("kafka-mock".to_owned());
    let thread = thread.spawn(move || {
        runtime.block_on(async {
            let (stop, stopped) = oneshot::channel();
            let shared = Arc::new(Shared::new(plan.cluster, plan.watcher));
            match start(shared.clone(), plan.acceptor, plan.port, stop).await {
                Err(error) => ready(Err(error)),
                Ok(parts) => {
                    ready(Ok(parts));
                    tokio::select! {
                        () = shared.keep_time() => {}
                        _ = stopped => {}
                    }
                }
            }
        });
    });
    thread.map_err(MockError::Thread)
}

async fn start(
    shared: Arc<Shared>,
    acceptor: Acceptor,
    first_port: u16,
    stop: oneshot::Sender<()>,
) -> Result<Parts, MockError> {
    let brokers: Vec<BrokerId> = shared.cluster().brokers().collect();
    let (mut ports, mut listening) = (BTreeMap::new(), BTreeMap::new());
    for (nth, broker) in (0..).zip(brokers) {
        let wanted = match first_port {
            0 => 0,
            first => first.checked_add(nth).ok_or(MockError::NoPort { broker })?,
        };
        let cannot = |source| MockError::Listen {
            broker,
            port: wanted,
            source,
        };
        let port = Port::take(wanted).map_err(cannot)?;
        let listener = listen(port.number()).map_err(cannot)?;
        shared
            .cluster()
            .set_address(broker, "127.0.0.1", port.number())?;
        ports.insert(broker, port);
        listening.insert(
            broker,
            Listening::start(shared.clone(), broker, listener, acceptor.clone()),
        );
    }
    Ok(Parts {
        shared,
        runtime: runtime::Handle::current(),
        ports,
        listening: Arc::new(Mutex::new(listening)),
        acceptor,
        stop: Some(stop),
    })
}

impl MockCluster {
    pub(super) fn new(parts: Parts, thread: JoinHandle<()>) -> Self {
        Self {
            parts,
            thread: Some(thread),
        }
    }

    /// Addresses of all brokers, for `bootstrap.servers`.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// assert!(kafka.bootstrap_servers().starts_with("127.0.0.1:"));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        let servers = self
            .parts
            .ports
            .values()
            .map(|port| format!("127.0.0.1:{}", port.number()));
        servers.collect::<Vec<_>>().join(",")
    }

    /// Address of one broker, alive or not.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::BrokerId};
    ///
    /// let kafka = MockCluster::builder().start_blocking()?;
    /// assert_eq!(kafka.address(BrokerId(1)), Some(kafka.bootstrap_servers()));
    /// assert_eq!(kafka.address(BrokerId(2)), None);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn address(&self, broker: BrokerId) -> Option<String> {
        Some(format!(
            "127.0.0.1:{}",
            self.parts.ports.get(&broker)?.number()
        ))
    }

    /// Every record of a topic, by partition and offset, decoded from the stored bytes; none if
    /// there is no such topic.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// assert!(kafka.records("orders").is_empty());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn records(&self, topic: &str) -> Vec<MockRecord> {
        self.parts.shared.cluster().records(topic)
    }

    /// The records of a topic that a reader of committed records sees, by partition and offset.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 1).start_blocking()?;
    /// assert!(kafka.committed_records("orders").is_empty());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn committed_records(&self, topic: &str) -> Vec<MockRecord> {
        self.parts.shared.cluster().committed_records(topic)
    }

    /// The offset that a consumer group has committed, if it has; not one of an open transaction.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 1).start_blocking()?;
    /// assert_eq!(kafka.committed("billing", "orders", 0), None);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        let cluster = self.parts.shared.cluster();
        let committed = cluster.committed_offset(group, topic, partition);
        committed.map(|it| it.offset)
    }

    /// What is known of a consumer group, if there is one of that name.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// assert_eq!(kafka.group("billing"), None);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn group(&self, name: &str) -> Option<GroupFacts> {
        self.parts.shared.cluster().group(name)
    }

    /// Waits until a topic has `count` records or more, and returns them all.
    ///
    /// Any async runtime will do. Cancel safe: nothing changes when it is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use kafka_mock::MockError;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), MockError> {
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 1).start().await?;
    /// let error = kafka.wait_for_records("orders", 1, Duration::from_millis(1)).await.unwrap_err();
    /// assert!(matches!(error, MockError::TooFewRecords { found: 0, wanted: 1, .. }));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When they did not come within `within`.
    pub async fn wait_for_records(
        &self,
        topic: &str,
        count: usize,
        within: Duration,
    ) -> Result<Vec<MockRecord>, MockError> {
        let wait = self.parts.runtime.spawn(self.wait(topic, count, within));
        wait.await.map_err(|_| MockError::Stopped)??;
        Ok(self.records(topic))
    }

    /// Waits until a topic has `count` records or more, and returns them all; for programs without
    /// async.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 1).start_blocking()?;
    /// assert!(kafka.wait_for_records_blocking("orders", 1, Duration::from_millis(1)).is_err());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When they did not come within `within`.
    pub fn wait_for_records_blocking(
        &self,
        topic: &str,
        count: usize,
        within: Duration,
    ) -> Result<Vec<MockRecord>, MockError> {
        self.on_its_thread(self.wait(topic, count, within))??;
        Ok(self.records(topic))
    }

    fn wait(
        &self,
        topic: &str,
        wanted: usize,
        within: Duration,
    ) -> impl Future<Output = Result<(), MockError>> + Send + use<> {
        let (shared, topic) = (self.parts.shared.clone(), topic.to_owned());
        async move {
            let started = Instant::now();
            let enough = async {
                let mut changes = shared.changes();
                while shared.cluster().record_count(&topic) < wanted {
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
            };
            let late = tokio::time::timeout(within, enough).await.is_err();
            let found = shared.cluster().record_count(&topic);
            if late && found < wanted {
                let waited = started.elapsed();
                return Err(MockError::TooFewRecords {
                    topic,
                    wanted,
                    found,
                    waited,
                });
            }
            Ok(())
        }
    }

    /// The requests that reached a broker so far, oldest first.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// assert!(kafka.requests().is_empty());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.parts.shared.cluster().requests().collect()
    }

    /// How many connections have gone on with the TLS session of an earlier one, instead of agreeing on all
    /// of it again.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, MockTls};
    ///
    /// let kafka = MockCluster::builder().tls(MockTls::new()?).start_blocking()?;
    /// assert_eq!(kafka.resumed_tls_sessions(), 0);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn resumed_tls_sessions(&self) -> usize {
        match &self.parts.acceptor {
            Acceptor::Plain => 0,
            Acceptor::Tls(_, resumed) => resumed.load(std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// Looks at the cluster, or changes it, by any of its own methods. Requests wait meanwhile.
    ///
    /// To kill a broker use [`kill_broker`](Self::kill_broker), which closes its sockets too.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 6).start_blocking()?;
    /// assert_eq!(kafka.with_cluster(|cluster| cluster.partitions("orders")), Some(6));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn with_cluster<T>(&self, with: impl FnOnce(&mut Cluster) -> T) -> T {
        self.parts.shared.change(with)
    }

    /// Creates a topic with the cluster's defaults.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// kafka.create_topic("orders", 6)?;
    /// assert!(kafka.create_topic("orders", 6).is_err());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there cannot be such a topic, or is one already.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), MockError> {
        self.with_cluster(|cluster| {
            let config = cluster.config().topic(partitions);
            cluster.create_topic(name, config)
        })?;
        Ok(())
    }

    /// Creates a topic with settings of its own.
    ///
    /// ```
    /// use kafka_mock::cluster::ClusterConfig;
    ///
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// let small = ClusterConfig::default().topic(1).with_max_message_bytes(1000);
    /// kafka.create_topic_with("orders", small.with_replication_factor(1))?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there cannot be such a topic, or is one already.
    pub fn create_topic_with(&self, name: &str, config: TopicConfig) -> Result<(), MockError> {
        Ok(self.with_cluster(|cluster| cluster.create_topic(name, config))?)
    }

    /// Deletes a topic and its records.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 6).start_blocking()?;
    /// kafka.delete_topic("orders")?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such topic.
    pub fn delete_topic(&self, name: &str) -> Result<(), MockError> {
        Ok(self.with_cluster(|cluster| cluster.delete_topic(name))?)
    }

    /// Gives a topic more partitions: `partitions` in all.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().topic("orders", 1).start_blocking()?;
    /// kafka.grow_topic("orders", 6)?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such topic, or it has more partitions already.
    pub fn grow_topic(&self, name: &str, partitions: i32) -> Result<(), MockError> {
        Ok(self.with_cluster(|cluster| cluster.grow_topic(name, partitions))?)
    }

    /// Lets something go wrong; see [`Fault`].
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::{Fault, When}};
    /// use kafka_wire::ApiKey;
    ///
    /// let kafka = MockCluster::builder().topic("orders", 1).start_blocking()?;
    /// kafka.inject(Fault::disconnect(When::AfterHandling).api(ApiKey::PRODUCE));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn inject(&self, fault: Fault) {
        self.with_cluster(|cluster| cluster.inject(fault));
    }

    /// Takes back every fault that has not struck yet.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// kafka.clear_faults();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn clear_faults(&self) {
        self.with_cluster(Cluster::clear_faults);
    }

    /// Makes another in-sync replica the leader of a partition.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::BrokerId};
    ///
    /// let kafka = MockCluster::builder().brokers(3).topic("orders", 1).start_blocking()?;
    /// kafka.move_leader("orders", 0, BrokerId(3))?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such partition, or the broker cannot lead it.
    pub fn move_leader(&self, topic: &str, partition: i32, to: BrokerId) -> Result<(), MockError> {
        Ok(self.with_cluster(|cluster| cluster.move_leader(topic, partition, to))?)
    }

    /// Kills a broker: its listener and connections are closed when this returns, and its
    /// partitions are led by others, if they can be. Its port stays reserved: connections are
    /// refused.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::BrokerId};
    ///
    /// let kafka = MockCluster::builder().brokers(3).topic("orders", 1).start_blocking()?;
    /// kafka.kill_broker(BrokerId(1))?;
    /// kafka.restart_broker(BrokerId(1))?; // on the same port
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such broker.
    pub fn kill_broker(&self, broker: BrokerId) -> Result<(), MockError> {
        self.with_cluster(|cluster| cluster.kill_broker(broker))?;
        let listening = self.listening().remove(&broker);
        if let Some(listening) = listening {
            self.on_its_thread(listening.stop())?;
        }
        Ok(())
    }

    /// Brings a broker back on the port it had.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::BrokerId};
    ///
    /// let kafka = MockCluster::builder().start_blocking()?;
    /// kafka.kill_broker(BrokerId(1))?;
    /// kafka.restart_broker(BrokerId(1))?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such broker, or it cannot listen again.
    pub fn restart_broker(&self, broker: BrokerId) -> Result<(), MockError> {
        self.restart_broker_with(broker, Restart::WithData)
    }

    /// Brings a broker back on the port it had, with its data or on an empty disk.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::{BrokerId, Restart}};
    ///
    /// let kafka = MockCluster::builder().brokers(3).start_blocking()?;
    /// kafka.kill_broker(BrokerId(2))?;
    /// kafka.restart_broker_with(BrokerId(2), Restart::Empty)?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such broker, or it cannot listen again.
    pub fn restart_broker_with(&self, broker: BrokerId, data: Restart) -> Result<(), MockError> {
        let brokers = self.with_cluster(|cluster| cluster.config().brokers);
        let port = self.parts.ports.get(&broker).map(Port::number);
        let port = port.ok_or(ClusterError::UnknownBroker { broker, brokers })?;
        let mut listening = self.listening();
        if listening.contains_key(&broker) {
            return Ok(());
        }
        let shared = self.parts.shared.clone();
        let acceptor = self.parts.acceptor.clone();
        let started = self.on_its_thread(async move {
            let listener = listen(port).map_err(|source| MockError::Listen {
                broker,
                port,
                source,
            })?;
            shared.change(|cluster| cluster.restart_broker_with(broker, data))?;
            Ok::<_, MockError>(Listening::start(shared, broker, listener, acceptor))
        })??;
        listening.insert(broker, started);
        Ok(())
    }

    /// Kills each broker and brings it back, with its data, one after the other.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().brokers(3).start_blocking()?;
    /// kafka.rolling_restart()?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When a broker cannot listen again.
    pub fn rolling_restart(&self) -> Result<(), MockError> {
        let brokers = self.parts.ports.keys();
        brokers.copied().try_for_each(|broker| {
            self.kill_broker(broker)?;
            self.restart_broker(broker)
        })
    }

    fn listening(&self) -> MutexGuard<'_, BTreeMap<BrokerId, Listening>> {
        self.parts
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` on the thread of the cluster, and waits for it.
    fn on_its_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, MockError> {
        let (done, result) = std::sync::mpsc::channel();
        self.parts.runtime.spawn(async move {
            let _ = done.send(work.await);
        });
        result.recv().map_err(|_| MockError::Stopped)
    }

    /// Stops all brokers; nothing listens any more when this returns. Dropping does the same.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// kafka.shutdown();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn shutdown(self) {}
}

impl Drop for MockCluster {
    fn drop(&mut self) {
        drop(self.parts.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its result is of no interest: a panic of the cluster was printed when it happened.
            let _ = thread.join();
        }
    }
}
