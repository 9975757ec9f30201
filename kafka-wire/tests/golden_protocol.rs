//! Varints, error codes, API keys and messages, against values computed by Apache Kafka's own
//! client: every line, in both directions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use kafka_wire::{
    ApiKey, DecodeError, ErrorCode, Message, Reader, Request, RequestHeader, Version, Wire,
    decode_request, decode_response, encode_request, encode_response, for_each_request, json::Json,
    messages::*, request_header_version, response_header_version, varint,
};
use serde_json::Value;
use support::{golden, hex_field, own_golden};

#[test]
fn varints_are_those_of_java() {
    for case in golden("varint.jsonl") {
        match case["kind"].as_str().unwrap() {
            "varint" => check_varint(
                &case,
                |value| value.as_i64().unwrap() as i32,
                |value, out| {
                    varint::put_zigzag_i32(out, value);
                    varint::zigzag_len_i32(value)
                },
                varint::read_zigzag_i32,
            ),
            "varlong" => check_varint(
                &case,
                |value| value.as_i64().unwrap(),
                |value, out| {
                    varint::put_zigzag_i64(out, value);
                    varint::zigzag_len_i64(value)
                },
                varint::read_zigzag_i64,
            ),
            "uvarint" => check_varint(
                &case,
                |value| u32::try_from(value.as_u64().unwrap()).unwrap(),
                |value, out| {
                    varint::put_unsigned(out, value);
                    varint::unsigned_len(value)
                },
                varint::read_unsigned,
            ),
            "uvarlong" => check_varint(
                &case,
                |value| value.as_u64().unwrap(),
                |value, out| {
                    varint::put_unsigned_u64(out, value);
                    varint::unsigned_len_u64(value)
                },
                varint::read_unsigned_u64,
            ),
            kind => panic!("unknown kind {kind}"),
        }
    }
}

fn check_varint<T: Copy + PartialEq + std::fmt::Debug>(
    case: &Value,
    value: impl Fn(&Value) -> T,
    put: impl Fn(T, &mut Vec<u8>) -> usize,
    read: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) {
    let bytes = hex_field(case, "hex");
    let mut rest = &bytes[..];
    let result = read(&mut rest);
    if case.get("error").is_some() {
        return assert!(result.is_err(), "{case} gave {result:?}");
    }
    if case
        .get("overflow_bits_dropped")
        .is_some_and(|dropped| dropped == true)
    {
        // Java drops bits beyond the width in silence; this reader refuses them.
        return assert!(result.is_err(), "{case} gave {result:?}");
    }
    let expected = value(&case["value"]);
    assert_eq!(result.as_ref(), Ok(&expected), "{case}");
    let consumed = case
        .get("consumed")
        .or_else(|| case.get("size"))
        .unwrap()
        .as_u64()
        .unwrap();
    assert_eq!((bytes.len() - rest.len()) as u64, consumed, "{case}");
    if case.get("read_only").is_none() {
        let mut out = Vec::new();
        let length = put(expected, &mut out);
        assert_eq!(out, bytes, "{case}");
        assert_eq!(length as u64, case["size"].as_u64().unwrap(), "{case}");
    }
}

#[test]
fn error_codes_mean_what_they_mean_in_java() {
    let cases = golden("errors.jsonl");
    for case in &cases {
        let code = ErrorCode(case["code"].as_i64().unwrap() as i16);
        assert_eq!(code.name(), case["name"].as_str(), "{case}");
        assert_eq!(code.message(), case["message"].as_str().unwrap(), "{case}");
        assert_eq!(
            code.is_retriable(),
            case["RetriableException"] == true,
            "{case}"
        );
        assert_eq!(
            code.invalidates_metadata(),
            case["InvalidMetadataException"] == true,
            "{case}"
        );
    }
    assert_eq!(
        ErrorCode::all().count(),
        cases.len(),
        "codes that Kafka does not have"
    );
}

#[test]
fn api_keys_and_header_versions_are_those_of_java() {
    let cases = golden("api_keys.jsonl");
    for case in &cases {
        let key = ApiKey(case["id"].as_i64().unwrap() as i16);
        assert_eq!(key.name(), case["name"].as_str(), "{case}");
        if case["has_valid_version"] == false {
            continue;
        }
        let first_flexible = case["first_flexible"].as_i64().map(|first| first as i16);
        assert_eq!(key.first_flexible(), first_flexible, "{case}");
        for (version, expected) in case["request_header_version"].as_object().unwrap() {
            let header = request_header_version(key, version.parse().unwrap());
            assert_eq!(
                i64::from(header),
                expected.as_i64().unwrap(),
                "{key} {version}"
            );
        }
        for (version, expected) in case["response_header_version"].as_object().unwrap() {
            let header = response_header_version(key, version.parse().unwrap());
            assert_eq!(
                i64::from(header),
                expected.as_i64().unwrap(),
                "{key} {version}"
            );
        }
    }
    assert_eq!(
        ApiKey::all().count(),
        cases.len(),
        "keys that Kafka does not have"
    );
}

macro_rules! all_apis {
    ($($request:ident,)*) => {
        const APIS: &[(ApiKey, fn(&Value), fn(&Value))] =
            &[$(($request::KEY, check_versions::<$request>, check_message::<$request>)),*];
    };
}
for_each_request!(all_apis);

#[test]
fn requests_have_the_versions_that_kafka_has() {
    let cases = golden("api_keys.jsonl");
    for (key, check, _) in APIS {
        let case = cases.iter().find(|case| case["id"] == key.0);
        check(case.unwrap_or_else(|| panic!("{key} is not in api_keys.jsonl")));
    }
}

