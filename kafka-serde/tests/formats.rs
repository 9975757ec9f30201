//! What implementations in other languages made of the same values, byte for byte, and what is refused.
//!
//! `tests/golden/foreign` has the program that made the file, and says how. `KAFKA_GOLDEN_DIR` names another directory
//! with a file of that name to read instead.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use apache_avro::Schema;
use kafka_serde::{
    Avro, Cbor, Context, Framed, Headers, Json, MessagePack, Nullable, Protobuf, Raw, Role,
    SchemaId, SerializeError, Serializer, parse_message_indexes,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const SCHEMA: &str = include_str!("golden/foreign/order.avsc");

#[derive(Serialize, Deserialize)]
struct Order {
    id: i64,
    customer: String,
    price: f64,
    paid: bool,
    status: Status,
    items: Vec<Item>,
    gift: Option<Item>,
    notes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Status {
    New,
    Shipped,
}

#[derive(Clone, Serialize, Deserialize)]
struct Item {
    sku: String,
    quantity: i32,
}

/// `order.proto`, as `prost-build` writes it.
#[derive(prost::Message)]
struct OrderMessage {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    customer: String,
    #[prost(double, tag = "3")]
    price: f64,
    #[prost(bool, tag = "4")]
    paid: bool,
    #[prost(int32, tag = "5")]
    status: i32,
    #[prost(message, repeated, tag = "6")]
    items: Vec<ItemMessage>,
    #[prost(message, optional, tag = "7")]
    gift: Option<ItemMessage>,
    #[prost(btree_map = "string, string", tag = "8")]
    notes: BTreeMap<String, String>,
}

#[derive(prost::Message)]
struct ItemMessage {
    #[prost(string, tag = "1")]
    sku: String,
    #[prost(int32, tag = "2")]
    quantity: i32,
}

impl From<Item> for ItemMessage {
    fn from(Item { sku, quantity }: Item) -> Self {
        Self { sku, quantity }
    }
}

impl From<Order> for OrderMessage {
    fn from(order: Order) -> Self {
        Self {
            id: order.id,
            customer: order.customer,
            price: order.price,
            paid: order.paid,
            status: order.status as i32,
            items: order.items.into_iter().map(ItemMessage::from).collect(),
            gift: order.gift.map(ItemMessage::from),
            notes: order.notes,
        }
    }
}

#[test]
fn every_format_is_what_others_write() {
    let schema = Schema::parse_str(SCHEMA).unwrap();
    let avro = Avro::new(&schema).unwrap();
    let mut seen = BTreeMap::<_, u32>::new();
    for (number, case) in cases() {
        let format = case["format"].as_str().unwrap();
        let order = || Order::deserialize(&case["value"]).unwrap();
        let written = match format {
            "avro" => serialize(&avro, &order()),
            "protobuf" => serialize(&Protobuf, &OrderMessage::from(order())),
            "cbor" => serialize(&Cbor, &order()),
            "messagepack" => serialize(&MessagePack, &order()),
            _ => continue,
        };
        let written = written.unwrap().map(hex::encode);
        assert_eq!(written.as_deref(), case["hex"].as_str(), "line {number}");
        *seen.entry(format.to_owned()).or_default() += 1;
    }
    let all = ["avro", "cbor", "messagepack", "protobuf"];
    assert_eq!(seen, all.map(|format| (format.to_owned(), 10)).into());
}

#[test]
fn every_id_of_a_schema_is_what_confluent_s_client_writes() {
    let mut seen = 0;
    for (number, case) in cases() {
        let schema = match case["format"].as_str() {
            Some("id") => SchemaId::Id(u32::deserialize(&case["id"]).unwrap()),
            Some("guid") => SchemaId::Guid(guid(&case["guid"])),
            _ => continue,
        };
        let indexes = Option::<Vec<u16>>::deserialize(&case["indexes"]).unwrap();
        let framed = Framed::new(schema, Raw);
        let framed = match &indexes {
            Some(indexes) => framed.message_indexes(indexes),
            None => framed,
        };
        let (payload, headers) = with_headers(&framed, b"payload");
        let frame = match schema {
            SchemaId::Guid(_) => headers.last("__value_schema_id").unwrap().unwrap(),
            _ => payload.strip_suffix(b"payload").unwrap(),
        };
        assert_eq!(
            hex::encode(frame),
            case["hex"].as_str().unwrap(),
            "line {number}"
        );
        let (parsed, rest) = SchemaId::parse(frame).unwrap();
        assert_eq!(parsed, schema);
        match indexes {
            None => assert!(rest.is_empty()),
            Some(indexes) => assert_eq!(parse_message_indexes(rest), Ok((indexes, &[][..]))),
        }
        seen += 1;
    }
    assert_eq!(seen, 42);
}

#[test]
fn a_float_of_cbor_is_as_short_as_its_value_allows() {
    for (value, expected) in [
        (1.5, "f93e00"),
        (100_000.0, "fa47c35000"),
        (1.1, "fb3ff199999999999a"),
    ] {
        let written = serialize(&Cbor, &value).unwrap();
        assert_eq!(written.map(hex::encode).as_deref(), Some(expected));
    }
}

#[test]
fn no_value_is_null_only_where_that_is_asked_for() {
    let none = None::<i64>;
    assert_eq!(serialize(&Cbor, &none).unwrap(), Some(vec![0xf6]));
    assert_eq!(serialize(&MessagePack, &none).unwrap(), Some(vec![0xc0]));
    assert_eq!(serialize(&Nullable(Cbor), &none).unwrap(), None);
    assert_eq!(serialize(&Nullable(MessagePack), &none).unwrap(), None);
    let none = None::<ItemMessage>;
    assert_eq!(serialize(&Nullable(Protobuf), &none).unwrap(), None);
}

#[test]
fn a_value_that_is_not_of_its_schema_is_refused() {
    let schema = Schema::parse_str(r#"{"type": "array", "items": "long"}"#).unwrap();
    let avro = Avro::new(&schema).unwrap();
    assert_eq!(
        serialize(&avro, &[1_i64, -1][..]).unwrap().unwrap(),
        [4, 2, 1, 0]
    );
    let error = serialize(&avro, "no list").unwrap_err();
    assert_eq!(error.to_string(), "str could not be serialized");
    assert!(error.source().is_some());
    assert!(serialize(&Framed::new(7, avro), "no list").is_err());
}

#[test]
fn a_field_that_the_schema_does_not_have_is_refused() {
    #[derive(Serialize)]
    struct Wider {
        id: i64,
        more: i64,
    }
    let schema = r#"{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}"#;
    let schema = Schema::parse_str(schema).unwrap();
    let wider = Wider { id: 1, more: 2 };
    assert!(serialize(&Avro::new(&schema).unwrap(), &wider).is_err());
}

/// A type of the application may refuse to be serialized.
struct Unwilling;

impl Serialize for Unwilling {
    fn serialize<S: serde::Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is secret"))
    }
}

#[test]
fn a_value_that_refuses_is_told_with_its_reason() {
    let schema = Schema::parse_str(r#""long""#).unwrap();
    let avro = Avro::new(&schema).unwrap();
    for outcome in [
        serialize(&Cbor, &Unwilling),
        serialize(&MessagePack, &Unwilling),
        serialize(&Json, &Unwilling),
        serialize(&avro, &Unwilling),
    ] {
        let error = format!("{:?}", outcome.unwrap_err());
        assert!(
            error.contains("Unwilling could not be serialized"),
            "{error}"
        );
        assert!(error.contains("it is secret"), "{error}");
    }
}

fn serialize<T: ?Sized>(
    serializer: &impl Serializer<T>,
    value: &T,
) -> Result<Option<Vec<u8>>, SerializeError> {
    let mut headers = Headers::new();
    let mut scratch = b"left over from the record before".to_vec();
    let mut context = Context::new("orders", Role::Value, &mut headers);
    let bytes = serializer.serialize(&mut context, value, &mut scratch)?;
    Ok(bytes.map(<[u8]>::to_vec))
}

fn with_headers<T: ?Sized>(serializer: &impl Serializer<T>, value: &T) -> (Vec<u8>, Headers) {
    let (mut headers, mut scratch) = (Headers::new(), Vec::new());
    let mut context = Context::new("orders", Role::Value, &mut headers);
    let bytes = serializer.serialize(&mut context, value, &mut scratch);
    (bytes.unwrap().unwrap().to_vec(), headers)
}

fn guid(text: &Value) -> [u8; 16] {
    let digits = text.as_str().unwrap().replace('-', "");
    hex::decode(digits).unwrap().try_into().unwrap()
}

/// The lines of the file, each with its number.
#[allow(
    clippy::disallowed_methods,
    reason = "a test may be pointed at other vectors"
)]
fn cases() -> Vec<(usize, Value)> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let directory = std::env::var("KAFKA_GOLDEN_DIR").map_or(own, PathBuf::from);
    let path = directory.join("formats.jsonl");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let parse = |line: &str| serde_json::from_str(line).expect("each line is a JSON object");
    (1..).zip(text.lines().map(parse)).collect()
}
