//! What is done to a cluster, as data.

use std::time::Duration;

use crate::{
    MockCluster, MockError,
    cluster::{Acl, BrokerId, ClusterError, Quota, QuotaEntity, Restart},
};

/// Something to be done at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimedAct {
    /// Since the cluster has started.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// Something that is done to a cluster.
///
/// ```
/// use kafka_mock::{MockCluster, cluster::BrokerId, script::Act};
///
/// let kafka = MockCluster::builder().brokers(2).start_blocking()?;
/// kafka.perform(&Act::Kill(BrokerId(1)))?;
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// The broker is gone; its port refuses connections.
    Kill(BrokerId),
    /// The broker is back, with its data or without.
    Restart(BrokerId, Restart),
    /// The broker takes requests and answers nothing.
    Freeze(BrokerId),
    /// The broker goes on.
    Thaw(BrokerId),
    /// Each broker is killed and restarted, one after the other.
    RollingRestart,
    /// The partition has this leader.
    MoveLeader {
        /// Name of the topic.
        topic: String,
        /// Number of the partition.
        partition: i32,
        /// Who leads it then.
        to: BrokerId,
    },
    /// There is a topic with so many partitions.
    CreateTopic(String, i32),
    /// The topic has so many partitions.
    GrowTopic(String, i32),
    /// The topic is gone.
    DeleteTopic(String),
    /// The topic is made anew: empty, with another id.
    RecreateTopic(String),
    /// The partition forgets the sequence numbers of producers.
    ForgetProducers(String, i32),
    /// There is this ACL, too.
    AddAcl(Acl),
    /// There are no ACLs: everybody may do everything.
    RemoveAcls,
    /// These clients may write and read so much; without a limit, any.
    SetQuota(QuotaEntity, Quota),
}

impl MockCluster {
    /// Does something to the cluster.
    ///
    /// ```
    /// use kafka_mock::{MockCluster, script::Act};
    ///
    /// let kafka = MockCluster::builder().start_blocking()?;
    /// kafka.perform(&Act::CreateTopic("orders".to_owned(), 3))?;
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such broker, topic or partition, or a broker cannot listen again.
    pub fn perform(&self, act: &Act) -> Result<(), MockError> {
        match act {
            Act::Kill(broker) => self.kill_broker(*broker),
            Act::Restart(broker, data) => self.restart_broker_with(*broker, *data),
            Act::Freeze(broker) => Ok(self.with_cluster(|it| it.freeze_broker(*broker))?),
            Act::Thaw(broker) => Ok(self.with_cluster(|it| it.thaw_broker(*broker))?),
            Act::RollingRestart => self.rolling_restart(),
            Act::MoveLeader {
                topic,
                partition,
                to,
            } => self.move_leader(topic, *partition, *to),
            Act::CreateTopic(topic, partitions) => self.create_topic(topic, *partitions),
            Act::GrowTopic(topic, partitions) => self.grow_topic(topic, *partitions),
            Act::DeleteTopic(topic) => self.delete_topic(topic),
            Act::RecreateTopic(topic) => self.recreate_topic(topic),
            Act::ForgetProducers(topic, partition) => {
                Ok(self.with_cluster(|it| it.forget_producers(topic, *partition))?)
            }
            Act::AddAcl(acl) => {
                self.with_cluster(|it| it.add_acl(acl.clone()));
                Ok(())
            }
            Act::RemoveAcls => {
                self.with_cluster(|it| it.set_authorizer(None));
                Ok(())
            }
            Act::SetQuota(entity, quota) => {
                self.with_cluster(|it| it.set_quota(entity.clone(), *quota));
                Ok(())
            }
        }
    }

    fn recreate_topic(&self, topic: &str) -> Result<(), MockError> {
        let partitions = self.with_cluster(|cluster| cluster.partitions(topic));
        let unknown = || ClusterError::UnknownTopic {
            topic: topic.to_owned(),
        };
        let partitions = partitions.ok_or_else(unknown)?;
        self.delete_topic(topic)?;
        self.create_topic(topic, partitions)
    }
}
