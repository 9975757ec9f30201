//! A [`Dialer`] at work, where there is one (`Action::Dial`).
//!
//! It is code of others: it is called, polled and dropped between rounds, when the driver's lock is free, on
//! the producer's own thread. One that panics has opened nothing.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hashbrown::HashMap;
use kafka_accumulator::catch_panic;

use crate::dialer::{BoxedStream, Dialer};
use crate::engine::NodeId;
use crate::settings::Address;

/// What the engine wants of the dialer.
pub(super) enum DialOrder {
    Dial(NodeId, Address, Instant),
    /// The connection is not wanted any more.
    Forget(NodeId),
}

impl DialOrder {
    pub(super) fn node(&self) -> NodeId {
        match self {
            Self::Dial(id, ..) | Self::Forget(id) => *id,
        }
    }
}

/// What has come of an order.
pub(super) struct DialAnswer {
    pub(super) id: NodeId,
    pub(super) address: Address,
    pub(super) stream: io::Result<BoxedStream>,
}

/// The dialer, and what it was asked for.
pub(super) struct ForeignDials {
    dialer: Option<Arc<dyn Dialer>>,
    pending: HashMap<NodeId, Pending>,
}

struct Pending {
    address: Address,
    stream: Pin<Box<dyn Future<Output = io::Result<BoxedStream>> + Send>>,
}

impl ForeignDials {
    pub(super) fn new(dialer: Option<Arc<dyn Dialer>>) -> Self {
        Self {
            dialer,
            pending: HashMap::new(),
        }
    }

    /// Begins and ends what was ordered.
    pub(super) fn obey(&mut self, orders: impl Iterator<Item = DialOrder>) {
        for order in orders {
            let replaced = match order {
                DialOrder::Forget(id) => self.pending.remove(&id),
                DialOrder::Dial(id, address, deadline) => {
                    let pending = self.begin(address, deadline);
                    self.pending.insert(id, pending)
                }
            };
            // A destructor of others may panic, too.
            let _ = catch_panic(|| drop(replaced));
        }
    }

    fn begin(&self, address: Address, deadline: Instant) -> Pending {
        let dialer = self.dialer.clone();
        let (host, port) = (address.host.clone(), address.port);
        let stream = Box::pin(async move {
            match dialer {
                Some(dialer) => dialer.dial(&host, port, deadline).await,
                None => Err(io::Error::other("there is none")),
            }
        });
        Pending { address, stream }
    }

    /// Goes on with all of them; returns what has come of those that are done.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Vec<DialAnswer> {
        let mut answers = Vec::new();
        if self.pending.is_empty() {
            return answers;
        }
        self.pending.retain(|id, dial| {
            let stream = match catch_panic(|| dial.stream.as_mut().poll(context)) {
                Ok(Poll::Pending) => return true,
                Ok(Poll::Ready(stream)) => stream,
                Err(panic) => Err(io::Error::other(format!("it panicked: {panic}"))),
            };
            answers.push(DialAnswer {
                id: *id,
                address: dial.address.clone(),
                stream,
            });
            false
        });
        answers
    }
}

impl Drop for ForeignDials {
    fn drop(&mut self) {
        for (_, pending) in self.pending.drain() {
            let _ = catch_panic(|| drop(pending));
        }
        let dialer = self.dialer.take();
        let _ = catch_panic(|| drop(dialer));
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use async_trait::async_trait;

    use super::*;

    /// Opens a stream to a good host, none to a bad one, never ends for a slow one.
    #[derive(Debug, Default)]
    struct ByHost {
        /// As many as dials are going on.
        going_on: Arc<()>,
    }

    #[async_trait]
    impl Dialer for ByHost {
        async fn dial(&self, host: &str, _: u16, _: Instant) -> io::Result<BoxedStream> {
            let _going_on = Arc::clone(&self.going_on);
            match host {
                "good" => Ok(Box::new(tokio::io::empty())),
                "bad" => Err(io::Error::other("no way there")),
                "slow" => std::future::pending().await,
                _ => panic!("a dialer's defect"),
            }
        }
    }

    fn dial(id: i32, host: &str) -> DialOrder {
        DialOrder::Dial(NodeId(id), Address::new(host, 9093), Instant::now())
    }

    fn poll(dials: &mut ForeignDials) -> Vec<(i32, String)> {
        let answers = dials.poll(&mut Context::from_waker(Waker::noop()));
        let told = |stream: io::Result<BoxedStream>| {
            stream.map_or_else(|error| error.to_string(), |_| "open".to_owned())
        };
        let answers = answers.into_iter();
        let mut answers: Vec<_> = answers.map(|it| (it.id.0, told(it.stream))).collect();
        answers.sort();
        answers
    }

    #[test]
    fn a_dialer_that_fails_panics_or_is_forgotten_leaves_the_others_alone() {
        let dialer = ByHost::default();
        let going_on = Arc::clone(&dialer.going_on);
        let mut dials = ForeignDials::new(Some(Arc::new(dialer)));
        let hosts = ["good", "bad", "slow", "slow", "defect"];
        dials.obey((1..).zip(hosts).map(|(id, host)| dial(id, host)));
        let expected = [
            (1, "open"),
            (2, "no way there"),
            (5, "it panicked: a dialer's defect"),
        ];
        let expected = expected.map(|(id, told)| (id, told.to_owned()));
        assert_eq!(poll(&mut dials), expected);
        assert_eq!(Arc::strong_count(&going_on), 4, "two are slow");
        dials.obey([DialOrder::Forget(NodeId(3)), dial(4, "good")].into_iter());
        assert_eq!(Arc::strong_count(&going_on), 2, "both are dropped");
        assert_eq!(poll(&mut dials), [(4, "open".to_owned())]);
    }
}
