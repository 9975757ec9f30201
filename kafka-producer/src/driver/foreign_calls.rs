//! Calls of a [`Dialer`] (`Action::Dial`) and of a [`TokenProvider`] (`Action::FetchToken`), which are answered
//! later.
//!
//! Both are code of others: it is called, polled and dropped between rounds, when the driver's lock is free, on
//! the producer's own thread. A panic in it is the answer of one call; one in a destructor is nobody's. Neither
//! ends the producer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::{Panic, catch_panic};

use crate::dialer::{BoxedStream, Dialer};
use crate::engine::NodeId;
use crate::security::{Sasl, Token, TokenError, TokenProvider};
use crate::settings::{Address, Settings};

/// Code of others that can be called.
pub(super) trait ForeignCode {
    type Question: Clone;
    type Answer;

    /// Calls it when what is returned is polled, not before.
    fn call(&self, question: Self::Question) -> Pending<Self::Answer>;

    /// What a call that panicked has come to.
    fn panicked(panic: &Panic) -> Self::Answer;
}

type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the engine wants, for a connection.
pub(super) enum Order<Q> {
    Call(NodeId, Q),
    /// The connection is not wanted any more.
    Forget(NodeId),
}

impl<Q> Order<Q> {
    pub(super) fn node(&self) -> NodeId {
        match self {
            Self::Call(id, _) | Self::Forget(id) => *id,
        }
    }
}

/// What has come of an order.
pub(super) struct Answered<F: ForeignCode> {
    pub(super) id: NodeId,
    pub(super) question: F::Question,
    pub(super) answer: F::Answer,
}

/// Code of others, and the calls of it that have no answer yet.
pub(super) struct ForeignCalls<F: ForeignCode> {
    /// Taken when all is dropped.
    code: Option<F>,
    pending: HashMap<NodeId, Call<F>>,
}

struct Call<F: ForeignCode> {
    question: F::Question,
    answer: Pending<F::Answer>,
}

impl<F: ForeignCode> Call<F> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Answer> {
        let polled = catch_panic(|| self.answer.as_mut().poll(context));
        polled.unwrap_or_else(|panic| Poll::Ready(F::panicked(&panic)))
    }
}

impl<F: ForeignCode> ForeignCalls<F> {
    pub(super) fn new(code: F) -> Self {
        Self {
            code: Some(code),
            pending: HashMap::new(),
        }
    }

    /// Begins and ends what was ordered.
    pub(super) fn obey(&mut self, orders: impl IntoIterator<Item = Order<F::Question>>) {
        for order in orders {
            drop_caught(self.pending.remove(&order.node()));
            if let (Order::Call(id, question), Some(code)) = (order, &self.code) {
                let answer = code.call(question.clone());
                self.pending.insert(id, Call { question, answer });
            }
        }
    }

    /// Goes on with all of them; returns what has come of those that are done.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Vec<Answered<F>> {
        let mut answers = Vec::new();
        for (id, call) in &mut self.pending {
            if let Poll::Ready(answer) = call.poll(context) {
                let (id, question) = (*id, call.question.clone());
                answers.push(Answered {
                    id,
                    question,
                    answer,
                });
            }
        }
        for answered in &answers {
            drop_caught(self.pending.remove(&answered.id));
        }
        answers
    }
}

impl<F: ForeignCode> Drop for ForeignCalls<F> {
    fn drop(&mut self) {
        self.pending.drain().for_each(|(_, call)| drop_caught(call));
        drop_caught(self.code.take());
    }
}

/// A destructor of others may panic.
fn drop_caught<T>(dropped: T) {
    let _ = catch_panic(|| drop(dropped));
}

/// The dialer, where there is one.
pub(super) struct Dials(pub(super) Option<Arc<dyn Dialer>>);

impl ForeignCode for Dials {
    /// Where to, and until when.
    type Question = (Address, Instant);
    type Answer = io::Result<BoxedStream>;

    fn call(&self, (address, deadline): Self::Question) -> Pending<Self::Answer> {
        let dialer = self.0.clone();
        Box::pin(async move {
            match dialer {
                Some(dialer) => dialer.dial(&address.host, address.port, deadline).await,
                None => Err(io::Error::other("there is none")),
            }
        })
    }

    fn panicked(panic: &Panic) -> Self::Answer {
        Err(io::Error::other(format!("it panicked: {panic}")))
    }
}

/// The provider of tokens, where there is one.
pub(super) struct Tokens(Option<Arc<dyn TokenProvider>>);

impl Tokens {
    pub(super) fn new(settings: &Settings) -> Self {
        Self(match &settings.security.sasl {
            Some(Sasl::OAuthBearer(provider) | Sasl::AwsMskIam(provider)) => {
                Some(Arc::clone(provider))
            }
            Some(Sasl::Plain(_) | Sasl::Scram { .. }) | None => None,
        })
    }
}

impl ForeignCode for Tokens {
    type Question = Address;
    type Answer = Result<Token, TokenError>;

    fn call(&self, address: Address) -> Pending<Self::Answer> {
        let provider = self.0.clone();
        Box::pin(async move {
            match provider {
                Some(provider) => provider.token(&address.host).await,
                None => Err(TokenError::new("no token provider is configured")),
            }
        })
    }

