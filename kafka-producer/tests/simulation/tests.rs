//! What `cargo test` runs of the simulation: a few seeds, and those that once broke a promise. What is to be
//! kept for good of what they found is in the tests of the engine: a seed has another story as soon as a
//! plan has one draw more.

use libtest_mimic::{Failed, Trial};

use crate::campaign::Campaign;
use crate::faults::FaultKind;
use crate::run::{Variant, run};
use crate::trace::Story;
use crate::two_phase::{Completion, KillPoint, TwoPhaseCounts};

/// Seeds that found something, and what it was.
const REGRESSIONS: [(&str, u64); 6] = [
    ("two_questions_about_the_cluster_without_a_pause", 7),
    (
        "a_question_right_after_a_greeting_that_asked_for_a_pause",
        12,
    ),
    ("a_broker_met_again_amid_the_pause_it_asked_for", 50),
    ("a_pause_between_questions_that_did_not_grow", 88),
    ("a_broker_met_again_and_dialed_without_a_pause", 1_317),
    ("a_topic_that_was_refused_and_asked_about_as_new", 12_924),
];

/// All tests.
pub(crate) fn all() -> Vec<Trial> {
    let mut tests = vec![
        Trial::test("the_promises_hold_under_known_seeds", || promises(0, 50)),
        Trial::test("every_kind_of_fault_strikes_in_300_seeds", || {
            strikes(0, 300)
        }),
        Trial::test(
            "frozen_brokers_use_up_their_memory_in_10_of_100_seeds",
            || floods(0, 100, 10),
        ),
        Trial::test(
            "metrics_are_pushed_more_than_300_times_in_200_seeds",
            || pushes(0, 200, 300),
        ),
        Trial::test(
            "records_that_wait_are_explained_more_than_1000_times_in_100_seeds",
            || explanations(0, 100, 1_000),
        ),
        Trial::test(
            "programs_with_two_phase_commit_die_at_every_point_and_complete_in_every_way",
            || outboxes(0, 100),
        ),
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

/// Where no caller has to wait for the memory of a frozen broker, nothing is shown of the others.
fn floods(from: u64, seeds: u64, least: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    match tally.failed.is_empty() && tally.floods >= least {
        true => Ok(()),
        false => Err(tally.to_string().into()),
    }
}

/// Where metrics are hardly ever pushed, nothing is shown of records beside them.
fn pushes(from: u64, seeds: u64, least: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    match tally.failed.is_empty() && tally.pushes > least {
        true => Ok(()),
        false => Err(tally.to_string().into()),
    }
}

/// Where hardly anybody asks why a record waits, nothing is shown of the answers.
fn explanations(from: u64, seeds: u64, least: u64) -> Result<(), Failed> {
    let tally = Campaign::of(from, seeds).run();
    match tally.failed.is_empty() && tally.explained > least {
        true => Ok(()),
        false => Err(tally.to_string().into()),
    }
}

/// Where no process is killed at some point, or nothing completed in some way, nothing is shown of it.
fn outboxes(from: u64, seeds: u64) -> Result<(), Failed> {
    let mut campaign = Campaign::of(from, seeds);
    campaign.variant.two_phase = true;
    let tally = campaign.run();
    let TwoPhaseCounts { kills, completions } = &tally.two_phase;
    let often = |times: Option<&u64>| times.is_some_and(|times| *times >= STRIKES_MIN);
    let mut points = KillPoint::ALL.to_vec();
    points.retain(|at| !often(kills.get(at)));
    let mut ways = Completion::ALL.to_vec();
    ways.retain(|how| !often(completions.get(how)));
    match points.is_empty() && ways.is_empty() && tally.failed.is_empty() {
        true => Ok(()),
        false => Err(format!("these are too seldom: {points:?}, {ways:?}\n{tally}").into()),
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
