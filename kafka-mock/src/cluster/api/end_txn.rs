//! EndTxn: a transaction commits or aborts; answered when that is decided, not when it is done.

use kafka_wire::{
    ErrorCode,
    messages::{EndTxnRequest, EndTxnResponse},
};

use super::{
    super::{
        TransactionOutcome,
        transaction::{Generation, Identity},
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn end_txn(&mut self, call: &Call, request: EndTxnRequest, pause: Pause) -> Outcome {
        let mut identity = None;
        let code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.end_as_asked(call, &request) {
                Ok(found) => {
                    identity = Some(found);
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        let identity = identity.filter(|_| code.is_none());
        let response = EndTxnResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(call.fenced_before(FIRST_WITH_FENCED, code))
            .with_producer_id(identity.map_or(-1, |it| it.id))
            .with_producer_epoch(identity.map_or(-1, |it| it.epoch));
        Ok(call.answer::<EndTxnRequest>(&response))
    }

    fn end_as_asked(
        &mut self,
        call: &Call,
        request: &EndTxnRequest,
    ) -> Result<Identity, ErrorCode> {
        let id = request.transactional_id.as_str();
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.check_transactional_id(call, id)?;
        let by = Identity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        };
        let outcome = match request.committed {
            true => TransactionOutcome::Commit,
            false => TransactionOutcome::Abort,
        };
        let generation = match call.version.number {
            ..FIRST_WITH_NEW_EPOCH => Generation::One,
            _ => Generation::Two,
        };
        self.end_transaction(call.now, id, by, outcome, generation)
    }
}

/// KIP-588.
const FIRST_WITH_FENCED: i16 = 2;
/// KIP-890.
const FIRST_WITH_NEW_EPOCH: i16 = 5;
