//! The same failures with Java's producer, and ours beside them, as two programs of one command line.
//!
//! Prints a table for people, which takes minutes, so CI leaves it out:
//! `cargo test -p kafka-producer --all-features --test kafka -- --ignored --nocapture beside_java`.

use std::io::Write;

use serde_json::Value;

use super::cases::{Case, cases};
use super::value;
use crate::cluster::{create_topic, environment};
use crate::tools::{Program, example, program};

/// What is said of the first record: after how many milliseconds, by which exception.
fn told(program: &mut Program, case: &Case, topic: &str) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (name, value) in &case.properties {
        writeln!(file, "{name}={value}").unwrap();
    }
    writeln!(file, "max.block.ms=15000").unwrap();
    let servers = value(&case.properties, "bootstrap.servers");
    program.args(["--bootstrap-server", servers, "--topic", topic]);
    program
        .args(["--max-messages", "1", "--command-config"])
        .arg(file.path());
    let printed = program.run_to_any_end();
    let lines = printed
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.collect();
    let named = |name: &str| lines.iter().find(|line| line["name"] == name);
    let time = |line: &Value| line["timestamp"].as_i64().unwrap();
    let (Some(start), Some(error)) = (named("startup_complete"), named("producer_send_error"))
    else {
        let last = printed
            .lines()
            .rfind(|line| !line.starts_with(['\t', '[']) && !line.is_empty());
        return format!("does not start: {}", last.unwrap_or_default());
    };
    let class = error["exception"].as_str().unwrap_or_default();
    let class = class.rsplit('.').next().unwrap_or_default();
    let message = error["message"].as_str().unwrap_or_default();
    format!("{} ms | {class}: {message}", time(error) - time(start))
}

#[test]
#[ignore = "prints a table, for people: the file says how"]
fn the_table_of_failures() {
    let topic = create_topic("failures", 1, &[]);
    let ours = example("verifiable-producer");
    for case in cases() {
        let mut java = program("java");
        java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
        let endpoint = case
            .properties
            .iter()
            .find(|(name, _)| name.ends_with("endpoint.url"));
        if let Some((_, url)) = endpoint {
            java.arg(format!(
                "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}"
            ));
        }
        java.args(["-cp", &environment("KAFKA_CLASSPATH")]);
        java.arg("org.apache.kafka.tools.VerifiableProducer");
        println!(
            "| {} | ours | {} |",
            case.name,
            told(&mut program(&ours), &case, &topic)
        );
        println!(
            "| {} | Java | {} |",
            case.name,
            told(&mut java, &case, &topic)
        );
    }
}
