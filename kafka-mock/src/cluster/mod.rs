//! What the brokers of a cluster do, as one plain state machine.
//!
//! ```text
//! frame ─handle─▶ Answer: Send │ Nothing │ Close │ Delayed ─┐
//! time  ─tick───▶ Releases ◀────────────────────────────────┘
//! ```
//!
//! Its driver carries frames and time: [`Cluster::handle`] for each request that arrives,
//! [`Cluster::tick`] when [`Cluster::deadline`] has come. Requests of one connection are answered
//! in order, one at a time, as a broker does. The same calls with the same arguments give the same
//! answers.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or draws a random number that does
//! not follow from the seed. Any bytes may come: what is no request closes the connection.

mod acl;
mod acl_filter;
mod admin;
mod answer;
mod api;
mod broker;
mod byte_rate;
mod call;
mod config;
mod coordinator;
mod defect;
mod delayed;
mod facts;
mod failover;
mod fault;
mod group;
mod group_facts;
mod groups;
mod ids;
mod log;
mod marker;
mod markers;
mod now;
mod partition;
mod producer_expiration;
mod producer_state;
mod purgatory;
mod quota;
mod quotas;
mod random;
mod replication;
mod sasl;
mod setters;
mod telemetry;
mod throttling;
mod timers;
mod topic;
mod topic_config;
mod topic_name;
mod topic_setting;
mod transaction;
mod transaction_index;
mod transactions;
mod validate;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use bytes::Bytes;
use kafka_wire::Uuid;

use self::{
    broker::Brokers,
    coordinator::Coordinators,
    delayed::{BlockedConnection, Delayed},
    fault::Faults,
    group::Groups,
    ids::Link,
    quotas::Quotas,
    random::Random,
    sasl::Sasl,
    telemetry::Telemetry,
    timers::{Due, Timers},
    topic::Topics,
    transaction::Transactions,
};

pub use self::{
    acl::{Acl, AclOperation, AclResource, Authorizer},
    admin::ClusterError,
    answer::{Answer, Release, RequestSeen},
    config::{Cleanup, ClusterConfig, TopicConfig, TwoPhaseCommit},
    coordinator::CoordinatorKind,
    defect::Defect,
    facts::{
        HangingTransaction, LogContent, LogEntry, PartitionFacts, TransactionFacts,
        TransactionState,
    },
    fault::{Effect, Fault, When},
    group::{CommittedOffset, GroupMember, GroupState, Membership},
    group_facts::{GroupFacts, MemberFacts},
    ids::{BrokerId, ConnectionId},
    marker::TransactionOutcome,
    now::Now,
    partition::{Restart, UncleanElection},
    quota::{Quota, QuotaEntity},
    sasl::{AcceptedTokens, SaslConfig, SaslMechanism},
    telemetry::{Push, TelemetryConfig},
};
use crate::record::MockRecord;

/// A cluster of brokers; see the [module](self) for how it is driven.
///
/// ```
/// use std::time::Instant;
/// use kafka_mock::cluster::{Answer, BrokerId, Cluster, ClusterConfig, ConnectionId, Now};
/// use kafka_wire::{Request, decode_response, encode_request, messages::MetadataRequest};
///
/// let mut cluster = Cluster::new(ClusterConfig::default().with_brokers(3), 42);
/// cluster.create_topic("orders", cluster.config().topic(6))?;
///
/// let version = MetadataRequest::version(12)?;
/// let all = MetadataRequest::default().with_topics(None);
/// let frame = encode_request(1, None, version, &all)?.slice(4..); // without its length
/// let now = Now::new(Instant::now(), 1_700_000_000_000);
///
/// let Answer::Send(answer) = cluster.handle(now, BrokerId(1), ConnectionId(1), frame) else {
///     panic!("metadata is answered at once");
/// };
/// let (_, metadata) = decode_response::<MetadataRequest>(answer.slice(4..), version)?;
/// assert_eq!(metadata.topics[0].partitions.len(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cluster {
    config: ClusterConfig,
    id: Uuid,
    brokers: Brokers,
    topics: Topics,
    next_producer_id: i64,
    coordinators: Coordinators,
    transactions: Transactions,
    groups: Groups,
    next_ticket: u64,
    /// The finalized level of `transaction.version`, and how often it was changed.
    transaction_version: i16,
    features_epoch: i64,
    /// Spreads the leaders of topics over the brokers.
    next_leader: usize,
    random: Random,
    /// Where clients must authenticate.
    sasl: Option<Sasl>,
    /// Who may do what; `None`: everybody everything.
    authorizer: Option<Authorizer>,
    /// Which metrics of clients are wanted; `None`: the brokers receive none.
    telemetry: Option<Telemetry>,
    quotas: Quotas,
    faults: Faults,
    /// Connections on which something is delayed.
    blocked: BTreeMap<Link, BlockedConnection>,
    /// What the cluster does without a request, and when.
    timers: Timers,
    /// When producers are next checked for expiration.
    next_expiry: Option<Instant>,
    /// When something was first asked.
    first_seen: Option<Instant>,
    /// When something was last asked; nothing is delayed before.
    last_seen: Option<Instant>,
    requests: VecDeque<RequestSeen>,
}

