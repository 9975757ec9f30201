//! Kafka's jars: in `KAFKA_HOME`, or else downloaded by Maven into the build directory.
//!
//! If they are missing, the error says how to get them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::version::Version;
use crate::shell;

const OLDEST_JAVA: u32 = 17;
const WAYS_OUT: &str = "install it (`apt-get install openjdk-17-jre-headless maven`), or set \
    KAFKA_HOME to an unpacked Apache Kafka 4 (this replaces Maven, not Java), or set \
    KAFKA_BOOTSTRAP_SERVERS to the servers of a cluster that runs (this replaces starting one)";

/// The class path of the broker and of Kafka's tools: every jar of one directory. Without a version, it
/// is the one in `KAFKA_HOME`, or else the newest.
pub(crate) fn class_path(version: Option<&Version>) -> Result<String> {
    require_java()?;
    let libs = match version {
        Some(version) => libs_of(version)?,
        None => libs()?,
    };
    Ok(format!("{}/*", libs.display()))
}

/// The jar of Kafka's Java clients, which also holds the schemas of the protocol.
pub(crate) fn clients_jar() -> Result<PathBuf> {
    let libs = libs()?;
    find_jar(&libs, "kafka-clients-")?
        .with_context(|| format!("there is no kafka-clients-*.jar in {}", libs.display()))
}

fn libs() -> Result<PathBuf> {
    if let Some(home) = shell::variable("KAFKA_HOME") {
        let libs = Path::new(&home).join("libs");
        let broker = find_jar(&libs, "kafka_2.13-")
            .with_context(|| format!("KAFKA_HOME is {home}, which is not an unpacked Kafka"))?;
        if broker.is_none() {
            bail!(
                "KAFKA_HOME is {home}, but {} has no kafka_2.13-*.jar",
                libs.display()
            );
        }
        return Ok(libs);
    }
    brought_by_maven("libs", "pom.xml", &[])
}

fn libs_of(version: &Version) -> Result<PathBuf> {
    let options = version.maven_options();
    brought_by_maven(&format!("libs-{version}"), "versions.pom.xml", &options)
        .with_context(|| format!("Kafka {version} can not be had"))
}

/// The class path of the server that signs tokens.
pub(crate) fn of_tokens() -> Result<String> {
    let tokens = brought_by_maven("tokens", "tokens.pom.xml", &[])?;
    Ok(format!("{}/*", tokens.display()))
}

/// Copies the jars once; the pom is kept beside them to see when they are out of date.
fn brought_by_maven(name: &str, pom: &str, options: &[String]) -> Result<PathBuf> {
    let kafka = shell::target().join("kafka");
    let (libs, stamp) = (kafka.join(name), kafka.join(format!("{name}.pom.xml")));
    let pom = shell::workspace().join("xtask/kafka").join(pom);
    let wanted = std::fs::read(&pom).with_context(|| format!("{} is missing", pom.display()))?;
    if std::fs::read(&stamp).is_ok_and(|brought| brought == wanted) && libs.is_dir() {
        return Ok(libs);
    }
    eprintln!("bringing Kafka's jars to {}", libs.display());
    // Jars of another version must not stay on the class path; a directory of our own is renamed
    // at the end, so that a second caller never sees half of it.
    std::fs::create_dir_all(&kafka)?;
    let fresh = tempfile::Builder::new()
        .prefix("libs-")
        .tempdir_in(&kafka)?;
    shell::copy_jars(&pom, options, fresh.path())?;
    let _ = std::fs::remove_dir_all(&libs);
    std::fs::rename(fresh.keep(), &libs)?;
    std::fs::write(&stamp, wanted)?;
    Ok(libs)
}

fn find_jar(dir: &Path, prefix: &str) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .with_context(|| format!("the directory of jars, {}, can not be read", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(prefix) && name.ends_with(".jar") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Fails unless there is a Java to run Kafka with, and a Maven to bring its jars if they must be.
pub(crate) fn require_java() -> Result<()> {
    if !shell::is_installed("java") {
        bail!("Java {OLDEST_JAVA} or newer (`java`) is missing: {WAYS_OUT}");
    }
    let said = Command::new("java")
        .arg("-version")
        .output()
        .context("`java` can not be run")?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    match java_major(&said) {
        Some(major) if major >= OLDEST_JAVA => {}
        Some(major) => bail!("Java is {major}, Kafka needs {OLDEST_JAVA} or newer: {WAYS_OUT}"),
        None => bail!("`java -version` says nothing of a version: {said}"),
    }
    if shell::variable("KAFKA_HOME").is_none() && !shell::is_installed("mvn") {
        bail!("Maven (`mvn`) is missing: {WAYS_OUT}");
    }
    Ok(())
}

/// The major number in `openjdk version "17.0.15" 2025-04-15`; `1.8` counts as 1.
fn java_major(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("version \"")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_number_of_java_is_found() {
        let expected = [
            ("openjdk version \"17.0.15\" 2025-04-15\nmore", Some(17)),
            ("openjdk version \"21\" 2023-09-19", Some(21)),
            ("openjdk version \"25-ea\"", Some(25)),
            ("java version \"1.8.0_392\"", Some(1)),
            ("command not found", None),
        ];
        for (said, major) in expected {
            assert_eq!(java_major(said), major, "{said}");
        }
    }
}
