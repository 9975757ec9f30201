//! What `ssl.truststore.*` and `ssl.keystore.*` name, read: certificates and a key.

use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::key_store::{KeyStore, StoreFault};
use super::pem::{self, KeyFault};
use super::unusable::Unusable;
use super::{Identity, Tls, Trust};
use crate::regular_file;
use crate::security::Secret;

/// The certificates that are trusted, and ours.
pub(super) struct Material {
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) identity: Option<KeyAndChain>,
}

/// A key and its certificate, with those that lead to one that brokers trust.
pub(super) struct KeyAndChain {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// The setting that a problem with the two is about.
    pub(super) setting: &'static str,
    pub(super) path: Option<PathBuf>,
}

/// Reads everything, and names all that is wrong.
pub(super) fn read(tls: &Tls) -> Result<Material, Vec<Unusable>> {
    let trusted = trusted(&tls.trust);
    let identity = tls.identity.as_ref().map(key_and_chain).transpose();
    match (trusted, identity) {
        (Ok(trusted), Ok(identity)) => Ok(Material { trusted, identity }),
        (trusted, identity) => Err([trusted.err(), identity.err()]
            .into_iter()
            .flatten()
            .collect()),
    }
}

/// The files that are read.
pub(super) fn files(tls: &Tls) -> Vec<&Path> {
    let trust = match &tls.trust {
        Trust::PemFile(path) | Trust::KeyStore { path, .. } => Some(path),
        Trust::Platform | Trust::Pem(_) => None,
    };
    let identity = match &tls.identity {
        Some(Identity::PemFile { path, .. } | Identity::KeyStore { path, .. }) => Some(path),
        Some(Identity::Pem { .. }) | None => None,
    };
    let files = [trust, identity].into_iter().flatten();
    files.map(PathBuf::as_path).collect()
}

fn trusted(trust: &Trust) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    match trust {
        Trust::Platform => platform(),
        Trust::PemFile(path) => {
            let text = text_of(&TRUST_STORE, path)?;
            let certificates = pem::certificates(&text);
            certificates.map_err(|reason| Unusable::file(TRUST_STORE.location, path, reason))
        }
        Trust::Pem(text) => pem::certificates(text.expose())
            .map_err(|reason| Unusable::setting("ssl.truststore.certificates", reason)),
        Trust::KeyStore { path, password } => {
            let store = open(path, password.as_ref(), &TRUST_STORE)?;
            let trusted = store.trusted();
            trusted.map_err(|reason| Unusable::file(TRUST_STORE.location, path, reason))
        }
    }
}

/// The certificates that the operating system comes with.
fn platform() -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let errors = found.errors.iter().map(|error| format!("; {error}"));
        let errors: String = errors.collect();
        let reason = format!(
            "is required: the operating system has no trusted certificates of its own{errors}"
        );
        return Err(Unusable::setting(TRUST_STORE.location, reason));
    }
    Ok(found.certs)
}

fn key_and_chain(identity: &Identity) -> Result<KeyAndChain, Unusable> {
    match identity {
        Identity::PemFile { path, key_password } => {
            let wrong = |reason| Unusable::file(KEY_STORE.location, path, reason);
            let text = text_of(&KEY_STORE, path)?;
            let key = pem::private_key(&text, key_password.as_ref());
            Ok(KeyAndChain {
                key: key.map_err(|fault| of_key(fault, wrong))?,
                chain: pem::certificates(&text).map_err(wrong)?,
                setting: KEY_STORE.location,
                path: Some(path.clone()),
            })
        }
        Identity::Pem {
            key,
            chain,
            key_password,
        } => {
            let of_key_text = |reason| Unusable::setting("ssl.keystore.key", reason);
            let of_chain = |reason| Unusable::setting(CHAIN, reason);
            let key = pem::private_key(key.expose(), key_password.as_ref());
            Ok(KeyAndChain {
                key: key.map_err(|fault| of_key(fault, of_key_text))?,
                chain: pem::certificates(chain.expose()).map_err(of_chain)?,
                setting: CHAIN,
                path: None,
            })
        }
        Identity::KeyStore {
            path,
            password,
            key_password,
        } => {
            // A store in the form of PKCS#12 has one password for all that is in it.
            let password = password.as_ref().or(key_password.as_ref());
            let store = open(path, password, &KEY_STORE)?;
            let identity = store.identity();
            let (chain, key) =
                identity.map_err(|reason| Unusable::file(KEY_STORE.location, path, reason))?;
            Ok(KeyAndChain {
                chain,
                key,
                setting: KEY_STORE.location,
                path: Some(path.clone()),
            })
        }
    }
}

fn of_key(fault: KeyFault, of_key: impl FnOnce(String) -> Unusable) -> Unusable {
    match fault {
        KeyFault::Key(reason) => of_key(reason),
        KeyFault::Password(reason) => Unusable::setting("ssl.key.password", reason),
    }
}

