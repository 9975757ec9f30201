//! What callers know of the cluster: an immutable snapshot behind an atomic pointer.
//!
//! `send` finds its topic here, and with it the partitions' queues, without a lock. Only the engine
//! publishes a new snapshot, and only when something in it changed: a topic appeared or went, it
//! grew, or a partition gained or lost its leader. Who leads is the engine's own knowledge.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use kafka_accumulator::{Accumulator, Queue};
use kafka_partition::{StickyState, TopicView};

use crate::engine::produce::lane_key::NO_LANE;
use crate::engine::produce::row::Row;
use crate::error::DeliveryError;

/// The topics that can be written to right now.
///
/// The next snapshot shares with this one what has not changed: a new topic among ten thousand
/// costs the copy of one shard.
#[derive(Debug)]
pub struct Cluster {
    topics: Topics,
}

#[derive(Clone, Debug)]
enum Topics {
    /// So few that comparing each name is faster than to compute a hash.
    Few(Vec<Named>),
    Many(Shards),
}

/// A topic under a name of the snapshots' own: a caller that looks for it reads memory that nobody
/// writes to, whereas the count of references to a batch's topic lies beside the topic's own name.
#[derive(Clone, Debug)]
struct Named {
    name: Arc<str>,
    topic: Arc<Topic>,
}

impl Named {
    fn new(topic: Arc<Topic>) -> Self {
        let name = Arc::from(&*topic.name);
        Self { name, topic }
    }
}

/// What the next snapshot has instead of what this one has under a name.
#[derive(Debug)]
pub(crate) enum Change {
    /// This.
    Is(Arc<Topic>),
    /// Nothing.
    Gone(Arc<str>),
}

impl Default for Cluster {
    fn default() -> Self {
        let topics = Topics::Few(Vec::new());
        Self { topics }
    }
}

impl Cluster {
    /// The snapshot after these changes.
    pub(crate) fn with(&self, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut topics = self.topics.clone();
        for change in changes {
            topics = match topics {
                Topics::Few(few) => with_few(few, change),
                Topics::Many(many) => with_many(many, change),
            };
        }
        Self { topics }
    }

    /// The topic of that name, if its partitions are known.
    #[inline(always)]
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        match &self.topics {
            Topics::Few(few) => {
                // A loop, because `find` is not inlined, and this is done for each record.
                for named in few {
                    if is_same(named.name.as_bytes(), name.as_bytes()) {
                        return Some(&named.topic);
                    }
                }
                None
            }
            Topics::Many(many) => many.topic(name),
        }
    }
}

fn with_few(mut few: Vec<Named>, change: Change) -> Topics {
    match change {
        Change::Gone(name) => few.retain(|named| named.name != name),
        Change::Is(topic) => match few.iter_mut().find(|named| named.name == topic.name) {
            Some(named) => named.topic = topic,
            None => few.push(Named::new(topic)),
        },
    }
    if few.len() > FEW_TOPICS {
        return Topics::Many(few.into_iter().collect());
    }
    Topics::Few(few)
}

fn with_many(mut many: Shards, change: Change) -> Topics {
    match change {
        Change::Gone(name) => many.remove(&name),
        Change::Is(topic) => many.put(topic),
    }
    if many.topics <= FEW_TOPICS {
        let all = many.shards.iter().flat_map(|shard| shard.iter());
        return Topics::Few(all.cloned().collect());
    }
    Topics::Many(many)
}

/// Topics by their names' hashes, in tables of which a change copies one.
#[derive(Clone, Debug)]
struct Shards {
    hasher: DefaultHashBuilder,
    shards: Box<[Arc<HashTable<Named>>]>,
    /// In all of them.
    topics: usize,
}

impl Shards {
    #[inline(never)]
    fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        let hash = self.hasher.hash_one(name);
        let shard = &self.shards[place(hash)];
        let named = shard.find(hash, |named| *named.name == *name)?;
        Some(&named.topic)
    }

    fn put(&mut self, topic: Arc<Topic>) {
        let hash = self.hasher.hash_one(&*topic.name);
        let shard = Arc::make_mut(&mut self.shards[place(hash)]);
        match shard.find_mut(hash, |named| *named.name == *topic.name) {
            Some(named) => named.topic = topic,
            None => {
                let hasher = &self.hasher;
                shard.insert_unique(hash, Named::new(topic), |named| {
                    hasher.hash_one(&*named.name)
                });
                self.topics += 1;
            }
        }
    }

    fn remove(&mut self, name: &str) {
        let hash = self.hasher.hash_one(name);
        let shard = Arc::make_mut(&mut self.shards[place(hash)]);
        if let Ok(found) = shard.find_entry(hash, |named| *named.name == *name) {
            found.remove();
            self.topics -= 1;
        }
    }
}

