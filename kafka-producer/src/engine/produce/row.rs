//! The queues of a topic's partitions, each made when a caller first writes to the partition.
//!
//! All snapshots of a topic share a row, and callers put queues into it, so that a partition which nobody
//! writes to needs only a place in the row. When the engine replaces a row, it closes the places that the
//! new one does not have: a caller that still reads the old row finds the partition closed, and looks at
//! the next snapshot.
//!
//! A row knows no lanes: the engine makes a lane when a queue without one rings.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use kafka_accumulator::{Accumulator, Queue};

use crate::engine::produce::lane_key::NO_LANE;
use crate::error::DeliveryError;

/// A place for the queue of each partition.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    places: Arc<[Place]>,
}

type Place = OnceLock<Arc<Queue<DeliveryError>>>;

impl Row {
    /// An empty one.
    pub(crate) fn new(partitions: usize) -> Self {
        Self {
            places: (0..partitions).map(|_| Place::new()).collect(),
        }
    }

    /// How many partitions there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The queue of a partition, made by `make` if there is none; `None` if there is no such
    /// partition.
    #[inline(always)]
    pub(crate) fn queue(
        &self,
        partition: usize,
        make: impl FnOnce() -> Arc<Queue<DeliveryError>>,
    ) -> Option<&Arc<Queue<DeliveryError>>> {
        let place = self.places.get(partition)?;
        match place.get() {
            Some(queue) => Some(queue),
            None => Some(fill(place, make())),
        }
    }

    /// Whether this is the queue of that partition.
    pub(crate) fn has(&self, partition: usize, queue: &Arc<Queue<DeliveryError>>) -> bool {
        let place = self.places.get(partition).and_then(Place::get);
        place.is_some_and(|found| Arc::ptr_eq(found, queue))
    }

    /// Puts `closed` in each of these places that has no queue, and returns the queues of the others.
    pub(crate) fn close_unused(
        &self,
        partitions: Range<usize>,
        closed: &Arc<Queue<DeliveryError>>,
    ) -> Vec<Arc<Queue<DeliveryError>>> {
        let places = self.places.get(partitions).unwrap_or_default().iter();
        let queues = places.map(|place| fill(place, Arc::clone(closed)));
        let made = queues.filter(|queue| !Arc::ptr_eq(queue, closed));
        made.cloned().collect()
    }

    /// Closes one place after the other until one has records, and returns how many were closed.
    pub(crate) fn close_idle(&self, closed: &Arc<Queue<DeliveryError>>) -> usize {
        let places = self.places.iter();
        let queues = places.map(|place| fill(place, Arc::clone(closed)));
        queues.take_while(|queue| queue.close_if_empty()).count()
    }

    /// The next row, for this many partitions, with those of these queues that are in `kept`. From now on no
    /// queue is made in this row.
    pub(crate) fn successor(
        &self,
        kept: Range<usize>,
        partitions: usize,
        closed: &Arc<Queue<DeliveryError>>,
    ) -> Self {
        self.close_unused(0..self.len(), closed);
        let place = |partition| match self.places.get(partition).and_then(Place::get) {
            Some(queue) if kept.contains(&partition) && !Arc::ptr_eq(queue, closed) => {
                Place::from(Arc::clone(queue))
            }
            _ => Place::new(),
        };
        Self {
            places: (0..partitions).map(place).collect(),
        }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.places, &other.places)
    }
}

/// Fills a place, unless another thread was quicker.
#[cold]
fn fill(place: &Place, queue: Arc<Queue<DeliveryError>>) -> &Arc<Queue<DeliveryError>> {
    // The queue is made before, because other threads wait while a place is being filled.
    place.get_or_init(|| queue)
}

/// A closed queue, for places that are not used any more.
pub(crate) fn closed_queue(
    accumulator: &Accumulator<DeliveryError>,
    topic: &Arc<str>,
) -> Arc<Queue<DeliveryError>> {
    let closed = accumulator.queue(Arc::clone(topic), -1, NO_LANE);
    closed.close();
    closed
}
