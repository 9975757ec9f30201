//! PushTelemetry: what a client tells of itself (KIP-714).

use kafka_wire::messages::{PushTelemetryRequest, PushTelemetryResponse};

use super::{super::telemetry::Push, Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn push_telemetry(
        &mut self,
        call: &Call,
        request: PushTelemetryRequest,
        pause: Pause,
    ) -> Outcome {
        let push = Push {
            broker: call.broker(),
            client_instance_id: request.client_instance_id,
            terminating: request.terminating,
            compression_type: request.compression_type,
            metrics: request.metrics,
        };
        let (now, subscription_id) = (call.now.instant, request.subscription_id);
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            cluster.telemetry_mut().pushed(now, subscription_id, push)
        });
        let response = PushTelemetryResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code);
        Ok(call.answer::<PushTelemetryRequest>(&response))
    }
}
