//! SASL, which is not supported yet.

use super::property::Allowed::{Any, Between, BetweenDecimals, OneOfAnyCase};
use super::property::Kind::{Bool, Class, Double, Int, List, Long, Password, Short, Text};
use super::property::Support::Refused;
use super::property::{Property, Support, row, unset};

const SASL: Support = Refused("SASL is not supported yet");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    unset("sasl.client.callback.handler.class", Class, Any, SASL),
    unset("sasl.jaas.config", Password, Any, SASL),
    row("sasl.kerberos.kinit.cmd", Text, "/usr/bin/kinit", Any, SASL),
    row("sasl.kerberos.min.time.before.relogin", Long, "60000", Any, SASL),
    unset("sasl.kerberos.service.name", Text, Any, SASL),
    row("sasl.kerberos.ticket.renew.jitter", Double, "0.05", Any, SASL),
    row("sasl.kerberos.ticket.renew.window.factor", Double, "0.8", Any, SASL),
    unset("sasl.login.callback.handler.class", Class, Any, SASL),
    unset("sasl.login.class", Class, Any, SASL),
    unset("sasl.login.connect.timeout.ms", Int, Any, SASL),
    unset("sasl.login.read.timeout.ms", Int, Any, SASL),
    row("sasl.login.refresh.buffer.seconds", Short, "300", Between(0, 3600), SASL),
    row("sasl.login.refresh.min.period.seconds", Short, "60", Between(0, 900), SASL),
    row("sasl.login.refresh.window.factor", Double, "0.8", BetweenDecimals(0.5, 1.0), SASL),
    row("sasl.login.refresh.window.jitter", Double, "0.05", BetweenDecimals(0.0, 0.25), SASL),
    row("sasl.login.retry.backoff.max.ms", Long, "10000", Any, SASL),
    row("sasl.login.retry.backoff.ms", Long, "100", Any, SASL),
    row("sasl.mechanism", Text, "GSSAPI", Any, SASL),
    row("sasl.oauthbearer.assertion.algorithm", Text, "RS256", OneOfAnyCase(&["ES256", "RS256"]), SASL),
    unset("sasl.oauthbearer.assertion.claim.aud", Text, Any, SASL),
    row("sasl.oauthbearer.assertion.claim.exp.seconds", Int, "300", Between(0, 86_400), SASL),
    unset("sasl.oauthbearer.assertion.claim.iss", Text, Any, SASL),
    row("sasl.oauthbearer.assertion.claim.jti.include", Bool, "false", Any, SASL),
    row("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, "60", Between(0, 3600), SASL),
    unset("sasl.oauthbearer.assertion.claim.sub", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.file", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.private.key.file", Text, Any, SASL),
    unset("sasl.oauthbearer.assertion.private.key.passphrase", Password, Any, SASL),
    unset("sasl.oauthbearer.assertion.template.file", Text, Any, SASL),
    unset("sasl.oauthbearer.client.credentials.client.id", Text, Any, SASL),
    unset("sasl.oauthbearer.client.credentials.client.secret", Password, Any, SASL),
    row("sasl.oauthbearer.clock.skew.seconds", Int, "30", Any, SASL),
    row("sasl.oauthbearer.expected.audience", List, "", Any, SASL),
    unset("sasl.oauthbearer.expected.issuer", Text, Any, SASL),
    row("sasl.oauthbearer.header.urlencode", Bool, "false", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, "3600000", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, "10000", Any, SASL),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, "100", Any, SASL),
    unset("sasl.oauthbearer.jwks.endpoint.url", Text, Any, SASL),
    row("sasl.oauthbearer.jwt.retriever.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any, SASL),
    row("sasl.oauthbearer.jwt.validator.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, SASL),
    unset("sasl.oauthbearer.scope", Text, Any, SASL),
    row("sasl.oauthbearer.scope.claim.name", Text, "scope", Any, SASL),
    row("sasl.oauthbearer.sub.claim.name", Text, "sub", Any, SASL),
    unset("sasl.oauthbearer.token.endpoint.url", Text, Any, SASL),
];
