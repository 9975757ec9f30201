//! ListTransactions: the transactional ids that a broker coordinates (KIP-664).
//!
//! Version 2 selects them by a pattern of RE2 (KIP-1152), which nothing here can read: it is not offered.

use std::collections::BTreeSet;

use kafka_wire::{
    ErrorCode,
    messages::{
        ListTransactionsRequest, ListTransactionsResponse, list_transactions::TransactionState,
    },
};

use super::{
    super::{
        TransactionOutcome,
        transaction::{Stage, Transaction},
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn list_transactions(
        &mut self,
        call: &Call,
        request: ListTransactionsRequest,
        pause: Pause,
    ) -> Outcome {
        let mut listed = Vec::new();
        let mut unknown = Vec::new();
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            let own = match cluster.coordinated(call) {
                Ok(own) => own,
                Err(code) => return code,
            };
            let own = own.iter().filter_map(|id| {
                let transaction = cluster.transactions.get(id)?;
                selects(&request, call.now.wall_ms, transaction).then_some((id, transaction))
            });
            listed = own.map(|(id, it)| told(id, it)).collect();
            let names: BTreeSet<_> = request.state_filters.iter().collect();
            let names = names.into_iter().filter(|name| !is_state(name));
            unknown = names.cloned().collect();
            ErrorCode::NONE
        });
        let response = ListTransactionsResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code)
            .with_unknown_state_filters(unknown)
            .with_transaction_states(listed);
        Ok(call.answer::<ListTransactionsRequest>(&response))
    }

    /// The transactional ids that this broker coordinates, once it has loaded all of them.
    fn coordinated(&mut self, call: &Call) -> Result<Vec<String>, ErrorCode> {
        let mut own = Vec::new();
        let ids: Vec<_> = self.transactions.keys().cloned().collect();
        for id in ids {
            match self.check_transactional_id(call, &id) {
                Ok(()) => own.push(id),
                Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => {
                    return Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
                }
                Err(_) => {}
            }
        }
        Ok(own)
    }
}

/// Whether all filters of the request let this transaction through.
fn selects(request: &ListTransactionsRequest, now_ms: i64, transaction: &Transaction) -> bool {
    let (ids, states) = (&request.producer_id_filters, &request.state_filters);
    let state = state_of(transaction);
    let longer_than = request.duration_filter;
    (ids.is_empty() || ids.contains(&transaction.producer_id))
        && (states.is_empty() || states.iter().any(|it| it == state))
        && (longer_than < 0 || now_ms.saturating_sub(transaction.started_ms) > longer_than)
}

fn told(id: &str, transaction: &Transaction) -> TransactionState {
    TransactionState::default()
        .with_transactional_id(id.to_owned())
        .with_producer_id(transaction.producer_id)
        .with_transaction_state(state_of(transaction).to_owned())
}

/// The name of its state.
pub(super) fn state_of(transaction: &Transaction) -> &'static str {
    match &transaction.stage {
        Stage::Empty => "Empty",
        Stage::Ongoing { .. } => "Ongoing",
        Stage::Ending(ending) => match ending.outcome {
            TransactionOutcome::Commit => "PrepareCommit",
            TransactionOutcome::Abort => "PrepareAbort",
        },
        Stage::Ended(TransactionOutcome::Commit) => "CompleteCommit",
        Stage::Ended(TransactionOutcome::Abort) => "CompleteAbort",
    }
}

/// Whether Kafka has a state of this name.
fn is_state(name: &str) -> bool {
    STATES.contains(&name)
}

const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];
