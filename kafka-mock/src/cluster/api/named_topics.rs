//! The topics and partitions that each request names, for faults that are for some of them only.

use kafka_wire::{
    Uuid,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AlterClientQuotasRequest,
        ApiVersionsRequest, ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest,
        CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest,
        DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest,
        DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeGroupsRequest, DescribeProducersRequest, DescribeTransactionsRequest,
        EndTxnRequest, FetchRequest, FindCoordinatorRequest, GetTelemetrySubscriptionsRequest,
        HeartbeatRequest, IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest,
        LeaveGroupRequest, ListGroupsRequest, ListOffsetsRequest, ListTransactionsRequest,
        MetadataRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest,
        ProduceRequest, PushTelemetryRequest, SaslAuthenticateRequest, SaslHandshakeRequest,
        SyncGroupRequest, TxnOffsetCommitRequest,
    },
};

/// A request, and the topics that it names.
pub(super) trait NamedTopics {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        Vec::new()
    }
}

/// A topic or partition that a request names.
pub(super) struct NamedTopic<'a> {
    pub(super) name: &'a str,
    pub(super) id: Uuid,
    pub(super) partition: Option<i32>,
}

impl<'a> NamedTopic<'a> {
    fn whole(name: Option<&'a str>, id: Uuid) -> Self {
        Self {
            name: name.unwrap_or_default(),
            id,
            partition: None,
        }
    }
}

impl NamedTopics for AlterClientQuotasRequest {}
impl NamedTopics for ApiVersionsRequest {}
impl NamedTopics for CreateAclsRequest {}
impl NamedTopics for DeleteAclsRequest {}
impl NamedTopics for DescribeAclsRequest {}
impl NamedTopics for DescribeClientQuotasRequest {}
impl NamedTopics for DescribeClusterRequest {}
impl NamedTopics for DescribeConfigsRequest {}
impl NamedTopics for FindCoordinatorRequest {}
impl NamedTopics for GetTelemetrySubscriptionsRequest {}
impl NamedTopics for InitProducerIdRequest {}
impl NamedTopics for PushTelemetryRequest {}
impl NamedTopics for AddOffsetsToTxnRequest {}
impl NamedTopics for EndTxnRequest {}
impl NamedTopics for SaslHandshakeRequest {}
impl NamedTopics for SaslAuthenticateRequest {}
impl NamedTopics for ConsumerGroupDescribeRequest {}
impl NamedTopics for JoinGroupRequest {}
impl NamedTopics for SyncGroupRequest {}
impl NamedTopics for HeartbeatRequest {}
impl NamedTopics for LeaveGroupRequest {}
impl NamedTopics for DescribeGroupsRequest {}
impl NamedTopics for ListGroupsRequest {}
impl NamedTopics for DeleteGroupsRequest {}
impl NamedTopics for DescribeTransactionsRequest {}
impl NamedTopics for ListTransactionsRequest {}
impl NamedTopics for IncrementalAlterConfigsRequest {}

/// Requests that name partitions, topic by topic: the fields that hold the topics and their
/// partitions, then how one of each gives the name, the id and the number.
macro_rules! by_partition {
    ($($request:ty: $topics:ident, $partitions:ident,
        |$topic:ident, $it:ident| ($name:expr, $id:expr, $number:expr);)*) => {$(
        impl NamedTopics for $request {
            fn named_topics(&self) -> Vec<NamedTopic<'_>> {
                let named = self.$topics.iter().flat_map(|$topic| {
                    $topic.$partitions.iter().map(|$it| NamedTopic {
                        name: &$name,
                        id: $id,
                        partition: Some($number),
                    })
                });
                named.collect()
            }
        }
    )*};
}

by_partition! {
    TxnOffsetCommitRequest: topics, partitions,
        |topic, it| (topic.name, topic.topic_id, it.partition_index);
    OffsetCommitRequest: topics, partitions,
        |topic, it| (topic.name, topic.topic_id, it.partition_index);
    OffsetDeleteRequest: topics, partitions,
        |topic, it| (topic.name, Uuid::ZERO, it.partition_index);
    DescribeProducersRequest: topics, partition_indexes,
        |topic, it| (topic.name, Uuid::ZERO, *it);
    ProduceRequest: topic_data, partition_data,
        |topic, it| (topic.name, topic.topic_id, it.index);
    FetchRequest: topics, partitions,
        |topic, it| (topic.topic, topic.topic_id, it.partition);
    DeleteRecordsRequest: topics, partitions,
        |topic, it| (topic.name, Uuid::ZERO, it.partition_index);
    ListOffsetsRequest: topics, partitions,
        |topic, it| (topic.name, Uuid::ZERO, it.partition_index);
}

impl NamedTopics for AddPartitionsToTxnRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let batched = self.transactions.iter().flat_map(|it| &it.topics);
        let topics = self.v3_and_below_topics.iter().chain(batched);
        let items = topics.flat_map(|topic| {
            topic.partitions.iter().map(|&partition| NamedTopic {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition),
            })
        });
        items.collect()
    }
}

impl NamedTopics for MetadataRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let topics = self.topics.iter().flatten();
        let named = topics.map(|it| NamedTopic::whole(it.name.as_deref(), it.topic_id));
        named.collect()
    }
}

impl NamedTopics for CreatePartitionsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let names = self.topics.iter().map(|topic| topic.name.as_str());
        names
            .map(|it| NamedTopic::whole(Some(it), Uuid::ZERO))
            .collect()
    }
}

impl NamedTopics for ConsumerGroupHeartbeatRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let names = self.subscribed_topic_names.iter().flatten();
        names
            .map(|it| NamedTopic::whole(Some(it), Uuid::ZERO))
            .collect()
    }
}

impl NamedTopics for CreateTopicsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let names = self.topics.iter().map(|topic| topic.name.as_str());
        names
            .map(|it| NamedTopic::whole(Some(it), Uuid::ZERO))
            .collect()
    }
}

impl NamedTopics for DeleteTopicsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let names = self.topic_names.iter();
        let names = names.map(|it| NamedTopic::whole(Some(it), Uuid::ZERO));
        let states = self.topics.iter();
        let states = states.map(|it| NamedTopic::whole(it.name.as_deref(), it.topic_id));
        names.chain(states).collect()
    }
}

impl NamedTopics for OffsetFetchRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let old = self.topics.iter().flatten().flat_map(|topic| {
            let partitions = topic.partition_indexes.iter();
            partitions.map(|&partition| (&topic.name, Uuid::ZERO, partition))
        });
        let topics = self.groups.iter().flat_map(|it| it.topics.iter().flatten());
        let topics = topics.flat_map(|topic| {
            let partitions = topic.partition_indexes.iter();
            partitions.map(|&partition| (&topic.name, topic.topic_id, partition))
        });
        let named = old.chain(topics).map(|(name, id, partition)| NamedTopic {
            name,
            id,
            partition: Some(partition),
        });
        named.collect()
    }
}
