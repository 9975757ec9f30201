//! PLAIN (RFC 4616): a name and a password in one message.

use bytes::{BufMut, Bytes, BytesMut};

use super::Credentials;
use super::step::Broken;

/// The message: no other identity is asked for, as Java's client does.
pub(super) fn message(login: &Credentials) -> Result<Bytes, Broken> {
    let (username, password) = (&login.username, login.password.expose());
    for (what, text) in [("username", &**username), ("password", password)] {
        if text.contains('\0') {
            return Err(Broken(format!("the {what} contains the character NUL")));
        }
    }
    let mut message = BytesMut::with_capacity(username.len() + password.len() + 2);
    for text in [&**username, password] {
        message.put_u8(0);
        message.put_slice(text.as_bytes());
    }
    Ok(message.freeze())
}
