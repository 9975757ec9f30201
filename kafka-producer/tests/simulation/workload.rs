//! The callers: each sends its records in its own way, as applications do.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kafka_accumulator::Delivery;
use kafka_producer::error::DeliveryError;

use crate::plan::{CallerPlan, Ending, Plan};
use crate::producer::{Producer, WhenDecided, Wish};

/// Sends what the plan says, waits for what it has to wait for, and is done.
pub(crate) async fn call(producer: Rc<Producer>, plan: Rc<Plan>, caller: CallerPlan) {
    let ground = Rc::clone(&producer.ground);
    let topics: Vec<Arc<str>> = plan
        .topics
        .iter()
        .map(|topic| Arc::clone(&topic.name))
        .collect();
    let mut kept: Vec<Delivery<DeliveryError>> = Vec::new();
    for _ in 0..caller.records {
        let pause = ground.some_us(0, caller.pause_max.as_micros() as u64);
        ground.pause(pause).await;
        let topic = &topics[ground.below(topics.len())];
        let wish = wish(&producer, caller);
        let sending = producer.send(topic, wish);
        // A `send` that is dropped has not sent.
        let sent = match ground.chance(5) {
            true => {
                ground
                    .unless_after(ground.some_us(0, 20_000), sending)
                    .await
            }
            false => Some(sending.await),
        };
        let Some(Ok(delivery)) = sent else {
            if !producer.is_open() {
                break;
            }
            continue;
        };
        match ground.below(10) {
            // Fire and forget.
            0..5 => drop(delivery),
            5..8 => kept.push(delivery),
            8 => drop(delivery.await),
            // Given up half-way: nothing is cancelled by that.
            _ => drop(
                ground
                    .unless_after(ground.some_us(0, 50_000), delivery)
                    .await,
            ),
        }
        if ground.chance(2) {
            match ground.chance(70) {
                true => producer.flush().await,
                false => drop(
                    ground
                        .unless_after(ground.some_us(0, 9_000), producer.flush())
                        .await,
                ),
            }
        }
    }
    for delivery in kept {
        drop(delivery.await);
    }
}

fn wish(producer: &Producer, caller: CallerPlan) -> Wish {
    let ground = &producer.ground;
    let when_decided = match ground.below(10) {
        0..6 => WhenDecided::Nothing,
        6..9 => WhenDecided::Counted,
        _ => WhenDecided::SendsAgain,
    };
    Wish {
        partition: ground.below(64),
        filler: ground.below(caller.filler_max + 1),
        age: ground.age(caller.age_max),
        transaction: None,
        when_decided,
    }
}

/// Closes the producer while others send.
pub(crate) async fn close_in_storm(producer: Rc<Producer>, plan: Rc<Plan>) {
    let Ending::InStorm { at, patience } = plan.ending else {
        return;
    };
    producer.ground.sleep(at).await;
    producer.close(patience).await;
}

/// After the faults: sends to every partition until that works, `rounds` times at most; whether the
/// last round was delivered is for the caller of this to see.
pub(crate) async fn probe(producer: Rc<Producer>, plan: Rc<Plan>, rounds: usize) {
    let ground = Rc::clone(&producer.ground);
    for round in 1..=rounds {
        let mut deliveries = Vec::new();
        for topic in &plan.topics {
            for partition in 0..PROBED_PARTITIONS {
                let wish = Wish {
                    partition,
                    filler: 10,
                    age: Duration::ZERO,
                    transaction: None,
                    when_decided: WhenDecided::Nothing,
                };
                match producer.send(&topic.name, wish).await {
                    Ok(delivery) => deliveries.push(delivery),
                    Err(error) if round == rounds => {
                        let story = format!("a send is refused after the faults: {error}");
                        ground.broken(RECOVERS, story);
                    }
                    Err(_) => {}
                }
            }
        }
        for delivery in deliveries {
            if let Err(error) = delivery.await
                && round == rounds
            {
                ground.broken(
                    RECOVERS,
                    format!("a record fails after the faults: {error}"),
                );
            }
        }
        // That a connection was cut shows when a request on it times out: longer than sends may wait.
        let pause = match round + 1 == rounds {
            true => plan.settings.request_timeout,
            false => Duration::from_millis(20),
        };
        ground.sleep(pause).await;
    }
}

const PROBED_PARTITIONS: usize = 4;
/// The promise that probes are about.
pub(crate) const RECOVERS: &str = "when the faults stop, everything goes on";
