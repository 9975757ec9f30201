//! What all tasks of the embedded cluster share: the model behind one lock, and who waits for it.
//!
//! The lock is held for one request or one question, never across an await.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};

use super::exchange::{Exchange, Watcher};
use crate::cluster::{Answer, BrokerId, Cluster, ConnectionId, Now, Release};

/// The model, the connections that wait for an answer of it, and those who wait for a change.
#[derive(Debug)]
pub(super) struct Shared {
    cluster: Mutex<Cluster>,
    /// Where delayed answers go.
    waiting: Mutex<HashMap<(BrokerId, ConnectionId), mpsc::UnboundedSender<Answer>>>,
    /// Rung when the model may have got an earlier deadline.
    due: Notify,
    /// Counts the requests, for those who wait for records.
    handled: watch::Sender<u64>,
    watched: Option<Watched>,
}

/// Who watches, and the requests whose answers are still to be told.
#[derive(Debug)]
struct Watched {
    watcher: Watcher,
    delayed: Mutex<HashMap<(BrokerId, ConnectionId), Bytes>>,
}

impl Shared {
    pub(super) fn new(cluster: Cluster, watcher: Option<Watcher>) -> Self {
        Self {
            watched: watcher.map(Watched::new),
            cluster: Mutex::new(cluster),
            waiting: Mutex::default(),
            due: Notify::new(),
            handled: watch::Sender::new(0),
        }
    }

    /// The model. A panic of another thread leaves it usable: it is only ever changed whole.
    pub(super) fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the model, and has the timer look whether something is due now.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        let result = change(&mut self.cluster());
        self.due.notify_one();
        self.handled.send_modify(|count| *count += 1);
        result
    }

    pub(super) fn handle(&self, broker: BrokerId, id: ConnectionId, frame: Bytes) -> Answer {
        let Some(watched) = &self.watched else {
            return self.change(|cluster| cluster.handle(now(), broker, id, frame));
        };
        let request = frame.clone();
        let (answer, struck) = self.change(|cluster| {
            let before: HashMap<u32, u64> = cluster.struck().collect();
            let answer = cluster.handle(now(), broker, id, frame);
            let is_new = |(tag, count): &(u32, u64)| before.get(tag) != Some(count);
            let struck = cluster.struck().filter(is_new).map(|(tag, _)| tag);
            (answer, struck.collect())
        });
        watched.tell(Exchange {
            broker,
            connection: id,
            request,
            answer: answer.clone(),
            struck,
        });
        answer
    }

    /// Tells of each change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.handled.subscribe()
    }

    /// From now on, delayed answers of this connection are sent to the receiver.
    pub(super) fn connected(
        &self,
        broker: BrokerId,
        id: ConnectionId,
    ) -> mpsc::UnboundedReceiver<Answer> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.waiting().insert((broker, id), sender);
        receiver
    }

    pub(super) fn disconnected(&self, broker: BrokerId, id: ConnectionId) {
        self.waiting().remove(&(broker, id));
        if let Some(watched) = &self.watched {
            watched.delayed().remove(&(broker, id));
        }
        self.cluster().disconnected(broker, id);
    }

    fn waiting(
        &self,
    ) -> MutexGuard<'_, HashMap<(BrokerId, ConnectionId), mpsc::UnboundedSender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ticks the model whenever it is due; never returns.
    pub(super) async fn keep_time(&self) {
        loop {
            let deadline = self.cluster().deadline();
            match deadline {
                None => self.due.notified().await,
                Some(deadline) => {
                    let sleep = tokio::time::sleep_until(deadline.into());
                    tokio::select! {
                        () = sleep => self.tick(),
                        () = self.due.notified() => {}
                    }
                }
            }
        }
    }

    fn tick(&self) {
        let releases = self.cluster().tick(now());
        if let Some(watched) = &self.watched {
            releases
                .iter()
                .for_each(|release| watched.released(release));
        }
        let waiting = self.waiting();
        for Release {
            broker,
            connection,
            answer,
        } in releases
        {
            if let Some(sender) = waiting.get(&(broker, connection)) {
                // It may have gone since; then nobody needs the answer.
                let _ = sender.send(answer);
            }
        }
    }
}

impl Watched {
    fn new(watcher: Watcher) -> Self {
        Self {
            watcher,
            delayed: Mutex::default(),
        }
    }

    fn delayed(&self) -> MutexGuard<'_, HashMap<(BrokerId, ConnectionId), Bytes>> {
        self.delayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, exchange: Exchange) {
        self.watcher.tell(&exchange);
        if exchange.answer == Answer::Delayed {
            let place = (exchange.broker, exchange.connection);
            self.delayed().insert(place, exchange.request);
        }
    }

    /// The request that was delayed is answered.
    fn released(&self, release: &Release) {
        let (broker, connection) = (release.broker, release.connection);
        let request = self.delayed().remove(&(broker, connection));
        if let Some(request) = request {
            self.watcher.tell(&Exchange {
                broker,
                connection,
                request,
                answer: release.answer.clone(),
                struck: Vec::new(),
            });
        }
    }
}

/// The time, by both clocks.
fn now() -> Now {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let wall_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    Now {
        instant: Instant::now(),
        wall_ms,
    }
}
