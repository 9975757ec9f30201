//! What each request is about, for faults that name a topic or a partition.

use kafka_wire::{
    Uuid,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiVersionsRequest, CreateTopicsRequest,
        DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeProducersRequest, EndTxnRequest, FetchRequest, FindCoordinatorRequest,
        InitProducerIdRequest, ListOffsetsRequest, MetadataRequest, ProduceRequest,
        TxnOffsetCommitRequest,
    },
};

/// What a request is about, for faults that name a topic.
pub(super) trait Concerns {
    fn items(&self) -> Vec<Item<'_>> {
        Vec::new()
    }
}

/// A topic or partition that a request names.
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) id: Uuid,
    pub(super) partition: Option<i32>,
}

impl Concerns for ApiVersionsRequest {}
impl Concerns for DescribeClusterRequest {}
impl Concerns for DescribeConfigsRequest {}
impl Concerns for FindCoordinatorRequest {}
impl Concerns for InitProducerIdRequest {}
impl Concerns for AddOffsetsToTxnRequest {}
impl Concerns for EndTxnRequest {}

impl Concerns for AddPartitionsToTxnRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let batched = self.transactions.iter().flat_map(|it| &it.topics);
        let topics = self.v3_and_below_topics.iter().chain(batched);
        let items = topics.flat_map(|topic| {
            topic.partitions.iter().map(|&partition| Item {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition),
            })
        });
        items.collect()
    }
}

impl Concerns for TxnOffsetCommitRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| Item {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition.partition_index),
            })
        });
        items.collect()
    }
}

impl Concerns for DescribeProducersRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partition_indexes.iter().map(|&partition| Item {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition),
            })
        });
        items.collect()
    }
}

impl Concerns for ProduceRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topic_data.iter().flat_map(|topic| {
            topic.partition_data.iter().map(|partition| Item {
                name: &topic.name,
                id: topic.topic_id,
                partition: Some(partition.index),
            })
        });
        items.collect()
    }
}

impl Concerns for FetchRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| Item {
                name: &topic.topic,
                id: topic.topic_id,
                partition: Some(partition.partition),
            })
        });
        items.collect()
    }
}

impl Concerns for ListOffsetsRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|partition| Item {
                name: &topic.name,
                id: Uuid::ZERO,
                partition: Some(partition.partition_index),
            })
        });
        items.collect()
    }
}

impl Concerns for MetadataRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let items = self.topics.iter().flatten().map(|topic| Item {
            name: topic.name.as_deref().unwrap_or_default(),
            id: topic.topic_id,
            partition: None,
        });
        items.collect()
    }
}

impl Concerns for CreateTopicsRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let item = |name| Item {
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

impl Concerns for DeleteTopicsRequest {
    fn items(&self) -> Vec<Item<'_>> {
        let item = |name, id| Item {
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
