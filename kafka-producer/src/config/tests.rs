//! The rules between properties, one sentence each.

#[cfg(feature = "oauth-oidc")]
mod oauth;
mod codecs;
mod interceptors;
mod other_names;
mod providers;
mod sources;
mod security;
mod servers;

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::settings::{Adaptive, BackoffRange, Guarantee, Settings, TransactionSettings};
use super::*;

fn config(pairs: &[(&str, &str)]) -> ProducerConfig {
    let mut config = ProducerConfig::new().bootstrap_servers(["localhost:9092"]);
    config.extend(pairs.iter().copied());
    config
}

fn accepted(pairs: &[(&str, &str)]) -> Checked {
    config(pairs)
        .check()
        .unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    accepted(pairs).settings
}

/// The settings, if nothing is odd about them.
fn silently(pairs: &[(&str, &str)]) -> Settings {
    let checked = accepted(pairs);
    assert_eq!(checked.warnings, [], "{pairs:?}");
    checked.settings
}

fn warned(pairs: &[(&str, &str)], warnings: &[&str]) -> Settings {
    let checked = accepted(pairs);
    let found: Vec<String> = checked.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(found, warnings, "{pairs:?}");
    checked.settings
}

/// Asserts what is wrong, whatever is odd besides.
fn refused(pairs: &[(&str, &str)], message: &str) {
    let error = config(pairs).check().unwrap_err();
    let problems: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
    assert_eq!(problems.join("\n"), message, "{pairs:?}");
}

fn range(initial_ms: u64, max_ms: u64) -> BackoffRange {
    let [initial, max] = [initial_ms, max_ms].map(Duration::from_millis);
    BackoffRange { initial, max }
}

const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";

#[test]
fn idempotence_is_on_by_default() {
    assert_eq!(silently(&[]).guarantee, Guarantee::Idempotent);
    assert_eq!(
        silently(&[("acks", "-1"), ("retries", "1")]).guarantee,
        Guarantee::Idempotent
    );
}

#[test]
fn idempotence_by_default_gives_way_to_acks_and_retries() {
    let off = "enable.idempotence is off, because";
    let why = "records that are sent again may be duplicated or reordered";
    let leader = warned(&[("acks", "1")], &[&format!("{off} acks=1: {why}")]);
    assert_eq!(leader.guarantee, Guarantee::Plain(Acks::Leader));
    let why = "a record is sent once, and lost if that fails";
    let once = warned(&[("retries", "0")], &[&format!("{off} retries=0: {why}")]);
    assert_eq!(once.guarantee, Guarantee::Plain(Acks::All));
}

#[test]
fn idempotence_asked_for_refuses_what_it_cannot_go_with() {
    let idempotent = ("enable.idempotence", "true");
    let acks = "acks=\"0\": must be all, because enable.idempotence=true";
    refused(&[idempotent, ("acks", "0")], acks);
    let retries = "retries=\"0\": must be at least 1, because enable.idempotence=true";
    refused(&[idempotent, ("retries", "0")], retries);
}

#[test]
fn transactions_need_idempotence_and_name_the_client() {
    let id = ("transactional.id", "t");
    let settings = silently(&[id, ("transaction.timeout.ms", "1000")]);
    let transactional = TransactionSettings {
        id: "t".into(),
        timeout: Duration::from_secs(1),
        two_phase_commit: false,
    };
    assert_eq!(settings.guarantee, Guarantee::Transactional(transactional));
    assert_eq!(&*settings.client_id, "producer-t");
    let off = "enable.idempotence=\"false\": must be true, because transactional.id=t";
    refused(&[id, ("enable.idempotence", "false")], off);
    let acks = "acks=\"1\": must be all, because transactional.id=t";
    refused(&[id, ("acks", "1")], acks);
    let retries = "retries=\"0\": must be at least 1, because transactional.id=t";
    refused(&[id, ("retries", "0")], retries);
    let too_long = "x".repeat(32_768);
    let message = format!("transactional.id=\"{too_long}\": must be at most 32767 bytes");
    refused(&[("transactional.id", &too_long)], &message);
}

