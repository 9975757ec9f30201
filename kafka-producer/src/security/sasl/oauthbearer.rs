//! OAUTHBEARER (RFC 7628, KIP-255): a token, with extensions (KIP-342).
//!
//! ```text
//! token ──empty──▶ authenticated
//!   └──JSON: why not──▶ a byte 01 ──▶ the server ends the exchange with an error
//! ```

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::step::{Broken, Next};
use crate::readable::readable;
use crate::security::Token;
use crate::security::token::Refused;

/// What stands between the parts of a message; alone it says that an error was read.
const SEPARATOR: u8 = 1;

/// An exchange that has begun.
#[derive(Debug)]
pub(crate) struct OAuthBearer {
    state: State,
    /// Of the token that was sent.
    refused: Refused,
    /// When it had expired, if it had.
    expired: Option<Arc<str>>,
}

#[derive(Debug)]
enum State {
    /// The token was sent.
    Sent,
    /// The server has answered why it rejects the token, and is to end the exchange.
    Rejected(Reason),
}

#[derive(Debug)]
struct Reason {
    answer: String,
    /// What the server does not say when it ends the exchange.
    unsaid: Option<String>,
}

/// The first message.
pub(super) fn first_message(token: &Token) -> Result<Bytes, Broken> {
    let value = token.value.expose();
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        let why = "the token is empty, or has characters that no token may have";
        return Err(Broken(why.to_owned()));
    }
    let mut message = BytesMut::with_capacity(value.len() + 32);
    message.put_slice(b"n,,\x01auth=Bearer ");
    message.put_slice(value.as_bytes());
    for (name, value) in &token.extensions {
        check_extension(name, value)?;
        message.put_u8(SEPARATOR);
        message.put_slice(name.as_bytes());
        message.put_u8(b'=');
        message.put_slice(value.as_bytes());
    }
    message.put_slice(&[SEPARATOR, SEPARATOR]);
    Ok(message.freeze())
}

/// `auth` is the token itself.
fn check_extension(name: &str, value: &str) -> Result<(), Broken> {
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let printable = |byte: u8| byte.is_ascii_graphic() || b" \t\r\n".contains(&byte);
    if !named || name == "auth" {
        return Err(Broken(format!(
            "the SASL extension {name:?} is invalid: its name must be letters, and not \"auth\""
        )));
    }
    if value.is_empty() || !value.bytes().all(printable) {
        return Err(Broken(format!(
            "the value of the SASL extension {name:?} is empty, or has characters that it may not have"
        )));
    }
    Ok(())
}

impl OAuthBearer {
    /// One whose first message was sent, with this token.
    pub(super) fn begun(token: &Token) -> Self {
        Self {
            state: State::Sent,
            refused: token.refused(),
            expired: token.expired.clone(),
        }
    }

    pub(super) fn refused(&self) {
        self.refused.set();
    }

    pub(super) fn answer(&mut self, said: &[u8]) -> Result<Next, Broken> {
        match &self.state {
            State::Sent if said.is_empty() => Ok(Next::Done),
            State::Sent => {
                self.refused.set();
                self.state = State::Rejected(self.reason(readable(said)));
                Ok(Next::Say(Bytes::from_static(&[SEPARATOR])))
            }
            State::Rejected(reason) => Err(Broken(reason.answer.clone())),
        }
    }

    fn reason(&self, answer: String) -> Reason {
        let expired = self.expired.as_ref();
        let expired = expired.map(|at| format!("the token had expired at {at}"));
        // A status alone is in the server's last words as well.
        let unsaid = expired.or_else(|| answer.contains(',').then(|| answer.clone()));
        Reason { answer, unsaid }
    }

    pub(super) fn complaint(&self) -> Option<&str> {
        match &self.state {
            State::Sent => None,
            State::Rejected(reason) => reason.unsaid.as_deref(),
        }
    }
}
