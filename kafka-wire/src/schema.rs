//! What a message says about itself: names, types, versions, nullability and tags of its fields.
//!
//! Written by the same declaration as the encoder, so it is what the encoder does. Tests compare
//! it with the schemas that Apache Kafka publishes; tools can print it.

use std::ops::{Bound, RangeBounds};

use crate::version::VersionRange;

/// A struct of the protocol: a message, or a part of one.
///
/// ```
/// use kafka_wire::{Message, messages::ProduceRequest};
///
/// let schema = ProduceRequest::schema();
/// assert_eq!(schema.name, "ProduceRequest");
/// assert_eq!(schema.fields[1].name, "acks");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StructSchema {
    /// Kafka's name of it.
    pub name: &'static str,
    /// Its fields, in the order of the wire; tagged ones by tag.
    pub fields: Vec<FieldSchema>,
}

/// A field of a struct.
///
/// ```
/// use kafka_wire::{Message, messages::ProduceRequest, schema::{Elsewhere, FieldKind}};
///
/// let transactional_id = &ProduceRequest::schema().fields[0];
/// assert_eq!((transactional_id.name, &transactional_id.kind), ("transactional_id", &FieldKind::String));
/// assert_eq!(transactional_id.elsewhere, Elsewhere::Missed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldSchema {
    /// Kafka's name of it in snake case.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// The versions that carry it, of those that carry its struct.
    pub versions: VersionRange,
    /// The versions in which it may be null.
    pub nullable: Option<VersionRange>,
    /// Its tag, if it is written only where it differs from its default (KIP-482).
    pub tag: Option<u32>,
    /// What becomes of it in a version that does not carry it.
    pub elsewhere: Elsewhere,
}

/// What becomes of a field's value in versions that do not have the field: a yes or no in Kafka's
/// schemas.
///
/// ```
/// use kafka_wire::{Message, messages::MetadataRequest, schema::Elsewhere};
///
/// let schema = MetadataRequest::schema();
/// let field = |name| schema.fields.iter().find(|field| field.name == name).unwrap();
/// assert_eq!(field("include_topic_authorized_operations").elsewhere, Elsewhere::Missed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// It may be left out; Kafka calls such a field ignorable.
    Dropped,
    /// Leaving out anything but the default would change the meaning.
    Missed,
}

/// The type of a field.
///
/// ```
/// use kafka_wire::{Message, messages::ProduceRequest, schema::FieldKind};
///
/// let topics = &ProduceRequest::schema().fields[3];
/// let FieldKind::Array(topic) = &topics.kind else { panic!("there are several") };
/// assert!(matches!(&**topic, FieldKind::Struct(topic) if topic.fields[0].name == "name"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// One byte, zero or not.
    Bool,
    /// `i8`.
    Int8,
    /// `i16`, error codes and API keys too.
    Int16,
    /// `u16`.
    Uint16,
    /// `i32`.
    Int32,
    /// `u32`.
    Uint32,
    /// `i64`.
    Int64,
    /// `f64`.
    Float64,
    /// UTF-8 text.
    String,
    /// Bytes, record batches too.
    Bytes,
    /// Sixteen bytes.
    Uuid,
    /// Any number of one kind.
    Array(Box<Self>),
    /// A struct.
    Struct(StructSchema),
}

pub(crate) fn range(versions: impl RangeBounds<i16>) -> VersionRange {
    let oldest = match versions.start_bound() {
        Bound::Included(&first) => first,
        Bound::Excluded(&before) => before + 1,
        Bound::Unbounded => 0,
    };
    let latest = match versions.end_bound() {
        Bound::Included(&last) => last,
        Bound::Excluded(&after) => after - 1,
        Bound::Unbounded => i16::MAX,
    };
    VersionRange::new(oldest, latest)
}
