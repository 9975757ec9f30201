//! SaslHandshake (17): the choice of a SASL mechanism.

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    SaslHandshakeRequest => SaslHandshakeResponse: SASL_HANDSHAKE, versions 0..=1;
}

wire_struct! {
    /// Chooses a SASL mechanism.
    pub struct SaslHandshakeRequest {
        /// The SASL mechanism to use.
        mechanism: String;
    }
}

wire_struct! {
    /// Whether the mechanism is enabled, and which are.
    pub struct SaslHandshakeResponse {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The SASL mechanisms the broker has enabled.
        mechanisms: Vec<String>;
    }
}
