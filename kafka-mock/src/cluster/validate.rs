//! What a broker checks of a batch before it appends it.
//!
//! In the order of Kafka 4: the frame of the batch (`ProduceRequest.validateRecords`), its size
//! and checksum (`UnifiedLog`), then the batch and each record (`LogValidator`). Sequence numbers
//! come after that and are checked elsewhere.

use bytes::Bytes;
use kafka_wire::{
    ErrorCode,
    compression::Compression,
    messages::produce::BatchIndexAndErrorMessage,
    records::{BatchHeader, Record, RecordBatch, RecordsError, TimestampType},
};

use super::config::TopicConfig;

/// Why a batch was not appended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: Option<String>,
    /// The records that caused it (KIP-467).
    pub(super) records: Vec<BatchIndexAndErrorMessage>,
    pub(super) place: Place,
}

/// How far a batch got; Kafka returns where the log starts only if it got to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The request itself was rejected.
    Request,
    Log,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::from(code)
        }
    }

    /// The same, of a batch that came as far as the log.
    pub(super) fn at_log(self) -> Self {
        Self {
            place: Place::Log,
            ..self
        }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            records: Vec::new(),
            place: Place::Request,
        }
    }
}

/// The one batch in `records` of a Produce request of this version, if a broker would take it.
pub(super) fn batch(
    records: Option<Bytes>,
    api_version: i16,
    topic: &TopicConfig,
    wall_ms: i64,
) -> Result<RecordBatch, Refusal> {
    let mut rest = records.unwrap_or_default();
    if rest.is_empty() {
        return Err(invalid(
            "a partition must come with at least one record batch",
        ));
    }
    let bytes = rest.len();
    let limit = usize::try_from(topic.max_message_bytes).unwrap_or(0);
    if bytes > limit {
        let message = format!("a batch of {bytes} bytes exceeds the maximum of {limit}");
        return Err(Refusal::new(ErrorCode::MESSAGE_TOO_LARGE, message));
    }
    let batch = RecordBatch::decode(&mut rest).map_err(|error| of_bytes(&error))?;
    // Bytes after it that are no whole batch are cut off, as in Kafka.
    let behind = RecordBatch::decode(&mut rest);
    if !matches!(behind, Err(RecordsError::Incomplete { .. })) {
        return Err(invalid(
            "a partition must come with exactly one record batch",
        ));
    }
    if batch.compression() == Compression::Zstd && api_version < FIRST_WITH_ZSTD {
        let message = "zstd needs version 7 of Produce (KIP-110)";
        return Err(Refusal::new(
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            message,
        ));
    }
    check_header(batch.header()).map_err(Refusal::at_log)?;
    check_records(&batch, topic, wall_ms).map_err(Refusal::at_log)?;
    Ok(batch)
}

fn check_header(header: &BatchHeader) -> Result<(), Refusal> {
    if header.base_offset != 0 {
        return Err(invalid(format!(
            "base offset {} must be 0",
            header.base_offset
        )));
    }
    if header.record_count < 1 || header.record_count - 1 != header.last_offset_delta {
        let (count, last) = (header.record_count, header.last_offset_delta);
        return Err(invalid(format!(
            "{count} records cannot have offsets 0 to {last}"
        )));
    }
    if header.attributes.is_control() {
        return Err(invalid("clients are not allowed to write control records"));
    }
    if header.producer_id >= 0 && header.base_sequence < 0 {
        let (sequence, id) = (header.base_sequence, header.producer_id);
        return Err(invalid(format!(
            "sequence {sequence} of producer {id} is negative"
        )));
    }
    Ok(())
}

fn check_records(batch: &RecordBatch, topic: &TopicConfig, wall_ms: i64) -> Result<(), Refusal> {
    let mut code = ErrorCode::NONE;
    let (mut count, mut faults) = (0, Vec::new());
    for (index, record) in batch.records().enumerate() {
        let record = record.map_err(|error| of_records(&error))?;
        if record.offset_delta != index as i32 {
            return Err(invalid(format!(
                "record {index} has offset delta {}",
                record.offset_delta
            )));
        }
        if let Some((verdict, message)) = problem_with(&record, topic, wall_ms) {
            code = verdict;
            count += 1;
            if count > FAULTS_TOLD_MAX {
                continue;
            }
            faults.push(
                BatchIndexAndErrorMessage::default()
                    .with_batch_index(index as i32)
                    .with_batch_index_error_message(Some(message)),
            );
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    let message = match code {
        ErrorCode::INVALID_TIMESTAMP => {
            "One or more records have been rejected due to invalid timestamp".to_owned()
        }
        _ => {
            format!("One or more records have been rejected due to {count} record errors in total")
        }
    };
    let refusal = Refusal::new(code, message);
    Err(Refusal {
        records: faults,
        ..refusal
    })
}

/// What is wrong with one record; the rest of the batch is checked, too.
fn problem_with(record: &Record, topic: &TopicConfig, wall_ms: i64) -> Option<(ErrorCode, String)> {
    if topic.cleanup.is_compacting() && record.key.is_none() {
        let message = "a compacted topic cannot accept a record without a key".to_owned();
        return Some((ErrorCode::INVALID_RECORD, message));
    }
    let timestamp = record.timestamp;
    if topic.timestamp_type == TimestampType::LogAppendTime || timestamp == NO_TIMESTAMP {
        return None;
    }
    let behind = wall_ms.saturating_sub(timestamp);
    let ahead = timestamp.saturating_sub(wall_ms);
    if behind > topic.timestamp_before_max_ms || ahead > topic.timestamp_after_max_ms {
        let message = format!("timestamp {timestamp} is out of range, the broker has {wall_ms}");
        return Some((ErrorCode::INVALID_TIMESTAMP, message));
    }
    None
}

/// The verdict on bytes that are no batch.
fn of_bytes(error: &RecordsError) -> Refusal {
    let refuse = |code| Refusal::new(code, error.to_string());
    match error {
        RecordsError::Incomplete { .. } | RecordsError::Magic { magic: 0 | 1 } => {
            refuse(ErrorCode::INVALID_RECORD)
        }
        RecordsError::RecordCount { .. } => refuse(ErrorCode::INVALID_RECORD).at_log(),
        RecordsError::UnknownCompression { .. } => refuse(ErrorCode::UNKNOWN_SERVER_ERROR).at_log(),
        _ => refuse(ErrorCode::CORRUPT_MESSAGE),
    }
}

/// The verdict on records that cannot be read.
fn of_records(error: &RecordsError) -> Refusal {
    let code = match error {
        RecordsError::Compression(_) => ErrorCode::UNKNOWN_SERVER_ERROR,
        _ => ErrorCode::INVALID_RECORD,
    };
    Refusal::new(code, error.to_string())
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::INVALID_RECORD, message)
}

/// A few bytes decompress to millions of records: not every error is returned.
const FAULTS_TOLD_MAX: usize = 10_000;
/// KIP-110.
const FIRST_WITH_ZSTD: i16 = 7;
/// A record of unknown age.
const NO_TIMESTAMP: i64 = -1;
