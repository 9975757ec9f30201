//! OffsetCommit: a member of a group, or somebody who is none, commits offsets.

use kafka_wire::{
    ErrorCode,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit::{
            OffsetCommitRequestPartition, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
        },
    },
};

use super::{
    super::{
        CommittedOffset,
        acl::ResourceKind,
        group::{Claim, Commit, Place},
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn offset_commit(
        &mut self,
        call: &Call,
        request: OffsetCommitRequest,
        pause: Pause,
    ) -> Outcome {
        let denied = self.denial(call, ResourceKind::Group, &request.group_id);
        let allowed = match denied.is_none() && self.names_a_partition(call, &request) {
            true => self.may_commit(call, &request),
            // Nothing of it can be committed: no group is asked.
            false => Ok(()),
        };
        let mut topics = Vec::new();
        for topic in &request.topics {
            let found = self.named_topic(&topic.name, topic.topic_id);
            let found = found.map(|(name, _)| name.to_owned());
            let asked = topic.partitions.iter();
            let partitions = asked.map(|asked| {
                let target = Target {
                    topic: Some(found.as_deref().unwrap_or(&topic.name)),
                    partition: Some(asked.partition_index),
                };
                let keep = |cluster: &mut Self| {
                    let name = found.as_deref().map_err(|code| *code);
                    let kept = name.and_then(|name| {
                        cluster.commit_offset(&request.group_id, name, asked, allowed)
                    });
                    kept.err().unwrap_or_default()
                };
                let error_code = denied.unwrap_or_else(|| self.as_scripted(call, target, keep));
                OffsetCommitResponsePartition::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(error_code)
            });
            topics.push(
                OffsetCommitResponseTopic::default()
                    .with_partitions(partitions.collect())
                    .with_name(topic.name.clone())
                    .with_topic_id(topic.topic_id),
            );
        }
        let response = OffsetCommitResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_topics(topics);
        Ok(call.answer::<OffsetCommitRequest>(&response))
    }

    /// Whether there is one of its partitions, and an offset of it may be committed.
    fn names_a_partition(&self, call: &Call, request: &OffsetCommitRequest) -> bool {
        request.topics.iter().any(|topic| {
            let found = self.named_topic(&topic.name, topic.topic_id);
            let found = found
                .ok()
                .filter(|(name, _)| self.denied_name(call, name).is_none());
            let exists = |index| found.is_some_and(|(_, it)| it.partition(index).is_some());
            let mut partitions = topic.partitions.iter();
            partitions.any(|it| exists(it.partition_index))
        })
    }

    fn may_commit(&mut self, call: &Call, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
        let name = request.group_id.as_str();
        self.check_group_coordinator(call, name)?;
        let claim = Claim {
            generation: request.generation_id_or_member_epoch,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
        };
        if claim.generation >= 0 && !self.groups.contains_key(name) {
            return Err(match call.version.number {
                ..FIRST_WITH_EPOCH => ErrorCode::ILLEGAL_GENERATION,
                _ => ErrorCode::GROUP_ID_NOT_FOUND,
            });
        }
        let group = self.group_or_new(name);
        let consumers = group.consumer();
        let is_consumer = consumers.is_some_and(|group| group.has(claim.member_id));
        if is_consumer && call.version.number < FIRST_WITH_EPOCH {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        let allowed = group.commit(call.now.instant, claim, Commit::Plain);
        self.tell_members(name, Vec::new());
        allowed
    }

    fn commit_offset(
        &mut self,
        group: &str,
        topic: &str,
        asked: &OffsetCommitRequestPartition,
        allowed: Result<(), ErrorCode>,
    ) -> Result<(), ErrorCode> {
        let place = self.place_of_offset(topic, asked.partition_index)?;
        allowed?;
        let metadata = noted(asked.committed_metadata.as_ref())?;
        let epoch = asked.committed_leader_epoch;
        let offset = CommittedOffset::new(asked.committed_offset, epoch, metadata);
        self.group_or_new(group).offsets.commit(place, offset);
        Ok(())
    }

    /// Where an offset of this partition is kept, if there is such a partition.
    pub(super) fn place_of_offset(&self, topic: &str, partition: i32) -> Result<Place, ErrorCode> {
        let known = self.topics.get(topic);
        let known = known.and_then(|topic| topic.partition(partition));
        let known = known.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        known.map(|_| (topic.to_owned(), partition))
    }
}

/// What a consumer notes beside an offset, unless it is too long.
pub(super) fn noted(metadata: Option<&String>) -> Result<String, ErrorCode> {
    let metadata = metadata.cloned().unwrap_or_default();
    match metadata.len() {
        ..=METADATA_BYTES_MAX => Ok(metadata),
        _ => Err(ErrorCode::OFFSET_METADATA_TOO_LARGE),
    }
}

/// `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;
/// KIP-848.
const FIRST_WITH_EPOCH: i16 = 9;
