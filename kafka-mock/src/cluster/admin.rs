//! What a test does to the cluster: topics, leaders, and brokers that die and return.
//!
//! The same that CreateTopics and its like do over the wire, without a request. The driver of the
//! cluster closes the connections of a broker that was killed.

use kafka_wire::{ApiKey, Uuid};

use super::{
    BrokerId, Cluster, ClusterConfig, Membership, SaslConfig, TopicConfig, partition::Partition,
    sasl::Sasl, topic::Topic, topic_config, topic_name,
};

/// Why the cluster cannot be changed like that.
///
/// ```
/// use kafka_mock::cluster::{Cluster, ClusterConfig, ClusterError};
///
/// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
/// let error = cluster.create_topic("a b", cluster.config().topic(1)).unwrap_err();
/// assert!(matches!(error, ClusterError::InvalidTopicName { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is no such topic.
    #[error("there is no topic `{topic}`")]
    UnknownTopic {
        /// Its name.
        topic: String,
    },
    /// The topic has no such partition.
    #[error("topic `{topic}` has no partition {partition}")]
    UnknownPartition {
        /// Name of the topic.
        topic: String,
        /// Number of the partition.
        partition: i32,
    },
    /// There is no such broker.
    #[error("there is no {broker}; there are brokers 1 to {brokers}")]
    UnknownBroker {
        /// Its id.
        broker: BrokerId,
        /// How many there are.
        brokers: u16,
    },
    /// A topic of that name exists.
    #[error("topic `{topic}` exists already")]
    TopicExists {
        /// Its name.
        topic: String,
    },
    /// No topic can have that name.
    #[error("`{topic}` cannot be the name of a topic: {reason}")]
    InvalidTopicName {
        /// The name.
        topic: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A number of partitions that is not possible.
    #[error("{partitions} partitions are not possible; allowed are {least} or more")]
    Partitions {
        /// What was asked for.
        partitions: i32,
        /// The least that is allowed.
        least: i32,
    },
    /// The cluster would have more partitions than are allowed.
    #[error("the cluster would have {partitions} partitions; allowed are {CLUSTER_PARTITIONS_MAX}")]
    TooManyPartitions {
        /// How many there would be.
        partitions: usize,
    },
    /// A number of replicas that is not possible.
    #[error("{replicas} replicas are not possible; allowed are 1 to {alive}, the brokers alive")]
    Replicas {
        /// What was asked for.
        replicas: i16,
        /// How many brokers are alive.
        alive: usize,
    },
    /// The broker is dead, or the cluster has given it up.
    #[error("{broker} is not there")]
    NotThere {
        /// The broker.
        broker: BrokerId,
    },
    /// The broker cannot lead: it is not in sync, or not alive.
    #[error(
        "{broker} cannot lead `{topic}`-{partition}: it is not one of its live in-sync replicas"
    )]
    NotInSync {
        /// The broker.
        broker: BrokerId,
        /// Name of the topic.
        topic: String,
        /// Number of the partition.
        partition: i32,
    },
}

