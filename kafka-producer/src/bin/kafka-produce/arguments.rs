//! The command line, as it is typed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::template::Template;

/// Send lines, JSON or CSV to Apache Kafka, and find out why a connection does not work.
#[derive(Parser)]
#[command(name = "kafka-produce", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Send(Box<Send>),
    Check(Check),
    /// Print what makes a shell complete the arguments of this program.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, in the format of man(1).
    Man {
        /// The page of this command, instead of that of the program.
        command: Option<String>,
    },
}

/// Where the cluster is, and everything else that a producer is configured with.
#[derive(Args)]
pub(crate) struct Connection {
    /// Brokers to begin with; without it, those of bootstrap.servers in the configuration.
    #[arg(short, long, value_name = "HOST:PORT[,HOST:PORT...]")]
    pub(crate) bootstrap_server: Option<String>,

    /// A file of properties, as Kafka's own clients read it.
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// One property, e.g. linger.ms=50; it goes before those of the file. May be given more than once.
    #[arg(short = 'X', long = "set", value_name = "NAME=VALUE")]
    pub(crate) properties: Vec<Named>,
}

/// Send what is in files, or comes from standard input.
///
/// Templates are texts with fields in braces: `--key '{customer}-{region}'`. The fields are the columns of CSV;
/// the members of a JSON object, `{customer.id}` for one inside another; or {line}, {key} and {value} of a line.
/// {@file} and {@line} tell where a record comes from. A brace is written twice: {{.
///
/// Exit code: 0 when everything was delivered; 1 when a record failed, or a row could not be understood, or
/// nothing could be begun; 2 when the command line is wrong; 130 after a signal, which delivers first what was
/// accepted, for up to 30 seconds.
#[derive(Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// Topic to write to: a template.
    #[arg(
        short,
        long,
        value_name = "TEMPLATE",
        required_unless_present = "format"
    )]
    pub(crate) topic: Option<Template>,

    /// How the input is read [default: by the ending of the file: .csv, .tsv, .jsonl or .ndjson; else lines].
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,

    /// What ends a row of lines or JSON: one byte, or one of \n, \t, \0, \xHH [default: \n].
    #[arg(short = 'D', long, value_name = "BYTE", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,

    /// What stands between key and value of a line; or between the columns of CSV, one byte.
    #[arg(short = 'K', long, value_name = "TEXT", value_parser = separator)]
    pub(crate) separator: Option<Separator>,

    /// The key: a template.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) key: Option<Template>,

    /// The value: a template [default: the line; of CSV a JSON object].
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) value: Option<Template>,

    /// A header: a name, and a template. May be given more than once.
    #[arg(short = 'H', long = "header", value_name = "NAME=TEMPLATE")]
    pub(crate) headers: Vec<Named<Template>>,

    /// The partition: a template; without it the partitioner chooses.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) partition: Option<Template>,

    /// The time: a template for milliseconds since 1970, or a time by RFC 3339 [default: now].
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) timestamp: Option<Template>,

    /// A key, a value or a header's value that reads like this is null.
    #[arg(short = 'Z', long, value_name = "TEXT")]
    pub(crate) null: Option<String>,

    /// Compress: none, gzip, snappy, lz4 or zstd. It is compression.type of the configuration.
    #[arg(short = 'z', long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,

    /// What to do about a row that cannot be understood, or a record that fails.
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    pub(crate) on_error: OnError,

    /// No more records than this: 1000/s, 50/m, 10/h.
    #[arg(long, value_name = "COUNT/UNIT")]
    pub(crate) rate: Option<Rate>,

    /// Commit each file, or so many records, as one transaction; it takes -X transactional.id=NAME.
    #[arg(long, value_name = "file|COUNT")]
    pub(crate) transaction: Option<TransactionSize>,

    /// Print the records, as `--format record` reads them, and send nothing. With a cluster, the partition of a
    /// record with a key is printed, too.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,

    /// No progress, and no summary of what went well.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// What to read; `-`, or no file, is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Try a configuration step by step, and say which step fails and what to do.
