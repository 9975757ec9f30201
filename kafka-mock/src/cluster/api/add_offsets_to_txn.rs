//! AddOffsetsToTxn: the offsets of a consumer group join a transaction.

use kafka_wire::{
    ErrorCode,
    messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse},
};

use super::{
    super::{acl::ResourceKind, transaction::Identity, transactions::offsets_of},
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn add_offsets_to_txn(
        &mut self,
        call: &Call,
        request: AddOffsetsToTxnRequest,
        pause: Pause,
    ) -> Outcome {
        let code = self.as_scripted(call, Target::default(), |cluster| {
            cluster
                .add_offsets(call, &request)
                .err()
                .unwrap_or_default()
        });
        let response = AddOffsetsToTxnResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(call.fenced_before(FIRST_WITH_FENCED, code));
        Ok(call.answer::<AddOffsetsToTxnRequest>(&response))
    }

    fn add_offsets(
        &mut self,
        call: &Call,
        request: &AddOffsetsToTxnRequest,
    ) -> Result<(), ErrorCode> {
        let id = request.transactional_id.as_str();
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.check_transactional_id(call, id)?;
        if let Some(code) = self.denial(call, ResourceKind::Group, &request.group_id) {
            return Err(code);
        }
        let by = Identity {
            id: request.producer_id,
            epoch: request.producer_epoch,
        };
        let added = offsets_of(&request.group_id);
        self.add_to_transaction(call.now, id, by, [added])
    }
}

/// KIP-588.
const FIRST_WITH_FENCED: i16 = 2;
