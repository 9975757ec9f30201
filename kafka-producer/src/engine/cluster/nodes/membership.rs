//! Which brokers the cluster has: those that an answer tells of are met, and those that left are forgotten,
//! but for how soon they may be disturbed.

use std::sync::Arc;
use std::time::Instant;

use kafka_wire::messages::produce::NodeEndpoint;

use super::Nodes;
use crate::engine::cluster::disconnected::Disconnected;
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node::login::Renewal;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::input::Action;
use crate::engine::timers::Timer;
use crate::readable::is_readable;
use crate::settings::{Address, DnsLookup};

impl Nodes {
    /// Takes in that a broker is at this address. A connection to another one is given up.
    pub(crate) fn meet(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        host: String,
        port: i32,
    ) -> Option<Disconnected> {
        let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
        if id.is_bootstrap() || host.is_empty() || !is_readable(&host) {
            return None;
        }
        let address = Address { host, port };
        match self.known.get(&id) {
            Some(node) if *node.address() == address => None,
            Some(_) => {
                cx.actions.push_back(Action::Drop(id));
                let lost = self.disconnected(cx, id, "the broker has moved to another address");
                if let Some(node) = self.known.get_mut(&id) {
                    node.move_to(address);
                }
                lost
            }
            None => {
                match self.connected_bootstrap(cx, id, &address) {
                    Some(bootstrap) => self.adopt(cx, bootstrap, id, address),
                    None => self.make_known(cx, id, address),
                }
                None
            }
        }
    }

    /// Takes in where a broker stands.
    pub(crate) fn note_rack(&mut self, id: NodeId, rack: Option<String>) {
        if let Some(node) = self.known.get_mut(&id)
            && node.rack() != rack.as_deref()
        {
            node.stand_in(rack.map(Arc::from));
        }
    }

    /// Adds the leaders that an answer to a produce request names and that are not known yet (KIP-951). Known
    /// ones are left as they are: only metadata moves a broker to another address.
    pub(crate) fn meet_leaders(&mut self, cx: &mut Context, endpoints: &[NodeEndpoint]) {
        for endpoint in endpoints {
            let id = NodeId(endpoint.node_id);
            if !self.knows(id) {
                // A new broker has no connection that could be lost.
                let _ = self.meet(cx, id, endpoint.host.clone(), endpoint.port);
                self.note_rack(id, endpoint.rack.clone());
            }
        }
    }

    /// Adds a coordinator at its address, or moves it there if it has no connection. An open connection is
    /// kept: if the broker has moved, metadata will say so.
    pub(crate) fn meet_coordinator(&mut self, cx: &mut Context, id: NodeId, address: Address) {
        match self.known.get_mut(&id) {
            None => self.make_known(cx, id, address),
            Some(node) if node.is_resting() => node.move_to(address),
            Some(_) => {}
        }
    }

    /// A bootstrap server whose connection is that of a new broker: it was dialed at the very address at which
    /// the broker would be, letter by letter, so that TLS has verified the same name, unless it is another name of
    /// that address that was verified. A broker whose pauses are still known keeps to them.
    fn connected_bootstrap(&self, cx: &Context, id: NodeId, address: &Address) -> Option<NodeId> {
        let renames = cx.settings.dns_lookup == DnsLookup::ResolveCanonicalBootstrapServersOnly;
        if renames || self.departed.contains_key(&id) {
            return None;
        }
        let mut nodes = self.known.values();
        let same = |node: &&Node| node.id().is_bootstrap() && node.address() == address;
        let found = nodes.find(|node| same(node) && node.can_hand_over());
        found.map(Node::id)
    }

    /// A new broker goes on with the connection of a bootstrap server, and what is asked on it.
    fn adopt(&mut self, cx: &mut Context, bootstrap: NodeId, id: NodeId, address: Address) {
        let mut node = Node::new(id, address, cx.settings.reconnect_backoff);
        if let Some(bootstrap) = self.known.get_mut(&bootstrap) {
            bootstrap.hand_over(&mut node);
        }
        if let Some(at) = node.deadline(cx.now, cx.settings.connections_max_idle) {
            cx.timers.arm(Timer::Node(id), at);
        }
        let session_due = match node.renewal(cx.now) {
            Renewal::Later(at) => at,
            // The timer of the bootstrap server has nothing to look at any more.
            Renewal::Due { .. } | Renewal::NearlyOver { .. } | Renewal::Over => Some(cx.now),
        };
        if let Some(at) = session_due {
            cx.timers.arm(Timer::Session(id), at);
        }
        cx.metrics.meet_node(cx.now, id);
        cx.addresses.note(id, node.address());
        self.known.insert(id, node);
        self.adopted.insert(bootstrap, id);
        self.newly_adopted.push(id);
        self.destinations.adopted();
        cx.reports.renamed(bootstrap, id);
        cx.actions.push_back(Action::Rename(bootstrap, id));
    }

    /// Those that have gone on with a connection since this was last asked: they are ready, and nobody was told.
    pub(crate) fn take_newly_adopted(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.newly_adopted)
    }

    /// Whom the connection belongs to that was this one's: what was gathered before a connection was renamed
    /// names its bootstrap server.
    pub(crate) fn current(&self, id: NodeId) -> NodeId {
        self.adopted.get(&id).copied().unwrap_or(id)
    }

    fn make_known(&mut self, cx: &mut Context, id: NodeId, address: Address) {
        let mut node = Node::new(id, address, cx.settings.reconnect_backoff);
        if let Some(left) = self.departed.remove(&id) {
            node.resume(left, cx.now);
        }
        if let Some(until) = node.silent_until() {
            cx.timers.arm(Timer::Node(id), until);
        }
        self.known.insert(id, node);
    }

    /// Forgets a broker, except for its pauses: they hold if it becomes known again.
    pub(crate) fn forget(&mut self, now: Instant, id: NodeId) {
        self.departed.retain(|_, left| left.matters(now));
        if let Some(node) = self.known.remove(&id) {
            self.departed.insert(id, node.leave());
        }
    }

    /// Forgets the brokers that are not among these members of the cluster, once nothing is in flight to them
    /// and nothing is to be sent to them.
    pub(crate) fn forget_others(
        &mut self,
        now: Instant,
        members: &[NodeId],
        is_needed: impl Fn(NodeId) -> bool,
    ) {
        let gone = self.known.values().filter(|node| {
            let gone = !node.id().is_bootstrap() && !members.contains(&node.id());
            gone && node.is_resting() && !is_needed(node.id())
        });
        for id in gone.map(Node::id).collect::<Vec<NodeId>>() {
            self.forget(now, id);
        }
    }
}
