//! Every vector that Apache Kafka's own serializers computed, line by line.
//!
//! `tests/golden/serializers.jsonl` was made with kafka-clients 4.3.1; `KAFKA_GOLDEN_DIR` names
//! another directory with a file of that name to read instead.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use kafka_serde::{
    Ascii, BigEndian, Boolean, Context, Headers, Latin1, List, Nullable, Raw, Role, SerializeError,
    Serializer, StringEncoding, StringSerializer, Utf8, Utf16, UuidText, Void, WholeBuffer,
};
use serde_json::Value;

/// What a serializer made of a value; `None` is null.
type Outcome = Result<Option<Vec<u8>>, SerializeError>;

#[test]
fn every_serializer_writes_what_java_writes() {
    let text = golden("serializers.jsonl");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let case: Value = serde_json::from_str(line).expect("each line is a JSON object");
        seen.insert(text_of(&case, "serializer").to_owned());
        if let Err(difference) = check(&case) {
            wrong.push(format!("line {}: {difference}: {line}", index + 1));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let all = SERIALIZERS.map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(all), "serializers in the file");
}

fn check(case: &Value) -> Result<(), String> {
    let outcomes = outcomes(case);
    assert!(!outcomes.is_empty(), "nothing was tried");
    let expected = match (case.get("hex"), case.get("error")) {
        (Some(Value::Null), None) => None,
        (Some(bytes), None) => Some(unhex(bytes)),
        (None, Some(_)) => {
            let refused =
                |outcome: &Outcome| matches!(outcome, Err(SerializeError::UnknownEncoding { .. }));
            let all_refused = outcomes.iter().all(refused);
            return if all_refused {
                Ok(())
            } else {
                Err("not refused".into())
            };
        }
        _ => return Err("neither bytes nor error expected".into()),
    };
    for outcome in outcomes {
        match outcome {
            Ok(bytes) if bytes == expected => {}
            Ok(bytes) => return Err(format!("got {:?}", bytes.map(hex::encode))),
            Err(error) => return Err(format!("failed: {error:?}")),
        }
    }
    Ok(())
}

/// The outcome of each of our ways to serialize the case's input.
fn outcomes(case: &Value) -> Vec<Outcome> {
    match (text_of(case, "serializer"), text_of(case, "type")) {
        ("StringSerializer", "string") => strings(case),
        ("ShortSerializer", "i16") => vec![one(case, BigEndian, number::<i16>)],
        ("IntegerSerializer", "i32") => vec![one(case, BigEndian, number::<i32>)],
        ("LongSerializer", "i64") => vec![one(case, BigEndian, number::<i64>)],
        ("FloatSerializer", "f32") => vec![one(case, BigEndian, |_| f32_bits(case))],
        ("DoubleSerializer", "f64") => vec![one(case, BigEndian, |_| f64_bits(case))],
        ("BooleanSerializer", "bool") => vec![one(case, Boolean, number::<bool>)],
        ("UUIDSerializer", "uuid") => uuids(case),
        ("VoidSerializer", "void") => vec![serialize(role(case), &Void, &())],
        ("ByteArraySerializer" | "BytesSerializer", "bytes") => bytes(case),
        ("ByteBufferSerializer", "bytebuffer") => {
            vec![one(case, WholeBuffer, |input| buffer(case, input))]
        }
        ("ListSerializer", _) => vec![lists(case)],
        other => panic!("no serializer is known for {other:?}"),
    }
}

fn strings(case: &Value) -> Vec<Outcome> {
    let encoding = match encoding(case) {
        Ok(encoding) => encoding,
        Err(error) => return vec![Err(error)],
    };
    let owned = |input: &Value| text(input).to_owned();
    let chosen = one(case, StringSerializer::new(encoding), owned);
    let named = match encoding {
        StringEncoding::Utf8 => one(case, Utf8, owned),
        StringEncoding::Utf16 => one(case, Utf16, owned),
        StringEncoding::Latin1 => one(case, Latin1, owned),
        StringEncoding::Ascii => one(case, Ascii, owned),
        _ => return vec![chosen],
    };
    vec![chosen, named]
}

fn uuids(case: &Value) -> Vec<Outcome> {
    let serializer = UuidText::new(encoding(case).expect("a known encoding"));
    vec![
        one(case, serializer, uuid_bytes),
        #[cfg(feature = "uuid")]
        one(case, serializer, |input| {
            uuid::Uuid::from_bytes(uuid_bytes(input))
        }),
    ]
}

fn bytes(case: &Value) -> Vec<Outcome> {
    vec![
        one(case, Raw, unhex),
        one(case, Raw, |input| unhex(input).into_boxed_slice()),
        #[cfg(feature = "bytes")]
        one(case, Raw, |input| bytes::Bytes::from(unhex(input))),
    ]
}

