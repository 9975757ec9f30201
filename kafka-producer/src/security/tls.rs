//! What TLS goes by (`ssl.*`), before any file is read; what reads the files is below (`tls/reload.rs`).

#[cfg(all(feature = "tokio", not(feature = "_tls")))]
#[allow(
    clippy::needless_pass_by_ref_mut,
    reason = "it has the shape of what it stands for"
)]
mod absent;
#[cfg(feature = "_tls")]
mod client;
#[cfg(feature = "_tls")]
mod ec_key;
#[cfg(feature = "_tls")]
mod failure;
#[cfg(feature = "_tls")]
mod key_store;
#[cfg(feature = "_tls")]
mod material;
#[cfg(feature = "_tls")]
mod pem;
#[cfg(feature = "_tls")]
mod provider;
#[cfg(feature = "_tls")]
mod reload;
#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
mod signature;
#[cfg(feature = "tokio")]
#[cfg_attr(
    not(feature = "_tls"),
    allow(dead_code, reason = "without TLS no file is read")
)]
mod unusable;
#[cfg(feature = "_tls")]
mod validity;
#[cfg(feature = "_tls")]
mod verifier;

use std::path::PathBuf;

#[cfg(all(feature = "tokio", not(feature = "_tls")))]
pub(crate) use self::absent::{TlsClient, TlsConfig};
#[cfg(all(feature = "_tls", feature = "oauth-oidc"))]
pub(crate) use self::signature::{JwtAlgorithm, sign};
#[cfg(feature = "tokio")]
pub(crate) use self::unusable::Unusable;
#[cfg(feature = "_tls")]
pub(crate) use self::{
    failure::{OurCertificate, explain},
    reload::{TlsClient, TlsConfig},
};
use super::secret::Secret;

/// How the broker authenticates, and how the producer does.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `ssl.truststore.*`.
    pub trust: Trust,
    /// `ssl.keystore.*`, for brokers that ask for a certificate.
    pub identity: Option<Identity>,
    /// `ssl.endpoint.identification.algorithm`: whether the certificate must be that of the host.
    pub verify_host_name: bool,
    /// `ssl.enabled.protocols`, as far as they are supported: at least one.
    pub versions: Vec<TlsVersion>,
    /// `ssl.cipher.suites`, by the names of their standard; empty: all that are safe.
    pub cipher_suites: Vec<String>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

/// The certificates that are trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The platform's.
    Platform,
    /// Those of this PEM file.
    PemFile(PathBuf),
    /// Those in this PEM text (`ssl.truststore.certificates`).
    Pem(Secret),
    /// Those in a key store of Java's tools (PKCS#12; JKS is recognised, and refused).
    KeyStore {
        /// `ssl.truststore.location`.
        path: PathBuf,
        /// `ssl.truststore.password`.
        password: Option<Secret>,
    },
}

/// Our key and certificate.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A PEM file with both.
    PemFile {
        /// `ssl.keystore.location`.
        path: PathBuf,
        /// `ssl.key.password`.
        key_password: Option<Secret>,
    },
    /// PEM texts.
    Pem {
        /// `ssl.keystore.key`.
        key: Secret,
        /// `ssl.keystore.certificate.chain`.
        chain: Secret,
        /// `ssl.key.password`.
        key_password: Option<Secret>,
    },
    /// A key store of Java's tools (PKCS#12; JKS is recognised, and refused).
    KeyStore {
        /// `ssl.keystore.location`.
        path: PathBuf,
        /// `ssl.keystore.password`.
        password: Option<Secret>,
        /// `ssl.key.password`.
        key_password: Option<Secret>,
    },
}
