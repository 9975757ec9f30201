//! How records without a key are spread over three brokers, beside Java's producer.
//!
//! The brokers are those of the embedded cluster, because only they can be told to answer late or to stand in a
//! rack. Prints a table for people, so CI leaves it out:
//! `cargo test -p kafka-producer --all-features --test kafka -- --ignored --nocapture shares_beside_java`
//! with `KAFKA_CLASSPATH` as `cargo xtask kafka env` says it.

use std::io::Write;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{BrokerId, ClusterConfig, Fault, TopicConfig, When};
use kafka_wire::ApiKey;

use crate::tools::{Program, example, java, program};

struct Case {
    name: &'static str,
    /// How late the first broker answers to what it has appended.
    late: Duration,
    /// Beside those that all cases have.
    settings: &'static [(&'static str, &'static str)],
}

const SLOW: Duration = Duration::from_millis(50);
const STOPPED: Duration = Duration::from_secs(5);
const NOT_ADAPTIVE: (&str, &str) = ("partitioner.adaptive.partitioning.enable", "false");
const AVAILABILITY: (&str, &str) = ("partitioner.availability.timeout.ms", "200");
const IN_RACK: [(&str, &str); 2] = [("client.rack", "a"), ("partitioner.rack.aware", "true")];

const CASES: &[Case] = &[
    Case {
        name: "no delay",
        late: Duration::ZERO,
        settings: &[],
    },
    Case {
        name: "the first 50 ms late, not adaptive",
        late: SLOW,
        settings: &[NOT_ADAPTIVE],
    },
    Case {
        name: "the first 50 ms late",
        late: SLOW,
        settings: &[],
    },
    Case {
        name: "the first does not answer",
        late: STOPPED,
        settings: &[],
    },
    Case {
        name: "the first does not answer, availability 200 ms",
        late: STOPPED,
        settings: &[AVAILABILITY],
    },
    Case {
        name: "in rack a",
        late: Duration::ZERO,
        settings: &IN_RACK,
    },
    Case {
        name: "in rack a, the first 50 ms late",
        late: SLOW,
        settings: &IN_RACK,
    },
    Case {
        name: "in rack a, the first does not answer, availability 200 ms",
        late: STOPPED,
        settings: &[IN_RACK[0], IN_RACK[1], AVAILABILITY],
    },
];

/// One request at a time and one batch per three records, so that the first broker is too slow for its part.
const COMMON: &[(&str, &str)] = &[
    ("batch.size", "100"),
    ("linger.ms", "5"),
    ("max.in.flight.requests.per.connection", "1"),
    ("delivery.timeout.ms", "60000"),
];
const RECORDS: usize = 5_000;
const RECORDS_PER_SECOND: &str = "1000";

/// Three brokers, each the leader of one partition; the first and the third stand in rack `a`.
fn cluster(late: Duration) -> MockCluster {
    let racks = ["a", "b", "a"].map(str::to_owned).to_vec();
    let config = ClusterConfig::default().with_brokers(3).with_racks(racks);
    let topic = config.topic(3);
    let cluster = MockCluster::builder()
        .config(config)
        .topic_with("spread", alone(topic));
    let cluster = cluster.start_blocking().unwrap();
    if !late.is_zero() {
        let fault = Fault::delay(When::AfterHandling, late).broker(BrokerId(1));
        cluster.inject(fault.api(ApiKey::PRODUCE).always());
    }
    cluster
}

fn alone(topic: TopicConfig) -> TopicConfig {
    topic.with_replication_factor(1)
}

/// The part of each partition in what is in the log, in per cent.
fn spread(verifiable_producer: &mut Program, case: &Case) -> String {
    let cluster = cluster(case.late);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (name, value) in COMMON.iter().chain(case.settings) {
        writeln!(file, "{name}={value}").unwrap();
    }
    let servers = cluster.bootstrap_servers();
    verifiable_producer.args(["--bootstrap-server", &servers, "--topic", "spread"]);
    verifiable_producer.args(["--max-messages", &RECORDS.to_string()]);
    verifiable_producer.args(["--throughput", RECORDS_PER_SECOND, "--command-config"]);
    verifiable_producer.arg(file.path()).run_to_any_end();
    let records = cluster.records("spread");
    let part = |partition| {
        let there = records
            .iter()
            .filter(|record| record.partition == partition)
            .count();
        format!("{:.1}", 100.0 * there as f64 / records.len() as f64)
    };
    [0, 1, 2].map(part).join(" ")
}

#[test]
#[ignore = "prints a table, for people: the file says how"]
fn the_table_of_shares() {
    let ours = example("verifiable-producer");
    println!("| case | Java | ours |\n|---|---|---|");
    for case in CASES {
        let of_java = spread(&mut java("org.apache.kafka.tools.VerifiableProducer"), case);
        let of_ours = spread(&mut program(&ours), case);
        println!("| {} | {of_java} | {of_ours} |", case.name);
    }
}
