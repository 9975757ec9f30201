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
    super::{
        TwoPhaseCommit,
        acl::{AclOperation, Resource, ResourceKind},
        transaction::Identity,
    },
    Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn init_producer_id(
        &mut self,
        call: &Call,
        request: InitProducerIdRequest,
        pause: Pause,
    ) -> Outcome {
        let (mut identity, mut ongoing) = (NOBODY, None);
        let code = self.as_scripted(call, Target::default(), |cluster| {
            match cluster.identify(call, &request) {
                Ok(found) => {
                    (identity, ongoing) = found;
                    ErrorCode::NONE
                }
                Err(code) => code,
            }
        });
        if !code.is_none() {
            (identity, ongoing) = (NOBODY, None);
        }
        let ongoing = ongoing.unwrap_or(NOBODY);
        let response = InitProducerIdResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(call.fenced_before(FIRST_WITH_FENCED, code))
            .with_producer_id(identity.id)
            .with_producer_epoch(identity.epoch)
            .with_ongoing_txn_producer_id(ongoing.id)
            .with_ongoing_txn_producer_epoch(ongoing.epoch);
        Ok(call.answer::<InitProducerIdRequest>(&response))
    }

    /// Who the producer is from now on, and who that of the transaction which is kept.
    fn identify(
        &mut self,
        call: &Call,
        request: &InitProducerIdRequest,
    ) -> Result<(Identity, Option<Identity>), ErrorCode> {
        let held = match (request.producer_id, request.producer_epoch) {
            (NO_PRODUCER_ID, NO_EPOCH) => None,
            (NO_PRODUCER_ID, _) | (_, NO_EPOCH) => return Err(ErrorCode::INVALID_REQUEST),
            (id, epoch) => Some(Identity { id, epoch }),
        };
        let Some(id) = request.transactional_id.as_deref() else {
            if !self.allows_idempotence(call) {
                return Err(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
            }
            let id = self.next_producer_id;
            self.next_producer_id += 1;
            return Ok((Identity { id, epoch: 0 }, None));
        };
        if id.is_empty() {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.may_use_id(call, request, id)?;
        self.check_two_phase(request)?;
        let timeout = self.transaction_timeout(request)?;
        self.check_transactional_id(call, id)?;
        match request.keep_prepared_txn {
            true => self.init_keeping_transaction(id, held, timeout),
            false => {
                let identity = self.init_transactions(call.now, id, held, timeout)?;
                Ok((identity, None))
            }
        }
    }

    /// Whether ACLs allow the transactional id, and to prepare transactions if that is asked for.
    fn may_use_id(
        &self,
        call: &Call,
        request: &InitProducerIdRequest,
        id: &str,
    ) -> Result<(), ErrorCode> {
        let resource = Resource {
            kind: ResourceKind::TransactionalId,
            name: id,
        };
        let prepares = request.enable2_pc.then_some(AclOperation::TwoPhaseCommit);
        let mut needed = prepares.into_iter().chain([AclOperation::Write]);
        match needed.all(|operation| self.allows(call, operation, resource)) {
            true => Ok(()),
            false => Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        }
    }

    /// Whether what is asked of two-phase commit is allowed.
    fn check_two_phase(&self, request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
        let two_phase = self.config.two_phase_commit;
        let refuses = matches!(two_phase, TwoPhaseCommit::NotOffered | TwoPhaseCommit::Off);
        if request.enable2_pc && refuses {
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        }
        if request.keep_prepared_txn && two_phase != TwoPhaseCommit::On {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        Ok(())
    }

    /// How long its transactions may take.
    fn transaction_timeout(&self, request: &InitProducerIdRequest) -> Result<Duration, ErrorCode> {
        if request.enable2_pc {
            return Ok(NEVER);
        }
        let timeout = u64::try_from(request.transaction_timeout_ms).unwrap_or(0);
        let timeout = Duration::from_millis(timeout);
        match timeout.is_zero() || timeout > self.config.transaction_timeout_max {
            true => Err(ErrorCode::INVALID_TRANSACTION_TIMEOUT),
            false => Ok(timeout),
        }
    }
}

/// What Kafka keeps of a transaction that may be prepared: Java's largest `int` of milliseconds.
const NEVER: Duration = Duration::from_millis(i32::MAX as u64);
const NOBODY: Identity = Identity {
    id: NO_PRODUCER_ID,
    epoch: NO_EPOCH,
};
const NO_PRODUCER_ID: i64 = -1;
const NO_EPOCH: i16 = -1;
/// KIP-588.
const FIRST_WITH_FENCED: i16 = 4;
