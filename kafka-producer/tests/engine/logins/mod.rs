//! Brokers that ask for credentials: how they are shown them, what becomes of records and callers if they
//! refuse, and of sessions that end.

pub(crate) mod sasl_port;
mod demanded;
mod failures;
mod handshakes;
mod mangling;
mod renewing;
mod transacting;

use std::sync::Arc;

use kafka_producer::engine::{Input, NodeId};
use kafka_producer::error::{AuthenticationError, Cause, DeliveryError, SendError};
use kafka_producer::security::{
    Credentials, Sasl, ScramHash, Secret, Security, Token, TokenError, TokenProvider,
};
use kafka_producer::settings::Settings;

use crate::stage::{Stage, settings};

/// The stage answers in its place.
#[derive(Debug)]
struct Provider;

#[async_trait::async_trait]
impl TokenProvider for Provider {
    async fn token(&self, _host: &str) -> Result<Token, TokenError> {
        unreachable!("the engine does not wait")
    }
}

fn alice() -> Credentials {
    Credentials {
        username: "alice".to_owned(),
        password: Secret::new("tea-2026"),
    }
}

pub(crate) fn plain_login() -> Sasl {
    Sasl::Plain(alice())
}

fn scram(hash: ScramHash) -> Sasl {
    Sasl::Scram {
        hash,
        login: alice(),
        token: false,
    }
}

fn oauth() -> Sasl {
    Sasl::OAuthBearer(Arc::new(Provider))
}

/// Every mechanism.
fn all() -> [Sasl; 5] {
    [
        plain_login(),
        scram(ScramHash::Sha256),
        scram(ScramHash::Sha512),
        oauth(),
        Sasl::AwsMskIam(Arc::new(Provider)),
    ]
}

/// `settings` with a login.
pub(crate) fn with_sasl(sasl: Sasl, settings: Settings) -> Settings {
    let sasl = Some(sasl);
    Settings {
        security: Security { tls: None, sasl },
        ..settings
    }
}

fn secured(sasl: Sasl) -> Settings {
    with_sasl(sasl, settings())
}

/// The one reason that is expected.
#[track_caller]
fn authentication_cause(error: &DeliveryError) -> AuthenticationError {
    match error.cause() {
        Cause::Authentication(why) => why.clone(),
        other => panic!("{other:?}"),
    }
}

type Reply = futures_channel::oneshot::Receiver<Result<(), SendError>>;

/// What a caller is told that waits for a topic.
#[track_caller]
fn authentication_error(reply: &mut Reply) -> AuthenticationError {
    match reply.try_recv() {
        Ok(Some(Err(SendError::Authentication(why)))) => why,
        other => panic!("{other:?}"),
    }
}

impl Stage {
    /// A token provider answers.
    pub(crate) fn token(&mut self, node: i32, told: Result<Token, TokenError>) {
        let node = NodeId(node);
        self.tokens_wanted.remove(&node);
        self.input(Input::Token(node, told));
        self.settle();
    }

    /// Token providers answer as long as they are asked, with a token that is good.
    pub(crate) fn tokens(&mut self) {
        while let Some(node) = self.tokens_wanted.keys().next().copied() {
            self.token(node.0, Ok(Token::new("abc.def")));
        }
    }
}
