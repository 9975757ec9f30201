//! PEM: certificates and keys as text, in files and in the configuration itself (KIP-651).
//!
//! In a properties file a text has one line: blanks may stand where the lines would end.

use pkcs8::der;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
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
    if takes_too_long(&encrypted.encryption_algorithm) {
        return Err(KeyFault::Key(TAKES_TOO_LONG.to_owned()));
    }
    let key = encrypted.decrypt(password.expose()).map_err(|_| {
        KeyFault::Password("the private key cannot be decrypted with this password".to_owned())
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()))
}

/// Whether deriving a key from the password would take minutes or more. (The older scheme has 65,535 iterations
/// at most.)
fn takes_too_long(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return false;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count > ITERATIONS_MAX,
        Kdf::Scrypt(scrypt) => {
            let block_bytes = 128 * u64::from(scrypt.block_size);
            scrypt.cost_parameter.saturating_mul(block_bytes) > SCRYPT_BYTES_MAX
                || scrypt.parallelization > SCRYPT_LANES_MAX
        }
        _ => false,
    }
}

/// Some seconds; tools write 2,048 to 600,000.
const ITERATIONS_MAX: u32 = 10_000_000;
const SCRYPT_BYTES_MAX: u64 = 1 << 30;
const SCRYPT_LANES_MAX: u16 = 16;

const TAKES_TOO_LONG: &str = "the private key is encrypted with more than 10000000 iterations of PBKDF2, or takes more than 1 GiB for \
     scrypt, which would hold the program up for long; convert it with \
     `openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in OLD -out NEW`";

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
        let (_, der) = decoded.map_err(|_| {
            format!("the {label} inside is not base64: the text was cut off or changed")
        })?;
        Ok(Zeroizing::new(der))
    }
}

const BASE64_PER_LINE: usize = 64;

#[cfg(test)]
mod tests {
    use pkcs8::EncryptedPrivateKeyInfoRef;
    use pkcs8::der::Encode;
    use proptest::prelude::*;

    use super::*;

    const ENCRYPTED: &str = include_str!("../../../tests/fixtures/tls/client-encrypted.pem");

    /// The key of the fixture, which says that it is encrypted in this way.
    fn encrypted_by(change: impl FnOnce(&mut Kdf)) -> Vec<u8> {
        let sections = sections(ENCRYPTED).unwrap();
        let key = sections
            .iter()
            .find(|section| section.label.starts_with("ENCRYPTED"));
        let der = key.unwrap().decode().unwrap();
        let mut key = EncryptedPrivateKeyInfoRef::try_from(der.as_slice()).unwrap();
        let EncryptionScheme::Pbes2(parameters) = &mut key.encryption_algorithm else {
            panic!("{:?}", key.encryption_algorithm);
        };
        change(&mut parameters.kdf);
        key.to_der().unwrap()
    }

    fn decrypted(der: &[u8]) -> Result<(), KeyFault> {
        decrypt(der, Some(&Secret::new("tea-2026"))).map(drop)
    }

    #[test]
    fn a_key_that_would_take_hours_is_refused_before_any_work() {
        let iterations = |count| {
            encrypted_by(|kdf| match kdf {
                Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count = count,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(decrypted(&iterations(2048)), Ok(()));
        for count in [ITERATIONS_MAX + 1, u32::MAX] {
            let refused = KeyFault::Key(TAKES_TOO_LONG.to_owned());
            assert_eq!(decrypted(&iterations(count)), Err(refused));
        }
    }

    #[test]
    fn a_name_that_ends_in_nothing_is_told() {
        for (text, expected) in [
            (
                "-----BEGIN CERTIFICATE",
                "a -----BEGIN has no end: the text is cut off",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA",
                "there is no -----END CERTIFICATE-----: the text is cut off",
            ),
        ] {
            assert_eq!(certificates(text).unwrap_err(), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(-----(BEGIN|END) ?|CERTIFICATE|ENCRYPTED |PRIVATE KEY|-----|[A-Za-z0-9+/=]{0,8}|\\PC|\\s){0,24}") {
            let _ = certificates(&text);
            let _ = private_key(&text, Some(&Secret::new("tea")));
        }

        #[test]
        fn whatever_is_changed_in_an_encrypted_key_ends_in_words(at in 0_usize..90, with in any::<u8>()) {
            // All that is before the encrypted bytes: the length, the scheme and its parameters.
            let mut der = encrypted_by(|_| ());
            der[at] = with;
            let _ = decrypted(&der);
        }
    }
}
