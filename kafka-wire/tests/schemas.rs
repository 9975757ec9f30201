//! The declarations of messages, against the schemas that Apache Kafka publishes: every field's
//! name, type, versions, nullability, tag and whether it may be dropped.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use kafka_wire::{
    Message, Request, VersionRange, for_each_request,
    messages::*,
    schema::{Elsewhere, FieldKind, FieldSchema, StructSchema},
};
use serde_json::Value;

macro_rules! compare_all {
    ($($request:ident,)*) => {
        #[test]
        #[ignore = "needs KAFKA_SCHEMAS_DIR: run by cargo xtask ci schemas"]
        fn every_message_is_declared_as_kafka_declares_it() {
            $(compare_api::<$request>();)*
        }
    };
}
for_each_request!(compare_all);

fn compare_api<R: Request>() {
    let name = R::KEY.name().expect("our own keys have names");
    compare::<R, R>(&format!("{name}Request"));
    compare::<R, R::Response>(&format!("{name}Response"));
}

fn compare<R: Request, T: Message>(name: &str) {
    let theirs = read_schema(name);
    let valid = parse_range(&theirs["validVersions"]).unwrap();
    assert_eq!(theirs["apiKey"], R::KEY.0, "{name}");
    assert_eq!(R::VERSIONS, valid, "{name}");
    let flexible = parse_range(&theirs["flexibleVersions"]);
    assert_eq!(
        R::FIRST_FLEXIBLE,
        flexible.map(|range| range.oldest),
        "{name}"
    );
    if theirs["latestVersionUnstable"] == true {
        assert_eq!(R::STABLE_VERSIONS.latest, valid.latest - 1, "{name}");
    }
    let common = theirs["commonStructs"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let comparison = Comparison { common };
    comparison.structs(&T::schema(), name, &theirs["fields"], valid, name);
}

struct Comparison {
    common: Vec<Value>,
}

impl Comparison {
    fn structs(
        &self,
        ours: &StructSchema,
        their_name: &str,
        theirs: &Value,
        versions: VersionRange,
        path: &str,
    ) {
        assert_eq!(ours.name, their_name, "{path}");
        let mut fields = ours.fields.iter();
        for theirs in theirs.as_array().unwrap() {
            let their_name = theirs["name"].as_str().unwrap();
            let Some(carried) = parse_range(&theirs["versions"])
                .unwrap()
                .intersection(versions)
            else {
                continue; // only in versions that are gone
            };
            let path = format!("{path}.{their_name}");
            let ours = fields.next().unwrap_or_else(|| panic!("{path} is missing"));
            assert_eq!(ours.name, snake_case(their_name), "{path}");
            assert_eq!(
                ours.versions.intersection(versions),
                Some(carried),
                "{path}"
            );
            self.field(ours, theirs, carried, &path);
        }
        assert_eq!(
            fields.next(),
            None,
            "{path} has a field that Kafka's has not"
        );
    }

    fn field(&self, ours: &FieldSchema, theirs: &Value, carried: VersionRange, path: &str) {
        let nullable = |range: VersionRange| range.intersection(carried);
        let their_nullable = parse_range(&theirs["nullableVersions"]).and_then(nullable);
        assert_eq!(
            ours.nullable.and_then(nullable),
            their_nullable,
            "{path}: null"
        );
        assert_eq!(
            ours.tag.map(Value::from),
            theirs.get("tag").cloned(),
            "{path}: tag"
        );
        if ours.tag.is_some() {
            assert_eq!(
                parse_range(&theirs["taggedVersions"]).and_then(nullable),
                Some(carried)
            );
        }
        let ignorable = theirs["ignorable"] == true || theirs["ignorable"] == "true";
        assert_eq!(
            ours.elsewhere == Elsewhere::Dropped,
            ignorable,
            "{path}: ignorable"
        );
        self.kind(
            &ours.kind,
            theirs["type"].as_str().unwrap(),
            theirs,
            carried,
            path,
        );
    }

    fn kind(&self, ours: &FieldKind, kind: &str, field: &Value, carried: VersionRange, path: &str) {
        match (ours, kind) {
            (FieldKind::Array(element), _) => {
                let kind = kind
                    .strip_prefix("[]")
                    .unwrap_or_else(|| panic!("{path}: {kind}"));
                self.kind(element, kind, field, carried, path);
            }
            (FieldKind::Struct(schema), _) => {
                let common = self.common.iter().find(|common| common["name"] == kind);
                let fields = field.get("fields").or_else(|| common?.get("fields"));
                let fields = fields.unwrap_or_else(|| panic!("{path}: no fields of {kind}"));
                self.structs(schema, kind, fields, carried, path);
            }
            (FieldKind::Bytes, "records") => {}
            (primitive, _) => {
                let name = format!("{primitive:?}").to_lowercase();
                assert_eq!(name, kind, "{path}: type");
            }
        }
    }
}

fn read_schema(name: &str) -> Value {
    #[allow(clippy::disallowed_methods)] // where the schemas are is known to who fetched them
    let directory = std::env::var("KAFKA_SCHEMAS_DIR")
        .expect("KAFKA_SCHEMAS_DIR must name a directory of Kafka's message schemas");
    let path = PathBuf::from(directory).join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    serde_json::from_str(&lines.collect::<Vec<_>>().join("\n"))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// `3+`, `2-5`, `4`, or nothing.
fn parse_range(text: &Value) -> Option<VersionRange> {
    let number = |text: &str| {
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is no version"))
    };
    let text = text.as_str().filter(|text| *text != "none")?;
    Some(match (text.strip_suffix('+'), text.split_once('-')) {
        (Some(first), _) => VersionRange::new(number(first), i16::MAX),
        (None, Some((first, last))) => VersionRange::new(number(first), number(last)),
        (None, None) => VersionRange::new(number(text), number(text)),
    })
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        let inside_a_word = !snake.is_empty();
        if letter.is_ascii_uppercase() && inside_a_word {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
