//! Metadata (3): who the brokers are, and who leads which partition.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
    skipped::Skipped,
};

request! {
    MetadataRequest => MetadataResponse: METADATA, versions 0..=13, flexible 9..;
}

wire_struct! {
    /// Asks for the brokers, and the leaders of topics.
    pub struct MetadataRequest {
        /// The topics to tell about; null for all (none of them in version 0: empty for all).
        topics: Option<Vec<MetadataRequestTopic>>, null 1..;
        /// Whether the broker may create topics that do not exist.
        allow_auto_topic_creation: bool, in 4.., default true;
        /// Whether to tell what may be done to the cluster.
        include_cluster_authorized_operations: bool, in 8..=10;
        /// Whether to tell what may be done to each topic.
        include_topic_authorized_operations: bool, in 8..;
    }

    /// A topic to tell about.
    pub struct MetadataRequestTopic {
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 10.., else dropped;
        /// Name of the topic; null if the id is given.
        name: Option<String>, null 10..;
    }
}

wire_struct! {
    /// The brokers, and the leaders of topics.
    pub struct MetadataResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 3.., else dropped;
        /// The brokers.
        brokers: Vec<MetadataResponseBroker>;
        /// Id of the cluster.
        cluster_id: Option<String>, in 2.., default None, else dropped;
        /// Id of the broker that controls the cluster; -1 if there is none.
        controller_id: i32, in 1.., default -1, else dropped;
        /// The topics.
        topics: Vec<MetadataResponseTopic>;
        /// Bits of the operations allowed on the cluster; the minimum if not asked for.
        cluster_authorized_operations: i32, in 8..=10, default i32::MIN;
        /// What went wrong as a whole, if anything (KIP-1102).
        error_code: ErrorCode, in 13.., else dropped;
    }

    /// A broker and its address.
    pub struct MetadataResponseBroker {
        /// Id of the broker.
        node_id: i32;
        /// Its host name.
        host: String;
        /// Its port.
        port: i32;
        /// Its rack, if it has one.
        rack: Option<String>, in 1.., default None, else dropped;
    }

    /// A topic and its partitions.
    pub struct MetadataResponseTopic {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Name of the topic; null if it was asked for by an id that is not known.
        name: Option<String>, null 12..;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 10.., else dropped;
        /// Whether Kafka keeps its own records in this topic.
        is_internal: bool, in 1.., else dropped;
        /// The partitions.
        partitions: Vec<MetadataResponsePartition>;
        /// Bits of the operations allowed on the topic; the minimum if not asked for.
        topic_authorized_operations: i32, in 8.., default i32::MIN;
    }

    /// A partition, its leader and its replicas.
    pub struct MetadataResponsePartition {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Number of the partition.
        partition_index: i32;
        /// Broker that leads the partition; -1 if there is none.
        leader_id: i32;
        /// Grows with each change of the leader (KIP-320).
        leader_epoch: i32, in 7.., default -1, else dropped;
        /// Brokers that hold the partition.
        replica_nodes: Vec<i32>;
        /// Replicas that are in sync with the leader.
        isr_nodes: Vec<i32>;
        /// Replicas that are not alive.
        offline_replicas: Vec<i32>, in 5.., else dropped;
    }
}

wire_struct! {
    /// What a producer reads of a [`MetadataResponse`]: the same bytes without the replicas. A
    /// partition takes 16 bytes so, instead of 88 and three lists.
    ///
    /// ```
    /// use kafka_wire::{Request, decode_response_as, encode_response};
    /// use kafka_wire::messages::{MetadataRequest, MetadataResponse, metadata::LeadersResponse};
    ///
    /// let version = MetadataRequest::version(12)?;
    /// let sent = MetadataResponse::default().with_controller_id(3);
    /// let frame = encode_response::<MetadataRequest>(1, version, &sent)?.slice(4..);
    /// let (_, read) = decode_response_as::<MetadataRequest, LeadersResponse>(frame, version)?;
    /// assert_eq!(read.controller_id, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub struct LeadersResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, in 3.., else dropped;
        /// The brokers.
        brokers: Vec<MetadataResponseBroker>;
        /// Id of the cluster.
        cluster_id: Option<String>, in 2.., default None, else dropped;
        /// Id of the broker that controls the cluster; -1 if there is none.
        controller_id: i32, in 1.., default -1, else dropped;
        /// The topics.
        topics: Vec<LeadersTopic>;
        /// Bits of the operations allowed on the cluster; the minimum if not asked for.
        cluster_authorized_operations: i32, in 8..=10, default i32::MIN;
        /// What went wrong as a whole, if anything (KIP-1102).
        error_code: ErrorCode, in 13.., else dropped;
    }

    /// A topic and the leaders of its partitions.
    pub struct LeadersTopic {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Name of the topic; null if it was asked for by an id that is not known.
        name: Option<String>, null 12..;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 10.., else dropped;
        /// Whether Kafka keeps its own records in this topic.
        is_internal: bool, in 1.., else dropped;
        /// The partitions.
        partitions: Vec<LeadersPartition>;
        /// Bits of the operations allowed on the topic; the minimum if not asked for.
        topic_authorized_operations: i32, in 8.., default i32::MIN;
    }

    /// A partition and its leader.
    pub struct LeadersPartition {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Number of the partition.
        partition_index: i32;
        /// Broker that leads the partition; -1 if there is none.
        leader_id: i32;
        /// Grows with each change of the leader (KIP-320).
        leader_epoch: i32, in 7.., default -1, else dropped;
        /// Brokers that hold the partition.
        replica_nodes: Skipped<i32>;
        /// Replicas that are in sync with the leader.
        isr_nodes: Skipped<i32>;
        /// Replicas that are not alive.
        offline_replicas: Skipped<i32>, in 5.., else dropped;
    }
}
