//! From settings and what they name to what a connection is secured with.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::ec_key::with_public_key;
use super::material::{self, KeyAndChain, Material};
use super::provider::provider;
use super::unusable::Unusable;
use super::verifier::{HostName, Verifier};
use super::{Tls, TlsVersion};

/// Reads what the settings name and makes rustls's configuration of it. Connections that share it resume
/// each other's sessions.
pub(super) fn configure(tls: &Tls) -> Result<Arc<ClientConfig>, Vec<Unusable>> {
    let provider = Arc::new(provider(&tls.cipher_suites).map_err(|problem| vec![problem])?);
    let Material { trusted, identity } = material::read(tls)?;
    let host_name = match tls.verify_host_name {
        true => HostName::Verified,
        false => HostName::Ignored,
    };
    let verifier = Verifier::new(trusted, host_name, &provider).map_err(|error| {
        let reason = format!("no certificate inside can be used: {error}");
        vec![Unusable::setting("ssl.truststore.location", reason)]
    })?;
    let versions: Vec<_> = tls
        .versions
        .iter()
        .map(|&version| supported(version))
        .collect();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(&versions).map_err(|_| {
        let reason = "none of them can be used with ssl.enabled.protocols";
        let suites = tls.cipher_suites.join(",");
        vec![Unusable::value("ssl.cipher.suites", suites, reason)]
    })?;
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let ours = our_certificate(identity, &provider).map_err(|problem| vec![problem])?;
            builder.with_client_cert_resolver(Arc::new(ours))
        }
    };
    Ok(Arc::new(config))
}

fn supported(version: TlsVersion) -> &'static SupportedProtocolVersion {
    match version {
        TlsVersion::V12 => &TLS12,
        TlsVersion::V13 => &TLS13,
    }
}

/// What brokers are shown that ask for a certificate.
fn our_certificate(
    identity: KeyAndChain,
    provider: &CryptoProvider,
) -> Result<SingleCertAndKey, Unusable> {
    let KeyAndChain {
        chain,
        key,
        setting,
        path,
    } = identity;
    let wrong = |reason: &str| match &path {
        Some(path) => Unusable::file(setting, path, reason),
        None => Unusable::setting(setting, reason),
    };
    let Some(certificate) = chain.first() else {
        return Err(wrong("there is no certificate inside"));
    };
    let key = with_public_key(key, certificate);
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| wrong(&format!("the private key cannot be used: {error}")))?;
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Err(wrong("the first certificate cannot be read"));
    };
    // Not by webpki, which reads no certificates of X.509 version 1: `openssl x509 -req` makes such.
    let public = key.public_key();
    if public.is_some_and(|public| public.as_ref() != parsed.public_key().raw) {
        return Err(wrong(
            "the private key does not belong to the first certificate",
        ));
    }
    Ok(CertifiedKey::new(chain, key).into())
}
