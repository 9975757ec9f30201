//! `cargo xtask bench --check`: compares exact counts with those of the repository.
//!
//! ```text
//! kafka-producer/benches/counts ─┬─ runs: allocations, wakes, bytes ─┐
//!                                ├─ under callgrind: instructions ───┼─▶ docs/benchmarks/counts.json
//!                                └─ under strace: write calls ───────┘
//! ```
//!
//! Other programs on the machine affect times but not counts. So this finds a change that makes a
//! record 5 % more expensive, on any machine. If a tool is missing, its counts are left out, and
//! the output says so.

mod baseline;
mod changes;
mod machine;
mod program;

use anyhow::{Result, ensure};

use baseline::{Baseline, Counts};
use changes::{Change, changes};
use program::Program;

/// Counts everything and compares it with what is in the repository.
pub(crate) fn check() -> Result<()> {
    let before = Baseline::read()?;
    let mut now = count()?;
    if let Some(difference) = before.machine.difference(&now.machine) {
        println!("instructions are not compared: {difference}");
        now.counts
            .retain(|name, _| !name.contains(program::INSTRUCTIONS));
        now.left_out.push(program::INSTRUCTIONS);
    }
    let is_excused = |name: &str| now.left_out.iter().any(|what| name.contains(what));
    let changes = changes(&before.counts, &now.counts, is_excused);
    changes.iter().for_each(|change| println!("{change}"));
    let of = |wanted: fn(&Change) -> bool| changes.iter().filter(|change| wanted(change)).count();
    let worse = of(Change::is_refused);
    ensure!(
        worse == 0,
        "{worse} of {} counts are not as they should be; if that is meant to be so, \
         `cargo xtask bench --update`",
        changes.len()
    );
    println!(
        "{} counts, none of them over 5 % more than it was",
        of(Change::is_compared)
    );
    if of(Change::is_better) > 0 {
        println!("some are better: keep that with `cargo xtask bench --update`");
    }
    Ok(())
}

/// Counts everything and writes it down.
pub(crate) fn update() -> Result<()> {
    let counted = count()?;
    ensure!(
        counted.left_out.is_empty(),
        "the file would lose {}",
        counted.left_out.join(" and ")
    );
    let baseline = Baseline {
        machine: counted.machine,
        counts: counted.counts,
    };
    baseline.write()
}

/// What was counted, where, and what could not be.
struct Counted {
    machine: machine::Machine,
    counts: Counts,
    left_out: Vec<&'static str>,
}

fn count() -> Result<Counted> {
    let machine = machine::Machine::this()?;
    let mut left_out = Vec::new();
    for (tool, counted) in program::missing_tools() {
        println!("{tool} is missing, so {counted} are left out: `apt-get install {tool}`");
        left_out.push(counted);
    }
    let program = Program::build()?;
    let mut counts = Counts::new();
    for scenario in program.scenarios()? {
        println!("counting: {}", scenario.name);
        counts.extend(program.count(&scenario)?);
    }
    Ok(Counted {
        machine,
        counts,
        left_out,
    })
}
