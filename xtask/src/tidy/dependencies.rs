//! Who may depend on whom: the arrows of the architecture, as one table.
//!
//! Read from the manifests; what only tests use is free. A crate that decides nothing of its own
//! and does no I/O also lists the libraries it stands on, because a library can bring a clock, a
//! socket or a thread along.

use super::Finding;
use crate::packages::Package;

/// What a crate may depend on.
struct Row {
    package: &'static str,
    ours: &'static [&'static str],
    others: Others,
}

enum Others {
    /// Only these.
    Only(&'static [&'static str]),
    Any,
}

const TABLE: &[Row] = &[
    Row {
        package: "kafka-wire",
        ours: &[],
        others: Others::Only(&[
            "bytes",
            "crc32c",
            "flate2",
            "libdeflater",
            "lz4",
            "lz4_flex",
            "serde_json",
            "snap",
            "thiserror",
            "twox-hash",
            "zstd",
        ]),
    },
    Row {
        package: "kafka-serde",
        ours: &[],
        others: Others::Only(&["bytes", "serde", "serde_json", "thiserror", "uuid"]),
    },
    Row {
        package: "kafka-partition",
        ours: &[],
        others: Others::Only(&["murmur2", "thiserror"]),
    },
    Row {
        package: "kafka-accumulator",
        ours: &["kafka-wire"],
        others: Others::Only(&["bytes", "loom", "thiserror"]),
    },
    Row {
        package: "kafka-producer",
        ours: &[
            "kafka-wire",
            "kafka-serde",
            "kafka-partition",
            "kafka-accumulator",
        ],
        others: Others::Any,
    },
    Row {
        package: "kafka-mock",
        ours: &["kafka-wire"],
        others: Others::Any,
    },
    Row {
        package: "xtask",
        ours: &[],
        others: Others::Any,
    },
];

const RULE: &str = "dependency";
const TABLE_PATH: &str = "xtask/src/tidy/dependencies.rs";

/// The dependencies that the table does not have.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let manifest = format!("{}/Cargo.toml", package.name);
    let Some(row) = TABLE.iter().find(|row| row.package == package.name) else {
        let instead = format!("{} is not in the table of {TABLE_PATH}", package.name);
        return vec![Finding::new(&manifest, 1, RULE, instead)];
    };
    let mut findings = Vec::new();
    for dependency in package
        .dependencies
        .iter()
        .filter(|dep| !dep.is_for_tests())
    {
        let name = dependency.name.as_str();
        let is_ours = TABLE.iter().any(|row| row.package == name);
        let is_allowed = match &row.others {
            _ if is_ours => row.ours.contains(&name),
            Others::Only(only) => only.contains(&name),
            Others::Any => true,
        };
        if !is_allowed {
            findings.push(Finding::new(&manifest, 1, RULE, advice(row, name, is_ours)));
        }
    }
    findings
}

fn advice(row: &Row, name: &str, is_ours: bool) -> String {
    let package = row.package;
    match &row.others {
        Others::Only(only) if !is_ours => format!(
            "{package} may not depend on {name}, only on {}: it must bring no I/O, clock or \
             thread; if {name} brings none, add it to the table of {TABLE_PATH}",
            only.join(", ")
        ),
        _ if row.ours.is_empty() => format!("{package} depends on no crate of ours, not on {name}"),
        _ => format!(
            "of our crates, {package} depends only on {}, not on {name}",
            row.ours.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(package: &str, dependency: &str, kind: &str) -> Vec<String> {
        let json = format!(
            r#"{{"name": "{package}", "features": {{}},
                "dependencies": [{{"name": "{dependency}", "kind": {kind}}}]}}"#
        );
        let package: Package = serde_json::from_str(&json).unwrap();
        check(&[package])
            .into_iter()
            .map(|finding| finding.instead)
            .collect()
    }

    #[test]
    fn an_arrow_in_the_wrong_direction_is_found() {
        let wrong = [
            ("kafka-wire", "kafka-serde"),
            ("kafka-partition", "kafka-wire"),
            ("kafka-accumulator", "kafka-partition"),
            ("kafka-mock", "kafka-producer"),
            ("kafka-producer", "kafka-mock"),
            ("xtask", "kafka-wire"),
        ];
        for (from, to) in wrong {
            assert_eq!(findings(from, to, "null").len(), 1, "{from} -> {to}");
            assert_eq!(findings(from, to, "\"build\"").len(), 1, "{from} -> {to}");
        }
    }

    #[test]
    fn the_arrows_of_the_architecture_are_fine() {
        let right = [
            ("kafka-accumulator", "kafka-wire"),
            ("kafka-producer", "kafka-accumulator"),
            ("kafka-mock", "tokio"),
            ("kafka-wire", "bytes"),
        ];
        for (from, to) in right {
            assert!(findings(from, to, "null").is_empty(), "{from} -> {to}");
        }
    }

    #[test]
    fn what_does_no_io_gets_no_library_that_does() {
        let found = findings("kafka-wire", "tokio", "null");
        assert!(
            found[0].starts_with("kafka-wire may not depend on tokio"),
            "{found:?}"
        );
    }

    #[test]
    fn tests_may_use_what_they_like() {
        assert!(findings("kafka-wire", "tokio", "\"dev\"").is_empty());
    }

    #[test]
    fn a_crate_that_is_not_in_the_table_is_found() {
        assert_eq!(findings("kafka-consumer", "bytes", "null").len(), 1);
    }
}
