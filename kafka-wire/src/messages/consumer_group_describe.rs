//! ConsumerGroupDescribe (69): the state and the members of groups of the protocol of KIP-848.

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse:
        CONSUMER_GROUP_DESCRIBE, versions 0..=1, flexible 0..;
}

wire_struct! {
    /// Asks for the state and the members of groups.
    pub struct ConsumerGroupDescribeRequest {
        /// Names of the groups.
        group_ids: Vec<String>;
        /// Whether to say what the client may do with each group.
        include_authorized_operations: bool;
    }
}

wire_struct! {
    /// The groups.
    pub struct ConsumerGroupDescribeResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// The groups.
        groups: Vec<DescribedGroup>;
    }

    /// A group.
    pub struct DescribedGroup {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, default None;
        /// Name of the group.
        group_id: String;
        /// Name of its state, as `Stable`.
        group_state: String;
        /// Epoch of the group.
        group_epoch: i32;
        /// Epoch of what is to be read by whom.
        assignment_epoch: i32;
        /// Who assigned it, by name.
        assignor_name: String;
        /// The members.
        members: Vec<Member>;
        /// What the client may do, as bits; `i32::MIN` if it did not ask.
        authorized_operations: i32, default i32::MIN;
    }

    /// A member of a group.
    pub struct Member {
        /// Id of the member.
        member_id: String;
        /// Name of a static member.
        instance_id: Option<String>, default None;
        /// Rack of the consumer.
        rack_id: Option<String>, default None;
        /// Epoch of the member.
        member_epoch: i32;
        /// Name of the client.
        client_id: String;
        /// Where the client is.
        client_host: String;
        /// Topics that it wants to read.
        subscribed_topic_names: Vec<String>;
        /// A regular expression of such topics.
        subscribed_topic_regex: Option<String>, default None;
        /// What it may read.
        assignment: Assignment;
        /// What it is to read once the others have given it up.
        target_assignment: Assignment;
        /// 0 for a member that speaks the classic protocol, 1 for one of KIP-848, -1 if not known.
        member_type: i8, in 1.., default -1, else dropped;
    }

    /// What a member reads.
    pub struct Assignment {
        /// The partitions.
        topic_partitions: Vec<TopicPartitions>;
    }

    /// Partitions of one topic.
    pub struct TopicPartitions {
        /// Id of the topic.
        topic_id: Uuid;
        /// Name of the topic.
        topic_name: String;
        /// Numbers of the partitions.
        partitions: Vec<i32>;
    }
}
