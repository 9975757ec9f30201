//! How likely each partition of a topic is the next one for records without a key.
//!
//! A pure function of what waits for each partition, whether its leader can be sent to, and whether it
//! stands in the client's rack (KIP-794, KIP-1123). The sender computes the weights, at its own pace,
//! and leaves them in the topic's [`StickyState`](crate::StickyState); a thread looks there when it moves
//! on, once a batch. Nothing here is done per record.
//!
//! ```text
//! the first class that any partition is in      weight of those that are
//!   leader available, in the client's rack      longest queue among them + 1 - own queue
//!   leader available                            the same
//!   leader unavailable, in the client's rack    1
//!   leader unavailable                          1
//! ```

use alloc::vec::Vec;

/// The running sums of the weights of a topic's partitions.
///
/// Empty if all partitions that have a leader are alike: nothing has to be looked up then.
///
/// ```
/// use kafka_partition::{Load, Weights};
///
/// let mut weights = Weights::default();
/// weights.weigh(&[Load::queued(0), Load::queued(3), Load::queued(1)]);
/// assert!(weights.of_each().eq([4, 1, 3]));
/// assert_eq!((weights.pick(|total| total / 2)), Some(1)); // of 0..8, 4 is the second partition's
///
/// weights.weigh(&[Load::queued(7), Load::queued(7)]);
/// assert!(weights.are_equal());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// By partition; where it does not grow, the partition is not chosen.
    ends: Vec<u64>,
}

/// What is known of one partition.
///
/// ```
/// use kafka_partition::{Leader, Load, Rack};
///
/// let load = Load::queued(2).led(Leader::Unavailable).standing(Rack::Own);
/// assert_eq!((load.queued, load.leader, load.rack), (2, Leader::Unavailable, Rack::Own));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Load {
    /// How many batches wait to be sent to it.
    pub queued: u32,
    /// Whether its leader takes some.
    pub leader: Leader,
    /// Where its leader stands.
    pub rack: Rack,
}

/// Whether the leader of a partition takes batches.
///
/// ```
/// assert_eq!(kafka_partition::Leader::default(), kafka_partition::Leader::Available);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leader {
    /// As far as is known.
    #[default]
    Available,
    /// Batches have waited for it longer than `partitioner.availability.timeout.ms`.
    Unavailable,
    /// There is none.
    Missing,
}

/// Where the leader of a partition stands.
///
/// ```
/// assert_eq!(kafka_partition::Rack::default(), kafka_partition::Rack::Other);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rack {
    /// In the client's own rack (`client.rack`), and that counts (`partitioner.rack.aware`).
    Own,
    /// In another or in none, or it does not count.
    #[default]
    Other,
}

/// Partitions of the first class that is not empty are chosen, others not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    NearAndAvailable,
    Available,
    Near,
    Led,
}

impl Load {
    /// So many batches wait, for an available leader of another rack.
    ///
    /// ```
    /// assert_eq!(kafka_partition::Load::queued(0), kafka_partition::Load::default());
    /// ```
    pub const fn queued(queued: u32) -> Self {
        Self {
            queued,
            leader: Leader::Available,
            rack: Rack::Other,
        }
    }

    /// The same with this leader.
    ///
    /// ```
    /// use kafka_partition::{Leader, Load};
    ///
    /// assert_eq!(Load::queued(2).led(Leader::Missing).leader, Leader::Missing);
    /// ```
    pub const fn led(self, leader: Leader) -> Self {
        Self { leader, ..self }
    }

    /// The same in this rack.
    ///
    /// ```
    /// use kafka_partition::{Load, Rack};
    ///
    /// assert_eq!(Load::queued(2).standing(Rack::Own).rack, Rack::Own);
    /// ```
    pub const fn standing(self, rack: Rack) -> Self {
        Self { rack, ..self }
    }

    fn class(self) -> Option<Class> {
        match (self.leader, self.rack) {
            (Leader::Available, Rack::Own) => Some(Class::NearAndAvailable),
            (Leader::Available, Rack::Other) => Some(Class::Available),
            (Leader::Unavailable, Rack::Own) => Some(Class::Near),
            (Leader::Unavailable, Rack::Other) => Some(Class::Led),
            (Leader::Missing, _) => None,
        }
    }

    /// The batches that count: what waits for unavailable leaders says nothing of their speed.
    fn length(self) -> u32 {
        match self.leader {
            Leader::Available => self.queued,
            Leader::Unavailable | Leader::Missing => 0,
        }
    }
}

impl Weights {
    /// Weighs the partitions of a topic, in their order. Allocates only if there were never so many.
    ///
    /// ```
    /// use kafka_partition::{Leader, Load, Weights};
    ///
    /// let mut weights = Weights::default();
    /// weights.weigh(&[Load::queued(2), Load::queued(0).led(Leader::Unavailable), Load::queued(5)]);
    /// assert!(weights.of_each().eq([4, 0, 1]));
    /// ```
    pub fn weigh(&mut self, loads: &[Load]) {
        self.ends.clear();
        let Some(first) = loads.iter().filter_map(|load| load.class()).min() else {
            return;
        };
        let chosen = |load: &&Load| load.class() == Some(first);
        let lengths = loads.iter().filter(chosen).map(|load| load.length());
        let longest = lengths.max().unwrap_or_default();
        let weight = |load: &Load| match chosen(&load) {
            true => u64::from(longest - load.length()) + 1,
            false => 0,
        };
        let mut led = loads.iter().filter(|load| load.class().is_some());
        if led.all(|load| weight(load) == 1) {
            return;
        }
        let sums = loads.iter().scan(0, |sum, load| {
            *sum += weight(load);
            Some(*sum)
        });
        self.ends.extend(sums);
    }

    /// Whether all partitions that have a leader are alike, or none has one.
    ///
    /// ```
    /// use kafka_partition::{Load, Weights};
    ///
    /// let mut weights = Weights::default();
    /// assert!(weights.are_equal());
    /// weights.weigh(&[Load::queued(1), Load::queued(2)]);
    /// assert!(!weights.are_equal());
    /// ```
    pub fn are_equal(&self) -> bool {
        self.ends.is_empty()
    }

    /// The weight of each partition; none if they [are equal](Self::are_equal).
    ///
    /// ```
    /// use kafka_partition::{Load, Weights};
    ///
    /// let mut weights = Weights::default();
    /// weights.weigh(&[Load::queued(1), Load::queued(2)]);
    /// assert!(weights.of_each().eq([2, 1]));
    /// ```
    pub fn of_each(&self) -> impl Iterator<Item = u64> {
        let before = core::iter::once(&0).chain(&self.ends);
        self.ends.iter().zip(before).map(|(end, begin)| end - begin)
    }

    /// A partition, by a number that `draw` returns below the sum of all weights; `None` if they
    /// [are equal](Self::are_equal).
    ///
    /// ```
    /// use kafka_partition::{Load, Weights};
    ///
    /// let mut weights = Weights::default();
    /// weights.weigh(&[Load::queued(1), Load::queued(2)]);
    /// assert_eq!([0, 1, 2].map(|drawn| weights.pick(|total| drawn % total)), [Some(0), Some(0), Some(1)]);
    /// ```
    pub fn pick(&self, draw: impl FnOnce(u64) -> u64) -> Option<i32> {
        let drawn = draw(*self.ends.last()?);
        let partition = self.ends.partition_point(|end| *end <= drawn);
        i32::try_from(partition).ok()
    }
}
