//! The topics and partitions that each request names, for faults that are for some of them only.

use kafka_wire::{
    Uuid,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiVersionsRequest, CreateTopicsRequest,
        DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeProducersRequest, EndTxnRequest, FetchRequest, FindCoordinatorRequest,
        InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
        SaslAuthenticateRequest, SaslHandshakeRequest, TxnOffsetCommitRequest,
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

impl NamedTopics for ApiVersionsRequest {}
impl NamedTopics for DescribeClusterRequest {}
impl NamedTopics for DescribeConfigsRequest {}
impl NamedTopics for FindCoordinatorRequest {}
impl NamedTopics for InitProducerIdRequest {}
impl NamedTopics for AddOffsetsToTxnRequest {}
impl NamedTopics for EndTxnRequest {}
impl NamedTopics for SaslHandshakeRequest {}
impl NamedTopics for SaslAuthenticateRequest {}

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

impl NamedTopics for TxnOffsetCommitRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| NamedTopic {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition.partition_index),
            })
        });
        items.collect()
    }
}

impl NamedTopics for DescribeProducersRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partition_indexes.iter().map(|&partition| NamedTopic {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition),
            })
        });
        items.collect()
    }
}

impl NamedTopics for ProduceRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topic_data.iter().flat_map(|topic| {
            topic.partition_data.iter().map(|partition| NamedTopic {
                name: &topic.name,
                id: topic.topic_id,
                partition: Some(partition.index),
            })
        });
        items.collect()
    }
}

impl NamedTopics for FetchRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| NamedTopic {
                name: &topic.topic,
                id: topic.topic_id,
                partition: Some(partition.partition),
            })
        });
        items.collect()
    }
}

impl NamedTopics for ListOffsetsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| NamedTopic {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition.partition_index),
            })
        });
        items.collect()
    }
}

impl NamedTopics for MetadataRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let items = self.topics.iter().flatten().map(|topic| NamedTopic {
            name: topic.name.as_deref().unwrap_or_default(),
            id: topic.topic_id,
            partition: None,
        });
        items.collect()
    }
}

impl NamedTopics for CreateTopicsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let item = |name| NamedTopic {
            name,
            id: Uuid::ZERO,
            partition: None,
        };
        self.topics
            .iter()
            .map(|topic| item(topic.name.as_str()))
            .collect()
    }
}

impl NamedTopics for DeleteTopicsRequest {
    fn named_topics(&self) -> Vec<NamedTopic<'_>> {
        let item = |name, id| NamedTopic {
            name,
            id,
            partition: None,
        };
        let named = self
            .topic_names
            .iter()
            .map(|name| item(name.as_str(), Uuid::ZERO));
        let states = self.topics.iter();
        let states = states.map(|s| item(s.name.as_deref().unwrap_or_default(), s.topic_id));
        named.chain(states).collect()
    }
}
