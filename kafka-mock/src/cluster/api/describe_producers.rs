//! DescribeProducers: who has written to a partition lately, and what was last (KIP-664).
//!
//! Any replica answers, as far as it knows; a follower may not know all yet.

use kafka_wire::{
    ErrorCode,
    messages::{
        DescribeProducersRequest, DescribeProducersResponse,
        describe_producers::{PartitionResponse, ProducerState, TopicResponse},
    },
};

use super::{super::topic_name, Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn describe_producers(
        &mut self,
        call: &Call,
        request: DescribeProducersRequest,
        pause: Pause,
    ) -> Outcome {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partition_indexes.iter();
            let partitions =
                partitions.map(|&index| self.describe_partition(call, &topic.name, index));
            TopicResponse::default()
                .with_partitions(partitions.collect())
                .with_name(topic.name)
        });
        let response = DescribeProducersResponse::default()
            .with_topics(topics.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DescribeProducersRequest>(&response))
    }

    fn describe_partition(&mut self, call: &Call, topic: &str, index: i32) -> PartitionResponse {
        let mut active_producers = Vec::new();
        let target = Target {
            topic: Some(topic),
            partition: Some(index),
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            match cluster.producers_of(call, topic, index) {
                Ok(producers) => {
                    active_producers = producers;
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        if !error_code.is_none() {
            active_producers.clear();
        }
        PartitionResponse::default()
            .with_partition_index(index)
            .with_error_code(error_code)
            .with_error_message(None)
            .with_active_producers(active_producers)
    }

    fn producers_of(
        &self,
        call: &Call,
        topic: &str,
        index: i32,
    ) -> Result<Vec<ProducerState>, ErrorCode> {
        if topic_name::problem_with(topic).is_some() {
            return Err(ErrorCode::INVALID_TOPIC_EXCEPTION);
        }
        let found = self.topics.get(topic);
        let found = found.and_then(|topic| topic.partition(index));
        let partition = found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let producers = partition.producers_at(call.broker());
        let producers = producers.ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        let states = producers.iter().map(|(producer_id, state)| {
            ProducerState::default()
                .with_producer_id(producer_id)
                .with_producer_epoch(i32::from(state.epoch))
                .with_last_sequence(state.last_sequence())
                .with_last_timestamp(state.last_timestamp)
                .with_coordinator_epoch(state.coordinator_epoch)
                .with_current_txn_start_offset(state.transaction_start.unwrap_or(-1))
        });
        Ok(states.collect())
    }
}
