//! AWS_MSK_IAM: the token is a signed request, which is sent as it is.

use bytes::Bytes;

use super::step::{Broken, Next};
use crate::readable::readable;
use crate::security::Token;

pub(super) fn message(token: &Token) -> Bytes {
    Bytes::copy_from_slice(token.value.expose().as_bytes())
}

/// The server answers with JSON that tells its version and the request's id; nothing depends on them.
pub(super) fn answer(said: &[u8]) -> Result<Next, Broken> {
    match said.trim_ascii_start().first() {
        Some(b'{') => Ok(Next::Done),
        _ => Err(Broken(format!(
            "the answer is not that of AWS_MSK_IAM: {:?}",
            readable(said)
        ))),
    }
}
