//! Token providers at work (`Action::FetchToken`).
//!
//! They are code of others: they are called, polled and dropped between rounds, when the driver's lock is
//! free, on the producer's own thread. One that panics has no token to give.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hashbrown::HashMap;
use kafka_accumulator::catch_panic;

use crate::engine::NodeId;
use crate::security::{Sasl, Token, TokenError, TokenProvider};
use crate::settings::{Address, Settings};

/// What a provider says.
pub(super) type Fetched = Result<Token, TokenError>;

/// What the engine wants of the provider.
pub(super) enum TokenOrder {
    Fetch(NodeId, Address),
    /// The connection is gone that it was for.
    Forget(NodeId),
}

impl TokenOrder {
    pub(super) fn node(&self) -> NodeId {
        match self {
            Self::Fetch(id, _) | Self::Forget(id) => *id,
        }
    }
}

/// The provider, and what it is asked.
pub(super) struct Tokens {
    provider: Option<Arc<dyn TokenProvider>>,
    pending: HashMap<NodeId, Pending>,
}

type Pending = Pin<Box<dyn Future<Output = Fetched> + Send>>;

impl Tokens {
    pub(super) fn new(settings: &Settings) -> Self {
        let provider = match &settings.security.sasl {
            Some(Sasl::OAuthBearer(provider) | Sasl::AwsMskIam(provider)) => {
                Some(Arc::clone(provider))
            }
            Some(Sasl::Plain(_) | Sasl::Scram { .. }) | None => None,
        };
        Self {
            provider,
            pending: HashMap::new(),
        }
    }

    /// Begins and ends what was ordered.
    pub(super) fn obey(&mut self, orders: impl Iterator<Item = TokenOrder>) {
        for order in orders {
            let replaced = match order {
                TokenOrder::Forget(id) => self.pending.remove(&id),
                TokenOrder::Fetch(id, address) => self.pending.insert(id, self.ask(address)),
            };
            // A destructor of others may panic, too.
            let _ = catch_panic(|| drop(replaced));
        }
    }

    fn ask(&self, address: Address) -> Pending {
        let provider = self.provider.clone();
        Box::pin(async move {
            match provider {
                Some(provider) => provider.token(&address.host).await,
                None => Err(TokenError::new("no token provider is configured")),
            }
        })
    }

    /// Goes on with all of them; returns what has come of those that are done.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Vec<(NodeId, Fetched)> {
        let mut fetched = Vec::new();
        if self.pending.is_empty() {
            return fetched;
        }
        self.pending.retain(|id, pending| {
            let done = match catch_panic(|| pending.as_mut().poll(context)) {
                Ok(Poll::Pending) => return true,
                Ok(Poll::Ready(done)) => done,
                Err(panic) => Err(TokenError::new(format!(
                    "the token provider panicked: {panic}"
                ))),
            };
            fetched.push((*id, done));
            false
        });
        fetched
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        for (_, pending) in self.pending.drain() {
            let _ = catch_panic(|| drop(pending));
        }
    }
}
