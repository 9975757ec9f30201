//! Java's own clients: console consumer and producer, verifiable producer, topics and offsets.

use std::{collections::BTreeMap, io::Write, thread, time::Duration};

use kafka_mock::{
    MockCluster, MockRecord,
    cluster::{BrokerId, Cluster, Fault, SaslConfig, SaslMechanism, When},
};
use kafka_wire::{ApiKey, ErrorCode, compression::Compression, records::TimestampType};

use crate::{
    program::{TIME_LIMIT, java, output},
    written::{self, Written},
};

/// As `DefaultMessageFormatter` prints it.
fn printed(record: &Written) -> String {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}"));
    let headers = headers.collect::<Vec<_>>().join(",");
    let headers = if headers.is_empty() {
        "NO_HEADERS".to_owned()
    } else {
        headers
    };
    let text = |bytes: &Option<String>| bytes.clone().unwrap_or_else(|| "null".to_owned());
    format!(
        "CreateTime:{}\tPartition:{}\tOffset:{}\t{headers}\t{}\t{}",
        record.timestamp,
        record.partition,
        record.offset,
        text(&record.key),
        text(&record.value),
    )
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_consumer_reads_what_was_written() {
    let (kafka, written) = written::cluster();
    for partition in 0..2 {
        let expected = written
            .iter()
            .filter(|it| it.partition == partition)
            .map(printed);
        let expected: Vec<_> = expected.collect();
        let mut consumer = java("org.apache.kafka.tools.consumer.ConsoleConsumer");
        consumer.args([
            "--bootstrap-server",
            &kafka.bootstrap_servers(),
            "--topic",
            "orders",
        ]);
        consumer.args([
            "--partition",
            &partition.to_string(),
            "--offset",
            "earliest",
        ]);
        consumer.args([
            "--max-messages",
            &expected.len().to_string(),
            "--timeout-ms",
            "240000",
        ]);
        for what in ["timestamp", "partition", "offset", "headers", "key"] {
            consumer.args(["--formatter-property", &format!("print.{what}=true")]);
        }
        let printed = output(&mut consumer, "");
        let lines: Vec<_> = printed
            .lines()
            .filter(|line| line.starts_with("CreateTime"))
            .collect();
        assert_eq!(lines, expected);
    }
}

type Header = (String, Option<bytes::Bytes>);

