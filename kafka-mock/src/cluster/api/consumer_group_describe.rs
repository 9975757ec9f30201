//! ConsumerGroupDescribe: state and members of groups of KIP-848.

use kafka_wire::{
    ErrorCode,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse,
        consumer_group_describe::{Assignment, DescribedGroup, Member, TopicPartitions},
    },
};

use super::{
    super::group::{ConsumerGroup, ConsumerMember, Partitions, by_topic},
    Call, Cluster, Outcome, Pause,
    describe_groups::{ALL_OPERATIONS, HOST},
};

impl Cluster {
    pub(super) fn consumer_group_describe(
        &mut self,
        call: &Call,
        request: ConsumerGroupDescribeRequest,
        pause: Pause,
    ) -> Outcome {
        let operations = match request.include_authorized_operations {
            true => ALL_OPERATIONS,
            false => i32::MIN,
        };
        let names = request.group_ids.into_iter();
        let groups = names.map(|name| {
            let described = match name.is_empty() {
                true => Err(ErrorCode::INVALID_GROUP_ID),
                false => self.may_describe(call, &name),
            };
            let group = self.groups.get(&name).and_then(|group| group.consumer());
            let group = described.and_then(|()| group.ok_or(ErrorCode::GROUP_ID_NOT_FOUND));
            match group {
                Ok(group) => self
                    .describe_consumers(group)
                    .with_authorized_operations(operations),
                Err(ErrorCode::GROUP_ID_NOT_FOUND) => DescribedGroup::default()
                    .with_error_code(ErrorCode::GROUP_ID_NOT_FOUND)
                    .with_error_message(Some(format!("Group {name} not found."))),
                Err(code) => DescribedGroup::default().with_error_code(code),
            }
            .with_group_id(name)
        });
        let response = ConsumerGroupDescribeResponse::default()
            .with_groups(groups.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<ConsumerGroupDescribeRequest>(&response))
    }

    fn describe_consumers(&self, group: &ConsumerGroup) -> DescribedGroup {
        let members = group.members().iter();
        let members = members.map(|it| self.describe_consumer(group, it));
        DescribedGroup::default()
            .with_group_state(group.state().to_string())
            .with_group_epoch(group.epoch())
            .with_assignment_epoch(group.target_epoch())
            .with_assignor_name(group.assignor().name().to_owned())
            .with_members(members.collect())
    }

    fn describe_consumer(&self, group: &ConsumerGroup, member: &ConsumerMember) -> Member {
        let target = group.target_of(&member.id);
        let target = target.map(|it| self.named_assignment(it));
        Member::default()
            .with_member_id(member.id.clone())
            .with_instance_id(member.instance_id.clone())
            .with_rack_id(member.rack_id.clone())
            .with_member_epoch(member.epoch)
            .with_client_id(member.client_id.clone())
            .with_client_host(HOST.to_owned())
            .with_subscribed_topic_names(member.topics.iter().cloned().collect())
            .with_subscribed_topic_regex(Some(String::new()))
            .with_assignment(self.named_assignment(&member.assigned))
            .with_target_assignment(target.unwrap_or_default())
            .with_member_type(SPEAKS_KIP_848)
    }

    /// The partitions with the names of their topics, as far as there are such topics.
    fn named_assignment(&self, partitions: &Partitions) -> Assignment {
        let topics = by_topic(partitions)
            .into_iter()
            .filter_map(|(topic_id, partitions)| {
                let name = self.topics.name_of(topic_id)?;
                let topic = TopicPartitions::default()
                    .with_topic_id(topic_id)
                    .with_topic_name(name.to_owned())
                    .with_partitions(partitions);
                Some(topic)
            });
        Assignment::default().with_topic_partitions(topics.collect())
    }
}

const SPEAKS_KIP_848: i8 = 1;
