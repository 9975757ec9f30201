//! What the program is asked for.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;

/// Runs an embedded Kafka cluster on 127.0.0.1 until a signal ends it, and prints its addresses first.
///
/// For tests of programs in any language: it keeps everything in memory, and nothing after its end.
#[derive(Parser)]
#[command(name = "kafka-mock", version)]
pub(crate) struct Arguments {
    /// The first broker's port, the others' follow; any that are free if it is left out.
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// How many brokers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) brokers: u16,
    /// A topic to create; may be given more than once.
    #[arg(long = "topic", value_name = "NAME:PARTITIONS")]
    pub(crate) topics: Vec<Topic>,
    /// Topics are not created by being asked for.
    #[arg(long)]
    pub(crate) no_auto_create: bool,
    /// What is to go wrong, in TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// A line on standard error for each request.
    #[arg(long)]
    pub(crate) log: bool,
    /// The brokers speak TLS; the certificate to trust is written to this file.
    #[arg(long, value_name = "PEM-FILE")]
    pub(crate) tls: Option<PathBuf>,
    /// Clients have to log in (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512); may be given more than once.
    #[arg(long = "user", value_name = "NAME:PASSWORD")]
    pub(crate) users: Vec<User>,
    /// End when standard input does, too: for a program that starts this one and may be killed.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Clone)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, partitions) = text.split_once(':').unwrap_or((text, "1"));
        let refuse = |_| format!("`{partitions}` is no number of partitions, as in `orders:6`");
        let partitions = partitions.parse().map_err(refuse)?;
        Ok(Self {
            name: name.to_owned(),
            partitions,
        })
    }
}

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl FromStr for User {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, password) = text.split_once(':').ok_or("as in `alice:secret`")?;
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}
