//! SASL: `sasl.*`.

use super::property::Allowed::{Any, Between, BetweenDecimals, OneOfAnyCase};
use super::property::Kind::{Bool, Class, Double, Int, List, Long, Password, Short, Text};
use super::property::Support::{NoEffect, Supported};
use super::property::{Property, Support, row, unset};

const KERBEROS: Support = NoEffect("GSSAPI (Kerberos) is not supported");
const BROKERS: Support = NoEffect("brokers verify tokens by it; a producer only shows its token");
const ASSERTION: Support =
    Supported("of the assertion that is signed here, and shown to the token endpoint");

// One row a property.
#[rustfmt::skip]
pub(super) static PROPERTIES: &[Property] = &[
    unset("sasl.client.callback.handler.class", Class, Any,
        Supported("a handler of Kafka's or of aws-msk-iam-auth, for which there is a counterpart here")),
    unset("sasl.jaas.config", Password, Any,
        Supported("a login module and its options: CLASS required NAME=\"VALUE\" ...;")),
    row("sasl.kerberos.kinit.cmd", Text, "/usr/bin/kinit", Any, KERBEROS),
    row("sasl.kerberos.min.time.before.relogin", Long, "60000", Any, KERBEROS),
    unset("sasl.kerberos.service.name", Text, Any, KERBEROS),
    row("sasl.kerberos.ticket.renew.jitter", Double, "0.05", Any, KERBEROS),
    row("sasl.kerberos.ticket.renew.window.factor", Double, "0.8", Any, KERBEROS),
    unset("sasl.login.callback.handler.class", Class, Any,
        Supported("where tokens come from: a handler of Kafka's or of aws-msk-iam-auth, for which there is a counterpart here")),
    unset("sasl.login.class", Class, Any,
        NoEffect("classes of Java cannot be run: a login is given by sasl.jaas.config or a TokenProvider")),
    unset("sasl.login.connect.timeout.ms", Int, Any,
        Supported("how long a connection to the token endpoint may take to be set up; unset or 0: as long as the login")),
    unset("sasl.login.read.timeout.ms", Int, Any,
        Supported("how long the token endpoint may take to answer; unset or 0: as long as the login")),
    row("sasl.login.refresh.buffer.seconds", Short, "300", Between(0, 3600),
        Supported("a token is fetched anew this long before it ends, at the latest, if its lifetime allows it")),
    row("sasl.login.refresh.min.period.seconds", Short, "60", Between(0, 900),
        Supported("a token is not fetched anew before it is this old, if its lifetime allows it")),
    row("sasl.login.refresh.window.factor", Double, "0.8", BetweenDecimals(0.5, 1.0),
        Supported("the part of its lifetime after which a token is fetched anew")),
    row("sasl.login.refresh.window.jitter", Double, "0.05", BetweenDecimals(0.0, 0.25),
        Supported("the part of its lifetime by which that is delayed at most, at random")),
    row("sasl.login.retry.backoff.max.ms", Long, "10000", Any,
        Supported("the longest wait before the token endpoint is asked again")),
    row("sasl.login.retry.backoff.ms", Long, "100", Any,
        Supported("the first wait before the token endpoint is asked again; doubles with each failure")),
    row("sasl.mechanism", Text, "GSSAPI", Any,
        Supported("PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM; the default is not supported")),
    unset("sasl.oauthbearer.client.credentials.client.id", Text, Any,
        Supported("who we are for the token endpoint")),
    unset("sasl.oauthbearer.client.credentials.client.secret", Password, Any,
        Supported("the secret of that client")),
    row("sasl.oauthbearer.header.urlencode", Bool, "false", Any,
        Supported("whether client id and secret are URL-encoded in the Authorization header, as RFC 6749 says")),
    row("sasl.oauthbearer.jwt.retriever.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", Any,
        Supported("how a token is got: DefaultJwtRetriever, ClientCredentialsJwtRetriever, FileJwtRetriever or JwtBearerJwtRetriever")),
    unset("sasl.oauthbearer.scope", Text, Any,
        Supported("the scope that the token endpoint is asked for")),
    row("sasl.oauthbearer.sub.claim.name", Text, "sub", Any,
        Supported("the claim of a token that names who we are, for messages")),
    unset("sasl.oauthbearer.token.endpoint.url", Text, Any,
        Supported("where tokens come from: http://, https://, or file:// for a file with a token")),

    row("sasl.oauthbearer.assertion.algorithm", Text, "RS256", OneOfAnyCase(&["ES256", "RS256"]), ASSERTION),
    unset("sasl.oauthbearer.assertion.claim.aud", Text, Any, ASSERTION),
    row("sasl.oauthbearer.assertion.claim.exp.seconds", Int, "300", Between(0, 86_400), ASSERTION),
    unset("sasl.oauthbearer.assertion.claim.iss", Text, Any, ASSERTION),
    row("sasl.oauthbearer.assertion.claim.jti.include", Bool, "false", Any, ASSERTION),
    row("sasl.oauthbearer.assertion.claim.nbf.seconds", Int, "60", Between(0, 3600), ASSERTION),
    unset("sasl.oauthbearer.assertion.claim.sub", Text, Any, ASSERTION),
    unset("sasl.oauthbearer.assertion.file", Text, Any, Supported("a file with an assertion that others have signed")),
    unset("sasl.oauthbearer.assertion.private.key.file", Text, Any, Supported("a PEM file with the key that signs the assertion")),
    unset("sasl.oauthbearer.assertion.private.key.passphrase", Password, Any, Supported("what opens that key")),
    unset("sasl.oauthbearer.assertion.template.file", Text, Any, Supported("a JSON file with the header and the payload of the assertion")),

    row("sasl.oauthbearer.allow.unverified.audience", Bool, "false", Any, BROKERS),
    row("sasl.oauthbearer.allow.unverified.issuer", Bool, "false", Any, BROKERS),
    row("sasl.oauthbearer.clock.skew.seconds", Int, "30", Any, BROKERS),
    row("sasl.oauthbearer.expected.audience", List, "", Any, BROKERS),
    unset("sasl.oauthbearer.expected.issuer", Text, Any, BROKERS),
    row("sasl.oauthbearer.jwks.endpoint.refresh.ms", Long, "3600000", Any, BROKERS),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Long, "10000", Any, BROKERS),
    row("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Long, "100", Any, BROKERS),
    unset("sasl.oauthbearer.jwks.endpoint.url", Text, Any, BROKERS),
    row("sasl.oauthbearer.jwt.validator.class", Class, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", Any, BROKERS),
    row("sasl.oauthbearer.scope.claim.name", Text, "scope", Any, BROKERS),
];
