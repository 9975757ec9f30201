//! Somebody who sends numbers and goes on whatever happens: our producer in this process, or a
//! program with the command line and the lines of Kafka's `VerifiableProducer`, ours or Kafka's own.
//!
//! Record n has the value n and the key n mod [`KEYS`]. What is told of it goes to the ledger.

use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kafka_producer::{DeliveryError, Persistence, Producer, ProducerRecord, RecordMetadata};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

use crate::cluster::{TIME_LIMIT, environment, producer, servers};
use crate::ledger::{Fate, Ledger, now};
use crate::transactor::transact;

/// How many different keys there are.
pub(crate) const KEYS: u64 = 100;
/// So often some records are sent at once, so that a partition has several batches under way.
const BURSTS_PER_SECOND: u64 = 100;

/// Names and values of a producer's settings.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Our producer, by its public functions.
    Library,
    /// The same, in transactions.
    Transactor,
    /// Our example `verifiable-producer`.
    Example,
    /// `org.apache.kafka.tools.VerifiableProducer`.
    Java,
}

/// A sender at work.
pub(crate) struct Load {
    pub(crate) ledger: Arc<Ledger>,
    work: Work,
}

enum Work {
    Task {
        stop: Arc<AtomicBool>,
        task: JoinHandle<()>,
    },
    Program {
        child: Child,
        reader: thread::JoinHandle<()>,
        _settings: NamedTempFile,
    },
}

impl Load {
    /// Begins to send so many records a second to `topic`.
    pub(crate) fn start(sender: Sender, topic: &str, pace: u64, settings: Settings<'_>) -> Self {
        let ledger = Arc::new(Ledger::default());
        let work = match sender {
            Sender::Library => return Self::of(producer(settings), topic, pace),
            Sender::Transactor => transactions(topic, settings, &ledger),
            Sender::Example | Sender::Java => {
                let mut command = program(sender, topic, settings);
                command.args(["--throughput", &pace.to_string()]);
                run(command, settings, &ledger)
            }
        };
        Self { ledger, work }
    }

    /// Begins to send to `topic` by this producer of ours.
    pub(crate) fn of(producer: Producer<str, str>, topic: &str, pace: u64) -> Self {
        let ledger = Arc::new(Ledger::default());
        let (topic, told) = (topic.to_owned(), Arc::clone(&ledger));
        let work = task(|stopped| async move {
            send_numbers(&producer, &topic, pace, &told, &stopped).await;
            producer.close(TIME_LIMIT).await.unwrap();
        });
        Self { ledger, work }
    }

    /// Ends it: everything that was sent has its outcome then.
    pub(crate) async fn stop(self) -> Arc<Ledger> {
        match self.work {
            Work::Task { stop, task } => {
                stop.store(true, Ordering::Release);
                let ended = tokio::time::timeout(TIME_LIMIT, task).await;
                ended.expect("the producer closes in time").unwrap();
            }
            Work::Program {
                mut child, reader, ..
            } => {
                let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
                kill(pid, Signal::SIGTERM).unwrap();
                let ended = move || (reader.join(), child.wait());
                let ended = tokio::task::spawn_blocking(ended);
                let ended = tokio::time::timeout(TIME_LIMIT, ended).await;
                let (read, _) = ended.expect("the program ends in time").unwrap();
                read.unwrap();
            }
        }
        self.ledger
    }
}

/// Something to be done until it is stopped.
fn task<F>(work: impl FnOnce(Arc<AtomicBool>) -> F) -> Work
where
    F: Future<Output = ()> + Send + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let task = tokio::spawn(work(Arc::clone(&stop)));
    Work::Task { stop, task }
}

fn transactions(topic: &str, settings: Settings<'_>, ledger: &Arc<Ledger>) -> Work {
    let owned = settings
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    let settings: Vec<(String, String)> = owned.collect();
    let (topic, ledger) = (topic.to_owned(), Arc::clone(ledger));
    task(|stopped| async move {
        let settings = settings.iter().map(|(name, value)| (&**name, &**value));
        let settings: Vec<(&str, &str)> = settings.collect();
        transact(&topic, &settings, &ledger, &stopped).await;
    })
}

