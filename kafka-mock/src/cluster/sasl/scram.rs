//! SCRAM (RFC 5802) as a server: what is kept of a password, and the two messages that prove it.
//!
//! Like Kafka it takes passwords as they are (no SASLprep) and binds no channel. What is kept follows
//! from the password and a salt; salts and nonces are drawn by the cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::step::{OTHER_AUTHORIZATION_ID, Step};

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn of(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    fn mac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        const ANY: &str = "HMAC takes a key of any length";
        match self {
            Self::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY);
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Self::Sha512 => {
                let mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY);
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
        }
    }

    fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => {
                let mut salted = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted);
                salted
            }
            Self::Sha512 => {
                let mut salted = vec![0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut salted);
                salted
            }
        }
    }
}

/// What a server keeps of a password.
#[derive(Clone)]
pub(super) struct Credential {
    hash: Hash,
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Credential {
    pub(super) fn new(hash: Hash, password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let salted = hash.salted(password.as_bytes(), &salt, iterations);
        let client_key = hash.mac(&salted, b"Client Key");
        Self {
            hash,
            salt,
            iterations,
            stored_key: hash.of(&client_key),
            server_key: hash.mac(&salted, b"Server Key"),
        }
    }

    /// Whether the client knows the key that the stored one is the hash of.
    fn is_proved(&self, proof: &[u8], by: &str) -> bool {
        let signature = self.hash.mac(&self.stored_key, by.as_bytes());
        if proof.len() != signature.len() {
            return false;
        }
        let client_key = proof.iter().zip(&signature).map(|(a, b)| a ^ b);
        self.hash.of(&client_key.collect::<Vec<_>>()) == self.stored_key
    }
}

/// The first message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) user: String,
    authorization_id: String,
    nonce: String,
    /// Up to the message proper: what the client says of channels.
    header: String,
    bare: String,
}

impl First {
    /// Reads `n,[a=id],n=user,r=nonce`; what follows are extensions, which nobody here knows.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let message = str::from_utf8(message).ok()?;
        let (authorization_id, bare) = message.strip_prefix("n,")?.split_once(',')?;
        let header = &message[..message.len() - bare.len()];
        let mut fields = bare.split(',');
        let user = name(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let authorization_id = match authorization_id {
            "" => String::new(),
            id => name(id.strip_prefix("a=")?)?,
        };
        let is_printable = |byte: u8| (0x21..=0x7e).contains(&byte);
        let valid = !user.is_empty() && !nonce.is_empty() && nonce.bytes().all(is_printable);
        valid.then(|| Self {
            user,
            authorization_id,
            nonce: nonce.to_owned(),
            header: header.to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// The salt and the nonce, and what to expect of the next message.
    pub(super) fn answered(
        self,
        credential: Credential,
        server_nonce: &str,
    ) -> (Step, Option<Proving>) {
        if !self.authorization_id.is_empty() && self.authorization_id != self.user {
            return (Step::refused(OTHER_AUTHORIZATION_ID), None);
        }
        let nonce = self.nonce.clone() + server_nonce;
        let salt = STANDARD.encode(&credential.salt);
        let message = format!("r={nonce},s={salt},i={}", credential.iterations);
        let proving = Proving {
            signed: format!("{},{message}", self.bare),
            nonce,
            first: self,
            credential,
        };
        (Step::Continue(message.into_bytes()), Some(proving))
    }
}

/// `=2C` and `=3D` stand for a comma and an equals sign.
fn name(encoded: &str) -> Option<String> {
    let decoded = encoded.replace("=2C", ",").replace("=3D", "=");
    let escapes = encoded.matches('=').count();
    let known = encoded.matches("=2C").count() + encoded.matches("=3D").count();
    (escapes == known).then_some(decoded)
}

/// The proof of a client is awaited.
#[derive(Clone)]
pub(super) struct Proving {
    first: First,
    nonce: String,
    /// The messages so far, as both sides sign them.
    signed: String,
    credential: Credential,
}

impl Proving {
    /// The answer to `c=channel,r=nonce,…,p=proof`.
    pub(super) fn step(&self, message: &[u8]) -> Step {
        self.proved(message).unwrap_or(Step::INVALID)
    }

    fn proved(&self, message: &[u8]) -> Option<Step> {
        let message = str::from_utf8(message).ok()?;
        let (unproved, proof) = message.rsplit_once(",p=")?;
        let mut fields = unproved.split(',');
        let channel = fields.next()?.strip_prefix("c=")?;
        let nonce = fields.next()?.strip_prefix("r=")?;
        let proof = STANDARD.decode(proof).ok()?;
        let signed = format!("{},{unproved}", self.signed);
        let proved = channel == STANDARD.encode(&self.first.header)
            && nonce == self.nonce
            && self.credential.is_proved(&proof, &signed);
        proved.then(|| {
            let Credential {
                hash, server_key, ..
            } = &self.credential;
            let signature = STANDARD.encode(hash.mac(server_key, signed.as_bytes()));
            Step::Done {
                answer: format!("v={signature}").into_bytes(),
                principal: self.first.user.clone(),
                expires_ms: None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn the_example_of_the_standard_is_accepted() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let credential = Credential::new(Hash::Sha256, "pencil", salt, 4096);
        let first = First::read(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(first.user, "user");
        let (step, proving) = first.answered(credential, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
        let expected = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(step, Step::Continue(expected.into()));
        let proving = proving.unwrap();
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let Step::Done {
            answer, principal, ..
        } = proving.step(last.as_bytes())
        else {
            panic!("it must be accepted");
        };
        assert_eq!(principal, "user");
        assert_eq!(answer, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        for (from, to) in [
            ("p=d", "p=e"),
            ("biws", "eSws"),
            ("r=rO", "r=rP"),
            ("VQ=", "VQ"),
        ] {
            let wrong = last.replace(from, to);
            assert_eq!(proving.step(wrong.as_bytes()), Step::INVALID, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        for wrong in [
            "",
            "n,",
            "y,,n=a,r=b",
            "p=x,,n=a,r=b",
            "n,,n=,r=b",
            "n,,n=a,r=",
            "n,,n=a=,r=b",
            "n,,r=b,n=a",
            "n,x,n=a,r=b",
            "n,,n=a,r=b\u{7f}",
        ] {
            assert_eq!(First::read(wrong.as_bytes()), None, "{wrong}");
        }
        let escaped = First::read(b"n,a=a=2Cb=3D,n=a=2Cb=3D,r=x,tokenauth=true").unwrap();
        assert_eq!(escaped.user, "a,b=");
    }

    #[test]
    fn nobody_asks_in_the_name_of_another() {
        let first = First::read(b"n,a=bob,n=alice,r=x").unwrap();
        let credential = Credential::new(Hash::Sha512, "tea", vec![1; 16], 1);
        let (step, _) = first.answered(credential, "y");
        assert_eq!(step, Step::refused(OTHER_AUTHORIZATION_ID));
    }
}
