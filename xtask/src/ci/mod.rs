//! `cargo xtask ci`: all checks, in named stages, the quick ones first.
//!
//! A stage runs the same commands that a person would type. It fails if its target does not exist,
//! or if no test ran. Nothing is skipped unless an option says so, and the table at the end lists
//! what was left out. What the stages need on the machine is checked before the first one begins.

mod features;
mod minimal;
mod no_c;
mod other_clients;
mod selection;
mod stages;
mod tools;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use stages::{Check, NotChecked, STAGES, Stage};

/// Check everything, in named stages; each can be run alone.
#[derive(Args)]
pub(crate) struct Task {
    /// The stages to run, in the order of the list [default: all but those that only run when named].
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Leave out the stages that need Java, Maven or a Kafka.
    #[arg(long)]
    without_kafka: bool,
    /// Go on after a stage that failed.
    #[arg(long)]
    keep_going: bool,
    /// Say what the stages are and run none.
    #[arg(long)]
    list: bool,
}

/// What became of a stage.
enum Outcome {
    Passed {
        took: Duration,
        tests: Option<usize>,
    },
    Failed {
        took: Duration,
        error: String,
    },
    /// What it needs from elsewhere is not to be had.
    NotChecked {
        why: String,
    },
    LeftOut,
    NotReached,
}

impl Task {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.list {
            for stage in STAGES {
                let extra = if stage.is_extra {
                    " (only when named)"
                } else {
                    ""
                };
                println!("{:12}{}{extra}", stage.name, stage.about);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let chosen = self.chosen()?;
        for stage in chosen.iter().filter(|stage| !self.leaves_out(stage)) {
            let hint = "(`--without-kafka` leaves out all that need Java)";
            (stage.requires)().with_context(|| format!("stage {} {hint}", stage.name))?;
        }
        let mut outcomes: Vec<(&Stage, Outcome)> = Vec::new();
        let mut stopped = false;
        for stage in chosen {
            let outcome = match () {
                () if self.leaves_out(stage) => Outcome::LeftOut,
                () if stopped => Outcome::NotReached,
                () => run(stage),
            };
            stopped |= matches!(outcome, Outcome::Failed { .. }) && !self.keep_going;
            outcomes.push((stage, outcome));
        }
        Ok(summary(&outcomes))
    }

    fn leaves_out(&self, stage: &Stage) -> bool {
        self.without_kafka && stage.needs_java
    }

    /// The stages that were named, each once, in the order of the list.
    fn chosen(&self) -> Result<Vec<&'static Stage>> {
        for name in &self.stages {
            if !STAGES.iter().any(|stage| stage.name == name) {
                let known: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
                let known = known.join(", ");
                bail!("there is no stage {name:?}; there are: {known}");
            }
        }
        let is_chosen = |stage: &&Stage| match self.stages.is_empty() {
            true => !stage.is_extra,
            false => self.stages.iter().any(|name| name == stage.name),
        };
        Ok(STAGES.iter().filter(is_chosen).collect())
    }
}

fn run(stage: &Stage) -> Outcome {
    println!("\n== {}: {}", stage.name, stage.about);
    let start = Instant::now();
    let done = match stage.check {
        Check::Plain(check) => check().map(|()| None),
        Check::Tests(run) => run().map(Some),
    };
    let took = start.elapsed();
    let seconds = took.as_secs_f64();
    let _ = std::io::stdout().flush();
    match done {
        Ok(tests) => {
            println!("== {} passed in {seconds:.1} s", stage.name);
            Outcome::Passed { took, tests }
        }
        Err(error) if error.is::<NotChecked>() => {
            println!("== {} NOT CHECKED: {error}", stage.name);
            let why = error.to_string();
            Outcome::NotChecked { why }
        }
        Err(error) => {
            let error = format!("{error:#}");
            println!("== {} FAILED after {seconds:.1} s: {error}", stage.name);
            Outcome::Failed { took, error }
        }
    }
}

/// Prints the table; its last line is the count alone.
fn summary(outcomes: &[(&Stage, Outcome)]) -> ExitCode {
    println!("\n{:10} {:>8}  {:>6}  outcome", "stage", "seconds", "tests");
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (stage, outcome) in outcomes {
        let (mut seconds, mut count) = (String::new(), String::new());
        let mut spent = |took: &Duration| seconds = format!("{:.1}", took.as_secs_f64());
        let said = match outcome {
            Outcome::Passed { took, tests } => {
                spent(took);
                count = tests.map_or_else(String::new, |tests| tests.to_string());
                passed += 1;
                "passed".to_owned()
            }
            Outcome::Failed { took, error } => {
                spent(took);
                failed += 1;
                format!("FAILED: {}", first_line(error))
            }
            Outcome::NotChecked { why } => {
                skipped += 1;
                format!("NOT CHECKED: {}", first_line(why))
            }
            Outcome::LeftOut => "left out (--without-kafka)".to_owned(),
            Outcome::NotReached => "not reached".to_owned(),
        };
        println!("{:10} {seconds:>8}  {count:>6}  {said}", stage.name);
    }
    match skipped {
        0 => println!("\n{passed} passed, {failed} failed"),
        _ => println!("\n{passed} passed, {failed} failed, {skipped} skipped"),
    }
    ExitCode::from(u8::from(failed > 0))
}

/// As much of it as fits behind the name of a stage.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(90).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(stages: &[&str]) -> Task {
        let stages = stages.iter().map(ToString::to_string).collect();
        Task {
            stages,
            without_kafka: false,
            keep_going: false,
            list: false,
        }
    }

    fn names(task: &Task) -> Vec<&'static str> {
        task.chosen()
            .unwrap()
            .iter()
            .map(|stage| stage.name)
            .collect()
    }

    #[test]
    fn every_stage_runs_when_none_is_named_except_those_that_must_be() {
        let extra: Vec<_> = STAGES.iter().filter(|stage| stage.is_extra).collect();
        assert_eq!(names(&task(&[])).len(), STAGES.len() - extra.len());
        let extra: Vec<_> = extra.iter().map(|stage| stage.name).collect();
        assert_eq!(names(&task(&extra)), ["versions"]);
    }

    #[test]
    fn named_stages_run_once_and_in_the_order_of_the_list() {
        assert_eq!(names(&task(&["tidy", "fmt", "tidy"])), ["fmt", "tidy"]);
    }

    #[test]
    fn an_unknown_stage_is_an_error_that_lists_the_known_ones() {
        let error = task(&["tydi"]).chosen().err().unwrap().to_string();
        assert!(
            error.contains("\"tydi\"") && error.contains("fmt, typos, clippy, tidy"),
            "{error}"
        );
    }

    #[test]
    fn a_stage_that_could_not_check_has_neither_passed_nor_failed() {
        let stage = Stage {
            check: Check::Plain(|| Err(NotChecked("nobody answers".to_owned()).into())),
            ..STAGES[0]
        };
        let outcome = run(&stage);
        assert!(
            matches!(&outcome, Outcome::NotChecked { why } if why == "nobody answers"),
            "it was taken for something else"
        );
    }

    #[test]
    fn only_stages_that_need_java_are_left_out_without_kafka() {
        let task = Task {
            without_kafka: true,
            ..task(&[])
        };
        let left_out: Vec<_> = STAGES
            .iter()
            .filter(|s| task.leaves_out(s))
            .map(|s| s.name)
            .collect();
        assert_eq!(left_out, ["schemas", "kafka", "faults", "versions"]);
    }
}
