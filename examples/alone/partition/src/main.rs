//! Are two topics co-partitioned? And which keys move when partitions are added?
//!
//! ```console
//! cargo run -- KEYS murmur2:12 crc32:12     # a file with a key a line, and two topics
//! cargo run                                 # with keys and topics of its own
//! ```
//!
//! The hashes are `murmur2` (Java), `crc32` (librdkafka), `fnv1a` (Sarama) and `fnv1a-reference`. It ends with 1 if a key
//! has different partitions.

use std::error::Error;
use std::process::ExitCode;

use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => show().map(|()| ExitCode::SUCCESS),
        [keys, one, other] => {
            let keys = std::fs::read_to_string(keys)?;
            let moves = KeyMoves::count(topic(one)?, topic(other)?, keys.lines());
            println!("{moves}");
            Ok(ExitCode::from(u8::from(!moves.is_empty())))
        }
        _ => Err("expected no arguments, or a file of keys and two topics, like murmur2:12".into()),
    }
}

/// A topic as `murmur2:12`: what hashes its keys, and how many partitions it has.
fn topic(text: &str) -> Result<KeyPlacement, Box<dyn Error>> {
    let (name, partitions) = text.split_once(':').ok_or("a topic is like murmur2:12")?;
    let hash = KeyHash::ALL
        .into_iter()
        .find(|hash| hash.to_string() == name);
    let hash = hash.ok_or_else(|| format!("no hash is called {name}"))?;
    Ok(KeyPlacement::new(hash, partitions.parse()?))
}

fn show() -> Result<(), Box<dyn Error>> {
    let keys: Vec<String> = (0..10_000).map(|id| format!("customer-{id}")).collect();
    let orders = topic("murmur2:12")?;

    println!("Orders and payments, both by Java's client, 12 partitions each:");
    let payments = KeyMoves::count(orders, topic("murmur2:12")?, &keys);
    println!("{payments}\n");
    assert!(payments.is_empty());

    println!("Orders by Java's client, payments by librdkafka's default:");
    let payments = KeyMoves::count(orders, topic("crc32:12")?, &keys);
    println!("{payments}\n");
    assert!(!payments.is_empty());

    println!("Twice as many partitions for the orders:");
    let grown = KeyMoves::count(orders, topic("murmur2:24")?, &keys);
    println!("{grown}");
    let splits_in_two = grown.iter().all(|((from, to), _)| to == from + 12);
    assert!(
        splits_in_two,
        "each partition gives keys to one new one alone"
    );
    Ok(())
}
