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
        auth_bytes: Bytes, debug hidden;
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
        auth_bytes: Bytes, debug hidden;
        /// After how many milliseconds to authenticate anew; 0 for never (KIP-368).
        session_lifetime_ms: i64, in 1.., else dropped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mechanisms_say_is_not_printed() {
        let secret = Bytes::from_static(b"\0user\0pencil");
        let request = SaslAuthenticateRequest::default().with_auth_bytes(secret.clone());
        let response = SaslAuthenticateResponse::default().with_auth_bytes(secret);
        for text in [format!("{request:?}"), format!("{response:?}")] {
            assert!(!text.contains("pencil"), "{text}");
            assert!(text.contains("auth_bytes: [12 bytes hidden]"), "{text}");
        }
    }
}
