//! OffsetDelete: offsets of topics that no member reads are forgotten (KIP-496).

use std::collections::BTreeSet;

use kafka_wire::{
    ErrorCode,
    messages::{
        OffsetDeleteRequest, OffsetDeleteResponse,
        offset_delete::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    },
};

use super::{
    super::group::{CONSUMER, Group, subscribed},
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn offset_delete(
        &mut self,
        call: &Call,
        request: OffsetDeleteRequest,
        pause: Pause,
    ) -> Outcome {
        let allowed = self.may_delete_offsets(call, &request.group_id);
        let mut response =
            OffsetDeleteResponse::default().with_throttle_time_ms(pause.throttle_time_ms());
        let read = match allowed {
            Ok(read) => read,
            Err(code) => {
                return Ok(call.answer::<OffsetDeleteRequest>(&response.with_error_code(code)));
            }
        };
        for topic in &request.topics {
            let asked = topic.partitions.iter();
            let partitions = asked.map(|asked| {
                let index = asked.partition_index;
                let target = Target {
                    topic: Some(&topic.name),
                    partition: Some(index),
                };
                let error_code = self.as_scripted(call, target, |cluster| {
                    let place = (topic.name.clone(), index);
                    let deleted = cluster.delete_offset(&request.group_id, &read, place);
                    deleted.err().unwrap_or_default()
                });
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(error_code)
            });
            response.topics.push(
                OffsetDeleteResponseTopic::default()
                    .with_partitions(partitions.collect())
                    .with_name(topic.name.clone()),
            );
        }
        Ok(call.answer::<OffsetDeleteRequest>(&response))
    }

    /// The topics that members read.
    fn may_delete_offsets(
        &mut self,
        call: &Call,
        name: &str,
    ) -> Result<BTreeSet<String>, ErrorCode> {
        self.check_named_group(call, name)?;
        let group = self.groups.get(name);
        let group = group.ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        match group.is_empty() || group.protocol_type() == CONSUMER {
            true => Ok(topics_read(group)),
            false => Err(ErrorCode::NON_EMPTY_GROUP),
        }
    }

    fn delete_offset(
        &mut self,
        group: &str,
        read: &BTreeSet<String>,
        (topic, index): (String, i32),
    ) -> Result<(), ErrorCode> {
        let place = self.place_of_offset(&topic, index)?;
        if read.contains(&topic) {
            return Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC);
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.offsets.delete(&place);
        }
        Ok(())
    }
}

fn topics_read(group: &Group) -> BTreeSet<String> {
    if let Some(group) = group.consumer() {
        let members = group.members().iter();
        return members.flat_map(|it| it.topics.clone()).collect();
    }
    let group = group.classic();
    let protocol = group.and_then(|group| group.protocol()).unwrap_or_default();
    let members = group.into_iter().flat_map(|group| group.members());
    members
        .flat_map(|it| subscribed(&it.metadata(protocol)))
        .collect()
}