/// Key, value and headers of every record, by key.
fn contents(kafka: &MockCluster) -> BTreeMap<String, (Option<String>, Vec<Header>)> {
    let text = |bytes: &bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let records = kafka.records("orders").into_iter();
    let contents = records.map(|it| {
        (
            it.key.as_ref().map(text).unwrap_or_default(),
            (it.value.as_ref().map(text), it.headers),
        )
    });
    contents.collect()
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_producer_writes_in_every_codec() {
    for codec in Compression::all() {
        let kafka = MockCluster::builder()
            .brokers(2)
            .topic("orders", 3)
            .start_blocking()
            .unwrap();
        let mut producer = java("org.apache.kafka.tools.ConsoleProducer");
        producer.args([
            "--bootstrap-server",
            &kafka.bootstrap_servers(),
            "--topic",
            "orders",
        ]);
        producer.args(["--compression-codec", codec.name()]);
        for property in ["parse.key=true", "parse.headers=true", "null.marker=NULL"] {
            producer.args(["--reader-property", property]);
        }
        let mut input = String::from("h:1,trace:x y,h:2\tk1\tkäse 🧀\nNULL\tk2\tNULL\n");
        for n in 0..50 {
            input.push_str(&format!("NULL\tkey-{n}\tvalue that repeats itself {n}\n"));
        }
        output(&mut producer, &input);

        let contents = contents(&kafka);
        assert_eq!(contents.len(), 52, "{codec}");
        assert_eq!(kafka.records("orders").len(), 52, "each once");
        let header = |name: &str, value: &'static str| (name.to_owned(), Some(value.into()));
        let headers = vec![header("h", "1"), header("trace", "x y"), header("h", "2")];
        assert_eq!(contents["k1"], (Some("käse 🧀".to_owned()), headers));
        assert_eq!(contents["k2"], (None, Vec::new()));
        for n in 0..50 {
            let value = format!("value that repeats itself {n}");
            assert_eq!(contents[&format!("key-{n}")], (Some(value), Vec::new()));
        }
        for record in kafka.records("orders") {
            assert_eq!(record.compression, codec);
            assert_eq!(record.timestamp_type, TimestampType::CreateTime);
            assert!(
                record.producer.is_some(),
                "Java's producer is idempotent by default"
            );
        }
    }
}

const COUNT: usize = 4000;

/// Runs Java's verifiable producer: the numbers from 0, in order, without keys. By itself it does
/// not retry, so that Java's defaults must be given back to it. Its batches are small, so that there
/// are many.
fn verifiable(kafka: &MockCluster) -> String {
    let mut config = tempfile::NamedTempFile::new().unwrap();
    write!(
        config,
        "enable.idempotence=true\nretries=2147483647\nbatch.size=300\n"
    )
    .unwrap();
    let mut producer = java("org.apache.kafka.tools.VerifiableProducer");
    producer.args([
        "--bootstrap-server",
        &kafka.bootstrap_servers(),
        "--topic",
        "orders",
    ]);
    producer.args(["--max-messages", &COUNT.to_string(), "--throughput", "1000"]);
    producer.arg("--command-config").arg(config.path());
    output(&mut producer, "")
}

/// Java's client authenticates again and again, as every session ends after two seconds.
#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_producer_authenticates_by_each_mechanism() {
    let scram = "scram.ScramLoginModule required username=alice password=alice-secret;";
    let plain = "plain.PlainLoginModule required username=alice password=alice-secret;";
    let token = "oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=alice;";
    let logins = [scram, scram, plain, token];
    let mechanisms = [
        SaslMechanism::ScramSha256,
        SaslMechanism::ScramSha512,
        SaslMechanism::Plain,
        SaslMechanism::OAuthBearer,
    ];
    for (mechanism, login) in mechanisms.into_iter().zip(logins) {
        let sasl = SaslConfig::new([mechanism]).with_user("alice", "alice-secret");
        let sasl = sasl.with_max_reauth(Duration::from_secs(2));
        let kafka = MockCluster::builder().sasl(sasl).topic("orders", 1);
        let kafka = kafka.start_blocking().unwrap();
        let mut config = tempfile::NamedTempFile::new().unwrap();
        let name = mechanism.name();
        writeln!(
            config,
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism={name}\n\
             sasl.jaas.config=org.apache.kafka.common.security.{login}"
        )
        .unwrap();
        let mut producer = java("org.apache.kafka.tools.VerifiableProducer");
        producer.args(["--bootstrap-server", &kafka.bootstrap_servers()]);
        // Five seconds from its start: on a busy machine it needs some of them to begin.
        producer.args(["--topic", "orders", "--max-messages", "100"]);
        producer.args(["--throughput", "20", "--command-config"]);
        let printed = output(producer.arg(config.path()), "");
        let acknowledged = printed.matches("producer_send_success").count();
        assert_eq!(
            (acknowledged, kafka.records("orders").len()),
            (100, 100),
            "{name}: {printed}"
        );
        let seen = kafka.requests();
        // Java's client asks for versions before and after it authenticates on a new connection.
        let count = |api| seen.iter().filter(|it| it.api == api).count();
        let connections = count(ApiKey::API_VERSIONS) / 2;
        assert!(
            count(ApiKey::SASL_HANDSHAKE) > connections,
            "{name}: {seen:?}"
        );
    }
}

/// Java's producer says that each of its records was acknowledged.
fn assert_all_acknowledged(printed: &str) {
    let failed = printed
        .lines()
        .find(|it| it.contains("producer_send_error"));
    assert_eq!(failed, None, "what Java's producer says of one that failed");
    assert_eq!(printed.matches("producer_send_success").count(), COUNT);
}

