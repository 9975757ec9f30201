//! What a transaction needs next, as data: its user does it and asks again.

use std::sync::Arc;

use super::ask::{Ask, End, Role};
use super::phase::{Batches, Phase};
use super::requests::{self, CoordinatorRequest, Lookup, Sender};
use super::transactional::Transactional;
use crate::engine::cluster::features::Features;
use crate::engine::cluster::node::Availability;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::identity::Identity;
use crate::engine::produce::lanes::Lanes;
use crate::error::AbortableError;

/// What is to be done outside.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing, before something happens.
    Nothing,
    /// Have everything sent that was not, then tell which lanes have batches.
    Flush,
    /// Fail everything that was not sent, then tell which lanes have batches.
    DropUnsent,
    /// Ask any broker who coordinates this.
    FindCoordinator(Lookup),
    /// Connect to a coordinator, as soon as that may be tried.
    Connect(NodeId),
    /// Ask a coordinator whose connection is ready.
    Send(NodeId, Ask, CoordinatorRequest),
}

impl Transactional {
    /// What has to be done at once about the batches of a transaction that has just begun to end.
    pub(super) fn ending_step(&self) -> Step {
        match self.phase.ending() {
            Some(ending) if matches!(ending.batches, Batches::Pending) => match ending.how {
                End::Commit => Step::Flush,
                End::Abort => Step::DropUnsent,
            },
            _ => Step::Nothing,
        }
    }

    /// What has to be done next. A transaction that no coordinator knows of is ended here.
    pub(super) fn next_step(
        &mut self,
        cx: &mut Context,
        nodes: &Nodes,
        lanes: &mut Lanes,
        identity: &mut Identity,
        features: Features,
    ) -> Step {
        let ending = self.ending_step();
        if ending != Step::Nothing {
            return ending;
        }
        self.phase.forget_drained(|key| lanes[key].has_batches());
        let mut ask = self.next_ask(nodes);
        if matches!(ask, Some(Ask::End(_))) && !self.members.need_end() {
            self.ended(cx, lanes, identity, features, None);
            ask = self.next_ask(nodes);
        }
        let due = self.request.not_before().is_some_and(|at| at <= cx.now);
        match ask.filter(|_| due) {
            Some(Ask::CommitOffsets(group)) if self.offsets.may_be_set_back(&group) => {
                self.must_abort(cx, || AbortableError::OffsetsInDoubt { group });
                self.ending_step()
            }
            Some(ask) => self.ask_coordinator(ask, nodes, lanes, identity),
            None => Step::Nothing,
        }
    }

    /// What has to be asked next, unless a request is on its way. The end has to wait for every batch,
    /// and for those that have expired on their way: behind the marker of the end they would open a
    /// transaction that nobody ends.
    fn next_ask(&self, nodes: &Nodes) -> Option<Ask> {
        self.request.not_before()?;
        let drained = self.phase.is_drained() && !nodes.have_produce_in_flight();
        self.content().next_ask(&self.phase, drained)
    }

    /// Asks the coordinator, once it is known and its connection is ready.
    fn ask_coordinator(&self, ask: Ask, nodes: &Nodes, lanes: &Lanes, identity: &Identity) -> Step {
        let role = ask.role();
        let id = self.coordinators.of(&role);
        let known = id.and_then(|id| Some((id, nodes.availability(id)?)));
        let Some((id, availability)) = known else {
            return self.find_coordinator(role);
        };
        match availability {
            // The end of both is a reason to look here again.
            Availability::Silent | Availability::Connecting => Step::Nothing,
            Availability::Resting => Step::Connect(id),
            Availability::Ready => match self.request_of(&ask, lanes, identity) {
                Some(request) => Step::Send(id, ask, request),
                None => self.find_coordinator(role),
            },
        }
    }

    fn find_coordinator(&self, role: Role) -> Step {
        Step::FindCoordinator(Lookup::new(role, &self.settings.id))
    }

    /// The request that asks this; `None` if it is not for a coordinator that is known.
    fn request_of(
        &self,
        ask: &Ask,
        lanes: &Lanes,
        identity: &Identity,
    ) -> Option<CoordinatorRequest> {
        let sender = Sender {
            transactional_id: &self.settings.id,
            producer: identity.producer(),
        };
        Some(match ask {
            Ask::FindCoordinator(_) => return None,
            Ask::InitProducerId => {
                let renewed = matches!(self.phase, Phase::Renewing(_));
                let producer = sender.producer.filter(|_| renewed);
                let sender = Sender { producer, ..sender };
                requests::init_producer_id(sender, self.settings.timeout)
            }
            Ask::AddPartitions(keys) => {
                let lanes = keys.iter().map(|key| &lanes[*key]);
                let names = lanes.map(|lane| (Arc::clone(lane.topic()), lane.partition()));
                requests::add_partitions(sender, names)
            }
            Ask::AddOffsets(group) => requests::add_offsets(sender, group),
            Ask::CommitOffsets(_) => {
                let commit = self.offsets.front()?;
                requests::commit_offsets(sender, &commit.group, &commit.offsets, self.version)
            }
            Ask::End(how) => requests::end(sender, *how, self.version),
        })
    }
}