/// As Java's client.
#[test]
fn transactions_that_may_be_prepared_have_no_timeout() {
    let id = ("transactional.id", "t");
    let two_phase = ("transaction.two.phase.commit.enable", "true");
    let settings = silently(&[id, two_phase]);
    let transactional = settings.guarantee.transactional();
    assert!(transactional.is_some_and(|settings| settings.two_phase_commit));
    refused(
        &[id, two_phase, ("transaction.timeout.ms", "60000")],
        "transaction.timeout.ms=\"60000\": must be left out, because \
         transaction.two.phase.commit.enable=true: such transactions never time out",
    );
    silently(&[("transaction.timeout.ms", "1000"), two_phase]);
}

#[test]
fn an_error_lists_what_is_odd_besides() {
    let odd = [
        ("linger.ms", "soon"),
        ("max.in.flight.requests.per.connections", "1"),
        ("acks", "1"),
    ];
    let error = config(&odd).check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "linger.ms=\"soon\": must be a whole number from 0 to 9223372036854775807\n\
         warning: unknown property \"max.in.flight.requests.per.connections\" is ignored: \
         did you mean max.in.flight.requests.per.connection?\n\
         warning: enable.idempotence is off, because acks=1: records that are sent again may be \
         duplicated or reordered"
    );
    assert_eq!((error.problems().len(), error.warnings().len()), (1, 2));
}

#[test]
fn a_number_of_replicas_as_acks_is_answered_with_all() {
    for acks in ["2", " 3 "] {
        let message = format!(
            "acks={acks:?}: must be one of all, -1, 0, 1; for more replicas than the leader: all"
        );
        refused(&[("acks", acks)], &message);
    }
    refused(
        &[("acks", "-2")],
        "acks=\"-2\": must be one of all, -1, 0, 1",
    );
}

#[test]
fn the_longest_transactional_id_leaves_the_client_one_that_can_be_sent() {
    let longest = "x".repeat(32_767);
    let client_id = silently(&[("transactional.id", &longest)]).client_id;
    assert!(client_id.len() < 100, "{} bytes", client_id.len());
}

#[test]
fn idempotence_never_gives_way_to_many_requests_in_flight() {
    let message =
        format!("{IN_FLIGHT}=\"6\": must be at most 5, because enable.idempotence is not false");
    refused(&[(IN_FLIGHT, "6")], &message);
    refused(
        &[(IN_FLIGHT, "6"), ("enable.idempotence", "true")],
        &message,
    );
    refused(&[(IN_FLIGHT, "6"), ("acks", "1")], &message); // as Kafka does, though it is off then
    let many = silently(&[(IN_FLIGHT, "6"), ("enable.idempotence", "false")]);
    assert_eq!(
        (many.max_in_flight, many.guarantee),
        (6, Guarantee::Plain(Acks::All))
    );
}

#[test]
fn a_default_delivery_timeout_is_raised_to_linger_and_request_timeout() {
    let message =
        "delivery.timeout.ms is raised to 130000, the sum of linger.ms and request.timeout.ms";
    let raised = warned(&[("linger.ms", "100000")], &[message]);
    assert_eq!(raised.delivery_timeout, Duration::from_millis(130_000));
}

#[test]
fn an_explicit_delivery_timeout_below_linger_and_request_timeout_is_refused() {
    let message = "delivery.timeout.ms=\"30004\": must be at least 30005, \
                   because linger.ms + request.timeout.ms is 5 + 30000";
    refused(&[("delivery.timeout.ms", "30004")], message);
    silently(&[("delivery.timeout.ms", "30005")]);
}

#[test]
fn sums_beyond_an_int_count_as_the_greatest_int() {
    let greatest = Duration::from_millis(2_147_483_647);
    let huge = ("linger.ms", "9223372036854775807");
    let request = ("request.timeout.ms", "2147483647");
    let settings = settings(&[huge, request]);
    assert_eq!(
        (settings.accumulator.linger, settings.delivery_timeout),
        (greatest, greatest)
    );
    silently(&[huge, request, ("delivery.timeout.ms", "2147483647")]);
}

