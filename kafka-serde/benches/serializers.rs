//! How long it takes to lend bytes, and to write them.
//!
//! `cargo bench -p kafka-serde --features json`; a word behind `--` chooses those that have it in
//! their name.

#![allow(clippy::unwrap_used, reason = "what is measured here works")]

use std::hint::black_box;

use criterion::Criterion;
use kafka_serde::{BigEndian, Context, Headers, Json, Raw, Role, Serializer, Utf8};

#[derive(serde::Serialize)]
struct Order {
    id: u64,
    customer: &'static str,
    paid: bool,
    items: [u32; 4],
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let text = "v".repeat(100);
    measure(&mut criterion, "str of 100 B", &Utf8, text.as_str());
    measure(&mut criterion, "100 B", &Raw, text.as_bytes());
    measure(&mut criterion, "i64", &BigEndian, &7_i64);
    let order = Order {
        id: 4711,
        customer: "customer-7",
        paid: true,
        items: [1, 20, 300, 4_000],
    };
    measure(&mut criterion, "JSON of 65 B", &Json, &order);
    criterion.final_summary();
}

/// As the producer does it: through a trait object, into a buffer that is kept.
fn measure<T: ?Sized>(
    criterion: &mut Criterion,
    name: &str,
    serializer: &dyn Serializer<T>,
    value: &T,
) {
    let mut scratch = Vec::new();
    let mut headers = Headers::new();
    criterion.bench_function(&format!("serialize/{name}"), |bencher| {
        bencher.iter(|| {
            let mut context = Context::new("orders", Role::Value, &mut headers);
            let bytes = serializer.serialize(&mut context, black_box(value), &mut scratch);
            bytes.unwrap().map(<[u8]>::len)
        });
    });
}
