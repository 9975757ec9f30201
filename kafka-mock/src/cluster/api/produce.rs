//! Produce: batches are checked as a broker checks them, and appended.
//!
//! Partitions are independent: one may be refused while its neighbours are appended. With `acks=0`
//! nothing is answered, and any refusal closes the connection, which is all a broker can do then.

use bytes::Bytes;
use kafka_wire::{
    ErrorCode,
    messages::{
        ProduceRequest, ProduceResponse,
        produce::{
            LeaderIdAndEpoch, NodeEndpoint, PartitionProduceData, PartitionProduceResponse,
            TopicProduceData, TopicProduceResponse,
        },
    },
    records::{Attributes, RecordBatch, TimestampType},
};

use super::{
    super::{
        log::Stamp,
        producer_state::Admission,
        validate::{self, Place, Refusal},
    },
    Answer, BrokerId, Call, Cluster, NO_EPOCH, Outcome, Pause, Scripted, Target,
};

/// What holds for all partitions of a request.
#[derive(Clone, Copy)]
struct Terms {
    acks: i16,
    refusal: Option<ErrorCode>,
}

/// Where a batch went.
struct Appended {
    base_offset: i64,
    /// -1 unless the topic keeps the broker's time, or the batch is a duplicate.
    log_append_time_ms: i64,
}

impl Cluster {
    pub(super) fn produce(
        &mut self,
        call: &Call,
        request: ProduceRequest,
        pause: Pause,
    ) -> Outcome {
        let terms = Terms {
            acks: request.acks,
            refusal: refusal_of(&request),
        };
        let topics = request.topic_data.into_iter();
        let responses: Vec<_> = topics
            .map(|topic| self.produce_topic(call, terms, topic))
            .collect();
        if terms.acks == NO_ACKS {
            let mut outcomes = responses
                .iter()
                .flat_map(|topic| &topic.partition_responses);
            let refused = outcomes.any(|outcome| !outcome.error_code.is_none());
            return Ok(if refused {
                Answer::Close
            } else {
                Answer::Nothing
            });
        }
        let response = ProduceResponse {
            node_endpoints: self.endpoints_named_in(&responses),
            responses,
            throttle_time_ms: pause.throttle_time_ms(),
        };
        Ok(call.answer::<ProduceRequest>(&response))
    }

    fn produce_topic(
        &mut self,
        call: &Call,
        terms: Terms,
        asked: TopicProduceData,
    ) -> TopicProduceResponse {
        let TopicProduceData {
            name,
            topic_id,
            partition_data,
        } = asked;
        let found = match terms.refusal {
            None => self.named_topic(&name, topic_id),
            Some(code) => Err(code),
        };
        let found = found.map(|(name, _)| name.to_owned());
        let partitions = partition_data.into_iter().map(|partition| match &found {
            Ok(topic) => self.produce_partition(call, terms.acks, topic, partition),
            Err(code) => refused(partition.index, Refusal::from(*code)),
        });
        TopicProduceResponse {
            partition_responses: partitions.collect(),
            name,
            topic_id,
        }
    }

    fn produce_partition(
        &mut self,
        call: &Call,
        acks: i16,
        topic: &str,
        asked: PartitionProduceData,
    ) -> PartitionProduceResponse {
        let PartitionProduceData { index, records } = asked;
        let target = Target {
            topic: Some(topic),
            partition: Some(index),
        };
        let outcome = match self.scripted(call, target) {
            None => self.append(call, acks, topic, index, records),
            Some(Scripted::Refuse(code)) => Err(Refusal::from(code)),
            Some(Scripted::Misreport(code)) => {
                // What becomes of it is the secret of the script.
                let _ = self.append(call, acks, topic, index, records);
                Err(Refusal::from(code))
            }
        };
        match outcome {
            Ok(appended) => PartitionProduceResponse {
                index,
                base_offset: appended.base_offset,
                log_append_time_ms: appended.log_append_time_ms,
                log_start_offset: 0,
                ..PartitionProduceResponse::default()
            },
            Err(refusal) => self.with_leader(topic, refused(index, refusal)),
        }
    }

    /// Appends what a broker would append.
    fn append(
        &mut self,
        call: &Call,
        acks: i16,
        topic: &str,
        index: i32,
        records: Option<Bytes>,
    ) -> Result<Appended, Refusal> {
        if !matches!(acks, NO_ACKS | ACKS_LEADER | ACKS_ALL) {
            return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
        }
        let found = self
            .topics
            .get(topic)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let partition = self.led_partition(call.broker(), found, index, NO_EPOCH)?;
        // No more can be asked for than there are replicas.
        let least = usize::try_from(found.config.min_insync_replicas).unwrap_or(0);
        let least = least.min(partition.replicas.len());
        if acks == ACKS_ALL && partition.in_sync.len() < least {
            return Err(Refusal::from(ErrorCode::NOT_ENOUGH_REPLICAS).at_log());
        }
        let wall_ms = call.now.wall_ms;
        let batch = validate::batch(records, call.version.number, &found.config, wall_ms)?;
        let timestamp_type = found.config.timestamp_type;
        let append_time_ms = (timestamp_type == TimestampType::LogAppendTime).then_some(wall_ms);
        self.admit(topic, index, &batch, append_time_ms)
    }

