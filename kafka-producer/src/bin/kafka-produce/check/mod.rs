//! `kafka-produce check`: the way to a record in the log, step by step, until one fails.
//!
//! Names and addresses are tried by hand; everything behind that the producer does itself, as it would for records,
//! so that what passes here passes there. TLS, the first answer and the login are one call of it, and have one time.

mod login;
mod probe;
mod report;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use kafka_producer::blocking::Producer;
use kafka_producer::config::Checked;
use kafka_producer::error::{ConnectError, ServerFailure, WaitReason};
use kafka_producer::{ErrorCode, ProducerConfig, ProducerRecord, SendError};

use crate::arguments::Check;
use crate::{configuration, warnings};
use report::{Failure, Step, print};

type BytesProducer = Producer<[u8], [u8]>;

/// Tries all steps.
pub(crate) fn run(task: &Check) -> Result<ExitCode> {
    warnings::hide();
    let begun = Instant::now();
    let mut clock = Clock(begun);
    match steps(task, &mut clock) {
        Ok(()) => {
            print("all steps have passed");
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            failure.print();
            Ok(ExitCode::FAILURE)
        }
    }
}

fn steps(task: &Check, clock: &mut Clock) -> Result<(), Failure> {
    let invalid =
        |error: &dyn ToString| Failure::new(Step::Configuration, error.to_string(), CONFIGURATION);
    let config = configuration::of(&task.connection).map_err(|error| invalid(&error))?;
    let checked = configuration::check(&config).map_err(|error| invalid(&error))?;
    for warning in checked.warnings() {
        Step::Configuration.remark(&warning.to_string());
    }
    Step::Configuration.passed(checked.security_protocol().name(), Some(clock.lap()));
    let limited = limited(config, task.timeout);
    let built = Producer::builder().config(limited).build();
    let producer: BytesProducer = built.map_err(|error| invalid(&error))?;
    reach(&checked, task.timeout, clock)?;
    log_in(&producer, &checked, clock)?;
    let Some(topic) = &task.topic else {
        Step::Topic.left_out("not tried: --topic names one");
        return Ok(());
    };
    use_topic(&producer, topic, clock)?;
    if !task.write {
        Step::Write.left_out("not tried: only a record shows it, and --write sends one");
        return Ok(());
    }
    let how = way(&checked, task.use_transactional_id)?;
    write(&producer, topic, how, clock)
}

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It stays.
    Alone,
    /// In a transaction, which is aborted.
    Aborted,
}

/// An id of transactions may be that of a program that runs: to use it is to fence that program, and to end what it
/// has open. So it is not touched unless that is asked for, and never where a database decides what is prepared.
fn way(checked: &Checked, may_use_id: bool) -> Result<Way, Failure> {
    let refused = |id: &str, consequence: &str, advice| {
        let why = format!("not tried: with transactional.id={id} {consequence}");
        Err(Failure::new(Step::Write, why, advice))
    };
    let Some(id) = checked.transactional_id() else {
        return Ok(Way::Alone);
    };
    if checked.has_two_phase_commit() {
        return refused(
            id,
            "it would abort a transaction that is prepared",
            PREPARED,
        );
    }
    match may_use_id {
        true => Ok(Way::Aborted),
        false => refused(id, "it would fence a program that runs with this id", LIVE),
    }
}

/// The same configuration, in which no wait is longer than a step may take.
fn limited(config: ProducerConfig, limit: Duration) -> ProducerConfig {
    config
        .max_block(limit)
        .linger(Duration::ZERO)
        .request_timeout(limit)
        .delivery_timeout(limit)
}

fn reach(checked: &Checked, limit: Duration, clock: &mut Clock) -> Result<(), Failure> {
    let resolved = probe::resolve(checked.bootstrap_servers(), limit)?;
    let found: Vec<String> = resolved
        .iter()
        .map(|(server, addresses)| format!("{server} is {}", list(addresses)))
        .collect();
    Step::Resolve.passed(&found.join("; "), Some(clock.lap()));
    let connected = probe::connect(&resolved, limit)?;
    Step::Connect.passed(&list(&connected), Some(clock.lap()));
    Ok(())
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}

