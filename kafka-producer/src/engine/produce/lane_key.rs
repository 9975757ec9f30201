//! The key by which timers, requests in flight and queues refer to a lane.

use kafka_accumulator::Queue;

/// Where a lane stands among the engine's lanes. Its queue carries the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LaneKey(u32);

impl LaneKey {
    /// The key of this place, if there is one for it.
    pub(crate) fn at(index: usize) -> Option<Self> {
        let key = u32::try_from(index).ok()?;
        (key != NO_LANE).then_some(Self(key))
    }

    /// What this queue carries; `None` if it never had a lane.
    pub(crate) fn of<E>(queue: &Queue<E>) -> Option<Self> {
        let key = queue.key();
        (key != NO_LANE).then_some(Self(key))
    }

    /// Stores the key in the queue.
    pub(crate) fn put_on<E>(self, queue: &Queue<E>) {
        queue.set_key(self.0);
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The number in a queue that has no lane yet.
pub(crate) const NO_LANE: u32 = u32::MAX;
