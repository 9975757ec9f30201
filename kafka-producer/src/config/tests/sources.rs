//! Where settings come from, and which of several counts.

use super::*;

fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, content).unwrap();
    file
}

fn properties(pairs: &[(&str, &str)]) -> ProducerConfig {
    ProducerConfig::from_properties(pairs.iter().copied())
}

#[test]
fn a_properties_file_is_read_and_overridden() {
    let file = file(b"# a file\nbootstrap.servers=a:1\nlinger.ms 7\nacks = all\n");
    let config = ProducerConfig::from_properties_file(file.path()).unwrap();
    let settings = config.set("linger.ms", "8").check().unwrap().settings;
    assert_eq!(settings.accumulator.linger, Duration::from_millis(8));
    assert_eq!(settings.bootstrap[0].to_string(), "a:1");
}

#[test]
fn a_properties_file_is_latin_1_unless_the_caller_says_that_it_is_utf_8() {
    let latin = file(b"client.id=h\xf6st\n");
    let config = ProducerConfig::from_properties_file(latin.path()).unwrap();
    assert_eq!(config, properties(&[("client.id", "h\u{f6}st")]));
    let utf8 = file("client.id=h\u{f6}st\n".as_bytes());
    let config = ProducerConfig::from_utf8_properties_file(utf8.path()).unwrap();
    assert_eq!(config, properties(&[("client.id", "h\u{f6}st")]));
    let config = ProducerConfig::from_properties_file(utf8.path()).unwrap();
    assert_eq!(config, properties(&[("client.id", "h\u{c3}\u{b6}st")]));
}

#[test]
fn a_file_that_is_not_utf_8_is_an_error_that_names_it() {
    let file = file(b"client.id=h\xf6st\n");
    let error = ProducerConfig::from_utf8_properties_file(file.path()).unwrap_err();
    let path = file.path().display();
    assert_eq!(
        error.to_string(),
        format!("cannot read {path}: it is not UTF-8")
    );
}

#[test]
fn a_later_value_replaces_an_earlier_one() {
    let mut config = properties(&[("acks", "0"), ("acks", "1")]);
    assert_eq!(config, properties(&[("acks", "1")]));
    config.extend([("acks", "all")]);
    assert_eq!(config, properties(&[("acks", "all")]));
}

#[test]
fn a_later_source_counts_by_whatever_name_it_calls_a_setting() {
    let merged = |earlier: &[(&str, &str)], later: &[(&str, &str)]| {
        properties(earlier).merge(properties(later))
    };
    let check = |earlier, later, expected: &[(&str, &str)]| {
        assert_eq!(merged(&[earlier], &[later]), properties(expected));
    };
    let (old, new) = (("queue.buffering.max.ms", "5"), ("linger.ms", "20"));
    check(old, new, &[new]);
    check(new, old, &[old]);
    check(
        ("metadata.fetch.timeout.ms", "1"),
        ("block.on.buffer.full", "true"),
        &[("block.on.buffer.full", "true")],
    );
    check(
        ("sasl.password", "a"),
        ("sasl.username", "b"),
        &[("sasl.username", "b"), ("sasl.password", "a")],
    );
    check(
        ("sasl.password", "a"),
        ("sasl.jaas.config", "b"),
        &[("sasl.jaas.config", "b")],
    );
    check(
        ("sasl.jaas.config", "b"),
        ("sasl.password", "a"),
        &[("sasl.password", "a")],
    );
    check(
        ("log_level", "7"),
        ("debug", "all"),
        &[("log_level", "7"), ("debug", "all")],
    );
    assert_eq!(
        properties(&[old]).linger(Duration::from_millis(20)),
        properties(&[new])
    );
}

#[test]
fn names_that_come_together_are_left_for_the_check_to_compare() {
    let config = properties(&[("queue.buffering.max.ms", "5"), ("linger.ms", "20")]);
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("contradicts linger.ms"), "{error}");
}

#[test]
fn the_environment_is_a_source_over_a_file() {
    let variables = [
        ("KAFKA_PRODUCER_LINGER_MS", "9"),
        ("KAFKA_PRODUCER_LOG__LEVEL", "7"),
    ];
    let environment = ProducerConfig::from_variables("KAFKA_PRODUCER_", variables).unwrap();
    let config = properties(&[("acks", "1"), ("linger.ms", "7")]).merge(environment);
    assert_eq!(
        config,
        properties(&[("acks", "1"), ("linger.ms", "9"), ("log_level", "7")])
    );
    assert_eq!(
        ProducerConfig::from_environment("NO VARIABLE ").unwrap(),
        ProducerConfig::new()
    );
}

#[test]
fn names_of_plugins_stay_unless_a_later_source_has_some() {
    let named = |name: &str| {
        let make = || kafka_partition::RoundRobinPartitioner;
        ProducerConfig::new().plugins(Plugins::new().partitioner(name, make))
    };
    let class = |name: &str| properties(&[("partitioner.class", name)]);
    let server = || properties(&[("bootstrap.servers", "localhost:9092")]);
    assert!(named("a").merge(class("a")).merge(server()).check().is_ok());
    let both = named("a").merge(named("b")).merge(server());
    assert!(both.clone().merge(class("b")).check().is_ok());
    assert!(both.merge(class("a")).check().is_err());
}