/// Every number is there once, in order per partition, and so are the sequences.
fn assert_exactly_once(records: &[MockRecord]) {
    let mut partitions: BTreeMap<i32, Vec<&MockRecord>> = BTreeMap::new();
    for record in records {
        partitions.entry(record.partition).or_default().push(record);
    }
    let number = |record: &MockRecord| {
        std::str::from_utf8(record.value.as_ref().unwrap())
            .unwrap()
            .parse::<usize>()
            .unwrap()
    };
    for (partition, records) in &partitions {
        assert!(
            records.is_sorted_by_key(|record| number(record)),
            "partition {partition}"
        );
        for (sequence, record) in records.iter().enumerate() {
            let stamp = record.producer.expect("idempotent by default");
            assert_eq!((stamp.epoch, stamp.sequence), (0, sequence as i32));
        }
    }
    let mut numbers: Vec<_> = records.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_idempotent_producer_numbers_its_records() {
    let kafka = MockCluster::builder()
        .brokers(3)
        .topic("orders", 3)
        .start_blocking()
        .unwrap();
    let printed = verifiable(&kafka);
    assert_all_acknowledged(&printed);
    assert_exactly_once(&kafka.records("orders"));
    assert!(
        kafka
            .requests()
            .iter()
            .any(|it| it.api == ApiKey::INIT_PRODUCER_ID)
    );
}

/// Each of the faults strikes once in each partition. Returns when all have, and each partition has
/// this many more records.
fn strike(kafka: &MockCluster, faults: &[Fault], more: i64) {
    let targets = faults.iter().flat_map(|fault| {
        let fault = fault.clone().api(ApiKey::PRODUCE);
        (0..3).map(move |partition| fault.clone().partition("orders", partition))
    });
    targets.for_each(|fault| kafka.inject(fault));
    wait_until(kafka, |cluster| cluster.pending_faults().is_empty());
    let ends = kafka.with_cluster(|cluster| ends(cluster));
    wait_until(kafka, |cluster| {
        let pairs = ends.iter().zip(self::ends(cluster));
        pairs.into_iter().all(|(before, now)| now >= before + more)
    });
}

/// Waits for something that can only come with further records.
fn wait_until(kafka: &MockCluster, mut holds: impl FnMut(&Cluster) -> bool) {
    loop {
        let count = kafka.with_cluster(|cluster| cluster.record_count("orders"));
        if kafka.with_cluster(|cluster| holds(cluster)) {
            return;
        }
        let more = kafka.wait_for_records_blocking("orders", count + 1, TIME_LIMIT);
        more.unwrap();
    }
}

/// Where the log of each partition ends.
fn ends(cluster: &Cluster) -> Vec<i64> {
    let facts = (0..3).map(|partition| cluster.partition_facts("orders", partition).unwrap());
    facts.map(|facts| facts.log_end).collect()
}

/// Java's producer cannot survive every mixture of faults. If a batch is refused while more than five
/// later ones are appended, or all of them by a broker that does not know the producer yet, the batch
/// is out of order for good, and Java sends it again until `delivery.timeout.ms`. So the brokers know
/// the producer first, and one kind of faults is over before the next begins.
#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_idempotent_producer_survives_faults_without_duplicates() {
    let kafka = MockCluster::builder()
        .brokers(3)
        .topic("orders", 3)
        .start_blocking()
        .unwrap();
    let refused = [
        Fault::refuse(ErrorCode::NOT_ENOUGH_REPLICAS),
        Fault::refuse(ErrorCode::NOT_LEADER_OR_FOLLOWER),
    ];
    let misreported = [Fault::misreport(ErrorCode::REQUEST_TIMED_OUT)];
    let disconnected = [
        Fault::disconnect(When::AfterHandling),
        Fault::disconnect(When::BeforeHandling),
    ];
    let printed = thread::scope(|scope| {
        let producer = scope.spawn(|| verifiable(&kafka));
        strike(&kafka, &[], 1);
        strike(&kafka, &refused, 1);
        strike(&kafka, &misreported, TEN_BATCHES);
        strike(&kafka, &disconnected, 1);
        kafka.kill_broker(BrokerId(2)).unwrap();
        kafka.with_cluster(|cluster| {
            for partition in 0..3 {
                // To where it is already, for one of them.
                cluster
                    .move_leader("orders", partition, BrokerId(3))
                    .unwrap();
            }
        });
        kafka.restart_broker(BrokerId(2)).unwrap();
        producer.join().unwrap()
    });
    assert_all_acknowledged(&printed);
    assert_exactly_once(&kafka.records("orders"));
}

/// More records than a partition gets while a batch is sent for the second time: five before it and
/// four behind it.
const TEN_BATCHES: i64 = 260;

#[test]
#[ignore = "needs Java and kcat: run by cargo xtask ci kafka"]
fn javas_tools_manage_topics_and_find_offsets() {
    let kafka = MockCluster::builder().brokers(3).start_blocking().unwrap();
    let servers = kafka.bootstrap_servers();
    let topics = |args: &[&str]| {
        let mut tool = java("org.apache.kafka.tools.TopicCommand");
        output(tool.args(["--bootstrap-server", &servers]).args(args), "")
    };
    topics(&[
        "--create",
        "--topic",
        "made",
        "--partitions",
        "4",
        "--config",
        "retention.ms=99",
    ]);
    assert_eq!(
        kafka.with_cluster(|cluster| cluster.partitions("made")),
        Some(4)
    );
    assert_eq!(topics(&["--list"]).trim(), "made");
    let described = topics(&["--describe", "--topic", "made"]);
    assert!(described.contains("PartitionCount: 4"), "{described}");
    assert!(described.contains("retention.ms=99"), "{described}");
    topics(&["--delete", "--topic", "made"]);
    assert_eq!(
        kafka.with_cluster(|cluster| cluster.partitions("made")),
        None
    );

    let (kafka, written) = written::cluster();
    let mut offsets = java("org.apache.kafka.tools.GetOffsetShell");
    offsets.args([
        "--bootstrap-server",
        &kafka.bootstrap_servers(),
        "--topic",
        "orders",
    ]);
    let half = written.len() / 2;
    assert_eq!(
        output(&mut offsets, "").trim(),
        format!("orders:0:{half}\norders:1:{half}")
    );
}