fn open(path: &Path, password: Option<&Secret>, of: &StoreSettings) -> Result<KeyStore, Unusable> {
    let bytes = bytes_of(of.location, path)?;
    KeyStore::open(&bytes, path, password).map_err(|fault| match fault {
        StoreFault::File(reason) => Unusable::file(of.location, path, reason),
        StoreFault::Pem => {
            let reason = format!("is PEM, no key store: set {} to PEM", of.store_type);
            Unusable::file(of.location, path, reason)
        }
        StoreFault::Password(reason) => {
            let reason = format!("{reason} ({})", path.display());
            Unusable::setting(of.password, reason)
        }
    })
}

fn text_of(of: &StoreSettings, path: &Path) -> Result<Zeroizing<String>, Unusable> {
    let bytes = bytes_of(of.location, path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        let reason = format!(
            "is no PEM: if it is PKCS#12, set {} to PKCS12",
            of.store_type
        );
        Unusable::file(of.location, path, reason)
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn bytes_of(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    let cannot = |error| Unusable::file(setting, path, format!("cannot be read: {error}"));
    regular_file::read(path).map(Zeroizing::new).map_err(cannot)
}

/// The settings of a store that is a file.
struct StoreSettings {
    location: &'static str,
    store_type: &'static str,
    password: &'static str,
}

const TRUST_STORE: StoreSettings = StoreSettings {
    location: "ssl.truststore.location",
    store_type: "ssl.truststore.type",
    password: "ssl.truststore.password",
};
const KEY_STORE: StoreSettings = StoreSettings {
    location: "ssl.keystore.location",
    store_type: "ssl.keystore.type",
    password: "ssl.keystore.password",
};
const CHAIN: &str = "ssl.keystore.certificate.chain";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::security::TlsVersion;
    use crate::security::tls::client::configure;

    fn fixture(name: &str) -> PathBuf {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        tests.join(name)
    }

    fn text(name: &str) -> Secret {
        Secret::new(fs::read_to_string(fixture(name)).unwrap())
    }

    fn password() -> Option<Secret> {
        Some(Secret::new("tea-2026"))
    }

    fn of(trust: Trust, identity: Option<Identity>) -> Tls {
        Tls {
            trust,
            identity,
            verify_host_name: true,
            versions: vec![TlsVersion::V12, TlsVersion::V13],
            cipher_suites: Vec::new(),
        }
    }

    /// What is wrong with it, a line each, without the way to the fixtures; nothing if it can be used.
    fn wrong(trust: Trust, identity: Option<Identity>) -> String {
        let problems = configure(&of(trust, identity)).err().unwrap_or_default();
        let lines = problems.iter().map(|problem| format!("{problem}\n"));
        let lines: String = lines.collect();
        let place = fixture("").display().to_string();
        lines.replace(&place, "").trim_end().to_owned()
    }

    fn trust_store(name: &str, password: Option<Secret>) -> Trust {
        Trust::KeyStore {
            path: fixture(name),
            password,
        }
    }

    fn key_store(name: &str, password: Option<Secret>) -> Option<Identity> {
        Some(Identity::KeyStore {
            path: fixture(name),
            password,
            key_password: None,
        })
    }

    fn pem_file(name: &str, key_password: Option<Secret>) -> Option<Identity> {
        Some(Identity::PemFile {
            path: fixture(name),
            key_password,
        })
    }

    fn authority() -> Trust {
        Trust::PemFile(fixture("ca.pem"))
    }

    #[test]
    fn every_form_of_a_trust_store_has_the_same_certificate() {
        let authority = trusted(&authority()).unwrap();
        // As in a properties file, where a text has one line.
        let in_a_line = text("ca.pem").expose().replace('\n', " ");
        for trust in [
            trust_store("truststore.p12", password()),
            trust_store("truststore-openssl.p12", password()),
            Trust::Pem(text("ca.pem")),
            Trust::Pem(Secret::new(in_a_line)),
        ] {
            assert_eq!(trusted(&trust).unwrap(), authority, "{trust:?}");
        }
    }

    #[test]
    fn every_form_of_a_key_is_accepted_with_its_chain() {
        for identity in [
            key_store("keystore.p12", password()),
            key_store("keystore-java8.p12", password()),
            pem_file("client-pkcs8.pem", None),
            pem_file("client-sec1.pem", None),
            pem_file("client-pkcs1.pem", None),
            pem_file("client-v1.pem", None),
            pem_file("client-encrypted.pem", password()),
            Some(Identity::Pem {
                key: Secret::new(text("client-encrypted.pem").expose().replace('\n', " ")),
                chain: Secret::new(text("client-encrypted.pem").expose().replace('\n', " ")),
                key_password: password(),
            }),
        ] {
            let read = key_and_chain(identity.as_ref().unwrap()).unwrap();
            assert_eq!(read.chain.len(), 2, "{identity:?}");
            assert_eq!(wrong(authority(), identity.clone()), "", "{identity:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_trust_store_is_said_with_what_to_do() {
        for (trust, expected) in [
            (
                Trust::PemFile(fixture("none.pem")),
                "ssl.truststore.location=\"none.pem\": cannot be read: No such file or directory (os error 2)",
            ),
            #[cfg(unix)]
            (
                Trust::PemFile("/dev/null".into()),
                "ssl.truststore.location=\"/dev/null\": cannot be read: it is not a regular file",
            ),
            (
                Trust::PemFile(fixture("truststore.p12")),
                "ssl.truststore.location=\"truststore.p12\": is no PEM: if it is PKCS#12, set \
                 ssl.truststore.type to PKCS12",
            ),
            (
                Trust::PemFile(fixture("README.md")),
                "ssl.truststore.location=\"README.md\": there is no certificate inside (-----BEGIN CERTIFICATE-----)",
            ),
            (
                Trust::Pem(Secret::new(
                    "-----BEGIN CERTIFICATE----- A%A= -----END CERTIFICATE-----",
                )),
                "ssl.truststore.certificates: the CERTIFICATE inside is not base64: the text was cut off or changed",
            ),
            (
                Trust::Pem(Secret::new("-----BEGIN CERTIFICATE----- AAAA")),
                "ssl.truststore.certificates: there is no -----END CERTIFICATE-----: the text is cut off",
            ),
            (
                trust_store("truststore.p12", Some(Secret::new("coffee"))),
                "ssl.truststore.password: is not the password of the key store (truststore.p12)",
            ),
            (
                trust_store("truststore.p12", None),
                "ssl.truststore.password: is required: the key store has a password (truststore.p12)",
            ),
            (
                trust_store("ca.pem", password()),
                "ssl.truststore.location=\"ca.pem\": is PEM, no key store: set ssl.truststore.type to \
                 PEM",
            ),
            (
                trust_store("truststore.jks", password()),
                "ssl.truststore.location=\"truststore.jks\": is a key store in Java's own form (JKS), which only \
                 Java reads; convert it with `keytool -importkeystore -srckeystore truststore.jks -destkeystore \
                 truststore.p12 -deststoretype PKCS12` and name truststore.p12 here",
            ),
        ] {
            assert_eq!(wrong(trust, None), expected);
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_with_what_to_do() {
        let old = |name: &str| {
            format!(
                "ssl.keystore.location=\"{name}\": the private key is encrypted in an old way that is not \
                 supported; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`"
            )
        };
        for (identity, expected) in [
            (
                pem_file("mismatch.pem", None),
                "ssl.keystore.location=\"mismatch.pem\": the private key does not belong to the first \
                 certificate",
            ),
            (
                pem_file("ca.pem", None),
                "ssl.keystore.location=\"ca.pem\": there is no private key inside (-----BEGIN PRIVATE KEY-----)",
            ),
            (
                pem_file("client-encrypted.pem", None),
                "ssl.key.password: is required: the private key is encrypted",
            ),
            (
                pem_file("client-encrypted.pem", Some(Secret::new("coffee"))),
                "ssl.key.password: the private key cannot be decrypted with this password",
            ),
            (
                pem_file("client-old.pem", password()),
                &old("client-old.pem"),
            ),
            (
                pem_file("client-older.pem", password()),
                &old("client-older.pem"),
            ),
            (
                key_store("truststore.p12", password()),
                "ssl.keystore.location=\"truststore.p12\": there is no private key inside",
            ),
            (
                key_store("ca.pem", password()),
                "ssl.keystore.location=\"ca.pem\": is PEM, no key store: set ssl.keystore.type to PEM",
            ),
            (
                key_store("keystore.p12", Some(Secret::new("coffee"))),
                "ssl.keystore.password: is not the password of the key store (keystore.p12)",
            ),
        ] {
            assert_eq!(wrong(authority(), identity), expected);
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let told = wrong(Trust::PemFile(fixture("none")), pem_file("none", None));
        assert_eq!(told.lines().count(), 2, "{told}");
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_an_error() {
        for name in ["truststore.p12", "keystore.p12", "keystore-java8.p12"] {
            let bytes = fs::read(fixture(name)).unwrap();
            for end in 0..bytes.len() {
                let opened = KeyStore::open(&bytes[..end], Path::new(name), password().as_ref());
                assert!(opened.is_err(), "{name} up to {end}");
            }
        }
        let text = text("client-encrypted.pem");
        for end in (0..text.expose().len() - 2).step_by(7) {
            let cut = &text.expose()[..end];
            let whole = pem::private_key(cut, password().as_ref()).is_ok()
                && pem::certificates(cut).is_ok_and(|chain| chain.len() == 2);
            assert!(!whole, "up to {end}");
        }
    }
}
