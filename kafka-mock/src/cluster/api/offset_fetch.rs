//! OffsetFetch: the committed offsets of groups.
//!
//! Up to version 7 one group is asked for, and answered in fields of its own. An offset that an open
//! transaction may replace is refused to those who want only stable ones (KIP-447).

use kafka_wire::{
    ErrorCode, Uuid,
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
            OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
            OffsetFetchResponseTopics,
        },
    },
};

use super::{
    super::group::{Claim, GroupOffsets},
    Call, Cluster, Outcome, Pause, Scripted, Target,
};

impl Cluster {
    pub(super) fn offset_fetch(
        &mut self,
        call: &Call,
        request: OffsetFetchRequest,
        pause: Pause,
    ) -> Outcome {
        let old = call.version.number < FIRST_WITH_MANY;
        let stable = request.require_stable;
        let asked = match old {
            true => vec![old_group(&request)],
            false => request.groups,
        };
        let groups = asked
            .into_iter()
            .map(|group| self.offsets_of_group(call, group, stable));
        let mut groups: Vec<_> = groups.collect();
        let mut response =
            OffsetFetchResponse::default().with_throttle_time_ms(pause.throttle_time_ms());
        if let Some(only) = groups.pop_if(|_| old) {
            response.error_code = only.error_code;
            response.topics = only.topics.into_iter().map(old_topic).collect();
        }
        response.groups = groups;
        Ok(call.answer::<OffsetFetchRequest>(&response))
    }

    fn offsets_of_group(
        &mut self,
        call: &Call,
        asked: OffsetFetchRequestGroup,
        stable: bool,
    ) -> OffsetFetchResponseGroup {
        let response = OffsetFetchResponseGroup::default().with_group_id(asked.group_id.clone());
        let allowed = match self.scripted(call, Target::default()) {
            Some(Scripted::Refuse(code) | Scripted::Misreport(code)) => Err(code),
            None => self.check_group_coordinator(call, &asked.group_id),
        };
        if let Err(code) = allowed {
            return refused(response, asked.topics.as_deref(), code, call.version.number);
        }
        let claim = Claim {
            generation: asked.member_epoch,
            member_id: asked.member_id.as_deref().unwrap_or_default(),
            instance_id: None,
        };
        let known = self.groups.get(&asked.group_id);
        if let Some(Err(code)) = known.map(|group| group.check_reader(claim)) {
            return response.with_error_code(code);
        }
        let none = GroupOffsets::default();
        let offsets = known.map_or(&none, |group| &group.offsets);
        let topics = match &asked.topics {
            None => self.all_offsets(call, offsets, stable),
            Some(topics) => {
                let topics = topics.iter();
                topics
                    .map(|it| self.offsets_of_topic(call, offsets, it, stable))
                    .collect()
            }
        };
        response.with_topics(topics)
    }

    fn offsets_of_topic(
        &self,
        call: &Call,
        offsets: &GroupOffsets,
        asked: &OffsetFetchRequestTopics,
        stable: bool,
    ) -> OffsetFetchResponseTopics {
        let partitions = asked.partition_indexes.iter();
        let by_id = call.version.number >= FIRST_WITH_IDS;
        let named = match by_id {
            true => self.topics.name_of(asked.topic_id),
            false => Some(asked.name.as_str()),
        };
        let named = named.ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
        let named = named.and_then(|name| match self.denied_name(call, name) {
            None => Ok(name),
            Some(code) => Err(code),
        });
        let partitions = partitions.map(|&index| match named {
            Ok(name) => partition(offsets, name, index, stable),
            Err(code) => absent(index, code),
        });
        OffsetFetchResponseTopics::default()
            .with_partitions(partitions.collect())
            .with_name(asked.name.clone())
            .with_topic_id(asked.topic_id)
    }

    /// Those of the topics that who asks may see.
    fn all_offsets(
        &self,
        call: &Call,
        offsets: &GroupOffsets,
        stable: bool,
    ) -> Vec<OffsetFetchResponseTopics> {
        let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
        let seen = offsets.iter();
        let seen = seen.filter(|((name, _), _)| self.denied_name(call, name).is_none());
        for ((name, index), _) in seen {
            let found = partition(offsets, name, *index, stable);
            match topics.last_mut() {
                Some(topic) if topic.name == *name => topic.partitions.push(found),
                _ => {
                    let id = self.topics.get(name).map_or(Uuid::ZERO, |topic| topic.id);
                    topics.push(
                        OffsetFetchResponseTopics::default()
                            .with_name(name.clone())
                            .with_topic_id(id)
                            .with_partitions(vec![found]),
                    );
                }
            }
        }
        topics
    }
}

fn partition(
    offsets: &GroupOffsets,
    topic: &str,
    index: i32,
    stable: bool,
) -> OffsetFetchResponsePartitions {
    let place = (topic.to_owned(), index);
    if stable && offsets.is_unstable(&place) {
        return absent(index, ErrorCode::UNSTABLE_OFFSET_COMMIT);
    }
    let Some(found) = offsets.get(&place) else {
        return absent(index, ErrorCode::NONE);
    };
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(found.offset)
        .with_committed_leader_epoch(found.leader_epoch)
        .with_metadata(Some(found.metadata.clone()))
}

fn absent(index: i32, error_code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(index)
        .with_committed_offset(NO_OFFSET)
        .with_committed_leader_epoch(NO_EPOCH)
        .with_metadata(Some(String::new()))
        .with_error_code(error_code)
}

/// Before version 2 an error of the group stands in each of its partitions.
fn refused(
    response: OffsetFetchResponseGroup,
    asked: Option<&[OffsetFetchRequestTopics]>,
    code: ErrorCode,
    version: i16,
) -> OffsetFetchResponseGroup {
    if version >= FIRST_WITH_ERROR {
        return response.with_error_code(code);
    }
    let topics = asked.unwrap_or_default().iter().map(|topic| {
        let partitions = topic.partition_indexes.iter();
        OffsetFetchResponseTopics::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.map(|&index| absent(index, code)).collect())
    });
    response.with_topics(topics.collect())
}

fn old_group(request: &OffsetFetchRequest) -> OffsetFetchRequestGroup {
    let topics = request.topics.as_ref().map(|topics| {
        let topics = topics.iter().map(|topic| {
            OffsetFetchRequestTopics::default()
                .with_name(topic.name.clone())
                .with_partition_indexes(topic.partition_indexes.clone())
        });
        topics.collect()
    });
    OffsetFetchRequestGroup::default()
        .with_group_id(request.group_id.clone())
        .with_topics(topics)
}

fn old_topic(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|it| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(it.partition_index)
            .with_committed_offset(it.committed_offset)
            .with_committed_leader_epoch(it.committed_leader_epoch)
            .with_metadata(it.metadata)
            .with_error_code(it.error_code)
    });
    OffsetFetchResponseTopic::default()
        .with_name(topic.name)
        .with_partitions(partitions.collect())
}

const NO_OFFSET: i64 = -1;
const NO_EPOCH: i32 = -1;
const FIRST_WITH_ERROR: i16 = 2;
/// KIP-709.
const FIRST_WITH_MANY: i16 = 8;
/// KIP-848.
const FIRST_WITH_IDS: i16 = 10;
