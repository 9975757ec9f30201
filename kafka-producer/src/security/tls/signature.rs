//! Signatures of texts with a private key, by the provider that TLS has (JWS, RFC 7515).

use rustls::SignatureScheme;

use super::pem::{KeyFault, private_key};
use super::provider::provider;
use crate::security::Secret;

/// With what a JWT is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JwtAlgorithm {
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// Signs a text with a key in PEM; an error has nothing of the key in it.
pub(crate) fn sign(
    text: &str,
    key: &Secret,
    passphrase: Option<&Secret>,
    algorithm: JwtAlgorithm,
) -> Result<Vec<u8>, String> {
    let key = private_key(key.expose(), passphrase).map_err(|fault| match fault {
        KeyFault::Key(why) => why,
        KeyFault::Password(why) => format!("the passphrase: {why}"),
    })?;
    let provider = provider(&[]).map_err(|unusable| unusable.reason)?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| format!("the private key cannot be used: {error}"))?;
    let scheme = match algorithm {
        JwtAlgorithm::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
        JwtAlgorithm::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
    };
    let signer = key.choose_scheme(&[scheme]);
    let signer = signer.ok_or_else(|| "the private key is one of another algorithm".to_owned())?;
    let signature = signer
        .sign(text.as_bytes())
        .map_err(|error| error.to_string())?;
    match algorithm {
        JwtAlgorithm::Rs256 => Ok(signature),
        JwtAlgorithm::Es256 => {
            let raw = raw_numbers(&signature);
            raw.ok_or_else(|| "the signature has another form than ECDSA has".to_owned())
        }
    }
}

/// The two numbers of an ECDSA signature in DER, as JWTs have them: 32 bytes each.
fn raw_numbers(der: &[u8]) -> Option<Vec<u8>> {
    let (numbers, _) = element(0x30, der)?;
    let (r, rest) = element(0x02, numbers)?;
    let (s, _) = element(0x02, rest)?;
    let mut raw = vec![0; 64];
    for (number, place) in [(r, 32), (s, 64)] {
        let zeros = number.iter().take_while(|&&byte| byte == 0).count();
        let digits = &number[zeros..];
        let start = place - Some(digits.len()).filter(|&length| length <= 32)?;
        raw[start..place].copy_from_slice(digits);
    }
    Some(raw)
}

/// What is in an element of less than 128 bytes, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = der else {
        return None;
    };
    let is_short = *found == tag && *length < 0x80;
    is_short.then(|| rest.split_at_checked(usize::from(*length)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_signature_have_32_bytes_each() {
        let mut der = vec![0x30, 38, 0x02, 33, 0];
        der.extend([0xff; 32]);
        der.extend([0x02, 1, 7]);
        let raw = raw_numbers(&der).unwrap();
        assert_eq!(
            (&raw[..32], &raw[32..63], raw[63]),
            (&[0xff; 32][..], &[0; 31][..], 7)
        );
        for wrong in [
            &der[..10],
            &[],
            &[0x30, 0x81, 0],
            &[0x31, 0],
            &[0x30, 2, 0x02, 9],
        ] {
            assert_eq!(raw_numbers(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_key_that_cannot_sign_is_told_without_a_word_of_it() {
        let sign = |pem: &str| sign("text", &Secret::new(pem), None, JwtAlgorithm::Es256);
        let none = sign("secret").unwrap_err();
        assert!(none.starts_with("there is no private key inside"), "{none}");
        let pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        let broken = sign(pem).unwrap_err();
        assert!(
            broken.starts_with("the private key cannot be used: "),
            "{broken}"
        );
        let pem = pem.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let locked = sign(&pem).unwrap_err();
        assert!(
            locked.starts_with("the passphrase: is required"),
            "{locked}"
        );
    }
}
