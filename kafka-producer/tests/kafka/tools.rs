//! Other people's clients: Apache Kafka's own tools in Java, and kcat where many small reads are
//! needed, because a Java process takes seconds to start.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{TIME_LIMIT, environment, servers};

/// A record as another client reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadBack {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Milliseconds, after `CreateTime:` or `LogAppendTime:`.
    pub(crate) timestamp: String,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
}

impl ReadBack {
    /// The value, where there must be one.
    pub(crate) fn text(&self) -> &str {
        self.value.as_deref().expect("a value")
    }
}

/// What stands for null, because nothing that is sent reads like it.
const NULL: &str = "<NULL>";

/// Everything in a topic, by partition and offset, as kcat reads it.
pub(crate) fn kcat(topic: &str) -> Vec<ReadBack> {
    let mut kcat = program("kcat");
    kcat.args([
        "-b",
        &servers(),
        "-C",
        "-q",
        "-e",
        "-J",
        "-o",
        "beginning",
        "-t",
        topic,
    ]);
    let output = kcat.run("");
    let mut records: Vec<_> = output.lines().map(from_json).collect();
    records.sort();
    records
}

/// Waits until a topic has so many records: without `acks=all` they may come to be seen only after
/// they were acknowledged.
pub(crate) fn wait_for(topic: &str, count: usize) {
    let mut kcat = program("kcat");
    let count = count.to_string();
    kcat.args([
        "-b",
        &servers(),
        "-C",
        "-q",
        "-o",
        "beginning",
        "-t",
        topic,
        "-c",
        &count,
    ]);
    kcat.run("");
}

fn from_json(line: &str) -> ReadBack {
    let record: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let kind = if record["tstype"] == "logappend" {
        "LogAppendTime"
    } else {
        "CreateTime"
    };
    let headers = record["headers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    ReadBack {
        partition: record["partition"].as_i64().unwrap() as i32,
        offset: record["offset"].as_i64().unwrap(),
        timestamp: format!("{kind}:{}", record["ts"]),
        // Names and values alternate.
        headers: headers
            .chunks(2)
            .map(|pair| (text(&pair[0]).unwrap(), text(&pair[1])))
            .collect(),
        key: text(&record["key"]),
        value: text(&record["payload"]),
    }
}

/// So many records of some topics, by partition and offset, as Kafka's console consumer reads them.
pub(crate) fn console_consumer(topics: &[&str], count: usize) -> Vec<ReadBack> {
    let mut java = java("org.apache.kafka.tools.consumer.ConsoleConsumer");
    java.args(["--bootstrap-server", &servers(), "--from-beginning"]);
    java.args([
        "--include",
        &topics.join("|"),
        "--max-messages",
        &count.to_string(),
    ]);
    java.args(["--timeout-ms", "240000"]);
    let null = format!("null.literal={NULL}");
    for property in [
        "print.timestamp=true",
        "print.partition=true",
        "print.offset=true",
        "print.headers=true",
        "print.key=true",
        &null,
    ] {
        java.args(["--formatter-property", property]);
    }
    let output = java.run("");
    let mut records: Vec<_> = output.lines().map(from_console).collect();
    records.sort();
    records
}

/// `CreateTime:5 Partition:0 Offset:7 h:1,h:2 key value`, with tabs between.
fn from_console(line: &str) -> ReadBack {
    let fields: Vec<&str> = line.splitn(6, '\t').collect();
    let [timestamp, partition, offset, headers, key, value] = fields[..] else {
        panic!("not a record: {line:?}");
    };
    let number =
        |field: &str, name: &str| field.strip_prefix(name).unwrap().parse::<i64>().unwrap();
    let text = |field: &str| (field != NULL).then(|| field.to_owned());
    let header = |pair: &str| {
        let (name, value) = pair.split_once(':').unwrap();
        (name.to_owned(), text(value))
    };
    ReadBack {
        partition: number(partition, "Partition:") as i32,
        offset: number(offset, "Offset:"),
        timestamp: timestamp.to_owned(),
        headers: match headers {
            "NO_HEADERS" => Vec::new(),
            pairs => pairs.split(',').map(header).collect(),
        },
        key: text(key),
        value: text(value),
    }
}

/// Sends keys and values to a topic by Kafka's console producer.
pub(crate) fn console_producer(topic: &str, records: &[(String, String)]) {
    let mut java = java("org.apache.kafka.tools.ConsoleProducer");
    java.args(["--bootstrap-server", &servers(), "--topic", topic]);
    java.args([
        "--reader-property",
        "parse.key=true",
        "--reader-property",
        "key.separator=|",
    ]);
    let lines: String = records
        .iter()
        .map(|(key, value)| format!("{key}|{value}\n"))
        .collect();
    java.run(&lines);
}

/// Runs one of Kafka's tools with these arguments, beside the servers.
pub(crate) fn tool(class: &str, arguments: &[&str]) -> String {
    let mut java = java(class);
    java.args(["--bootstrap-server", &servers()])
        .args(arguments);
    java.run("")
}

/// A Java process that starts fast rather than runs fast.
pub(crate) fn java(class: &str) -> Program {
    let mut java = program("java");
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
    java.args(["-cp", &environment("KAFKA_CLASSPATH"), class]);
    java
}

/// The example beside this test: whoever runs only this target has not built it yet.
pub(crate) fn example(name: &str) -> PathBuf {
    let mut cargo = program(env!("CARGO"));
    cargo.args(["build", "--workspace", "--all-features", "--example", name]);
    cargo.run_within(Duration::from_secs(600), "");
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(|deps| deps.parent()).unwrap();
    built.join("examples").join(name)
}

/// A program to be run to its end.
pub(crate) struct Program(Command);

/// The program of this name or path, without arguments.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Program {
    Program(Command::new(name))
}

impl Program {
    /// Adds an argument.
    pub(crate) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.0.arg(argument);
        self
    }

    /// Adds arguments.
    pub(crate) fn args(&mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> &mut Self {
        self.0.args(arguments);
        self
    }

    /// Runs it with this input to its end, which must be a good one; gives what it wrote.
    pub(crate) fn run(&mut self, input: &str) -> String {
        self.run_within(TIME_LIMIT, input)
    }

    /// The same, for what takes longer.
    pub(crate) fn run_within(&mut self, limit: Duration, input: &str) -> String {
        let shown = format!("{:?}", self.0);
        let command = self.0.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        let output = all_of(child.stdout.take().unwrap());
        let errors = all_of(child.stderr.take().unwrap());
        let written = stdin.write_all(input.as_bytes());
        drop(stdin);
        let Ok(output) = output.recv_timeout(limit) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "{shown} hangs; it said: {}",
                errors.recv().unwrap_or_default()
            );
        };
        let (status, errors) = (child.wait().unwrap(), errors.recv().unwrap_or_default());
        assert!(
            status.success() && written.is_ok(),
            "{shown}: {status}\n{output}\n{errors}"
        );
        output
    }

    /// Runs it to its end, be it good or not; gives what it wrote, and what it complained of after that.
    pub(crate) fn run_to_any_end(&mut self) -> String {
        let output = self.0.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + "\n" + &text(&output.stderr)
    }
}

/// What is read until the end, when it comes.
fn all_of(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = pipe.read_to_end(&mut all);
        let _ = tell.send(String::from_utf8_lossy(&all).into_owned());
    });
    told
}