#[test]
fn a_reconnect_backoff_alone_does_not_grow() {
    let message = "reconnect.backoff.ms does not grow with each failure: the time is always 10 ms";
    let fixed = warned(&[("reconnect.backoff.ms", "10")], &[message]);
    assert_eq!(fixed.reconnect_backoff, range(10, 10));
    let both = silently(&[
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "1000"),
    ]);
    assert_eq!(both.reconnect_backoff, range(10, 1000));
    assert_eq!(
        silently(&[("reconnect.backoff.max.ms", "70")]).reconnect_backoff,
        range(50, 70)
    );
}

#[test]
fn a_first_backoff_above_the_greatest_counts_as_that() {
    let message = "retry.backoff.ms does not grow with each failure: the time is always 1000 ms";
    assert_eq!(
        warned(&[("retry.backoff.ms", "2000")], &[message]).retry_backoff,
        range(1000, 1000)
    );
    assert_eq!(
        silently(&[("retry.backoff.ms", "1000")]).retry_backoff,
        range(1000, 1000)
    );
}

#[test]
fn a_connection_setup_without_time_is_accepted_with_a_warning() {
    let name = "socket.connection.setup.timeout.ms";
    let message = format!("{name} leaves no time: no connection will ever be set up");
    for value in ["0", "-1"] {
        assert_eq!(
            warned(&[(name, value)], &[&message]).connection_setup,
            range(0, 30_000)
        );
    }
}

#[test]
fn negative_numbers_switch_off_idle_closing_and_buffer_sizes() {
    let pairs = [
        ("connections.max.idle.ms", "-1"),
        ("send.buffer.bytes", "-1"),
        ("receive.buffer.bytes", "-1"),
    ];
    let settings = silently(&pairs);
    assert_eq!(settings.connections_max_idle, None);
    assert_eq!(
        (settings.send_buffer_bytes, settings.receive_buffer_bytes),
        (None, None)
    );
    assert_eq!(
        silently(&[]).connections_max_idle,
        Some(Duration::from_secs(540))
    );
}

#[test]
fn producers_without_a_client_id_are_numbered() {
    let [first, second] = [settings(&[]), settings(&[])].map(|settings| {
        settings
            .client_id
            .strip_prefix("producer-")
            .unwrap()
            .parse::<u64>()
            .unwrap()
    });
    assert!(0 < first && first < second);
    assert_eq!(&*settings(&[("client.id", " mine ")]).client_id, "mine");
    assert_eq!(&*settings(&[("client.id", "")]).client_id, "");
}

#[test]
fn a_client_id_that_the_protocol_cannot_carry_is_refused() {
    silently(&[("client.id", &"x".repeat(32_767))]);
    let too_long = "x".repeat(32_768);
    refused(
        &[("client.id", &too_long)],
        &format!("client.id=\"{too_long}\": must be at most 32767 bytes"),
    );
}

#[test]
fn ignoring_keys_makes_the_default_partitioner_sticky_for_all_records() {
    let of = |pairs: &[(&str, &str)]| accepted(pairs).partitioner();
    let ignoring = ("partitioner.ignore.keys", "true");
    let round_robin = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    assert_eq!(of(&[]), PartitionerClass::Default);
    assert_eq!(of(&[ignoring]), PartitionerClass::UniformSticky);
    assert_eq!(
        of(&[ignoring, ("partitioner.class", round_robin)]),
        PartitionerClass::RoundRobin
    );
    assert!(
        config(&[("partitioner.class", "com.example.Mine")])
            .check()
            .is_err()
    );
}

#[test]
fn partitioner_class_may_be_a_name_of_the_programs_own() {
    let plugins = Plugins::new()
        .partitioner("com.example.Mine", || {
            kafka_partition::RoundRobinPartitioner
        })
        .partitioner("default", || kafka_partition::RoundRobinPartitioner);
    for class in ["com.example.Mine", "default"] {
        let config = config(&[("partitioner.class", class)]).plugins(plugins.clone());
        let checked = config.check().unwrap();
        assert_eq!(
            (checked.partitioner(), checked.warnings()),
            (PartitionerClass::Plugin, &[][..])
        );
    }
    let config = config(&[("partitioner.class", "com.example.Other")]).plugins(plugins);
    let error = config.check().unwrap_err().to_string();
    assert!(
        error.ends_with("or a name of Plugins: com.example.Mine, default"),
        "{error}"
    );
    refused(
        &[("partitioner.class", "kafka.producer.DefaultPartitioner")],
        "partitioner.class=\"kafka.producer.DefaultPartitioner\": must be left unset, or a class of today, \
         because the first producer hashed keys in another way, and they would go to other partitions than \
         before",
    );
}

