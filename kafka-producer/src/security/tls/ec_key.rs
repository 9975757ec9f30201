//! Private keys on elliptic curves as Java writes them: without their public key, which not every provider of
//! cryptography can do without. The certificate has it.

use pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use pkcs8::der::oid::ObjectIdentifier;
use pkcs8::der::{self, Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};
use pkcs8::{PrivateKeyInfo, PrivateKeyInfoRef};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

/// The key, with the public key of its certificate if it has none. Whether the two belong together is for
/// others to check.
pub(super) fn with_public_key(
    key: PrivateKeyDer<'static>,
    certificate: &CertificateDer<'_>,
) -> PrivateKeyDer<'static> {
    let PrivateKeyDer::Pkcs8(pkcs8) = &key else {
        return key;
    };
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return key;
    };
    let public = &certificate.public_key().subject_public_key.data;
    match completed(pkcs8.secret_pkcs8_der(), public) {
        Ok(Some(whole)) => whole.into(),
        // It is complete, of another kind, or broken, which its user will find out.
        Ok(None) | Err(_) => key,
    }
}

fn completed(
    pkcs8: &[u8],
    public: &[u8],
) -> Result<Option<PrivatePkcs8KeyDer<'static>>, pkcs8::Error> {
    let info = PrivateKeyInfoRef::try_from(pkcs8)?;
    if info.algorithm.oid != EC_PUBLIC_KEY {
        return Ok(None);
    }
    let Some(secret) = secret_alone(info.private_key.as_bytes())? else {
        return Ok(None);
    };
    let fields = [
        1u8.to_der()?,
        OctetStringRef::new(secret)?.to_der()?,
        tagged(PUBLIC_KEY, &BitStringRef::from_bytes(public)?.to_der()?)?.to_vec(),
    ];
    let fields = Zeroizing::new(fields.concat());
    let key = tagged(Tag::Sequence, &fields)?;
    let whole = PrivateKeyInfo {
        algorithm: info.algorithm,
        private_key: OctetStringRef::new(&key)?,
        public_key: None::<BitStringRef<'_>>,
    };
    Ok(Some(PrivatePkcs8KeyDer::from(whole.to_der()?)))
}

/// The secret number of an `ECPrivateKey` (RFC 5915) without a public key.
fn secret_alone(key: &[u8]) -> der::Result<Option<&[u8]>> {
    let mut secret = None;
    let mut is_complete = false;
    SliceReader::new(key)?.sequence(|fields| -> der::Result<()> {
        while !fields.is_finished() {
            let field = AnyRef::decode(fields)?;
            match field.tag() {
                Tag::OctetString => secret = Some(field.value()),
                tag => is_complete |= tag == PUBLIC_KEY,
            }
        }
        Ok(())
    })?;
    Ok(secret.filter(|_| !is_complete))
}

fn tagged(tag: Tag, content: &[u8]) -> der::Result<Zeroizing<Vec<u8>>> {
    AnyRef::new(tag, content)?.to_der().map(Zeroizing::new)
}

/// `id-ecPublicKey` (RFC 5480).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

const PUBLIC_KEY: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(1),
};
