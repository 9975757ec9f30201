//! Produce: batches are checked as a broker checks them, and appended.
//!
//! Partitions are independent: one may be refused while its neighbours are appended. With `acks=0`
//! nothing is answered, and any refusal closes the connection, which is all a broker can do then.

use std::time::{Duration, Instant};

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
    records::{RecordBatch, TimestampType},
};

use super::{
    super::{
        Defect,
        acl::ResourceKind,
        delayed::{Awaited, DelayedProduce, DelayedVerification, Nth},
        log::Stamp,
        producer_state::Admission,
        validate::{self, Place, Refusal},
    },
    Answer, BrokerId, Call, Cluster, Delayed, NO_EPOCH, Now, Outcome, Pause, Scripted, Target,
    verify::{self, Unverified},
};

/// How far what was appended got.
enum Replicated {
    Yes,
    Not,
    Failed(ErrorCode),
}

/// What holds for all partitions of a request.
#[derive(Clone, Copy)]
struct Terms<'a> {
    acks: i16,
    refusal: Option<ErrorCode>,
    unverified: &'a Unverified,
}

/// Where a batch was appended.
struct Appended {
    base_offset: i64,
    /// -1 unless the topic keeps the broker's time, or the batch is a duplicate.
    log_append_time_ms: i64,
    log_start_offset: i64,
    /// What must be replicated before it is acknowledged with `acks=all`.
    awaited: Awaited,
}

impl Cluster {
    pub(super) fn produce(
        &mut self,
        call: &Call,
        request: ProduceRequest,
        pause: Pause,
    ) -> Outcome {
        self.verify_and_produce(call, request, pause, call.now.instant)
    }

    /// Asks the transaction's coordinator first, and repeats that for a while if the previous
    /// transaction is still ending.
    fn verify_and_produce(
        &mut self,
        call: &Call,
        request: ProduceRequest,
        pause: Pause,
        since: Instant,
    ) -> Outcome {
        let unverified = self.verify(call, &request);
        let concurrent = |refusal: &Refusal| refusal.code == ErrorCode::CONCURRENT_TRANSACTIONS;
        let is_retried = call.now.instant < since + VERIFICATION_RETRIED;
        if is_retried && unverified.values().any(concurrent) {
            return Err(Delayed::Verification(Box::new(DelayedVerification {
                call: *call,
                request,
                pause,
                since,
                next: call.now.instant + VERIFICATION_RETRY,
            })));
        }
        self.append_all(call, request, pause, &unverified)
    }

    pub(in crate::cluster) fn resume_verification(
        &mut self,
        now: Now,
        delayed: DelayedVerification,
    ) -> Outcome {
        let call = Call {
            now,
            ..delayed.call
        };
        self.verify_and_produce(&call, delayed.request, delayed.pause, delayed.since)
    }

