//! SaslAuthenticate: a message of the mechanism that SaslHandshake has chosen; and the same without a
//! header, as clients send it after version 0 of SaslHandshake.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire::{
    ErrorCode,
    messages::{SaslAuthenticateRequest, SaslAuthenticateResponse},
};

use super::{
    super::{ids::Link, sasl::Verdict},
    Answer, Call, Cluster, Now, Outcome, Pause, Scripted, Target,
};

impl Cluster {
    pub(super) fn sasl_authenticate(
        &mut self,
        call: &Call,
        request: SaslAuthenticateRequest,
        _pause: Pause,
    ) -> Outcome {
        let mut response = match self.scripted(call, Target::default()) {
            Some(Scripted::Refuse(code)) => refused(code, None),
            Some(Scripted::Misreport(code)) => {
                let _ = self.authenticated(call.now, call.link, &request.auth_bytes);
                refused(code, None)
            }
            None => told(self.authenticated(call.now, call.link, &request.auth_bytes)),
        };
        let error_code = response.error_code;
        if call.version.number == 0 {
            response.session_lifetime_ms = 0;
        }
        let answer = call.answer::<SaslAuthenticateRequest>(&response);
        match error_code {
            ErrorCode::NONE | ErrorCode::ILLEGAL_SASL_STATE => Ok(answer),
            _ => Err(self.refusal(call, answer)),
        }
    }

    /// A message that is a frame by itself.
    pub(super) fn raw_sasl_message(&mut self, now: Now, link: Link, message: &Bytes) -> Outcome {
        match self.authenticated(now, link, message) {
            Verdict::Continue(answer) | Verdict::Done(answer, _) => {
                let mut frame = BytesMut::with_capacity(4 + answer.len());
                frame.put_u32(u32::try_from(answer.len()).unwrap_or(u32::MAX));
                frame.put_slice(&answer);
                Ok(Answer::Send(frame.freeze()))
            }
            // There is no way to say why.
            Verdict::Refused(_) | Verdict::OutOfPlace => Ok(Answer::Close),
        }
    }

    fn authenticated(&mut self, now: Now, link: Link, message: &[u8]) -> Verdict {
        match &mut self.sasl {
            Some(sasl) => sasl.step(now, link, message, &mut self.random),
            None => Verdict::OutOfPlace,
        }
    }
}

fn told(verdict: Verdict) -> SaslAuthenticateResponse {
    let accepted = SaslAuthenticateResponse::default().with_error_message(None);
    match verdict {
        Verdict::Continue(answer) => accepted.with_auth_bytes(answer.into()),
        Verdict::Done(answer, lifetime) => accepted
            .with_auth_bytes(answer.into())
            .with_session_lifetime_ms(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)),
        Verdict::Refused(words) => refused(ErrorCode::SASL_AUTHENTICATION_FAILED, Some(words)),
        Verdict::OutOfPlace => {
            let words = "SaslAuthenticate request received after successful authentication";
            refused(ErrorCode::ILLEGAL_SASL_STATE, Some(words.to_owned()))
        }
    }
}

fn refused(code: ErrorCode, words: Option<String>) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default()
        .with_error_code(code)
        .with_error_message(words)
}
