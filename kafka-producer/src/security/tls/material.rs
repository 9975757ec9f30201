//! What `ssl.truststore.*` and `ssl.keystore.*` name, read: certificates and a key.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::key_store::{KeyStore, StoreFault};
use super::pem::{self, KeyFault};
use super::unusable::Unusable;
use super::{Identity, Tls, Trust};
use crate::security::Secret;

/// Whom we believe, and who we are.
pub(super) struct Material {
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) identity: Option<Credentials>,
}

/// A key and its certificate, with those that lead to one which others believe.
pub(super) struct Credentials {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// The setting that a problem with the two is about.
    pub(super) setting: &'static str,
    pub(super) path: Option<PathBuf>,
}

/// Reads everything, and names all that is wrong.
pub(super) fn read(tls: &Tls) -> Result<Material, Vec<Unusable>> {
    let trusted = trusted(&tls.trust);
    let identity = tls.identity.as_ref().map(credentials).transpose();
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
            let text = text_of(TRUST_STORE, path)?;
            pem::certificates(&text).map_err(|reason| Unusable::file(TRUST_STORE, path, reason))
        }
        Trust::Pem(text) => pem::certificates(text.expose())
            .map_err(|reason| Unusable::setting("ssl.truststore.certificates", reason)),
        Trust::KeyStore { path, password } => {
            let store = open(
                path,
                password.as_ref(),
                TRUST_STORE,
                "ssl.truststore.password",
            )?;
            let trusted = store.trusted();
            trusted.map_err(|reason| Unusable::file(TRUST_STORE, path, reason))
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
        return Err(Unusable::setting(TRUST_STORE, reason));
    }
    Ok(found.certs)
}

fn credentials(identity: &Identity) -> Result<Credentials, Unusable> {
    match identity {
        Identity::PemFile { path, key_password } => {
            let wrong = |reason| Unusable::file(KEY_STORE, path, reason);
            let text = text_of(KEY_STORE, path)?;
            let key = pem::private_key(&text, key_password.as_ref());
            Ok(Credentials {
                key: key.map_err(|fault| of_key(fault, wrong))?,
                chain: pem::certificates(&text).map_err(wrong)?,
                setting: KEY_STORE,
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
            Ok(Credentials {
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
            let store = open(path, password, KEY_STORE, "ssl.keystore.password")?;
            let identity = store.identity();
            let (chain, key) =
                identity.map_err(|reason| Unusable::file(KEY_STORE, path, reason))?;
            Ok(Credentials {
                chain,
                key,
                setting: KEY_STORE,
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

fn open(
    path: &Path,
    password: Option<&Secret>,
    location: &'static str,
    password_setting: &'static str,
) -> Result<KeyStore, Unusable> {
    let bytes = bytes_of(location, path)?;
    KeyStore::open(&bytes, path, password).map_err(|fault| match fault {
        StoreFault::File(reason) => Unusable::file(location, path, reason),
        StoreFault::Password(reason) => {
            let reason = format!("{reason} ({})", path.display());
            Unusable::setting(password_setting, reason)
        }
    })
}

fn text_of(setting: &'static str, path: &Path) -> Result<Zeroizing<String>, Unusable> {
    let bytes = bytes_of(setting, path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Unusable::file(
            setting,
            path,
            "is no PEM: set the type of the store (PKCS12)",
        )
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn bytes_of(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    let cannot = |error| Unusable::file(setting, path, format!("cannot be read: {error}"));
    fs::read(path).map(Zeroizing::new).map_err(cannot)
}

const TRUST_STORE: &str = "ssl.truststore.location";
const KEY_STORE: &str = "ssl.keystore.location";
const CHAIN: &str = "ssl.keystore.certificate.chain";
