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
    /// A topic that exists from the start, with one partition or so many; may be given more than once.
    #[arg(short, long = "topic", value_name = "NAME[:PARTITIONS]")]
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
    #[arg(short, long = "user", value_name = "NAME:PASSWORD")]
    pub(crate) users: Vec<User>,
    /// End when standard input does, too: for a program that starts this one and may be killed.
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, partitions) = text.split_once(':').unwrap_or((text, "1"));
        let number = partitions.parse().ok().filter(|&number| number > 0);
        let refuse = || {
            format!(
                "{partitions:?} is no number of partitions; allowed is 1 or more, as in orders:6"
            )
        };
        Ok(Self {
            name: name.to_owned(),
            partitions: number.ok_or_else(refuse)?,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl FromStr for User {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() || password.is_empty() {
            return Err(
                "allowed is a name, a colon and a password, as in alice:alice-secret".to_owned(),
            );
        }
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_topic_has_one_partition_or_as_many_as_it_says() {
        let read = |text: &str| {
            text.parse::<Topic>()
                .ok()
                .map(|it| (it.name, it.partitions))
        };
        assert_eq!(read("orders"), Some(("orders".to_owned(), 1)));
        assert_eq!(read("orders:6"), Some(("orders".to_owned(), 6)));
        for wrong in [
            "orders:",
            "orders:0",
            "orders:-1",
            "orders:six",
            "orders:1:2",
            "orders:2147483648",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_may_have_colons_and_is_needed() {
        let read = |text: &str| text.parse::<User>().ok().map(|it| (it.name, it.password));
        assert_eq!(
            read("alice:a:b"),
            Some(("alice".to_owned(), "a:b".to_owned()))
        );
        for wrong in ["", ":", "alice", "alice:", ":secret"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
