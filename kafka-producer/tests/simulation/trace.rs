//! What happened, as a number to compare runs by and, if asked for, as a story to read.
//!
//! The number is made of everything that leaves a trace: who did what when, and every byte that
//! went over the network. Lines of the story are only made when somebody reads them.

use std::cell::RefCell;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;

/// Who reads the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    Untold,
    /// Line by line to the standard output.
    Printed,
}

/// The trace of one run.
pub(crate) struct Trace {
    clock: Arc<Clock>,
    story: Story,
    hasher: RefCell<DefaultHasher>,
}

impl Trace {
    pub(crate) fn new(clock: Arc<Clock>, story: Story) -> Self {
        Self {
            clock,
            story,
            hasher: RefCell::new(DefaultHasher::new()),
        }
    }

    /// A line: who, and what.
    pub(crate) fn tell<W: Display, T: Display>(&self, who: W, what: impl FnOnce() -> T) {
        if self.story == Story::Printed {
            let at = seconds(self.clock.elapsed());
            println!("{at}  {:<12} {}", who.to_string(), what());
        }
    }

    /// Makes something part of the number, and when it was.
    pub(crate) fn mark(&self, what: &str, which: u64) {
        let mut hasher = self.hasher.borrow_mut();
        hasher.write_u64(self.clock.elapsed().as_nanos() as u64);
        hasher.write(what.as_bytes());
        hasher.write_u64(which);
    }

    /// Makes bytes part of the number.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.hasher.borrow_mut().write(bytes);
    }

    /// The same for two runs in which the same happened.
    pub(crate) fn number(&self) -> u64 {
        self.hasher.borrow().finish()
    }
}

/// A time of the story.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:>11.6}", elapsed.as_secs_f64())
}
