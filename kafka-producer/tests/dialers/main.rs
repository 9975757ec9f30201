//! Producers whose connections others open ([`Dialer`](kafka_producer::Dialer)): through proxies, the dialers of
//! the examples, through streams that misbehave, and to other brokers than they should.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

mod exchange;
mod exchanged;
#[path = "../../examples/http-connect/dialer.rs"]
mod http_connect;
mod misbehaving;
mod proxy;
#[path = "../../examples/socks5/dialer.rs"]
mod socks5;
mod through_proxies;

use std::time::Duration;

use kafka_mock::MockCluster;
use kafka_producer::{Dialer, Producer, ProducerBuilder, ProducerRecord, SendError};

/// Longer than any test should take on the busiest machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);

const TOPIC: &str = "orders";

async fn kafka() -> MockCluster {
    let described = MockCluster::builder().brokers(1).topic(TOPIC, 1);
    described.start().await.unwrap()
}

/// A producer that reaches these servers in this way.
fn builder(servers: &str, dialer: impl Dialer + 'static) -> ProducerBuilder<str, str> {
    let builder = Producer::builder().set("bootstrap.servers", servers);
    builder.dialer(dialer)
}

/// Sends so many records and closes; what the topic holds then is what was sent.
async fn sends(kafka: &MockCluster, producer: Producer<str, str>, records: usize) {
    let values: Vec<String> = (0..records).map(|number| number.to_string()).collect();
    for value in &values {
        let sent = producer.send(ProducerRecord::new(TOPIC, value)).await;
        drop(sent.unwrap());
    }
    let report = in_time(producer.close(TIME_LIMIT)).await.unwrap();
    assert_eq!(
        (report.delivered, report.is_clean()),
        (records as u64, true)
    );
    let found = kafka.records(TOPIC).into_iter();
    let found = found.map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap());
    assert_eq!(found.collect::<Vec<_>>(), values);
}

/// Waits until a send that reaches nobody is told this; all that it is told then.
async fn is_told(producer: &Producer<str, str>, expected: &str) -> String {
    in_time(async {
        loop {
            let record = ProducerRecord::new(TOPIC, "tea");
            let told = match producer.send(record).await.unwrap_err() {
                SendError::TopicUnknown { last, .. } => last.map(|last| last.to_string()),
                other => panic!("{other}"),
            };
            if let Some(told) = told.filter(|told| told.contains(expected)) {
                return told;
            }
        }
    })
    .await
}

/// What the future gives, which must not take forever.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(TIME_LIMIT, future).await;
    result.expect("it hangs")
}