fn check_versions<R: Request>(case: &Value) {
    let number = |name: &str| case[name].as_i64().unwrap() as i16;
    assert_eq!(R::VERSIONS.oldest, number("oldest"), "{case}");
    assert_eq!(R::VERSIONS.latest, number("latest"), "{case}");
    assert_eq!(R::STABLE_VERSIONS.oldest, number("oldest"), "{case}");
    assert_eq!(R::STABLE_VERSIONS.latest, number("latest_stable"), "{case}");
    assert_eq!(R::FIRST_FLEXIBLE, R::KEY.first_flexible(), "{case}");
    assert_eq!(
        R::schema().name,
        format!("{}Request", case["name"].as_str().unwrap())
    );
}

#[test]
fn every_message_in_every_version_is_what_java_writes_and_reads() {
    let mut seen = HashSet::new();
    let others = ["group_messages.jsonl", "admin_messages.jsonl"].map(own_golden);
    for case in golden("messages.jsonl").into_iter().chain(others.concat()) {
        let key = ApiKey(case["key"].as_i64().unwrap() as i16);
        let api = APIS.iter().find(|(known, ..)| *known == key);
        let (_, _, check) = api.unwrap_or_else(|| panic!("no message for {case}"));
        check(&case);
        seen.insert((
            key,
            case["kind"].to_string(),
            case["version"].as_i64().unwrap(),
        ));
    }
    for (key, oldest, latest) in versions() {
        for version in oldest..=latest {
            for kind in ["\"request\"", "\"response\""] {
                let id = (key, kind.to_owned(), i64::from(version));
                assert!(seen.contains(&id), "no case for {id:?}");
            }
        }
    }
}

fn versions() -> Vec<(ApiKey, i16, i16)> {
    macro_rules! versions {
        ($($request:ident,)*) => {
            vec![$(($request::KEY, $request::VERSIONS.oldest, $request::VERSIONS.latest)),*]
        };
    }
    for_each_request!(versions)
}

fn check_message<R: Request + Json>(case: &Value)
where
    R::Response: Json,
{
    let version = R::version(case["version"].as_i64().unwrap() as i16).unwrap();
    let id = case["correlation_id"].as_i64().unwrap() as i32;
    let frame = Bytes::from(hex_field(case, "frame"));
    let payload = frame.slice(4..);
    match case["kind"].as_str().unwrap() {
        "request" => {
            let request: R = check_body(case, version);
            let client_id = case["client_id"].as_str();
            if case.get("unknown_tags").is_none() {
                assert_eq!(
                    encode_request(id, client_id, version, &request).unwrap(),
                    frame,
                    "{case}"
                );
            }
            let mut input = Reader::new(payload);
            let header = RequestHeader::decode(&mut input).unwrap();
            assert_eq!(
                (header.api_key, header.api_version),
                (R::KEY, version.number)
            );
            assert_eq!(
                (header.correlation_id, header.client_id.as_deref()),
                (id, client_id)
            );
            assert_eq!(
                decode_request::<R>(&header, input).as_ref(),
                Ok(&request),
                "{case}"
            );
        }
        "response" => {
            let response: R::Response = check_body(case, version);
            if case.get("unknown_tags").is_none() {
                assert_eq!(
                    encode_response::<R>(id, version, &response).unwrap(),
                    frame,
                    "{case}"
                );
            }
            assert_eq!(
                decode_response::<R>(payload, version),
                Ok((id, response)),
                "{case}"
            );
        }
        kind => panic!("unknown kind {kind}"),
    }
}

fn check_body<T: Message + Json>(case: &Value, version: Version) -> T {
    let body = hex_field(case, "body");
    let from_json: T = support::from_json(&case["json"], version);
    let mut input = Reader::new(body.clone());
    let decoded = T::decode(&mut input, version).unwrap_or_else(|e| panic!("{e} in {case}"));
    assert_eq!(input.remaining(), 0, "{case}");
    assert_eq!(decoded, from_json, "{case}");
    assert_eq!(decoded.to_json(version), case["json"], "{case}");
    assert_eq!(decoded.missing_in(version), None, "{case}");
    if case.get("unknown_tags").is_none() {
        assert_eq!(encode(&from_json, version), body, "{case}");
    }
    if case["case"] == "default" {
        assert_eq!(encode(&T::default(), version), body, "{case}");
    }
    from_json
}

fn encode<T: Wire>(message: &T, version: Version) -> BytesMut {
    let mut out = BytesMut::new();
    message.encode(&mut out, version).unwrap();
    out
}

#[test]
fn an_old_brokers_answer_to_a_new_api_versions_request_is_read() {
    // Error 35, then one API: Metadata 0 to 1, all as version 0 has it.
    let frame = Bytes::from_static(&[0, 0, 0, 9, 0, 35, 0, 0, 0, 1, 0, 3, 0, 0, 0, 1]);
    for number in 0..=4 {
        let version = ApiVersionsRequest::version(number).unwrap();
        let (id, response) = decode_response::<ApiVersionsRequest>(frame.clone(), version).unwrap();
        assert_eq!(
            (id, response.error_code),
            (9, ErrorCode::UNSUPPORTED_VERSION)
        );
        assert_eq!(response.api_keys[0].api_key, ApiKey::METADATA);
        assert_eq!(response.api_keys[0].max_version, 1);
    }
}
