//! `ssl.*`: which certificates are trusted, which is ours, and which versions of TLS are used.
//!
//! What contradicts itself is refused as in Kafka's `DefaultSslEngineFactory`.

use std::path::PathBuf;

use super::super::error::{Problem, Warning};
use super::super::values::{Findings, HIDDEN, Values};
use crate::security::{Identity, Secret, Tls, TlsVersion, Trust};

pub(super) fn tls(values: &Values, findings: &mut Findings) -> Tls {
    check_engine_factory(values, findings);
    let cipher_suites = cipher_suites(values, findings);
    Tls {
        trust: trust(values, findings),
        identity: identity(values, findings),
        verify_host_name: verify_host_name(values, findings),
        versions: versions(values, &cipher_suites, findings),
        cipher_suites,
    }
}

/// How the certificates are stored. Java's `JKS`, its default, opens PKCS#12 files as well; so which of
/// the two it is, the file itself tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StoreType {
    Pem,
    KeyStore,
}

fn store_type(name: &'static str, values: &Values, findings: &mut Findings) -> StoreType {
    let text = values.text(name).unwrap_or_default();
    match text.to_ascii_uppercase().as_str() {
        "PEM" => StoreType::Pem,
        "JKS" | "PKCS12" => StoreType::KeyStore,
        _ => {
            findings.invalid(name, text, "one of JKS, PKCS12, PEM");
            StoreType::KeyStore
        }
    }
}

const TRUST_TYPE: &str = "ssl.truststore.type";
const TRUST_LOCATION: &str = "ssl.truststore.location";
const TRUST_PASSWORD: &str = "ssl.truststore.password";
const TRUST_CERTIFICATES: &str = "ssl.truststore.certificates";

fn trust(values: &Values, findings: &mut Findings) -> Trust {
    let store_type = store_type(TRUST_TYPE, values, findings);
    let path = path(TRUST_LOCATION, values);
    let password = values.secret(TRUST_PASSWORD);
    if let Some(certificates) = values.secret(TRUST_CERTIFICATES) {
        needs_pem(TRUST_TYPE, TRUST_CERTIFICATES, store_type, values, findings);
        rules_out(
            TRUST_LOCATION,
            "ssl.truststore.certificates is set",
            values,
            findings,
        );
        rules_out(TRUST_PASSWORD, PEM_HAS_NO_PASSWORD, values, findings);
        return Trust::Pem(certificates);
    }
    match (path, store_type) {
        (None, _) => {
            rules_out(
                TRUST_PASSWORD,
                "ssl.truststore.location is not set",
                values,
                findings,
            );
            Trust::Platform
        }
        (Some(path), StoreType::Pem) => {
            rules_out(TRUST_PASSWORD, PEM_HAS_NO_PASSWORD, values, findings);
            Trust::PemFile(path)
        }
        (Some(path), StoreType::KeyStore) => Trust::KeyStore { path, password },
    }
}

const KEY_TYPE: &str = "ssl.keystore.type";
const KEY_LOCATION: &str = "ssl.keystore.location";
const KEY_STORE_PASSWORD: &str = "ssl.keystore.password";
const KEY: &str = "ssl.keystore.key";
const CHAIN: &str = "ssl.keystore.certificate.chain";
const KEY_PASSWORD: &str = "ssl.key.password";

fn identity(values: &Values, findings: &mut Findings) -> Option<Identity> {
    let store_type = store_type(KEY_TYPE, values, findings);
    if values.secret(KEY).is_some() || values.secret(CHAIN).is_some() {
        return inline_identity(store_type, values, findings);
    }
    let Some(path) = path(KEY_LOCATION, values) else {
        rules_out(
            KEY_STORE_PASSWORD,
            "ssl.keystore.location is not set",
            values,
            findings,
        );
        return None;
    };
    let key_password = values.secret(KEY_PASSWORD);
    if store_type == StoreType::Pem {
        rules_out(KEY_STORE_PASSWORD, PEM_HAS_KEY_PASSWORD, values, findings);
        return Some(Identity::PemFile { path, key_password });
    }
    let password = values.secret(KEY_STORE_PASSWORD);
    if password.is_none() {
        findings.missing(KEY_STORE_PASSWORD, "what opens ssl.keystore.location");
    }
    Some(Identity::KeyStore {
        path,
        password,
        key_password,
    })
}

/// A key and its certificates, as PEM in the properties themselves (KIP-651).
fn inline_identity(
    store_type: StoreType,
    values: &Values,
    findings: &mut Findings,
) -> Option<Identity> {
    let key = inline(
        KEY,
        "the key of ssl.keystore.certificate.chain, as PEM",
        values,
        findings,
    );
    let chain = inline(
        CHAIN,
        "the certificate of ssl.keystore.key, as PEM",
        values,
        findings,
    );
    let set = if key.is_some() { KEY } else { CHAIN };
    needs_pem(KEY_TYPE, set, store_type, values, findings);
    rules_out(KEY_LOCATION, &format!("{set} is set"), values, findings);
    rules_out(KEY_STORE_PASSWORD, PEM_HAS_KEY_PASSWORD, values, findings);
    Some(Identity::Pem {
        key: key?,
        chain: chain?,
        key_password: values.secret(KEY_PASSWORD),
    })
}

fn inline(
    name: &'static str,
    what: &'static str,
    values: &Values,
    findings: &mut Findings,
) -> Option<Secret> {
    let text = values.secret(name);
    if text.is_none() {
        findings.missing(name, what);
    }
    text
}

