//! Which lanes of a broker may have something to send: each broker has a list of them, and they take turns.

use std::collections::VecDeque;

use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane_key::LaneKey;

/// The lists of all brokers.
#[derive(Debug, Default)]
pub(super) struct ReadyLists {
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
    pub(super) fn len(&self, node: NodeId) -> usize {
        let place = self.place(node);
        place.map_or(0, |place| self.lists[place].1.len())
    }

    pub(super) fn push_back(&mut self, node: NodeId, key: LaneKey) {
        self.get_or_make(node).push_back(key);
    }

    pub(super) fn push_front(&mut self, node: NodeId, key: LaneKey) {
        self.get_or_make(node).push_front(key);
    }

    pub(super) fn pop_front(&mut self, node: NodeId) -> Option<LaneKey> {
        self.get_mut(node)?.pop_front()
    }

    pub(super) fn remove(&mut self, node: NodeId, key: LaneKey) {
        if let Some(list) = self.get_mut(node) {
            list.retain(|&listed| listed != key);
        }
    }

    /// Empties the list of a broker; what stood on it.
    pub(super) fn take(&mut self, node: NodeId) -> VecDeque<LaneKey> {
        self.get_mut(node).map(std::mem::take).unwrap_or_default()
    }

    /// Empties the lists of all brokers.
    pub(super) fn clear(&mut self) {
        self.lists.clear();
    }
}
