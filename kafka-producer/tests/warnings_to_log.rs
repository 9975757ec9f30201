//! A program that has set up `log` and not `tracing` finds the warnings about a configuration there.
//!
//! A process of its own, because a logger is for the whole process.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

use std::sync::Mutex;

use kafka_producer::Producer;
use log::{LevelFilter, Log, Metadata, Record};

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl Log for Collect {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == "kafka_producer" {
            let line = format!("{} {}", record.level(), record.args());
            LOGGED.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn warnings_are_records_of_log_where_only_that_is_set_up() {
    log::set_logger(&Collect).unwrap();
    log::set_max_level(LevelFilter::Warn);
    let producer = Producer::<str, str>::builder()
        .bootstrap_servers(["localhost:9092"])
        .set("client.id", "till-7")
        .set("liger.ms", "0")
        .build();
    drop(producer.unwrap());
    let logged = LOGGED.lock().unwrap();
    let [line] = &logged[..] else {
        panic!("{logged:?}")
    };
    assert!(
        line.starts_with("WARN unknown property \"liger.ms\""),
        "{line}"
    );
    assert!(line.contains("till-7"), "{line}");
}
