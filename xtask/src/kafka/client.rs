//! What a client of each kind of security is told: a properties file, the same for every client.

use std::path::Path;

use anyhow::Result;

use super::certificates;
use super::protocol::Protocol;

/// The only user, for every mechanism; the listeners' properties name it too.
pub(super) const USER: &str = "alice";
/// The user's password.
pub(super) const PASSWORD: &str = "alice-secret";

/// The kinds, as `--security` names them.
pub(crate) const KINDS: [&str; 13] = [
    "plaintext",
    "tls",
    "mtls",
    "sasl-plain",
    "sasl-scram",
    "sasl-scram-512",
    "sasl-oauth",
    "sasl-oidc",
    "sasl-ssl-plain",
    "sasl-ssl-scram",
    "sasl-ssl-scram-512",
    "sasl-ssl-oauth",
    "sasl-ssl-oidc",
];

/// The listener for clients of this kind.
pub(crate) fn listener(kind: &str) -> Protocol {
    match kind {
        "plaintext" => Protocol::Plaintext,
        "tls" => Protocol::Ssl,
        "mtls" => Protocol::Mtls,
        "sasl-oidc" => Protocol::Oidc,
        "sasl-ssl-oidc" => Protocol::OidcSsl,
        kind if kind.starts_with("sasl-ssl-") => Protocol::SaslSsl,
        _ => Protocol::SaslPlaintext,
    }
}

/// The properties of a client of this kind, of a cluster in `dir` whose tokens are signed at `tokens`.
pub(super) fn properties(kind: &str, servers: &str, dir: &Path, tokens: &str) -> String {
    let spoken = listener(kind).spoken();
    let mut lines = vec![
        format!("bootstrap.servers={servers}"),
        format!("security.protocol={spoken}"),
    ];
    let tls = certificates::directory(dir);
    if spoken.ends_with("SSL") {
        lines.push("ssl.truststore.type=PEM".to_owned());
        lines.push(format!("ssl.truststore.location={}/ca.pem", tls.display()));
    }
    if kind == "mtls" {
        lines.push("ssl.keystore.type=PEM".to_owned());
        lines.push(format!(
            "ssl.keystore.location={}/client.pem",
            tls.display()
        ));
    }
    if let Some(mechanism) = kind.strip_prefix("sasl-") {
        let mechanism = mechanism.strip_prefix("ssl-").unwrap_or(mechanism);
        lines.extend(mechanism_properties(mechanism, tokens));
    }
    lines.join("\n") + "\n"
}

fn mechanism_properties(mechanism: &str, tokens: &str) -> Vec<String> {
    let login = format!("username=\"{USER}\" password=\"{PASSWORD}\"");
    let (name, module, options) = match mechanism {
        "plain" => ("PLAIN", "plain.PlainLoginModule", login),
        "scram" => ("SCRAM-SHA-256", "scram.ScramLoginModule", login),
        "scram-512" => ("SCRAM-SHA-512", "scram.ScramLoginModule", login),
        "oidc" => {
            let client = format!("clientId=\"{USER}\" clientSecret=\"{PASSWORD}\" scope=\"kafka\"");
            ("OAUTHBEARER", BEARER, client)
        }
        _ => {
            let claim = format!("unsecuredLoginStringClaim_sub=\"{USER}\"");
            ("OAUTHBEARER", BEARER, claim)
        }
    };
    let security = "org.apache.kafka.common.security";
    let mut lines = vec![
        format!("sasl.mechanism={name}"),
        format!("sasl.jaas.config={security}.{module} required {options};"),
    ];
    if mechanism == "oidc" {
        let handler = format!("{security}.oauthbearer.OAuthBearerLoginCallbackHandler");
        lines.push(format!("sasl.login.callback.handler.class={handler}"));
        lines.push(format!(
            "sasl.oauthbearer.token.endpoint.url={tokens}/token"
        ));
    }
    lines
}

const BEARER: &str = "oauthbearer.OAuthBearerLoginModule";

/// Whether it is a kind; for clap.
pub(super) fn kind(asked: &str) -> Result<&'static str, String> {
    let mut kinds = KINDS.into_iter();
    let found = kinds.find(|kind| *kind == asked);
    found.ok_or_else(|| format!("there are {}", KINDS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_says_how_to_speak_and_how_to_log_in() {
        for kind in KINDS {
            let text = properties(kind, "here:1", Path::new("dir"), "http://tokens");
            let has = |what: &str| text.contains(what);
            assert!(
                has("bootstrap.servers=here:1\nsecurity.protocol="),
                "{text}"
            );
            assert_eq!(has("sasl.mechanism="), kind.starts_with("sasl"), "{text}");
            assert_eq!(
                has("ssl.truststore.location=dir/tls/ca.pem"),
                has("SSL\n"),
                "{text}"
            );
        }
    }
}
