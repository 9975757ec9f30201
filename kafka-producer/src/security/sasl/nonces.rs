//! Numbers used once, which nobody outside can guess: from a secret that comes from outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Makes nonces of a secret, each of which is another.
pub(crate) struct Nonces {
    secret: Zeroizing<[u8; 32]>,
    made: u64,
}

impl Nonces {
    /// The secret is random, and not used for anything else.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self {
            secret: Zeroizing::new(secret),
            made: 0,
        }
    }

    /// 144 bits as 24 characters, none of which is a comma.
    pub(crate) fn next(&mut self) -> String {
        self.made += 1;
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.secret)
            .expect("a key of this hash may have any length");
        mac.update(&self.made.to_be_bytes());
        STANDARD.encode(&mac.finalize().into_bytes()[..18])
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nonces").finish_non_exhaustive()
    }
}
