//! How much was sent since the partitions of a topic were last weighed.
//!
//! Weighing looks at each partition of a topic. So it is done for every few batches that are sent, half as many
//! as the topic has partitions, and at least every tenth of a second while any are.

use std::time::{Duration, Instant};

/// What was sent of one topic.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Freshness {
    /// When it was last weighed.
    weighed: Option<Instant>,
    /// How many batches were sent since.
    sent: usize,
}

impl Freshness {
    /// So many batches were sent.
    pub(crate) fn note(&mut self, sent: usize) {
        self.sent += sent;
    }

    /// Whether a topic with so many partitions is to be weighed again.
    pub(crate) fn is_over(self, partitions: usize, now: Instant) -> bool {
        let is_old = |weighed| now.saturating_duration_since(weighed) >= OLD;
        self.sent >= partitions.div_ceil(2) || self.weighed.is_none_or(is_old)
    }

    /// It was just weighed.
    pub(crate) fn renew(&mut self, now: Instant) {
        let weighed = Some(now);
        *self = Self { weighed, sent: 0 };
    }
}

const OLD: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_weighed_at_first_then_for_half_of_its_partitions_or_after_a_while() {
        let start = Instant::now();
        let mut freshness = Freshness::default();
        assert!(freshness.is_over(100, start));
        freshness.renew(start);
        freshness.note(49);
        assert!(!freshness.is_over(100, start));
        assert!(freshness.is_over(98, start));
        assert!(!freshness.is_over(100, start + OLD - Duration::from_nanos(1)));
        assert!(freshness.is_over(100, start + OLD));
        freshness.note(1);
        assert!(freshness.is_over(100, start));
        freshness.renew(start);
        assert!(!freshness.is_over(2, start));
    }
}
