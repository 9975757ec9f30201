//! Which keys have another partition: in another topic, after partitions were added, or by another hash.
//!
//! Two topics are *co-partitioned* if each key has the same partition in both, as a join of streams needs it. Equal
//! counts of partitions are not enough if two programs with different hashes write to them. Nothing here is on a
//! record's way: it is for those who plan a change, or look for what went wrong.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::key_hash::KeyHash;

/// Where the keys of a topic are: by which hash, among how many partitions.
///
/// ```
/// use kafka_partition::{KeyHash, KeyPlacement};
///
/// let orders = KeyPlacement::new(KeyHash::Murmur2, 12);
/// assert_eq!(orders.partition(b"customer-7"), 7);
/// assert_eq!(orders.to_string(), "murmur2 over 12 partitions");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyPlacement {
    /// What the writers of the topic hash keys with.
    pub hash: KeyHash,
    /// How many partitions the topic has.
    pub partitions: u32,
}

/// A key that has another partition.
///
/// ```
/// use kafka_partition::{KeyHash, KeyPlacement};
///
/// let six = KeyPlacement::new(KeyHash::Murmur2, 6);
/// let twelve = KeyPlacement::new(KeyHash::Murmur2, 12);
/// let moved = six.moves_to(twelve, ["customer-7"]).next().expect("it moves");
/// assert_eq!((moved.key, moved.from, moved.to), ("customer-7", 1, 7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyMove<K> {
    /// The key.
    pub key: K,
    /// Its partition by the first placement.
    pub from: i32,
    /// Its partition by the second one.
    pub to: i32,
}

/// How many keys have another partition, from where and to where.
///
/// `Display` is for people: the counts, and the moves that the most keys make.
///
/// ```
/// use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
///
/// let keys: Vec<String> = (0..1_000).map(|id| format!("customer-{id}")).collect();
/// let four = KeyPlacement::new(KeyHash::Murmur2, 4);
///
/// let grown = KeyMoves::count(four, KeyPlacement::new(KeyHash::Murmur2, 8), &keys);
/// assert_eq!((grown.moved(), grown.keys()), (514, 1_000));
/// assert_eq!(grown.to_string(), "\
/// 514 of 1000 keys (51.4 %) have another partition: murmur2 over 4 partitions, murmur2 over 8 partitions
///   3 -> 7: 145 keys
///   2 -> 6: 135 keys
///   1 -> 5: 121 keys
///   0 -> 4: 113 keys");
///
/// assert!(KeyMoves::count(four, four, &keys).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMoves {
    from: KeyPlacement,
    to: KeyPlacement,
    keys: u64,
    /// How many keys moved, by where from and where to.
    counts: BTreeMap<(i32, i32), u64>,
}

impl KeyPlacement {
    /// By this hash, among so many partitions; 0 count as one.
    ///
    /// ```
    /// use kafka_partition::{KeyHash, KeyPlacement};
    ///
    /// assert_eq!(KeyPlacement::new(KeyHash::Crc32, 1).partition(b"any"), 0);
    /// ```
    pub const fn new(hash: KeyHash, partitions: u32) -> Self {
        Self { hash, partitions }
    }

    /// The partition of a key.
    ///
    /// ```
    /// use kafka_partition::{KeyHash, KeyPlacement, partition_for_key};
    ///
    /// let orders = KeyPlacement::new(KeyHash::Murmur2, 12);
    /// assert_eq!(orders.partition(b"customer-7"), partition_for_key(b"customer-7", 12));
    /// ```
    pub fn partition(self, key: &[u8]) -> i32 {
        self.hash.partition(key, self.partitions)
    }

    /// Those of the keys that have another partition by the placement `to`, one at a time.
    ///
    /// ```
    /// use kafka_partition::{KeyHash, KeyPlacement};
    ///
    /// let java = KeyPlacement::new(KeyHash::Murmur2, 12);
    /// let sarama = KeyPlacement::new(KeyHash::Fnv1a, 12);
    /// let apart: Vec<&str> = java.moves_to(sarama, ["tea", "coffee"]).map(|moved| moved.key).collect();
    /// assert_eq!(apart, ["tea", "coffee"]);
    /// ```
    pub fn moves_to<K: AsRef<[u8]>>(
        self,
        to: Self,
        keys: impl IntoIterator<Item = K>,
    ) -> impl Iterator<Item = KeyMove<K>> {
        keys.into_iter().filter_map(move |key| {
            let bytes = key.as_ref();
            let (from, to) = (self.partition(bytes), to.partition(bytes));
            (from != to).then_some(KeyMove { key, from, to })
        })
    }
}

