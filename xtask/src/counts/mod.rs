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
    let Counted {
        mut now,
        mut left_out,
    } = count()?;
    if let Some(difference) = before.machine.difference(&now.machine) {
        println!("instructions are not compared: {difference}");
        let instructions = program::INSTRUCTIONS;
        now.counts.retain(|name, _| !name.contains(instructions));
        left_out.push(instructions);
    }
    let is_excused = |name: &str| left_out.iter().any(|what| name.contains(what));
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
    let compared = of(Change::is_compared);
    println!("{compared} counts, none of them over 5 % more than it was");
    if of(Change::is_better) > 0 {
        println!("some are better: keep that with `cargo xtask bench --update`");
    }
    Ok(())
}

/// Counts everything and writes it down.
pub(crate) fn update() -> Result<()> {
    let Counted { now, left_out } = count()?;
    let lost = left_out.join(" and ");
    ensure!(left_out.is_empty(), "the file would lose {lost}");
    now.write()
}

/// What was counted, and what could not be.
struct Counted {
    now: Baseline,
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
    let now = Baseline { machine, counts };
    Ok(Counted { now, left_out })
}
