//! Start here: typed records, sent in Kafka's three ways, and what became of each.
//!
//! ```text
//! cargo run -p examples
//! cargo run -p examples -- --bootstrap-server localhost:9092
//! cargo run -p examples -- --config client.properties
//! ```
//!
//! The third is for a cluster with TLS and SASL: `docs/security.md` has such a file for each provider.
//! Without an address or a file it starts an embedded cluster of three brokers in this process, so that
//! nothing needs to be installed. Read `main` first.

#![allow(clippy::print_stdout, reason = "showing what happens is its purpose")]

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_producer::serialize::{Context, SerializeError, Serializer, Utf8};
use kafka_producer::{
    ConfigError, DeliveryError, Producer, ProducerConfig, ProducerRecord, RecordMetadata,
};

/// What we send. Any type will do, with a serializer that knows it.
struct Order {
    item: &'static str,
    cups: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = Options::from(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let topic = options.topic.as_str();
    let kafka = Kafka::real_or_embedded(&options).await?;
    println!("Kafka: {kafka}");

    // 1. Build. The whole configuration is checked here; connections are opened when needed.
    //    Keys are text, values are orders. Everything else has Kafka's defaults: acks=all,
    //    idempotence, linger.ms=5. Any of Kafka's properties can be `set` by its name, or be in a file
    //    (`ProducerConfig::from_properties_file`).
    let producer: Producer<str, Order> = Producer::builder_with(Utf8, OrderText)
        .config(kafka.config(&options)?)
        .set("client.id", "quickstart")
        .build()?;

    // 2. Send.
    three_ways(&producer, topic).await?;
    many_at_once(&producer, topic).await?;

    // 3. Flush: everything that was accepted so far has an outcome afterwards.
    producer.flush().await?;
    println!("flushed");

    // 4. Close: accepts nothing more, sends what is left, and says what became of it.
    let last = Order {
        item: "cake",
        cups: 0,
    };
    drop(producer.send(ProducerRecord::new(topic, &last)).await?);
    let report = producer.close(Duration::from_secs(30)).await?;
    println!(
        "closed: of the records still under way, {} delivered, {} failed, {} unknown",
        report.delivered, report.failed, report.unknown
    );
    kafka.show(topic);
    if report.is_clean() {
        Ok(())
    } else {
        Err("a record was lost".into())
    }
}

/// Kafka's three ways to send.
async fn three_ways(producer: &Producer<str, Order>, topic: &str) -> Result<(), Box<dyn Error>> {
    // Synchronous. `send` waits until the record is in the buffer, its delivery until the
    //    brokers have it. Records with the same key go to the same partition, in order.
    let tea = Order {
        item: "tea",
        cups: 2,
    };
    let record = ProducerRecord::new(topic, &tea).key("customer-7");
    let metadata = producer.send(record).await?.await?;
    told("synchronous", Ok(metadata));

    // With a callback, which runs on the producer's own thread. It takes the outcome; `send_with`
    //    itself fails only if the record was not accepted.
    let coffee = Order {
        item: "coffee",
        cups: 1,
    };
    let record = ProducerRecord::new(topic, &coffee)
        .key("customer-8")
        .header("source", "quickstart")
        .header("trace-id", &b"\x01\x02"[..]);
    producer
        .send_with(record, |outcome| told("callback", outcome))
        .await?;

    // Fire and forget: the delivery is dropped, the record is sent all the same, and tried again
    //    until `delivery.timeout.ms` if need be. This one says itself where it goes.
    let water = Order {
        item: "water",
        cups: 3,
    };
    let record = ProducerRecord::new(topic, &water).partition(0);
    drop(producer.send(record).await?);
    Ok(())
}

/// Send first, ask later: the records share batches, and nothing waits in between.
async fn many_at_once(producer: &Producer<str, Order>, topic: &str) -> Result<(), Box<dyn Error>> {
    let mut deliveries = Vec::new();
    for cups in 1..=5 {
        let order = Order {
            item: "juice",
            cups,
        };
        let record = ProducerRecord::new(topic, &order).key("customer-9");
        deliveries.push(producer.send(record).await?);
    }
    for delivery in deliveries {
        told("one of many", Ok(delivery.await?));
    }
    Ok(())
}

/// Orders as text, such as `2 x tea`.
struct OrderText;

impl Serializer<Order> for OrderText {
    /// Writes into a buffer that is used again and again; what is returned is copied once, into the
    /// record's batch. (A value that has its bytes already lends them instead.)
    fn serialize<'a>(
        &self,
        _context: &mut Context<'_>,
        order: &'a Order,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, SerializeError> {
        scratch.clear();
        write!(scratch, "{} x {}", order.cups, order.item)
            .map_err(|error| SerializeError::new("an order", error.to_string()))?;
        Ok(Some(scratch))
    }
}

