//! Whether a name in `bootstrap.servers` was resolved yet, and for how long that is tried
//! (`bootstrap.resolve.timeout.ms`, KIP-909).
//!
//! ```text
//! Untried ──the first is dialed──▶ Trying ──one is resolved──▶ Resolved
//!                                    └──────▶ its time is over: the producer fails for good
//! ```
//!
//! Once resolved, names may fail as often as they like: that is an obstacle like any other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::FatalError;

/// How far the bootstrap servers' names are.
#[derive(Debug)]
pub(crate) struct Bootstrapping {
    state: State,
}

#[derive(Debug)]
enum State {
    Untried {
        limit: Duration,
    },
    Trying {
        limit: Duration,
        until: Instant,
        /// Why the last attempt has failed.
        last: Option<Arc<str>>,
    },
    /// A name was resolved, or may take for ever.
    Resolved,
}

impl Bootstrapping {
    /// With this limit, if there is one.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let state = limit.map_or(State::Resolved, |limit| State::Untried { limit });
        Self { state }
    }

    /// A bootstrap server is dialed; when to look at this again, if that is the first.
    pub(crate) fn dialed(&mut self, now: Instant) -> Option<Instant> {
        let State::Untried { limit } = self.state else {
            return None;
        };
        let until = now + limit;
        self.state = State::Trying {
            limit,
            until,
            last: None,
        };
        Some(until)
    }

    /// An attempt to reach a bootstrap server has failed.
    pub(crate) fn failed(&mut self, why: &str) {
        if let State::Trying { last, .. } = &mut self.state {
            *last = Some(why.into());
        }
    }

    /// The name of a bootstrap server has an address.
    pub(crate) fn resolved(&mut self) {
        self.state = State::Resolved;
    }

    /// That it took too long.
    pub(crate) fn overdue(&self, now: Instant) -> Option<FatalError> {
        match &self.state {
            State::Trying { limit, until, last } if *until <= now => {
                let last = last.clone();
                Some(FatalError::BootstrapUnresolved {
                    limit: *limit,
                    reason: last.unwrap_or_else(|| "the resolver has not answered".into()),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// What is told at the end of the time, and a moment before it, after this has happened.
    fn told(limit: Option<Duration>, happen: impl Fn(&mut Bootstrapping)) -> Option<String> {
        let start = Instant::now();
        let mut names = Bootstrapping::new(limit);
        assert!(names.overdue(start + LIMIT).is_none());
        assert_eq!(names.dialed(start), limit.map(|limit| start + limit));
        assert_eq!(names.dialed(start + LIMIT / 2), None, "the first counts");
        happen(&mut names);
        let moment = Duration::from_nanos(1);
        assert!(names.overdue(start + LIMIT - moment).is_none());
        names.overdue(start + LIMIT).map(|fatal| fatal.to_string())
    }

    #[test]
    fn names_that_are_not_resolved_in_time_are_told_with_the_last_reason() {
        let words =
            "no name in bootstrap.servers was resolved within bootstrap.resolve.timeout.ms=5000: ";
        let silent = format!("{words}the resolver has not answered");
        assert_eq!(told(Some(LIMIT), |_| ()), Some(silent));
        let failed = told(Some(LIMIT), |names| {
            names.failed("no");
            names.failed("still no");
        });
        assert_eq!(failed, Some(format!("{words}still no")));
    }

    #[test]
    fn one_name_is_enough_and_without_a_limit_there_is_time_for_ever() {
        let resolved = |names: &mut Bootstrapping| {
            names.failed("no");
            names.resolved();
            names.failed("it refuses");
        };
        assert_eq!(told(Some(LIMIT), resolved), None);
        assert_eq!(told(None, |names| names.failed("no")), None);
    }
}
