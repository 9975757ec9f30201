//! Metrics that a broker asks for (KIP-714, KIP-1076), as its plugin receives them: names, values and labels by the
//! OpenTelemetry classes of Kafka's own jars, beside what Java's producer pushes to the same broker.
//!
//! The plugin (`telemetry/MetricsToFile.java`) is compiled here against the broker's jars, and the broker is one of its
//! own, which needs a JDK.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kafka_producer::metrics::ApplicationMetric;
use kafka_producer::{Producer, ProducerRecord};
use kafka_wire::messages::metadata::MetadataRequest;

use crate::cluster::{TIME_LIMIT, ask_at, environment, in_time};
use crate::tools::{java, program};

const PLUGIN: &str = "tests/kafka/telemetry/MetricsToFile.java";
const PAUSE: Duration = Duration::from_millis(50);

/// A broker whose plugin writes to a file what clients push.
struct Node {
    dir: tempfile::TempDir,
    servers: String,
    process: Child,
}

/// A data point, as the plugin has written it.
#[derive(Clone, Debug)]
struct Line {
    client: String,
    is_last: bool,
    labels: String,
    name: String,
    attributes: String,
    kind: String,
    value: f64,
}

impl Node {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let jars = environment("KAFKA_CLASSPATH");
        let mut javac = program("javac");
        javac.args(["-cp", &jars, "-d"]).arg(dir.path());
        let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLUGIN);
        javac.arg(plugin).run("");
        let [port, controller] = free_ports();
        let properties = dir.path().join("node.properties");
        fs::write(&properties, told(dir.path(), port, controller)).unwrap();
        let mut format = java("kafka.tools.StorageTool");
        format.args(["format", "-t", "pushpushpushpushpushpw", "-c"]);
        format.arg(&properties).run("");
        let log = fs::File::create(dir.path().join("node.log")).unwrap();
        let mut node = Command::new("java");
        node.args([
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ]);
        node.arg(format!("{jars}:{}", dir.path().display()));
        node.arg("kafka.Kafka").arg(&properties);
        node.stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        Self {
            process: node.spawn().unwrap(),
            servers: format!("127.0.0.1:{port}"),
            dir,
        }
    }

    async fn wait_until_it_answers(&self) {
        let all = MetadataRequest::default().with_topics(None);
        wait_for("the broker", || ask_at(&self.servers, 9, &all).is_ok()).await;
    }

    /// What clients are asked for, by Kafka's own tool.
    fn want(&self, metrics: &str, interval_ms: u32) {
        let mut tool = java("org.apache.kafka.tools.ClientMetricsCommand");
        tool.args([
            "--bootstrap-server",
            &self.servers,
            "--alter",
            "--name",
            "all",
        ]);
        tool.args(["--metrics", metrics, "--interval", &interval_ms.to_string()]);
        tool.run("");
    }

    /// What was pushed so far.
    fn lines(&self) -> Vec<Line> {
        let text = fs::read_to_string(file(self.dir.path())).unwrap_or_default();
        text.lines().filter_map(Line::read).collect()
    }

    fn lines_of(&self, client: &str) -> Vec<Line> {
        let mut lines = self.lines();
        lines.retain(|line| line.client == client);
        lines
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Line {
    /// `None` of one that is not written to its end.
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [client, last, labels, name, attributes, kind, value] = fields[..] else {
            return None;
        };
        Some(Self {
            client: client.to_owned(),
            is_last: last == "true",
            labels: labels.to_owned(),
            name: name.strip_prefix("org.apache.kafka.")?.to_owned(),
            attributes: attributes.to_owned(),
            kind: kind.to_owned(),
            value: value.parse().ok()?,
        })
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("metrics.tsv")
}

fn told(dir: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         controller.listener.names=CONTROLLER\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\n\
         metric.reporters=MetricsToFile\n\
         telemetry.file={}\n",
        dir.join("data").display(),
        file(dir).display(),
    )
}

/// Two that nobody listens at, found at the same time, so that they differ.
fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, other) = (listen(), listen());
    [&one, &other].map(|listener| listener.local_addr().unwrap().port())
}

