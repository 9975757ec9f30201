//! What `security.protocol`, `ssl.*` and `sasl.*` come to.
//!
//! The rules are those of Kafka's own client as far as it refuses; what it would notice only when it
//! connects, such as a login module that is not that of the mechanism, is reported here already. No file
//! is read here, but a moment later, when the producer is built.

#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
mod assertion;
#[cfg(feature = "oauth-oidc")]
mod oauth;
mod sasl;
mod tokens;
mod tls;

use std::sync::Arc;

use super::choices::SecurityProtocol;
use super::error::Warning;
use super::table::Support;
use super::values::{Findings, Values};
use crate::security::{Sasl, Security, TokenProvider};

/// How connections are secured; `provider` was given by the caller.
pub(super) fn security(
    values: &Values,
    provider: Option<&Arc<dyn TokenProvider>>,
    findings: &mut Findings,
) -> Security {
    let protocol = protocol(values);
    let security = Security {
        tls: protocol.has_tls().then(|| tls::tls(values, findings)),
        sasl: protocol
            .has_sasl()
            .then(|| sasl::sasl(values, provider, findings))
            .flatten(),
    };
    warn_of_unused(values, protocol, security.sasl.as_ref(), findings);
    security
}

fn protocol(values: &Values) -> SecurityProtocol {
    let name = values.text("security.protocol").unwrap_or_default();
    name.parse().unwrap_or_default()
}

/// What is set although the protocol, or the mechanism, has no use for it.
fn warn_of_unused(
    values: &Values,
    protocol: SecurityProtocol,
    sasl: Option<&Sasl>,
    findings: &mut Findings,
) {
    let has_tokens = matches!(sasl, Some(Sasl::OAuthBearer(_) | Sasl::AwsMskIam(_)) | None);
    let why = |name: &str| {
        let of_tokens = ["sasl.oauthbearer.", "sasl.login."];
        if name.starts_with("ssl.") && !protocol.has_tls() {
            Some("security.protocol is one without TLS")
        } else if name.starts_with("sasl.") && !protocol.has_sasl() {
            Some("security.protocol is one without SASL")
        } else if of_tokens.iter().any(|prefix| name.starts_with(prefix)) && !has_tokens {
            Some("sasl.mechanism is one without tokens")
        } else {
            None
        }
    };
    for property in values.changed() {
        if let (Support::Supported(_), Some(reason)) = (property.support, why(property.name)) {
            let name = property.name;
            findings.warnings.push(Warning::NoEffect { name, reason });
        }
    }
}
