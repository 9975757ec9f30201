//! Programs whose authentication fails: the errors are named as Java names them, for each record.

use kafka_mock::MockCluster;
use kafka_mock::cluster::{SaslConfig, SaslMechanism};

use crate::lines::{lines, path, properties, text};
use crate::program::run;

const SASL: &str = "class org.apache.kafka.common.errors.SaslAuthenticationException";
const SSL: &str = "class org.apache.kafka.common.errors.SslAuthenticationException";

fn cluster() -> MockCluster {
    let sasl = SaslConfig::new([SaslMechanism::ScramSha256]).with_user("alice", "alice-secret");
    let builder = MockCluster::builder().sasl(sasl).topic("t", 1);
    builder.start_blocking().unwrap()
}

fn login(password: &str) -> tempfile::TempPath {
    properties(&format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"alice\" password=\"{password}\";\n"
    ))
}

#[test]
fn every_record_fails_by_the_name_of_javas_exception() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    let tls = properties("security.protocol=SSL\n");
    for (config, class) in [(login("wrong"), SASL), (tls, SSL)] {
        let arguments = [
            "--bootstrap-server",
            &servers,
            "--topic",
            "t",
            "--max-messages",
            "20",
        ];
        let config = ["--producer.config", path(&config)];
        let ended = run(
            "verifiable-producer",
            &[&arguments[..], &config].concat(),
            b"",
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lines = lines(&ended);
        let failed = lines
            .iter()
            .filter(|line| line["name"] == "producer_send_error");
        let classes: Vec<&str> = failed.map(|line| text(&line["exception"])).collect();
        assert_eq!(classes, [class; 20], "{ended:?}");
    }
}

#[test]
fn transactions_end_with_code_3() {
    let kafka = cluster();
    let servers = kafka.bootstrap_servers();
    for (password, code) in [("wrong", 3), ("alice-secret", 0)] {
        let config = login(password);
        let arguments = [
            "--bootstrap",
            &servers,
            "--topic",
            "t",
            "--transactional-id",
            "i",
        ];
        let config = ["--txns", "2", "--producer.config", path(&config)];
        let ended = run(
            "transactional-producer",
            &[&arguments[..], &config].concat(),
            b"",
        );
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let lines = lines(&ended);
        let fatal = lines.iter().find(|line| line["name"] == "fatal");
        let class = fatal.map(|line| text(&line["exception"]));
        assert_eq!(class, (code == 3).then_some(SASL), "{ended:?}");
    }
}
