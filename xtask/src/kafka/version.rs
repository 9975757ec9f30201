//! A version of Apache Kafka, and what is different about running it.
//!
//! Everything that depends on the version alone is decided here: who keeps its metadata, and what Maven
//! has to be told to bring it.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Three numbers, e.g. 3.9.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Version(u16, u16, u16);

impl Version {
    /// Before, KRaft was there to be tried only, and ZooKeeper keeps the metadata.
    pub(super) fn has_kraft(self) -> bool {
        self >= Self(3, 3, 0)
    }

    /// What Maven is told to bring this version.
    pub(super) fn maven_options(self) -> Vec<String> {
        let scala = if self < Self(2, 4, 0) { "2.12" } else { "2.13" };
        let mut options = vec![
            format!("-Dkafka.version={self}"),
            format!("-Dscala.version={scala}"),
        ];
        if self < Self(2, 8, 0) {
            // Their client of ZooKeeper finds no host with Java 14 and newer (ZOOKEEPER-3779).
            options.push("-Pzookeeper".to_owned());
        }
        options
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || format!("{text:?} is not a version like 3.9.2");
        let numbers = text.split('.').map(str::parse);
        let numbers: Vec<u16> = numbers.collect::<Result<_, _>>().with_context(wrong)?;
        let [major, minor, patch] = numbers[..] else {
            anyhow::bail!(wrong());
        };
        let version = Self(major, minor, patch);
        ensure!(
            version >= OLDEST,
            "{text} is older than {OLDEST}, the oldest that can be started"
        );
        Ok(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The first with all codecs (KIP-110).
const OLDEST: Version = Version(2, 1, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers_and_none_that_is_too_old() {
        let version: Version = "3.9.2".parse().unwrap();
        assert_eq!(version.to_string(), "3.9.2");
        for wrong in ["", "3.9", "3.9.2.1", "3.9.x", "v3.9.2", "2.0.1"] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn old_versions_need_zookeeper_and_another_scala() {
        for (text, has_kraft, options) in [
            ("2.1.1", false, "-Dscala.version=2.12 -Pzookeeper"),
            ("2.4.1", false, "-Dscala.version=2.13 -Pzookeeper"),
            ("2.8.2", false, "-Dscala.version=2.13"),
            ("3.3.2", true, "-Dscala.version=2.13"),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!(version.has_kraft(), has_kraft, "{text}");
            let told = version.maven_options().join(" ");
            assert_eq!(told, format!("-Dkafka.version={text} {options}"));
        }
    }
}
