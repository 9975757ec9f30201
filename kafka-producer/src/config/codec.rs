//! Which codecs batches are compressed with, and how hard they try (`compression.*`).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_wire::compression::{Compression, CompressionError, CompressionLevel, decompress};

use super::error::Problem;
use super::settings::{Codec, Codecs};
use super::values::{Findings, Values};

const GENERAL: &str = "compression.type";
const BY_TOPIC: &str = "compression.type.by.topic";

/// The codecs, which must be built in, with their levels.
pub(super) fn codecs(values: &Values, findings: &mut Findings) -> Codecs {
    let general = values.text(GENERAL).and_then(|codec| codec.parse().ok());
    let general = general.unwrap_or_default();
    check_built_in(GENERAL, general, general.to_string(), findings);
    let by_topic = by_topic(values, findings);
    let mut used: Vec<Codec> = Vec::new();
    for compression in [general].into_iter().chain(by_topic.values().copied()) {
        if !used.iter().any(|codec| codec.compression == compression) {
            let level = level(compression, values, findings);
            used.push(Codec { compression, level });
        }
    }
    let with_level = |compression| {
        let mut used = used.iter().copied();
        used.find(|codec| codec.compression == compression)
    };
    let by_topic = by_topic
        .into_iter()
        .filter_map(|(topic, codec)| Some((topic, with_level(codec)?)));
    let by_topic = by_topic.collect();
    Codecs::new(with_level(general).unwrap_or_default(), by_topic)
}

/// What is said of topics one by one.
fn by_topic(values: &Values, findings: &mut Findings) -> BTreeMap<Arc<str>, Compression> {
    let mut codecs = BTreeMap::new();
    for item in values.list(BY_TOPIC) {
        let Some((topic, codec)) = topic_and_codec(&item) else {
            findings.invalid(BY_TOPIC, item, ALLOWED);
            continue;
        };
        check_built_in(BY_TOPIC, codec, item.clone(), findings);
        let other = codecs.insert(Arc::from(topic), codec);
        if other.is_some_and(|other| other != codec) {
            findings.invalid(BY_TOPIC, item, "one codec for each topic");
        }
    }
    codecs
}

const ALLOWED: &str = "topic:codec, and the same for other topics after commas; a codec is none, gzip, snappy, lz4 or zstd";

fn topic_and_codec(item: &str) -> Option<(&str, Compression)> {
    let (topic, codec) = item.split_once(':')?;
    let (topic, codec) = (topic.trim(), codec.trim().parse().ok()?);
    (!topic.is_empty()).then_some((topic, codec))
}

fn check_built_in(name: &'static str, codec: Compression, value: String, findings: &mut Findings) {
    if let Err(error @ CompressionError::NotBuiltIn { .. }) = decompress(codec, &[], 0) {
        findings.problems.push(Problem::Unsupported {
            name,
            value,
            allowed: "none, or a codec that is built in".to_owned(),
            reason: error.to_string(),
        });
    }
}

/// The level of a codec that is used.
fn level(codec: Compression, values: &Values, findings: &mut Findings) -> CompressionLevel {
    let name = match codec {
        Compression::Gzip => Some("compression.gzip.level"),
        Compression::Lz4 => Some("compression.lz4.level"),
        Compression::Zstd => Some("compression.zstd.level"),
        _ => None,
    };
    let level = name.and_then(|name| set_level(codec, name, values, findings));
    level.unwrap_or_else(|| CompressionLevel::default_of(codec))
}

/// What is set, unless that is refused already.
fn set_level(
    codec: Compression,
    name: &'static str,
    values: &Values,
    findings: &mut Findings,
) -> Option<CompressionLevel> {
    let level = i32::try_from(values.number(name)).ok()?;
    let known = CompressionLevel::of(codec, level);
    if let (Err(error), true) = (known, values.are_valid(&[name])) {
        findings.problems.push(Problem::Unsupported {
            name,
            value: level.to_string(),
            allowed: CompressionLevel::default_of(codec).number().to_string(),
            reason: error.to_string(),
        });
    }
    known.ok()
}
