//! What is in the way of brokers: why there is none to ask, and what keeps requests from one of them, for messages.
//!
//! Nothing here changes a broker.

use std::time::{Duration, Instant};

use kafka_wire::Request;

use super::{CONNECTING_WAIT, Nodes};
use crate::engine::cluster::node::Node;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::refusal::Refusal;
use crate::engine::context::Context;
use crate::error::{Unsupported, WaitReason};

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

    /// What keeps a broker from being asked, if there is none that could be.
    pub(crate) fn everybodys_obstacle(&self, now: Instant) -> Option<WaitReason> {
        let nodes = self.known.values();
        let mut obstacles = nodes.clone().filter_map(|node| node.known_obstacle(now));
        let free = |node: &Node| node.obstacle(now).is_none();
        obstacles.next().filter(|_| !nodes.clone().any(free))
    }
}
