//! What is counted, not timed: the program behind `cargo xtask bench --check`.
//!
//! ```text
//! counts --list             what there is to count, as JSON
//! counts SCENARIO NUMBER    does something so many times, and prints what it counted by itself
//! ```
//!
//! Instructions are counted from outside, by callgrind, on the first thread only: the difference
//! between a run with NUMBER and one with twice as much leaves out whatever begins and ends a
//! program. So everything here happens the same way every time: no randomness, no clock, and where
//! an engine runs beside the sender, nothing it does may reach the sender.

#![allow(clippy::unwrap_used, reason = "what is counted here works")]
#![allow(
    clippy::print_stdout,
    reason = "a program that is run by another prints"
)]

#[path = "../../../kafka-wire/benches/wire/log_text.rs"]
mod log_text;
#[path = "../../tests/rig/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "each of those who share it needs a part"
)]
mod rig;
mod sending;
mod serving;
mod spelling;

use std::collections::BTreeMap;

use serde_json::json;

/// What a scenario counts by itself: a name, and how much of it there is per operation.
type Counted = BTreeMap<String, f64>;

/// Something to be done again and again.
struct Scenario {
    name: &'static str,
    /// What an operation is about.
    per: &'static str,
    /// As many give a figure that does not depend on the first few.
    operations: u64,
    /// What else is counted, from outside.
    outside: Outside,
    run: fn(&Self, u64) -> Counted,
}

/// What can be counted of a scenario by who runs it.
#[derive(Clone, Copy, Debug)]
enum Outside {
    /// The instructions of its first thread are the same every time.
    Instructions,
    /// Its calls that write to a socket are as many as its requests.
    WriteCalls,
    Nothing,
}

impl Scenario {
    /// Does it so many times, and counts what is allocated on this thread.
    fn count(&self, operations: u64, mut operation: impl FnMut()) -> Counted {
        let allocated = allocation_counter::measure(|| (0..operations).for_each(|_| operation()));
        let each = |count: u64| count as f64 / operations as f64;
        BTreeMap::from([
            (
                format!("allocations per {}", self.per),
                each(allocated.count_total),
            ),
            (
                format!("bytes allocated per {}", self.per),
                each(allocated.bytes_total),
            ),
        ])
    }
}

fn main() {
    let scenarios: Vec<&Scenario> = [sending::SCENARIOS, serving::SCENARIOS, spelling::SCENARIOS]
        .into_iter()
        .flatten()
        .collect();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--list"] => {
            let list = scenarios.iter().map(|scenario| {
                json!({
                    "name": scenario.name,
                    "per": scenario.per,
                    "operations": scenario.operations,
                    "outside": format!("{:?}", scenario.outside),
                })
            });
            println!("{}", serde_json::Value::from_iter(list));
        }
        [name, operations] => {
            let scenario = scenarios.iter().find(|scenario| scenario.name == *name);
            let scenario = scenario.expect("a name from the list");
            let operations = operations.parse().expect("how many times");
            let counted = (scenario.run)(scenario, operations);
            println!("{}", json!(counted));
            // Producers whose broker does not answer would wait for it.
            std::process::exit(0);
        }
        _ => println!("usage: counts --list | SCENARIO NUMBER; see `cargo xtask bench --help`"),
    }
}