#[test]
fn partitions_are_weighed_unless_that_is_off_and_by_racks_if_that_is_on() {
    let of = |pairs: &[(&str, &str)]| accepted(pairs).settings.partitioning;
    let timeout = ("partitioner.availability.timeout.ms", "1500");
    let on = |availability_timeout| Adaptive::On {
        availability_timeout,
    };
    assert_eq!(of(&[]).adaptive, on(None));
    let longest = Some(Duration::from_millis(1_500));
    assert_eq!(of(&[timeout]).adaptive, on(longest));
    let off = ("partitioner.adaptive.partitioning.enable", "false");
    assert_eq!(of(&[off, timeout]).adaptive, Adaptive::Off);
    let rack = ("client.rack", "r1");
    let aware = ("partitioner.rack.aware", "true");
    assert_eq!(of(&[rack]).own_rack, None);
    assert_eq!(of(&[rack, aware]).own_rack.as_deref(), Some("r1"));
    for rack in [&[aware][..], &[aware, ("client.rack", " ")]] {
        refused(
            rack,
            "client.rack is required: the rack of this producer, because of partitioner.rack.aware=true",
        );
    }
}

#[test]
fn the_level_is_that_of_the_codec() {
    let levels = [
        ("compression.gzip.level", "2"),
        ("compression.zstd.level", "-7"),
    ];
    let level = |codec| config(&levels).set("compression.type", codec).check();
    for (codec, expected) in [("gzip", 2), ("lz4", 9), ("zstd", -7)] {
        match level(codec) {
            Ok(checked) => assert_eq!(checked.settings.codecs.of("t").level.number(), expected),
            Err(error) => assert!(error.to_string().contains("is not built in"), "{error}"),
        }
    }
}

#[cfg(all(feature = "lz4", not(feature = "lz4-hc")))]
#[test]
fn a_slow_level_of_lz4_is_refused_without_its_feature_if_lz4_is_used() {
    let level = ("compression.lz4.level", "3");
    silently(&[level]);
    refused(
        &[level, ("compression.type", "lz4")],
        "compression.lz4.level=\"3\": must be 9, because lz4 has no level 3: 9; 1 to 17 with the \
         feature `lz4-hc` of kafka-wire",
    );
}

#[test]
fn what_is_set_to_its_default_is_not_spoken_of() {
    silently(&[
        ("security.protocol", "plaintext"),
        ("metadata.recovery.strategy", "Rebootstrap"),
        ("interceptor.classes", ""),
        ("ssl.enabled.protocols", "TLSv1.2, TLSv1.3"),
        ("sasl.login.refresh.window.factor", "0.80"),
        ("ssl.truststore.location", ""),
    ]);
}

#[test]
fn what_has_no_effect_is_warned_of_and_still_checked() {
    let message = "security.providers has no effect: it configures a Java virtual machine";
    warned(
        &[("security.providers", "com.example.Provider")],
        &[message],
    );
    refused(
        &[("metrics.num.samples", "0")],
        "metrics.num.samples=\"0\": must be a whole number from 1 to 2147483647",
    );
}

#[test]
fn unknown_names_are_warned_of_with_the_nearest_known_one() {
    warned(
        &[("acls", "1")],
        &["unknown property \"acls\" is ignored: did you mean acks?"],
    );
    warned(
        &[("group.id", "g")],
        &["unknown property \"group.id\" is ignored"],
    );
}

