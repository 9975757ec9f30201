//! All lanes, by their keys: which there are, which have batches, which each broker leads, and which
//! stand on its list. Partitions that nobody has written to have none (`partitions.rs`).
//!
//! A key is given out again only when nothing refers to its lane any more, so that a late answer
//! never meets another partition's lane:
//!
//! ```text
//! Taken ──retired──▶ Retired ──no request, no transaction refers to it──▶ free for the next
//! ```
//!
//! A transactional producer also keeps it as long as its sequence is needed.
//!
//! Loops go over the lanes that have batches, not over all. Nothing is decided here.

use std::collections::{BTreeSet, VecDeque};
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Instant;

use kafka_accumulator::{Accumulator, Queue};

use crate::engine::cluster::election::{Election, News};
use crate::engine::cluster::node_id::NodeId;
use crate::engine::identity::ProducerId;
use crate::engine::produce::accounts::Accounts;
use crate::engine::produce::lane::{Lane, Listing, Origin};
use crate::engine::produce::lane_key::LaneKey;
use crate::error::DeliveryError;

/// The lanes of an engine.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// Boxed: there may be a million, and a list that grows is copied.
    places: Vec<Option<Box<Lane>>>,
    free: Vec<LaneKey>,
    retired: Vec<LaneKey>,
    /// All that have batches, and some that had.
    busy: BTreeSet<LaneKey>,
    /// All in which a transactional producer has numbered a batch since its sequences last started, and
    /// perhaps others.
    numbered: BTreeSet<LaneKey>,
    /// How many lanes each broker leads, and what they are charged to.
    accounts: Accounts,
    ready: ReadyLists,
    /// How many topics were given a number.
    topics: u32,
}

/// Where a lane that may have something to send is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// On the list of its leader.
    At(NodeId),
    /// Nowhere, because its leader is not known.
    Leaderless,
    /// Nowhere, because it is out of use.
    Retired,
}

