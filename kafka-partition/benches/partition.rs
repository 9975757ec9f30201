//! How long a choice takes, by key and without.
//!
//! `cargo bench -p kafka-partition`; a word behind `--` chooses those that have it in their name.

use std::hint::black_box;

use criterion::Criterion;
use kafka_partition::{
    DefaultPartitioner, KeyHash, Partitioner, RecordView, RoundRobinPartitioner, StickyState,
    TopicView, murmur2,
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for bytes in [4, 16, 100] {
        let key = vec![b'k'; bytes];
        criterion.bench_function(&format!("murmur2/{bytes} B"), |bencher| {
            bencher.iter(|| murmur2(black_box(&key)));
        });
        for hash in [KeyHash::Crc32, KeyHash::Fnv1a] {
            criterion.bench_function(&format!("{hash}/{bytes} B"), |bencher| {
                bencher.iter(|| hash.hash(black_box(&key)));
            });
        }
    }
    choices(&mut criterion);
    criterion.final_summary();
}

fn choices(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choice");
    let sticky = StickyState::new(42);
    let some_led = [0, 1, 3, 4, 5, 7, 8, 9];
    let all = TopicView::new("orders", 12, &[], &sticky);
    let some = TopicView::new("orders", 12, &some_led, &sticky);
    let keyed = RecordView::new(Some(b"customer-0000007"), None);
    let default = DefaultPartitioner::new();
    let mut choice =
        |name: &str, topic: &TopicView<'_>, by: &dyn Partitioner, record: RecordView<'_>| {
            group.bench_function(name, |bencher| {
                bencher.iter(|| by.partition(topic, black_box(&record)));
            });
        };
    choice("by key", &all, &default, keyed);
    choice("sticky", &all, &default, RecordView::default());
    choice(
        "sticky, some without a leader",
        &some,
        &default,
        RecordView::default(),
    );
    choice(
        "in turn",
        &all,
        &RoundRobinPartitioner,
        RecordView::default(),
    );
    group.bench_function("sticky, and moves on", |bencher| {
        bencher.iter(|| {
            let chosen = default.partition(&all, &RecordView::default());
            default.batch_filled(&all, chosen);
        });
    });
    group.finish();
}
