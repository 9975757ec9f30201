//! Names of older versions of Kafka, and librdkafka's.

use std::collections::{BTreeMap, BTreeSet};

use super::super::other_names::{self, Meaning};
use super::super::providers::Provided;
use super::super::table;
use super::super::values::Findings;
use super::*;

/// What one other name comes to: `NAME=VALUE` of today, or a message.
fn meaning(name: &str, value: &str) -> String {
    let mut findings = Findings::default();
    let mut given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    if name == "compression.level" {
        given.insert("compression.type".to_owned(), "zstd".to_owned());
    }
    let translated = other_names::translate(&given, &Provided::default(), &mut findings);
    let problems = findings.problems.iter().map(Problem::to_string);
    let warnings = findings.warnings.iter().map(|warning| match warning {
        Warning::OtherName { instead, .. } => instead.clone(),
        other => other.to_string(),
    });
    let told: Vec<String> = problems.chain(warnings).collect();
    let said = translated
        .explicit
        .iter()
        .filter(|(name, _)| !given.contains_key(*name));
    let said: Vec<String> = said
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !said.is_empty() {
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        return said.join(" and ");
    }
    told.join("\n")
}

/// What each name with another meaning than *no effect* and *refused* comes to, with an ordinary value.
const MEANINGS: &[(&str, &str, &str)] = &[
    (
        "metadata.broker.list",
        "a:9092,b:9092",
        "bootstrap.servers=a:9092,b:9092",
    ),
    ("broker.list", "a:9092", "bootstrap.servers=a:9092"),
    ("bootstrap.server", "a:9092", "bootstrap.servers=a:9092"),
    ("request.required.acks", "-1", "acks=-1"),
    ("timeout.ms", "10000", "request.timeout.ms=10000"),
    ("message.send.max.retries", "3", "retries=3"),
    (
        "max.in.flight.request.per.connection",
        "1",
        "max.in.flight.requests.per.connection=1",
    ),
    ("metadata.fetch.timeout.ms", "500", "max.block.ms=500"),
    (
        "block.on.buffer.full",
        "true",
        "max.block.ms=9223372036854775807",
    ),
    (
        "queue.enqueue.timeout.ms",
        "-1",
        "max.block.ms=9223372036854775807",
    ),
    (
        "topic.metadata.refresh.interval.ms",
        "600000",
        "metadata.max.age.ms=600000",
    ),
    ("queue.buffering.max.ms", "50", "linger.ms=50"),
    ("compression.codec", "1", "compression.type=gzip"),
    (
        "key.serializer.class",
        "com.example.Key",
        "key.serializer=com.example.Key",
    ),
    (
        "serializer.class",
        "com.example.Value",
        "value.serializer=com.example.Value",
    ),
    (
        "max.in.flight",
        "1",
        "max.in.flight.requests.per.connection=1",
    ),
    ("message.timeout.ms", "0", "delivery.timeout.ms=2147483647"),
    ("socket.timeout.ms", "60000", "request.timeout.ms=60000"),
    ("message.max.bytes", "1000000", "max.request.size=1000000"),
    (
        "queue.buffering.max.kbytes",
        "1048576",
        "buffer.memory=1073741824",
    ),
    ("socket.send.buffer.bytes", "0", "send.buffer.bytes=0"),
    (
        "socket.receive.buffer.bytes",
        "65536",
        "receive.buffer.bytes=65536",
    ),
    ("partitioner", "murmur2_random", "partitioner.class=default"),
    ("compression.level", "5", "compression.zstd.level=5"),
    (
        "ssl.ca.location",
        "ca.pem",
        "ssl.truststore.location=ca.pem and ssl.truststore.type=PEM",
    ),
    (
        "ssl.ca.pem",
        "PEM",
        "ssl.truststore.certificates=PEM and ssl.truststore.type=PEM",
    ),
    (
        "ssl.certificate.pem",
        "PEM",
        "ssl.keystore.certificate.chain=PEM and ssl.keystore.type=PEM",
    ),
    (
        "ssl.key.pem",
        "PEM",
        "ssl.keystore.key=PEM and ssl.keystore.type=PEM",
    ),
    ("sasl.mechanisms", "PLAIN", "sasl.mechanism=PLAIN"),
    (
        "sasl.oauthbearer.method",
        "oidc",
        "sasl.login.callback.handler.class=\
         org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
    ),
    (
        "sasl.oauthbearer.client.id",
        "me",
        "sasl.oauthbearer.client.credentials.client.id=me",
    ),
    (
        "sasl.oauthbearer.client.secret",
        "mine",
        "sasl.oauthbearer.client.credentials.client.secret=mine",
    ),
    (
        "sasl.oauthbearer.grant.type",
        "client_credentials",
        "sasl.oauthbearer.jwt.retriever.class=\
         org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever",
    ),
    (
        "sasl.oauthbearer.assertion.jwt.template.file",
        "template.json",
        "sasl.oauthbearer.assertion.template.file=template.json",
    ),
];

