//! The client's side of a SASL exchange, whatever the mechanism: what is said first, and what to each
//! answer. Data in and data out: the messages are carried by `engine/cluster/handshake/sasl.rs`.

use bytes::Bytes;

use super::Sasl;
use super::oauthbearer::OAuthBearer;
use super::scram::{SaltedPasswords, Scram};
use super::step::{Broken, Next};
use super::{aws_msk_iam, oauthbearer, plain, scram};
use crate::security::Token;
use crate::security::token::Refused;

/// An exchange that has begun.
#[derive(Debug)]
pub(crate) enum Conversation {
    /// Its only message was sent.
    Plain,
    Scram(Scram),
    OAuthBearer(OAuthBearer),
    /// Its only message was sent, with a token whose refusal is noted there.
    AwsMskIam(Refused),
}

/// What one exchange is begun with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) sasl: &'a Sasl,
    /// For the mechanisms that need one.
    pub(crate) token: Option<&'a Token>,
    /// Never used before.
    pub(crate) nonce: &'a str,
}

impl Conversation {
    /// Begins an exchange; the first message.
    pub(crate) fn begin(opening: Opening<'_>) -> Result<(Self, Bytes), Broken> {
        let Opening { sasl, token, nonce } = opening;
        let token = || token.ok_or_else(|| Broken("there is no token".to_owned()));
        Ok(match sasl {
            Sasl::Plain(login) => (Self::Plain, plain::message(login)?),
            Sasl::Scram { hash, login, token } => {
                let kind = scram::Kind::of(*token);
                let (scram, first) = Scram::begin(*hash, login, kind, nonce);
                (Self::Scram(scram), first)
            }
            Sasl::OAuthBearer(_) => {
                let token = token()?;
                let first = oauthbearer::first_message(token)?;
                (Self::OAuthBearer(OAuthBearer::begun(token)), first)
            }
            Sasl::AwsMskIam(_) => {
                let token = token()?;
                let first = aws_msk_iam::message(token);
                (Self::AwsMskIam(token.refused()), first)
            }
        })
    }

    /// The server has answered.
    pub(crate) fn answer(
        &mut self,
        said: &[u8],
        salted: &mut SaltedPasswords,
    ) -> Result<Next, Broken> {
        match self {
            // That there is no error is the answer.
            Self::Plain => Ok(Next::Done),
            Self::Scram(scram) => scram.answer(said, salted),
            Self::OAuthBearer(oauth) => oauth.answer(said),
            Self::AwsMskIam(_) => aws_msk_iam::answer(said),
        }
    }

    /// The server has refused us, in whatever words: the token that it was shown is of no use.
    pub(crate) fn refused(&self) {
        match self {
            Self::OAuthBearer(oauth) => oauth.refused(),
            Self::AwsMskIam(refused) => refused.set(),
            Self::Plain | Self::Scram(_) => {}
        }
    }

    /// What is known of a failure beside what the server says when it ends the exchange.
    pub(crate) fn complaint(&self) -> Option<&str> {
        match self {
            Self::OAuthBearer(oauth) => oauth.complaint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