impl Lanes {
    /// None, of queues of this accumulator.
    pub(crate) fn new(accumulator: Arc<Accumulator<DeliveryError>>) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            retired: Vec::new(),
            busy: BTreeSet::new(),
            numbered: BTreeSet::new(),
            accounts: Accounts::new(accumulator),
            ready: ReadyLists::default(),
            topics: 0,
        }
    }

    /// Makes a lane for a queue, under a key of its own, if there is one left.
    pub(crate) fn insert(
        &mut self,
        queue: &Arc<Queue<DeliveryError>>,
        origin: Origin,
        now: Instant,
    ) -> Option<LaneKey> {
        let key = self.free_key()?;
        key.put_on(queue);
        let queue = Arc::clone(queue);
        self.places[key.index()] = Some(Box::new(Lane::new(queue, origin, now)));
        self.lead(key, origin.election.leader());
        Some(key)
    }

    /// A place that is empty.
    fn free_key(&mut self) -> Option<LaneKey> {
        if let Some(key) = self.free.pop() {
            return Some(key);
        }
        let key = LaneKey::at(self.places.len())?;
        if self.places.len() == self.places.capacity() {
            // A doubling would leave as much again unused.
            self.places.reserve_exact(self.places.len() / 4 + FEW);
        }
        self.places.push(None);
        Some(key)
    }

    /// A number for a topic that has become known: its lanes are sorted by it.
    pub(crate) fn number_topic(&mut self) -> u32 {
        self.topics = self.topics.wrapping_add(1);
        self.topics
    }

    /// The lane of a key that may have been freed.
    pub(crate) fn get(&self, key: LaneKey) -> Option<&Lane> {
        self.places.get(key.index())?.as_deref()
    }

    /// The keys of all lanes, of which there may be a million: only for what is rare.
    pub(crate) fn keys(&self) -> Vec<LaneKey> {
        let places = self.places.iter().enumerate();
        let taken = places.filter(|(_, place)| place.is_some());
        taken.filter_map(|(index, _)| LaneKey::at(index)).collect()
    }

    /// Notes that a lane has batches, taken or not.
    pub(crate) fn note_batches(&mut self, key: LaneKey) {
        self.busy.insert(key);
    }

    /// Forgets which of the noted have none any more; the keys of those that have.
    pub(crate) fn sort_out_busy(&mut self) -> Vec<LaneKey> {
        let places = &self.places;
        self.busy.retain(|&key| has_batches(places, key));
        self.busy.iter().copied().collect()
    }

    /// Forgets those of the noted that have none any more, up to the first that has; whether there is one.
    pub(crate) fn sort_out_first_busy(&mut self) -> bool {
        while let Some(&first) = self.busy.first()
            && !has_batches(&self.places, first)
        {
            self.busy.remove(&first);
        }
        !self.busy.is_empty()
    }

    /// Notes that the first batch of this lane is numbered, since its sequence last began.
    pub(crate) fn note_numbered(&mut self, key: LaneKey) {
        self.numbered.insert(key);
    }

    /// Whether the sequence of one that was noted is broken.
    pub(crate) fn is_any_broken(&self) -> bool {
        self.numbered.iter().any(|key| self[*key].is_broken())
    }

    /// Starts every noted sequence again.
    pub(crate) fn restart_sequences(&mut self) {
        for key in std::mem::take(&mut self.numbered) {
            self[key].restart_sequence();
        }
    }

    /// Gives a lane another leader, or none. Its queue is charged to that one's account from now on.
    fn lead(&mut self, key: LaneKey, leader: Option<NodeId>) {
        let before = self[key].leader();
        if before == leader {
            return;
        }
        if let Some(leader) = leader {
            self.accounts.add_lane(leader);
        }
        if let Some(before) = before {
            self.accounts.remove_lane(before);
        }
        let account = Arc::clone(self.accounts.of(leader));
        self[key].set_leader(leader, &account);
    }

    /// What lanes are charged to.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) fn accounts_mut(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    /// Sets who leads a lane's partition; `None` if that changes nothing. Afterwards the lane is on no list:
    /// see [`is_unlisted`](Self::is_unlisted).
    pub(crate) fn elect(&mut self, key: LaneKey, told: Election, now: Instant) -> Option<News> {
        let news = self[key].elect(told)?;
        self.lead(key, told.leader());
        self[key].end_pauses(now);
        let listing = self.unlist(key);
        if listing != Listing::Idle || self[key].has_slots() {
            self[key].set_listing(Listing::Unlisted);
        }
        Some(news)
    }

    /// Whether a lane must be put on the list of its leader, as soon as that is known.
    pub(crate) fn is_unlisted(&self, key: LaneKey) -> bool {
        self[key].listing() == Listing::Unlisted
    }

    /// How many lanes a broker leads.
    pub(crate) fn led_by(&self, leader: NodeId) -> usize {
        self.accounts.led_by(leader)
    }

    /// Forgets all leaders.
    pub(crate) fn forget_leaders(&mut self) {
        for key in self.keys() {
            self.lead(key, None);
            let lane = &mut self[key];
            lane.forget_leader_epoch();
            if let Listing::Listed(_) = lane.listing() {
                lane.set_listing(Listing::Unlisted);
            }
        }
        self.ready.clear();
    }

    /// Puts a lane on its leader's list, unless it is there.
    pub(crate) fn list(&mut self, key: LaneKey, is_known: impl Fn(NodeId) -> bool) -> Listed {
        let lane = &mut self[key];
        if lane.listing() == Listing::Retired {
            return Listed::Retired;
        }
        let Some(leader) = lane.leader().filter(|leader| is_known(*leader)) else {
            lane.set_listing(Listing::Unlisted);
            return Listed::Leaderless;
        };
        if lane.listing() != Listing::Listed(leader) {
            lane.set_listing(Listing::Listed(leader));
            self.ready.push_back(leader, key);
        }
        Listed::At(leader)
    }

    /// Takes a lane off its list, and returns where it was.
    fn unlist(&mut self, key: LaneKey) -> Listing {
        let lane = &mut self[key];
        let listing = lane.listing();
        lane.set_listing(Listing::Idle);
        if let Listing::Listed(node) = listing {
            self.ready.remove(node, key);
        }
        listing
    }

    /// How many lanes stand on the list of a broker.
    pub(crate) fn listed(&self, node: NodeId) -> usize {
        self.ready.len(node)
    }

    /// Takes the lane off a broker's list whose turn it is.
    pub(crate) fn next_turn(&mut self, node: NodeId) -> Option<LaneKey> {
        let key = self.ready.pop_front(node)?;
        self[key].set_listing(Listing::Idle);
        Some(key)
    }

    /// Puts a lane that has had its turn behind the others, unless it was listed meanwhile.
    pub(crate) fn list_again(&mut self, node: NodeId, key: LaneKey) {
        if self[key].listing() == Listing::Idle {
            self[key].set_listing(Listing::Listed(node));
            self.ready.push_back(node, key);
        }
    }

    /// Puts a lane that could not have its turn before the others, unless it was listed meanwhile.
    pub(crate) fn list_first(&mut self, node: NodeId, key: LaneKey) {
        if self[key].listing() == Listing::Idle {
            self[key].set_listing(Listing::Listed(node));
            self.ready.push_front(node, key);
        }
    }

    /// Takes all lanes off a broker's list.
    pub(crate) fn take_listed(&mut self, node: NodeId) -> Vec<LaneKey> {
        let keys = Vec::from(self.ready.take(node));
        for key in &keys {
            self[*key].set_listing(Listing::Idle);
        }
        keys
    }

    /// Takes a lane without batches out of use, until it can be freed.
    pub(crate) fn retire(&mut self, key: LaneKey) {
        self.unlist(key);
        self.lead(key, None);
        self[key].set_listing(Listing::Retired);
        self.busy.remove(&key);
        self.retired.push(key);
    }

    /// Whether any lane is to be freed.
    pub(crate) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees the retired lanes that nothing needs.
    pub(crate) fn free_retired(&mut self, is_needed: impl Fn(LaneKey, Option<ProducerId>) -> bool) {
        let Self {
            places,
            free,
            retired,
            numbered,
            ..
        } = self;
        retired.retain(|&key| {
            let place = &mut places[key.index()];
            let lane = place.as_deref();
            let needed = lane.is_some_and(|lane| is_needed(key, lane.producer()));
            if !needed {
                *place = None;
                numbered.remove(&key);
                free.push(key);
            }
            needed
        });
    }
}

