//! What each fuzz target does with its bytes: a panic is a fault.
//!
//! A target of `fuzz_targets` is one call into this file, which is compiled a second time by
//! `tests/fuzz.rs` of the crate: there every target runs over its seeds and over changes of them, on
//! a stable compiler and for a bounded time.

pub mod seeds;

use bytes::{Bytes, BytesMut};
use kafka_wire::compression::{
    Compression, CompressionError, CompressionLevel, compress, decompress,
};
use kafka_wire::records::{BATCH_HEADER_BYTES, RecordBatches, checksum};
use kafka_wire::{
    ApiKey, DecodeError, DecodeProblem, FrameReader, Reader, Request, RequestHeader,
    decode_request, decode_response, encode_request, encode_response, for_each_request,
    messages::*,
};

/// Takes any bytes, and tells how much it has read: frames, messages, records or bytes.
pub type Target = fn(&[u8]) -> usize;

/// The targets by name.
pub const TARGETS: [(&str, Target); 5] = [
    ("frame", frame),
    ("each_request", each_request),
    ("each_response", each_response),
    ("record_batch", record_batch),
    ("decompress", unpack),
];

/// A stream is split into frames without loss, and every frame has a header or an error.
pub fn frame(data: &[u8]) -> usize {
    let mut buffer = BytesMut::from(data);
    let (mut taken, mut frames) = (0, 0);
    while let Ok(Some(frame)) = FrameReader::new(1 << 16).next(&mut buffer) {
        taken += 4 + frame.len();
        frames += 1;
        let _ = RequestHeader::decode(&mut Reader::new(frame));
    }
    assert_eq!(taken + buffer.len(), data.len());
    frames
}

/// Every request in every version: the header says which. What can be read survives the way back.
pub fn each_request(data: &[u8]) -> usize {
    let mut input = Reader::new(Bytes::copy_from_slice(data));
    match RequestHeader::decode(&mut input) {
        Ok(header) => dispatch_request(&header, input),
        Err(_) => 0,
    }
}

/// Every response in every version: the first byte says of which API, the second in which
/// version. What can be read survives the way back.
pub fn each_response(data: &[u8]) -> usize {
    let [key, version, frame @ ..] = data else {
        return 0;
    };
    let frame = Bytes::copy_from_slice(frame);
    dispatch_response(ApiKey(i16::from(*key)), i16::from(*version), frame)
}

/// A records field: every batch, every record of it, or an error; in bounded memory. Lengths,
/// formats and checksums are made good first, which no mutation finds by chance.
pub fn record_batch(data: &[u8]) -> usize {
    let mut records = 0;
    for bytes in [Bytes::copy_from_slice(data), with_checksums(data)] {
        for batches in [
            RecordBatches::new(bytes.clone()),
            RecordBatches::fetched(bytes),
        ] {
            for batch in batches.flatten() {
                for record in batch.records_within(1 << 20).flatten() {
                    assert_eq!(record.headers.iter().count(), record.headers.len());
                    records += 1;
                }
            }
        }
    }
    records
}

/// Every codec: the first byte says which. Either what fits into the limit, or an error. What was
/// compressed comes back.
pub fn unpack(data: &[u8]) -> usize {
    const LIMIT: usize = 1 << 20;
    let [codec, input @ ..] = data else { return 0 };
    let Some(codec) = Compression::from_id(codec % 5) else {
        return 0;
    };
    let unpacked = decompress(codec, input, LIMIT).map_or(0, |output| output.len());
    assert!(unpacked <= LIMIT);
    let mut compressed = Vec::new();
    let level = CompressionLevel::default_of(codec);
    match compress(codec, level, input, &mut compressed) {
        Err(CompressionError::NotBuiltIn { .. }) => return 0,
        written => written.unwrap(),
    }
    assert_eq!(decompress(codec, &compressed, input.len()).unwrap(), input);
    unpacked
}

macro_rules! dispatch {
    ($($request:ident,)*) => {
        fn dispatch_request(header: &RequestHeader, body: Reader) -> usize {
            $(if header.api_key == $request::KEY {
                return check_request::<$request>(header, body);
            })*
            0
        }

        fn dispatch_response(key: ApiKey, version: i16, frame: Bytes) -> usize {
            $(if key == $request::KEY {
                return check_response::<$request>(version, frame);
            })*
            0
        }
    };
}
for_each_request!(dispatch);

fn check_request<R: Request>(header: &RequestHeader, body: Reader) -> usize {
    let Ok(request) = decode_request::<R>(header, body) else {
        return 0;
    };
    let client_id = header.client_id.as_deref();
    let again = encode_request(header.correlation_id, client_id, header.version(), &request);
    let mut input = Reader::new(again.unwrap().slice(4..));
    assert_eq!(RequestHeader::decode(&mut input).as_ref(), Ok(header));
    survived(decode_request::<R>(header, input), &request);
    1
}

fn check_response<R: Request>(number: i16, frame: Bytes) -> usize {
    let Ok(version) = R::version(number) else {
        return 0;
    };
    let Ok(response) = decode_response::<R>(frame, version) else {
        return 0;
    };
    let again = encode_response::<R>(response.0, version, &response.1).unwrap();
    survived(decode_response::<R>(again.slice(4..), version), &response);
    1
}

/// The way back leaves out tags that are not known, and with them memory that they justified.
fn survived<T: std::fmt::Debug>(read: Result<T, DecodeError>, written: &T) {
    match read {
        Err(error) if matches!(error.problem(), DecodeProblem::TooMuchMemory { .. }) => {}
        // Compared as text: what is not a number is not equal to itself.
        read => assert_eq!(format!("{read:?}"), format!("Ok({written:?})")),
    }
}

/// The same bytes as batches in a row, as far as they go: each has a length that is possible, the
/// format that is known and the checksum of its bytes.
pub fn with_checksums(data: &[u8]) -> Bytes {
    let mut bytes = data.to_vec();
    let mut rest = &mut bytes[..];
    while rest.len() >= BATCH_HEADER_BYTES {
        let told = i32::from_be_bytes([rest[8], rest[9], rest[10], rest[11]]);
        let told = usize::try_from(told).unwrap_or(0).saturating_add(12);
        let total = told.clamp(BATCH_HEADER_BYTES, rest.len());
        let (batch, behind) = rest.split_at_mut(total);
        batch[8..12].copy_from_slice(&(total as i32 - 12).to_be_bytes());
        batch[16] = 2;
        let crc = checksum::of(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        rest = behind;
    }
    bytes.into()
}