impl Cluster {
    /// What was chosen about the cluster.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).config().brokers, 1);
    /// ```
    #[must_use]
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Id of the cluster.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(!Cluster::new(ClusterConfig::default(), 1).id().is_zero());
    /// ```
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// All brokers, dead ones too.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let cluster = Cluster::new(ClusterConfig::default().with_brokers(2), 1);
    /// assert_eq!(cluster.brokers().collect::<Vec<_>>(), [BrokerId(1), BrokerId(2)]);
    /// ```
    pub fn brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.brokers.ids()
    }

    /// Tells where clients find a broker; `127.0.0.1:9092` and on, if nothing is said.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.set_address(BrokerId(1), "localhost", 19092)?;
    /// assert!(cluster.set_address(BrokerId(9), "localhost", 19092).is_err());
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn set_address(
        &mut self,
        broker: BrokerId,
        host: impl Into<String>,
        port: u16,
    ) -> Result<(), ClusterError> {
        let known = self.known_broker(broker)?;
        known.host = host.into();
        known.port = port;
        Ok(())
    }

    /// How clients authenticate, if they must.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).sasl().is_none());
    /// ```
    #[must_use]
    pub fn sasl(&self) -> Option<&SaslConfig> {
        self.sasl.as_ref().map(Sasl::config)
    }

    /// Changes how clients authenticate: users, passwords, mechanisms. Clients that are
    /// authenticated stay so until they authenticate anew.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, SaslConfig, SaslMechanism};
    ///
    /// let sasl = SaslConfig::new([SaslMechanism::Plain]).with_user("alice", "alice-secret");
    /// let mut cluster = Cluster::new(ClusterConfig::default().with_sasl(Some(sasl.clone())), 1);
    /// cluster.set_sasl(sasl.with_user("alice", "another-secret"));
    /// ```
    pub fn set_sasl(&mut self, config: SaslConfig) {
        match &mut self.sasl {
            Some(sasl) => sasl.set_config(config),
            none => *none = Some(Sasl::new(config)),
        }
    }

    /// Lets one broker offer no versions above these, as in a cluster that is being upgraded broker
    /// by broker. Its clients ask for versions when they connect: close their connections.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    /// use kafka_wire::ApiKey;
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.set_version_caps(BrokerId(1), vec![(ApiKey::PRODUCE, 12)])?;
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn set_version_caps(
        &mut self,
        broker: BrokerId,
        caps: Vec<(ApiKey, i16)>,
    ) -> Result<(), ClusterError> {
        let known = self.known_broker(broker)?;
        known.caps = Some(caps);
        Ok(())
    }

    /// Above which versions a broker offers none.
    pub(super) fn caps_of(&self, broker: BrokerId) -> &[(ApiKey, i16)] {
        let own = self.brokers.get(broker);
        let own = own.and_then(|broker| broker.caps.as_deref());
        own.unwrap_or(&self.config.version_caps)
    }

    /// Creates a topic.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(6))?;
    /// assert_eq!(cluster.partitions("orders"), Some(6));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn create_topic(&mut self, name: &str, config: TopicConfig) -> Result<(), ClusterError> {
        self.may_create(name, &config)?;
        let partitions = (0..config.partitions).map(|_| self.place(config.replication_factor));
        let partitions: Vec<_> = partitions.collect();
        let settings = topic_config::own(&config, &self.config.topic(1));
        let id = self.random.uuid();
        self.topics.insert(
            name,
            Topic {
                id,
                config,
                settings,
                partitions,
            },
        );
        Ok(())
    }

    /// Whether such a topic could be created.
    pub(super) fn may_create(&self, name: &str, config: &TopicConfig) -> Result<(), ClusterError> {
        let topic = name.to_owned();
        if let Some(reason) = topic_name::problem_with(name) {
            return Err(ClusterError::InvalidTopicName { topic, reason });
        }
        if self.topics.get(name).is_some() {
            return Err(ClusterError::TopicExists { topic });
        }
        if config.partitions < 1 {
            let partitions = config.partitions;
            return Err(ClusterError::Partitions {
                partitions,
                least: 1,
            });
        }
        self.bear(config.partitions)?;
        let (replicas, alive) = (config.replication_factor, self.brokers.listed().count());
        if !(1..=alive).contains(&usize::try_from(replicas).unwrap_or(0)) {
            return Err(ClusterError::Replicas { replicas, alive });
        }
        Ok(())
    }

    /// Whether there is room for this many partitions more.
    fn bear(&self, added: i32) -> Result<(), ClusterError> {
        let added = usize::try_from(added).unwrap_or(0);
        let partitions = self.topics.partition_count() + added;
        if partitions > CLUSTER_PARTITIONS_MAX {
            return Err(ClusterError::TooManyPartitions { partitions });
        }
        Ok(())
    }

    /// A new partition on the next brokers in turn.
    fn place(&mut self, replicas: i16) -> Partition {
        let alive: Vec<BrokerId> = self.brokers.listed().map(|(id, _)| id).collect();
        let first = self.next_leader;
        self.next_leader = self.next_leader.wrapping_add(1);
        let replicas = usize::try_from(replicas).unwrap_or(0).min(alive.len());
        let chosen = (0..replicas).map(|n| alive[first.wrapping_add(n) % alive.len()]);
        Partition::new(chosen.collect(), &self.brokers)
    }

    /// Deletes a topic and its records.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// assert!(cluster.delete_topic("orders").is_err());
    /// ```
    pub fn delete_topic(&mut self, name: &str) -> Result<(), ClusterError> {
        let gone = self.topics.remove(name);
        gone.ok_or_else(|| ClusterError::UnknownTopic {
            topic: name.to_owned(),
        })?;
        self.recheck_all();
        Ok(())
    }

    /// Gives a topic more partitions: `partitions` in all.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.grow_topic("orders", 4)?;
    /// assert_eq!(cluster.partitions("orders"), Some(4));
    /// assert!(cluster.grow_topic("orders", 2).is_err());
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn grow_topic(&mut self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        self.may_grow(name, partitions)?;
        let TopicConfig {
            partitions: least,
            replication_factor: replicas,
            ..
        } = self.topic(name)?.config;
        let added: Vec<_> = (least..partitions).map(|_| self.place(replicas)).collect();
        if let Some(topic) = self.topics.get_mut(name) {
            topic.partitions.extend(added);
            topic.config.partitions = partitions;
        }
        Ok(())
    }

    /// Whether a topic could have so many partitions in all.
    pub(super) fn may_grow(&self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        let config = &self.topic(name)?.config;
        let (least, replicas) = (config.partitions, config.replication_factor);
        if partitions < least {
            return Err(ClusterError::Partitions { partitions, least });
        }
        if self.brokers.listed().next().is_none() {
            return Err(ClusterError::Replicas { replicas, alive: 0 });
        }
        self.bear(partitions - least)
    }

    /// Deletes all records before `offset`, as DeleteRecords and retention do.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.delete_records("orders", 0, 100)?;
    /// assert_eq!(cluster.partition_facts("orders", 0)?.log_start, 0, "there are none");
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn delete_records(
        &mut self,
        topic: &str,
        partition: i32,
        before: i64,
    ) -> Result<(), ClusterError> {
        let found = self.partition_mut(topic, partition)?;
        let before = before.min(found.high_watermark());
        found.log.delete_before(before);
        self.recheck_all();
        Ok(())
    }

    /// Forgets the idempotent producers of a partition, as retention does
    /// (`producer.id.expiration.ms`); those with an open transaction are kept.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.forget_producers("orders", 0)?;
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn forget_producers(&mut self, topic: &str, partition: i32) -> Result<(), ClusterError> {
        self.partition_mut(topic, partition)?.forget_producers();
        Ok(())
    }

    /// Changes the finalized level of the feature `transaction.version`, 0 to 2.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// Cluster::new(ClusterConfig::default(), 1).set_transaction_version(1);
    /// ```
    pub fn set_transaction_version(&mut self, level: i16) {
        self.transaction_version = level.clamp(0, 2);
        self.features_epoch += 1;
    }

    /// Says who is in a consumer group.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, GroupMember, Membership};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// let member = GroupMember::new("m-1");
    /// let membership = Membership::default().with_generation(3).with_members(vec![member]);
    /// cluster.set_membership("billing", membership);
    /// ```
    pub fn set_membership(&mut self, group: &str, membership: Membership) {
        self.group_or_new(group).set_membership(membership);
    }

    /// How many partitions a topic has.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).partitions("orders"), None);
    /// ```
    #[must_use]
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        Some(self.topics.get(topic)?.config.partitions)
    }

    /// The id of a topic, which is another when it is created again.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).topic_id("orders"), None);
    /// ```
    #[must_use]
    pub fn topic_id(&self, topic: &str) -> Option<Uuid> {
        Some(self.topics.get(topic)?.id)
    }

    /// Names of all topics, sorted.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).topics().count(), 0);
    /// ```
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.names()
    }

    /// Who leads a partition; none if no live replica can.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// assert_eq!(cluster.leader("orders", 0)?, Some(BrokerId(1)));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn leader(&self, topic: &str, partition: i32) -> Result<Option<BrokerId>, ClusterError> {
        let found = self.topic(topic)?.partition(partition);
        let found = found.ok_or_else(|| unknown_partition(topic, partition))?;
        Ok(found.leader)
    }

    /// Makes another in-sync replica the leader, in a new leader epoch.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default().with_brokers(3), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.move_leader("orders", 0, BrokerId(3))?;
    /// assert_eq!(cluster.leader("orders", 0)?, Some(BrokerId(3)));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        to: BrokerId,
    ) -> Result<(), ClusterError> {
        let alive = self.brokers.is_listed(to);
        let found = self.topics.get_mut(topic);
        let found = found
            .ok_or_else(|| unknown_topic(topic))?
            .partition_mut(partition);
        let found = found.ok_or_else(|| unknown_partition(topic, partition))?;
        if !alive || !found.in_sync.contains(&to) {
            let topic = topic.to_owned();
            return Err(ClusterError::NotInSync {
                broker: to,
                topic,
                partition,
            });
        }
        if found.leader != Some(to) {
            found.elect(Some(to));
            self.catch_up();
        }
        Ok(())
    }

    fn partition_mut(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> Result<&mut Partition, ClusterError> {
        let found = self.topics.get_mut(topic);
        let found = found.ok_or_else(|| unknown_topic(topic))?;
        let found = found.partition_mut(partition);
        found.ok_or_else(|| unknown_partition(topic, partition))
    }

    pub(super) fn topic(&self, name: &str) -> Result<&Topic, ClusterError> {
        self.topics.get(name).ok_or_else(|| unknown_topic(name))
    }
}

pub(super) fn unknown_topic(topic: &str) -> ClusterError {
    ClusterError::UnknownTopic {
        topic: topic.to_owned(),
    }
}

pub(super) fn unknown_partition(topic: &str, partition: i32) -> ClusterError {
    ClusterError::UnknownPartition {
        topic: topic.to_owned(),
        partition,
    }
}

/// How many partitions a request may add, as with Kafka's controller.
pub(super) const PARTITIONS_MAX: i32 = 10_000;
/// Requests of a few bytes could ask for any number; this many fit into an embedded cluster.
const CLUSTER_PARTITIONS_MAX: usize = 100_000;
