//! What `cargo test` runs of the simulation: a few seeds, and those that once broke a promise.

use libtest_mimic::{Failed, Trial};

use crate::campaign::Campaign;
use crate::run::run;
use crate::trace::Story;

/// Seeds that found something, and what it was.
const REGRESSIONS: &[(&str, u64)] = &[
    ("a_call_came_after_its_deadline", 14_938_062_892_787_163_333),
    (
        "a_late_request_began_a_transaction",
        14_938_062_892_787_162_420,
    ),
    ("a_topic_made_anew_had_a_later_batch", 500_000_021_593),
    (
        "a_topic_made_anew_acknowledged_a_later_batch",
        500_000_271_597,
    ),
    (
        "a_topic_made_anew_had_a_batch_behind_a_gap",
        1_700_000_262_100,
    ),
    ("offsets_were_answered_after_their_abort", 1_500_000_057_430),
    (
        "a_loading_coordinator_had_added_a_partition",
        1_900_000_346_057,
    ),
    (
        "a_topic_made_anew_was_led_by_one_of_the_topic_before",
        2_300_000_208_242,
    ),
    ("offsets_were_set_back_by_a_late_copy", 3_100_000_181_847),
];

/// All tests.
pub(crate) fn all() -> Vec<Trial> {
    let mut tests = vec![
        Trial::test("the_promises_hold_under_known_seeds", || promises(0, 50)),
        Trial::test("the_same_seed_is_the_same_run", || same_run(1_000, 10)),
    ];
    let named = REGRESSIONS.iter().map(|&(name, seed)| {
        let name = format!("seed_{seed}_{name}");
        Trial::test(name, move || promises(seed, 1))
    });
    tests.extend(named);
    tests
}

fn promises(from: u64, seeds: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    match tally.failed.is_empty() {
        true => Ok(()),
        false => Err(tally.to_string().into()),
    }
}

fn same_run(from: u64, seeds: u64) -> Result<(), Failed> {
    for seed in from..from + seeds {
        let [once, twice] = [(); 2].map(|()| run(seed, Story::Untold, None).trace);
        if once != twice {
            return Err(format!("seed {seed} gives the traces {once:x} and {twice:x}").into());
        }
    }
    Ok(())
}
