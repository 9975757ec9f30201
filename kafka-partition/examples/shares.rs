//! Prints which share of records without a key each partition gets, for queues, leaders and racks as they
//! may be. `docs/partitioning.md` has the table beside that of Apache Kafka's client.
//!
//! `cargo run --release -p kafka-partition --example shares`

#![allow(clippy::print_stdout, reason = "what it is for")]

use kafka_partition::{
    Leader, Load, Partitioner, Rack, RecordView, StickyState, TopicView, UniformStickyPartitioner,
    Weights,
};

/// So many batches are filled in each case.
const BATCHES: u32 = 1_000_000;

fn main() {
    println!("| case | shares in % |");
    println!("|---|---|");
    for (case, loads) in cases() {
        let shares = shares(&loads).map(|share| format!("{share:.1}"));
        println!("| {case} | {} |", shares.collect::<Vec<_>>().join(" "));
    }
}

fn cases() -> Vec<(&'static str, Vec<Load>)> {
    let far = Load::queued;
    let near = |queued| far(queued).standing(Rack::Own);
    let silent = |load: Load| load.led(Leader::Unavailable);
    vec![
        ("queues 5 5 5", [5, 5, 5].map(far).to_vec()),
        ("queues 0 3 1", [0, 3, 1].map(far).to_vec()),
        ("queues 1 5 2", [1, 5, 2].map(far).to_vec()),
        ("queues 0 0 50", [0, 0, 50].map(far).to_vec()),
        (
            "queues 2 0 7, the third unavailable",
            vec![far(2), far(0), silent(far(7))],
        ),
        (
            "queues 2 0 7, all unavailable",
            [2, 0, 7].map(|queued| silent(far(queued))).to_vec(),
        ),
        (
            "queues 4 0 1 0 2 3, first and fourth in the rack",
            vec![near(4), far(0), far(1), near(0), far(2), far(3)],
        ),
        (
            "queues 1 1 1, first and third in the rack",
            vec![near(1), far(1), near(1)],
        ),
        (
            "queues 9 0 2, the first in the rack and unavailable",
            vec![silent(near(9)), far(0), far(2)],
        ),
    ]
}

fn shares(loads: &[Load]) -> impl Iterator<Item = f64> {
    let sticky = StickyState::shared(42);
    let mut weights = Weights::default();
    weights.weigh(loads);
    sticky.exchange_weights(&mut weights);
    let topic = TopicView::new("orders", loads.len() as u32, &[], &sticky);
    let mut counts = vec![0_u32; loads.len()];
    for _ in 0..BATCHES {
        let chosen = UniformStickyPartitioner.partition(&topic, &RecordView::default());
        counts[chosen as usize] += 1;
        UniformStickyPartitioner.batch_filled(&topic, chosen);
    }
    let percent = |count| f64::from(count) * 100.0 / f64::from(BATCHES);
    counts.into_iter().map(percent)
}