fn needs_pem(
    name: &'static str,
    because_of: &str,
    store_type: StoreType,
    values: &Values,
    findings: &mut Findings,
) {
    if store_type != StoreType::Pem && values.are_valid(&[name]) {
        let value = values.text(name).unwrap_or_default();
        findings.contradiction(name, value, "PEM", format!("{because_of} is set"));
    }
}

/// Reports a property that must not be set.
fn rules_out(name: &'static str, because: &str, values: &Values, findings: &mut Findings) {
    if let Some(value) = values.text(name).filter(|value| !value.is_empty()) {
        let value = if name == KEY_LOCATION || name == TRUST_LOCATION {
            value
        } else {
            HIDDEN.to_owned()
        };
        findings.contradiction(name, value, "left unset", because.to_owned());
    }
}

const PEM_HAS_NO_PASSWORD: &str = "certificates in PEM have no password";
const PEM_HAS_KEY_PASSWORD: &str = "PEM has no password but that of the key: ssl.key.password";

fn path(name: &'static str, values: &Values) -> Option<PathBuf> {
    let text = values.text(name).filter(|text| !text.is_empty())?;
    Some(text.into())
}

fn verify_host_name(values: &Values, findings: &mut Findings) -> bool {
    let name = "ssl.endpoint.identification.algorithm";
    let text = values.text(name).unwrap_or_default();
    if !text.is_empty() && !text.eq_ignore_ascii_case("https") {
        let allowed = "https, or empty (the certificate may be of another host)";
        findings.invalid(name, text.clone(), allowed);
    }
    !text.is_empty()
}

fn check_engine_factory(values: &Values, findings: &mut Findings) {
    let name = "ssl.engine.factory.class";
    let class = values.text(name).unwrap_or_default();
    let own = "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory";
    if !class.is_empty() && class != own {
        findings.problems.push(Problem::Unsupported {
            name,
            value: class,
            allowed: "left unset".to_owned(),
            reason: "classes of Java cannot be run: what a connection needs is said by ssl.truststore.* \
                and ssl.keystore.*"
                .to_owned(),
        });
    }
}

/// `ssl.enabled.protocols`, as far as `ssl.protocol` and the cipher suites go with it.
fn versions(values: &Values, suites: &[String], findings: &mut Findings) -> Vec<TlsVersion> {
    let name = "ssl.enabled.protocols";
    let greatest = greatest_version(values, findings);
    let mut listed = values.list(name);
    if listed.iter().all(String::is_empty) {
        listed = vec!["TLSv1.2".to_owned(), "TLSv1.3".to_owned()];
    }
    let enabled = supported(name, &listed, &["TLSv1.2", "TLSv1.3"], findings);
    let mut versions: Vec<_> = enabled.iter().filter_map(|name| version(name)).collect();
    if versions.is_empty() {
        return versions;
    }
    versions.retain(|version| greatest == TlsVersion::V13 || *version == TlsVersion::V12);
    if versions.is_empty() {
        let because = "ssl.protocol is TLSv1.2".to_owned();
        findings.contradiction(name, listed.join(","), "a list with TLSv1.2", because);
        return versions;
    }
    versions.retain(|version| {
        suites.is_empty() || suites.iter().any(|suite| version_of(suite) == *version)
    });
    if versions.is_empty() {
        let because = format!("ssl.cipher.suites is {}", suites.join(","));
        findings.contradiction(
            name,
            listed.join(","),
            "the version of a cipher suite",
            because,
        );
    }
    versions
}

fn version(name: &str) -> Option<TlsVersion> {
    match name {
        "TLSv1.2" => Some(TlsVersion::V12),
        "TLSv1.3" => Some(TlsVersion::V13),
        _ => None,
    }
}

/// `ssl.protocol`: with `TLSv1.2`, nothing newer is spoken.
fn greatest_version(values: &Values, findings: &mut Findings) -> TlsVersion {
    let name = "ssl.protocol";
    let text = values.text(name).unwrap_or_default();
    match text.as_str() {
        "TLSv1.3" | "TLS" | "SSL" => {}
        "TLSv1.2" => return TlsVersion::V12,
        _ => findings.invalid(name, text, "one of TLSv1.3, TLSv1.2, TLS"),
    }
    TlsVersion::V13
}

/// The suites that are safe, by the names that Java gives them too.
const SUITES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

fn cipher_suites(values: &Values, findings: &mut Findings) -> Vec<String> {
    let name = "ssl.cipher.suites";
    supported(name, &values.list(name), &SUITES, findings)
}

fn version_of(suite: &str) -> TlsVersion {
    if suite.contains("_WITH_") {
        TlsVersion::V12
    } else {
        TlsVersion::V13
    }
}

/// The entries that are supported, each once. The others are passed over with a warning, unless none
/// is left.
fn supported(
    name: &'static str,
    listed: &[String],
    known: &[&'static str],
    findings: &mut Findings,
) -> Vec<String> {
    let listed: Vec<&String> = listed.iter().filter(|entry| !entry.is_empty()).collect();
    let mut found: Vec<String> = Vec::new();
    let mut passed_over = Vec::new();
    for entry in &listed {
        if !known.contains(&entry.as_str()) {
            passed_over.push((*entry).clone());
        } else if !found.contains(entry) {
            found.push((*entry).clone());
        }
    }
    if found.is_empty() && !listed.is_empty() {
        let allowed = format!("a list of {}", known.join(", "));
        findings.invalid(name, passed_over.join(","), &allowed);
        return found;
    }
    let warnings = passed_over
        .into_iter()
        .map(|entry| Warning::EntryNotSupported { name, entry });
    findings.warnings.extend(warnings);
    found
}