impl KeyMoves {
    /// Counts the keys that have another partition by `to` than by `from`. A key that comes twice counts twice.
    ///
    /// ```
    /// use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
    ///
    /// let [one, two] = [1, 2].map(|count| KeyPlacement::new(KeyHash::Crc32, count));
    /// let moves = KeyMoves::count(one, two, ["a", "a", "b"]);
    /// assert_eq!(moves.iter().collect::<Vec<_>>(), [((0, 1), 3)]);
    /// ```
    pub fn count<K: AsRef<[u8]>>(
        from: KeyPlacement,
        to: KeyPlacement,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let (mut seen, mut counts) = (0, BTreeMap::new());
        let keys = keys.into_iter().inspect(|_| seen += 1);
        for moved in from.moves_to(to, keys) {
            *counts.entry((moved.from, moved.to)).or_default() += 1;
        }
        Self {
            from,
            to,
            keys: seen,
            counts,
        }
    }

    /// How many keys there were.
    ///
    /// ```
    /// # use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
    /// # let [one, two] = [1, 2].map(|count| KeyPlacement::new(KeyHash::Crc32, count));
    /// assert_eq!(KeyMoves::count(one, two, ["a", "b", "c"]).keys(), 3);
    /// ```
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// How many of them have another partition.
    ///
    /// ```
    /// # use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
    /// # let [one, two] = [1, 2].map(|count| KeyPlacement::new(KeyHash::Crc32, count));
    /// assert_eq!(KeyMoves::count(one, two, ["a", "b", "c"]).moved(), 3);
    /// ```
    pub fn moved(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether each key has the same partition: the topics are co-partitioned, for these keys.
    ///
    /// ```
    /// # use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
    /// # let [one, two] = [1, 2].map(|count| KeyPlacement::new(KeyHash::Crc32, count));
    /// assert!(KeyMoves::count(two, two, ["a", "b"]).is_empty());
    /// assert!(!KeyMoves::count(one, two, ["a", "b"]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The moves that some keys make: from which partition to which, and how many, by their numbers.
    ///
    /// ```
    /// # use kafka_partition::{KeyHash, KeyMoves, KeyPlacement};
    /// # let [one, two] = [1, 2].map(|count| KeyPlacement::new(KeyHash::Crc32, count));
    /// let moves = KeyMoves::count(one, two, ["a", "b"]);
    /// for ((from, to), keys) in moves.iter() {
    ///     println!("{keys} keys of partition {from} are in partition {to} then");
    /// }
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = ((i32, i32), u64)> {
        self.counts.iter().map(|(path, keys)| (*path, *keys))
    }
}

impl fmt::Display for KeyPlacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.partitions == 1 { "" } else { "s" };
        write!(
            f,
            "{} over {} partition{plural}",
            self.hash, self.partitions
        )
    }
}

impl fmt::Display for KeyMoves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, keys, .. } = self;
        if self.is_empty() {
            return write!(f, "all {keys} keys have the same partition: {from}, {to}");
        }
        let moved = self.moved();
        let percent = moved as f64 * 100.0 / *keys as f64;
        write!(
            f,
            "{moved} of {keys} keys ({percent:.1} %) have another partition: {from}, {to}"
        )?;
        let mut most: Vec<_> = self.iter().collect();
        most.sort_by_key(|(path, keys)| (core::cmp::Reverse(*keys), *path));
        for ((from, to), keys) in most.iter().take(LINES) {
            let plural = if *keys == 1 { "" } else { "s" };
            write!(f, "\n  {from} -> {to}: {keys} key{plural}")?;
        }
        match most.len().saturating_sub(LINES) {
            0 => Ok(()),
            others => write!(f, "\n  and {others} other moves"),
        }
    }
}

/// A screen of moves.
const LINES: usize = 20;
