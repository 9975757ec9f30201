//! GetTelemetrySubscriptions (71): which of a client's metrics the cluster wants (KIP-714).

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse: GET_TELEMETRY_SUBSCRIPTIONS, versions 0..=0, flexible 0..;
}

wire_struct! {
    /// Asks which metrics the cluster wants from this client (KIP-714).
    pub struct GetTelemetrySubscriptionsRequest {
        /// Id of this client; zero to be given one (KIP-714).
        client_instance_id: Uuid;
    }
}

wire_struct! {
    /// The metrics wanted, and how to send them.
    pub struct GetTelemetrySubscriptionsResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// Id of this client; zero to be given one (KIP-714).
        client_instance_id: Uuid;
        /// Number of the set of metrics asked for.
        subscription_id: i32;
        /// Codecs the broker accepts, by id.
        accepted_compression_types: Vec<i8>;
        /// Milliseconds from push to push.
        push_interval_ms: i32;
        /// How many bytes a push may have.
        telemetry_max_bytes: i32;
        /// Whether counters are sent as differences, not as totals.
        delta_temporality: bool;
        /// Prefixes of the metrics asked for: none if empty, all if one is empty.
        requested_metrics: Vec<String>;
    }
}
