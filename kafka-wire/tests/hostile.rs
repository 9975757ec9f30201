//! Whatever bytes a peer sends: a value or an error, quickly, and in little memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    ApiKey, FrameReader, Message, Reader, Request, RequestHeader, Uuid, Version, Wire,
    decode_request, decode_response, for_each_request,
    json::Json,
    messages::*,
    schema::{FieldKind, StructSchema},
};
use serde_json::{Map, Value};
use support::{golden, hex_field};

const INPUTS_PER_MESSAGE: usize = 2000;

macro_rules! hostilities {
    ($($request:ident,)*) => {
        #[test]
        fn no_bytes_break_a_decoder_or_make_it_greedy() {
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
    for case in golden("messages.jsonl") {
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
    let json = smallest(&T::schema(), version, counts);
    let mut bytes = BytesMut::new();
    support::from_json::<T>(&json, version).encode(&mut bytes, version);
    decode_frugally::<T>(bytes.freeze(), version);
}

fn smallest(schema: &StructSchema, version: Version, counts: &[usize]) -> Value {
    let carried = schema
        .fields
        .iter()
        .filter(|field| field.versions.contains(version.number));
    let fields = carried.filter(|field| field.tag.is_none()).map(|field| {
        let value = match &field.kind {
            FieldKind::Array(element) => {
                let (&count, deeper) = counts.split_first().unwrap_or((&0, &[]));
                vec![smallest_value(element, version, deeper); count].into()
            }
            kind => smallest_value(kind, version, counts),
        };
        (support::camel_case(field.name), value)
    });
    fields.collect::<Map<_, _>>().into()
}

fn smallest_value(kind: &FieldKind, version: Version, counts: &[usize]) -> Value {
    match kind {
        FieldKind::Bool => false.into(),
        FieldKind::String | FieldKind::Bytes => "".into(),
        FieldKind::Uuid => Uuid::ZERO.to_string().into(),
        FieldKind::Struct(schema) => smallest(schema, version, counts),
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
    let limit = (FIXED_BYTES + BYTES_PER_INPUT_BYTE * bytes.len()) as u64;
    assert!(
        used.bytes_max <= limit,
        "{} {version} took {} bytes for {}: {bytes:?}",
        T::schema().name,
        used.bytes_max,
        bytes.len()
    );
    if let Some(Ok(message)) = outcome {
        let mut out = BytesMut::new();
        message.encode(&mut out, version);
        assert_eq!(
            T::decode(&mut Reader::new(out.freeze()), version).as_ref(),
            Ok(&message)
        );
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
    let topic = produce::TopicProduceResponse {
        partition_responses: vec![Default::default(); 3],
        ..Default::default()
    };
    let response = ProduceResponse {
        responses: vec![Default::default(), topic],
        ..Default::default()
    };
    let version = ProduceRequest::version(3).unwrap();
    let mut out = BytesMut::new();
    response.encode(&mut out, version);
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

/// Each array reserves up to 4 KiB before it sees its elements, and arrays nest four deep.
const FIXED_BYTES: usize = 4 * 4096 + 1024;

/// The worst case is an array of small structs whose strings are all null or empty.
const BYTES_PER_INPUT_BYTE: usize = 64;