#[test]
fn all_problems_are_told_at_once_one_a_line() {
    let error = config(&[
        ("acks", "2"),
        ("retries", "many"),
        ("delivery.timeout.ms", "1"),
        ("compression.gzip.level", "0"),
        ("bootstrap.servers", "nowhere"),
    ]);
    let error = error.check().unwrap_err().to_string();
    let expected = [
        "acks=\"2\": must be one of all, -1, 0, 1; for more replicas than the leader: all",
        "compression.gzip.level=\"0\": must be a whole number from 1 to 9, or -1",
        "retries=\"many\": must be a whole number from 0 to 2147483647",
        "bootstrap.servers=\"nowhere\": must be host:port, with an IPv6 address in brackets \
         and a port from 1 to 65535",
        "delivery.timeout.ms=\"1\": must be at least 30005, \
         because linger.ms + request.timeout.ms is 5 + 30000",
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_invalid_value_is_not_blamed_twice() {
    let [linger, delivery] = [("linger.ms", "x"), ("delivery.timeout.ms", "1")];
    let numbers = "must be a whole number from 0 to 9223372036854775807";
    refused(&[linger, delivery], &format!("linger.ms=\"x\": {numbers}"));
    let idempotence = ("enable.idempotence", "maybe");
    let message = "enable.idempotence=\"maybe\": must be true or false";
    refused(
        &[
            idempotence,
            ("acks", "0"),
            ("retries", "0"),
            (IN_FLIGHT, "6"),
        ],
        message,
    );
}

#[test]
fn a_value_with_line_breaks_stays_on_its_line() {
    let error = config(&[("acks", "1\nx")]).check().unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn every_default_is_allowed_and_every_name_is_there_once() {
    for property in ProducerConfig::properties() {
        assert!(
            property.default.is_none() || property.default_value().is_some(),
            "{property}"
        );
        let same_name = ProducerConfig::properties().filter(|other| other.name == property.name);
        assert_eq!(same_name.count(), 1, "{property}");
        if let Some(default) = property.default.filter(|default| !default.is_empty()) {
            assert!(
                config(&[(property.name, default)]).check().is_ok(),
                "{property}"
            );
        }
    }
}

#[test]
fn a_password_is_never_shown() {
    let config = ProducerConfig::new()
        .set("sasl.jaas.config", "secret")
        .set("my.password", "secret")
        .set("acks", "1");
    assert!(!format!("{config:?}").contains("secret"));
    assert!(format!("{config:?}").contains("\"acks\": \"1\""));
    let config = config.set("security.protocol", "SASL_SSL");
    assert!(!config.check().unwrap_err().to_string().contains("secret"));
}

/// Values at the edges of every kind, and texts.
fn value() -> impl Strategy<Value = String> {
    let edges = [
        "-1",
        "0",
        "1",
        "5",
        "2147483647",
        "2147483648",
        "9223372036854775807",
        "true",
        "",
    ];
    prop_oneof![
        prop::sample::select(edges.to_vec()).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,12}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = ProducerConfig::properties()
        .map(|property| property.name)
        .collect();
    prop_oneof![20 => prop::sample::select(names).prop_map(str::to_owned), 1 => ".{0,100}"]
}

proptest! {
    #[test]
    fn no_configuration_makes_the_check_panic(
        pairs in prop::collection::vec((name(), value()), 0..12)
    ) {
        let _ = ProducerConfig::from_properties(pairs).check().map_err(|error| error.to_string());
    }

    #[test]
    fn every_accepted_time_can_be_added_to_now(
        name in prop::sample::select(vec![
            "linger.ms", "max.block.ms", "connections.max.idle.ms", "metadata.max.age.ms",
            "metadata.max.idle.ms", "reconnect.backoff.ms", "retry.backoff.max.ms",
            "socket.connection.setup.timeout.max.ms", "request.timeout.ms",
        ]),
        millis in prop_oneof![Just(i64::MAX), any::<i64>()],
    ) {
        let Ok(Checked { settings, .. }) = config(&[(name, &millis.to_string())]).check() else {
            return Ok(());
        };
        let times = [
            settings.accumulator.linger,
            settings.max_block,
            settings.request_timeout,
            settings.delivery_timeout,
            settings.retry_backoff.max,
            settings.reconnect_backoff.max,
            settings.connection_setup.max,
            settings.connections_max_idle.unwrap_or_default(),
            settings.metadata_max_age,
            settings.metadata_max_idle,
        ];
        let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        prop_assert!(times.into_iter().all(|time| time <= century));
        let now = Instant::now();
        prop_assert!(times.into_iter().all(|time| now.checked_add(time).is_some()));
        prop_assert!(now.checked_add(times.into_iter().sum()).is_some());
    }
}
