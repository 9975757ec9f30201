//! `check` says which step fails, on a cluster that lacks just that.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use kafka_mock::cluster::{Fault, SaslConfig, SaslMechanism};
use kafka_mock::{MockCluster, MockTls};
use kafka_producer::blocking::Producer;
use kafka_producer::{ErrorCode, ProducerConfig, ProducerRecord};
use kafka_wire::ApiKey;

use crate::{cluster, file, path, run};

/// How it ended, the steps that were printed, with their marks, and all that was printed.
type Checked = (Option<i32>, Vec<String>, String);

/// With a limit that nothing here comes to, however slow the machine is.
fn check(servers: &str, properties: &str, options: &[&str]) -> Checked {
    check_within("600", servers, properties, options)
}

/// Of a step that ends with its limit: the first limit that is not over before that step.
fn check_until(step: &str, servers: &str, options: &[&str]) -> Checked {
    let limits = ["0.5", "2", "8", "32"].into_iter();
    let mut checked = limits.map(|limit| check_within(limit, servers, "", options));
    let is_there = |(_, steps, _): &Checked| steps.last() == Some(&format!("✗{step}"));
    checked.find(is_there).expect("no run came to its point")
}

fn check_within(limit: &str, servers: &str, properties: &str, options: &[&str]) -> Checked {
    let config = file(".properties", properties.as_bytes());
    let arguments = [
        "check",
        "-b",
        servers,
        "-F",
        path(&config),
        "--timeout",
        limit,
    ];
    let ended = run(&[&arguments[..], options].concat(), b"");
    let lines = ended.stdout.lines();
    let steps = lines.filter(|line| !line.starts_with([' ', 'a']));
    let steps = steps.map(|line| line.split_whitespace().take(2).collect::<String>());
    (
        ended.code,
        steps.collect(),
        ended.stdout.clone() + &ended.stderr,
    )
}

/// All steps have passed up to this one, which has failed for this reason.
#[track_caller]
fn fails_at(step: &str, why: &str, (code, steps, said): Checked) {
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(steps.last(), Some(&format!("✗{step}")), "{said}");
    let others = &steps[..steps.len() - 1];
    assert!(others.iter().all(|step| !step.starts_with('✗')), "{said}");
    assert!(said.contains(why), "no {why:?} in {said}");
    assert!(said.contains("what to do:"), "{said}");
}

fn trusting(tls: &MockTls) -> String {
    let authority = tls.ca_pem().replace('\n', "\\n");
    format!("ssl.truststore.type=PEM\nssl.truststore.certificates={authority}\n")
}

fn scram(password: &str) -> String {
    format!(
        "sasl.mechanism=SCRAM-SHA-256\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"alice\" password=\"{password}\";\n"
    )
}

/// TLS and SCRAM.
fn secured(tls: &MockTls) -> MockCluster {
    let sasl = SaslConfig::new([SaslMechanism::ScramSha256]).with_user("alice", "alice-secret");
    let builder = MockCluster::builder().tls(tls.clone()).sasl(sasl);
    builder.topic("t", 3).start_blocking().unwrap()
}

#[test]
fn all_steps_pass_where_nothing_is_wrong() {
    let tls = MockTls::new().unwrap();
    let (plain, secured) = (cluster(3), secured(&tls));
    let security = "security.protocol=SASL_SSL\n".to_owned() + &trusting(&tls);
    let security = security + &scram("alice-secret");
    let cases = [
        (
            &plain,
            "",
            "✓configuration ✓resolve ✓connect -TLS ✓answer -login",
        ),
        (
            &secured,
            &*security,
            "✓configuration ✓resolve ✓connect ✓TLS ✓answer ✓login",
        ),
    ];
    for (kafka, properties, until_login) in cases {
        let servers = kafka.bootstrap_servers();
        let (code, steps, said) = check(&servers, properties, &[]);
        assert_eq!(
            (code, steps.join(" ")),
            (Some(0), format!("{until_login} -topic")),
            "{said}"
        );
        let (code, steps, said) = check(&servers, properties, &["-t", "t"]);
        let expected = format!("{until_login} ✓topic ✓leaders -write");
        assert_eq!((code, steps.join(" ")), (Some(0), expected), "{said}");
        assert!(kafka.records("t").is_empty());
        let (code, steps, said) = check(&servers, properties, &["-t", "t", "--write"]);
        let expected = format!("{until_login} ✓topic ✓leaders ✓write");
        assert_eq!((code, steps.join(" ")), (Some(0), expected), "{said}");
        assert_eq!(kafka.records("t").len(), 1);
    }
}

