//! What callers know of the cluster: an immutable snapshot behind an atomic pointer.
//!
//! `send` finds its topic here, and with it the partitions' queues, without a lock. Only the engine
//! publishes a new snapshot, and only when something in it changed: a topic appeared or went, it
//! grew, or a partition gained or lost its leader. Who leads is the engine's own knowledge.

use std::sync::Arc;

use hashbrown::HashMap;
use kafka_accumulator::Queue;
use kafka_partition::{StickyState, TopicView};

use crate::error::DeliveryError;

/// The topics that can be written to right now.
#[derive(Debug, Default)]
pub struct Cluster {
    topics: Vec<Named>,
    /// Places in `topics`; empty while those are few, because comparing a few names is faster.
    places: HashMap<Box<str>, usize>,
}

/// A topic under a name of this snapshot's own: whoever looks for it reads memory that nobody
/// writes to, whereas the count of references to a batch's topic lies beside the topic's own name.
#[derive(Debug)]
struct Named {
    name: Box<str>,
    topic: Arc<Topic>,
}

impl Named {
    fn new(topic: Arc<Topic>) -> Self {
        let name = Box::from(&*topic.name);
        Self { name, topic }
    }
}

impl Cluster {
    pub(crate) fn new(topics: impl Iterator<Item = Arc<Topic>>) -> Self {
        let topics: Vec<_> = topics.map(Named::new).collect();
        let many = topics.len() > FEW_TOPICS;
        let indexed = topics.iter().enumerate().filter(|_| many);
        let places = indexed
            .map(|(place, named)| (named.name.clone(), place))
            .collect();
        Self { topics, places }
    }

    /// The topic of that name, if its partitions are known.
    #[inline(always)]
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        if self.topics.len() > FEW_TOPICS {
            return self.one_of_many(name);
        }
        let is = |named: &&Named| is_same(named.name.as_bytes(), name.as_bytes());
        let named = self.topics.iter().find(is)?;
        Some(&named.topic)
    }

    #[inline(never)]
    fn one_of_many(&self, name: &str) -> Option<&Arc<Topic>> {
        let &place = self.places.get(name)?;
        Some(&self.topics[place].topic)
    }
}

/// Compares names of up to sixteen bytes in registers: a call for each record would cost as much as
/// all the rest of looking it up.
#[inline(always)]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && match (ends::<8>(one), ends::<8>(other)) {
            (Some(one_ends), Some(other_ends)) if one.len() <= 16 => one_ends == other_ends,
            (Some(_), _) => one == other,
            (None, _) => match (ends::<4>(one), ends::<4>(other)) {
                (Some(one), Some(other)) => one == other,
                _ => one.iter().eq(other),
            },
        }
}

/// The first and the last `N` bytes, which may overlap.
#[inline(always)]
fn ends<const N: usize>(name: &[u8]) -> Option<([u8; N], [u8; N])> {
    Some((*name.first_chunk()?, *name.last_chunk()?))
}

const FEW_TOPICS: usize = 8;

/// One topic: where its records wait, partition by partition.
#[derive(Debug)]
pub struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) queues: Vec<Arc<Queue<DeliveryError>>>,
    /// Partitions that have a leader, ascending.
    pub(crate) available: Vec<i32>,
    /// Shared by all snapshots of the topic.
    pub(crate) sticky: Arc<StickyState>,
}

impl Topic {
    /// How many partitions the topic has.
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.queues.len()).unwrap_or(i32::MAX)
    }

    /// What a partitioner is told of the topic.
    #[inline]
    pub fn view(&self) -> TopicView<'_> {
        TopicView::new(
            &self.name,
            self.queues.len() as u32,
            &self.available,
            &self.sticky,
        )
    }

    /// Where records of `partition` wait.
    #[inline]
    pub fn queue(&self, partition: i32) -> Option<&Arc<Queue<DeliveryError>>> {
        usize::try_from(partition)
            .ok()
            .and_then(|partition| self.queues.get(partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_exactly_when_all_their_bytes_are() {
        let name = [b'x'; 40];
        for length in 0..=name.len() {
            let name = &name[..length];
            assert!(is_same(name, &vec![b'x'; length]));
            for differs in 0..length {
                let mut other = name.to_vec();
                other[differs] = b'y';
                assert!(!is_same(name, &other), "{length} bytes, {differs} differs");
                assert!(!is_same(name, &other[..differs]), "{length} and {differs}");
            }
        }
    }
}
