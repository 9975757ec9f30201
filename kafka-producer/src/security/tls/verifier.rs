//! Whether a broker is believed: its certificate must come from one that is trusted, be valid now, and be
//! that of the host, unless `ssl.endpoint.identification.algorithm` is empty.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::validity;

/// The checks of webpki, but for what Java does otherwise.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) chains: Arc<WebPkiServerVerifier>,
    /// For certificates that are trusted themselves, whoever made them.
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) host_name: HostName,
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
        let verified = match self.trusted.contains(end_entity) {
            true => self.verify_trusted_itself(end_entity, server_name, now),
            false => self.chains.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        };
        // The name is looked at last: who fails by it alone is trusted otherwise.
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
        self.chains.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;

    use super::super::pem;
    use super::super::provider::provider;
    use super::*;

    const SELF_SIGNED: &str = include_str!("../../../tests/fixtures/tls/self-signed.pem");

    fn verify(host: &str, host_name: HostName) -> Result<(), Error> {
        let trusted = pem::certificates(SELF_SIGNED).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let provider = Arc::new(provider(&[]).unwrap());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = Verifier {
            chains: chains.build().unwrap(),
            trusted: trusted.clone(),
            host_name,
        };
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let verified = verifier.verify_server_cert(&trusted[0], &[], &name, &[], UnixTime::now());
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
    fn a_broker_whose_certificate_is_trusted_vouches_for_no_other() {
        // The first says of itself that it signs no others (CA:FALSE), as Java has it, too.
        let trusted = include_str!("../../../tests/fixtures/tls/pinned.pem");
        let shown = include_str!("../../../tests/fixtures/tls/signed-by-pinned.pem");
        let trusted = pem::certificates(trusted).unwrap();
        let shown = pem::certificates(shown).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let provider = Arc::new(provider(&[]).unwrap());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = Verifier {
            chains: chains.build().unwrap(),
            trusted,
            host_name: HostName::Verified,
        };
        let name = ServerName::try_from("kafka-2.example").unwrap();
        let verified = verifier.verify_server_cert(&shown[0], &[], &name, &[], UnixTime::now());
        assert!(verified.is_err());
    }
}
