//! The certificates of one cluster: an authority, what brokers show, what clients show, and those that
//! nobody should accept.
//!
//! All are PEM files, which Kafka and clients that are not Java's can read. Each cluster has its
//! own, for this machine only, and they are deleted with the cluster's directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Where the files of a cluster in `dir` are.
pub(crate) fn directory(dir: &Path) -> PathBuf {
    dir.join("tls")
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Makes all files of a cluster in `dir`. A key and its chain are in one file, as Kafka wants it.
pub(crate) fn make(dir: &Path) -> Result<()> {
    let dir = directory(dir);
    std::fs::create_dir_all(&dir)?;
    let ours = authority("xtask authority").context("an authority can not be made")?;
    let other = authority("another authority").context("an authority can not be made")?;
    let here: &[&str] = &["localhost", "127.0.0.1"];
    let (always, past, future) = ((1975, 4096), (2020, 2021), (4000, 4096));
    let stores = [
        ("broker", &ours, here, always),
        ("expired", &ours, here, past),
        ("early", &ours, here, future),
        ("elsewhere", &ours, &["elsewhere.example"], always),
        ("client", &ours, here, always),
        ("expired-client", &ours, here, past),
        ("stranger", &other, here, always),
    ];
    for (name, authority, hosts, years) in stores {
        let store = store(authority, name, hosts, years)
            .with_context(|| format!("the certificate {name} can not be made"))?;
        std::fs::write(dir.join(format!("{name}.pem")), store)?;
    }
    std::fs::write(dir.join("ca.pem"), ours.pem())?;
    std::fs::write(dir.join("other-ca.pem"), other.pem())?;
    Ok(())
}

fn authority(name: &str) -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// A key and the chain of its certificate, which is for these hosts, from one year to another.
fn store(
    authority: &Authority,
    name: &str,
    hosts: &[&str],
    (from, to): (i32, i32),
) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(&key, authority)?;
    let chain = certificate.pem() + &authority.pem();
    Ok(key.serialize_pem() + &chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_made_in_pem() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path()).unwrap();
        let count = |name: &str, what: &str| {
            let text = std::fs::read_to_string(directory(dir.path()).join(name)).unwrap();
            text.matches(&format!("BEGIN {what}-----")).count()
        };
        assert_eq!(count("ca.pem", "CERTIFICATE"), 1);
        for store in ["broker.pem", "client.pem", "stranger.pem"] {
            assert_eq!(count(store, "CERTIFICATE"), 2);
            assert_eq!(count(store, "PRIVATE KEY"), 1);
        }
    }
}