fn buffer(case: &Value, input: &Value) -> Cursor<Vec<u8>> {
    let place = |name: &str| case[name].as_u64().expect("a position or limit");
    let mut array = unhex(input);
    array.truncate(usize::try_from(place("limit")).unwrap());
    let mut buffer = Cursor::new(array);
    buffer.set_position(place("position"));
    buffer
}

fn lists(case: &Value) -> Outcome {
    match text_of(case, "inner") {
        "ShortSerializer" => list(case, List::constant_size, BigEndian, number::<i16>),
        "IntegerSerializer" => list(case, List::constant_size, BigEndian, number::<i32>),
        "LongSerializer" => list(case, List::constant_size, BigEndian, number::<i64>),
        "FloatSerializer" => list(case, List::constant_size, BigEndian, number::<f32>),
        "DoubleSerializer" => list(case, List::constant_size, BigEndian, number::<f64>),
        "UUIDSerializer" => list(case, List::constant_size, UuidText::default(), uuid_bytes),
        "StringSerializer" => list(case, List::variable_size, Utf8, |input| {
            text(input).to_owned()
        }),
        "ByteArraySerializer" | "BytesSerializer" => list(case, List::variable_size, Raw, unhex),
        other => panic!("no element serializer is known for {other}"),
    }
}

fn list<T, S: Serializer<T>>(
    case: &Value,
    sizes: fn(Nullable<S>) -> List<Nullable<S>>,
    element: S,
    parse: impl Fn(&Value) -> T,
) -> Outcome {
    let elements = |input: &Value| -> Vec<Option<T>> {
        let list = input.as_array().expect("a list");
        list.iter()
            .map(|input| (!input.is_null()).then(|| parse(input)))
            .collect()
    };
    one(case, sizes(Nullable(element)), elements)
}

/// Serializes the case's input, which may be null.
fn one<T>(case: &Value, serializer: impl Serializer<T>, parse: impl Fn(&Value) -> T) -> Outcome {
    let input = &case["input"];
    let value = (!input.is_null()).then(|| parse(input));
    serialize(role(case), &Nullable(serializer), &value)
}

fn serialize<T>(role: Role, serializer: &impl Serializer<T>, value: &T) -> Outcome {
    let mut headers = Headers::new();
    let mut scratch = b"left over from the record before".to_vec();
    let mut context = Context::new("golden", role, &mut headers);
    Ok(serializer
        .serialize(&mut context, value, &mut scratch)?
        .map(<[u8]>::to_vec))
}

fn role(case: &Value) -> Role {
    let is_key = case
        .get("config")
        .is_some_and(|c| c.get("key.serializer.encoding").is_some());
    if is_key { Role::Key } else { Role::Value }
}

fn encoding(case: &Value) -> Result<StringEncoding, SerializeError> {
    let lookup = |name: &str| case.get("config")?.get(name)?.as_str();
    StringEncoding::from_properties(role(case), lookup)
}

fn f32_bits(case: &Value) -> f32 {
    f32::from_bits(u32::from_str_radix(text_of(case, "bits"), 16).unwrap())
}

fn f64_bits(case: &Value) -> f64 {
    f64::from_bits(u64::from_str_radix(text_of(case, "bits"), 16).unwrap())
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(input: &Value) -> T {
    text(input).parse().unwrap()
}

fn uuid_bytes(input: &Value) -> [u8; 16] {
    let digits = text(input).replace('-', "");
    hex::decode(digits).unwrap().try_into().unwrap()
}

fn unhex(input: &Value) -> Vec<u8> {
    hex::decode(text(input)).unwrap()
}

fn text_of<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name)
        .unwrap_or_else(|| panic!("{name} is missing in {case}"))
        .as_str()
        .unwrap()
}

fn text(input: &Value) -> &str {
    input.as_str().expect("inputs are given as text")
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test may be pointed at other vectors"
)]
fn golden(file: &str) -> String {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let directory = std::env::var("KAFKA_GOLDEN_DIR").map_or(own, PathBuf::from);
    let path = directory.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    assert!(!text.trim().is_empty(), "{} is empty", path.display());
    text
}

const SERIALIZERS: [&str; 13] = [
    "BooleanSerializer",
    "ByteArraySerializer",
    "ByteBufferSerializer",
    "BytesSerializer",
    "DoubleSerializer",
    "FloatSerializer",
    "IntegerSerializer",
    "ListSerializer",
    "LongSerializer",
    "ShortSerializer",
    "StringSerializer",
    "UUIDSerializer",
    "VoidSerializer",
];