/// A program that has a transaction open, whose id a check is given.
#[test]
fn a_transactional_id_is_not_touched_unless_that_is_asked_for() {
    let kafka = cluster(1);
    let servers = kafka.bootstrap_servers();
    let config = ProducerConfig::new().bootstrap_servers([&servers]);
    let config = config.transactional_id("i");
    let program: Producer<str, str> = Producer::builder().config(config).build().unwrap();
    program.init_transactions().unwrap();
    let transaction = program.begin_transaction().unwrap();
    let sent = transaction.send(ProducerRecord::new("t", "a")).unwrap();
    sent.wait().unwrap();
    let id = "transactional.id=i\n";
    let prepared = id.to_owned() + "transaction.two.phase.commit.enable=true\n";
    let cases: [(&str, &str, &[&str]); 3] = [
        ("would fence a program", id, &[]),
        ("is prepared", &prepared, &[]),
        ("is prepared", &prepared, &["--use-transactional-id"]),
    ];
    for (why, properties, options) in cases {
        let options = [&["-t", "t", "--write"], options].concat();
        fails_at("write", why, check(&servers, properties, &options));
        assert_eq!(kafka.records("t").len(), 1);
    }
    transaction.commit().unwrap();
    assert_eq!(kafka.committed_records("t").len(), 1);
}

#[test]
fn with_a_transactional_id_that_may_be_used_what_is_written_is_aborted() {
    let kafka = cluster(1);
    let servers = kafka.bootstrap_servers();
    let options = ["-t", "t", "--write", "--use-transactional-id"];
    let (code, _, said) = check(&servers, "transactional.id=i\n", &options);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        (kafka.records("t").len(), kafka.committed_records("t").len()),
        (1, 0)
    );
}

#[test]
fn a_configuration_or_an_address_that_is_wrong_is_told() {
    fails_at(
        "configuration",
        "linger.ms",
        check("localhost:1", "linger.ms=soon\n", &[]),
    );
    fails_at(
        "resolve",
        "host.invalid:9092",
        check("host.invalid:9092", "", &[]),
    );
    // Nobody listens there: the port is reserved.
    fails_at("connect", "127.0.0.1:1", check("127.0.0.1:1", "", &[]));
}

#[test]
fn a_port_that_is_not_kafka_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 64];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    fails_at("answer", &servers, check(&servers, "", &[]));
    // It accepts connections, and is silent.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let servers = silent.local_addr().unwrap().to_string();
    let checked = check_until("answer", &servers, &[]);
    fails_at("answer", &servers, checked);
}

#[test]
fn tls_that_cannot_be_agreed_on_is_told() {
    let (tls, other) = (MockTls::new().unwrap(), MockTls::new().unwrap());
    let kafka = MockCluster::builder().tls(tls).start_blocking().unwrap();
    let security = "security.protocol=SSL\n".to_owned() + &trusting(&other);
    fails_at(
        "TLS",
        "TLS",
        check(&kafka.bootstrap_servers(), &security, &[]),
    );
    // A port without TLS.
    fails_at(
        "TLS",
        "TLS",
        check(&cluster(1).bootstrap_servers(), &security, &[]),
    );
}

#[test]
fn a_login_that_is_refused_is_told() {
    let tls = MockTls::new().unwrap();
    let kafka = secured(&tls);
    let servers = kafka.bootstrap_servers();
    let protocol = |name: &str| format!("security.protocol={name}\n{}", trusting(&tls));
    let wrong = protocol("SASL_SSL") + &scram("wrong");
    fails_at(
        "login",
        "SCRAM-SHA-256 as alice",
        check(&servers, &wrong, &[]),
    );
    let other = wrong.replace("SCRAM-SHA-256", "SCRAM-SHA-512");
    fails_at("login", "SCRAM-SHA-256", check(&servers, &other, &[]));
    // Without any.
    fails_at("login", "SASL", check(&servers, &protocol("SSL"), &[]));
}

#[test]
fn a_topic_that_is_not_there_or_may_not_be_written_is_told() {
    let builder = MockCluster::builder().topic("t", 1).without_auto_create();
    let kafka = builder.start_blocking().unwrap();
    let servers = kafka.bootstrap_servers();
    let unknown = check_until("topic", &servers, &["-t", "unknown"]);
    fails_at("topic", "unknown", unknown);
    let refused = Fault::refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    kafka.inject(refused.api(ApiKey::PRODUCE).topic("t"));
    let forbidden = check(&servers, "", &["-t", "t", "--write"]);
    fails_at("write", "TOPIC_AUTHORIZATION_FAILED", forbidden);
}