impl FromIterator<Named> for Shards {
    fn from_iter<I: IntoIterator<Item = Named>>(all: I) -> Self {
        let mut shards = Self {
            hasher: DefaultHashBuilder::default(),
            shards: vec![Arc::default(); SHARDS].into(),
            topics: 0,
        };
        all.into_iter().for_each(|named| shards.put(named.topic));
        shards
    }
}

/// The bits that a table itself does not look at first.
fn place(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
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
/// A change copies this many references, and as many topics as are in a shard.
const SHARDS: usize = 128;

/// One topic: where its records wait, partition by partition.
#[derive(Debug)]
pub struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) row: Row,
    /// Makes the queues.
    pub(crate) accumulator: Arc<Accumulator<DeliveryError>>,
    /// Partitions that have a leader, ascending.
    pub(crate) available: Vec<i32>,
    /// Shared by all snapshots of the topic.
    pub(crate) sticky: Arc<StickyState>,
}

impl Topic {
    /// One whose partitions all have a leader.
    #[cfg(feature = "mock")]
    pub(crate) fn with_leaders(
        name: Arc<str>,
        partitions: usize,
        accumulator: &Arc<Accumulator<DeliveryError>>,
    ) -> Self {
        Self {
            name,
            row: Row::new(partitions),
            accumulator: Arc::clone(accumulator),
            available: (0..).take(partitions).collect(),
            sticky: Arc::new(StickyState::new(0)),
        }
    }

    /// How many partitions the topic has.
    pub fn partitions(&self) -> i32 {
        i32::try_from(self.row.len()).unwrap_or(i32::MAX)
    }

    /// What a partitioner is told of the topic.
    #[inline]
    pub fn view(&self) -> TopicView<'_> {
        TopicView::new(
            &self.name,
            self.row.len() as u32,
            &self.available,
            &self.sticky,
        )
    }

    /// Where records of `partition` wait.
    #[inline]
    pub fn queue(&self, partition: i32) -> Option<&Arc<Queue<DeliveryError>>> {
        let index = usize::try_from(partition).ok()?;
        self.row.queue(index, || self.make_queue(partition))
    }

    #[cold]
    fn make_queue(&self, partition: i32) -> Arc<Queue<DeliveryError>> {
        let name = Arc::clone(&self.name);
        self.accumulator.queue(name, partition, NO_LANE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafka_accumulator::Settings;

    use super::*;

    fn topic(name: &str) -> Arc<Topic> {
        let settings = Settings::default()
            .batch_size(1000)
            .linger(Duration::ZERO)
            .buffer_memory(1000);
        let lost = || unreachable!("nothing is written");
        Arc::new(Topic {
            name: Arc::from(name),
            row: Row::new(0),
            accumulator: Arc::new(Accumulator::new(settings, Arc::default(), lost)),
            available: Vec::new(),
            sticky: Arc::new(StickyState::shared(0)),
        })
    }

    #[test]
    fn a_snapshot_has_what_was_put_and_not_taken_however_many_there_are() {
        let name = |number: usize| format!("topic-{number}");
        let mut snapshots = vec![Cluster::default()];
        for number in 0..1_000 {
            let put = Change::Is(topic(&name(number)));
            snapshots.push(snapshots[number].with([put]));
        }
        for (known, snapshot) in snapshots.iter().enumerate() {
            let last = known.checked_sub(1).map(name);
            assert!(last.is_none_or(|last| snapshot.topic(&last).is_some()));
            assert!(snapshot.topic(&name(known)).is_none());
        }
        let mut shrinking = snapshots.pop().unwrap();
        for number in 0..1_000 {
            assert!(shrinking.topic(&name(number)).is_some());
            shrinking = shrinking.with([Change::Gone(name(number).into())]);
            assert!(shrinking.topic(&name(number)).is_none());
            let next = shrinking.topic(&name(number + 1));
            assert_eq!(next.is_some(), number < 999);
        }
        let replaced = Cluster::default().with([Change::Is(topic("a")), Change::Is(topic("b"))]);
        let newer = topic("a");
        let replaced = replaced.with([Change::Is(Arc::clone(&newer))]);
        assert!(Arc::ptr_eq(replaced.topic("a").unwrap(), &newer));
    }

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
