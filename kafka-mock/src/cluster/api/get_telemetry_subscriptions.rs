//! GetTelemetrySubscriptions: which metrics are wanted (KIP-714).

use kafka_wire::messages::{GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse};

use super::{Call, Cluster, Outcome, Pause, Target};

impl Cluster {
    pub(super) fn get_telemetry_subscriptions(
        &mut self,
        call: &Call,
        request: GetTelemetrySubscriptionsRequest,
        pause: Pause,
    ) -> Outcome {
        let id = match request.client_instance_id {
            id if id.is_zero() => self.random.uuid(),
            id => id,
        };
        let now = call.now.instant;
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            cluster.telemetry_mut().asked(now, id)
        });
        let mut response = GetTelemetrySubscriptionsResponse::default()
            .with_throttle_time_ms(pause.throttle_time_ms())
            .with_error_code(error_code);
        if error_code.is_none() {
            let telemetry = self.telemetry_mut();
            let wanted = telemetry.config();
            let interval_ms = wanted.push_interval.as_millis();
            response = response
                .with_client_instance_id(id)
                .with_subscription_id(telemetry.subscription_id())
                .with_accepted_compression_types(wanted.compression_types.clone())
                .with_push_interval_ms(i32::try_from(interval_ms).unwrap_or(i32::MAX))
                .with_telemetry_max_bytes(wanted.max_bytes)
                .with_delta_temporality(wanted.delta_temporality)
                .with_requested_metrics(wanted.metrics.clone());
        }
        Ok(call.answer::<GetTelemetrySubscriptionsRequest>(&response))
    }
}
