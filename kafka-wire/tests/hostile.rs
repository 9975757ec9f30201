//! Whatever bytes a peer sends: a value or an error, quickly, and in little memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    ApiKey, FrameReader, Message, Reader, Request, RequestHeader, Uuid, Version, Wire,
    decode_request, decode_response, encode_response, for_each_request,
    json::Json,
    messages::*,
    schema::{FieldKind, StructSchema},
};
use serde_json::{Map, Value};
use support::{golden, hex_field, own_golden};

const INPUTS_PER_MESSAGE: usize = 2000;

macro_rules! hostilities {
    ($($request:ident,)*) => {
        #[test]
        fn any_bytes_are_decoded_or_refused_within_the_memory_limit() {
            let valid = valid_bodies();
            $({
                let bodies = |kind| valid.get(&($request::KEY, kind)).expect("golden messages");
                attack::<$request, $request>(bodies(Kind::Request));
                attack::<$request, <$request as Request>::Response>(bodies(Kind::Response));
            })*
        }

        #[test]
        fn a_message_cut_short_is_an_error_that_says_where() {
            let valid = valid_bodies();
            $({
                let bodies = |kind| valid.get(&($request::KEY, kind)).expect("golden messages");
                truncate::<$request, $request>(bodies(Kind::Request));
                truncate::<$request, <$request as Request>::Response>(bodies(Kind::Response));
            })*
        }

        #[test]
        fn a_large_message_of_tiny_parts_takes_a_small_multiple_of_its_size() {
            $(
                for number in $request::VERSIONS.oldest..=$request::VERSIONS.latest {
                    let version = $request::version(number).unwrap();
                    for counts in [[1000, 0, 0], [1000, 1, 0], [1, 1000, 0], [300, 1, 1]] {
                        decode_dense::<$request>(version, &counts);
                        decode_dense::<<$request as Request>::Response>(version, &counts);
                    }
                }
                let latest = $request::version($request::VERSIONS.latest).unwrap();
                decode_dense::<$request>(latest, &[20_000, 0, 0]);
                decode_dense::<<$request as Request>::Response>(latest, &[20_000, 0, 0]);
            )*
        }

        #[test]
        fn a_large_message_of_names_with_eight_letters_is_never_refused() {
            $(
                for number in $request::VERSIONS.oldest..=$request::VERSIONS.latest {
                    let version = $request::version(number).unwrap();
                    for counts in [[4_000, 1, 1], [4, 1_000, 1]] {
                        decode_honest::<$request>(version, &counts);
                        decode_honest::<<$request as Request>::Response>(version, &counts);
                    }
                }
            )*
        }

        #[test]
        fn bytes_after_a_response_are_skipped_except_for_api_versions() {
            let valid = valid_bodies();
            $(
                for (number, body) in &valid[&($request::KEY, Kind::Response)] {
                    follow::<$request>($request::version(*number).unwrap(), body);
                }
            )*
        }

        #[test]
        fn no_bytes_break_the_readers_of_whole_frames() {
            let mut random = fastrand::Rng::with_seed(3);
            for _ in 0..INPUTS_PER_MESSAGE {
                let bytes = Bytes::from(noise(&mut random, 200));
                $(
                    let version = $request::version($request::VERSIONS.latest).unwrap();
                    let _ = decode_response::<$request>(bytes.clone(), version);
                    let mut input = Reader::new(bytes.clone());
                    if let Ok(mut header) = RequestHeader::decode(&mut input) {
                        header.api_version = random.i16(-1..20);
                        let _ = decode_request::<$request>(&header, input);
                    }
                )*
            }
        }
    };
}
for_each_request!(hostilities);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Request,
    Response,
}

type Bodies = HashMap<(ApiKey, Kind), Vec<(i16, Bytes)>>;

fn valid_bodies() -> Bodies {
    let mut bodies = Bodies::new();
    let others = ["group_messages.jsonl", "admin_messages.jsonl"].map(own_golden);
    for case in golden("messages.jsonl").into_iter().chain(others.concat()) {
        let key = ApiKey(case["key"].as_i64().unwrap() as i16);
        let kind = if case["kind"] == "request" {
            Kind::Request
        } else {
            Kind::Response
        };
        let version = case["version"].as_i64().unwrap() as i16;
        bodies
            .entry((key, kind))
            .or_default()
            .push((version, hex_field(&case, "body").into()));
    }
    bodies
}