///
/// Exit code: 0 when all steps have passed, 1 when one has failed.
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// A topic that is to be written to. A cluster that creates topics by itself creates it.
    #[arg(short, long)]
    pub(crate) topic: Option<String>,

    /// Send one record, with an empty value, to see that it may be written. With a transactional.id it takes
    /// --use-transactional-id.
    #[arg(long, requires = "topic")]
    pub(crate) write: bool,

    /// Write in a transaction with the transactional.id of the configuration, and abort it, so that readers of what
    /// is committed do not see the record. A program that runs with this id is fenced by it, and its open
    /// transaction aborted. Refused with transaction.two.phase.commit.enable, where it would abort what is prepared.
    #[arg(long, requires = "write")]
    pub(crate) use_transactional_id: bool,

    /// For how long each step may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

/// How rows are made of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Each line is a value, or a key and a value (--separator).
    Lines,
    /// Each line is a JSON document and the value; its members are fields.
    Json,
    /// Each line is a JSON object with topic, key, value, headers, partition, timestamp.
    Record,
    /// Rows with a header: the columns are fields.
    Csv,
    /// The same with tabs.
    Tsv,
}

/// What is done about a row or a record that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// Read no further; what was accepted is still delivered.
    Stop,
    /// Say so, and go on.
    Skip,
}

/// A name and what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Named<T = String> {
    pub(crate) name: String,
    pub(crate) value: T,
}

impl<T: FromStr<Err: std::fmt::Display>> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) = pair.ok_or("must be name=value")?;
        let value = value.parse().map_err(|error: T::Err| error.to_string())?;
        let name = name.to_owned();
        Ok(Self { name, value })
    }
}

/// What stands between key and value, or between columns: at least one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Separator(pub(crate) Vec<u8>);

/// Records in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) records: NonZeroU64,
    pub(crate) per: Duration,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err("the unit must be s, m or h".to_owned()),
        };
        let records = count.parse().map_err(|_| "must be like 1000/s")?;
        let per = Duration::from_secs(seconds);
        Ok(Self { records, per })
    }
}

/// What is committed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionSize {
    File,
    Records(NonZeroU64),
}

impl FromStr for TransactionSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "file" => Ok(Self::File),
            count => count
                .parse()
                .map(Self::Records)
                .map_err(|_| "must be file, or a number of records above 0".to_owned()),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "must be a number")?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    let is_allowed = (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(&time);
    is_allowed
        .then_some(time)
        .ok_or_else(|| "must be more than 0 and at most 86400".to_owned())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match unescape(text)?[..] {
        [byte] => Ok(byte),
        _ => Err("must be one byte".to_owned()),
    }
}

fn separator(text: &str) -> Result<Separator, String> {
    let bytes = unescape(text)?;
    match bytes.is_empty() {
        true => Err("must not be empty".to_owned()),
        false => Ok(Separator(bytes)),
    }
}

/// Text with `\n`, `\t`, `\r`, `\0`, `\\` and `\xHH` in it.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (byte, length) = escaped(after).ok_or("after \\ must stand n, t, r, 0, \\ or xHH")?;
        bytes.push(byte);
        rest = &after[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The byte that is meant behind a backslash, and by how many bytes of text.
fn escaped(text: &str) -> Option<(u8, usize)> {
    let byte = match text.as_bytes().first()? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'0' => 0,
        b'\\' => b'\\',
        b'x' => return Some((u8::from_str_radix(text.get(1..3)?, 16).ok()?, 3)),
        _ => return None,
    };
    Some((byte, 1))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_byte_may_be_escaped() {
        let cases: [(&str, Option<&[u8]>); 9] = [
            (",", Some(b",")),
            ("\\n", Some(b"\n")),
            ("\\0", Some(b"\0")),
            ("\\x1f", Some(b"\x1f")),
            ("a\\tb\\\\", Some(b"a\tb\\")),
            ("\\", None),
            ("\\q", None),
            ("\\x1", None),
            ("\\x\u{e9}", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(unescape(text).ok().as_deref(), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        let rate = |text: &str| {
            let rate: Option<Rate> = text.parse().ok();
            rate.map(|rate| (rate.records.get(), rate.per.as_secs()))
        };
        assert_eq!(rate("1000/s"), Some((1000, 1)));
        assert_eq!(rate("50/m"), Some((50, 60)));
        assert_eq!(rate("7"), Some((7, 1)));
        for wrong in ["", "0/s", "1/d", "-1/s", "x", "1/"] {
            assert_eq!(rate(wrong), None, "{wrong:?}");
        }
    }
}