/// Every outcome is one of two: where the record lies, or why it failed and whether it may be there.
fn told(how: &str, outcome: Result<RecordMetadata, &DeliveryError>) {
    match outcome {
        Ok(metadata) => {
            let RecordMetadata {
                topic,
                partition,
                timestamp_ms,
                ..
            } = &metadata;
            // Unknown only with acks=0, and for a repetition that the broker has forgotten.
            let offset = metadata
                .offset
                .map_or_else(|| "unknown".to_owned(), |offset| offset.to_string());
            println!("{how}: {topic}-{partition}, offset {offset}, timestamp {timestamp_ms}");
        }
        Err(error) => println!("{how}: {error} ({:?})", error.persistence()),
    }
}

/// Where the records go.
enum Kafka {
    Real,
    Embedded(MockCluster),
}

impl Kafka {
    async fn real_or_embedded(options: &Options) -> Result<Self, Box<dyn Error>> {
        if options.bootstrap_server.is_some() || options.config.is_some() {
            return Ok(Self::Real);
        }
        let cluster = MockCluster::builder().brokers(3).topic(&options.topic, 6);
        Ok(Self::Embedded(cluster.start().await?))
    }

    fn config(&self, options: &Options) -> Result<ProducerConfig, ConfigError> {
        let config = match &options.config {
            Some(file) => ProducerConfig::from_properties_file(file)?,
            None => ProducerConfig::new(),
        };
        Ok(match (self, &options.bootstrap_server) {
            (Self::Embedded(cluster), _) => config.bootstrap_servers([cluster.bootstrap_servers()]),
            (Self::Real, Some(servers)) => config.bootstrap_servers([servers]),
            (Self::Real, None) => config,
        })
    }

    /// The embedded cluster can be looked into.
    fn show(&self, topic: &str) {
        let Self::Embedded(cluster) = self else {
            return;
        };
        println!("in the log:");
        for record in cluster.records(topic) {
            let text = |bytes: Option<&[u8]>| {
                bytes.map_or_else(
                    || "null".into(),
                    |bytes| String::from_utf8_lossy(bytes).into_owned(),
                )
            };
            println!(
                "  {topic}-{} @ {}: {} = {}",
                record.partition,
                record.offset,
                text(record.key.as_deref()),
                text(record.value.as_deref()),
            );
        }
    }
}

impl std::fmt::Display for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Real => f.write_str("as configured"),
            Self::Embedded(cluster) => write!(f, "{} (embedded)", cluster.bootstrap_servers()),
        }
    }
}

const USAGE: &str = "\
Send a few orders to Kafka in all three ways, and print the partition and offset of each.

  --bootstrap-server HOST:PORT[,HOST:PORT...]  A real Kafka; without it and --config, an embedded cluster is
                                               started for as long as this runs
  --config FILE                                Properties as of a Java client: the address of a real Kafka, and
                                               what its listener asks for
  --topic TOPIC                                Topic to write to [default: orders]";

struct Options {
    bootstrap_server: Option<String>,
    config: Option<PathBuf>,
    topic: String,
}

impl Options {
    /// `None` if it is the usage that is asked for.
    fn from(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            bootstrap_server: None,
            config: None,
            topic: "orders".to_owned(),
        };
        while let Some(name) = arguments.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name.as_str() {
                "--bootstrap-server" => options.bootstrap_server = Some(value()?),
                "--config" => options.config = Some(value()?.into()),
                "--topic" => options.topic = value()?,
                _ => {
                    return Err(format!(
                        "{name:?} is none of its options; --help lists them"
                    ));
                }
            }
        }
        Ok(Some(options))
    }
}
