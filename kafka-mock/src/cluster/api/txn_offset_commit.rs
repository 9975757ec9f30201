//! TxnOffsetCommit: offsets of a consumer group that become visible when the transaction commits.

use kafka_wire::{
    ErrorCode,
    messages::{
        TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        txn_offset_commit::{
            TxnOffsetCommitRequestPartition, TxnOffsetCommitResponsePartition,
            TxnOffsetCommitResponseTopic,
        },
    },
};

use super::{
    super::{
        CommittedOffset,
        acl::ResourceKind,
        group::{Claim, Commit},
        transaction::Identity,
        transactions::offsets_of,
    },
    Call, Cluster, Outcome, Pause, Target,
    offset_commit::noted,
    verify::Client,
};

impl Cluster {
    pub(super) fn txn_offset_commit(
        &mut self,
        call: &Call,
        request: TxnOffsetCommitRequest,
        pause: Pause,
    ) -> Outcome {
        let denied = self.who_is_denied(call, &request);
        let allowed = match denied {
            None => self.may_commit_offsets(call, &request),
            Some(code) => Err(code),
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
                    let name = allowed.and_then(|()| found.as_deref().map_err(|code| *code));
                    let kept = name.and_then(|name| cluster.keep_offset(&request, name, asked));
                    kept.err().unwrap_or_default()
                };
                let error_code = denied.unwrap_or_else(|| self.as_scripted(call, target, keep));
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(asked.partition_index)
                    .with_error_code(error_code)
            });
            topics.push(
                TxnOffsetCommitResponseTopic::default()
                    .with_partitions(partitions.collect())
                    .with_name(topic.name.clone())
                    .with_topic_id(topic.topic_id),
            );
        }
        let response = TxnOffsetCommitResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_topics(topics);
        Ok(call.answer::<TxnOffsetCommitRequest>(&response))
    }

    /// What an ACL answers to all of it.
    fn who_is_denied(&self, call: &Call, request: &TxnOffsetCommitRequest) -> Option<ErrorCode> {
        let id = request.transactional_id.as_str();
        let denied = self.denial(call, ResourceKind::TransactionalId, id);
        denied.or_else(|| self.denial(call, ResourceKind::Group, &request.group_id))
    }

    fn may_commit_offsets(
        &mut self,
        call: &Call,
        request: &TxnOffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        let group = request.group_id.as_str();
        if group.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        self.check_group_coordinator(call, group)?;
        let by = Identity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        };
        let id = request.transactional_id.as_str();
        let client = Client::of_offset_commit(call.version.number);
        self.ask_coordinator(call.now, id, by, offsets_of(group), client)
            .map_err(|refusal| match refusal.code {
                // So that the producer looks for the group again, and tries again.
                ErrorCode::NOT_ENOUGH_REPLICAS => ErrorCode::COORDINATOR_NOT_AVAILABLE,
                code => code,
            })?;
        let claim = Claim {
            generation: request.generation_id_or_member_epoch,
            member_id: &request.member_id,
            instance_id: request.group_instance_id.as_deref(),
        };
        match self.groups.get_mut(group) {
            Some(known) => known.commit(call.now.instant, claim, Commit::Transactional),
            // To a group without members, only a commit without a generation is allowed.
            None if claim.generation < 0 => Ok(()),
            None => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    fn keep_offset(
        &mut self,
        request: &TxnOffsetCommitRequest,
        topic: &str,
        asked: &TxnOffsetCommitRequestPartition,
    ) -> Result<(), ErrorCode> {
        let place = self.place_of_offset(topic, asked.partition_index)?;
        let metadata = noted(asked.committed_metadata.as_ref())?;
        let epoch = asked.committed_leader_epoch;
        let offset = CommittedOffset::new(asked.committed_offset, epoch, metadata);
        let group = self.group_or_new(&request.group_id);
        group.offsets.keep(request.producer_id, place, offset);
        Ok(())
    }
}