impl Cluster {
    /// A cluster without topics; ids follow from the seed.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// let one = Cluster::new(ClusterConfig::default(), 7);
    /// assert_eq!(one.id(), Cluster::new(ClusterConfig::default(), 7).id());
    /// assert_ne!(one.id(), Cluster::new(ClusterConfig::default(), 8).id());
    /// ```
    #[must_use]
    pub fn new(config: ClusterConfig, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            id: random.uuid(),
            brokers: Brokers::new(config.brokers, &config.racks),
            transaction_version: config.transaction_version,
            features_epoch: FIRST_FEATURES_EPOCH,
            coordinators: Coordinators::default(),
            transactions: Transactions::default(),
            groups: Groups::default(),
            next_ticket: 0,
            timers: Timers::default(),
            next_expiry: None,
            first_seen: None,
            sasl: config.sasl.clone().map(Sasl::new),
            authorizer: config.authorizer.clone(),
            telemetry: config.telemetry.clone().map(Telemetry::new),
            quotas: Quotas::new(config.quotas.clone()),
            config,
            topics: Topics::default(),
            next_producer_id: FIRST_PRODUCER_ID,
            next_leader: 0,
            random,
            faults: Faults::default(),
            blocked: BTreeMap::new(),
            last_seen: None,
            requests: VecDeque::new(),
        }
    }

    /// What `broker` does about a request, which is given without its length.
    ///
    /// A dead broker closes the connection, and so does one that cannot read the frame.
    ///
    /// ```
    /// use std::time::Instant;
    /// use kafka_mock::cluster::{Answer, BrokerId, Cluster, ClusterConfig, ConnectionId, Now};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// let now = Now::new(Instant::now(), 0);
    /// let answer = cluster.handle(now, BrokerId(1), ConnectionId(1), b"GET / HTTP/1.1"[..].into());
    /// assert_eq!(answer, Answer::Close);
    /// ```
    pub fn handle(
        &mut self,
        now: Now,
        broker: BrokerId,
        connection: ConnectionId,
        frame: Bytes,
    ) -> Answer {
        self.advance(now);
        let link = Link { broker, connection };
        if self.brokers.is_dead(broker) {
            self.blocked.remove(&link);
            return Answer::Close;
        }
        if let Some(connection) = self.blocked.get_mut(&link) {
            connection.waiting.push_back(frame);
            return Answer::Delayed;
        }
        let outcome = match self.brokers.is_frozen(broker) {
            true => Err(Delayed::UntilThawed(frame)),
            false => self.serve(now, link, frame),
        };
        match outcome {
            Ok(answer) => answer,
            Err(delayed) => {
                self.blocked.insert(
                    link,
                    BlockedConnection {
                        delayed,
                        waiting: VecDeque::new(),
                    },
                );
                Answer::Delayed
            }
        }
    }

    /// The answers that are due, each connection's in order.
    ///
    /// ```
    /// use std::time::Instant;
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, Now};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// let now = Now::new(Instant::now(), 0);
    /// assert!(cluster.tick(now).is_empty());
    /// ```
    pub fn tick(&mut self, now: Now) -> Vec<Release> {
        self.advance(now);
        let brokers = &self.brokers;
        let due = self.blocked.iter().filter(|(link, connection)| {
            brokers.is_up(link.broker) && connection.delayed.is_due(now.instant)
        });
        let due: Vec<Link> = due.map(|(&link, _)| link).collect();
        let mut releases = Vec::new();
        for link in due {
            self.release(now, link, &mut releases);
        }
        releases
    }

    /// When [`tick`](Self::tick) has something to do next; it may have come already.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).deadline(), None);
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let awake = self.blocked.iter();
        let awake = awake.filter(|(link, _)| self.brokers.is_up(link.broker));
        let dues = awake.filter_map(|(_, connection)| match &connection.delayed {
            delayed if delayed.may_be_complete() => self.last_seen,
            delayed => delayed.until(),
        });
        dues.chain(self.timers.next()).min()
    }

    /// Does all that is due by now, in the order of time.
    fn advance(&mut self, now: Now) {
        self.first_seen.get_or_insert(now.instant);
        self.last_seen = self.last_seen.max(Some(now.instant));
        self.start_sessions(now.instant);
        self.expire_producers(now);
        while let Some(due) = self.timers.take(now.instant) {
            match due {
                Due::Session(broker) => self.check_session(now.instant, broker),
                Due::Replication { topic, partition } => {
                    if let Some(topic) = self.topics.name_of(topic).map(str::to_owned) {
                        self.check_replication(now.instant, &topic, partition);
                    }
                }
                Due::Markers(id) => self.write_markers(now, &id),
                Due::Timeout(id) => self.check_timeout(now, &id),
                Due::Group(name) => self.check_group(now, &name),
            }
        }
    }

    /// Forgets a connection that is gone, with all that is delayed on it.
    ///
    /// ```
    /// use kafka_mock::cluster::{BrokerId, Cluster, ClusterConfig, ConnectionId};
    ///
    /// Cluster::new(ClusterConfig::default(), 1).disconnected(BrokerId(1), ConnectionId(1));
    /// ```
    pub fn disconnected(&mut self, broker: BrokerId, connection: ConnectionId) {
        let link = Link { broker, connection };
        self.blocked.remove(&link);
        self.quotas.forget(link);
        if let Some(sasl) = &mut self.sasl {
            sasl.forget(link);
        }
    }

    /// Goes by these ACLs from now on; `None`: everybody may do everything.
    ///
    /// ```
    /// use kafka_mock::cluster::{Authorizer, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.set_authorizer(Some(Authorizer::default())); // nobody may do anything
    /// ```
    pub fn set_authorizer(&mut self, authorizer: Option<Authorizer>) {
        self.authorizer = authorizer;
    }

    /// What decides who may do what; `None`: everybody may do everything.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).authorizer(), None);
    /// ```
    #[must_use]
    pub fn authorizer(&self) -> Option<&Authorizer> {
        self.authorizer.as_ref()
    }

    /// Adds an ACL. Without an authorizer the cluster gets one that lets everybody do what no ACL is about.
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.add_acl(Acl::deny("User:*", AclOperation::Write, AclResource::topic("orders")));
    /// ```
    pub fn add_acl(&mut self, acl: Acl) {
        self.authorizer
            .get_or_insert_with(Authorizer::open)
            .acls
            .push(acl);
    }

    /// Removes an ACL, and returns whether there was one.
    ///
    /// ```
    /// use kafka_mock::cluster::{Acl, AclOperation, AclResource, Cluster, ClusterConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// let acl = Acl::deny("User:*", AclOperation::Write, AclResource::topic("orders"));
    /// cluster.add_acl(acl.clone());
    /// assert!(cluster.remove_acl(&acl));
    /// ```
    pub fn remove_acl(&mut self, acl: &Acl) -> bool {
        let acls = self.authorizer.as_mut().map(|it| &mut it.acls);
        let found = acls.and_then(|acls| Some((acls.iter().position(|it| it == acl)?, acls)));
        found.map(|(at, acls)| acls.remove(at)).is_some()
    }

    /// Lets something go wrong.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, Fault};
    /// use kafka_wire::ErrorCode;
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.inject(Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS).partition("orders", 0).times(2));
    /// assert_eq!(cluster.pending_faults().len(), 1);
    /// ```
    pub fn inject(&mut self, fault: Fault) {
        self.faults.inject(fault);
    }

    /// Faults that are still to strike.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).pending_faults().is_empty());
    /// ```
    pub fn pending_faults(&self) -> &[Fault] {
        self.faults.pending()
    }

    /// The tags of all faults that have struck, in ascending order, each with how often.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).struck().count(), 0);
    /// ```
    pub fn struck(&self) -> impl Iterator<Item = (u32, u64)> {
        self.faults.struck()
    }

    /// How often the faults with this [tag](Fault::tagged) have struck.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).strikes(7), 0);
    /// ```
    pub fn strikes(&self, tag: u32) -> u64 {
        self.faults.strikes(tag)
    }

    /// Takes back every fault that has not struck yet. What is delayed stays delayed, and a
    /// silenced connection silent.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, Fault, When};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.inject(Fault::disconnect(When::BeforeHandling).always());
    /// cluster.clear_faults();
    /// assert!(cluster.pending_faults().is_empty());
    /// ```
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The requests that reached a broker, oldest first, as far as they are remembered.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).requests().count(), 0);
    /// ```
    pub fn requests(&self) -> impl Iterator<Item = RequestSeen> {
        self.requests.iter().copied()
    }

    /// Every record of a topic, by partition and offset; none if there is no such topic.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert!(Cluster::new(ClusterConfig::default(), 1).records("orders").is_empty());
    /// ```
    #[must_use]
    pub fn records(&self, topic: &str) -> Vec<MockRecord> {
        let topic = self.topics.get(topic);
        topic.map_or_else(Vec::new, |topic| topic.records().collect())
    }

    /// How many records a topic has, without decoding them.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).record_count("orders"), 0);
    /// ```
    #[must_use]
    pub fn record_count(&self, topic: &str) -> usize {
        let Some(topic) = self.topics.get(topic) else {
            return 0;
        };
        let partitions = topic.partitions.iter();
        partitions.map(|it| it.log.data_records()).sum()
    }

    /// Wants these metrics of clients from now on (KIP-714). Connections on which the brokers have said what they
    /// offer before are not told.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig, TelemetryConfig};
    ///
    /// let mut cluster = Cluster::new(ClusterConfig::default(), 1);
    /// cluster.set_telemetry(TelemetryConfig::default().with_delta_temporality(false));
    /// ```
    pub fn set_telemetry(&mut self, wanted: TelemetryConfig) {
        match &mut self.telemetry {
            Some(telemetry) => telemetry.change(wanted),
            None => self.telemetry = Some(Telemetry::new(wanted)),
        }
    }

    /// The metrics that clients have pushed and brokers accepted, oldest first.
    ///
    /// ```
    /// use kafka_mock::cluster::{Cluster, ClusterConfig};
    ///
    /// assert_eq!(Cluster::new(ClusterConfig::default(), 1).pushes().count(), 0);
    /// ```
    pub fn pushes(&self) -> impl Iterator<Item = &Push> {
        let telemetry = self.telemetry.iter();
        telemetry.flat_map(Telemetry::pushes)
    }

    /// For requests that are only served if metrics are received.
    fn telemetry_mut(&mut self) -> &mut Telemetry {
        let none = || Telemetry::new(TelemetryConfig::default());
        self.telemetry.get_or_insert_with(none)
    }

    /// The broker that decides about topics: the first that is there.
    fn controller(&self) -> Option<BrokerId> {
        self.brokers.listed().next().map(|(id, _)| id)
    }

    /// Whether the brokers have this defect.
    fn has_defect(&self, defect: Defect) -> bool {
        self.config.defect == Some(defect)
    }

    fn remember(&mut self, request: RequestSeen) {
        if self.requests.len() >= self.config.requests_remembered {
            self.requests.pop_front();
        }
        if self.config.requests_remembered > 0 {
            self.requests.push_back(request);
        }
    }
}

/// Kafka's own is the offset of the controller's log; any positive number will do.
const FIRST_FEATURES_EPOCH: i64 = 1;
/// Not a number that could be a default.
const FIRST_PRODUCER_ID: i64 = 1000;
