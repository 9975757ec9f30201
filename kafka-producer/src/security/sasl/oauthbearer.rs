//! OAUTHBEARER (RFC 7628, KIP-255): a token, with extensions (KIP-342).
//!
//! ```text
//! token ──empty──▶ let in
//!   └──JSON: why not──▶ a byte 01 ──▶ the server ends the exchange with an error
//! ```

use bytes::{BufMut, Bytes, BytesMut};

use super::step::{Broken, Next, readable};
use crate::security::Token;

/// What stands between the parts of a message; alone it says that an error was read.
const SEPARATOR: u8 = 1;

/// An exchange that has begun.
#[derive(Debug)]
pub(crate) enum OAuthBearer {
    /// The token was sent.
    Asked,
    /// The server has said why it does not take it.
    Refused(String),
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
    pub(super) fn answer(&mut self, said: &[u8]) -> Result<Next, Broken> {
        match self {
            Self::Asked if said.is_empty() => Ok(Next::Done),
            Self::Asked => {
                *self = Self::Refused(readable(said));
                Ok(Next::Say(Bytes::from_static(&[SEPARATOR])))
            }
            Self::Refused(why) => Err(Broken(why.clone())),
        }
    }

    pub(super) fn complaint(&self) -> Option<&str> {
        match self {
            Self::Asked => None,
            Self::Refused(why) => Some(why),
        }
    }
}