    /// Appends a batch that is in order by itself, if it is in order with what came before.
    fn admit(
        &mut self,
        topic: &str,
        index: i32,
        batch: &RecordBatch,
        append_time_ms: Option<i64>,
    ) -> Result<Appended, Refusal> {
        let found = self
            .topics
            .get_mut(topic)
            .and_then(|topic| topic.partition_mut(index));
        let partition = found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let header = batch.header();
        if header.attributes.is_transactional() {
            let message = "Record was not part of an ongoing transaction";
            return Err(Refusal::new(ErrorCode::INVALID_TXN_STATE, message).at_log());
        }
        if header.producer_id >= 0 {
            match partition.producers.admit(header) {
                Admission::Append => {}
                Admission::Refuse(code) => return Err(Refusal::from(code).at_log()),
                // Kafka tells the timestamp of the first copy, whoever gave it.
                Admission::Duplicate(seen) => {
                    return Ok(Appended {
                        base_offset: seen.base_offset,
                        log_append_time_ms: seen.timestamp,
                    });
                }
            }
        }
        let stamp = Stamp {
            leader_epoch: partition.leader_epoch,
            append_time_ms,
        };
        let stored = partition.log.append(batch, stamp);
        if stored.producer_id >= 0 {
            partition.producers.note(&stored);
        }
        self.stir(|fetch| fetch.concerns(topic, index));
        Ok(Appended {
            base_offset: stored.base_offset,
            log_append_time_ms: append_time_ms.unwrap_or(NO_TIME),
        })
    }

    /// Names the leader, if the outcome is that it is another (KIP-951).
    fn with_leader(
        &self,
        topic: &str,
        outcome: PartitionProduceResponse,
    ) -> PartitionProduceResponse {
        if outcome.error_code != ErrorCode::NOT_LEADER_OR_FOLLOWER {
            return outcome;
        }
        let found = self
            .topics
            .get(topic)
            .and_then(|topic| topic.partition(outcome.index));
        let leader = found.and_then(|partition| Some((partition.leader?, partition.leader_epoch)));
        let Some((leader, leader_epoch)) = leader else {
            return outcome;
        };
        let current_leader = LeaderIdAndEpoch {
            leader_id: leader.0,
            leader_epoch,
        };
        PartitionProduceResponse {
            current_leader,
            ..outcome
        }
    }

    fn endpoints_named_in(&self, responses: &[TopicProduceResponse]) -> Vec<NodeEndpoint> {
        let outcomes = responses
            .iter()
            .flat_map(|topic| &topic.partition_responses);
        let named: Vec<_> = outcomes
            .map(|outcome| outcome.current_leader.leader_id)
            .collect();
        let brokers = self.alive().filter(|(BrokerId(id), _)| named.contains(id));
        let endpoints = brokers.map(|(id, broker)| NodeEndpoint {
            node_id: id.0,
            host: broker.host.clone(),
            port: i32::from(broker.port),
            rack: None,
        });
        endpoints.collect()
    }
}

/// Transactional batches need a transactional id; without one, nothing of the request is taken.
fn refusal_of(request: &ProduceRequest) -> Option<ErrorCode> {
    let partitions = request.topic_data.iter();
    let mut partitions = partitions.flat_map(|topic| &topic.partition_data);
    let transactional = partitions.any(|partition| {
        let batch = partition.records.as_deref().unwrap_or_default();
        let attributes = batch
            .get(ATTRIBUTES_AT)
            .map(|it| i16::from_be_bytes([it[0], it[1]]));
        batch.get(MAGIC_AT) == Some(&MAGIC)
            && attributes.is_some_and(|bits| Attributes::from_bits(bits).is_transactional())
    });
    let trespass = transactional && request.transactional_id.is_none();
    trespass.then_some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
}

fn refused(index: i32, refusal: Refusal) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        log_start_offset: match refusal.place {
            Place::Door => NO_OFFSET,
            Place::Log => 0,
        },
        error_code: refusal.code,
        base_offset: NO_OFFSET,
        record_errors: refusal.records,
        error_message: refusal.message,
        ..PartitionProduceResponse::default()
    }
}

/// Where a batch says its format, and what kind of batch it is.
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;
const ATTRIBUTES_AT: std::ops::Range<usize> = 21..23;
const NO_ACKS: i16 = 0;
const ACKS_LEADER: i16 = 1;
const ACKS_ALL: i16 = -1;
const NO_OFFSET: i64 = -1;
const NO_TIME: i64 = -1;
