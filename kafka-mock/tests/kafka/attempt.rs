//! What a user asks for under some ACLs, and what comes of it: everything that can be done to a topic, to a group and with
//! a transactional id.

use std::{fmt::Debug, fmt::Write as _};

use kafka_wire::{
    Request, Uuid,
    messages::{
        AclCreation, AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AddPartitionsToTxnTopic,
        ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, CreateAclsRequest,
        CreatePartitionsRequest, CreatePartitionsTopic, CreateTopicsRequest, DeleteAclsFilter,
        DeleteAclsRequest, DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
        DescribeAclsRequest, DescribeConfigsRequest, DescribeGroupsRequest,
        DescribeProducersRequest, DescribeTransactionsRequest, EndTxnRequest,
        FindCoordinatorRequest, HeartbeatRequest, IncrementalAlterConfigsRequest,
        InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
        ListTransactionsRequest, MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest,
        OffsetFetchRequest, SyncGroupRequest, TxnOffsetCommitRequest,
        create_topics::CreatableTopic,
        delete_records::{DeleteRecordsPartition, DeleteRecordsTopic},
        describe_configs::DescribeConfigsResource,
        describe_producers::TopicRequest,
        incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
        leave_group::MemberIdentity,
        metadata::MetadataRequestTopic,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        txn_offset_commit::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use crate::{
    batches::{Sent, batch},
    broker::{Broker, fetch, list, produce},
    transactor::{coordinator_of, eventually},
};

/// A cluster as its administrator sees it, and as Alice does.
pub(crate) struct Cluster {
    pub(crate) admin: Broker,
    pub(crate) alice: Broker,
}

/// What is tried under some ACLs, and what came of it.
pub(crate) struct Attempt<'a> {
    pub(crate) cluster: &'a Cluster,
    /// Name of the topic, the group and the transactional id.
    pub(crate) name: String,
    pub(crate) notes: Vec<String>,
}

/// Kafka's numbers.
pub(crate) const TOPIC: i8 = 2;
pub(crate) const GROUP: i8 = 3;
pub(crate) const CLUSTER: i8 = 4;
pub(crate) const TRANSACTIONAL_ID: i8 = 5;
pub(crate) const LITERAL: i8 = 3;
pub(crate) const PREFIXED: i8 = 4;
pub(crate) const DENY: i8 = 2;
pub(crate) const ALLOW: i8 = 3;
pub(crate) const ANY: i8 = 1;
pub(crate) const ALL: i8 = 2;

/// ACLs of Alice and others: pattern, principal, operation, permission.
pub(crate) type Acls = &'static [(i8, &'static str, i8, i8)];

/// What is answered for a while.
const PASSING: [&str; 3] = [
    "COORDINATOR_LOAD_IN_PROGRESS",
    "COORDINATOR_NOT_AVAILABLE",
    "CONCURRENT_TRANSACTIONS",
];

/// All error codes of an answer, in their order.
fn codes(answer: &impl Debug) -> String {
    let text = format!("{answer:?}");
    let mut codes = String::new();
    for part in text.split("error_code: ").skip(1) {
        let code = part.split(['(', ',']).next().unwrap_or_default();
        let _ = write!(codes, " {code}");
    }
    codes
}

