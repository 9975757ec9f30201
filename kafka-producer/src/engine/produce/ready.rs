//! Which lanes of a broker may have something to send: each broker has a list of them, and they take turns.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane_key::LaneKey;

/// The lists of all brokers.
#[derive(Debug, Default)]
pub(super) struct ReadyLists {
    lists: BTreeMap<NodeId, VecDeque<LaneKey>>,
}

impl ReadyLists {
    /// How many lanes stand on the list of this broker.
    pub(super) fn len(&self, node: NodeId) -> usize {
        self.lists.get(&node).map_or(0, VecDeque::len)
    }

    pub(super) fn push_back(&mut self, node: NodeId, key: LaneKey) {
        self.lists.entry(node).or_default().push_back(key);
    }

    pub(super) fn push_front(&mut self, node: NodeId, key: LaneKey) {
        self.lists.entry(node).or_default().push_front(key);
    }

    pub(super) fn pop_front(&mut self, node: NodeId) -> Option<LaneKey> {
        self.lists.get_mut(&node)?.pop_front()
    }

    pub(super) fn remove(&mut self, node: NodeId, key: LaneKey) {
        if let Some(list) = self.lists.get_mut(&node) {
            list.retain(|&listed| listed != key);
        }
    }

    /// Empties the list of a broker; what stood on it.
    pub(super) fn take(&mut self, node: NodeId) -> VecDeque<LaneKey> {
        self.lists.remove(&node).unwrap_or_default()
    }

    /// Empties the lists of all brokers.
    pub(super) fn clear(&mut self) {
        self.lists.clear();
    }
}
