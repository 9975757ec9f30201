//! Asking who this producer is (InitProducerId), and for how long brokers remember it (DescribeConfigs).
//!
//! What an id and its epochs are is in `identity.rs`, what is remembered in `expiration.rs`. A transactional
//! producer gets its id from its coordinator (`transaction`).

use kafka_wire::ErrorCode;
use kafka_wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kafka_wire::messages::{InitProducerIdRequest, InitProducerIdResponse, ProduceRequest};

use crate::engine::cluster::expected_response::ExpectedResponse;
use crate::engine::cluster::node_id::NodeId;
use crate::engine::identity::{Identity, ProducerId};
use crate::engine::produce::expiration::{PRODUCER_ID_EXPIRATION, TRANSACTIONAL_ID_EXPIRATION};
use crate::engine::produce::sender::{Peers, Sender};
use crate::engine::timers::Timer;
use crate::error::{Cause, FatalError, WaitReason};
use crate::settings::Guarantee;

impl Sender {
    /// Asks for a producer id if one is needed and somebody wants to write.
    pub(crate) fn ask_for_identity(&mut self, p: &mut Peers<'_>) {
        // A transactional producer asks its coordinator.
        if p.transactions.are_enabled()
            || !self.identity.is_due(p.cx.now)
            || !p.metadata.has_topics()
        {
            return;
        }
        let Some(id) = p.nodes.ready::<InitProducerIdRequest>() else {
            p.nodes.dial_any::<InitProducerIdRequest>(p.cx);
            return self.refuse_unidentified(p);
        };
        let Some(version) = p.nodes.newest::<InitProducerIdRequest>(id) else {
            return;
        };
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id(-1)
            .with_producer_epoch(-1);
        self.identity.asked();
        self.ask(p, id, version, &request, ExpectedResponse::InitProducerId);
    }

    /// There was no answer, or none that gives an id: asks again after a pause.
    pub(crate) fn identity_failed(&mut self, p: &mut Peers<'_>) {
        let cx = &mut *p.cx;
        self.identity.failed(|failures| {
            let at = cx.now + cx.backoff(failures);
            cx.timers.arm(Timer::Identity, at);
            at
        });
    }

    /// A producer id was answered. `Err` says that there will never be one.
    pub(crate) fn identified(
        &mut self,
        p: &mut Peers<'_>,
        answer: &InitProducerIdResponse,
    ) -> Result<(), FatalError> {
        match answer.error_code {
            ErrorCode::NONE => {
                let told = ProducerId::told(answer.producer_id, answer.producer_epoch);
                let Some(producer) = told else {
                    self.identity_failed(p);
                    return Ok(());
                };
                self.identity = Identity::Held(producer);
                self.identity_refusal = None;
                self.list_all(p);
            }
            code if code.is_retriable() => {
                self.identity_refusal = Some(WaitReason::refused("InitProducerId", code));
                self.identity_failed(p);
            }
            // It takes a right that can be given while the producer runs.
            code @ ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                if p.cx.settings.guarantee == Guarantee::Idempotent =>
            {
                self.identity_failed(p);
                self.identity.rest();
                let cause = || Cause::Refused {
                    code,
                    message: None,
                };
                self.fail_unsent(p, cause, None);
            }
            code => return Err(FatalError::of(code, None)),
        }
        Ok(())
    }

    /// Ends what waits for a producer id that nobody gives. What comes later asks again.
    fn refuse_unidentified(&mut self, p: &mut Peers<'_>) {
        let Some(unsupported) = p.nodes.nobody_speaks::<InitProducerIdRequest>(p.cx) else {
            return;
        };
        // If no broker takes our batches either, that is reported: another setting would not help.
        let produce = p.nodes.nobody_speaks::<ProduceRequest>(p.cx);
        let unsupported = produce.unwrap_or(unsupported);
        self.identity.deny(p.cx.now);
        self.fail_unsent(p, || Cause::Unsupported(unsupported.clone()), None);
    }

    /// Asks a broker that was just connected to how long it remembers producers.
    pub(crate) fn ask_for_expiration(&mut self, p: &mut Peers<'_>, id: NodeId) {
        let numbered = !matches!(p.cx.settings.guarantee, Guarantee::Plain(_));
        if !numbered || id.is_bootstrap() || !self.expiration.asks(id) {
            return;
        }
        let Some(version) = p.nodes.newest::<DescribeConfigsRequest>(id) else {
            return;
        };
        let keys = [PRODUCER_ID_EXPIRATION, TRANSACTIONAL_ID_EXPIRATION];
        let broker = DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(id.0.to_string())
            .with_configuration_keys(Some(keys.map(str::to_owned).to_vec()));
        let request = DescribeConfigsRequest::default().with_resources(vec![broker]);
        self.ask(p, id, version, &request, ExpectedResponse::DescribeConfigs);
    }
}

/// The type of the resource whose settings are asked for.
const BROKER: i8 = 4;