#[test]
fn every_other_name_means_what_its_row_says() {
    for other in ProducerConfig::other_names() {
        let known = MEANINGS.iter().filter(|(name, _, _)| *name == other.name);
        let known: Vec<_> = known.collect();
        let check = |value: &str, expected: &str| {
            assert_eq!(meaning(other.name, value), expected, "{other}");
        };
        match (other.meaning, &known[..]) {
            (Meaning::NoEffect(reason), []) => {
                check("1", &format!("{} has no effect: {reason}", other.name));
            }
            (Meaning::Refused { unless, reason }, []) => {
                check(unless, "");
                let shown = if other.is_secret { "[hidden]" } else { "x" };
                let unless = if unless.is_empty() {
                    "left unset"
                } else {
                    unless
                };
                let name = other.name;
                check(
                    "x",
                    &format!("{name}={shown:?}: must be {unless}, because {reason}"),
                );
            }
            (_, [(_, value, expected)]) => check(value, expected),
            (
                Meaning::Joined {
                    to: "sasl.jaas.config",
                    ..
                },
                [],
            ) => {}
            _ => panic!("{other}: no line of the test has it"),
        }
    }
    let rows: Vec<_> = ProducerConfig::other_names()
        .map(|other| other.name)
        .collect();
    assert!(MEANINGS.iter().all(|(name, _, _)| rows.contains(name)));
}

#[test]
fn no_name_is_there_twice_or_is_one_of_today() {
    let mut names = BTreeSet::new();
    for other in ProducerConfig::other_names() {
        assert!(names.insert(other.name), "{other}");
        assert!(table::named(other.name).is_none(), "{other}");
        let property = other.today().and_then(table::named);
        let is_joined = matches!(other.meaning, Meaning::Joined { .. });
        assert!(
            other.today().is_none() || property.is_some() || is_joined,
            "{other}"
        );
        let to_password = property.is_some_and(|property| property.kind == Kind::Password);
        assert!(other.is_secret || !to_password, "{other}");
    }
}

#[test]
fn whoever_uses_another_name_is_told_what_to_write() {
    let settings = warned(
        &[("queue.buffering.max.ms", "50")],
        &["queue.buffering.max.ms is an older name: write linger.ms=50"],
    );
    assert_eq!(settings.accumulator.linger, Duration::from_millis(50));
    let settings = warned(
        &[("queue.buffering.max.kbytes", "65536")],
        &["queue.buffering.max.kbytes is librdkafka's name: write buffer.memory=67108864"],
    );
    assert_eq!(settings.accumulator.buffer_memory, 64 << 20);
    warned(
        &[("batch.num.messages", "200")],
        &["batch.num.messages has no effect: a batch is bounded in bytes, by batch.size"],
    );
}

#[test]
fn what_another_name_sets_counts_as_set() {
    refused(
        &[
            ("request.required.acks", "1"),
            ("enable.idempotence", "true"),
        ],
        "acks=\"1\": must be all, because enable.idempotence=true",
    );
    refused(
        &[("message.timeout.ms", "5000")],
        "delivery.timeout.ms=\"5000\": must be at least 30005, \
         because linger.ms + request.timeout.ms is 5 + 30000",
    );
}

#[test]
fn two_names_of_a_setting_must_agree() {
    let told = |pairs: &[(&str, &str)]| {
        let checked = accepted(pairs);
        checked
            .warnings
            .iter()
            .map(Warning::to_string)
            .collect::<Vec<_>>()
    };
    let both = told(&[("linger.ms", "50"), ("queue.buffering.max.ms", " 50 ")]);
    assert_eq!(
        both,
        ["queue.buffering.max.ms is an older name: write linger.ms= 50 "]
    );
    assert_eq!(
        told(&[
            ("block.on.buffer.full", "true"),
            ("queue.enqueue.timeout.ms", "-1")
        ])
        .len(),
        2
    );
    refused(
        &[("linger.ms", "5"), ("queue.buffering.max.ms", "50")],
        "queue.buffering.max.ms=\"50\" contradicts linger.ms=\"5\": both set linger.ms, keep one of them",
    );
    refused(
        &[
            ("metadata.fetch.timeout.ms", "5"),
            ("block.on.buffer.full", "true"),
        ],
        "block.on.buffer.full=\"true\" contradicts metadata.fetch.timeout.ms=\"5\": both set max.block.ms, \
         keep one of them",
    );
    refused(
        &[
            ("ssl.ca.location", "ca.pem"),
            ("ssl.truststore.type", "JKS"),
        ],
        "ssl.ca.location=\"ca.pem\" contradicts ssl.truststore.type=\"JKS\": both set ssl.truststore.type, \
         keep one of them",
    );
}

