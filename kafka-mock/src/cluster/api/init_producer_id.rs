//! InitProducerId: ids for idempotent producers. Transactions are not served.
//!
//! Without a transactional id, every request gets a new id with epoch 0, whatever id and epoch it
//! names, as with Kafka.

use kafka_wire::{
    ErrorCode,
    messages::{InitProducerIdRequest, InitProducerIdResponse},
};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn init_producer_id(
        &mut self,
        call: &Call,
        request: InitProducerIdRequest,
        pause: Pause,
    ) -> Outcome {
        let mut response = InitProducerIdResponse {
            throttle_time_ms: pause.throttle_time_ms(),
            ..InitProducerIdResponse::default()
        };
        response.error_code = self.as_scripted(call, Target::default(), |cluster| {
            match request.transactional_id.as_deref() {
                None => {
                    response.producer_id = cluster.next_producer_id;
                    cluster.next_producer_id += 1;
                    ErrorCode::NONE
                }
                Some("") => ErrorCode::INVALID_REQUEST,
                Some(_) => ErrorCode::UNSUPPORTED_VERSION,
            }
        });
        if !response.error_code.is_none() {
            response.producer_id = NO_PRODUCER_ID;
            response.producer_epoch = NO_EPOCH;
        }
        Ok(call.answer::<InitProducerIdRequest>(&response))
    }
}

const NO_PRODUCER_ID: i64 = -1;
const NO_EPOCH: i16 = -1;
