//! What is printed of each step: a line with a mark, what was found, and how long it took.

use std::io::{self, Write as _};
use std::time::Duration;

/// A step of the way to a record in the log. The order is that in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Configuration,
    Resolve,
    Connect,
    Tls,
    Answer,
    Login,
    Topic,
    Leaders,
    Write,
}

/// Why a step has failed, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) why: String,
    pub(crate) advice: &'static str,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Answer => "answer",
            Self::Login => "login",
            Self::Topic => "topic",
            Self::Leaders => "leaders",
            Self::Write => "write",
        }
    }

    /// It has passed.
    pub(crate) fn passed(self, found: &str, took: Option<Duration>) {
        let took = took.map(|took| format!(" ({})", shown(took)));
        print(&format!(
            "✓ {:13} {found}{}",
            self.name(),
            took.unwrap_or_default()
        ));
    }

    /// It was not tried.
    pub(crate) fn left_out(self, why: &str) {
        print(&format!("- {:13} {why}", self.name()));
    }

    /// Something of it has failed, which is not needed.
    pub(crate) fn remark(self, what: &str) {
        print(&format!("! {:13} {what}", self.name()));
    }
}

impl Failure {
    pub(crate) fn new(step: Step, why: impl ToString, advice: &'static str) -> Self {
        let why = why.to_string();
        Self { step, why, advice }
    }

    /// The last lines of a check.
    pub(crate) fn print(&self) {
        let (name, why) = (self.step.name(), &self.why);
        print(&format!("✗ {name:13} {why}"));
        print(&format!("  {:13} {}", "what to do:", self.advice));
    }
}

/// One line. Whoever has read enough may close the pipe: the exit code tells the rest.
pub(crate) fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Milliseconds, or seconds where there are many.
fn shown(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds >= 1.0 => format!("{seconds:.1} s"),
        seconds => format!("{:.1} ms", seconds * 1e3),
    }
}
