//! All lanes, by their keys: which there are, which have batches, which lead where. Partitions that
//! nobody has written to have none (`partitions.rs`).
//!
//! A key is given out again only when nothing refers to its lane any more, so that a late answer
//! never meets another partition's lane:
//!
//! ```text
//! Taken ──retired──▶ Retired ──no request, no transaction refers to it──▶ free for the next
//! ```
//!
//! Of a transactional producer it stays, too, as long as its sequence counts.
//!
//! What has to go through lanes goes through those that have batches, not through all. Nothing is
//! decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Index, IndexMut};
use std::time::Instant;

use crate::engine::NodeId;
use crate::engine::cluster::election::{Election, News};
use crate::engine::produce::lane::{Attention, Lane, LaneKey, Numbering, SlotState};

/// The lanes of an engine.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// Apart from each other: there may be a million, and a row that grows would be copied.
    places: Vec<Option<Box<Lane>>>,
    free: Vec<LaneKey>,
    retired: Vec<LaneKey>,
    /// All that have batches, and some that had.
    busy: BTreeSet<LaneKey>,
    /// Those that a transactional producer has numbered a batch of since its sequences last began, and
    /// perhaps others.
    numbered: BTreeSet<LaneKey>,
    led: BTreeMap<NodeId, usize>,
    /// How many topics were given a number.
    topics: u32,
}

impl Lanes {
    /// Makes a lane under a key of its own, if there is one left.
    pub(crate) fn insert(&mut self, make: impl FnOnce(LaneKey) -> Lane) -> Option<LaneKey> {
        if let Some(key) = self.free.pop() {
            self.places[key as usize] = Some(Box::new(make(key)));
            return Some(key);
        }
        let key = LaneKey::try_from(self.places.len()).ok()?;
        if self.places.len() == self.places.capacity() {
            // A doubling would leave as much again unused.
            self.places.reserve_exact(self.places.len() / 4 + FEW);
        }
        self.places.push(Some(Box::new(make(key))));
        Some(key)
    }

    /// A number for a topic that has become known, by which its lanes will be told from others'.
    pub(crate) fn number_topic(&mut self) -> u32 {
        self.topics = self.topics.wrapping_add(1);
        self.topics
    }

    /// The lane of a key that may have been freed.
    pub(crate) fn get(&self, key: LaneKey) -> Option<&Lane> {
        self.places.get(key as usize)?.as_deref()
    }

    /// The keys of all: for what happens seldom, to a million perhaps.
    pub(crate) fn keys(&self) -> Vec<LaneKey> {
        let taken = |key: &LaneKey| self.places[*key as usize].is_some();
        (0..self.places.len() as LaneKey).filter(taken).collect()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.places.iter_mut().flatten().map(Box::as_mut)
    }

    /// Notes that a lane has batches, taken or not.
    pub(crate) fn note_batches(&mut self, key: LaneKey) {
        self.busy.insert(key);
    }

    /// Notes which of them have none any more; the keys of those that have.
    pub(crate) fn sort_out_busy(&mut self) -> Vec<LaneKey> {
        let places = &self.places;
        self.busy.retain(|&key| has_batches(places, key));
        self.busy.iter().copied().collect()
    }

    /// Whether any of those that were noted has batches still.
    pub(crate) fn are_busy(&mut self) -> bool {
        while let Some(&first) = self.busy.first() {
            if has_batches(&self.places, first) {
                return true;
            }
            self.busy.remove(&first);
        }
        false
    }

    /// Notes that a batch of this lane is to be numbered, if it is the first.
    pub(crate) fn note_numbered(&mut self, key: LaneKey) {
        if self[key as usize].numbering == Numbering::Unnumbered {
            self.numbered.insert(key);
        }
    }

    /// Whether the sequence of one that was noted is broken.
    pub(crate) fn is_any_broken(&self) -> bool {
        let broken = |key: &LaneKey| {
            let lane = &self[*key as usize];
            matches!(lane.numbering, Numbering::Broken { .. })
        };
        self.numbered.iter().any(broken)
    }

