//! The keys of SCRAM (RFC 5802, section 3), for either hash.
//!
//! ```text
//! password ──salt, iterations──▶ salted password ──▶ client key ──▶ proof
//!                                                └─▶ server key ──▶ the server's signature
//! ```

use std::fmt;
use std::ops::Deref;

use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::ScramHash;

/// A key, or what proves that one has it: zeroed when it is dropped, and never printed.
pub(super) struct Key(Zeroizing<Vec<u8>>);

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Where the salted password comes from: as many iterations, of the hash twice each.
pub(super) fn salted_password(
    hash: ScramHash,
    password: &str,
    salt: &[u8],
    iterations: u32,
) -> Key {
    let password = password.as_bytes();
    let mut salted = Zeroizing::new(vec![0; length(hash)]);
    let done = match hash {
        ScramHash::Sha256 => pbkdf2::<Hmac<Sha256>>(password, salt, iterations, &mut salted),
        ScramHash::Sha512 => pbkdf2::<Hmac<Sha512>>(password, salt, iterations, &mut salted),
    };
    done.expect("a key of these hashes may have any length");
    Key(salted)
}

/// What is said to show that one has the password.
pub(super) fn proof(hash: ScramHash, salted: &[u8], auth_message: &[u8]) -> Key {
    let client_key = mac(hash, salted, b"Client Key");
    let stored_key = match hash {
        ScramHash::Sha256 => Sha256::digest(&*client_key).to_vec(),
        ScramHash::Sha512 => Sha512::digest(&*client_key).to_vec(),
    };
    let mut proof = mac(hash, &stored_key, auth_message);
    for (byte, key) in proof.0.iter_mut().zip(client_key.iter()) {
        *byte ^= key;
    }
    proof
}

pub(super) fn server_key(hash: ScramHash, salted: &[u8]) -> Key {
    mac(hash, salted, b"Server Key")
}

/// Whether the server has the password, too; in a time that does not depend on what it says.
pub(super) fn is_signed_by(
    hash: ScramHash,
    server_key: &[u8],
    auth_message: &[u8],
    signature: &[u8],
) -> bool {
    match hash {
        ScramHash::Sha256 => is_mac::<Hmac<Sha256>>(server_key, auth_message, signature),
        ScramHash::Sha512 => is_mac::<Hmac<Sha512>>(server_key, auth_message, signature),
    }
}

fn length(hash: ScramHash) -> usize {
    match hash {
        ScramHash::Sha256 => 32,
        ScramHash::Sha512 => 64,
    }
}

fn mac(hash: ScramHash, key: &[u8], text: &[u8]) -> Key {
    Key(Zeroizing::new(match hash {
        ScramHash::Sha256 => begun::<Hmac<Sha256>>(key, text)
            .finalize()
            .into_bytes()
            .to_vec(),
        ScramHash::Sha512 => begun::<Hmac<Sha512>>(key, text)
            .finalize()
            .into_bytes()
            .to_vec(),
    }))
}

fn is_mac<M: Mac + KeyInit>(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    begun::<M>(key, text).verify_slice(signature).is_ok()
}

fn begun<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> M {
    let mac = <M as KeyInit>::new_from_slice(key);
    let mut mac = mac.expect("a key of these hashes may have any length");
    mac.update(text);
    mac
}
