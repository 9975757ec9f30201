//! From the engine to its transactions and back: nothing is decided here.

use std::time::Instant;

use bytes::Bytes;
use futures_channel::oneshot;
use kafka_accumulator::Readiness;
use kafka_wire::messages::FindCoordinatorRequest;
use kafka_wire::{DecodeError, ErrorCode, Request, Version};

use super::ask::Ask;
use super::call::TransactionCall;
use super::{Answer, Consequence, CoordinatorRequest, Lookup, Step, Versioned};
use crate::engine::Engine;
use crate::engine::cluster::in_flight::What;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::produce::lane::LaneKey;
use crate::error::{AbortableError, Cause, FatalError, TransactionError};
use crate::settings::Address;

impl Engine {
    /// Whether a new batch may leave this lane's queue; its partition is added to the transaction.
    pub(in crate::engine) fn may_take(&mut self, key: LaneKey) -> bool {
        let (lanes, now) = (&self.lanes, self.cx.now);
        let has_batch = || lanes[key as usize].queue.look(now) == Readiness::Ready;
        self.transactions.maybe_add_partition(key, has_batch)
    }

    pub(in crate::engine) fn batch_answered(&mut self, key: LaneKey, code: ErrorCode) {
        self.transactions.batch_answered(key, code);
    }

    pub(in crate::engine) fn doom(&mut self, why: impl FnOnce() -> AbortableError) {
        self.transactions.must_abort(&mut self.cx, why);
    }

    /// Sees to what a caller asks for; `reply` is told the outcome.
    pub(in crate::engine) fn transact(
        &mut self,
        call: TransactionCall,
        deadline: Instant,
        reply: oneshot::Sender<Result<(), TransactionError>>,
    ) {
        let features = self.features;
        self.transactions
            .call(&mut self.cx, features, call, deadline, reply);
        self.see_to_ending();
    }

    pub(in crate::engine) fn transaction_is_due(&mut self) {
        self.see_to_ending();
        let last = self.transaction_obstacle();
        self.transactions.due(&mut self.cx, last);
        self.see_to_ending();
    }

    pub(in crate::engine) fn close_transaction(&mut self) {
        self.transactions.close(&mut self.cx);
        self.see_to_ending();
    }

    pub(in crate::engine) fn give_up_transaction(&mut self, why: impl Fn() -> TransactionError) {
        self.transactions.give_up(&mut self.cx, why);
    }

    /// A request about transactions was answered.
    pub(in crate::engine) fn transaction_answered(
        &mut self,
        id: NodeId,
        version: Version,
        frame: Bytes,
        ask: Ask,
    ) -> Result<(), DecodeError> {
        let answer = Answer::read(ask.clone(), version, frame)
            // Whatever it says, it was done or not.
            .inspect_err(|_| self.transaction_unanswered(&ask))?;
        self.throttle(id, answer.throttle_time_ms());
        for key in ask.lanes() {
            self.list(*key);
        }
        let consequence = self.transactions.answered(
            &mut self.cx,
            &mut self.lanes,
            &mut self.identity,
            self.features,
            answer,
        );
        match consequence {
            Consequence::Nothing => self.see_to_ending(),
            Consequence::Met(id, address) => self.coordinator_met(id, address),
            Consequence::Fatal(fatal) => self.fail_for_good(fatal),
        }
        Ok(())
    }

    pub(in crate::engine) fn transaction_unanswered(&mut self, ask: &Ask) {
        self.transactions.unanswered(&mut self.cx, ask);
    }

    /// A coordinator listens there.
    fn coordinator_met(&mut self, id: NodeId, address: Address) {
        match self.nodes.get_mut(&id) {
            None => self.make_known(id, address),
            // Metadata will tell of a move if there was one; a connection that stands is good.
            Some(node) if node.is_resting() => node.address = address,
            Some(_) => {}
        }
    }

    /// Does what the transaction needs next. It ends, because only what is done about unsent batches is
    /// followed by another step, and that is done once for each transaction.
    pub(in crate::engine) fn ask_for_transaction(&mut self) {
        loop {
            let step = self.transactions.next_step(
                &mut self.cx,
                &self.nodes,
                &mut self.lanes,
                &mut self.identity,
                self.features,
            );
            match step {
                Step::Flush | Step::DropUnsent => self.see_to_unsent(&step),
                Step::Nothing => return,
                Step::FindCoordinator(lookup) => return self.find_coordinator(&lookup),
                Step::Connect(id) => return self.dial_when_rested(id),
                Step::Send(id, ask, request) => return self.send_to_coordinator(id, ask, request),
            }
        }
    }

    /// Does at once what a transaction that begins to end needs of unsent batches.
    fn see_to_ending(&mut self) {
        let step = self.transactions.ending_step();
        self.see_to_unsent(&step);
    }

    fn see_to_unsent(&mut self, step: &Step) {
        match step {
            Step::Flush => drop(self.flush()),
            Step::DropUnsent => self.drop_unsent(),
            _ => return,
        }
        let lanes = self.take_stock();
        self.transactions.await_batches(lanes);
    }

    fn drop_unsent(&mut self) {
        for key in self.take_stock() {
            for batch in self.lanes[key as usize].queue.take_all() {
                self.fail_untried(key, batch, Cause::Aborted);
            }
        }
    }

    fn find_coordinator(&mut self, lookup: &Lookup) {
        let Some(id) = self.any_node::<FindCoordinatorRequest>() else {
            if let Some(unsupported) = self.nobody_speaks::<FindCoordinatorRequest>() {
                self.fail_for_good(FatalError::Unsupported(unsupported));
            }
            return;
        };
        let Some(version) = self.newest::<FindCoordinatorRequest>(id) else {
            return;
        };
        let ask = Ask::FindCoordinator(lookup.role.clone());
        self.transactions.asked(&ask);
        let request = lookup.request(version.number);
        self.ask(id, version, &request, What::Transaction(ask));
    }

    fn send_to_coordinator(&mut self, id: NodeId, ask: Ask, request: CoordinatorRequest) {
        match request {
            CoordinatorRequest::InitProducerId(request) => self.put(id, ask, &request),
            CoordinatorRequest::AddPartitions(request) => self.put(id, ask, &request),
            CoordinatorRequest::AddOffsets(request) => self.put(id, ask, &request),
            CoordinatorRequest::CommitOffsets(request) => self.put(id, ask, &request),
            CoordinatorRequest::End(request) => self.put(id, ask, &request),
        }
    }

    /// Sends a request in the newest version that will do; a coordinator that speaks none ends all.
    fn put<R: Request>(&mut self, id: NodeId, ask: Ask, put: &Versioned<R>) {
        let newest = self.newest_to::<R>(id, put.latest);
        if let Some(version) = newest.filter(|version| version.number >= put.oldest) {
            self.transactions.asked(&ask);
            self.ask(id, version, &put.request, What::Transaction(ask));
        } else if let Some(node) = self.nodes.get(&id) {
            let mut unsupported = node.unsupported::<R>();
            unsupported.ours.oldest = put.oldest;
            self.fail_for_good(FatalError::Unsupported(unsupported));
        }
    }

    pub(in crate::engine) fn forget_coordinator(&mut self, lost: NodeId) {
        self.transactions.forget_coordinator(lost);
    }
}
