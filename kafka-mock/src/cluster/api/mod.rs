//! From a frame to its answer: header, version, faults, then the handler of the API.
//!
//! One file per API. What is served, and in which versions, is defined once, in `SERVED`, which
//! ApiVersions returns, too. A request that cannot be read, or is not served, closes the
//! connection, as on a broker; only ApiVersions is answered whatever its version (KIP-511).

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod admin_requests;
mod alter_client_quotas;
mod api_versions;
mod authorize;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_producers;
mod describe_transactions;
mod end_txn;
mod fetch;
mod find_coordinator;
mod get_telemetry_subscriptions;
mod group_requests;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod list_transactions;
mod metadata;
mod named_topics;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod produce;
mod push_telemetry;
mod sasl_authenticate;
mod sasl_handshake;
mod sync_group;
mod txn_offset_commit;
mod verify;

use bytes::Bytes;
use kafka_wire::{
    ApiKey, ErrorCode, Reader, Request, RequestHeader, Uuid, VersionRange,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, AlterClientQuotasRequest,
        ApiVersionsRequest, ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest,
        CreateAclsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteAclsRequest,
        DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeAclsRequest,
        DescribeClientQuotasRequest, DescribeClusterRequest, DescribeConfigsRequest,
        DescribeGroupsRequest, DescribeProducersRequest, DescribeTransactionsRequest,
        EndTxnRequest, FetchRequest, FindCoordinatorRequest, GetTelemetrySubscriptionsRequest,
        HeartbeatRequest, IncrementalAlterConfigsRequest, InitProducerIdRequest, JoinGroupRequest,
        LeaveGroupRequest, ListGroupsRequest, ListOffsetsRequest, MetadataRequest,
        OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, ProduceRequest,
        PushTelemetryRequest, SaslAuthenticateRequest, SaslHandshakeRequest, SyncGroupRequest,
        TxnOffsetCommitRequest,
    },
};

use self::named_topics::NamedTopics;
use super::{
    Answer, BrokerId, Cluster, Effect, Now, RequestSeen, TwoPhaseCommit, When,
    acl::ResourceKind,
    call::{Call, Pause},
    delayed::{Delayed, Outcome},
    fault::{Scripted, Target},
    ids::Link,
    partition::Partition,
    topic::Topic,
};

/// What is served, in the versions that brokers offer.
const SERVED: [(ApiKey, VersionRange); 42] = [
    served::<ProduceRequest>(),
    served::<FetchRequest>(),
    served::<ListOffsetsRequest>(),
    served::<MetadataRequest>(),
    served::<FindCoordinatorRequest>(),
    served::<SaslHandshakeRequest>(),
    served::<ApiVersionsRequest>(),
    served::<CreateTopicsRequest>(),
    served::<DeleteTopicsRequest>(),
    served::<CreateAclsRequest>(),
    served::<DescribeAclsRequest>(),
    served::<DeleteAclsRequest>(),
    served::<CreatePartitionsRequest>(),
    served::<DeleteRecordsRequest>(),
    served::<IncrementalAlterConfigsRequest>(),
    served::<InitProducerIdRequest>(),
    served::<AddPartitionsToTxnRequest>(),
    served::<AddOffsetsToTxnRequest>(),
    served::<EndTxnRequest>(),
    served::<TxnOffsetCommitRequest>(),
    served::<DescribeConfigsRequest>(),
    served::<SaslAuthenticateRequest>(),
    served::<DescribeClusterRequest>(),
    served::<DescribeProducersRequest>(),
    served::<DescribeTransactionsRequest>(),
    (ApiKey::LIST_TRANSACTIONS, LIST_TRANSACTIONS_WITHOUT_PATTERN),
    served::<GetTelemetrySubscriptionsRequest>(),
    served::<PushTelemetryRequest>(),
    served::<JoinGroupRequest>(),
    served::<SyncGroupRequest>(),
    served::<HeartbeatRequest>(),
    served::<LeaveGroupRequest>(),
    served::<OffsetCommitRequest>(),
    served::<OffsetFetchRequest>(),
    served::<DescribeGroupsRequest>(),
    served::<ListGroupsRequest>(),
    served::<DeleteGroupsRequest>(),
    served::<OffsetDeleteRequest>(),
    served::<ConsumerGroupHeartbeatRequest>(),
    served::<ConsumerGroupDescribeRequest>(),
    served::<DescribeClientQuotasRequest>(),
    served::<AlterClientQuotasRequest>(),
];

/// Nothing here reads a pattern of RE2, as version 2 has (KIP-1152).
const LIST_TRANSACTIONS_WITHOUT_PATTERN: VersionRange = VersionRange::new(0, 1);

/// What only brokers offer that receive metrics.
const TELEMETRY: [ApiKey; 2] = [ApiKey::GET_TELEMETRY_SUBSCRIPTIONS, ApiKey::PUSH_TELEMETRY];

