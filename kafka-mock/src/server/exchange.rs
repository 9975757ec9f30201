//! A request and what was done about it, for whoever watches a cluster: a log, or a test that looks at frames.

use std::{
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use bytes::Bytes;

use crate::cluster::{Answer, BrokerId, ConnectionId};

/// A request that a broker got, and its answer.
///
/// ```
/// use std::sync::mpsc;
/// use kafka_mock::MockCluster;
///
/// let (sender, exchanges) = mpsc::channel();
/// let kafka = MockCluster::builder().on_exchange(move |seen| drop(sender.send(seen.clone())));
/// let kafka = kafka.start_blocking()?;
/// assert!(exchanges.try_recv().is_err()); // nobody has asked anything yet
/// # Ok::<(), kafka_mock::MockError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The broker.
    pub broker: BrokerId,
    /// The connection, of those that the broker has had.
    pub connection: ConnectionId,
    /// The frame that came, without its length.
    pub request: Bytes,
    /// What was done. After [`Answer::Delayed`] there is another exchange of the same request, when it is answered.
    pub answer: Answer,
    /// The [tags](crate::cluster::Fault::tagged) of the faults that have struck.
    pub struck: Vec<u32>,
}

/// Who is told of each exchange.
#[derive(Clone)]
pub(super) struct Watcher(pub(super) Arc<dyn Fn(&Exchange) + Send + Sync>);

impl Watcher {
    /// A panic of it is told by the hook of the program, and is no end of the cluster.
    pub(super) fn tell(&self, exchange: &Exchange) {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| (self.0)(exchange)));
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}
