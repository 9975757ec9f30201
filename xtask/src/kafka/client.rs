//! What a client of each kind of security is told: a properties file, the same for every client.

use std::path::Path;

use super::certificates;
use super::protocol::Protocol;

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
    let mut text = format!("bootstrap.servers={servers}\nsecurity.protocol={spoken}\n");
    let transport = if spoken.ends_with("SSL") { "tls" } else { "" };
    let mechanism = kind.trim_start_matches("sasl-").trim_start_matches("ssl-");
    text.push_str(section(transport));
    if mechanism != transport {
        text.push_str(section(mechanism));
    }
    let tls = certificates::directory(dir).display().to_string();
    text.replace("TLS/", &(tls + "/")).replace("TOKENS", tokens)
}

/// What is told of this; nothing where there is nothing to tell.
fn section(name: &str) -> &'static str {
    let mut sections = CLIENTS.split('[');
    let lines = sections.find_map(|section| section.strip_prefix(name)?.strip_prefix("]\n"));
    lines.unwrap_or_default()
}

const CLIENTS: &str = include_str!("../../kafka/clients.properties");

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