const fn served<R: Request>() -> (ApiKey, VersionRange) {
    (R::KEY, R::STABLE_VERSIONS)
}

/// Whether faults that come before the handling are still to be tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FaultDelay {
    NotYet,
    Already,
}

impl Cluster {
    /// Handles a request that just arrived.
    pub(super) fn serve(&mut self, now: Now, link: Link, frame: Bytes) -> Outcome {
        self.dispatch(now, link, frame, FaultDelay::NotYet)
    }

    /// Handles a request that a fault has delayed.
    pub(super) fn serve_delayed(&mut self, now: Now, link: Link, frame: Bytes) -> Outcome {
        self.dispatch(now, link, frame, FaultDelay::Already)
    }

    fn dispatch(&mut self, now: Now, link: Link, frame: Bytes, delayed: FaultDelay) -> Outcome {
        if let Some(sasl) = &self.sasl
            && sasl.expects_raw(link)
        {
            return self.raw_sasl_message(now, link, &frame);
        }
        let mut body = Reader::new(frame.clone());
        let Ok(header) = RequestHeader::decode(&mut body) else {
            return Ok(Answer::Close);
        };
        let (api, version) = (header.api_key, header.version());
        let correlation_id = header.correlation_id;
        if delayed == FaultDelay::NotYet {
            let broker = link.broker;
            self.remember(RequestSeen {
                broker,
                api,
                version: version.number,
            });
        }
        if let Some(sasl) = &self.sasl
            && !sasl.admits(now.instant, link, api)
        {
            return Ok(Answer::Close);
        }
        let call = Call {
            now,
            link,
            api,
            version,
            correlation_id,
        };
        let known = self.served(link.broker).find(|(key, _)| *key == api);
        if !known.is_some_and(|(_, versions)| versions.contains(version.number)) {
            return Ok(match api {
                ApiKey::API_VERSIONS => self.unsupported_api_versions(&call),
                _ => Answer::Close,
            });
        }
        let raw = Raw {
            call,
            header,
            body,
            frame,
            delayed,
        };
        match api {
            ApiKey::PRODUCE => self.run(raw, Self::produce),
            ApiKey::FETCH => self.run(raw, Self::fetch),
            ApiKey::LIST_OFFSETS => self.run(raw, Self::list_offsets),
            ApiKey::METADATA => self.run(raw, Self::metadata),
            ApiKey::FIND_COORDINATOR => self.run(raw, Self::find_coordinator),
            ApiKey::SASL_HANDSHAKE => self.run(raw, Self::sasl_handshake),
            ApiKey::SASL_AUTHENTICATE => self.run(raw, Self::sasl_authenticate),
            ApiKey::API_VERSIONS => self.run(raw, Self::api_versions),
            ApiKey::INIT_PRODUCER_ID => self.run(raw, Self::init_producer_id),
            ApiKey::ADD_PARTITIONS_TO_TXN => self.run(raw, Self::add_partitions_to_txn),
            ApiKey::ADD_OFFSETS_TO_TXN => self.run(raw, Self::add_offsets_to_txn),
            ApiKey::END_TXN => self.run(raw, Self::end_txn),
            ApiKey::TXN_OFFSET_COMMIT => self.run(raw, Self::txn_offset_commit),
            ApiKey::GET_TELEMETRY_SUBSCRIPTIONS => self.run(raw, Self::get_telemetry_subscriptions),
            ApiKey::PUSH_TELEMETRY => self.run(raw, Self::push_telemetry),
            _ => self.serve_admin(raw),
        }
    }

    /// What is served, in the versions that are offered.
    fn served(&self, broker: BrokerId) -> impl Iterator<Item = (ApiKey, VersionRange)> {
        let caps = self.caps_of(broker);
        let telemetry = self.telemetry.is_some();
        let served = SERVED.into_iter();
        let served = served.filter(move |(key, _)| telemetry || !TELEMETRY.contains(key));
        let two_phase = self.config.two_phase_commit != TwoPhaseCommit::NotOffered;
        served.map(move |(key, versions)| {
            let versions = match two_phase && key == ApiKey::INIT_PRODUCER_ID {
                true => InitProducerIdRequest::VERSIONS,
                false => versions,
            };
            let caps = caps.iter();
            let cap = caps
                .filter(|(capped, _)| *capped == key)
                .map(|(_, cap)| *cap);
            let latest = cap.fold(versions.latest, i16::min);
            (key, VersionRange { latest, ..versions })
        })
    }

