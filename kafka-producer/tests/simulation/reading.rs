//! Frames in words, for the story.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_wire::messages::metadata::{MetadataRequest, MetadataResponse};
use kafka_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiVersionsRequest, DescribeConfigsRequest,
    DescribeProducersRequest, EndTxnRequest, FindCoordinatorRequest,
    GetTelemetrySubscriptionsRequest, InitProducerIdRequest, ProduceRequest, PushTelemetryRequest,
    SaslAuthenticateRequest, SaslHandshakeRequest, TxnOffsetCommitRequest,
};
use kafka_wire::records::RecordBatch;
use kafka_wire::{
    ApiKey, ErrorCode, Reader, Request, RequestHeader, decode_request, decode_response,
    encode_response,
};

use crate::ledger::id_of;
use crate::mangling::Mangling;

/// What an answer must be read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    api: ApiKey,
    version: i16,
}

impl Asked {
    /// Of a request that begins with its length.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let number = |at: usize| i16::from_be_bytes([frame[at], frame[at + 1]]);
        Self {
            api: ApiKey(number(4)),
            version: number(6),
        }
    }
}

impl Asked {
    pub(crate) fn api(self) -> ApiKey {
        self.api
    }

    /// For how long an answer, given without its length, asks to be left alone.
    pub(crate) fn pause(self, frame: &Bytes) -> Option<Duration> {
        let Self { api, version } = self;
        let frame = frame.clone();
        let ms = match api {
            ApiKey::PRODUCE => read::<ProduceRequest>(frame, version)?.throttle_time_ms,
            ApiKey::METADATA => read::<MetadataRequest>(frame, version)?.throttle_time_ms,
            ApiKey::INIT_PRODUCER_ID => {
                read::<InitProducerIdRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::FIND_COORDINATOR => {
                read::<FindCoordinatorRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::ADD_PARTITIONS_TO_TXN => {
                read::<AddPartitionsToTxnRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::ADD_OFFSETS_TO_TXN => {
                read::<AddOffsetsToTxnRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::TXN_OFFSET_COMMIT => {
                read::<TxnOffsetCommitRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::END_TXN => read::<EndTxnRequest>(frame, version)?.throttle_time_ms,
            ApiKey::API_VERSIONS => read::<ApiVersionsRequest>(frame, version)?.throttle_time_ms,
            ApiKey::DESCRIBE_CONFIGS => {
                read::<DescribeConfigsRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::GET_TELEMETRY_SUBSCRIPTIONS => {
                read::<GetTelemetrySubscriptionsRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::PUSH_TELEMETRY => {
                read::<PushTelemetryRequest>(frame, version)?.throttle_time_ms
            }
            ApiKey::DESCRIBE_PRODUCERS => {
                read::<DescribeProducersRequest>(frame, version)?.throttle_time_ms
            }
            _ => 0,
        };
        let ms = u64::try_from(ms).ok().filter(|ms| *ms > 0)?;
        Some(Duration::from_millis(ms))
    }

    /// What an answer, given without its length, tells of the cluster, if it is about that.
    pub(crate) fn metadata(self, frame: &Bytes) -> Option<MetadataResponse> {
        let Self { api, version } = self;
        (api == ApiKey::METADATA).then(|| read::<MetadataRequest>(frame.clone(), version))?
    }

    /// The same answer with something wrong, if it is of that kind.
    pub(crate) fn mangled(self, mangling: Mangling, frame: &Bytes) -> Option<Bytes> {
        mangling.of(self.api, self.version, frame)
    }

    /// The same answer with another epoch, if it gives a producer id.
    pub(crate) fn with_epoch(self, frame: &Bytes, epoch: i16) -> Option<Bytes> {
        if self.api != ApiKey::INIT_PRODUCER_ID {
            return None;
        }
        let version = InitProducerIdRequest::version(self.version).ok()?;
        let (number, mut answer) =
            decode_response::<InitProducerIdRequest>(frame.slice(4..), version).ok()?;
        if answer.error_code == ErrorCode::NONE {
            answer.producer_epoch = epoch;
        }
        let frame = encode_response::<InitProducerIdRequest>(number, version, &answer).unwrap();
        Some(frame)
    }
}

/// The end of a transaction, if this is one that is answered with the next epoch (KIP-890).
pub(crate) fn end_with_epoch(frame: &[u8]) -> Option<EndTxnRequest> {
    let mut input = Reader::new(Bytes::copy_from_slice(frame));
    let header = RequestHeader::decode(&mut input).ok()?;
    let tells = header.api_key == ApiKey::END_TXN && header.api_version >= 5;
    decode_request::<EndTxnRequest>(&header, input)
        .ok()
        .filter(|_| tells)
}

/// What a request asks about the cluster, if it is about that.
pub(crate) fn metadata(frame: &Bytes) -> Option<MetadataRequest> {
    let mut input = Reader::new(frame.slice(4..));
    let header = RequestHeader::decode(&mut input).ok()?;
    (header.api_key == ApiKey::METADATA).then(|| decode_request(&header, input).ok())?
}

/// A request in words.
pub(crate) fn request(frame: &Bytes) -> String {
    let mut input = Reader::new(frame.slice(4..));
    let header = match RequestHeader::decode(&mut input) {
        Ok(header) => header,
        Err(error) => return format!("no request: {error}"),
    };
    let (number, version) = (header.correlation_id, header.api_version);
    let what = match header.api_key {
        ApiKey::PRODUCE => decode_request::<ProduceRequest>(&header, input).map(|r| produce(&r)),
        ApiKey::METADATA => whole::<MetadataRequest>(&header, input),
        ApiKey::INIT_PRODUCER_ID => whole::<InitProducerIdRequest>(&header, input),
        ApiKey::FIND_COORDINATOR => whole::<FindCoordinatorRequest>(&header, input),
        ApiKey::ADD_PARTITIONS_TO_TXN => whole::<AddPartitionsToTxnRequest>(&header, input),
        ApiKey::ADD_OFFSETS_TO_TXN => whole::<AddOffsetsToTxnRequest>(&header, input),
        ApiKey::TXN_OFFSET_COMMIT => whole::<TxnOffsetCommitRequest>(&header, input),
        ApiKey::END_TXN => whole::<EndTxnRequest>(&header, input),
        ApiKey::DESCRIBE_PRODUCERS => whole::<DescribeProducersRequest>(&header, input),
        _ => Ok(String::new()),
    };
    let what = what.unwrap_or_else(|error| format!("unreadable: {error}"));
    format!("{} v{version} #{number} {what}", header.api_key)
}

fn whole<R: Request + std::fmt::Debug>(
    header: &RequestHeader,
    input: Reader,
) -> Result<String, kafka_wire::DecodeError> {
    decode_request::<R>(header, input).map(|request| short(&request))
}

fn produce(request: &ProduceRequest) -> String {
    let mut words = vec![format!("acks={}", request.acks)];
    for topic in &request.topic_data {
        for partition in &topic.partition_data {
            let mut records = partition.records.clone().unwrap_or_default();
            let name = match topic.name.is_empty() {
                true => topic.topic_id.to_string(),
                false => topic.name.clone(),
            };
            words.push(match RecordBatch::decode(&mut records) {
                Ok(batch) => format!("{name}-{}{}", partition.index, in_words(&batch)),
                Err(error) => format!("{name}-{}: {error}", partition.index),
            });
        }
    }
    words.join(", ")
}

fn in_words(batch: &RecordBatch) -> String {
    let header = batch.header();
    let ids = batch.records().map(|record| {
        let value = record.ok().and_then(|record| record.value);
        match value.as_deref().and_then(id_of) {
            Some(id) => id.to_string(),
            None => "?".to_owned(),
        }
    });
    let ids: Vec<String> = ids.collect();
    let number = match header.producer_id {
        ..0 => String::new(),
        id => format!(
            " producer {id}/{} sequence {}",
            header.producer_epoch, header.base_sequence
        ),
    };
    format!("{number} [{}]", ids.join(" "))
}

/// An answer in words.
pub(crate) fn answer(asked: &BTreeMap<i32, Asked>, frame: &Bytes) -> String {
    let number = frame.get(4..8).and_then(|id| id.first_chunk());
    let number = number.map_or(-1, |id| i32::from_be_bytes(*id));
    let Some(Asked { api, version }) = asked.get(&number) else {
        return format!("an answer to #{number}, which nobody asked");
    };
    let body = frame.slice(4..);
    let version = *version;
    let what = match *api {
        ApiKey::PRODUCE => read::<ProduceRequest>(body, version).map(|answer| produced(&answer)),
        ApiKey::METADATA => read::<MetadataRequest>(body, version).map(|answer| described(&answer)),
        ApiKey::INIT_PRODUCER_ID => told::<InitProducerIdRequest>(body, version),
        ApiKey::FIND_COORDINATOR => told::<FindCoordinatorRequest>(body, version),
        ApiKey::ADD_PARTITIONS_TO_TXN => told::<AddPartitionsToTxnRequest>(body, version),
        ApiKey::ADD_OFFSETS_TO_TXN => told::<AddOffsetsToTxnRequest>(body, version),
        ApiKey::TXN_OFFSET_COMMIT => told::<TxnOffsetCommitRequest>(body, version),
        ApiKey::END_TXN => told::<EndTxnRequest>(body, version),
        ApiKey::DESCRIBE_PRODUCERS => told::<DescribeProducersRequest>(body, version),
        ApiKey::SASL_HANDSHAKE => told::<SaslHandshakeRequest>(body, version),
        ApiKey::SASL_AUTHENTICATE => told::<SaslAuthenticateRequest>(body, version),
        _ => None,
    };
    format!("{api} #{number} {}", what.unwrap_or_default())
}

fn read<R: Request>(body: Bytes, version: i16) -> Option<R::Response> {
    let version = R::version(version).ok()?;
    let (_, answer) = decode_response::<R>(body, version).ok()?;
    Some(answer)
}

fn told<R: Request<Response: std::fmt::Debug>>(body: Bytes, version: i16) -> Option<String> {
    read::<R>(body, version).map(|answer| short(&answer))
}

fn produced(answer: &<ProduceRequest as Request>::Response) -> String {
    let mut words = Vec::new();
    for topic in &answer.responses {
        for partition in &topic.partition_responses {
            let name = match topic.name.is_empty() {
                true => topic.topic_id.to_string(),
                false => topic.name.clone(),
            };
            let (index, code) = (partition.index, partition.error_code);
            words.push(format!(
                "{name}-{index}: {code} at {}",
                partition.base_offset
            ));
        }
    }
    if answer.throttle_time_ms > 0 {
        words.push(format!("throttled for {} ms", answer.throttle_time_ms));
    }
    words.join(", ")
}

fn described(answer: &<MetadataRequest as Request>::Response) -> String {
    let mut words = vec![format!("{} brokers", answer.brokers.len())];
    for topic in &answer.topics {
        let leaders = topic.partitions.iter();
        let leaders: Vec<String> = leaders
            .map(|partition| {
                let (index, leader) = (partition.partition_index, partition.leader_id);
                format!("{index}@{leader}/{}", partition.leader_epoch)
            })
            .collect();
        let name = topic.name.as_deref().unwrap_or("?");
        words.push(match topic.error_code {
            ErrorCode::NONE => format!("{name} {}: {}", topic.topic_id, leaders.join(" ")),
            code => format!("{name}: {}", name_of(code)),
        });
    }
    words.join(", ")
}

/// A message as Rust shows it, shortened.
fn short<T: std::fmt::Debug>(message: &T) -> String {
    let mut text = format!("{message:?}");
    if let Some((at, _)) = text.char_indices().nth(300) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// A code without its meaning.
fn name_of(code: ErrorCode) -> String {
    let text = code.to_string();
    text.split(':').next().unwrap_or_default().to_owned()
}
