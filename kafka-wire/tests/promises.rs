//! What the public types promise beside their methods: threads may share them, and an error names
//! each of its causes once.

use std::error::Error;

use kafka_wire::{
    ApiKey, DecodeError, DecodeProblem, EncodeError, EncodeProblem, ErrorCode, FrameChunks,
    FrameError, FrameReader, ProduceFrame, Reader, Request, RequestHeader, Skipped, Uuid,
    UuidError, Version, VersionRange, compression, json, messages, records, schema,
};

fn shared_by_threads<T: Send + Sync>() {}

macro_rules! each_shared_by_threads {
    ($($type:ty,)*) => {
        $(shared_by_threads::<$type>();)*
    };
}

macro_rules! messages_shared_by_threads {
    ($($request:ident,)*) => {
        $(
            shared_by_threads::<messages::$request>();
            shared_by_threads::<<messages::$request as Request>::Response>();
        )*
    };
}

#[test]
fn every_public_type_may_be_sent_to_and_shared_by_threads() {
    each_shared_by_threads! {
        ApiKey, DecodeError, DecodeProblem, EncodeError, EncodeProblem, ErrorCode, FrameChunks,
        FrameError, FrameReader, ProduceFrame, Reader, RequestHeader, Skipped<i32>, Uuid, UuidError,
        Version, VersionRange,
        compression::Compression, compression::CompressionError, compression::CompressionLevel,
        compression::Compressor, compression::InvalidLevel, compression::UnknownCompression,
        json::JsonError,
        messages::metadata::LeadersResponse,
        records::Attributes, records::BatchBuilder, records::BatchHeader, records::BuildError,
        records::ControlRecord, records::ControlRecordError, records::HeaderParts<'static>,
        records::HeadersOfRecord, records::Record, records::RecordBatch, records::RecordBatches,
        records::RecordFault, records::RecordHeader, records::RecordHeaders,
        records::RecordParts<'static>, records::RecordSize, records::RecordTooLarge,
        records::Records, records::RecordsError, records::TimestampType,
        schema::Elsewhere, schema::FieldKind, schema::FieldSchema, schema::StructSchema,
    }
    kafka_wire::for_each_request!(messages_shared_by_threads);
}

#[test]
fn an_error_that_wraps_another_prints_it_once() {
    let cut = DecodeError::new(DecodeProblem::UnexpectedNull, 7);
    let fault = records::RecordFault::from(cut.clone());
    assert_eq!(fault.to_string(), cut.to_string());
    assert!(fault.source().is_none());

    let refused = compression::CompressionLevel::of(compression::Compression::Gzip, 99);
    assert!(refused.is_err_and(|error| error.source().is_none()));
}
