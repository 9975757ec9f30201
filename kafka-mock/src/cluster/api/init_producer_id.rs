//! InitProducerId: an id for an idempotent producer, an epoch for a transactional one.
//!
//! Without a transactional id, every request gets a new id with epoch 0, whatever id and epoch it
//! names, as in Kafka.

use std::time::Duration;

use kafka_wire::{
    ErrorCode,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};

use super::{
    super::{CoordinatorKind, transaction::Identity},
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn init_producer_id(
        &mut self,
        call: &Call,
        request: InitProducerIdRequest,
        pause: Pause,
    ) -> Outcome {
        let mut identity = NOBODY;
        let code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.identify(call, &request) {
                Ok(found) => {
                    identity = found;
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        if !code.is_none() {
            identity = NOBODY;
        }
        let response = InitProducerIdResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(call.fenced_before(FIRST_WITH_FENCED, code))
            .with_producer_id(identity.id)
            .with_producer_epoch(identity.epoch);
        Ok(call.answer::<InitProducerIdRequest>(&response))
    }

    fn identify(
        &mut self,
        call: &Call,
        request: &InitProducerIdRequest,
    ) -> Result<Identity, ErrorCode> {
        let held = match (request.producer_id, request.producer_epoch) {
            (NO_PRODUCER_ID, NO_EPOCH) => None,
            (NO_PRODUCER_ID, _) | (_, NO_EPOCH) => return Err(ErrorCode::INVALID_REQUEST),
            (id, epoch) => Some(Identity { id, epoch }),
        };
        let Some(id) = request.transactional_id.as_deref() else {
            let id = self.next_producer_id;
            self.next_producer_id += 1;
            return Ok(Identity { id, epoch: 0 });
        };
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let timeout = u64::try_from(request.transaction_timeout_ms).unwrap_or(0);
        let timeout = Duration::from_millis(timeout);
        if timeout.is_zero() || timeout > self.config.transaction_timeout_max {
            return Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT);
        }
        let key = (CoordinatorKind::Transaction, id);
        self.check_coordinator(call.now, call.broker(), key)?;
        self.init_transactions(call.now, id, held, timeout)
    }
}

const NOBODY: Identity = Identity {
    id: NO_PRODUCER_ID,
    epoch: NO_EPOCH,
};
const NO_PRODUCER_ID: i64 = -1;
const NO_EPOCH: i16 = -1;
/// KIP-588.
const FIRST_WITH_FENCED: i16 = 4;
