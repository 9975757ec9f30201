//! What no broker speaks is not waited for: records and callers that would need it end at once.
//!
//! A broker says what it speaks when it is greeted, and that is remembered of one that is not connected
//! any more. One that was not tried yet may speak anything; one that cannot be reached is dialed on and on,
//! but not waited for.

use kafka_wire::Request;
use kafka_wire::messages::{InitProducerIdRequest, MetadataRequest, ProduceRequest};

use crate::engine::cluster::node::{Link, Node, Versions};
use crate::engine::notice::Notice;
use crate::engine::produce::lane::LaneKey;
use crate::engine::{Engine, NodeId};

use crate::error::{Cause, SendError, Unsupported, WaitReason};

impl Node {
    /// Whether it may speak this, as far as is known.
    fn may_speak<R: Request>(&self) -> bool {
        match &self.link {
            Link::Ready { versions, .. } => versions.newest::<R>().is_some(),
            Link::Dialing { .. } | Link::Greeting { .. } => true,
            Link::Resting => match &self.spoken {
                Some(versions) => versions.newest::<R>().is_some(),
                None => self.obstacle.is_none(),
            },
        }
    }

    /// That it does not speak this, by what it has said.
    pub(crate) fn lacks<R: Request>(&self) -> Option<Unsupported> {
        match (self.told(), &self.obstacle) {
            (Some(versions), _) if versions.newest::<R>().is_none() => {
                Some(self.unsupported::<R>())
            }
            (None, Some(WaitReason::Unsupported(unsupported))) => Some(unsupported.clone()),
            _ => None,
        }
    }

    /// That it does not speak this in a version that will do.
    pub(crate) fn unsupported<R: Request>(&self) -> Unsupported {
        Unsupported {
            broker: self.name(),
            api: R::KEY,
            theirs: self.told().and_then(Versions::of::<R>),
            ours: R::STABLE_VERSIONS,
        }
    }

    fn told(&self) -> Option<&Versions> {
        match &self.link {
            Link::Ready { versions, .. } => Some(versions),
            _ => self.spoken.as_ref(),
        }
    }
}

impl Engine {
    /// That no broker is left that may speak `R`, by the example of one that does not. Whoever
    /// cannot be reached now is not waited for: he is dialed on and on.
    pub(crate) fn nobody_speaks<R: Request>(&self) -> Option<Unsupported> {
        if self.nodes.values().any(Node::may_speak::<R>) {
            return None;
        }
        self.nodes.values().find_map(Node::lacks::<R>)
    }

    /// Ends the wait of callers for topics that nobody can tell of.
    pub(crate) fn refuse_unsupported(&mut self) {
        let Some(unsupported) = self.nobody_speaks::<MetadataRequest>() else {
            return;
        };
        for interest in self.metadata.topics.values_mut() {
            for waiter in interest.waiters.drain(..) {
                let refusal = SendError::Unsupported(unsupported.clone());
                self.cx
                    .notices
                    .push(Notice::answer(waiter.reply, Err(refusal)));
            }
        }
        self.metadata.forget_unwanted(self.cx.now);
    }

    /// Ends what waits for a producer id that nobody gives. What comes later asks again.
    pub(crate) fn refuse_unidentified(&mut self) {
        let Some(unsupported) = self.nobody_speaks::<InitProducerIdRequest>() else {
            return;
        };
        // Of a broker that does not take our batches either, no other setting makes use.
        let unsupported = self
            .nobody_speaks::<ProduceRequest>()
            .unwrap_or(unsupported);
        self.identity.deny(self.cx.now);
        self.fail_unsent(|| Cause::Unsupported(unsupported.clone()), None);
    }

    /// Ends what waits for this leader, which does not take our batches.
    pub(crate) fn refuse_led_by(&mut self, id: NodeId, unsupported: &Unsupported) {
        self.fail_unsent(|| Cause::Unsupported(unsupported.clone()), Some(id));
    }

    /// Ends what waits in these lanes: their leader takes batches, but none in a version that can name
    /// their topics or belong to their transaction.
    pub(crate) fn refuse_unspeakable(&mut self, id: NodeId, keys: &[LaneKey]) {
        let Some(node) = self.nodes.get(&id) else {
            return;
        };
        let unsupported = node.unsupported::<ProduceRequest>();
        for &key in keys {
            self.fail_unsent_of(key, || Cause::Unsupported(unsupported.clone()));
        }
    }
}
