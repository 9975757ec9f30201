//! PushTelemetry (72): a client's metrics (KIP-714).

use bytes::Bytes;

use crate::{
    ErrorCode, Uuid,
    message::{request, wire_struct},
};

request! {
    PushTelemetryRequest => PushTelemetryResponse: PUSH_TELEMETRY, versions 0..=0, flexible 0..;
}

wire_struct! {
    /// Sends metrics of this client (KIP-714).
    pub struct PushTelemetryRequest {
        /// Id of this client; zero to be given one (KIP-714).
        client_instance_id: Uuid;
        /// Number of the set of metrics asked for.
        subscription_id: i32;
        /// Whether this is the last push of this client.
        terminating: bool;
        /// Codec of the metrics, by id.
        compression_type: i8;
        /// The metrics, as OpenTelemetry encodes them.
        metrics: Bytes;
    }
}

wire_struct! {
    /// Whether they were taken.
    pub struct PushTelemetryResponse {
        /// How long a quota delayed this response, or asks the client to pause, in milliseconds.
        throttle_time_ms: i32;
        /// What went wrong, if anything.
        error_code: ErrorCode;
    }
}
