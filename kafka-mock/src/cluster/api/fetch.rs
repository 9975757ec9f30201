//! Fetch: stored batches, whole, from the one that holds the offset on.
//!
//! A request waits until there is enough to read or its time is over. Sessions (KIP-227) are not
//! kept: session 0 is answered, and every request names all its partitions, as brokers do when
//! their session cache is full. No reader gets beyond the high watermark. A reader of
//! committed records gets those before the first open transaction, and the list of aborted ones.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    ErrorCode,
    messages::{
        FetchRequest, FetchResponse,
        fetch::{
            AbortedTransaction, FetchPartition, FetchTopic, FetchableTopicResponse,
            LeaderIdAndEpoch, NodeEndpoint, PartitionData,
        },
    },
};

use super::{
    super::delayed::DelayedFetch, Answer, Call, Cluster, Delayed, Now, Outcome, Partition, Pause,
    Scripted, Target,
};

/// What was read, and whether waiting could bring more.
struct Read {
    response: FetchResponse,
    bytes: usize,
    /// An error is returned at once.
    failed: bool,
}

impl Cluster {
    pub(super) fn fetch(&mut self, call: &Call, request: FetchRequest, pause: Pause) -> Outcome {
        let refusal = match (request.session_id, request.session_epoch) {
            (0, FULL_EPOCH | FINAL_EPOCH) => None,
            (0, _) => Some(ErrorCode::INVALID_FETCH_SESSION_EPOCH),
            _ => Some(ErrorCode::FETCH_SESSION_ID_NOT_FOUND),
        };
        if let Some(error_code) = refusal {
            let response = FetchResponse::default().with_error_code(error_code);
            return Ok(call.answer::<FetchRequest>(&response));
        }
        let request = self.within_quota(call, request);
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let until = call.now.instant + wait;
        let awaited = request.topics.iter().flat_map(|topic| {
            let name = self.named_topic(&topic.topic, topic.topic_id);
            let name = name.map_or_else(|_| String::new(), |(name, _)| name.to_owned());
            topic
                .partitions
                .iter()
                .map(move |partition| (name.clone(), partition.partition))
        });
        let awaited = awaited.collect();
        let recheck = false;
        let fetch = DelayedFetch {
            call: *call,
            request,
            pause,
            awaited,
            until,
            recheck,
        };
        self.resume_fetch(call.now, Box::new(fetch))
    }

    /// Answers, if there is enough to read or the time is over.
    pub(in crate::cluster) fn resume_fetch(
        &mut self,
        now: Now,
        mut fetch: Box<DelayedFetch>,
    ) -> Result<Answer, Delayed> {
        let read = self.read(&fetch.call, &fetch.request, fetch.pause);
        let enough = read.bytes >= usize::try_from(fetch.request.min_bytes).unwrap_or(0);
        let over = fetch.until <= now.instant || fetch.request.topics.is_empty();
        if enough || over || read.failed {
            return Ok(self.throttle_fetch(now.instant, &fetch.call, &read.response));
        }
        fetch.recheck = false;
        Err(Delayed::Fetch(fetch))
    }

