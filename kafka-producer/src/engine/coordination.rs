//! Routing for transactions: what they want to ask goes to their coordinators, and the answers come back.
//! What to ask, and what an answer means, `transaction` decides.

use bytes::Bytes;
use kafka_wire::messages::FindCoordinatorRequest;
use kafka_wire::{DecodeError, Request, Version, VersionRange};

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::transaction::answers::{Answer, FollowUp};
use crate::engine::transaction::ask::Ask;
use crate::engine::transaction::requests::{CoordinatorRequest, Lookup, Versioned};
use crate::engine::transaction::steps::Step;
use crate::engine::{Engine, NodeId};
use crate::error::FatalError;

impl Engine {
    /// A request about transactions was answered.
    pub(super) fn transaction_answered(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
        ask: Ask,
    ) -> Result<(), DecodeError> {
        let answer = Answer::read(ask.clone(), version, frame)
            // It cannot be read, so that it is not known whether the request was done.
            .inspect_err(|_| self.transactions.unanswered(&mut self.cx, &ask))?;
        self.throttle(id, answer.throttle_time_ms());
        for key in ask.lanes() {
            let (sender, mut peers) = self.sender_and_peers();
            sender.list(&mut peers, *key);
        }
        let (lanes, identity) = self.sender.numbering();
        let consequence =
            self.transactions
                .answered(&mut self.cx, lanes, identity, self.features, answer);
        match consequence {
            FollowUp::Nothing => self.see_to_ending(),
            FollowUp::Met(id, address) => self.meet_coordinator(id, address),
            FollowUp::Fatal(fatal) => self.fail_for_good(fatal),
        }
        Ok(())
    }

    /// Does what the transaction needs next. The loop ends: another step follows only on what is done about
    /// unsent batches, which is done once for each transaction.
    pub(super) fn ask_for_transaction(&mut self) {
        loop {
            let (lanes, identity) = self.sender.numbering();
            let step = self.transactions.next_step(
                &mut self.cx,
                &self.nodes,
                lanes,
                identity,
                self.features,
            );
            match step {
                Step::Flush | Step::DropUnsent => self.see_to_unsent(&step),
                Step::Nothing => return,
                Step::FindCoordinator(lookup) => return self.find_coordinator(&lookup),
                Step::Connect(id) => return self.connect_to_coordinator(id),
                Step::Send(id, ask, request) => return self.send_to_coordinator(id, ask, request),
            }
        }
    }

    /// Does at once what a transaction that begins to end needs of unsent batches.
    pub(super) fn see_to_ending(&mut self) {
        let step = self.transactions.ending_step();
        self.see_to_unsent(&step);
    }

    fn see_to_unsent(&mut self, step: &Step) {
        let (sender, mut peers) = self.sender_and_peers();
        match step {
            Step::Flush => drop(sender.flush(&mut peers)),
            Step::DropUnsent => {
                sender.drop_unsent(&mut peers);
                // They belong to the transaction that ends, not to the one that begins next.
                self.tell_failures();
            }
            _ => return,
        }
        let (sender, mut peers) = self.sender_and_peers();
        let lanes = sender.take_stock(&mut peers);
        self.transactions.await_batches(lanes);
    }

    fn find_coordinator(&mut self, lookup: &Lookup) {
        let Some(id) = self.ready_or_dial::<FindCoordinatorRequest>() else {
            return self.refuse_coordination();
        };
        let Some(version) = self.nodes.newest::<FindCoordinatorRequest>(id) else {
            return;
        };
        let ask = Ask::FindCoordinator(lookup.role.clone());
        self.transactions.asked(&ask);
        let request = lookup.request(version.number);
        self.ask(id, version, &request, ExpectedResponse::Transaction(ask));
    }

    fn send_to_coordinator(&mut self, id: NodeId, ask: Ask, request: CoordinatorRequest) {
        match request {
            CoordinatorRequest::InitProducerId(request) => self.send_in_newest(id, ask, &request),
            CoordinatorRequest::AddPartitions(request) => self.send_in_newest(id, ask, &request),
            CoordinatorRequest::AddOffsets(request) => self.send_in_newest(id, ask, &request),
            CoordinatorRequest::CommitOffsets(request) => self.send_in_newest(id, ask, &request),
            CoordinatorRequest::End(request) => self.send_in_newest(id, ask, &request),
        }
    }

    /// Sends a request in the newest version that will do; a coordinator that speaks none ends all.
    fn send_in_newest<R: Request>(&mut self, id: NodeId, ask: Ask, request: &Versioned<R>) {
        let wanted = VersionRange::new(request.oldest, request.latest);
        if let Some(version) = self.nodes.newest_in::<R>(id, wanted) {
            self.transactions.asked(&ask);
            self.ask(
                id,
                version,
                &request.request,
                ExpectedResponse::Transaction(ask),
            );
        } else if let Some(mut unsupported) = self.nodes.unsupported::<R>(id) {
            let ours = &mut unsupported.ours;
            *ours = VersionRange::new(request.oldest, ours.latest.max(request.oldest));
            self.fail_for_good(FatalError::Unsupported(unsupported));
        }
    }
}