async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !tokio::task::block_in_place(&mut condition) {
        assert!(started.elapsed() < TIME_LIMIT, "waiting for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was added to each total, by name and attributes, in all pushes.
fn sums(lines: &[Line]) -> BTreeMap<(String, String), f64> {
    let mut sums = BTreeMap::new();
    for line in lines.iter().filter(|line| line.kind.ends_with("DELTA")) {
        let key = (line.name.clone(), line.attributes.clone());
        *sums.entry(key).or_default() += line.value;
    }
    sums
}

fn names(lines: &[Line]) -> BTreeSet<String> {
    lines.iter().map(|line| line.name.clone()).collect()
}

/// Pushes records of Java's producer, and returns the names of the metrics that it has pushed.
fn names_of_java(node: &Node, ours: &str) -> BTreeSet<String> {
    let mut console = java("org.apache.kafka.tools.ConsoleProducer");
    console.args(["--bootstrap-server", &node.servers, "--topic", "orders"]);
    console.run("tea\n");
    let mut lines = node.lines();
    lines.retain(|line| line.client != ours);
    names(&lines)
}

#[ignore = "needs Kafka's jars and a JDK: cargo xtask ci kafka"]
#[tokio::test(flavor = "multi_thread")]
async fn a_brokers_plugin_receives_names_values_and_the_last_push() {
    const RECORDS: u32 = 5;
    let node = tokio::task::block_in_place(Node::start);
    node.wait_until_it_answers().await;
    tokio::task::block_in_place(|| node.want("*", 500));
    let producer: Producer<str, str> = Producer::builder()
        .bootstrap_servers([&node.servers])
        .set("client.rack", "r1")
        .build()
        .unwrap();
    let depth = ApplicationMetric::gauge("shop-metrics", "open-orders", || 7.0).tag("shop", "3");
    producer.register_metric_for_subscription(depth);
    let id = in_time(producer.client_instance_id(TIME_LIMIT))
        .await
        .unwrap();
    let id = id.to_string();
    for _ in 0..RECORDS {
        let record = ProducerRecord::new("orders", "tea");
        in_time(in_time(producer.send(record)).await.unwrap())
            .await
            .unwrap();
    }
    let pushed = || node.lines_of(&id).iter().any(|line| line.value == 7.0);
    wait_for("a push", pushed).await;
    // After the first push, so that some of them are in the second, and the rest in the last.
    for _ in 0..RECORDS {
        let record = ProducerRecord::new("orders", "more tea");
        in_time(in_time(producer.send(record)).await.unwrap())
            .await
            .unwrap();
    }
    in_time(producer.close(TIME_LIMIT)).await.unwrap();
    let lines = node.lines_of(&id);
    assert!(lines.iter().any(|line| line.is_last), "{lines:?}");
    assert!(
        lines.iter().all(|line| line.labels == "client_rack=r1"),
        "{lines:?}"
    );
    let ours = lines.iter().find(|line| line.name == "shop.open.orders");
    let ours = ours.expect("the program's metric is pushed");
    assert_eq!((&*ours.attributes, &*ours.kind), ("shop=3", "GAUGE"));
    let sums = sums(&lines);
    let sum = |name: &str, attributes: &str| sums.get(&(name.to_owned(), attributes.to_owned()));
    let sent = f64::from(2 * RECORDS);
    // Each record is told once, in whichever push.
    assert_eq!(sum("producer.record.send.total", ""), Some(&sent));
    assert_eq!(
        sum("producer.topic.record.send.total", "topic=orders"),
        Some(&sent)
    );
    let requests = sum("producer.node.request.total", "node_id=node-1");
    assert!(
        requests.is_some_and(|requests| *requests >= sent),
        "{requests:?}"
    );
    let javas = tokio::task::block_in_place(|| names_of_java(&node, &id));
    let missing: Vec<_> = javas.difference(&names(&lines)).cloned().collect();
    assert!(missing.iter().all(|name| is_left_out(name)), "{missing:?}");
}

/// What Java pushes and we do not: a value where nothing was measured, and a phase of transactions that is none here.
fn is_left_out(name: &str) -> bool {
    let unmeasured = ["avg", "max"];
    unmeasured.iter().any(|last| name.ends_with(last)) || name.contains("txn.prepare")
}