    fn read(&mut self, call: &Call, request: &FetchRequest, pause: Pause) -> Read {
        let mut left = usize::try_from(request.max_bytes).unwrap_or(0);
        let mut bytes = 0;
        let mut responses = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in &topic.partitions {
                let first = if bytes == 0 {
                    First::Whatever
                } else {
                    First::IfItFits
                };
                let terms = Terms {
                    left,
                    first,
                    isolation: match request.isolation_level {
                        READ_COMMITTED => Isolation::Committed,
                        _ => Isolation::Uncommitted,
                    },
                };
                let data = self.read_partition(call, topic, asked, terms);
                let read = data.records.as_ref().map_or(0, Bytes::len);
                left = left.saturating_sub(read);
                bytes += read;
                partitions.push(data);
            }
            let (topic, topic_id) = (topic.topic.clone(), topic.topic_id);
            responses.push(
                FetchableTopicResponse::default()
                    .with_topic(topic)
                    .with_topic_id(topic_id)
                    .with_partitions(partitions),
            );
        }
        let mut all = responses.iter().flat_map(|topic| &topic.partitions);
        let failed = all.any(|partition| !partition.error_code.is_none());
        let response = FetchResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_node_endpoints(self.fetch_endpoints(&responses))
            .with_responses(responses);
        Read {
            response,
            bytes,
            failed,
        }
    }

    fn read_partition(
        &mut self,
        call: &Call,
        topic: &FetchTopic,
        asked: &FetchPartition,
        terms: Terms,
    ) -> PartitionData {
        let index = asked.partition;
        let name = self.named_topic(&topic.topic, topic.topic_id);
        let name = name.map(|(name, _)| name.to_owned());
        let target = Target {
            topic: name.as_deref().ok(),
            partition: Some(index),
        };
        if let Some(Scripted::Refuse(code) | Scripted::Misreport(code)) =
            self.scripted(call, target)
        {
            return failed(index, code);
        }
        if let Some(code) = self.denied_name(call, &topic.topic) {
            return failed(index, code);
        }
        let found = self
            .named_topic(&topic.topic, topic.topic_id)
            .and_then(|(_, found)| {
                self.led_partition(call.broker(), found, index, asked.current_leader_epoch)
                    .map(|partition| read_log(partition, asked, terms))
            });
        match found {
            Ok(Ok(data)) => data,
            Ok(Err(code)) => failed(index, code),
            Err(code) => self.with_current_leader(name.as_deref().ok(), failed(index, code)),
        }
    }

    /// Names the leader, if the error is that this broker does not lead (KIP-951).
    fn with_current_leader(&self, topic: Option<&str>, data: PartitionData) -> PartitionData {
        let stale = [
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::FENCED_LEADER_EPOCH,
        ];
        let found = topic.and_then(|topic| self.topics.get(topic)?.partition(data.partition_index));
        let leader = found.and_then(|partition| Some((partition.leader?, partition.leader_epoch)));
        match leader {
            Some((leader, leader_epoch)) if stale.contains(&data.error_code) => {
                let current_leader = LeaderIdAndEpoch::default()
                    .with_leader_id(leader.0)
                    .with_leader_epoch(leader_epoch);
                data.with_current_leader(current_leader)
            }
            _ => data,
        }
    }

    fn fetch_endpoints(&self, responses: &[FetchableTopicResponse]) -> Vec<NodeEndpoint> {
        let partitions = responses.iter().flat_map(|topic| &topic.partitions);
        let named: Vec<_> = partitions
            .map(|data| data.current_leader.leader_id)
            .collect();
        let brokers = self.brokers.listed();
        let brokers = brokers.filter(|(id, _)| named.contains(&id.0));
        let endpoints = brokers.map(|(id, broker)| {
            NodeEndpoint::default()
                .with_node_id(id.0)
                .with_host(broker.host.clone())
                .with_port(i32::from(broker.port))
                .with_rack(broker.rack.clone())
        });
        endpoints.collect()
    }
}

/// Whether the first batch may be larger than what may be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// So that a reader makes progress (KIP-74).
    Whatever,
    IfItFits,
}

/// Which records a reader wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Isolation {
    Uncommitted,
    Committed,
}

/// How a partition is read.
#[derive(Clone, Copy)]
struct Terms {
    /// How many bytes may be read.
    left: usize,
    first: First,
    isolation: Isolation,
}

fn read_log(
    partition: &Partition,
    asked: &FetchPartition,
    terms: Terms,
) -> Result<PartitionData, ErrorCode> {
    let high_watermark = partition.high_watermark();
    let last_stable_offset = partition.last_stable_offset();
    let start = partition.log.start_offset();
    if !(start..=partition.log.end_offset()).contains(&asked.fetch_offset) {
        return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
    }
    let end = match terms.isolation {
        Isolation::Uncommitted => high_watermark,
        Isolation::Committed => last_stable_offset,
    };
    let limit = usize::try_from(asked.partition_max_bytes).unwrap_or(0);
    let limit = terms.left.min(limit);
    let mut records = BytesMut::new();
    let mut read_to = asked.fetch_offset;
    for batch in partition.log.from(asked.fetch_offset) {
        if batch.header.last_offset() >= end {
            break;
        }
        let fits = records.len() + batch.bytes.len() <= limit;
        let must = terms.first == First::Whatever && records.is_empty();
        if !fits && !must {
            break;
        }
        records.extend_from_slice(&batch.bytes);
        read_to = batch.header.last_offset() + 1;
    }
    let aborted = || {
        let aborted = partition
            .transaction_index
            .aborted_in(asked.fetch_offset, read_to);
        let aborted = aborted.map(|it| {
            AbortedTransaction::default()
                .with_producer_id(it.producer_id)
                .with_first_offset(it.first_offset)
        });
        aborted.collect()
    };
    Ok(PartitionData::default()
        .with_partition_index(asked.partition)
        .with_high_watermark(high_watermark)
        .with_last_stable_offset(last_stable_offset)
        .with_log_start_offset(start)
        .with_aborted_transactions((terms.isolation == Isolation::Committed).then(aborted))
        .with_records(Some(records.freeze())))
}

fn failed(index: i32, error_code: ErrorCode) -> PartitionData {
    PartitionData::default()
        .with_partition_index(index)
        .with_error_code(error_code)
        .with_high_watermark(-1)
        .with_aborted_transactions(None)
        .with_records(Some(Bytes::new()))
}

/// A session is asked for.
const FULL_EPOCH: i32 = 0;
/// No session is wanted.
const FINAL_EPOCH: i32 = -1;
/// `IsolationLevel.READ_COMMITTED`.
const READ_COMMITTED: i8 = 1;
