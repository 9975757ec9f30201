//! The command line, as Kafka's console producer has it, and the configuration it makes.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;
use kafka_producer::config::parse_properties;

use crate::line_format::LineFormat;

/// Send lines to a Kafka topic, each as one record.
///
/// A line ends with \n or \r\n, which is not part of the record; all other bytes are kept as they
/// are. The summary goes to standard error. Exit code 1 when a record failed, when a line could not
/// be understood, or when the arguments or the configuration are wrong. SIGTERM and SIGINT: what was
/// read is still sent, for up to 30 seconds, and the exit code is 130.
#[derive(Debug, Parser)]
#[command(name = "console-producer", version, verbatim_doc_comment)]
pub(crate) struct Flags {
    /// Topic to write to.
    #[arg(long)]
    pub(crate) topic: String,

    /// Brokers to begin with; without it, those of bootstrap.servers in the properties.
    #[arg(
        long,
        visible_alias = "bootstrap",
        value_name = "HOST:PORT[,HOST:PORT...]"
    )]
    bootstrap_server: Option<String>,

    /// Write to an embedded cluster, which is gone when this ends: to try things out.
    #[arg(long, conflicts_with = "bootstrap_server")]
    embedded: bool,

    /// Read this instead of standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// How lines are read; may be given more than once:
    /// parse.key=true|false (a key before the value; default false),
    /// key.separator=TEXT (between them; default a tab),
    /// ignore.error=true|false (a line without the separator is a value without key; default false),
    /// null.marker=TEXT (a key or value like this is null; default none).
    #[arg(
        long = "property",
        visible_alias = "reader-property",
        value_name = "NAME=VALUE",
        verbatim_doc_comment
    )]
    line_properties: Vec<String>,

    /// A property of the producer, e.g. linger.ms=50; may be given more than once.
    #[arg(
        long = "producer-property",
        visible_alias = "command-property",
        value_name = "NAME=VALUE"
    )]
    producer_properties: Vec<String>,

    /// Properties of the producer, in Java's format; --producer-property overrides them.
    #[arg(long = "producer.config", value_name = "FILE")]
    producer_config: Option<PathBuf>,

    /// The newer name of --producer.config.
    #[arg(long, value_name = "FILE", conflicts_with = "producer_config")]
    command_config: Option<PathBuf>,

    /// Compress with none, gzip, snappy, lz4 or zstd; gzip if none is named.
    #[arg(long, value_name = "CODEC", num_args = 0..=1, default_missing_value = "gzip")]
    compression_codec: Option<String>,
}

/// Where the records go.
pub(crate) enum Target {
    Named(String),
    Embedded,
}

/// Where the lines come from.
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Flags {
    pub(crate) fn source(&self) -> Source {
        self.file.clone().map_or(Source::Stdin, Source::File)
    }

    pub(crate) fn line_format(&self) -> Result<LineFormat> {
        let mut format = LineFormat::default();
        for property in &self.line_properties {
            let (name, value) = pair("--property", property)?;
            format.set(name, value)?;
        }
        Ok(format)
    }

    /// Where the records go.
    pub(crate) fn target(&self, properties: &[(String, String)]) -> Result<Target> {
        match servers(properties) {
            _ if self.embedded => Ok(Target::Embedded),
            Some(servers) => Ok(Target::Named(servers.to_owned())),
            None => bail!(
                "no server is named: give --bootstrap-server HOST:PORT, or {BOOTSTRAP_SERVERS} among the \
                 properties; --embedded is a cluster to try things out, gone when this ends"
            ),
        }
    }

    /// The file first, then the single properties, then what has a flag of its own.
    pub(crate) fn properties(&self) -> Result<Vec<(String, String)>> {
        let mut properties = self.properties_of_file()?;
        for property in &self.producer_properties {
            let (name, value) = pair("--producer-property", property)?;
            properties.push((name.to_owned(), value.to_owned()));
        }
        let codec = self.compression_codec.clone();
        properties.extend(codec.map(|codec| ("compression.type".to_owned(), codec)));
        let servers = self.bootstrap_server.clone();
        properties.extend(servers.map(|servers| (BOOTSTRAP_SERVERS.to_owned(), servers)));
        Ok(properties)
    }

    fn properties_of_file(&self) -> Result<Vec<(String, String)>> {
        let path = self.producer_config.as_ref();
        let Some(path) = path.or(self.command_config.as_ref()) else {
            return Ok(Vec::new());
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the properties in {}", path.display()))?;
        parse_properties(&text).with_context(|| format!("in {}", path.display()))
    }
}

/// The servers that properties name; of several values the last.
fn servers(properties: &[(String, String)]) -> Option<&str> {
    let mut named = properties.iter().rev();
    let (_, servers) = named.find(|(name, _)| name == BOOTSTRAP_SERVERS)?;
    Some(servers)
}

pub(crate) const BOOTSTRAP_SERVERS: &str = "bootstrap.servers";

fn pair<'a>(flag: &str, property: &'a str) -> Result<(&'a str, &'a str)> {
    match property.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => bail!("{flag} {property:?}: must be name=value"),
    }
}
