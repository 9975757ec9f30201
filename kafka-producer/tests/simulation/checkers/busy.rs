//! Nobody is busy for nothing: an engine that nobody rings and to which nothing comes gets up as
//! often as its timers have reason to, and never twice for the same.

use std::time::{Duration, Instant};

use crate::ground::Ground;

/// How often a producer got up without being told anything.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    second: Option<Instant>,
    in_this_second: u32,
    moment: Option<Instant>,
    in_this_moment: u32,
}

impl Pace {
    /// A round; `idle` if there was neither a ring nor an input.
    pub(crate) fn round(&mut self, ground: &Ground, client: usize, idle: bool) {
        if !idle {
            return;
        }
        let now = ground.now();
        if self.moment != Some(now) {
            (self.moment, self.in_this_moment) = (Some(now), 0);
        }
        if self.second.is_none_or(|second| now >= second + SECOND) {
            (self.second, self.in_this_second) = (Some(now), 0);
        }
        self.in_this_moment += 1;
        self.in_this_second += 1;
        if self.in_this_moment > PER_MOMENT_MAX || self.in_this_second > PER_SECOND_MAX {
            let story = format!(
                "producer {client} got up {} times at once, {} times in a second",
                self.in_this_moment, self.in_this_second
            );
            ground.broken("nobody is busy for nothing", story);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const PER_MOMENT_MAX: u32 = 8;
const PER_SECOND_MAX: u32 = 2_000;