fn attack<R: Request, T: Message>(valid: &[(i16, Bytes)]) {
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..INPUTS_PER_MESSAGE {
        let (number, body) = &valid[random.usize(..valid.len())];
        let bytes = match round % 4 {
            0 => noise(&mut random, 300),
            1 => body[..random.usize(..=body.len())].to_vec(),
            _ => mutate(body, &mut random),
        };
        decode_frugally::<T>(bytes.into(), R::version(*number).unwrap());
    }
}

/// Decodes a message whose arrays have so many elements at each depth, all as small as can be.
fn decode_dense<T: Message + Json>(version: Version, counts: &[usize]) {
    let json = smallest(&T::schema(), version, counts, "");
    let mut bytes = BytesMut::new();
    support::from_json::<T>(&json, version)
        .encode(&mut bytes, version)
        .unwrap();
    decode_frugally::<T>(bytes.freeze(), version);
}

/// Decodes the densest message that a peer may mean: its names have letters.
fn decode_honest<T: Message + Json>(version: Version, counts: &[usize]) {
    let json = smallest(&T::schema(), version, counts, "topic-17");
    let mut bytes = BytesMut::new();
    let message = support::from_json::<T>(&json, version);
    message.encode(&mut bytes, version).unwrap();
    let bytes = bytes.freeze();
    let decoded = T::decode(&mut Reader::new(bytes.clone()), version);
    let error = decoded.map(|decoded| assert_eq!(decoded, message)).err();
    let name = T::schema().name;
    assert_eq!(error, None, "{name} {version} of {} bytes", bytes.len());
}

fn smallest(schema: &StructSchema, version: Version, counts: &[usize], text: &str) -> Value {
    let carried = schema
        .fields
        .iter()
        .filter(|field| field.versions.contains(version.number));
    let fields = carried.filter(|field| field.tag.is_none()).map(|field| {
        let value = match &field.kind {
            FieldKind::Array(element) => {
                let (&count, deeper) = counts.split_first().unwrap_or((&0, &[]));
                vec![smallest_value(element, version, deeper, text); count].into()
            }
            _ if field
                .nullable
                .is_some_and(|range| range.contains(version.number)) =>
            {
                Value::Null
            }
            kind => smallest_value(kind, version, counts, text),
        };
        (support::camel_case(field.name), value)
    });
    fields.collect::<Map<_, _>>().into()
}

fn smallest_value(kind: &FieldKind, version: Version, counts: &[usize], text: &str) -> Value {
    match kind {
        FieldKind::Bool => false.into(),
        FieldKind::String => text.into(),
        FieldKind::Bytes => "".into(),
        FieldKind::Uuid => Uuid::ZERO.to_string().into(),
        FieldKind::Struct(schema) => smallest(schema, version, counts, text),
        FieldKind::Array(_) => panic!("Kafka has no arrays of arrays"),
        _ => 0.into(),
    }
}

/// Decodes; what comes out, if anything, must encode to something that decodes to the same.
fn decode_frugally<T: Message>(bytes: Bytes, version: Version) {
    let mut outcome = None;
    let used = allocation_counter::measure(|| {
        outcome = Some(T::decode(&mut Reader::new(bytes.clone()), version));
    });
    let small = SMALL_FIXED_BYTES + SMALL_BYTES_PER_INPUT_BYTE * bytes.len();
    let large = FIXED_BYTES + BYTES_PER_INPUT_BYTE * bytes.len();
    let limit = small.min(large) as u64;
    assert!(
        used.bytes_max <= limit,
        "{} {version} took {} bytes for {}: {bytes:?}",
        T::schema().name,
        used.bytes_max,
        bytes.len()
    );
    if let Some(Ok(message)) = outcome {
        let mut out = BytesMut::new();
        message.encode(&mut out, version).unwrap();
        let again = T::decode(&mut Reader::new(out.clone().freeze()), version).unwrap();
        let mut twice = BytesMut::new();
        again.encode(&mut twice, version).unwrap();
        // Compared as bytes: what is not a number is not equal to itself.
        assert_eq!(twice, out, "{message:?}");
    }
}

