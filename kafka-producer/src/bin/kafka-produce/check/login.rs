//! At which step a connection to a server has failed, from what the producer tells of it. Pure.

use kafka_producer::error::{ConnectError, ServerFailure, WaitReason};

use super::report::{Failure, Step};

/// The step that has failed: the latest that any of the servers has come to.
pub(crate) fn failure(error: &ConnectError, has_tls: bool) -> Failure {
    let servers = match error {
        ConnectError::Unreachable(servers) | ConnectError::TimedOut { servers, .. } => servers,
        other => return Failure::new(Step::Answer, other, advice(Step::Answer)),
    };
    let step_of = |failure: &ServerFailure| step(&failure.why, has_tls);
    let latest = servers
        .failures
        .iter()
        .max_by_key(|failure| step_of(failure));
    match latest {
        Some(latest) => {
            let step = step_of(latest);
            Failure::new(step, latest, advice(step))
        }
        None => Failure::new(Step::Answer, error, advice(Step::Answer)),
    }
}

/// The step that this reason belongs to. A connection that ends without a word has ended in the first exchange.
fn step(why: &WaitReason, has_tls: bool) -> Step {
    match why {
        WaitReason::Authentication(refused) if refused.mechanism == "TLS" => Step::Tls,
        WaitReason::Authentication(_) => Step::Login,
        WaitReason::Connection { .. }
        | WaitReason::Connecting { .. }
        | WaitReason::Silent { .. }
            if has_tls =>
        {
            Step::Tls
        }
        _ => Step::Answer,
    }
}

fn advice(step: Step) -> &'static str {
    match step {
        Step::Tls => {
            "compare security.protocol with the listener of this port; ssl.truststore.* names whom to trust, \
             ssl.keystore.* who we are"
        }
        Step::Login => {
            "compare security.protocol, sasl.mechanism and sasl.jaas.config with the listener of this port and \
             its users"
        }
        _ => {
            "is this the port of a Kafka broker? A listener with TLS is silent to a client without: compare \
             security.protocol"
        }
    }
}