/// For each broker, the lanes that may have something to send, in the order of their turns.
#[derive(Debug, Default)]
struct ReadyLists {
    /// By broker: there are few, and a list is looked up several times for each batch.
    lists: Vec<(NodeId, VecDeque<LaneKey>)>,
}

impl ReadyLists {
    fn place(&self, node: NodeId) -> Result<usize, usize> {
        self.lists.binary_search_by_key(&node, |(node, _)| *node)
    }

    fn get_mut(&mut self, node: NodeId) -> Option<&mut VecDeque<LaneKey>> {
        let place = self.place(node).ok()?;
        Some(&mut self.lists[place].1)
    }

    fn get_or_make(&mut self, node: NodeId) -> &mut VecDeque<LaneKey> {
        let place = self.place(node).unwrap_or_else(|place| {
            self.lists.insert(place, (node, VecDeque::new()));
            place
        });
        &mut self.lists[place].1
    }

    /// How many lanes stand on the list of this broker.
    fn len(&self, node: NodeId) -> usize {
        let place = self.place(node);
        place.map_or(0, |place| self.lists[place].1.len())
    }

    fn push_back(&mut self, node: NodeId, key: LaneKey) {
        self.get_or_make(node).push_back(key);
    }

    fn push_front(&mut self, node: NodeId, key: LaneKey) {
        self.get_or_make(node).push_front(key);
    }

    fn pop_front(&mut self, node: NodeId) -> Option<LaneKey> {
        self.get_mut(node)?.pop_front()
    }

    fn remove(&mut self, node: NodeId, key: LaneKey) {
        if let Some(list) = self.get_mut(node) {
            list.retain(|&listed| listed != key);
        }
    }

    /// Empties the list of a broker, and returns its lanes.
    fn take(&mut self, node: NodeId) -> VecDeque<LaneKey> {
        self.get_mut(node).map(std::mem::take).unwrap_or_default()
    }

    /// Empties the lists of all brokers.
    fn clear(&mut self) {
        self.lists.clear();
    }
}

/// Memory is reserved for this many lanes at first, and then for a quarter more each time.
const FEW: usize = 16;

fn has_batches(places: &[Option<Box<Lane>>], key: LaneKey) -> bool {
    let lane = places[key.index()].as_deref();
    lane.is_some_and(Lane::has_batches)
}

impl Index<LaneKey> for Lanes {
    type Output = Lane;

    fn index(&self, key: LaneKey) -> &Lane {
        self.places[key.index()]
            .as_deref()
            .expect("no lane is freed that anything refers to")
    }
}

impl IndexMut<LaneKey> for Lanes {
    fn index_mut(&mut self, key: LaneKey) -> &mut Lane {
        self.places[key.index()]
            .as_deref_mut()
            .expect("no lane is freed that anything refers to")
    }
}