#[test]
fn a_value_that_is_none_is_refused_by_the_name_that_was_written() {
    refused(
        &[("queue.buffering.max.ms", "soon")],
        "queue.buffering.max.ms=\"soon\": must be a whole number from 0 to 9223372036854775807",
    );
    refused(
        &[("message.timeout.ms", "-1"), ("linger.ms", "100000")],
        "message.timeout.ms=\"-1\": must be a whole number from 0 to 2147483647",
    );
    refused(
        &[("partitioner", "modulo")],
        "partitioner=\"modulo\": must be one of murmur2_random, random",
    );
    refused(
        &[("linger.ms", "soon"), ("queue.buffering.max.ms", "5")],
        "linger.ms=\"soon\": must be a whole number from 0 to 9223372036854775807",
    );
}

#[test]
fn a_level_is_that_of_the_codec_by_whatever_name() {
    let level = [("compression.codec", "zstd"), ("compression.level", "7")];
    let mut config = config(&level);
    match config.check() {
        Ok(checked) => assert_eq!(checked.settings.codecs.of("t").level.number(), 7),
        Err(error) => assert!(error.to_string().contains("is not built in"), "{error}"),
    }
    config.extend([("compression.level", "23")]);
    let error = config.check().unwrap_err().to_string();
    assert!(
        error.contains("compression.level=\"23\": must be a whole number from -131072 to 22"),
        "{error}"
    );
    warned(
        &[("compression.level", "7")],
        &["compression.level has no effect: compression.type is a codec without levels"],
    );
}

#[test]
fn a_name_and_a_password_are_a_login() {
    let mechanism = ("sasl.mechanisms", "SCRAM-SHA-256");
    let login = [("sasl.username", "me"), ("sasl.password", "a \"secret\"\\")];
    let protocol = ("security.protocol", "SASL_PLAINTEXT");
    let checked = accepted(&[mechanism, login[0], login[1], protocol]);
    let Some(crate::security::Sasl::Scram { login, .. }) = &checked.settings.security.sasl else {
        panic!("{checked:?}")
    };
    assert_eq!(
        (&*login.username, login.password.expose()),
        ("me", "a \"secret\"\\")
    );
    let told: Vec<String> = checked.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        told,
        [
            "sasl.mechanisms is librdkafka's name: write sasl.mechanism=SCRAM-SHA-256",
            "sasl.username is librdkafka's name: write sasl.jaas.config=[hidden]",
            "sasl.password is librdkafka's name: write sasl.jaas.config=[hidden]",
        ]
    );
}

#[test]
fn a_name_and_a_password_are_trimmed_as_other_values_are() {
    let checked = accepted(&[
        ("sasl.mechanisms", "PLAIN"),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.username", " me\t"),
        // As the file of a provider ends.
        ("sasl.password", "tea 2026\r\n"),
    ]);
    let Some(crate::security::Sasl::Plain(login)) = &checked.settings.security.sasl else {
        panic!("{checked:?}")
    };
    let login = (&*login.username, login.password.expose());
    assert_eq!(login, ("me", "tea 2026"));
}

#[test]
fn half_a_login_is_refused_without_a_word_of_it() {
    let mechanism = ("sasl.mechanism", "PLAIN");
    refused(
        &[mechanism, ("sasl.password", "secret")],
        "sasl.username is required: it belongs to sasl.password",
    );
    let jaas = (
        "sasl.jaas.config",
        "x required username=\"a\" password=\"b\";",
    );
    refused(
        &[
            mechanism,
            ("sasl.username", "me"),
            ("sasl.password", "secret"),
            jaas,
        ],
        "sasl.username=\"[hidden]\" contradicts sasl.jaas.config=\"[hidden]\": both set sasl.jaas.config, \
         keep one of them\n\
         sasl.password=\"[hidden]\" contradicts sasl.jaas.config=\"[hidden]\": both set sasl.jaas.config, \
         keep one of them",
    );
    warned(
        &[("sasl.username", "me")],
        &["sasl.username has no effect: which login is meant, sasl.mechanism must say"],
    );
    let shown = format!(
        "{:?}",
        config(&[("sasl.password", "secret"), ("ssl.ca.location", "ca.pem")])
    );
    assert!(
        !shown.contains("secret") && shown.contains("ca.pem"),
        "{shown}"
    );
}
