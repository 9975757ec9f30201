//! What brokers were asked and have not answered: questions about all of them.

use std::time::{Duration, Instant};

use super::Nodes;
use crate::engine::cluster::in_flight::InFlight;
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane_key::LaneKey;

impl Nodes {
    fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.known.values().filter_map(Node::in_flight)
    }

    /// Whether no broker owes an answer.
    pub(crate) fn are_idle(&self) -> bool {
        self.in_flight().all(InFlight::is_empty)
    }

    /// Whether a broker owes an answer.
    pub(crate) fn owes_answers(&self, id: NodeId) -> bool {
        let node = self.known.get(&id);
        node.and_then(Node::load).is_some_and(|load| load > 0)
    }

    /// Whether batches are on their way to any.
    pub(crate) fn have_produce_in_flight(&self) -> bool {
        self.in_flight().any(|requests| requests.produce() > 0)
    }

    /// How many produce requests a broker has not answered, and when the oldest was sent, if there are any.
    pub(crate) fn produce_in_flight(&self, id: NodeId) -> Option<(usize, Instant)> {
        let requests = self.known.get(&id)?.in_flight()?;
        Some((requests.produce(), requests.oldest_produce_since()?))
    }

    /// Whether batches are being compressed for a request to this broker.
    pub(crate) fn is_compressing(&self, id: NodeId) -> bool {
        let node = self.known.get(&id);
        node.and_then(Node::in_flight)
            .is_some_and(InFlight::is_compressing)
    }

    /// The lanes that answers will be about; some of them more than once.
    pub(crate) fn lanes_in_flight(&self) -> impl Iterator<Item = LaneKey> {
        self.in_flight().flat_map(InFlight::lanes)
    }

    /// The quickest answer to a produce request on the connection to a broker, if that is ready.
    pub(crate) fn quickest_answer(&self, id: NodeId) -> Option<Option<Duration>> {
        self.known.get(&id)?.quickest()
    }
}
