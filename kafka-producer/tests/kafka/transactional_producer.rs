//! The transactional-producer example: what it says of each transaction is what kcat, which reads
//! committed records only, finds in the topic.

use serde_json::Value;

use crate::cluster::{create_topic, servers, topic_name};
use crate::lines::{lines, number, text};
use crate::program::{Ended, Running};
use crate::tools::{example, kcat};

fn start(topic: &str, id: &str, more: &[&str]) -> Running {
    let servers = servers();
    let known = [
        "--bootstrap",
        &servers,
        "--topic",
        topic,
        "--transactional-id",
        id,
    ];
    Running::start("transactional-producer", &[&known[..], more].concat())
}

/// The values of the transactions that were committed, as these programs say.
fn committed(programs: &[Ended]) -> Vec<i64> {
    let lines = programs.iter().flat_map(lines);
    let committed = lines.filter(|line: &Value| line["outcome"] == "committed");
    committed
        .flat_map(|line| number(&line["first"])..=number(&line["last"]))
        .collect()
}

fn read(topic: &str) -> Vec<i64> {
    let records = kcat(topic).into_iter();
    let mut values: Vec<i64> = records.map(|it| it.text().parse().unwrap()).collect();
    values.sort_unstable();
    values
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn what_the_program_says_was_committed_is_what_others_read() {
    example("transactional-producer");
    let topic = create_topic("program", 3, &[]);
    let work = [
        "--txns",
        "40",
        "--abort-every",
        "4",
        "--txn-interval-ms",
        "10",
    ];
    let ended = start(&topic, &topic_name("id"), &work).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = committed(&[ended]);
    assert_eq!(expected.len(), 300);
    assert_eq!(read(&topic), expected);
}

#[test]
#[ignore = "needs a real Kafka: run by cargo xtask ci kafka"]
fn the_earlier_of_two_programs_with_one_id_ends_with_code_3_and_the_later_completes() {
    example("transactional-producer");
    let topic = create_topic("programs", 3, &[]);
    let id = topic_name("id");
    let endless = ["--txns", "1000000", "--txn-interval-ms", "20"];
    let mut zombie = start(&topic, &id, &endless);
    zombie.read_until("committed");
    let successor = start(&topic, &id, &["--txns", "20", "--first-value", "100000000"]).end();
    assert_eq!(successor.code, Some(0), "{successor:?}");
    let zombie = zombie.end();
    assert_eq!(zombie.code, Some(3), "{zombie:?}");
    let said = lines(&zombie);
    let last = &said[said.len() - 2];
    assert_eq!(last["outcome"], "error");
    assert!(
        text(&last["exception"]).ends_with(".ProducerFencedException"),
        "{last}"
    );
    assert_eq!(read(&topic), committed(&[zombie, successor]));
}
