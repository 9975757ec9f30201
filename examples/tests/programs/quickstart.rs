//! The first thing a newcomer runs works, with and without a Kafka.

use std::io::Write as _;

use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_mock::{MockCluster, MockRecord};

use crate::{cluster, run, text};

const QUICKSTART: &str = env!("CARGO_BIN_EXE_quickstart");

#[test]
fn quickstart_needs_nothing_and_prints_the_offset_of_each_record() {
    let ended = run(QUICKSTART, &[]);
    assert!(ended.status.success(), "{ended:?}");
    for how in ["synchronous: ", "callback: ", "one of many: "] {
        let line = text(&ended.stdout)
            .lines()
            .find(|line| line.starts_with(how));
        let line = line.unwrap_or_else(|| panic!("no {how}in {ended:?}"));
        assert!(
            line.contains(": orders-") && line.contains(", offset "),
            "{line}"
        );
    }
    assert!(
        text(&ended.stdout).contains("1 delivered, 0 failed, 0 unknown"),
        "{ended:?}"
    );
}

#[test]
fn quickstart_writes_to_the_cluster_and_topic_that_are_named() {
    let kafka = cluster("t");
    let servers = kafka.bootstrap_servers();
    let ended = run(
        QUICKSTART,
        &["--bootstrap-server", &servers, "--topic", "t"],
    );
    assert!(ended.status.success(), "{ended:?}");
    let records = kafka.records("t");
    assert_eq!(records.len(), 9);
    let coffee = of_key(&records, b"customer-8");
    let [coffee] = coffee.as_slice() else {
        panic!("one coffee: {coffee:?}");
    };
    let names: Vec<_> = coffee
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["source", "trace-id"]);
    let water = records
        .iter()
        .find(|record| record.value.as_deref() == Some(b"3 x water"));
    assert_eq!(water.unwrap().partition, 0);
    let juices = of_key(&records, b"customer-9");
    let values: Vec<_> = juices
        .iter()
        .map(|record| record.value.as_deref().unwrap())
        .collect();
    let expected = [1, 2, 3, 4, 5].map(|cups| format!("{cups} x juice"));
    assert_eq!(values, expected.each_ref().map(String::as_bytes));
}

#[test]
fn quickstart_logs_in_as_a_properties_file_says() {
    let sasl = SaslConfig::new([SaslMechanism::Plain]).with_user("alice", "alice-secret");
    let builder = MockCluster::builder().sasl(sasl).topic("t", 1);
    let kafka = builder.start_blocking().unwrap();
    let mut config = tempfile::NamedTempFile::new().unwrap();
    write!(
        config,
        "bootstrap.servers={}\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
         sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"alice\" password=\"alice-secret\";\n",
        kafka.bootstrap_servers()
    )
    .unwrap();
    let path = config.path().to_str().unwrap();
    let arguments = ["--config", path, "--topic", "t"];
    let ended = run(QUICKSTART, &arguments);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(kafka.records("t").len(), 9);
}

fn of_key<'a>(records: &'a [MockRecord], key: &[u8]) -> Vec<&'a MockRecord> {
    let of_it = |record: &&MockRecord| record.key.as_deref() == Some(key);
    records.iter().filter(of_it).collect()
}

#[test]
fn quickstart_says_what_is_wrong_with_its_arguments() {
    for (arguments, what) in [
        (&["--tpoic", "t"][..], "--tpoic"),
        (&["--topic"], "--topic needs a value"),
        (&["--config", "no/such/file"], "no/such/file"),
    ] {
        let ended = run(QUICKSTART, arguments);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(text(&ended.stderr).contains(what), "{ended:?}");
    }
    let ended = run(QUICKSTART, &["--help"]);
    assert!(ended.status.success() && text(&ended.stdout).contains("--bootstrap-server"));
}
