//! SaslAuthenticate (36): the steps of a SASL exchange.

use bytes::Bytes;

use crate::{
    ErrorCode,
    message::{request, wire_struct},
};

request! {
    SaslAuthenticateRequest => SaslAuthenticateResponse: SASL_AUTHENTICATE, versions 0..=2, flexible 2..;
}

wire_struct! {
    /// A step of the SASL exchange.
    pub struct SaslAuthenticateRequest {
        /// What the mechanism has to say.
        auth_bytes: Bytes;
    }
}

wire_struct! {
    /// The broker's answer to a step.
    pub struct SaslAuthenticateResponse {
        /// What went wrong, if anything.
        error_code: ErrorCode;
        /// The error as text.
        error_message: Option<String>;
        /// What the mechanism has to say.
        auth_bytes: Bytes;
        /// After how many milliseconds to authenticate anew; 0 for never (KIP-368).
        session_lifetime_ms: i64, in 1.., else dropped;
    }
}
