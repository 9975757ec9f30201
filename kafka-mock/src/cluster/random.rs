//! Ids and delays that look random and follow from the seed: the same seed gives the same cluster.

use std::{ops::RangeInclusive, time::Duration};

use kafka_wire::Uuid;

/// SplitMix64: small, and good enough for ids and delays.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(super) fn uuid(&mut self) -> Uuid {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        // Neither all zeros, which stands for "none", nor a leading dash in the text form.
        Uuid((bits >> 1 | 1).to_be_bytes())
    }

    /// A duration in the range; nothing is drawn where there is no choice.
    pub(super) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let span = range.end().saturating_sub(*range.start());
        match u64::try_from(span.as_nanos()).unwrap_or(u64::MAX) {
            0 => *range.start(),
            u64::MAX => *range.start() + Duration::from_nanos(self.next()),
            nanos => *range.start() + Duration::from_nanos(self.next() % (nanos + 1)),
        }
    }

    /// True once in `times` calls, on average.
    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
