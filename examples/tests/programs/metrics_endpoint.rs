//! The program serves what a Prometheus server reads, and the dashboard in `docs/grafana` shows nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use kafka_mock::MockCluster;
use serde_json::Value;

use crate::{DEADLINE, cluster};

/// The program; it ends with this value.
struct Endpoint {
    program: Child,
    address: String,
}

impl Endpoint {
    fn of(kafka: &MockCluster) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_metrics_endpoint"));
        let command = command.args([&*kafka.bootstrap_servers(), "127.0.0.1:0"]);
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(program.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let address = line.strip_prefix("http://").unwrap();
        let address = address.strip_suffix("/metrics\n").unwrap().to_owned();
        Self { program, address }
    }

    fn scrape(&self) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(DEADLINE)).unwrap();
        connection
            .write_all(b"GET /metrics HTTP/1.1\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.ends_with(&format!("Content-Length: {}", text.len())));
        text.to_owned()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn everything_that_the_dashboard_asks_for_is_served() {
    let kafka = cluster("orders");
    let endpoint = Endpoint::of(&kafka);
    let begun = Instant::now();
    // Both topics, and each of the three brokers.
    let has_all = |served: &BTreeMap<String, BTreeSet<String>>, text: &str| {
        let has = |words: &str| text.contains(words);
        served.contains_key("kafka_producer_node_request_total")
            && [1, 2, 3]
                .iter()
                .all(|id| has(&format!("node_id=\"node-{id}\"")))
            && has("topic=\"payments\"")
    };
    let served = loop {
        let text = endpoint.scrape();
        let served = families(&text);
        if has_all(&served, &text) {
            break served;
        }
        assert!(begun.elapsed() < DEADLINE, "{text}");
    };
    let asked = asked();
    assert!(asked.len() > 30, "{asked:?}");
    for (family, labels) in asked {
        let has = served.get(&family);
        let has = has.unwrap_or_else(|| panic!("{family} is not served"));
        assert!(labels.is_subset(has), "{family}: {labels:?} of {has:?}");
    }
}

/// The labels of each family that has a value.
fn families(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(selectors).collect()
}

/// The families in the queries of the dashboard, each with the labels that it is chosen by.
fn asked() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana/kafka-producer.json");
    let dashboard: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    let mut queries: Vec<_> = targets.flatten().map(|target| &target["expr"]).collect();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let of_prometheus = variables.iter().filter(|it| it["type"] == "query");
    queries.extend(of_prometheus.map(|variable| &variable["query"]["query"]));
    let mut asked = BTreeMap::<_, BTreeSet<_>>::new();
    for query in queries {
        let found = selectors(query.as_str().unwrap());
        assert!(!found.is_empty(), "{query}");
        for (family, labels) in found {
            asked.entry(family).or_default().extend(labels);
        }
    }
    asked
}

/// Each `family{label="…",…}` of a line, also without labels.
fn selectors(line: &str) -> Vec<(String, BTreeSet<String>)> {
    let parts = line.match_indices("kafka_producer_");
    let found = parts.map(|(at, _)| {
        let rest = &line[at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (family, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = labels.map_or("", |(labels, _)| labels).split(',');
        let name = |label: &str| Some(label.split_once('=')?.0.to_owned());
        (family.to_owned(), labels.filter_map(name).collect())
    });
    found.collect()
}