impl Attempt<'_> {
    pub(crate) fn note(&mut self, what: impl Debug) {
        self.notes.push(format!("{what:?}"));
    }

    pub(crate) fn ask<R: Request>(
        &mut self,
        broker: &Broker,
        version: i16,
        request: &R,
    ) -> R::Response {
        // A real cluster may not have started all it has, or may still end a transaction.
        let (answer, codes) = eventually(|| {
            let answer = broker.ask(version, request);
            let codes = codes(&answer);
            let passes = PASSING.iter().any(|code| codes.contains(code));
            (!passes).then_some((answer, codes))
        });
        self.notes.push(format!("{} {version}:{codes}", R::KEY));
        answer
    }

    /// Creates the ACLs, and waits until these brokers know them.
    pub(crate) fn protect(&mut self, kind: i8, acls: Acls, brokers: &[Broker]) {
        let creations = acls
            .iter()
            .map(|(pattern, principal, operation, permission)| {
                // A prefix of the name that no other name has.
                let name = match *pattern {
                    PREFIXED => &self.name[..self.name.len() - 1],
                    _ => &self.name,
                };
                AclCreation::default()
                    .with_resource_type(kind)
                    .with_resource_name(name.to_owned())
                    .with_resource_pattern_type(*pattern)
                    .with_principal((*principal).to_owned())
                    .with_host("*".to_owned())
                    .with_operation(*operation)
                    .with_permission_type(*permission)
            });
        let creations: Vec<_> = creations.collect();
        let request = CreateAclsRequest::default().with_creations(creations);
        let admin = self.cluster.admin.clone();
        self.ask(&admin, 3, &request);
        let about = DescribeAclsRequest::default()
            .with_resource_type_filter(kind)
            .with_resource_name_filter(Some(self.name.clone()))
            .with_pattern_type_filter(2)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(ANY)
            .with_permission_type(ANY);
        for broker in brokers {
            eventually(|| {
                let found = broker.ask(3, &about).resources;
                let found: usize = found.iter().map(|it| it.acls.len()).sum();
                (found == acls.len()).then_some(())
            });
        }
    }

    /// Deletes the ACLs, and notes how many there were.
    pub(crate) fn open(&mut self, kind: i8) {
        let filter = DeleteAclsFilter::default()
            .with_resource_type_filter(kind)
            .with_resource_name_filter(Some(self.name.clone()))
            .with_pattern_type_filter(2)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(ANY)
            .with_permission_type(ANY);
        let request = DeleteAclsRequest::default().with_filters(vec![filter]);
        let admin = self.cluster.admin.clone();
        let answer = self.ask(&admin, 3, &request);
        self.note(answer.filter_results[0].matching_acls.len());
    }

    pub(crate) fn look_at_topic(&mut self, alice: &Broker, id: Uuid) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(-1)
            .with_producer_epoch(-1);
        self.ask(alice, 4, &request);
        let named = MetadataRequestTopic::default().with_name(Some(self.name.clone()));
        let by_id = MetadataRequestTopic::default()
            .with_name(None)
            .with_topic_id(id);
        for (version, topics) in [
            (11, Some(vec![named.clone()])),
            (12, Some(vec![named])),
            (12, Some(vec![by_id])),
            (12, None),
        ] {
            let all = topics.is_none();
            let request = MetadataRequest::default().with_topics(topics);
            let answer = alice.ask(version, &request);
            let told = answer.topics.iter();
            // Of all topics, this one.
            let told = told.filter(|it| !all || it.name.as_ref() == Some(&self.name));
            let told = told.map(|it| {
                let named = it.name.as_deref().map(|name| name == self.name);
                (it.error_code, named, it.topic_id == id, it.partitions.len())
            });
            let told: Vec<_> = told.collect();
            self.note(("metadata", version, told));
        }
        for topic in [&*self.name.clone(), "not-there-at-all"] {
            self.note(list(alice, topic, -1));
            self.note(fetch(alice, topic, 12, 0).0.0);
        }
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(self.name.clone());
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let settings = self.ask(alice, 4, &request).results.remove(0).configs.len();
        self.note(settings > 0);
        let topic = TopicRequest::default()
            .with_name(self.name.clone())
            .with_partition_indexes(vec![0]);
        let request = DescribeProducersRequest::default().with_topics(vec![topic]);
        self.ask(alice, 0, &request);
    }

    pub(crate) fn change_topic(&mut self, alice: &Broker) {
        let sent = Sent::from(batch(&["a"]));
        for version in [9, 12] {
            self.note(produce(alice, &self.name, 0, version, &sent));
        }
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(self.name.clone())
            .with_partitions(vec![0]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(format!("free-{}", self.name))
            .with_v3_and_below_producer_id(1)
            .with_v3_and_below_topics(vec![topic]);
        let by_id = coordinator_of(&self.cluster.admin, &format!("free-{}", self.name), 1);
        let by_id = self.as_alice(&by_id);
        self.ask(&by_id, 3, &request);
        let partition = DeleteRecordsPartition::default().with_offset(1);
        let topic = DeleteRecordsTopic::default()
            .with_name(self.name.clone())
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000);
        self.ask(alice, 2, &request);
        let topic = CreatePartitionsTopic::default()
            .with_name(self.name.clone())
            .with_count(2)
            .with_assignments(None);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000)
            .with_validate_only(true);
        self.ask(alice, 3, &request);
        let setting = AlterableConfig::default()
            .with_name("retention.ms".to_owned())
            .with_value(Some("1000".to_owned()));
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(self.name.clone())
            .with_configs(vec![setting]);
        let request = IncrementalAlterConfigsRequest::default()
            .with_resources(vec![resource])
            .with_validate_only(true);
        self.ask(alice, 1, &request);
        let topic = CreatableTopic::default()
            .with_name(self.name.clone())
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000);
        self.ask(alice, 7, &request);
    }

    pub(crate) fn as_alice(&self, broker: &Broker) -> Broker {
        let nothing = MetadataRequest::default().with_topics(Some(vec![]));
        let brokers = self.cluster.admin.ask(12, &nothing).brokers;
        let id = brokers.iter().find(|it| broker.is_at(it.port)).unwrap();
        self.cluster.alice.other(id.node_id)
    }

    pub(crate) fn delete_topic(&mut self, alice: &Broker) {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![self.name.clone()])
            .with_timeout_ms(30_000);
        self.ask(alice, 5, &request);
    }

    /// Offsets of the topic, in a group.
    pub(crate) fn use_offsets(&mut self, alice: &Broker, group: &str, topic: &str) {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
        let committed = OffsetCommitRequestTopic::default()
            .with_name(topic.to_owned())
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group.to_owned())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![committed]);
        self.ask(alice, 8, &request);
        let wanted = OffsetFetchRequestTopics::default()
            .with_name(topic.to_owned())
            .with_partition_indexes(vec![0]);
        for topics in [Some(vec![wanted]), None] {
            let wanted = OffsetFetchRequestGroup::default()
                .with_group_id(group.to_owned())
                .with_topics(topics);
            let request = OffsetFetchRequest::default().with_groups(vec![wanted]);
            let answer = self.ask(alice, 9, &request);
            let topics = answer.groups[0].topics.iter();
            let offsets = topics.flat_map(|it| &it.partitions);
            let offsets: Vec<_> = offsets.map(|it| it.committed_offset).collect();
            self.note(offsets);
        }
        let deleted = OffsetDeleteRequestTopic::default()
            .with_name(topic.to_owned())
            .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
        let request = OffsetDeleteRequest::default()
            .with_group_id(group.to_owned())
            .with_topics(vec![deleted]);
        self.ask(alice, 0, &request);
    }

    pub(crate) fn be_a_member(&mut self, alice: &Broker) {
        let group = self.name.clone();
        let nobody = "not-a-member".to_owned();
        let request = JoinGroupRequest::default()
            .with_group_id(group.clone())
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_member_id(nobody.clone())
            .with_protocol_type("consumer".to_owned());
        self.ask(alice, 5, &request);
        let request = SyncGroupRequest::default()
            .with_group_id(group.clone())
            .with_member_id(nobody.clone());
        self.ask(alice, 3, &request);
        let request = HeartbeatRequest::default()
            .with_group_id(group.clone())
            .with_member_id(nobody.clone());
        self.ask(alice, 4, &request);
        let member = MemberIdentity::default().with_member_id(nobody.clone());
        let request = LeaveGroupRequest::default()
            .with_group_id(group.clone())
            .with_members(vec![member]);
        self.ask(alice, 4, &request);
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group)
            .with_member_id(nobody)
            .with_member_epoch(5);
        self.ask(alice, 1, &request);
    }

    pub(crate) fn look_at_group(&mut self, alice: &Broker) {
        let group = self.name.clone();
        self.find(alice, 0);
        let request = DescribeGroupsRequest::default().with_groups(vec![group.clone()]);
        self.ask(alice, 6, &request);
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group.clone()]);
        self.ask(alice, 1, &request);
        let groups = alice.ask(5, &ListGroupsRequest::default()).groups;
        self.note(groups.iter().any(|it| it.group_id == group));
        let request = DeleteGroupsRequest::default().with_groups_names(vec![group]);
        self.ask(alice, 2, &request);
    }

    pub(crate) fn find(&mut self, alice: &Broker, key_type: i8) {
        let request = FindCoordinatorRequest::default()
            .with_key_type(key_type)
            .with_coordinator_keys(vec![self.name.clone()]);
        self.ask(alice, 4, &request);
    }

    /// A whole transaction, as far as it comes, by a producer with an id that the administrator has made.
    pub(crate) fn transact(&mut self, alice: &Broker, (id, epoch): (i64, i16), topic: &str) {
        let name = self.name.clone();
        self.find(alice, 1);
        let added = AddPartitionsToTxnTopic::default()
            .with_name(topic.to_owned())
            .with_partitions(vec![0]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(name.clone())
            .with_v3_and_below_producer_id(id)
            .with_v3_and_below_producer_epoch(epoch)
            .with_v3_and_below_topics(vec![added]);
        self.ask(alice, 3, &request);
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(name.clone())
            .with_producer_id(id)
            .with_producer_epoch(epoch)
            .with_group_id(format!("free-{name}"));
        self.ask(alice, 3, &request);
        let request =
            DescribeTransactionsRequest::default().with_transactional_ids(vec![name.clone()]);
        let described = self.ask(alice, 0, &request).transaction_states.remove(0);
        self.note(described.topics.len());
        let listed = alice.ask(1, &ListTransactionsRequest::default());
        let mut listed = listed.transaction_states.iter();
        let is_listed = listed.any(|it| it.transactional_id == name);
        self.note(is_listed);
        let request = EndTxnRequest::default()
            .with_transactional_id(name.clone())
            .with_producer_id(id)
            .with_producer_epoch(epoch);
        self.ask(alice, 4, &request);
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(name))
            .with_transaction_timeout_ms(10_000)
            .with_producer_id(-1)
            .with_producer_epoch(-1);
        self.ask(alice, 4, &request);
    }

    pub(crate) fn commit_offsets_in_transaction(
        &mut self,
        alice: &Broker,
        group: &str,
        topic: &str,
    ) {
        let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(1);
        let committed = TxnOffsetCommitRequestTopic::default()
            .with_name(topic.to_owned())
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(self.name.clone())
            .with_group_id(group.to_owned())
            .with_producer_id(1)
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![committed]);
        self.ask(alice, 3, &request);
    }

    /// A producer of this transactional id.
    pub(crate) fn producer(&self) -> (i64, i16) {
        let coordinator = coordinator_of(&self.cluster.admin, &self.name, 1);
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(self.name.clone()))
            .with_transaction_timeout_ms(10_000)
            .with_producer_id(-1)
            .with_producer_epoch(-1);
        eventually(|| {
            let answer = coordinator.ask(4, &request);
            let found = (answer.producer_id, answer.producer_epoch);
            answer.error_code.is_none().then_some(found)
        })
    }
}
