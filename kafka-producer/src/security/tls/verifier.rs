//! Whether a broker is authenticated: its certificate must come from one that is trusted, be valid now, and be
//! that of the host, unless `ssl.endpoint.identification.algorithm` is empty.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::validity;

/// The checks of webpki, but for what Java does otherwise.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Of those that issue certificates; `None`: none does.
    chains: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Certificates that are trusted themselves, with any issuer.
    trusted: Vec<CertificateDer<'static>>,
    host_name: HostName,
}

/// `ssl.endpoint.identification.algorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostName {
    /// `https`.
    Verified,
    /// Empty.
    Ignored,
}

impl Verifier {
    /// Trusts these certificates, and those that were issued by the ones among them that may issue any.
    ///
    /// # Errors
    /// None of them can be used.
    pub(super) fn new(
        trusted: Vec<CertificateDer<'static>>,
        host_name: HostName,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, VerifierBuilderError> {
        let issuers = || trusted.iter().filter(|it| may_issue(it)).cloned();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(issuers());
        let chains = match issuers().next() {
            None if !trusted.is_empty() => None,
            _ => {
                let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
                let chains = WebPkiServerVerifier::builder_with_provider(roots, provider);
                Some(chains.build()?)
            }
        };
        Ok(Self {
            chains,
            algorithms: provider.signature_verification_algorithms,
            trusted,
            host_name,
        })
    }

    /// A broker may show a certificate that is itself in the trust store: webpki does not accept one there
    /// that may sign others.
    fn verify_trusted_itself(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        validity::check(certificate, now)?;
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = match &self.chains {
            _ if self.trusted.contains(end_entity) => {
                self.verify_trusted_itself(end_entity, server_name, now)
            }
            Some(chains) => chains.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        // The name is checked last: a certificate that fails by it alone is trusted otherwise.
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.host_name == HostName::Ignored => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate may issue others, as Java has it: one of version 3 must say so.
fn may_issue(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    parsed.is_ca() || parsed.version() != X509Version::V3
}

#[cfg(test)]
mod tests {
    use super::super::failure::{OurCertificate, explain};
    use super::super::pem;
    use super::super::provider::provider;
    use super::*;

    const SELF_SIGNED: &str = include_str!("../../../tests/fixtures/tls/self-signed.pem");

    fn verify(host: &str, host_name: HostName) -> Result<(), Error> {
        let trusted = pem::certificates(SELF_SIGNED).unwrap();
        let shown = trusted[0].clone();
        verify_certificate(&shown, trusted, host, host_name)
    }

    fn verify_certificate(
        shown: &CertificateDer<'_>,
        trusted: Vec<CertificateDer<'static>>,
        host: &str,
        host_name: HostName,
    ) -> Result<(), Error> {
        let provider = Arc::new(provider(&[]).unwrap());
        let verifier = Verifier::new(trusted, host_name, &provider).unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let verified = verifier.verify_server_cert(shown, &[], &name, &[], UnixTime::now());
        verified.map(drop)
    }

    #[test]
    fn a_broker_may_show_a_certificate_that_is_trusted_itself() {
        verify("kafka.example", HostName::Verified).unwrap();
        let other = verify("other.example", HostName::Verified).unwrap_err();
        assert!(other.to_string().contains("kafka.example"), "{other}");
        verify("other.example", HostName::Ignored).unwrap();
    }

    #[test]
    fn a_certificate_of_version_1_is_named_as_that() {
        let client = include_str!("../../../tests/fixtures/tls/client-v1.pem");
        let [shown, authority] = &pem::certificates(client).unwrap()[..] else {
            panic!("a certificate and its authority's");
        };
        for trusted in [authority, shown] {
            let trusted = vec![trusted.clone()];
            let refused = verify_certificate(shown, trusted, "client", HostName::Verified);
            let told = explain(&refused.unwrap_err(), "client", OurCertificate::None);
            assert!(told.contains("X.509 version 1"), "{told}");
        }
    }

    #[test]
    fn a_trusted_certificate_of_a_broker_issues_no_other() {
        // The first says of itself that it signs no others (CA:FALSE), as Java has it, too.
        let trusted = include_str!("../../../tests/fixtures/tls/pinned.pem");
        let shown = include_str!("../../../tests/fixtures/tls/signed-by-pinned.pem");
        let trusted = pem::certificates(trusted).unwrap();
        let shown = pem::certificates(shown).unwrap();
        let host = "kafka-2.example";
        let verified = verify_certificate(&shown[0], trusted, host, HostName::Verified);
        let unknown = CertificateError::UnknownIssuer;
        assert_eq!(verified, Err(Error::InvalidCertificate(unknown)));
    }
}
