//! The certificates of one cluster: an authority, the brokers' certificate, a client's.
//!
//! All are PEM files, which Kafka and clients that are not Java's can read. Each cluster has its
//! own, for this machine only, and they are deleted with the cluster's directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// Where the files of a cluster in `dir` are.
#[derive(Debug, Clone)]
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    pub(crate) fn of(dir: &Path) -> Self {
        Self(dir.join("tls"))
    }

    /// What everybody trusts.
    pub(crate) fn authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The brokers' key and chain in one file, as Kafka wants it.
    pub(crate) fn broker_store(&self) -> PathBuf {
        self.0.join("broker.pem")
    }

    pub(crate) fn client_chain(&self) -> PathBuf {
        self.0.join("client.pem")
    }

    pub(crate) fn client_key(&self) -> PathBuf {
        self.0.join("client.key")
    }

    /// Makes all of them.
    pub(crate) fn make(&self) -> Result<()> {
        std::fs::create_dir_all(&self.0)?;
        let authority = authority().context("the authority's certificate can not be made")?;
        std::fs::write(self.authority(), authority.pem())?;
        let (chain, key) = signed(&authority, "broker", ExtendedKeyUsagePurpose::ServerAuth)?;
        std::fs::write(self.broker_store(), format!("{key}{chain}"))?;
        let (chain, key) = signed(&authority, "client", ExtendedKeyUsagePurpose::ClientAuth)?;
        std::fs::write(self.client_chain(), chain)?;
        std::fs::write(self.client_key(), key)?;
        Ok(())
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "xtask authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// The chain and the key, in PEM, of a certificate for this machine.
fn signed(
    authority: &CertifiedIssuer<'_, KeyPair>,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    let certificate = params
        .signed_by(&key, authority)
        .with_context(|| format!("the certificate of the {name} can not be made"))?;
    Ok((
        format!("{}{}", certificate.pem(), authority.pem()),
        key.serialize_pem(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_made_in_pem() {
        let dir = tempfile::tempdir().unwrap();
        let certificates = Certificates::of(dir.path());
        certificates.make().unwrap();
        let count = |path: PathBuf, what: &str| {
            std::fs::read_to_string(path)
                .unwrap()
                .matches(&format!("BEGIN {what}-----"))
                .count()
        };
        assert_eq!(count(certificates.authority(), "CERTIFICATE"), 1);
        assert_eq!(count(certificates.broker_store(), "CERTIFICATE"), 2);
        assert_eq!(count(certificates.broker_store(), "PRIVATE KEY"), 1);
        assert_eq!(count(certificates.client_chain(), "CERTIFICATE"), 2);
        assert_eq!(count(certificates.client_key(), "PRIVATE KEY"), 1);
    }
}
