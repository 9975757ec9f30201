//! Which brokers the cluster has: those that an answer tells of are met, and those that left are forgotten,
//! but for how soon they may be disturbed.

use std::time::Instant;

use kafka_wire::messages::produce::NodeEndpoint;

use super::Nodes;
use crate::engine::cluster::disconnected::Disconnected;
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::context::Context;
use crate::engine::input::Action;
use crate::engine::timers::Timer;
use crate::settings::Address;

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
        if id.is_bootstrap() || host.is_empty() {
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
                self.make_known(cx, id, address);
                None
            }
        }
    }

    /// Takes in the leaders that an answer names and no metadata has told of yet (KIP-951). Of the others
    /// metadata tells; to leave one for a word about another would be rash.
    pub(crate) fn meet_leaders(&mut self, cx: &mut Context, endpoints: &[NodeEndpoint]) {
        for endpoint in endpoints {
            let id = NodeId(endpoint.node_id);
            if !self.knows(id) {
                // Of a broker that was not known there is no connection to be lost.
                let _ = self.meet(cx, id, endpoint.host.clone(), endpoint.port);
            }
        }
    }

    /// Takes in where a coordinator is. Metadata will tell of a move if there was one; a connection that
    /// stands is good.
    pub(crate) fn meet_coordinator(&mut self, cx: &mut Context, id: NodeId, address: Address) {
        match self.known.get_mut(&id) {
            None => self.make_known(cx, id, address),
            Some(node) if node.is_resting() => node.move_to(address),
            Some(_) => {}
        }
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

    /// Forgets a broker. It may be met again: then it is left alone for as long as if it had been known
    /// all the time.
    pub(crate) fn forget(&mut self, now: Instant, id: NodeId) {
        self.departed.retain(|_, left| left.matters(now));
        if let Some(node) = self.known.remove(&id) {
            self.departed.insert(id, node.leave());
        }
    }

    /// Forgets who has left the cluster, whose brokers are these, once nothing is on its way there and nothing
    /// is to be sent there.
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
