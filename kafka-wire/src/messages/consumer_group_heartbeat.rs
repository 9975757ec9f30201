//! ConsumerGroupHeartbeat (68): a member joins, is alive, is told what to read, and leaves (KIP-848).

use bytes::{BufMut, BytesMut};

use crate::{
    DecodeError, EncodeError, ErrorCode, Reader, Uuid, Version, Wire,
    message::{request, wire_struct},
};

request! {
    ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse:
        CONSUMER_GROUP_HEARTBEAT, versions 0..=1, flexible 0..;
}

wire_struct! {
    /// What a member says of itself: all of it when it joins, later what has changed.
    pub struct ConsumerGroupHeartbeatRequest {
        /// Name of the group.
        group_id: String;
        /// Id of the member, which it chooses itself.
        member_id: String;
        /// Epoch of the member: 0 to join, -1 to leave, -2 to leave for a while as a static member.
        member_epoch: i32;
        /// Name of a static member; null if it has none, or has said it before.
        instance_id: Option<String>, default None;
        /// Rack of the consumer; null if it has none, or has said it before.
        rack_id: Option<String>, default None;
        /// How long the member may take to give up partitions, in milliseconds; -1 if it has said it
        /// before.
        rebalance_timeout_ms: i32, default -1;
        /// Topics that the member wants to read; null if it has said so before.
        subscribed_topic_names: Option<Vec<String>>, default None;
        /// A regular expression of such topics; null if it has none, or has said it before.
        subscribed_topic_regex: Option<String>, in 1.., default None;
        /// Who shall assign partitions, by name; null for the broker's own choice.
        server_assignor: Option<String>, default None;
        /// The partitions that the member has; null if it has said so before.
        topic_partitions: Option<Vec<TopicPartitions>>, default None;
    }

    /// Partitions of one topic.
    pub struct TopicPartitions {
        /// Id of the topic.
        topic_id: Uuid;
        /// Numbers of the partitions.
        partitions: Vec<i32>;
    }
}

wire_struct! {
    /// What the member is to do.
    pub struct ConsumerGroupHeartbeatResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>, default None;
        /// Id of the member.
        member_id: Option<String>, default None;
        /// Epoch of the member.
        member_epoch: i32;
        /// After how many milliseconds to say the next heartbeat.
        heartbeat_interval_ms: i32;
        /// What the member may read; null if that has not changed.
        assignment: Option<Assignment>, default None;
    }

    /// What a member may read.
    pub struct Assignment {
        /// The partitions.
        topic_partitions: Vec<TopicPartitions>;
    }
}

/// A struct that may be null begins with a byte: -1 if it is.
impl Wire for Option<Assignment> {
    fn encode(&self, out: &mut BytesMut, version: Version) -> Result<(), EncodeError> {
        match self {
            None => out.put_i8(NULL),
            Some(assignment) => {
                out.put_i8(PRESENT);
                assignment.encode(out, version)?;
            }
        }
        Ok(())
    }

    fn decode(input: &mut Reader, version: Version) -> Result<Self, DecodeError> {
        match i8::decode(input, version)? {
            ..0 => Ok(None),
            _ => Assignment::decode(input, version).map(Some),
        }
    }
}

const NULL: i8 = -1;
const PRESENT: i8 = 1;