    /// Decodes the request, lets faults strike, and has it handled.
    fn run<R: Request + NamedTopics>(
        &mut self,
        mut raw: Raw,
        handler: impl FnOnce(&mut Self, &Call, R, Pause) -> Outcome,
    ) -> Outcome {
        self.note_asked(raw.call.link, &raw.header, raw.body.remaining());
        // Bytes behind the last field are skipped, as Kafka does: librdkafka sends three when it asks for
        // the metadata of all topics.
        let Ok(request) = R::decode(&mut raw.body, raw.call.version) else {
            return Ok(Answer::Close);
        };
        let Some(effect) = self.effect_on(&raw.call, &request, raw.delayed) else {
            return handler(self, &raw.call, request, Pause::default());
        };
        let now = raw.call.now.instant;
        match effect {
            Effect::Disconnect(When::BeforeHandling) => return Ok(Answer::Close),
            Effect::Silence(When::BeforeHandling) => return Err(Delayed::Forever),
            Effect::Delay(When::BeforeHandling, by) => {
                return Err(Delayed::Request {
                    frame: raw.frame,
                    until: now + by,
                });
            }
            Effect::Rebootstrap if raw.call.version.number >= FIRST_WITH_REBOOTSTRAP => {
                return Ok(raw.call.rebootstrap());
            }
            _ => {}
        }
        let pause = match effect {
            Effect::Throttle(pause) => Pause(pause),
            _ => Pause::default(),
        };
        let answer = handler(self, &raw.call, request, pause)?;
        match effect {
            Effect::Disconnect(_) => Ok(Answer::Close),
            Effect::Silence(_) => Err(Delayed::Forever),
            Effect::Cut(after_bytes) => Ok(answer.cut(after_bytes)),
            Effect::Delay(_, by) => Err(Delayed::Answer {
                answer,
                until: now + by,
            }),
            _ => Ok(answer),
        }
    }

    /// What a fault does to this request as a whole.
    fn effect_on(
        &mut self,
        call: &Call,
        request: &impl NamedTopics,
        delayed: FaultDelay,
    ) -> Option<Effect> {
        if self.faults.is_empty() || delayed == FaultDelay::Already {
            return None;
        }
        let items = request.named_topics();
        let topics = &self.topics;
        let targets = items.iter().map(|item| Target {
            topic: if item.name.is_empty() {
                topics.name_of(item.id)
            } else {
                Some(item.name)
            },
            partition: item.partition,
        });
        let targets: Vec<_> = targets.collect();
        self.faults.on_request(call.broker(), call.api, &targets)
    }

    /// What a fault answers about the request, or this part of it; else what an ACL does.
    fn scripted(&mut self, call: &Call, target: Target<'_>) -> Option<Scripted> {
        if !self.faults.is_empty()
            && let Some(scripted) = self.faults.on_item(call.broker(), call.api, target)
        {
            return Some(scripted);
        }
        let denied = match target.topic {
            Some(topic) => self.denial(call, ResourceKind::Topic, topic),
            None => self.denial(call, ResourceKind::Cluster, ""),
        };
        denied.map(Scripted::Refuse)
    }

    /// Does `work`, unless a fault or an ACL refuses it, and returns what those answer.
    fn as_scripted(
        &mut self,
        call: &Call,
        target: Target<'_>,
        work: impl FnOnce(&mut Self) -> ErrorCode,
    ) -> ErrorCode {
        match self.scripted(call, target) {
            Some(Scripted::Refuse(code)) => code,
            Some(Scripted::Misreport(code)) => {
                work(self);
                code
            }
            None => work(self),
        }
    }

    /// The topic that a request names, by id or by name, as its version has it.
    fn named_topic(&self, name: &str, id: Uuid) -> Result<(&str, &Topic), ErrorCode> {
        let by_id = name.is_empty() && !id.is_zero();
        let name = if by_id {
            self.topics.name_of(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?
        } else {
            name
        };
        let topic = self.topics.get_key_value(name);
        topic.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    }

    /// A partition that `broker` leads, for a client that knows leader epoch `epoch`.
    fn led_partition<'a>(
        &self,
        broker: BrokerId,
        topic: &'a Topic,
        index: i32,
        epoch: i32,
    ) -> Result<&'a Partition, ErrorCode> {
        let partition = topic.partition(index);
        let partition = partition.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        if partition.leader != Some(broker) {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        match epoch {
            NO_EPOCH => Ok(partition),
            _ if epoch < partition.leader_epoch => Err(ErrorCode::FENCED_LEADER_EPOCH),
            _ if epoch > partition.leader_epoch => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => Ok(partition),
        }
    }
}

/// A request that is not decoded yet.
struct Raw {
    call: Call,
    header: RequestHeader,
    body: Reader,
    frame: Bytes,
    delayed: FaultDelay,
}

/// Of Metadata (KIP-1102).
const FIRST_WITH_REBOOTSTRAP: i16 = 13;
/// The client knows no leader epoch.
const NO_EPOCH: i32 = -1;
