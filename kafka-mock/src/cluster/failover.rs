//! Brokers that die, freeze and return, and coordinators that move.
//!
//! The driver of the cluster closes the connections of a broker that was killed. A broker that is
//! frozen keeps its connections, takes requests and answers nothing; when its session is over the
//! cluster goes on without it.

use std::time::Instant;

use super::{
    BrokerId, Cluster, ClusterError, CoordinatorKind, Restart,
    broker::{Broker, BrokerState},
    timers::Due,
};

impl Cluster {
    /// Kills a broker: it answers nothing any more, and its partitions are led by other in-sync
    /// replicas, or have no leader. What no other replica has yet is lost. Killing it twice changes
    /// nothing.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default().with_brokers(2), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.kill_broker(BrokerId(1))?;
    /// assert_eq!(cluster.leader("orders", 0)?, Some(BrokerId(2)));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn kill_broker(&mut self, broker: BrokerId) -> Result<(), ClusterError> {
        let was = self.set_state(broker, BrokerState::Dead)?;
        if was != BrokerState::Dead {
            self.blocked.retain(|link, _| link.broker != broker);
            self.quotas.forget_broker(broker);
            self.fail_over(broker);
        }
        Ok(())
    }

    /// Brings a broker back. It leads only partitions that have no other leader. Of earlier batches
    /// it remembers only the last batch of each producer, as a broker does that reads its snapshot.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.kill_broker(BrokerId(1))?;
    /// assert_eq!(cluster.leader("orders", 0)?, None);
    /// cluster.restart_broker(BrokerId(1))?;
    /// assert_eq!(cluster.leader("orders", 0)?, Some(BrokerId(1)));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn restart_broker(&mut self, broker: BrokerId) -> Result<(), ClusterError> {
        self.restart_broker_with(broker, Restart::WithData)
    }

    /// Brings a broker back with what it had, or on an empty disk.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig, Restart};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.kill_broker(BrokerId(1))?;
    /// cluster.restart_broker_with(BrokerId(1), Restart::Empty)?;
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn restart_broker_with(
        &mut self,
        broker: BrokerId,
        data: Restart,
    ) -> Result<(), ClusterError> {
        if self.state_of(broker)? != BrokerState::Dead {
            return Ok(());
        }
        self.set_state(broker, BrokerState::Alive)?;
        for partition in self.topics.partitions_mut() {
            partition.start(broker, data);
        }
        self.rejoin();
        Ok(())
    }

    /// Freezes a broker: it takes requests and answers nothing until it is thawed. After the
    /// session timeout its partitions are led by others.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default().with_brokers(2), 1);
    /// cluster.create_topic("orders", cluster.config().topic(1))?;
    /// cluster.freeze_broker(BrokerId(1))?;
    /// assert_eq!(cluster.leader("orders", 0)?, Some(BrokerId(1)), "nobody has noticed yet");
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn freeze_broker(&mut self, broker: BrokerId) -> Result<(), ClusterError> {
        if self.state_of(broker)? == BrokerState::Alive {
            let since = self.last_seen;
            self.set_state(broker, BrokerState::Frozen { since })?;
            if let Some(since) = since {
                let at = since + self.config.broker_session_timeout;
                self.timers.set(at, Due::Session(broker));
            }
        }
        Ok(())
    }

    /// Lets a frozen broker go on, with all requests that it got meanwhile.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.freeze_broker(BrokerId(1))?;
    /// cluster.thaw_broker(BrokerId(1))?;
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn thaw_broker(&mut self, broker: BrokerId) -> Result<(), ClusterError> {
        let state = self.state_of(broker)?;
        if matches!(state, BrokerState::Frozen { .. } | BrokerState::Fenced) {
            self.set_state(broker, BrokerState::Alive)?;
            self.rejoin();
        }
        Ok(())
    }

    /// Makes this broker the coordinator of a name, and of others that belong to the same
    /// partition of the internal topic; it loads what is known of them first.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig, CoordinatorKind};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default().with_brokers(2), 1);
    /// cluster.move_coordinator(CoordinatorKind::Transaction, "tx", BrokerId(2))?;
    /// let coordinator = cluster.coordinator(CoordinatorKind::Transaction, "tx");
    /// assert_eq!(coordinator, Some(BrokerId(2)));
    /// # Ok::<(), kafka_mock::cluster::ClusterError>(())
    /// ```
    pub fn move_coordinator(
        &mut self,
        kind: CoordinatorKind,
        key: &str,
        to: BrokerId,
    ) -> Result<(), ClusterError> {
        if !matches!(
            self.state_of(to)?,
            BrokerState::Alive | BrokerState::Frozen { .. }
        ) {
            return Err(ClusterError::NotThere { broker: to });
        }
        let ready_at = self.loaded_at();
        self.coordinators
            .move_to((kind, key), to, ready_at, &self.brokers);
        self.reload_groups();
        Ok(())
    }

    /// The coordinator of a name; none if no broker is alive.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig, CoordinatorKind};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// assert_eq!(cluster.coordinator(CoordinatorKind::Group, "g"), Some(BrokerId(1)));
    /// ```
    pub fn coordinator(&mut self, kind: CoordinatorKind, key: &str) -> Option<BrokerId> {
        self.coordinators.of(kind, key, &self.brokers).broker
    }

    /// Starts the session timers of frozen brokers that have none yet.
    pub(super) fn start_sessions(&mut self, now: Instant) {
        let session = self.config.broker_session_timeout;
        for (id, state) in self.brokers.states_mut() {
            if *state == (BrokerState::Frozen { since: None }) {
                *state = BrokerState::Frozen { since: Some(now) };
                self.timers.set(now + session, Due::Session(id));
            }
        }
    }

    /// A frozen broker may have been silent for too long.
    pub(super) fn check_session(&mut self, now: Instant, broker: BrokerId) {
        let Ok(BrokerState::Frozen { since: Some(since) }) = self.state_of(broker) else {
            return;
        };
        if since + self.config.broker_session_timeout <= now {
            let _ = self.set_state(broker, BrokerState::Fenced);
            self.fail_over(broker);
        }
    }

    /// The cluster goes on without this broker.
    fn fail_over(&mut self, broker: BrokerId) {
        for partition in self.topics.partitions_mut() {
            partition.lose(broker, &self.brokers, self.config.unclean_election);
        }
        let ready_at = self.loaded_at();
        self.coordinators.leave(broker, ready_at, &self.brokers);
        self.reload_groups();
        self.catch_up();
    }

    /// The cluster has one broker more.
    fn rejoin(&mut self) {
        for partition in self.topics.partitions_mut() {
            partition.regain(&self.brokers, self.config.unclean_election);
        }
        let ready_at = self.loaded_at();
        self.coordinators.arrive(ready_at, &self.brokers);
        self.reload_groups();
        self.catch_up();
    }

    /// When a coordinator that begins to load now is ready.
    fn loaded_at(&mut self) -> Option<Instant> {
        let load = self.random.duration(&self.config.coordinator_load);
        Some(self.last_seen? + load)
    }

    fn state_of(&self, broker: BrokerId) -> Result<BrokerState, ClusterError> {
        let brokers = self.config.brokers;
        let found = self.brokers.get(broker);
        let found = found.ok_or(ClusterError::UnknownBroker { broker, brokers })?;
        Ok(found.state)
    }

    /// Changes the state of a broker, and says what it was.
    fn set_state(
        &mut self,
        broker: BrokerId,
        state: BrokerState,
    ) -> Result<BrokerState, ClusterError> {
        let known = self.known_broker(broker)?;
        Ok(std::mem::replace(&mut known.state, state))
    }

    pub(super) fn known_broker(&mut self, broker: BrokerId) -> Result<&mut Broker, ClusterError> {
        let brokers = self.config.brokers;
        let found = self.brokers.get_mut(broker);
        found.ok_or(ClusterError::UnknownBroker { broker, brokers })
    }
}
