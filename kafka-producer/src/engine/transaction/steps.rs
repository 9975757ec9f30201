//! What a transaction needs next, as data: the engine does it and calls again.

use std::sync::Arc;

use super::ask::{Ask, End, Role};
use super::phase::{Batches, Initialization, Phase};
use super::requests::{self, CoordinatorRequest, Lookup, Phases, Sender};
use super::transactional::Transactional;
use crate::engine::cluster::features::Features;
use crate::engine::cluster::node::Availability;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::cluster::nodes::Nodes;
use crate::engine::context::Context;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::lanes::Lanes;
use crate::engine::produce::verdict::TransactionVersion;
use crate::error::AbortableError;

/// What the engine must do.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing until something happens.
    Nothing,
    /// Send all unsent batches, then report which lanes have batches.
    Flush,
    /// Fail all unsent batches, then report which lanes have batches.
    DropUnsent,
    /// Ask any broker for the coordinator.
    FindCoordinator(Lookup),
    /// Connect to a coordinator as soon as its pause is over.
    Connect(NodeId),
    /// Send a request to a coordinator whose connection is ready.
    Send(NodeId, Ask, CoordinatorRequest),
}

impl Transactional {
    /// What to do at once with the batches of a transaction that has started to end.
    pub(super) fn ending_step(&self) -> Step {
        match self.phase.ending() {
            Some(ending) if matches!(ending.batches, Batches::Pending) => match ending.how {
                End::Commit => Step::Flush,
                End::Abort => Step::DropUnsent,
            },
            _ => Step::Nothing,
        }
    }

    /// What to do next. A transaction that no coordinator knows ends here.
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
        self.see_to_prepared(cx, nodes, identity);
        if let Some(why) = self.lacks_two_phase(nodes, features) {
            self.decline(cx, &why);
        }
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

    /// What to ask next, unless a request is in flight. The end waits for every batch, and also for those
    /// that expired in flight: after the marker of the end they would start a transaction that is never
    /// ended.
    fn next_ask(&self, nodes: &Nodes) -> Option<Ask> {
        self.request.not_before()?;
        let drained = self.phase.is_drained() && !nodes.have_produce_in_flight();
        self.content().next_ask(&self.phase, drained)
    }

    /// Sends a request to the coordinator, which is found and connected to first.
    fn ask_coordinator(&self, ask: Ask, nodes: &Nodes, lanes: &Lanes, identity: &Identity) -> Step {
        let role = ask.role();
        let id = self.coordinators.of(&role);
        let known = id.and_then(|id| Some((id, nodes.availability(id)?)));
        let Some((id, availability)) = known else {
            return self.find_coordinator(role);
        };
        match availability {
            // This is called again when either changes.
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

    fn phases(&self) -> Phases {
        match self.phase {
            _ if !self.settings.two_phase_commit => Phases::One,
            Phase::Initializing(Initialization::Keeping) => Phases::TwoAndKeep,
            _ => Phases::Two,
        }
    }

    /// The request for this; `None` if it does not go to a known coordinator.
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
                requests::init_producer_id(sender, self.settings.timeout, self.phases())
            }
            Ask::Resume(stored) => {
                let producer = ProducerId::told(stored.producer_id(), stored.epoch());
                let sender = Sender { producer, ..sender };
                requests::end(sender, End::Commit, TransactionVersion::Two)
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