    fn panicked(panic: &Panic) -> Self::Answer {
        Err(TokenError::new(format!(
            "the token provider panicked: {panic}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use async_trait::async_trait;

    use super::*;

    /// Answers a good host, refuses a bad one, never ends for a slow one.
    #[derive(Debug, Default)]
    struct ByHost {
        /// As many as calls are going on.
        going_on: Arc<()>,
    }

    impl ByHost {
        async fn answer(&self, host: &str) -> Option<()> {
            let _going_on = Arc::clone(&self.going_on);
            match host {
                "good" => Some(()),
                "bad" => None,
                "slow" => std::future::pending().await,
                _ => panic!("a test's defect"),
            }
        }
    }

    #[async_trait]
    impl Dialer for ByHost {
        async fn dial(&self, host: &str, _: u16, _: Instant) -> io::Result<BoxedStream> {
            match self.answer(host).await {
                Some(()) => Ok(Box::new(tokio::io::empty())),
                None => Err(io::Error::other("no way there")),
            }
        }
    }

    #[async_trait]
    impl TokenProvider for ByHost {
        async fn token(&self, host: &str) -> Result<Token, TokenError> {
            let answer = self.answer(host).await;
            answer.map_or_else(|| Err(TokenError::new("none")), |()| Ok(Token::new("tea")))
        }
    }

    fn address(host: &str) -> Address {
        Address::new(host, 9093)
    }

    fn dial(id: i32, host: &str) -> Order<(Address, Instant)> {
        Order::Call(NodeId(id), (address(host), Instant::now()))
    }

    /// What has come of the calls, by connection.
    fn poll<F: ForeignCode<Answer = Result<T, E>>, T, E: ToString>(
        calls: &mut ForeignCalls<F>,
    ) -> Vec<(i32, String)> {
        let answers = calls.poll(&mut Context::from_waker(Waker::noop()));
        let told = |it: Answered<F>| match it.answer {
            Ok(_) => (it.id.0, "good".to_owned()),
            Err(error) => (it.id.0, error.to_string()),
        };
        let mut answers: Vec<_> = answers.into_iter().map(told).collect();
        answers.sort();
        answers
    }

    fn told<const N: usize>(expected: [(i32, &str); N]) -> Vec<(i32, String)> {
        let expected = expected.into_iter();
        expected.map(|(id, told)| (id, told.to_owned())).collect()
    }

    #[test]
    fn a_call_that_fails_panics_or_is_forgotten_leaves_the_others_alone() {
        let dialer = ByHost::default();
        let going_on = Arc::clone(&dialer.going_on);
        let mut dials = ForeignCalls::new(Dials(Some(Arc::new(dialer))));
        let hosts = ["good", "bad", "slow", "slow", "defect"];
        dials.obey((1..).zip(hosts).map(|(id, host)| dial(id, host)));
        let expected = [
            (1, "good"),
            (2, "no way there"),
            (5, "it panicked: a test's defect"),
        ];
        assert_eq!(poll(&mut dials), told(expected));
        assert_eq!(Arc::strong_count(&going_on), 4, "two are slow");
        dials.obey([Order::Forget(NodeId(3)), dial(4, "good")]);
        assert_eq!(Arc::strong_count(&going_on), 2, "both are dropped");
        assert_eq!(poll(&mut dials), told([(4, "good")]));
    }

    #[test]
    fn a_provider_that_panics_has_no_token_nor_has_one_that_is_not_there() {
        let mut tokens = ForeignCalls::new(Tokens(Some(Arc::new(ByHost::default()))));
        let hosts = ["good", "bad", "defect"];
        let orders = (1..).zip(hosts);
        tokens.obey(orders.map(|(id, host)| Order::Call(NodeId(id), address(host))));
        let expected = [
            (1, "good"),
            (2, "none"),
            (3, "the token provider panicked: a test's defect"),
        ];
        assert_eq!(poll(&mut tokens), told(expected));
        let mut tokens = ForeignCalls::new(Tokens(None));
        tokens.obey([Order::Call(NodeId(1), address("good"))]);
        let why = "no token provider is configured";
        assert_eq!(poll(&mut tokens), told([(1, why)]));
    }

    /// Panics when it is dropped.
    struct Inside;

    impl Drop for Inside {
        fn drop(&mut self) {
            panic!("a destructor's defect");
        }
    }

    /// Is done at once, or never.
    struct Fragile {
        is_done: bool,
        _inside: Inside,
    }

    impl Future for Fragile {
        type Output = u8;

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
            if self.is_done {
                Poll::Ready(1)
            } else {
                Poll::Pending
            }
        }
    }

    struct FragileCode(#[allow(dead_code, reason = "it is dropped")] Inside);

    impl ForeignCode for FragileCode {
        type Question = bool;
        type Answer = u8;

        fn call(&self, is_done: bool) -> Pending<u8> {
            let _inside = Inside;
            Box::pin(Fragile { is_done, _inside })
        }

        fn panicked(_: &Panic) -> u8 {
            2
        }
    }

    #[test]
    fn a_destructor_that_panics_ends_nothing() {
        let mut calls = ForeignCalls::new(FragileCode(Inside));
        let call = |id, is_done| Order::Call(NodeId(id), is_done);
        calls.obey([
            call(1, true),
            call(2, false),
            call(3, false),
            call(3, false),
        ]);
        let answers = calls.poll(&mut Context::from_waker(Waker::noop()));
        let answers: Vec<_> = answers.iter().map(|it| (it.id.0, it.answer)).collect();
        assert_eq!(answers, [(1, 1)]);
        calls.obey([Order::Forget(NodeId(2))]);
        drop(calls);
    }
}