    /// Every sequence that was noted begins anew.
    pub(crate) fn begin_sequences_anew(&mut self) {
        for key in std::mem::take(&mut self.numbered) {
            self[key as usize].numbering = Numbering::Unnumbered;
        }
    }

    /// Gives a lane another leader, or none.
    pub(crate) fn lead(&mut self, key: LaneKey, leader: Option<NodeId>) {
        let before = std::mem::replace(&mut self[key as usize].leader, leader);
        if let Some(leader) = leader {
            *self.led.entry(leader).or_default() += 1;
        }
        if let Some(before) = before
            && let Some(led) = self.led.get_mut(&before)
        {
            *led -= 1;
            if *led == 0 {
                self.led.remove(&before);
            }
        }
    }

    /// Takes in who leads a lane's partition; `None` if that changes nothing for it.
    pub(crate) fn elect(&mut self, key: LaneKey, told: Election, now: Instant) -> Option<News> {
        let lane = &mut self[key as usize];
        if lane.attention == Attention::Retired {
            return None;
        }
        let mut election = Election::of(lane.leader, lane.leader_epoch);
        let news = election.take_in(told);
        if news == News::Outdated {
            return None;
        }
        lane.leader_epoch = election.epoch();
        let leader = election.leader();
        let waits_for_it = lane.attention == Attention::Orphaned && leader.is_some();
        if news == News::Same && lane.leader == leader && !waits_for_it {
            return None;
        }
        // What was to go to the old leader may go to the new one at once (KIP-951), also if the old
        // one was elected again.
        for slot in &mut lane.slots {
            if let SlotState::Waiting { until } = &mut slot.state {
                *until = now.min(*until);
            }
        }
        self.lead(key, leader);
        Some(news)
    }

    /// No broker is known any more.
    pub(crate) fn forget_leaders(&mut self) {
        for key in self.keys() {
            self.lead(key, None);
            let lane = &mut self[key as usize];
            lane.leader_epoch = Election::NONE.epoch();
            if let Attention::Listed(_) = lane.attention {
                lane.attention = Attention::Orphaned;
            }
        }
    }

    /// How many lanes a broker leads.
    pub(crate) fn led_by(&self, leader: NodeId) -> usize {
        self.led.get(&leader).copied().unwrap_or_default()
    }

    /// Takes a lane without batches out of use, until it can be freed.
    pub(crate) fn retire(&mut self, key: LaneKey) {
        self.lead(key, None);
        self[key as usize].attention = Attention::Retired;
        self.busy.remove(&key);
        self.retired.push(key);
    }

    /// Whether any lane is to be freed.
    pub(crate) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees the retired lanes that nothing needs.
    pub(crate) fn free_retired(&mut self, is_needed: impl Fn(LaneKey, &Lane) -> bool) {
        let Self {
            places,
            free,
            retired,
            numbered,
            ..
        } = self;
        retired.retain(|&key| {
            let place = &mut places[key as usize];
            let needed = place.as_deref().is_some_and(|lane| is_needed(key, lane));
            if !needed {
                *place = None;
                numbered.remove(&key);
                free.push(key);
            }
            needed
        });
    }
}

/// Room for so many lanes is made at once, and for a quarter more.
const FEW: usize = 16;

fn has_batches(places: &[Option<Box<Lane>>], key: LaneKey) -> bool {
    let lane = places[key as usize].as_deref();
    lane.is_some_and(Lane::has_batches)
}

impl Index<usize> for Lanes {
    type Output = Lane;

    fn index(&self, key: usize) -> &Lane {
        self.places[key]
            .as_deref()
            .expect("no lane is freed that anything refers to")
    }
}

impl IndexMut<usize> for Lanes {
    fn index_mut(&mut self, key: usize) -> &mut Lane {
        self.places[key]
            .as_deref_mut()
            .expect("no lane is freed that anything refers to")
    }
}
