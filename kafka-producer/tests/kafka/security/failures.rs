//! A failed authentication is told at once, in words that name what is wrong and the setting to look at.

use std::time::{Duration, Instant};

use kafka_producer::ProducerRecord;

use super::builder;
use super::cases::{Case, cases};
use crate::cluster::{create_topic, in_time};

/// What the first record fails with, and after what time.
async fn failure(case: &Case, topic: &str) -> (Duration, String) {
    let producer = builder(&case.properties).build().unwrap();
    let started = Instant::now();
    let record = ProducerRecord::new(topic, "nobody reads this");
    let message = match in_time(producer.send(record)).await {
        Err(error) => error.to_string(),
        Ok(delivery) => match in_time(delivery).await {
            Err(error) => error.to_string(),
            Ok(metadata) => panic!("{}: it was accepted: {metadata:?}", case.name),
        },
    };
    (started.elapsed(), message)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
async fn a_failed_authentication_is_told_within_a_second() {
    let topic = create_topic("failures", 1, &[]);
    let mut wrong = Vec::new();
    for case in cases() {
        let (took, message) = failure(&case, &topic).await;
        println!("{} | {} ms | {message}", case.name, took.as_millis());
        let unsaid = case.says.iter().filter(|words| !message.contains(**words));
        let unsaid: Vec<_> = unsaid.collect();
        if !unsaid.is_empty() {
            wrong.push(format!("{}: does not say {unsaid:?}: {message}", case.name));
        }
        if took > case.within {
            wrong.push(format!("{}: said after {took:?}: {message}", case.name));
        }
        let secret = ["alice-secret", "Bearer"]
            .into_iter()
            .find(|it| message.contains(it));
        if let Some(secret) = secret {
            wrong.push(format!("{}: tells {secret}: {message}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
