//! A program that forgets `close`: nothing is lost when it ends, or it is told what may be.
//!
//! The program is this test again, in a process of its own.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]
#![allow(
    clippy::disallowed_methods,
    reason = "the program is told by its environment what to do"
)]

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Output};
use std::sync::mpsc;

use kafka_mock::MockCluster;
use kafka_mock::cluster::{Effect, Fault, When};
use kafka_producer::ProducerRecord;
use kafka_producer::blocking::Producer;
use kafka_wire::ApiKey;

const SERVERS: &str = "FORGETTING_CLOSE_SERVERS";
const DROP_TIMEOUT_MS: &str = "FORGETTING_CLOSE_DROP_TIMEOUT_MS";
const RECORDS: usize = 1_000;

/// Does nothing, unless it is called as the program.
#[test]
fn the_program() {
    let Ok(servers) = env::var(SERVERS) else {
        return;
    };
    let producer = producer(&servers, &env::var(DROP_TIMEOUT_MS).unwrap());
    for number in 0..RECORDS {
        let value = number.to_string();
        let record = ProducerRecord::new("orders", &*value);
        producer.send_and_forget(record).unwrap();
    }
}

/// A producer of which nothing leaves by itself.
fn producer(servers: &str, drop_timeout_ms: &str) -> Producer<str, str> {
    Producer::builder()
        .bootstrap_servers([servers])
        .set("client.id", "till-7")
        .set("linger.ms", "86400000")
        .set("delivery.timeout.ms", "90000000")
        .set("batch.size", "1000000")
        .set("drop.timeout.ms", drop_timeout_ms)
        .build()
        .unwrap()
}

/// Runs the program to its end; what it has written to standard error.
fn program(kafka: &MockCluster, drop_timeout_ms: &str) -> String {
    let output: Output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_program", "--nocapture"])
        .env(SERVERS, kafka.bootstrap_servers())
        .env(DROP_TIMEOUT_MS, drop_timeout_ms)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn kafka() -> MockCluster {
    let kafka = MockCluster::builder().topic("orders", 1).start_blocking();
    kafka.unwrap()
}

/// One whose brokers never answer for a record.
fn silent() -> MockCluster {
    let kafka = kafka();
    let silence = Effect::Silence(When::BeforeHandling);
    kafka.inject(Fault::new(silence).api(ApiKey::PRODUCE));
    kafka
}

#[test]
fn a_program_that_ends_without_close_has_lost_nothing() {
    let kafka = kafka();
    let told = program(&kafka, "60000");
    assert_eq!(kafka.records("orders").len(), RECORDS);
    assert!(!told.contains("drop.timeout.ms"), "{told}");
}

#[test]
fn where_brokers_do_not_answer_the_wait_is_bounded_and_what_is_left_is_warned_of() {
    let kafka = silent();
    let told = program(&kafka, "300");
    let warning = "warning: kafka producer till-7: the last handle was dropped without close, and ";
    assert!(told.contains(warning), "{told}");
    // A machine may stand still for so long that they are not counted.
    let left = "records had no outcome within drop.timeout.ms=300";
    assert!(
        told.contains(&format!("and 1000 {left}")) || told.contains(&format!("and {left}")),
        "{told}"
    );
    assert!(told.contains("call close(timeout)"), "{told}");
}

#[test]
fn with_0_nothing_is_waited_for_nor_told() {
    let kafka = silent();
    let told = program(&kafka, "0");
    assert!(!told.contains("drop.timeout.ms"), "{told}");
}

#[test]
fn a_panic_waits_too() {
    let kafka = kafka();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let producer = producer(&kafka.bootstrap_servers(), "60000");
        let record = ProducerRecord::new("orders", "tea");
        producer.send_and_forget(record).unwrap();
        panic!("a defect of the program");
    }));
    assert!(panicked.is_err());
    assert_eq!(kafka.records("orders").len(), 1);
}

#[test]
fn a_callback_that_drops_the_last_handle_waits_for_nothing_and_the_rest_is_sent() {
    let kafka = kafka();
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers([kafka.bootstrap_servers()])
        .set("drop.timeout.ms", "86400000")
        .build()
        .unwrap();
    let in_callback = producer.as_async().clone();
    let (dropped, is_last) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let record = ProducerRecord::new("orders", "first");
    producer
        .send_with(record, move |outcome| {
            assert!(outcome.is_ok());
            is_last.recv().unwrap();
            let record = ProducerRecord::new("orders", "second");
            tell.send(in_callback.try_send(record).unwrap()).unwrap();
            drop(in_callback);
        })
        .unwrap();
    drop(producer);
    dropped.send(()).unwrap();
    told.recv().unwrap().wait().unwrap();
    assert_eq!(kafka.records("orders").len(), 2);
}

#[test]
fn an_open_transaction_is_aborted_before_the_drop_returns() {
    let kafka = kafka();
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers([kafka.bootstrap_servers()])
        .set("transactional.id", "till")
        .set("drop.timeout.ms", "60000")
        .build()
        .unwrap();
    producer.init_transactions().unwrap();
    let transaction = producer.begin_transaction().unwrap();
    let delivery = transaction
        .send(ProducerRecord::new("orders", "tea"))
        .unwrap();
    delivery.wait().unwrap();
    drop(transaction);
    drop(producer);
    let asked: Vec<ApiKey> = kafka.requests().iter().map(|seen| seen.api).collect();
    assert_eq!(asked.last(), Some(&ApiKey::END_TXN));
}
