//! The log, as Kafka's own consumer reads it: `read_committed`, with partitions and offsets.
//!
//! The end of the log is known by a last record in every partition, written by a producer of its
//! own. It cannot be read before every transaction ahead of it has ended.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kafka_producer::ProducerRecord;

use crate::checker::Logged;
use crate::cluster::{TIME_LIMIT, environment, in_time, leaders, producer, servers};

const END: &str = "end";
/// How long Kafka's consumer may take to read everything.
const READING_LIMIT: Duration = Duration::from_secs(300);

/// Everything in a topic of numbers; nobody may send to it any more.
pub(crate) async fn log_of(topic: &str) -> Vec<Logged> {
    let partitions = leaders(topic).len();
    mark_ends(topic, i32::try_from(partitions).unwrap()).await;
    let topic = topic.to_owned();
    let read = move || read_to_ends(&topic, partitions);
    tokio::task::spawn_blocking(read).await.unwrap()
}

async fn mark_ends(topic: &str, partitions: i32) {
    let producer = producer(&[]);
    for partition in 0..partitions {
        let record = ProducerRecord::new(topic, END).partition(partition);
        let marked = in_time(producer.send(record)).await.unwrap();
        in_time(marked).await.unwrap();
    }
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
}

/// Ends the process, whatever happens.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_to_ends(topic: &str, partitions: usize) -> Vec<Logged> {
    let mut consumer = Ended(consumer(topic).spawn().expect("java is installed"));
    let lines = BufReader::new(consumer.0.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .try_for_each(|line| tell.send(line))
    });
    let deadline = Instant::now() + READING_LIMIT;
    let (mut log, mut ends) = (Vec::new(), 0);
    while ends < partitions {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = told.recv_timeout(left) else {
            let read = log.len();
            panic!("{ends} of {partitions} ends of {topic} seen and {read} records, and no more");
        };
        match logged(&line) {
            Some(record) => log.push(record),
            None => ends += 1,
        }
    }
    log
}

/// `Partition:0 Offset:7 12`, with tabs between; none for the end of a partition.
fn logged(line: &str) -> Option<Logged> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [partition, offset, value] = fields[..] else {
        panic!("not a record: {line:?}");
    };
    let after = |field: &str, name: &str| field.strip_prefix(name).unwrap().parse::<i64>();
    (value != END).then(|| Logged {
        partition: after(partition, "Partition:").unwrap() as i32,
        offset: after(offset, "Offset:").unwrap(),
        number: value.parse().unwrap(),
    })
}

fn consumer(topic: &str) -> Command {
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
    java.args(["-cp", &environment("KAFKA_CLASSPATH")]);
    java.arg("org.apache.kafka.tools.consumer.ConsoleConsumer");
    java.args(["--bootstrap-server", &servers(), "--topic", topic]);
    java.args(["--from-beginning", "--isolation-level", "read_committed"]);
    for property in ["print.partition=true", "print.offset=true"] {
        java.args(["--formatter-property", property]);
    }
    java.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    java
}
