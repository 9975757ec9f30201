//! What the tests of messages share: vectors computed by Apache Kafka's own client, and random
//! messages drawn from a schema.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use kafka_wire::{
    Uuid, Version,
    json::Json,
    schema::{FieldKind, FieldSchema, StructSchema},
};
use proptest::{collection, option, prelude::*};
use serde_json::{Map, Value};

/// The cases in golden file `name`, of which there must be some.
pub(crate) fn golden(name: &str) -> Vec<Value> {
    #[allow(clippy::disallowed_methods)] // lets the same tests run on other vectors
    let directory = std::env::var("KAFKA_GOLDEN_DIR").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
        PathBuf::from,
    );
    read(&directory.join(name))
}

/// The cases in golden file `name` of this crate, wherever the others are.
pub(crate) fn own_golden(name: &str) -> Vec<Value> {
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name),
    )
}

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("golden file {}: {error}", path.display()));
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!cases.is_empty(), "golden file {} is empty", path.display());
    cases
}

/// The bytes in hex field `name` of a case.
pub(crate) fn hex_field(case: &Value, name: &str) -> Vec<u8> {
    let text = case[name]
        .as_str()
        .unwrap_or_else(|| panic!("no hex `{name}` in {case}"));
    hex::decode(text).unwrap()
}

/// Struct values in their JSON form, with the fields that `version` carries.
pub(crate) fn any_struct(schema: &StructSchema, version: Version) -> BoxedStrategy<Value> {
    let carried = schema
        .fields
        .iter()
        .filter(|field| field.versions.contains(version.number));
    let fields: Vec<_> = carried.map(|field| any_field(field, version)).collect();
    fields
        .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into())
        .boxed()
}

fn any_field(field: &FieldSchema, version: Version) -> BoxedStrategy<(String, Value)> {
    let name = camel_case(field.name);
    let value = any_value(&field.kind, version);
    let value = match field.nullable {
        Some(nullable) if nullable.contains(version.number) => option::of(value)
            .prop_map(Option::unwrap_or_default)
            .boxed(),
        _ => value,
    };
    value.prop_map(move |value| (name.clone(), value)).boxed()
}

fn any_value(kind: &FieldKind, version: Version) -> BoxedStrategy<Value> {
    match kind {
        FieldKind::Bool => any::<bool>().prop_map(Value::from).boxed(),
        FieldKind::Int8 => any::<i8>().prop_map(Value::from).boxed(),
        FieldKind::Int16 => any::<i16>().prop_map(Value::from).boxed(),
        FieldKind::Uint16 => any::<u16>().prop_map(Value::from).boxed(),
        FieldKind::Int32 => any::<i32>().prop_map(Value::from).boxed(),
        FieldKind::Uint32 => any::<u32>().prop_map(Value::from).boxed(),
        FieldKind::Int64 => any::<i64>().prop_map(Value::from).boxed(),
        FieldKind::Float64 => any::<i32>()
            .prop_map(|number| f64::from(number).into())
            .boxed(),
        FieldKind::String => {
            // Around the length at which a compact length takes a second byte, too.
            prop_oneof![9 => ".{0,12}", 1 => "[a-z]{125,130}"]
                .prop_map(Value::from)
                .boxed()
        }
        FieldKind::Bytes => {
            let bytes = prop_oneof![
                9 => collection::vec(any::<u8>(), 0..20),
                1 => collection::vec(any::<u8>(), 125..130)
            ];
            bytes.prop_map(|bytes| hex::encode(bytes).into()).boxed()
        }
        FieldKind::Uuid => any::<[u8; 16]>()
            .prop_map(|id| Uuid(id).to_string().into())
            .boxed(),
        FieldKind::Array(element) => collection::vec(any_value(element, version), 0..4)
            .prop_map(Value::from)
            .boxed(),
        FieldKind::Struct(schema) => any_struct(schema, version),
        other => panic!("no values for {other:?}"),
    }
}

/// A struct from its JSON form.
pub(crate) fn from_json<T: Json>(json: &Value, version: Version) -> T {
    T::from_json(json, version).unwrap_or_else(|error| panic!("{error} in {json}"))
}

/// `topic_id` as `topicId`; by itself, so that the tests do not rely on what they test.
pub(crate) fn camel_case(name: &str) -> String {
    let mut upper = false;
    let letters = name.chars().filter_map(|letter| {
        let shown = (letter != '_').then(|| match upper {
            true => letter.to_ascii_uppercase(),
            false => letter,
        });
        upper = letter == '_';
        shown
    });
    letters.collect()
}
