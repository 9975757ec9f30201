//! CreateTopics (19): new topics.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    CreateTopicsRequest => CreateTopicsResponse: CREATE_TOPICS, versions 2..=7, flexible 5..;
}

wire_struct! {
    /// Creates topics.
    pub struct CreateTopicsRequest {
        /// The topics.
        topics: Vec<CreatableTopic>;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32, default 60000;
        /// Whether only to check that it could be done.
        validate_only: bool;
    }

    /// A topic to create.
    pub struct CreatableTopic {
        /// Name of the topic.
        name: String;
        /// How many partitions; -1 for the default, or if they are assigned or not returned.
        num_partitions: i32;
        /// How many replicas of each partition; -1 for the default, or if they are assigned or not
        /// returned.
        replication_factor: i16;
        /// Replicas chosen by hand; empty to leave it to the controller.
        assignments: Vec<CreatableReplicaAssignment>;
        /// Settings other than the defaults.
        configs: Vec<CreatableTopicConfig>;
    }

    /// The replicas chosen for one partition.
    pub struct CreatableReplicaAssignment {
        /// Number of the partition.
        partition_index: i32;
        /// Brokers to hold the partition, the preferred leader first.
        broker_ids: Vec<i32>;
    }

    /// A setting of a topic to create.
    pub struct CreatableTopicConfig {
        /// Name of the setting.
        name: String;
        /// The value; null for the default, or if it is secret.
        value: Option<String>;
    }
}

wire_struct! {
    /// What became of each topic.
    pub struct CreateTopicsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// The topics.
        topics: Vec<CreatableTopicResult>;
    }

    /// What became of one topic.
    pub struct CreatableTopicResult {
        /// Name of the topic.
        name: String;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 7.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, else dropped;
        /// Why no settings are returned, if there are none.
        topic_config_error_code: ErrorCode, in 5.., tag 0, else dropped;
        /// How many partitions; -1 for the default, or if they are assigned or not returned.
        num_partitions: i32, in 5.., default -1, else dropped;
        /// How many replicas of each partition; -1 for the default, or if they are assigned or not
        /// returned.
        replication_factor: i16, in 5.., default -1, else dropped;
        /// The topic's settings.
        configs: Option<Vec<CreatableTopicConfigs>>, in 5.., else dropped;
    }

    /// A setting of the topic as created.
    pub struct CreatableTopicConfigs {
        /// Name of the setting.
        name: String;
        /// The value; null for the default, or if it is secret.
        value: Option<String>;
        /// Whether it cannot be changed at run time.
        read_only: bool;
        /// Where the value comes from, as a number.
        config_source: i8, default -1, else dropped;
        /// Whether the value is secret.
        is_sensitive: bool;
    }
}
