//! What is in the way of brokers: why there is none to ask, and what keeps requests from one of them, for messages.
//!
//! Nothing here changes a broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_wire::Request;
use kafka_wire::messages::metadata::MetadataRequest;

use super::{CONNECTING_WAIT, Nodes};
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::refusal::Refusal;
use crate::engine::context::Context;
use crate::error::{NoServer, ServerFailure, Unsupported, WaitReason};

/// One that may be asked about the cluster.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) id: NodeId,
    pub(crate) address: Arc<str>,
    /// Why it is of no use for that, if it has said so.
    pub(crate) useless: Option<WaitReason>,
    /// What keeps it from being asked, or that it has not answered.
    pub(crate) obstacle: WaitReason,
}

impl Server {
    fn of(node: &Node, now: Instant) -> Self {
        let useless = node.refusal::<MetadataRequest>(now);
        let unanswered = WaitReason::Unanswered {
            request: "Metadata",
        };
        Self {
            id: node.id(),
            address: node.address().to_string().into(),
            useless: useless.map(|refusal| match refusal {
                Refusal::Unsupported(why) => WaitReason::Unsupported(why),
                Refusal::Authentication(why) => WaitReason::Authentication(why),
            }),
            obstacle: node.obstacle(now).unwrap_or(unanswered),
        }
    }
}

/// Those that may be asked about the cluster.
impl Nodes {
    /// All of them, with what is known of each.
    pub(crate) fn servers(&self, cx: &Context) -> Vec<Server> {
        let known_only = self.known_only(cx);
        let nodes = self.known.values();
        let asked = nodes.filter(|node| !(known_only && node.id().is_bootstrap()));
        let mut servers: Vec<Server> = asked.map(|node| Server::of(node, cx.now)).collect();
        // As they are written in the configuration.
        servers.sort_by_key(|server| server.id.0.unsigned_abs());
        servers
    }

    /// Whether one has told of the cluster, and can be asked more.
    pub(crate) fn is_connected(&self) -> bool {
        let mut known = self.known.keys();
        known.any(|id| !id.is_bootstrap()) && !self.are_none_ready()
    }

    /// That none of the servers to begin with could be reached, as long as no broker is known.
    pub(crate) fn no_server(&self, now: Instant) -> Option<WaitReason> {
        let begins = self.known.keys().all(|id| id.is_bootstrap());
        if !begins || !self.are_none_ready() {
            return None;
        }
        let in_order = self.known.values().rev();
        let tried = in_order.filter_map(|node| {
            let why = node.known_obstacle(now)?;
            Some(ServerFailure::new(node.address().to_string().into(), why))
        });
        let tried: Vec<ServerFailure> = tried.collect();
        let lost = |failure: &ServerFailure| matches!(failure.why, WaitReason::Connection { .. });
        let any = tried.iter().any(lost);
        any.then(|| WaitReason::NoServer(NoServer::new(tried)))
    }
}

/// Why there is none to ask.
impl Nodes {
    /// That no broker is left that could be asked `R`, by the example of one that lacks it or refuses
    /// our credentials. One that cannot be reached now is not waited for: it is dialed on and on.
    pub(crate) fn refusal<R: Request>(&self, cx: &Context) -> Option<Refusal> {
        let refusal = self
            .known
            .values()
            .find_map(|node| node.refusal::<R>(cx.now))?;
        let wait_max = match refusal {
            Refusal::Authentication(_) => CONNECTING_WAIT,
            Refusal::Unsupported(_) => Duration::MAX,
        };
        let known_only = self.known_only(cx);
        let mut asked = self.known.values();
        let hope = asked.any(|node| {
            let never_dialed = known_only && node.is_resting() && node.id().is_bootstrap();
            !never_dialed && node.may_speak::<R>(cx.now, wait_max)
        });
        (!hope).then_some(refusal)
    }

    /// That no broker is left that may speak `R`, whether or not brokers accept us.
    pub(crate) fn nobody_speaks<R: Request>(&self, cx: &Context) -> Option<Unsupported> {
        match self.refusal::<R>(cx)? {
            Refusal::Unsupported(unsupported) => Some(unsupported),
            Refusal::Authentication(_) => None,
        }
    }
}

/// What is in the way of a broker, for messages.
impl Nodes {
    /// What keeps requests from being sent to it now.
    pub(crate) fn obstacle(&self, now: Instant, id: NodeId) -> Option<WaitReason> {
        self.known.get(&id)?.obstacle(now)
    }

    /// The same, but `None` for a broker that was not dialed yet: the next request dials it.
    pub(crate) fn known_obstacle(&self, now: Instant, id: NodeId) -> Option<WaitReason> {
        self.known.get(&id)?.known_obstacle(now)
    }

    /// What a broker is called in messages.
    pub(crate) fn name(&self, id: NodeId) -> Arc<str> {
        let node = self.known.get(&id);
        node.map_or_else(|| id.to_string().into(), Node::name)
    }

    /// What is in the way of a broker, with the time to its next dial if that waits.
    pub(crate) fn with_next_dial(&self, now: Instant, id: NodeId, why: WaitReason) -> WaitReason {
        let resting = self.known.get(&id).filter(|node| node.is_resting());
        let next = resting.map(|node| node.rested_at(now).saturating_duration_since(now));
        match next {
            Some(next) if matches!(why, WaitReason::Connection { .. }) => {
                let why = Arc::new(why);
                WaitReason::Unreachable { why, next }
            }
            _ => why,
        }
    }

    /// What keeps a broker from being asked, if there is none that could be.
    pub(crate) fn everybodys_obstacle(&self, now: Instant) -> Option<WaitReason> {
        let nodes = self.known.values();
        let mut obstacles = nodes.clone().filter_map(|node| node.known_obstacle(now));
        let free = |node: &Node| node.obstacle(now).is_none();
        obstacles.next().filter(|_| !nodes.clone().any(free))
    }
}
