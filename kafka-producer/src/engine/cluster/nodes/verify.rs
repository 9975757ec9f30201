//! Asking brokers whether they are those that are meant, on connections whose broker could not be named when
//! they were greeted: a login comes first, or the cluster's id was not known, or nobody knew which broker a
//! bootstrap server is.

use super::Nodes;
use crate::engine::cluster::destination::Destination;
use crate::engine::cluster::disconnected::Sent;
use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::handshake::api_versions;
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::login::Login;
use crate::engine::context::Context;
use crate::engine::event::Event;
use crate::engine::input::Action;
use crate::engine::timers::Timer;

impl Nodes {
    /// Metadata is of the cluster of this id.
    pub(crate) fn cluster_told(&mut self, cx: &mut Context, id: &str) {
        let warning = self.destinations.told(id);
        cx.actions.extend(warning.map(elsewhere));
    }

    pub(crate) fn is_cluster_known(&self) -> bool {
        self.destinations.is_cluster_known()
    }

    /// The bootstrap servers are asked again, which may lead to another cluster.
    pub(crate) fn begin_anew(&mut self) {
        self.destinations.begin_anew();
    }

    /// The brokers that can say whether they are those that are meant, and have not; none if none has come since
    /// the last time.
    pub(crate) fn take_unverified(&mut self, cx: &Context) -> Vec<NodeId> {
        if !self.destinations.take_news() {
            return Vec::new();
        }
        let unverified = self.known.values().filter(|node| {
            let meant = self.destinations.of(&cx.settings, node.id());
            meant.is_some_and(|meant| node.verifiable(&meant).is_some())
        });
        unverified.map(Node::id).collect()
    }

    /// Asks a broker that is ready, if it is to be asked.
    pub(crate) fn verify(&mut self, cx: &mut Context, id: NodeId) -> Option<Sent> {
        let meant = self.destinations.of(&cx.settings, id)?;
        let node = self.known.get_mut(&id)?;
        let version = node.verifiable(&meant)?;
        node.verify();
        let request = api_versions::request(Some(&meant));
        let expected = ExpectedResponse::ApiVersions(Some(meant));
        Some(self.ask(cx, id, version, &request, expected))
    }

    pub(crate) fn is_verifying(&self, id: NodeId) -> bool {
        self.known.get(&id).is_some_and(Node::is_verifying)
    }

    /// A broker that was asked is the one that was meant. What its session was to be looked at for meanwhile
    /// is looked at now.
    pub(crate) fn verified(
        &mut self,
        cx: &mut Context,
        id: NodeId,
        destination: Option<Destination>,
    ) -> Login {
        self.destinations.reached(id);
        if let Some(node) = self.known.get_mut(&id) {
            node.verified(destination);
        }
        if cx.settings.security.sasl.is_some() {
            cx.timers.arm(Timer::Session(id), cx.now);
        }
        Login::Ready
    }

    /// A connection leads to another broker.
    pub(crate) fn missed(&mut self, cx: &mut Context, id: NodeId, destination: &Destination) {
        if let Some(node) = self.known.get(&id) {
            let warning = self.destinations.missed(destination, &node.name());
            cx.actions.extend(warning.map(elsewhere));
        }
    }

    /// Whether there is a connection to a broker that was told of, or one is being made.
    pub(crate) fn is_any_connected(&self) -> bool {
        let mut nodes = self.known.values();
        nodes.any(|node| !node.id().is_bootstrap() && !node.is_resting())
    }
}

fn elsewhere(warning: String) -> Action {
    Action::Tell(Event::Elsewhere(warning))
}