async fn send_numbers(
    producer: &Producer<str, str>,
    topic: &str,
    pace: u64,
    ledger: &Arc<Ledger>,
    stopped: &AtomicBool,
) {
    let burst = pace.div_ceil(BURSTS_PER_SECOND);
    let mut beat = tokio::time::interval(Duration::from_secs(burst) / u32::try_from(pace).unwrap());
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut number = 0;
    while !stopped.load(Ordering::Acquire) {
        beat.tick().await;
        for _ in 0..burst {
            let (key, value) = ((number % KEYS).to_string(), number.to_string());
            let record = ProducerRecord::new(topic, &*value).key(&*key);
            let told = Arc::clone(ledger);
            let callback = move |outcome: Result<RecordMetadata, &DeliveryError>| {
                told.tell(number, now(), fate(outcome));
            };
            ledger.set_sent(number + 1);
            if let Err(error) = producer.send_with(record, callback).await {
                let (why, persistence) = (error.to_string(), Persistence::NotPersisted);
                ledger.tell(number, now(), Fate::Failed { why, persistence });
            }
            number += 1;
        }
    }
}

pub(crate) fn fate(outcome: Result<RecordMetadata, &DeliveryError>) -> Fate {
    match outcome {
        Ok(metadata) => Fate::Acked {
            partition: metadata.partition,
            offset: metadata.offset,
        },
        Err(error) => Fate::Failed {
            why: error.to_string(),
            persistence: error.persistence(),
        },
    }
}

fn program(sender: Sender, topic: &str, settings: Settings<'_>) -> Command {
    let mut command = match sender {
        Sender::Java => {
            let mut java = Command::new("java");
            java.args(["-Xmx256m", "-cp", &environment("KAFKA_CLASSPATH")]);
            java.arg("org.apache.kafka.tools.VerifiableProducer");
            java
        }
        _ => Command::new(example()),
    };
    let mut names = settings.iter();
    let named = names.find(|(name, _)| *name == "bootstrap.servers");
    let servers = named.map_or_else(servers, |(_, servers)| servers.to_string());
    command.args(["--topic", topic, "--bootstrap-server", &servers]);
    command.args(["--repeating-keys", &KEYS.to_string()]);
    command
}

fn run(mut command: Command, settings: Settings<'_>, ledger: &Arc<Ledger>) -> Work {
    let mut file = NamedTempFile::new().unwrap();
    for (name, value) in settings {
        writeln!(file, "{name}={value}").unwrap();
    }
    command.arg("--command-config").arg(file.path());
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ledger = Arc::clone(ledger);
    let reader = thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            note(&line, &ledger);
        }
    });
    Work::Program {
        child,
        reader,
        _settings: file,
    }
}

/// Where `cargo build -p kafka-producer --examples` puts it: beside the directory of this test.
fn example() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let profile = this.parent().and_then(|deps| deps.parent()).unwrap();
    profile.join("examples/verifiable-producer")
}

/// Notes what a line of a program tells.
fn note(line: &str, ledger: &Ledger) {
    if !line.starts_with('{') {
        return;
    }
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let number = || line["value"].as_str().unwrap().parse().unwrap();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let fate = match line["name"].as_str().unwrap() {
        "producer_send_success" => Fate::Acked {
            partition: line["partition"].as_i64().unwrap() as i32,
            offset: line["offset"].as_i64().filter(|offset| *offset >= 0),
        },
        "producer_send_error" => Fate::Failed {
            why: format!("{} {}", text("exception"), text("message")),
            // Its words say more, but only ours would.
            persistence: Persistence::PossiblyPersisted,
        },
        "tool_data" => return ledger.set_sent(line["sent"].as_u64().unwrap()),
        _ => return,
    };
    ledger.tell(number(), line["timestamp"].as_u64().unwrap(), fate);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_program_are_noted() {
        let ledger = Ledger::default();
        for line in [
            "a line for people",
            r#"{"timestamp":5,"name":"startup_complete"}"#,
            r#"{"timestamp":7,"name":"producer_send_success","key":"5","value":"3805","offset":950,"topic":"t","partition":2}"#,
            r#"{"timestamp":8,"name":"producer_send_error","topic":"t","key":null,"value":"0","exception":"class a.TimeoutException","message":"too late"}"#,
            r#"{"timestamp":9,"name":"tool_data","sent":2,"acked":0,"target_throughput":-1,"avg_throughput":0.0}"#,
        ] {
            note(line, &ledger);
        }
        assert_eq!(ledger.sent(), 2);
        let outcomes = ledger.outcomes();
        let told: Vec<_> = outcomes.iter().map(|told| (told.number, told.at)).collect();
        assert_eq!(told, [(3805, 7), (0, 8)]);
        let (partition, offset) = (2, Some(950));
        assert_eq!(outcomes[0].fate, Fate::Acked { partition, offset });
        assert!(matches!(&outcomes[1].fate, Fate::Failed { why, .. } if why.ends_with("too late")));
    }
}
