//! PEM: certificates and keys as text, in files and in the configuration itself (KIP-651).
//!
//! In a properties file a text has one line: blanks may stand where the lines would end.

use pkcs8::der;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use zeroize::Zeroizing;

use crate::security::Secret;

/// One `-----BEGIN …-----`.
struct Section<'a> {
    label: &'a str,
    body: &'a str,
}

/// All certificates in their order; what else there is between them is passed over.
pub(super) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for section in sections(text)? {
        if LABELS_OF_CERTIFICATES.contains(&section.label) {
            let der = section.decode()?;
            certificates.push(CertificateDer::from(der.to_vec()));
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate inside (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(certificates)
}

/// The first private key.
pub(super) fn private_key(
    text: &str,
    password: Option<&Secret>,
) -> Result<PrivateKeyDer<'static>, KeyFault> {
    let sections = sections(text).map_err(KeyFault::Key)?;
    let is_key = |section: &&Section<'_>| section.label.ends_with("PRIVATE KEY");
    let Some(section) = sections.iter().find(is_key) else {
        let none = "there is no private key inside (-----BEGIN PRIVATE KEY-----)";
        return Err(KeyFault::Key(none.to_owned()));
    };
    if section.body.contains("ENCRYPTED") {
        return Err(KeyFault::Key(OLD_ENCRYPTION.to_owned()));
    }
    let der = section.decode().map_err(KeyFault::Key)?;
    Ok(match section.label {
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der.to_vec()).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der.to_vec()).into(),
        "ENCRYPTED PRIVATE KEY" => decrypt(&der, password)?.into(),
        _ => PrivatePkcs8KeyDer::from(der.to_vec()).into(),
    })
}

/// What a key cannot be read for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    /// The key itself.
    Key(String),
    /// Its password.
    Password(String),
}

fn decrypt(der: &[u8], password: Option<&Secret>) -> Result<PrivatePkcs8KeyDer<'static>, KeyFault> {
    let Some(password) = password else {
        let missing = "is required: the private key is encrypted";
        return Err(KeyFault::Password(missing.to_owned()));
    };
    // Older ways are not even parsed.
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| KeyFault::Key(OLD_ENCRYPTION.to_owned()))?;
    let key = encrypted.decrypt(password.expose()).map_err(|_| {
        KeyFault::Password("the private key cannot be decrypted with this password".to_owned())
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()))
}

const OLD_ENCRYPTION: &str = "the private key is encrypted in an old way that is not supported; convert it with \
     `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`";

const LABELS_OF_CERTIFICATES: [&str; 3] =
    ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    let mut sections = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after
            .split_once("-----")
            .ok_or("a -----BEGIN has no end: the text is cut off")?;
        let end = format!("-----END {label}-----");
        let (body, after) = after
            .split_once(&end)
            .ok_or_else(|| format!("there is no {end}: the text is cut off"))?;
        sections.push(Section { label, body });
        rest = after;
    }
    Ok(sections)
}

impl Section<'_> {
    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let Self { label, body } = self;
        let body: Vec<char> = body.chars().filter(|c| !c.is_whitespace()).collect();
        let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
        for line in body.chunks(BASE64_PER_LINE) {
            text.extend(line);
            text.push('\n');
        }
        text.push_str(&format!("-----END {label}-----\n"));
        let decoded = der::pem::decode_vec(text.as_bytes());
        let (_, der) = decoded.map_err(|error| format!("a {label} is no PEM: {error}"))?;
        Ok(Zeroizing::new(der))
    }
}

const BASE64_PER_LINE: usize = 64;
