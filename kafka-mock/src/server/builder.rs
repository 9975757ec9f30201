//! How an embedded cluster is described before it starts.

use std::sync::Arc;

use tokio::sync::oneshot;

#[cfg(feature = "tls")]
use super::tls::MockTls;
use super::{
    accept::Acceptor,
    error::MockError,
    exchange::{Exchange, Watcher},
    mock_cluster::{self, MockCluster, Plan},
};
use crate::cluster::{
    Acl, Authorizer, Cluster, ClusterConfig, Quota, QuotaEntity, SaslConfig, TelemetryConfig,
    TopicConfig,
};

/// Describes an embedded cluster: by default one broker, no topics, which are created by being
/// asked for.
///
/// ```
/// use kafka_mock::MockCluster;
///
/// let kafka = MockCluster::builder().brokers(3).topic("orders", 6).start_blocking()?;
/// assert_eq!(kafka.bootstrap_servers().split(',').count(), 3);
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a cluster does nothing until it is started"]
pub struct MockClusterBuilder {
    config: ClusterConfig,
    topics: Vec<(String, Topic)>,
    seed: u64,
    port: u16,
    watcher: Option<Watcher>,
    #[cfg(feature = "tls")]
    tls: Option<MockTls>,
}

#[derive(Clone, Debug)]
enum Topic {
    /// With the defaults of the cluster.
    Partitions(i32),
    Config(TopicConfig),
}

impl MockCluster {
    /// Describes a cluster to start.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().brokers(1).start_blocking()?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn builder() -> MockClusterBuilder {
        MockClusterBuilder::default()
    }
}

impl MockClusterBuilder {
    /// How many brokers there are; their ids count from 1.
    ///
    /// ```
    /// let _ = kafka_mock::MockCluster::builder().brokers(3);
    /// ```
    pub fn brokers(mut self, brokers: u16) -> Self {
        self.config.brokers = brokers;
        self
    }

    /// A topic that exists from the start, with the cluster's defaults.
    ///
    /// ```
    /// let _ = kafka_mock::MockCluster::builder().topic("orders", 6).topic("payments", 1);
    /// ```
    pub fn topic(mut self, name: impl Into<String>, partitions: i32) -> Self {
        self.topics
            .push((name.into(), Topic::Partitions(partitions)));
        self
    }

    /// A topic that exists from the start, with settings of its own.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cleanup, ClusterConfig};
    ///
    /// let defaults = ClusterConfig::default().topic(1);
    /// let compacted = defaults.with_cleanup(Cleanup::Compact);
    /// let _ = kafka_mock::MockCluster::builder().topic_with("accounts", compacted);
    /// ```
    pub fn topic_with(mut self, name: impl Into<String>, config: TopicConfig) -> Self {
        self.topics.push((name.into(), Topic::Config(config)));
        self
    }

