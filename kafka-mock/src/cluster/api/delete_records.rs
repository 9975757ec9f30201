//! DeleteRecords: the log of a partition starts later, as far as the high watermark.

use kafka_wire::{
    ErrorCode, Uuid,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse,
        delete_records::{
            DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
        },
    },
};

use super::{super::Cleanup, Call, Cluster, NO_EPOCH, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn delete_records_as_asked(
        &mut self,
        call: &Call,
        request: DeleteRecordsRequest,
        pause: Pause,
    ) -> Outcome {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter();
            let partitions =
                partitions.map(|asked| self.delete_in_partition(call, &topic.name, asked));
            DeleteRecordsTopicResult::default()
                .with_partitions(partitions.collect())
                .with_name(topic.name)
        });
        let response = DeleteRecordsResponse::default()
            .with_topics(topics.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<DeleteRecordsRequest>(&response))
    }

    fn delete_in_partition(
        &mut self,
        call: &Call,
        topic: &str,
        asked: &DeleteRecordsPartition,
    ) -> DeleteRecordsPartitionResult {
        let index = asked.partition_index;
        let mut low_watermark = NO_OFFSET;
        let target = Target {
            topic: Some(topic),
            partition: Some(index),
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            let start = cluster.move_log_start(call, topic, asked);
            start
                .map(|start| low_watermark = start)
                .err()
                .unwrap_or_default()
        });
        if !error_code.is_none() {
            low_watermark = NO_OFFSET;
        }
        DeleteRecordsPartitionResult::default()
            .with_partition_index(index)
            .with_low_watermark(low_watermark)
            .with_error_code(error_code)
    }

    /// Returns where the log starts then; it never starts earlier than before.
    fn move_log_start(
        &mut self,
        call: &Call,
        topic: &str,
        asked: &DeleteRecordsPartition,
    ) -> Result<i64, ErrorCode> {
        let index = asked.partition_index;
        let (_, found) = self.named_topic(topic, Uuid::ZERO)?;
        let partition = self.led_partition(call.broker(), found, index, NO_EPOCH)?;
        if found.config.cleanup == Cleanup::Compact {
            return Err(ErrorCode::POLICY_VIOLATION);
        }
        let end = partition.high_watermark();
        let before = match asked.offset {
            TO_HIGH_WATERMARK => end,
            offset if (0..=end).contains(&offset) => offset,
            _ => return Err(ErrorCode::OFFSET_OUT_OF_RANGE),
        };
        let start = partition.log.start_offset().max(before);
        self.delete_records(topic, index, before)
            .map_err(|_| ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        Ok(start)
    }
}

/// As `DeleteRecordsRequest.HIGH_WATERMARK`.
const TO_HIGH_WATERMARK: i64 = -1;
/// As `DeleteRecordsResponse.INVALID_LOW_WATERMARK`.
const NO_OFFSET: i64 = -1;
