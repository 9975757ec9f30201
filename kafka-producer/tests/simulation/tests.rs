//! What `cargo test` runs of the simulation: a few seeds. What others have found is kept by the tests of the
//! engine: a seed has another story as soon as a plan has one draw more.

use libtest_mimic::{Failed, Trial};

use crate::campaign::Campaign;
use crate::faults::FaultKind;
use crate::run::{Variant, run};
use crate::trace::Story;

/// All tests.
pub(crate) fn all() -> Vec<Trial> {
    vec![
        Trial::test("the_promises_hold_under_known_seeds", || promises(0, 50)),
        Trial::test("every_kind_of_fault_strikes_in_300_seeds", || {
            strikes(0, 300)
        }),
        Trial::test("the_same_seed_is_the_same_run", || same_run(1_000, 10)),
    ]
}

fn promises(from: u64, seeds: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    match tally.failed.is_empty() {
        true => Ok(()),
        false => Err(tally.to_string().into()),
    }
}

/// A kind of fault that never strikes shows nothing, whatever it is meant for.
fn strikes(from: u64, seeds: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    let mut idle = FaultKind::ALL.map(|(kind, _)| kind).to_vec();
    idle.retain(|kind| {
        tally
            .strikes
            .get(kind)
            .is_none_or(|it| it.struck < STRIKES_MIN)
    });
    match idle.is_empty() {
        true => Ok(()),
        false => Err(format!("these strike too seldom: {idle:?}\n{tally}").into()),
    }
}

const STRIKES_MIN: u64 = 3;

fn same_run(from: u64, seeds: u64) -> Result<(), Failed> {
    for seed in from..from + seeds {
        let [once, twice] = [(); 2].map(|()| run(seed, Story::Untold, &Variant::default()).trace);
        if once != twice {
            return Err(format!("seed {seed} gives the traces {once:x} and {twice:x}").into());
        }
    }
    Ok(())
}
