//! The first thing a newcomer runs works, with and without a Kafka.

use kafka_mock::cluster::{SaslConfig, SaslMechanism};
use kafka_mock::{MockCluster, MockRecord};

use crate::cluster;
use crate::lines::{path, properties};
use crate::program::run;

#[test]
fn quickstart_needs_nothing_and_prints_the_offset_of_each_record() {
    let ended = run("quickstart", &[], b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for how in ["synchronous: ", "callback: ", "one of many: "] {
        let line = ended.stdout.lines().find(|line| line.starts_with(how));
        let line = line.unwrap_or_else(|| panic!("no {how}in {ended:?}"));
        assert!(
            line.contains(": orders-") && line.contains(", offset "),
            "{line}"
        );
    }
    assert!(
        ended.stdout.contains("1 delivered, 0 failed, 0 unknown"),
        "{ended:?}"
    );
}

#[test]
fn quickstart_writes_to_the_cluster_and_topic_that_are_named() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let ended = run(
        "quickstart",
        &["--bootstrap-server", &servers, "--topic", "t"],
        b"",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
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
    let config = properties(&format!(
        "bootstrap.servers={}\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
         sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         username=\"alice\" password=\"alice-secret\";\n",
        kafka.bootstrap_servers()
    ));
    let arguments = ["--config", path(&config), "--topic", "t"];
    let ended = run("quickstart", &arguments, b"");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(kafka.records("t").len(), 9);
}

fn of_key<'a>(records: &'a [MockRecord], key: &[u8]) -> Vec<&'a MockRecord> {
    let of_it = |record: &&MockRecord| record.key.as_deref() == Some(key);
    records.iter().filter(of_it).collect()
}
