//! How busy and how near the leader of a partition is, for those who weigh partitions; and whether it can be sent
//! batches at once, for those who wait for that.

use std::time::{Duration, Instant};

use kafka_partition::{Leader, Load, Rack};

use super::Nodes;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::in_flight::InFlight;
use crate::engine::cluster::node_id::NodeId;

impl Nodes {
    /// Whether a broker can be sent batches at once, and has told how long it remembers producers, if it was
    /// asked.
    pub(crate) fn is_warm(&self, id: NodeId) -> bool {
        self.known.get(&id).is_some_and(|node| {
            let asked =
                |expected: &ExpectedResponse| matches!(expected, ExpectedResponse::DescribeConfigs);
            let introduced = |requests: &InFlight| !requests.any(asked);
            node.is_ready() && node.in_flight().is_some_and(introduced)
        })
    }

    /// A partition that this broker leads, or that has no leader, for which nothing waits. `own_rack` is
    /// where the client stands, if that counts.
    pub(crate) fn load_of(&self, leader: Option<NodeId>, own_rack: Option<&str>) -> Load {
        let Some(node) = leader.and_then(|leader| self.known.get(&leader)) else {
            return Load::default().led(Leader::Missing);
        };
        let is_near = own_rack.is_some() && node.rack() == own_rack;
        Load::default().standing(match is_near {
            true => Rack::Own,
            false => Rack::Other,
        })
    }

    /// Whether nothing was sent to a broker for `time`, though something could have been since then.
    pub(crate) fn has_stalled(
        &self,
        id: NodeId,
        since: Instant,
        time: Duration,
        now: Instant,
    ) -> bool {
        let node = self.known.get(&id);
        node.is_some_and(|node| node.has_stalled(since, time, now))
    }
}
