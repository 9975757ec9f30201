//! Ways in which authentication fails, and what a client must say about each.

use std::time::Duration;

use super::{Properties, properties, token_endpoint, value};
use crate::cluster::environment;

/// One way in which authentication fails.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What the client is told.
    pub(super) properties: Properties,
    /// When it must have been said, from the first record.
    pub(super) within: Duration,
    /// What its message says: what is wrong, and the setting to look at.
    pub(super) says: &'static [&'static str],
}

/// A client of some kind, which is to be changed.
fn case(name: &'static str, kind: &str, says: &'static [&'static str]) -> Case {
    let case = Case {
        name,
        properties: properties(kind),
        within: Duration::from_secs(1),
        says,
    };
    let servers = value(&case.properties, "bootstrap.servers").to_owned();
    case.with_first_of(&servers)
}

impl Case {
    /// With another value of this property.
    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.properties.push((name.to_owned(), value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.properties.retain(|(key, _)| key != name);
        self
    }

    /// Knows one server: each of several keeps its refusal back for a while (KIP-306).
    fn with_first_of(self, servers: &str) -> Self {
        let first = servers.split(',').next().unwrap_or_default();
        self.with("bootstrap.servers", first)
    }

    /// With another text in the place of this one.
    fn replacing(mut self, name: &str, from: &str, to: &str) -> Self {
        let changed = value(&self.properties, name).replacen(from, to, 1);
        assert_ne!(
            changed,
            value(&self.properties, name),
            "{name} has no {from}"
        );
        self = self.with(name, changed);
        self
    }

    /// Knocking at another listener.
    fn at(self, listener: &str) -> Self {
        let name = match listener {
            "PLAINTEXT" => "KAFKA_BOOTSTRAP_SERVERS".to_owned(),
            other => format!("KAFKA_BOOTSTRAP_SERVERS_{other}"),
        };
        self.with_first_of(&environment(&name))
    }
}

const JAAS: &str = "sasl.jaas.config";
const TRUST: &str = "ssl.truststore.location";
const IDENTITY: &str = "ssl.keystore.location";
const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const PROTOCOL: &str = "security.protocol";

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    [of_sasl(), of_certificates(), of_protocols(), of_tokens()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_sasl() -> Vec<Case> {
    let scram = &["SCRAM-SHA-256", "alice", "invalid credentials", JAAS];
    vec![
        case("wrong password (SCRAM)", "sasl-scram", scram).replacing(
            JAAS,
            "alice-secret",
            "wrong",
        ),
        case(
            "wrong password (PLAIN)",
            "sasl-ssl-plain",
            &["PLAIN", "alice", "Invalid username or password", JAAS],
        )
        .replacing(JAAS, "alice-secret", "wrong"),
        case(
            "unknown user",
            "sasl-ssl-scram",
            &["SCRAM-SHA-256", "carol", "invalid credentials", JAAS],
        )
        .replacing(JAAS, "username=\"alice\"", "username=\"carol\""),
        case(
            "mechanism not enabled",
            "sasl-plain",
            &["PLAIN", "OAUTHBEARER", "sasl.mechanism"],
        )
        .at("OIDC"),
    ]
}

fn of_certificates() -> Vec<Case> {
    vec![
        case("wrong CA", "tls", &["TLS", "ssl.truststore"]).replacing(
            TRUST,
            "ca.pem",
            "other-ca.pem",
        ),
        case(
            "wrong host name",
            "tls",
            &["TLS", "127.0.0.1", "ssl.endpoint.identification.algorithm"],
        )
        .at("ELSEWHERE"),
        case("certificate expired", "tls", &["TLS", "expired"]).at("EXPIRED"),
        case(
            "certificate not valid yet",
            "tls",
            &["TLS", "not valid before"],
        )
        .at("EARLY"),
        case("no client certificate", "mtls", &["TLS", "ssl.keystore"])
            .without(IDENTITY)
            .without("ssl.keystore.type"),
        case(
            "client certificate of a stranger",
            "mtls",
            &["TLS", "ssl.keystore"],
        )
        .replacing(IDENTITY, "client.pem", "stranger.pem"),
        case(
            "client certificate expired",
            "mtls",
            &["TLS", "ssl.keystore"],
        )
        .replacing(IDENTITY, "client.pem", "expired-client.pem"),
        case(
            "no common version",
            "mtls",
            &["TLS", "ssl.enabled.protocols"],
        )
        .with("ssl.enabled.protocols", "TLSv1.2"),
        case("no common cipher", "mtls", &["TLS", "ssl.cipher.suites"])
            .with("ssl.cipher.suites", "TLS_AES_128_GCM_SHA256"),
    ]
}

fn of_protocols() -> Vec<Case> {
    vec![
        case("plaintext client, TLS port", "plaintext", &[PROTOCOL]).at("SSL"),
        case("TLS client, plaintext port", "tls", &["TLS", PROTOCOL]).at("PLAINTEXT"),
        case("SASL client, port without SASL", "sasl-plain", &[PROTOCOL]).at("PLAINTEXT"),
        case("plaintext client, SASL port", "plaintext", &[PROTOCOL]).at("SASL_PLAINTEXT"),
        case("TLS client, SASL_SSL port", "tls", &[PROTOCOL]).at("SASL_SSL"),
    ]
}

fn of_tokens() -> Vec<Case> {
    let refusing = || {
        let body = r#"{"error":"invalid_client","error_description":"no such client"}"#;
        token_endpoint::answering("401 Unauthorized", body.to_owned())
    };
    vec![
        case(
            "token endpoint down",
            "sasl-oidc",
            &["OAUTHBEARER", ENDPOINT],
        )
        .with(ENDPOINT, token_endpoint::down())
        // For as long as this Java's client asks again; 10 seconds by default.
        .with("sasl.login.retry.backoff.max.ms", "300"),
        case(
            "token endpoint refuses",
            "sasl-oidc",
            &["OAUTHBEARER", "401", "invalid_client"],
        )
        .with(ENDPOINT, refusing()),
        case(
            "token expired",
            "sasl-oidc",
            &["OAUTHBEARER", "invalid_token", "the token had expired at"],
        )
        .with(ENDPOINT, token_endpoint::of_expired_tokens())
        .at("SASL_PLAINTEXT"),
    ]
}
