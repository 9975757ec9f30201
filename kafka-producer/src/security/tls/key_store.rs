//! Key stores of Java's tools: PKCS#12, which is what `keytool` writes since Java 9. JKS, which it wrote
//! before, is recognised, and answered with the command that converts it.

use std::path::Path;

use p12_keystore::error::Error;
use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::security::Secret;

/// A key store that was opened.
pub(super) struct KeyStore(Pkcs12Archive);

/// What a key store cannot be read for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StoreFault {
    /// The file.
    File(String),
    /// It is PEM.
    Pem,
    /// Its password.
    Password(String),
}

impl KeyStore {
    /// Reads the bytes of the file `path`.
    pub(super) fn open(
        bytes: &[u8],
        path: &Path,
        password: Option<&Secret>,
    ) -> Result<Self, StoreFault> {
        let file = |reason: String| Err(StoreFault::File(reason));
        if JAVA_MAGIC.iter().any(|magic| bytes.starts_with(magic)) {
            return file(jks(path));
        }
        if bytes.starts_with(b"-----") {
            return Err(StoreFault::Pem);
        }
        let words = password.map_or("", Secret::expose);
        match Pkcs12Archive::from_pkcs12(bytes, words) {
            Ok(archive) => Ok(Self(archive)),
            Err(Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_)) => {
                Err(StoreFault::Password(match password {
                    Some(_) => "is not the password of the key store".to_owned(),
                    None => "is required: the key store has a password".to_owned(),
                }))
            }
            Err(Error::InvalidParameters) => file(TAKES_TOO_LONG.to_owned()),
            Err(error) => file(format!("is no key store in the form of PKCS#12: {error}")),
        }
    }

    /// The certificates that are trusted, as Java has it: entries of their own, and the certificate of each
    /// key. A store of other tools, which mark no certificate as trusted, is trusted as a whole.
    pub(super) fn trusted(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let Self(archive) = self;
        let of_key = |bag: &CertificateBag| archive.keys.iter().any(|key| belongs(key, bag));
        let counts = |bag: &&CertificateBag| bag.trusted || of_key(bag);
        let mut bags: Vec<_> = archive.certs.iter().filter(counts).collect();
        if bags.is_empty() {
            bags = archive.certs.iter().collect();
        }
        if bags.is_empty() {
            return Err("there is no certificate inside".to_owned());
        }
        Ok(bags.into_iter().map(der_of).collect())
    }

    /// The first private key, and its chain.
    pub(super) fn identity(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let Self(archive) = self;
        let Some(key) = archive.keys.first() else {
            return Err("there is no private key inside".to_owned());
        };
        let Some(leaf) = archive.certs.iter().find(|bag| belongs(key, bag)) else {
            return Err("there is no certificate for the private key inside".to_owned());
        };
        let chain = chain(leaf, &archive.certs);
        let chain = chain.into_iter().map(der_of).collect();
        let der = key.key.as_der().to_vec();
        Ok((chain, PrivatePkcs8KeyDer::from(der).into()))
    }
}

fn belongs(key: &PrivateKeyBag, bag: &CertificateBag) -> bool {
    match (&key.local_key_id, &bag.local_key_id) {
        (Some(key), Some(bag)) => key.as_ref() == bag.as_slice(),
        _ => false,
    }
}

/// From a certificate to the one that signed itself, as far as they are there.
fn chain<'a>(leaf: &'a CertificateBag, all: &'a [CertificateBag]) -> Vec<&'a CertificateBag> {
    let mut chain = vec![leaf];
    while let Some(last) = chain.last() {
        let issuer = all.iter().find(|bag| {
            bag.cert.subject() == last.cert.issuer()
                && !chain.iter().any(|seen| seen.cert == bag.cert)
        });
        match issuer {
            Some(issuer) => chain.push(issuer),
            None => break,
        }
    }
    chain
}

fn der_of(bag: &CertificateBag) -> CertificateDer<'static> {
    CertificateDer::from(bag.cert.as_der().to_vec())
}

/// The limits of the library, which it checks before any work.
const TAKES_TOO_LONG: &str = "is protected by more than 1000000 iterations, or more than 1 GiB for scrypt, which would hold the \
     program up for long; write it anew with `keytool -importkeystore`, or as PEM";

/// How files of Java's own forms begin: JKS and JCEKS.
const JAVA_MAGIC: [[u8; 4]; 2] = [[0xFE, 0xED, 0xFE, 0xED], [0xCE, 0xCE, 0xCE, 0xCE]];

fn jks(path: &Path) -> String {
    let from = path.display();
    let to = path.with_extension("p12");
    let to = to.display();
    format!(
        "is a key store in Java's own form (JKS), which only Java reads; convert it with `keytool -importkeystore \
         -srckeystore {from} -destkeystore {to} -deststoretype PKCS12` and name {to} here"
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        std::fs::read(tests.join(name)).unwrap()
    }

    fn open(bytes: &[u8]) -> Result<KeyStore, StoreFault> {
        KeyStore::open(
            bytes,
            Path::new("store.p12"),
            Some(&Secret::new("tea-2026")),
        )
    }

    #[test]
    fn a_store_that_would_take_hours_is_refused_before_any_work() {
        let mut bytes = fixture("keystore-java8.p12");
        assert!(open(&bytes).is_ok());
        // The last number of the file is that of the iterations: 100,000, in three bytes.
        let iterations = bytes.last_chunk_mut::<3>().unwrap();
        assert_eq!(*iterations, [0x01, 0x86, 0xA0]);
        *iterations = [0x7F, 0xFF, 0xFF];
        let refused = StoreFault::File(TAKES_TOO_LONG.to_owned());
        assert_eq!(open(&bytes).err(), Some(refused));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = open(&bytes);
        }
    }

    proptest! {
        // A store that is read nearly to its end takes 10,000 iterations.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn whatever_is_changed_in_a_store_ends_in_words(at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut bytes = fixture("truststore.p12");
            let at = at.index(bytes.len());
            bytes[at] = with;
            if let Ok(store) = open(&bytes) {
                let _ = (store.trusted(), store.identity());
            }
        }
    }
}
