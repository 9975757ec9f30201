//! DeleteTopics (20): the end of topics.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    DeleteTopicsRequest => DeleteTopicsResponse: DELETE_TOPICS, versions 1..=6, flexible 4..;
}

wire_struct! {
    /// Deletes topics.
    pub struct DeleteTopicsRequest {
        /// Names or ids of the topics to delete.
        topics: Vec<DeleteTopicState>, in 6..;
        /// Names of the topics to delete.
        topic_names: Vec<String>, in ..=5, else dropped;
        /// How long the broker may take, in milliseconds.
        timeout_ms: i32;
    }

    /// A topic to delete.
    pub struct DeleteTopicState {
        /// Name of the topic; null if the id is given.
        name: Option<String>, default None;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid;
    }
}

wire_struct! {
    /// What became of each topic.
    pub struct DeleteTopicsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32, else dropped;
        /// Outcome per topic.
        responses: Vec<DeletableTopicResult>;
    }

    /// What became of one topic.
    pub struct DeletableTopicResult {
        /// Name of the topic; null if it was deleted by id.
        name: Option<String>, null 6..;
        /// Id of the topic; zero where the name is what counts.
        topic_id: Uuid, in 6.., else dropped;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, in 5.., default None, else dropped;
    }
}