    /// Clients must authenticate, on every broker.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::{SaslConfig, SaslMechanism}};
    ///
    /// let sasl = SaslConfig::new([SaslMechanism::ScramSha512]).with_user("alice", "alice-secret");
    /// let kafka = MockCluster::builder().sasl(sasl.clone()).start_blocking()?;
    /// // The password is changed while clients are connected.
    /// kafka.with_cluster(|cluster| cluster.set_sasl(sasl.with_user("alice", "another-secret")));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn sasl(mut self, sasl: SaslConfig) -> Self {
        self.config.sasl = Some(sasl);
        self
    }

    /// Brokers want these metrics of their clients (KIP-714). What is pushed is in
    /// [`Cluster::pushes`](crate::cluster::Cluster::pushes).
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::TelemetryConfig};
    ///
    /// let kafka = MockCluster::builder().telemetry(TelemetryConfig::default()).start_blocking()?;
    /// assert_eq!(kafka.with_cluster(|cluster| cluster.pushes().count()), 0);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn telemetry(mut self, wanted: TelemetryConfig) -> Self {
        self.config.telemetry = Some(wanted);
        self
    }

    /// Limits how many bytes per second clients write and read; see
    /// [`Cluster::set_quota`](crate::cluster::Cluster::set_quota), which does it at run time.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, cluster::{Quota, QuotaEntity}};
    ///
    /// let slow = Quota::default().with_producer_byte_rate(Some(1 << 20));
    /// let kafka = MockCluster::builder().quota(QuotaEntity::default_client_id(), slow).start_blocking()?;
    /// kafka.with_cluster(|cluster| cluster.set_quota(QuotaEntity::client_id("billing"), slow));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    pub fn quota(mut self, entity: QuotaEntity, quota: Quota) -> Self {
        self.config.quotas.push((entity, quota));
        self
    }

    /// No topic is created by being asked for.
    ///
    /// ```
    /// let _ = kafka_mock::MockCluster::builder().without_auto_create();
    /// ```
    pub fn without_auto_create(mut self) -> Self {
        self.config.auto_create_topics = false;
        self
    }

    /// An ACL. As long as none is about a resource, everybody may use it as they like; a cluster that goes by ACLs alone
    /// has an [`Authorizer`](crate::cluster::Authorizer) in its [`config`](Self::config).
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource};
    ///
    /// // Who has not logged in may read orders, and not write them.
    /// let read = Acl::allow("User:*", AclOperation::Read, AclResource::topic("orders"));
    /// let _ = kafka_mock::MockCluster::builder().topic("orders", 6).acl(read);
    /// ```
    pub fn acl(mut self, acl: Acl) -> Self {
        let authorizer = &mut self.config.authorizer;
        authorizer
            .get_or_insert_with(Authorizer::open)
            .acls
            .push(acl);
        self
    }

    /// Everything that can be chosen about the cluster, in the place of what was chosen before.
    ///
    /// ```
    /// use kafka_mock::cluster::ClusterConfig;
    ///
    /// let config = ClusterConfig::default().with_min_insync_replicas(2).with_brokers(3);
    /// let _ = kafka_mock::MockCluster::builder().config(config);
    /// ```
    pub fn config(mut self, config: ClusterConfig) -> Self {
        self.config = config;
        self
    }

    /// What ids of cluster and topics follow from.
    ///
    /// ```
    /// let _ = kafka_mock::MockCluster::builder().seed(42);
    /// ```
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Brokers speak TLS, and nothing else.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, MockTls};
    ///
    /// let _ = MockCluster::builder().tls(MockTls::new()?);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: MockTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The first broker listens on this port of 127.0.0.1, the next ones on those that follow; 0, as by default, is any
    /// that is free.
    ///
    /// ```
    /// let _ = kafka_mock::MockCluster::builder().port(9092).brokers(3); // 9092, 9093, 9094
    /// ```
    pub fn port(mut self, first: u16) -> Self {
        self.port = first;
        self
    }

    /// Tells this of each request and its answer, on the cluster's thread: it must neither wait nor ask the cluster.
    ///
    /// ```
    /// use kafka_mock::MockCluster;
    ///
    /// let _ = MockCluster::builder().on_exchange(|seen| println!("{}", seen.broker));
    /// ```
    pub fn on_exchange(mut self, tell: impl Fn(&Exchange) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Watcher(Arc::new(tell)));
        self
    }

    /// Starts it, and returns when clients can connect. Any async runtime will do.
    ///
    /// Dropped before it is ready, it leaves nothing behind.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kafka_mock::MockError> {
    /// let kafka = kafka_mock::MockCluster::builder().start().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a topic cannot be, a broker cannot listen, or no thread can be started.
    pub async fn start(self) -> Result<MockCluster, MockError> {
        let (ready, started) = oneshot::channel();
        let thread = mock_cluster::spawn(self.plan()?, move |result| {
            let _ = ready.send(result);
        })?;
        let parts = started.await.map_err(|_| MockError::Stopped)??;
        Ok(MockCluster::new(parts, thread))
    }

    /// Starts it, and returns when clients can connect; for programs without async.
    ///
    /// ```
    /// let kafka = kafka_mock::MockCluster::builder().start_blocking()?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When a topic cannot be, a broker cannot listen, or no thread can be started.
    pub fn start_blocking(self) -> Result<MockCluster, MockError> {
        let (ready, started) = std::sync::mpsc::channel();
        let thread = mock_cluster::spawn(self.plan()?, move |result| {
            let _ = ready.send(result);
        })?;
        let parts = started.recv().map_err(|_| MockError::Stopped)??;
        Ok(MockCluster::new(parts, thread))
    }

    fn plan(self) -> Result<Plan, MockError> {
        Ok(Plan {
            acceptor: self.acceptor()?,
            watcher: self.watcher.clone(),
            port: self.port,
            cluster: self.build()?,
        })
    }

    #[cfg(not(feature = "tls"))]
    fn acceptor(&self) -> Result<Acceptor, MockError> {
        Ok(Acceptor::Plain)
    }

    #[cfg(feature = "tls")]
    fn acceptor(&self) -> Result<Acceptor, MockError> {
        let Some(tls) = &self.tls else {
            return Ok(Acceptor::Plain);
        };
        Ok(Acceptor::Tls(tls.server()?.into(), Default::default()))
    }

    fn build(self) -> Result<Cluster, MockError> {
        let mut cluster = Cluster::new(self.config, self.seed);
        for (name, topic) in self.topics {
            let config = match topic {
                Topic::Partitions(partitions) => cluster.config().topic(partitions),
                Topic::Config(config) => config,
            };
            cluster.create_topic(&name, config)?;
        }
        Ok(cluster)
    }
}
