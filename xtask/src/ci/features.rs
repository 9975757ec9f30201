//! The stage `features`: each library builds with each of its features, and says nothing.
//!
//! A crate that compiles with all features may lack something with one of them, or leave something unused.

use std::path::Path;

use anyhow::{Result, ensure};

use super::selection::{DENY_WARNINGS, LIBRARIES};
use super::tools;
use crate::shell;

/// Each library alone, so that it does not use a feature that only another crate enables. The producer beside the
/// others: each builds one crate at a time, which keeps one core busy.
pub(super) fn check() -> Result<()> {
    tools::hack()?;
    std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let beside = shell::target().join("features");
            let others = [&LIBRARIES[..], &["--exclude", "kafka-producer"]].concat();
            choices(&beside, &others, "--each-feature")?;
            choices(&beside, &LIBRARIES, PAIRS)
        });
        choices(
            &shell::target(),
            &["-p", "kafka-producer"],
            EACH_OF_PRODUCER,
        )?;
        let others = others.join();
        others.map_err(|_| anyhow::anyhow!("the check of the others panicked"))?
    })?;
    programs_alone()?;
    engine_without_runtime()
}

/// Each program, with its own feature alone.
fn programs_alone() -> Result<()> {
    for (package, program) in [
        ("kafka-producer", "kafka-produce"),
        ("kafka-mock", "kafka-mock"),
    ] {
        let mut clippy = shell::cargo();
        clippy.args(["clippy", "--quiet", "--bin", program, "-p", package]);
        clippy.args(["--no-default-features", "--features", "cli"]);
        shell::run(clippy.args(DENY_WARNINGS))?;
    }
    Ok(())
}

/// With none and all features, and as these options of cargo-hack say.
fn choices(target: &Path, packages: &[&str], options: &str) -> Result<()> {
    let mut hack = tools::hack()?;
    hack.args(["clippy", "--quiet", "--lib"]).args(packages);
    hack.args(options.split_whitespace()).args(DENY_WARNINGS);
    shell::run(hack.env("CARGO_TARGET_DIR", target))
}

/// Left out are features that no line of the producer asks about: its dependencies' alone, which are checked there.
const EACH_OF_PRODUCER: &str =
    "--each-feature --exclude-features avro,cbor,gzip-libdeflate,json,messagepack,protobuf";

/// Pairs of features that might depend on each other. Left out are those that others stand for (of codecs, of providers
/// of TLS, of providers of tokens), and those that only add files of their own: alone, and with all the others, they
/// are built anyway.
const PAIRS: &str = "--feature-powerset --depth 2 --exclude-features \
     _tls,_tokens,avro,aws-msk-iam,cbor,cli,default,gzip,gzip-libdeflate,json,lz4,lz4-hc,messagepack,metrics,\
     mock,opentelemetry,protobuf,script,serde,sink,snappy,tls,tls-aws-lc,tls-graviola,zstd";

/// The engine does not depend on a runtime, not even indirectly. `deny` checks the other crates.
fn engine_without_runtime() -> Result<()> {
    let mut tree = shell::cargo();
    tree.args(["tree", "-p", "kafka-producer", "--no-default-features"]);
    let tree = shell::read(tree.args(["-e", "normal", "--prefix", "none"]))?;
    let is_runtime = |line: &&str| line.starts_with("tokio") || line.starts_with("mio ");
    let found = tree.lines().find(is_runtime);
    ensure!(found.is_none(), "the engine depends on {found:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_producer_asks_about_no_feature_that_is_left_out() {
        let (_, left_out) = EACH_OF_PRODUCER.split_once("--exclude-features ").unwrap();
        let sources = sources(&shell::workspace().join("kafka-producer/src"));
        assert!(sources.contains("feature = \"tokio\""));
        for feature in left_out.split(',') {
            let asked = format!("feature = \"{feature}\"");
            assert!(!sources.contains(&asked), "{feature}");
        }
    }

    fn sources(folder: &Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            text += &match path.is_dir() {
                true => sources(&path),
                false => std::fs::read_to_string(path).unwrap(),
            };
        }
        text
    }
}
