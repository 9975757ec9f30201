//! SCRAM (RFC 5802) as Java's client does it: the password is taken as it is written (no SASLprep).
//!
//! ```text
//! n,,n=user,r=nonce ──r=nonce…,s=salt,i=iterations──▶ c=biws,r=nonce…,p=proof ──v=signature──▶ authenticated
//! ```
//!
//! The server's signature proves that it has the password, too; without it the exchange has failed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::scram_keys::{self, Key};
use super::step::{Broken, Next};
use super::{Credentials, ScramHash};
use crate::readable::readable;
use crate::security::Secret;

/// With fewer iterations a password is too easily guessed from what was said; Kafka's own least.
const ITERATIONS_MIN: u32 = 4096;

/// With more a server could keep us busy: about half a second. Kafka's own most is 16,384.
const ITERATIONS_MAX: u32 = 600_000;

/// What the client-final message begins with: "n,," again, which is all of the channel that is bound.
const CHANNEL: &str = "c=biws";

/// An exchange that has begun.
#[derive(Debug)]
pub(crate) struct Scram {
    hash: ScramHash,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first message was sent; this is it without its header.
    First {
        bare: String,
        nonce: String,
        password: Secret,
    },
    /// The proof was sent.
    Proved {
        server_key: Key,
        auth_message: String,
    },
    /// Nothing more is expected.
    Ended,
}

/// What the login is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    /// A delegation token (KIP-48).
    Token,
}

impl Kind {
    pub(super) fn of(token: bool) -> Self {
        match token {
            true => Self::Token,
            false => Self::User,
        }
    }
}

impl Scram {
    /// Begins; the first message.
    pub(super) fn begin(
        hash: ScramHash,
        login: &Credentials,
        kind: Kind,
        nonce: &str,
    ) -> (Self, Bytes) {
        let name = login.username.replace('=', "=3D").replace(',', "=2C");
        let extensions = match kind {
            Kind::User => "",
            Kind::Token => ",tokenauth=true",
        };
        let bare = format!("n={name},r={nonce}{extensions}");
        let message = format!("n,,{bare}").into();
        let state = State::First {
            bare,
            nonce: nonce.to_owned(),
            password: login.password.clone(),
        };
        (Self { hash, state }, message)
    }

    pub(super) fn answer(
        &mut self,
        said: &[u8],
        salted: &mut SaltedPasswords,
    ) -> Result<Next, Broken> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::First {
                bare,
                nonce,
                password,
            } => {
                let asked = Challenge::read(said, &nonce)?;
                let salted = salted.of(self.hash, &password, &asked);
                let message = format!("{CHANNEL},r={}", asked.nonce);
                let auth_message = format!("{bare},{},{message}", asked.text);
                let proof = scram_keys::proof(self.hash, salted, auth_message.as_bytes());
                let server_key = scram_keys::server_key(self.hash, salted);
                self.state = State::Proved {
                    server_key,
                    auth_message,
                };
                let proof = STANDARD.encode(&*proof);
                Ok(Next::Say(format!("{message},p={proof}").into()))
            }
            State::Proved {
                server_key,
                auth_message,
            } => {
                let signature = read_final(said)?;
                let text = auth_message.as_bytes();
                match scram_keys::is_signed_by(self.hash, &server_key, text, &signature) {
                    true => Ok(Next::Done),
                    false => Err(Broken(
                        "the server does not know the password (its signature is wrong): \
                         perhaps it is not the cluster that it should be"
                            .to_owned(),
                    )),
                }
            }
            State::Ended => Err(unreadable("message after the last", said)),
        }
    }
}

/// What the server asks for.
#[derive(Debug)]
struct Challenge<'a> {
    /// All of it.
    text: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> Challenge<'a> {
    fn read(said: &'a [u8], our_nonce: &str) -> Result<Self, Broken> {
        let broken = || unreadable("first message", said);
        let text = std::str::from_utf8(said).map_err(|_| broken())?;
        let mut parts = text.split(',');
        let mut part = |name: &str| parts.next()?.strip_prefix(name);
        let nonce = part("r=").ok_or_else(broken)?;
        let salt = part("s=").ok_or_else(broken)?;
        let iterations = part("i=").ok_or_else(broken)?;
        let salt = STANDARD.decode(salt).map_err(|_| broken())?;
        let iterations = iterations.parse().map_err(|_| broken())?;
        if !nonce.starts_with(our_nonce) || nonce.len() == our_nonce.len() {
            let why = "the server's nonce does not begin with ours, or adds nothing to it";
            return Err(Broken(why.to_owned()));
        }
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
            return Err(Broken(format!(
                "the server asks for {iterations} iterations: allowed are {ITERATIONS_MIN} to \
                 {ITERATIONS_MAX}"
            )));
        }
        Ok(Self {
            text,
            nonce,
            salt,
            iterations,
        })
    }
}

/// The server's signature.
fn read_final(said: &[u8]) -> Result<Vec<u8>, Broken> {
    let broken = || unreadable("final message", said);
    let text = std::str::from_utf8(said).map_err(|_| broken())?;
    let first = text.split(',').next().unwrap_or_default();
    if let Some(error) = first.strip_prefix("e=") {
        return Err(Broken(format!("the server says {:?}", readable(error))));
    }
    let signature = first.strip_prefix("v=").ok_or_else(broken)?;
    STANDARD.decode(signature).map_err(|_| broken())
}

fn unreadable(what: &str, said: &[u8]) -> Broken {
    Broken(format!(
        "the server's {what} is not that of SCRAM: {:?}",
        readable(said)
    ))
}

/// The salted password that was made last: servers ask for the same again on each connection.
#[derive(Debug, Default)]
pub(crate) struct SaltedPasswords {
    last: Option<Salted>,
}

#[derive(Debug)]
struct Salted {
    salt: Vec<u8>,
    iterations: u32,
    password: Key,
}

impl SaltedPasswords {
    /// The password with this salt. A producer has one password and one hash.
    fn of(&mut self, hash: ScramHash, password: &Secret, asked: &Challenge<'_>) -> &[u8] {
        let known = self
            .last
            .take()
            .filter(|last| last.salt == asked.salt && last.iterations == asked.iterations);
        let salted = known.unwrap_or_else(|| Salted {
            salt: asked.salt.clone(),
            iterations: asked.iterations,
            password: scram_keys::salted_password(
                hash,
                password.expose(),
                &asked.salt,
                asked.iterations,
            ),
        });
        &self.last.insert(salted).password
    }
}
