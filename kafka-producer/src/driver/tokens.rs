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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use async_trait::async_trait;

    use super::*;

    /// Gives a token for a good host, none for a bad one, never ends for a slow one.
    #[derive(Debug, Default)]
    struct ByHost {
        /// As many as calls are going on.
        going_on: Arc<()>,
    }

    #[async_trait]
    impl TokenProvider for ByHost {
        async fn token(&self, host: &str) -> Fetched {
            let _going_on = Arc::clone(&self.going_on);
            match host {
                "good" => Ok(Token::new("tea")),
                "slow" => std::future::pending().await,
                _ => panic!("a provider's defect"),
            }
        }
    }

    fn fetch(id: i32, host: &str) -> TokenOrder {
        TokenOrder::Fetch(NodeId(id), Address::new(host, 9093))
    }

    fn poll(tokens: &mut Tokens) -> Vec<(i32, Result<String, String>)> {
        let mut context = Context::from_waker(Waker::noop());
        let text = |token: Token| token.value.expose().to_owned();
        let fetched = tokens.poll(&mut context).into_iter();
        let mut fetched: Vec<_> = fetched
            .map(|(id, fetched)| (id.0, fetched.map(text).map_err(|error| error.to_string())))
            .collect();
        fetched.sort();
        fetched
    }

    #[test]
    fn a_provider_that_panics_or_is_forgotten_leaves_the_others_alone() {
        let provider = ByHost::default();
        let going_on = Arc::clone(&provider.going_on);
        let mut tokens = Tokens {
            provider: Some(Arc::new(provider)),
            pending: HashMap::new(),
        };
        let orders = [
            fetch(1, "good"),
            fetch(2, "bad"),
            fetch(3, "slow"),
            fetch(4, "slow"),
        ];
        tokens.obey(orders.into_iter());
        let why = "the token provider panicked: a provider's defect".to_owned();
        assert_eq!(
            poll(&mut tokens),
            [(1, Ok("tea".to_owned())), (2, Err(why))]
        );
        assert_eq!(Arc::strong_count(&going_on), 4, "two are slow");
        tokens.obey([TokenOrder::Forget(NodeId(3)), fetch(4, "good")].into_iter());
        assert_eq!(Arc::strong_count(&going_on), 2, "both are dropped");
        assert_eq!(poll(&mut tokens), [(4, Ok("tea".to_owned()))]);
    }

    #[test]
    fn without_a_provider_there_is_no_token() {
        let mut tokens = Tokens {
            provider: None,
            pending: HashMap::new(),
        };
        tokens.obey([fetch(1, "good")].into_iter());
        let why = "no token provider is configured".to_owned();
        assert_eq!(poll(&mut tokens), [(1, Err(why))]);
    }
}
