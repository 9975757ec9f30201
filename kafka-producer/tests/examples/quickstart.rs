//! The first thing a newcomer runs works, with and without a Kafka.

use kafka_mock::MockRecord;

use crate::cluster;
use crate::program::run;

#[test]
fn quickstart_needs_nothing_and_prints_where_each_record_has_come_to_lie() {
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

fn of_key<'a>(records: &'a [MockRecord], key: &[u8]) -> Vec<&'a MockRecord> {
    let of_it = |record: &&MockRecord| record.key.as_deref() == Some(key);
    records.iter().filter(of_it).collect()
}
