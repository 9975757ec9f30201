//! The attempts of one batch that were not acknowledged: the first few and the last ones, for the timeline of an
//! error.
//!
//! A batch that is acknowledged at its first attempt has none.

use std::collections::VecDeque;

use crate::error::{Attempt, TimelineEvent};

/// Attempts that have ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    first: Vec<Attempt>,
    last: VecDeque<Attempt>,
    left_out: u32,
}

impl Trail {
    /// How many attempts have ended, kept or not.
    pub(super) fn total(&self) -> u32 {
        (self.first.len() + self.last.len()) as u32 + self.left_out
    }

    pub(super) fn first(&self) -> Option<&Attempt> {
        self.first.first()
    }

    /// Another attempt has ended.
    pub(super) fn note(&mut self, attempt: Attempt) {
        if self.first.len() < FIRST {
            return self.first.push(attempt);
        }
        if self.last.len() == LAST {
            self.last.pop_front();
            self.left_out = self.left_out.saturating_add(1);
        }
        self.last.push_back(attempt);
    }

    /// Appends what is known of them.
    pub(super) fn tell(&self, events: &mut Vec<TimelineEvent>) {
        let told = |attempt: &Attempt| TimelineEvent::Attempt(attempt.clone());
        events.extend(self.first.iter().map(told));
        let attempts = self.left_out;
        events.extend((attempts > 0).then_some(TimelineEvent::LeftOut { attempts }));
        events.extend(self.last.iter().map(told));
    }
}

/// So many attempts are kept of the first ones: they tell how it began.
const FIRST: usize = 4;

/// And so many of the last ones: they tell how it ended.
const LAST: usize = 12;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::AttemptEnd;

    fn attempt(number: u32) -> Attempt {
        let sent = Duration::from_secs(u64::from(number));
        Attempt {
            number,
            broker: 1,
            address: None,
            sent,
            ended: sent,
            end: AttemptEnd::TimedOut,
            throttled: None,
        }
    }

    /// The numbers of the attempts that are told after so many, and of those left out the count.
    fn told(attempts: u32) -> (Vec<u32>, Option<u32>) {
        let mut trail = Trail::default();
        for number in 1..=attempts {
            trail.note(attempt(number));
        }
        assert_eq!(trail.total(), attempts);
        let mut events = Vec::new();
        trail.tell(&mut events);
        let mut left_out = None;
        let numbers = events.iter().filter_map(|event| match event {
            TimelineEvent::Attempt(attempt) => Some(attempt.number),
            TimelineEvent::LeftOut { attempts } => {
                left_out = Some(*attempts);
                None
            }
            other => panic!("{other:?}"),
        });
        (numbers.collect(), left_out)
    }

    #[test]
    fn the_first_four_and_the_last_twelve_attempts_are_told() {
        assert_eq!(told(0), (vec![], None));
        assert_eq!(told(4), ((1..=4).collect(), None));
        assert_eq!(told(16), ((1..=16).collect(), None));
        assert_eq!(told(17), ((1..=4).chain(6..=17).collect(), Some(1)));
        assert_eq!(told(1000), ((1..=4).chain(989..=1000).collect(), Some(984)));
    }
}