fn log_in(producer: &BytesProducer, checked: &Checked, clock: &mut Clock) -> Result<(), Failure> {
    let protocol = checked.security_protocol();
    let connected = connect(producer);
    let failure = connected
        .err()
        .map(|error| login::failure(&error, protocol.has_tls()));
    let has_passed = |step: Step| failure.as_ref().is_none_or(|failure| step < failure.step);
    if has_passed(Step::Tls) {
        match protocol.has_tls() {
            true => Step::Tls.passed("the certificate of the broker is trusted", None),
            false => Step::Tls.left_out("not configured: security.protocol has no SSL"),
        }
    }
    let took = clock.lap();
    // What has the time of all three is the last of them.
    let mechanism = checked.sasl_mechanism();
    if has_passed(Step::Answer) {
        let took = mechanism.is_none().then_some(took);
        Step::Answer.passed(
            "it is a Kafka broker of a version that this producer speaks",
            took,
        );
    }
    if has_passed(Step::Login) && mechanism.is_none() {
        Step::Login.left_out("not configured: security.protocol has no SASL");
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    if let Some(mechanism) = mechanism {
        Step::Login.passed(&format!("accepted ({mechanism})"), Some(took));
    }
    Ok(())
}

/// Connects, and a second time if a connection has ended without a word: by the next one the producer asks what the
/// port expects (SASL, or no TLS), and tells that.
fn connect(producer: &BytesProducer) -> Result<(), ConnectError> {
    let connected = producer.connect();
    match &connected {
        Err(ConnectError::Unreachable(servers)) if servers.failures.iter().all(is_loss) => {
            producer.connect()
        }
        _ => connected,
    }
}

fn is_loss(failure: &ServerFailure) -> bool {
    matches!(failure.why, WaitReason::Connection { .. })
}

fn use_topic(producer: &BytesProducer, topic: &str, clock: &mut Clock) -> Result<(), Failure> {
    let partitions = pollster::block_on(producer.as_async().partitions_for(topic));
    let partitions =
        partitions.map_err(|error| Failure::new(Step::Topic, &error, topic_advice(&error)))?;
    Step::Topic.passed(
        &format!("{topic}, partitions: {partitions}"),
        Some(clock.lap()),
    );
    let warm = producer.warm_up([topic]);
    warm.map_err(|error| Failure::new(Step::Leaders, error, LEADERS))?;
    Step::Leaders.passed(
        "all leaders of its partitions are connected",
        Some(clock.lap()),
    );
    Ok(())
}

fn write(
    producer: &BytesProducer,
    topic: &str,
    how: Way,
    clock: &mut Clock,
) -> Result<(), Failure> {
    let written = match how {
        Way::Aborted => write_and_abort(producer, topic),
        Way::Alone => write_one(producer, topic),
    };
    let found = written.map_err(|why| Failure::new(Step::Write, why, WRITE))?;
    Step::Write.passed(&found, Some(clock.lap()));
    Ok(())
}

/// A record with an empty value, which stays in the topic.
fn write_one(producer: &BytesProducer, topic: &str) -> Result<String, String> {
    let sent = producer.send(ProducerRecord::new(topic, b""));
    let delivery = sent.map_err(|error| error.to_string())?;
    let metadata = delivery.wait().map_err(|error| error.to_string())?;
    let partition = metadata.partition;
    Ok(match metadata.offset {
        Some(offset) => format!("one record is in partition {partition}, at offset {offset}"),
        None => format!("one record was sent to partition {partition}"),
    })
}

/// The same in a transaction that is aborted.
fn write_and_abort(producer: &BytesProducer, topic: &str) -> Result<String, String> {
    let begun = producer.init_transactions();
    begun.map_err(|error| error.to_string())?;
    let transaction = producer.begin_transaction();
    let transaction = transaction.map_err(|error| error.to_string())?;
    let sent = transaction.send(ProducerRecord::new(topic, b""));
    let delivery = sent.map_err(|error| error.to_string())?;
    let delivered = delivery.wait().map_err(|error| error.to_string());
    let aborted = transaction.abort().map_err(|error| error.to_string());
    delivered?;
    aborted?;
    Ok("one record was written, and its transaction aborted".to_owned())
}

fn topic_advice(error: &SendError) -> &'static str {
    match error {
        SendError::TopicRefused {
            code: ErrorCode::TOPIC_AUTHORIZATION_FAILED,
            ..
        } => {
            "give the user of this configuration the right to describe and to write this topic (ACLs)"
        }
        SendError::TopicUnknown { .. } => {
            "create the topic, or correct its name; a topic that one may not describe looks the same"
        }
        _ => "see the reason above",
    }
}

const CONFIGURATION: &str = "correct these settings; docs/configuration.md lists all of them";
const LEADERS: &str = "brokers are dialed where they say that they are: advertised.listeners must name addresses that \
                       this machine can reach";
const WRITE: &str =
    "a refusal: give the user the right to write this topic (ACLs); otherwise see the reason above";

const LIVE: &str = "if no program runs with this id, or may be fenced: --use-transactional-id; otherwise try a \
                    configuration with another id, or with none";
const PREPARED: &str =
    "try a configuration without transactional.id and transaction.two.phase.commit.enable";

/// Measures steps, one after the other.
struct Clock(Instant);

impl Clock {
    /// The time since the last step.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let took = now.duration_since(self.0);
        self.0 = now;
        took
    }
}
