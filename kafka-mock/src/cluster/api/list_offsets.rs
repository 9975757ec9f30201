//! ListOffsets: the first, the last, the latest in time, or the first not older than a time.

use kafka_wire::{
    ErrorCode, Uuid,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets::{
            ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
        },
    },
};

use super::{super::log::Found, Call, Cluster, Outcome, Partition, Pause, Target};

impl Cluster {
    pub(super) fn list_offsets(
        &mut self,
        call: &Call,
        request: ListOffsetsRequest,
        pause: Pause,
    ) -> Outcome {
        let isolation = request.isolation_level;
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter();
            let partitions =
                partitions.map(|asked| self.list_partition(call, &topic.name, asked, isolation));
            ListOffsetsTopicResponse::default()
                .with_partitions(partitions.collect())
                .with_name(topic.name)
        });
        let response = ListOffsetsResponse::default()
            .with_topics(topics.collect())
            .with_throttle_time_ms(pause.throttle_time_ms());
        Ok(call.answer::<ListOffsetsRequest>(&response))
    }

    fn list_partition(
        &mut self,
        call: &Call,
        topic: &str,
        asked: &ListOffsetsPartition,
        isolation: i8,
    ) -> ListOffsetsPartitionResponse {
        let index = asked.partition_index;
        let mut found = None;
        let target = Target {
            topic: Some(topic),
            partition: Some(index),
        };
        let error_code = self.as_scripted(call, target, |cluster| {
            let offset = cluster.offset_at(call, topic, asked, isolation);
            offset
                .map(|offset| found = offset)
                .err()
                .unwrap_or_default()
        });
        let found = found.filter(|_| error_code.is_none());
        ListOffsetsPartitionResponse::default()
            .with_partition_index(index)
            .with_error_code(error_code)
            .with_timestamp(found.map_or(-1, |found| found.timestamp))
            .with_offset(found.map_or(-1, |found| found.offset))
            .with_leader_epoch(found.map_or(-1, |found| found.leader_epoch))
    }

    fn offset_at(
        &self,
        call: &Call,
        topic: &str,
        asked: &ListOffsetsPartition,
        isolation: i8,
    ) -> Result<Option<Found>, ErrorCode> {
        let (_, topic) = self.named_topic(topic, Uuid::ZERO)?;
        let (index, epoch) = (asked.partition_index, asked.current_leader_epoch);
        let partition = self.led_partition(call.broker(), topic, index, epoch)?;
        let version = call.version.number;
        let start = partition.log.start_offset();
        let end = match isolation {
            READ_COMMITTED => partition.last_stable_offset(),
            _ => partition.high_watermark(),
        };
        let visible = |found: Option<Found>| found.filter(|found| found.offset < end);
        match asked.timestamp {
            LATEST => Ok(Some(at(partition, end))),
            EARLIEST => Ok(Some(at(partition, start))),
            MAX_TIMESTAMP if version >= 7 => Ok(visible(partition.log.at_max_time())),
            EARLIEST_LOCAL if version >= 8 => Ok(Some(at(partition, start))),
            // Nothing is tiered.
            LATEST_TIERED if version >= 9 => Ok(None),
            EARLIEST_PENDING_UPLOAD if version >= 11 => Ok(None),
            timestamp if timestamp >= 0 => Ok(visible(partition.log.at_time(timestamp))),
            _ => Err(ErrorCode::UNSUPPORTED_VERSION),
        }
    }
}

/// An offset, which may be that of no record, and its leader epoch.
fn at(partition: &Partition, offset: i64) -> Found {
    let batch = partition.log.from(offset).first();
    let leader_epoch = batch.map_or(partition.leader_epoch, |batch| {
        batch.header.partition_leader_epoch
    });
    Found {
        offset,
        timestamp: -1,
        leader_epoch,
    }
}

/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// KIP-734.
const MAX_TIMESTAMP: i64 = -3;
/// KIP-405.
const EARLIEST_LOCAL: i64 = -4;
/// KIP-1005.
const LATEST_TIERED: i64 = -5;
/// KIP-1023.
const EARLIEST_PENDING_UPLOAD: i64 = -6;
