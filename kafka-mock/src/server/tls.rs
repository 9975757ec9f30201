//! TLS of an embedded cluster: an authority of its own, and certificates that it makes on the spot.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::MockError;

/// TLS of an embedded cluster: brokers with certificates that were made on the spot, for `127.0.0.1` and
/// `localhost`, valid now, by an authority that only this value knows.
///
/// ```
/// use kafka_mock::{MockCluster, MockTls};
///
/// let tls = MockTls::new()?;
/// let kafka = MockCluster::builder().tls(tls.clone()).start_blocking()?;
/// // security.protocol=SSL, ssl.truststore.type=PEM and, as ssl.truststore.certificates:
/// assert!(tls.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Clone)]
pub struct MockTls {
    authority: Arc<Authority>,
    names: Vec<String>,
    validity: Validity,
    clients: ClientCertificates,
    versions: Vec<&'static SupportedProtocolVersion>,
}

/// Who makes the certificates.
struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Whether brokers ask clients for a certificate of the same authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// `ssl.client.auth=none`.
    #[default]
    NotAsked,
    /// `ssl.client.auth=requested`: a client without one is accepted.
    Requested,
    /// `ssl.client.auth=required`.
    Required,
}

/// When the brokers' certificates are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    Now,
    Past,
    Future,
}

impl MockTls {
    /// A new authority.
    ///
    /// ```
    /// let (one, other) = (kafka_mock::MockTls::new()?, kafka_mock::MockTls::new()?);
    /// assert_ne!(one.ca_pem(), other.ca_pem());
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new() -> Result<Self, MockError> {
        let mut params = named("kafka-mock's authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = params.self_signed(&key).map_err(cannot)?;
        Ok(Self::of(Authority {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }))
    }

    /// An authority that there is already: its private key and its certificate, in one text.
    ///
    /// ```no_run
    /// let authority = std::fs::read_to_string("authority.pem")?;
    /// let tls = kafka_mock::MockTls::with_authority(&authority)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the text has no key, no certificate, or one that cannot be read.
    pub fn with_authority(pem: &str) -> Result<Self, MockError> {
        let key = KeyPair::from_pem(pem).map_err(cannot)?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(cannot)?;
        let begin = pem.find("-----BEGIN CERTIFICATE-----").unwrap_or_default();
        Ok(Self::of(Authority {
            pem: pem[begin..].to_owned(),
            issuer: Issuer::from_ca_cert_der(&certificate, key).map_err(cannot)?,
            certificate,
        }))
    }

    fn of(authority: Authority) -> Self {
        Self {
            authority: Arc::new(authority),
            names: ["127.0.0.1", "localhost"].map(str::to_owned).to_vec(),
            validity: Validity::Now,
            clients: ClientCertificates::NotAsked,
            versions: vec![&TLS12, &TLS13],
        }
    }

    /// The certificate of the authority, which clients have to trust.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?;
    /// assert!(tls.ca_pem().contains("-----END CERTIFICATE-----"));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.authority.pem.clone()
    }

    /// A key and its certificate for a client of this name, in one text.
    ///
    /// ```
    /// let pem = kafka_mock::MockTls::new()?.client_pem("till-7")?;
    /// assert!(pem.contains("-----BEGIN PRIVATE KEY-----"));
    /// assert!(pem.contains("-----BEGIN CERTIFICATE-----"));
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn client_pem(&self, name: &str) -> Result<String, MockError> {
        let mut params = named(name)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = self.sign(&params, &key)?;
        Ok(key.serialize_pem() + &certificate.pem())
    }

    /// Whether brokers ask clients for a certificate; they do not by default.
    ///
    /// ```
    /// use kafka_mock::{ClientCertificates, MockTls};
    ///
    /// let tls = MockTls::new()?.client_certificates(ClientCertificates::Required);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn client_certificates(mut self, clients: ClientCertificates) -> Self {
        self.clients = clients;
        self
    }

    /// The brokers' certificates are for these hosts, instead of those they have.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?.for_hosts(["kafka.example"]);
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn for_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// The brokers' certificates have expired at the beginning of 2020.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?.expired();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.validity = Validity::Past;
        self
    }

    /// The brokers' certificates are not valid before 2090.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?.not_yet_valid();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn not_yet_valid(mut self) -> Self {
        self.validity = Validity::Future;
        self
    }

    /// Brokers speak TLS 1.2 and nothing newer.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?.only_1_2();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn only_1_2(mut self) -> Self {
        self.versions = vec![&TLS12];
        self
    }

    /// Brokers speak TLS 1.3 and nothing older.
    ///
    /// ```
    /// let tls = kafka_mock::MockTls::new()?.only_1_3();
    /// # Ok::<(), kafka_mock::MockError>(())
    /// ```
    #[must_use]
    pub fn only_1_3(mut self) -> Self {
        self.versions = vec![&TLS13];
        self
    }

    /// What brokers speak TLS with.
    pub(super) fn server(&self) -> Result<Arc<ServerConfig>, MockError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&self.versions);
        let builder = builder.map_err(cannot)?;
        let builder = match self.clients {
            ClientCertificates::NotAsked => builder.with_no_client_auth(),
            asked => {
                let mut roots = RootCertStore::empty();
                let authority = self.authority.certificate.clone();
                roots.add(authority).map_err(cannot)?;
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match asked {
                    ClientCertificates::Required => verifier,
                    _ => verifier.allow_unauthenticated(),
                };
                builder.with_client_cert_verifier(verifier.build().map_err(cannot)?)
            }
        };
        let (chain, key) = self.certificate()?;
        let server = builder
            .with_single_cert(chain, key.into())
            .map_err(cannot)?;
        Ok(Arc::new(server))
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Result<Certificate, MockError> {
        let signed = params.signed_by(key, &self.authority.issuer);
        signed.map_err(cannot)
    }

    fn certificate(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>), MockError> {
        let mut params = CertificateParams::new(self.names.clone()).map_err(cannot)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (from, until) = match self.validity {
            Validity::Now => (1975, 4096),
            Validity::Past => (1975, 2020),
            Validity::Future => (2090, 4096),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = self.sign(&params, &key)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((vec![certificate.der().clone()], key))
    }
}

/// What has only this name.
fn named(name: &str) -> Result<CertificateParams, MockError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(cannot)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn cannot(error: impl fmt::Display) -> MockError {
    MockError::Tls(error.to_string())
}

/// Without its keys.
impl fmt::Debug for MockTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockTls")
            .field("names", &self.names)
            .field("validity", &self.validity)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
