//! Which codec batches are compressed with, and how hard it tries (`compression.*`).

use kafka_wire::compression::{Compression, CompressionError, CompressionLevel, decompress};

use super::error::Problem;
use super::values::{Findings, Values};

/// The codec, which must be built in, and its level.
pub(super) fn compression(
    values: &Values,
    findings: &mut Findings,
) -> (Compression, CompressionLevel) {
    let name = "compression.type";
    let codec = values
        .text(name)
        .and_then(|codec| codec.parse().ok())
        .unwrap_or_default();
    if let Err(error @ CompressionError::NotBuiltIn { .. }) = decompress(codec, &[], 0) {
        findings.problems.push(Problem::Unsupported {
            name,
            value: codec.to_string(),
            allowed: "none, or a codec that is built in".to_owned(),
            reason: error.to_string(),
        });
    }
    let level = match codec {
        Compression::Gzip => Some("compression.gzip.level"),
        Compression::Lz4 => Some("compression.lz4.level"),
        Compression::Zstd => Some("compression.zstd.level"),
        _ => None,
    };
    let level = level.and_then(|name| compression_level(codec, name, values, findings));
    (
        codec,
        level.unwrap_or_else(|| CompressionLevel::default_of(codec)),
    )
}

/// The level of the codec that is used, unless the setting is refused already.
fn compression_level(
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