    fn append_all(
        &mut self,
        call: &Call,
        request: ProduceRequest,
        pause: Pause,
        unverified: &Unverified,
    ) -> Outcome {
        let terms = Terms {
            acks: request.acks,
            refusal: self.refusal_of(call, &request),
            unverified,
        };
        let mut awaited = Vec::new();
        let topics = request.topic_data.into_iter().enumerate();
        let responses = topics.map(|(n, topic)| {
            let (response, waits) = self.produce_topic(call, terms, n, topic);
            awaited.extend(waits);
            response
        });
        let responses: Vec<_> = responses.collect();
        if terms.acks == NO_ACKS {
            self.throttle_produce(call.now.instant, call.link);
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
        if terms.acks == ACKS_LEADER || self.has_defect(Defect::AckBeforeReplication) {
            awaited.clear();
        }
        let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
        let delayed = DelayedProduce {
            call: *call,
            pause,
            responses,
            awaited,
            until: call.now.instant + timeout,
            recheck: false,
        };
        self.resume_produce(call.now, Box::new(delayed))
    }

    /// What is answered for all of it.
    pub(super) fn refusal_of(&self, call: &Call, request: &ProduceRequest) -> Option<ErrorCode> {
        match request.transactional_id.as_deref() {
            _ if !is_transactional(request) => None,
            None => Some(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
            Some(id) => self.denial(call, ResourceKind::TransactionalId, id),
        }
    }

    fn produce_topic(
        &mut self,
        call: &Call,
        terms: Terms<'_>,
        n: usize,
        asked: TopicProduceData,
    ) -> (TopicProduceResponse, Vec<(Nth, Awaited)>) {
        let TopicProduceData {
            name,
            topic_id,
            partition_data,
            ..
        } = asked;
        let found = match terms.refusal.or_else(|| self.denied_name(call, &name)) {
            None => self.named_topic(&name, topic_id),
            Some(code) => Err(code),
        };
        let found = found.map(|(name, _)| name.to_owned());
        let mut waits = Vec::new();
        let partitions = partition_data.into_iter().enumerate();
        let partitions = partitions.map(|(m, partition)| match &found {
            Ok(topic) => {
                let (response, wait) =
                    self.produce_partition(call, terms, (n, m), topic, partition);
                waits.extend(wait.map(|wait| ((n, m), wait)));
                response
            }
            Err(code) => refused(partition.index, Refusal::from(*code)),
        });
        let response = TopicProduceResponse::default()
            .with_partition_responses(partitions.collect())
            .with_name(name)
            .with_topic_id(topic_id);
        (response, waits)
    }

    fn produce_partition(
        &mut self,
        call: &Call,
        terms: Terms<'_>,
        nth: Nth,
        topic: &str,
        asked: PartitionProduceData,
    ) -> (PartitionProduceResponse, Option<Awaited>) {
        let PartitionProduceData { index, records, .. } = asked;
        let target = Target {
            topic: Some(topic),
            partition: Some(index),
        };
        let append = |cluster: &mut Self| match terms.unverified.get(&nth) {
            Some(refusal) => Err(refusal.clone()),
            None => cluster.append(call, terms.acks, topic, index, records.clone()),
        };
        let outcome = match self.scripted(call, target) {
            None => append(self),
            Some(Scripted::Refuse(code)) => Err(Refusal::from(code)),
            Some(Scripted::Misreport(code)) => {
                // The outcome is not returned: the fault says what is answered.
                let _ = append(self);
                Err(Refusal::from(code))
            }
        };
        match outcome {
            Ok(appended) => {
                let response = PartitionProduceResponse::default()
                    .with_index(index)
                    .with_base_offset(appended.base_offset)
                    .with_log_append_time_ms(appended.log_append_time_ms)
                    .with_log_start_offset(appended.log_start_offset);
                (response, Some(appended.awaited))
            }
            Err(refusal) => (
                self.with_leader(topic, self.refused_at(topic, index, refusal)),
                None,
            ),
        }
    }

    fn refused_at(&self, topic: &str, index: i32, refusal: Refusal) -> PartitionProduceResponse {
        let found = self.topics.get(topic);
        let found = found.and_then(|topic| topic.partition(index));
        let start = found.map_or(0, |partition| partition.log.start_offset());
        let log_start_offset = match refusal.place {
            Place::Request => NO_OFFSET,
            Place::Log => start,
        };
        refused(index, refusal).with_log_start_offset(log_start_offset)
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
        if acks == ACKS_ALL && partition.in_sync.len() < found.in_sync_needed(index) {
            return Err(Refusal::from(ErrorCode::NOT_ENOUGH_REPLICAS).at_log());
        }
        let wall_ms = call.now.wall_ms;
        let batch = validate::batch(records, call.version.number, &found.config, wall_ms)?;
        let timestamp_type = found.config.timestamp_type;
        let append_time_ms = (timestamp_type == TimestampType::LogAppendTime).then_some(wall_ms);
        self.admit(call.now, (topic, index), &batch, append_time_ms)
    }

    /// Appends a batch that is in order by itself, if it is in order with what came before.
    fn admit(
        &mut self,
        now: Now,
        (topic, index): (&str, i32),
        batch: &RecordBatch,
        append_time_ms: Option<i64>,
    ) -> Result<Appended, Refusal> {
        let defect = self.config.defect;
        let dropped = self.has_defect(Defect::AckBeforeAppend) && self.random.one_in(16);
        let found = self
            .topics
            .get_mut(topic)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let topic_id = found.id;
        let partition = found
            .partition_mut(index)
            .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let leader_epoch = partition.leader_epoch;
        let log_start_offset = partition.log.start_offset();
        let awaited = |end_offset| Awaited {
            topic: topic.to_owned(),
            topic_id,
            partition: index,
            leader_epoch,
            end_offset,
        };
        if batch.header().producer_id >= 0 {
            let admission = partition.producers.admit(batch.header());
            match excused(defect, admission) {
                Admission::Append => {}
                Admission::Refuse(code) => return Err(Refusal::from(code).at_log()),
                // Kafka returns the timestamp of the first copy, of either clock.
                Admission::Duplicate(seen) => {
                    return Ok(Appended {
                        base_offset: seen.base_offset,
                        log_append_time_ms: seen.timestamp,
                        log_start_offset,
                        awaited: awaited(seen.last_offset + 1),
                    });
                }
            }
        }
        if dropped {
            let end_offset = partition.log.end_offset();
            return Ok(Appended {
                base_offset: end_offset,
                log_append_time_ms: NO_TIME,
                log_start_offset,
                awaited: awaited(0),
            });
        }
        let stamp = Stamp {
            leader_epoch,
            append_time_ms,
        };
        let stored = partition.append(batch, stamp);
        let appended = Appended {
            base_offset: stored.base_offset + i64::from(defect == Some(Defect::WrongOffset)),
            log_append_time_ms: append_time_ms.unwrap_or(NO_TIME),
            log_start_offset,
            awaited: awaited(stored.last_offset() + 1),
        };
        self.replicate_appended(now, topic, index);
        Ok(appended)
    }

    /// Answers, if everything is replicated or the time is over.
    pub(in crate::cluster) fn resume_produce(
        &mut self,
        now: Now,
        mut delayed: Box<DelayedProduce>,
    ) -> Outcome {
        let over = delayed.until <= now.instant;
        let mut awaited = std::mem::take(&mut delayed.awaited);
        awaited.retain(|((n, m), wait)| {
            let response = &mut delayed.responses[*n].partition_responses[*m];
            let code = match self.progress_of(delayed.call.broker(), wait) {
                Replicated::Not if over => ErrorCode::REQUEST_TIMED_OUT,
                Replicated::Not => return true,
                Replicated::Yes => return false,
                Replicated::Failed(code) => code,
            };
            let failed = refused(wait.partition, Refusal::from(code));
            let failed = failed
                .with_base_offset(response.base_offset)
                .with_log_append_time_ms(response.log_append_time_ms)
                .with_log_start_offset(response.log_start_offset);
            *response = self.with_leader(&wait.topic, failed);
            false
        });
        if !awaited.is_empty() {
            (delayed.awaited, delayed.recheck) = (awaited, false);
            return Err(Delayed::Produce(delayed));
        }
        let throttle = self.throttle_produce(now.instant, delayed.call.link);
        let response = ProduceResponse::default()
            .with_node_endpoints(self.endpoints_named_in(&delayed.responses))
            .with_responses(delayed.responses)
            .with_throttle_time_ms(delayed.pause.max(throttle).throttle_time_ms());
        Ok(delayed.call.answer::<ProduceRequest>(&response))
    }

    /// How far an appended batch got.
    fn progress_of(&self, broker: BrokerId, wait: &Awaited) -> Replicated {
        let found = self.topics.get(&wait.topic);
        let Some(topic) = found.filter(|topic| topic.id == wait.topic_id) else {
            return Replicated::Failed(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        };
        let Some(partition) = topic.partition(wait.partition) else {
            return Replicated::Failed(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        };
        if partition.leader != Some(broker) || partition.leader_epoch != wait.leader_epoch {
            return Replicated::Failed(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        if partition.high_watermark() < wait.end_offset {
            return Replicated::Not;
        }
        if partition.in_sync.len() < topic.in_sync_needed(wait.partition) {
            return Replicated::Failed(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
        }
        Replicated::Yes
    }

    /// Names the leader, if the error is that this broker does not lead (KIP-951).
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
        let current_leader = LeaderIdAndEpoch::default()
            .with_leader_id(leader.0)
            .with_leader_epoch(leader_epoch);
        outcome.with_current_leader(current_leader)
    }

    fn endpoints_named_in(&self, responses: &[TopicProduceResponse]) -> Vec<NodeEndpoint> {
        let outcomes = responses
            .iter()
            .flat_map(|topic| &topic.partition_responses);
        let named: Vec<_> = outcomes
            .map(|outcome| outcome.current_leader.leader_id)
            .collect();
        let brokers = self.brokers.listed();
        let brokers = brokers.filter(|(BrokerId(id), _)| named.contains(id));
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

/// Transactional batches need a transactional id; without one, nothing of the request is taken.
fn is_transactional(request: &ProduceRequest) -> bool {
    let partitions = request.topic_data.iter();
    let mut partitions = partitions.flat_map(|topic| &topic.partition_data);
    partitions.any(|partition| {
        let batch = partition.records.as_deref().unwrap_or_default();
        verify::transactional_header(batch).is_some()
    })
}

/// What a defect does to an admission.
fn excused(defect: Option<Defect>, admission: Admission) -> Admission {
    let excused = match (defect, admission) {
        (Some(Defect::AcceptAnySequence), Admission::Duplicate(_)) => true,
        (Some(Defect::AcceptAnySequence), Admission::Refuse(code)) => {
            code == ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
        }
        (Some(Defect::AcceptOldEpoch), Admission::Refuse(code)) => {
            code == ErrorCode::INVALID_PRODUCER_EPOCH
        }
        _ => false,
    };
    if excused {
        Admission::Append
    } else {
        admission
    }
}

fn refused(index: i32, refusal: Refusal) -> PartitionProduceResponse {
    PartitionProduceResponse::default()
        .with_index(index)
        .with_log_start_offset(NO_OFFSET)
        .with_error_code(refusal.code)
        .with_base_offset(NO_OFFSET)
        .with_record_errors(refusal.records)
        .with_error_message(refusal.message)
}

const NO_ACKS: i16 = 0;
const ACKS_LEADER: i16 = 1;
const ACKS_ALL: i16 = -1;
const NO_OFFSET: i64 = -1;
const NO_TIME: i64 = -1;
/// `add.partitions.to.txn.retry.backoff.ms` and `.max.ms`: a broker asks again in the place of the
/// producer.
const VERIFICATION_RETRY: Duration = Duration::from_millis(20);
const VERIFICATION_RETRIED: Duration = Duration::from_millis(100);
