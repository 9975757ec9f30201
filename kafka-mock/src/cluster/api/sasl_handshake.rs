//! SaslHandshake: the choice of a SASL mechanism.
//!
//! Where nobody has to authenticate, or has done so already, it is out of place.

use kafka_wire::{
    ErrorCode,
    messages::{SaslHandshakeRequest, SaslHandshakeResponse},
};

use super::{
    super::{delayed::Delayed, sasl::Choice},
    Answer, Call, Cluster, Outcome, Pause, Target,
};

impl Cluster {
    pub(super) fn sasl_handshake(
        &mut self,
        call: &Call,
        request: SaslHandshakeRequest,
        _pause: Pause,
    ) -> Outcome {
        let mut choice = Choice::OutOfPlace;
        let error_code = self.as_scripted(call, Target::default(), |cluster| {
            if let Some(sasl) = &mut cluster.sasl {
                let version = call.version.number;
                choice = sasl.choose(call.now.instant, call.link, version, &request.mechanism);
            }
            match choice {
                Choice::Enabled => ErrorCode::NONE,
                Choice::NotEnabled => ErrorCode::UNSUPPORTED_SASL_MECHANISM,
                Choice::OutOfPlace => ErrorCode::ILLEGAL_SASL_STATE,
            }
        });
        let enabled = self.sasl.as_ref().map(|sasl| &sasl.config().mechanisms);
        let enabled = enabled.filter(|_| choice != Choice::OutOfPlace);
        let names = enabled.into_iter().flatten().map(|it| it.name().to_owned());
        let response = SaslHandshakeResponse::default()
            .with_error_code(error_code)
            .with_mechanisms(names.collect());
        let answer = call.answer::<SaslHandshakeRequest>(&response);
        match error_code {
            ErrorCode::NONE | ErrorCode::ILLEGAL_SASL_STATE => Ok(answer),
            _ => Err(self.refusal(call, answer)),
        }
    }

    /// The answer to a client that is refused: it comes a little later, and then the connection is closed
    /// (KIP-306).
    pub(super) fn refusal(&self, call: &Call, answer: Answer) -> Delayed {
        let delay = self.sasl.as_ref().map(|sasl| sasl.config().failure_delay);
        Delayed::Refusal {
            answer,
            until: call.now.instant + delay.unwrap_or_default(),
        }
    }
}