fn truncate<R: Request, T: Message>(valid: &[(i16, Bytes)]) {
    for (number, body) in valid.iter().filter(|(_, body)| body.len() <= 2000) {
        let version = R::version(*number).unwrap();
        for end in 0..body.len() {
            let error = T::decode(&mut Reader::new(body.slice(..end)), version)
                .expect_err("a part of a message is no message");
            assert!(error.offset() <= end, "{error} in {end} bytes");
            assert!(!error.field().is_empty() || version.flexible, "{error}");
        }
    }
}

/// As librdkafka's mock cluster writes it: one more byte than the schema has.
fn follow<R: Request>(version: Version, body: &Bytes) {
    let Ok(answer) = R::Response::decode(&mut Reader::new(body.clone()), version) else {
        panic!("{} {version}", R::Response::schema().name);
    };
    let frame = encode_response::<R>(7, version, &answer).unwrap();
    let mut longer = BytesMut::from(&frame[4..]);
    longer.extend_from_slice(&[0]);
    let read = decode_response::<R>(longer.freeze(), version);
    match R::KEY {
        ApiKey::API_VERSIONS => assert!(read.is_err(), "it must end with its last field"),
        _ => assert_eq!(read, Ok((7, answer)), "{version}"),
    }
}

fn noise(random: &mut fastrand::Rng, length_max: usize) -> Vec<u8> {
    // Zeros and small numbers get further into a message than evenly spread bytes do.
    let spread = [2, 16, 256][random.usize(..3)];
    (0..random.usize(..length_max))
        .map(|_| random.u32(..spread) as u8)
        .collect()
}

fn mutate(body: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(..=bytes.len());
        match random.u8(..4) {
            0 => bytes.insert(at, random.u8(..)),
            1 => bytes.truncate(at),
            2 => bytes
                .splice(at..at, [0x7f, 0xff, 0xff, 0xff])
                .for_each(drop),
            _ if at < bytes.len() => bytes[at] = random.u8(..),
            _ => {}
        }
    }
    bytes
}

#[test]
fn an_array_that_cannot_fit_is_refused_before_anything_is_reserved() {
    let bytes = &[0xff, 0xff, 0, 1, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff][..];
    let version = ProduceRequest::version(8).unwrap();
    let used = allocation_counter::measure(|| {
        let error = ProduceRequest::decode(&mut Reader::new(bytes), version).unwrap_err();
        assert_eq!((error.field(), error.offset()), ("topic_data", 12));
    });
    assert!(used.bytes_total < 300, "{} bytes", used.bytes_total);
}

#[test]
fn a_null_where_none_is_allowed_is_named() {
    // CreateTopics 7 with a null for the array of topics.
    let version = CreateTopicsRequest::version(7).unwrap();
    let error = CreateTopicsRequest::decode(&mut Reader::new(&[0][..]), version).unwrap_err();
    assert_eq!((error.field(), error.offset()), ("topics", 0));
    assert!(error.to_string().starts_with("null, where"), "{error}");
}

#[test]
fn an_error_deep_in_a_message_names_its_path() {
    let topic =
        TopicProduceResponse::default().with_partition_responses(vec![Default::default(); 3]);
    let response = ProduceResponse::default().with_responses(vec![Default::default(), topic]);
    let version = ProduceRequest::version(3).unwrap();
    let mut out = BytesMut::new();
    response.encode(&mut out, version).unwrap();
    let cut = out.freeze().slice(..4 + 6 + 6 + 2 * 22 + 5);
    let error = ProduceResponse::decode(&mut Reader::new(cut), version).unwrap_err();
    assert_eq!(
        error.field(),
        "responses[1].partition_responses[2].error_code"
    );
}

#[test]
fn no_bytes_break_the_frame_reader() {
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..INPUTS_PER_MESSAGE {
        let mut buffer = BytesMut::from(&noise(&mut random, 100)[..]);
        let before = buffer.len();
        let mut taken = 0;
        while let Ok(Some(frame)) = FrameReader::new(64).next(&mut buffer) {
            taken += 4 + frame.len();
        }
        assert_eq!(before, taken + buffer.len());
    }
}

/// What an error takes that names its field.
const SMALL_FIXED_BYTES: usize = 1024;
/// No element of an array takes more for the one byte that it has at least.
const SMALL_BYTES_PER_INPUT_BYTE: usize = 160;

/// A small multiple, and the strings' own bytes.
const BYTES_PER_INPUT_BYTE: usize = Reader::MEMORY_PER_BYTE + 1;
const FIXED_BYTES: usize = Reader::MEMORY_ALWAYS + SMALL_FIXED_BYTES;
