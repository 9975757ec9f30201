//! One broker: a listener and its connections, which end together.

use std::{io, sync::Arc, time::Duration};

use kafka_wire::FrameReader;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

use super::{connection, shared::Shared};
use crate::cluster::{BrokerId, ConnectionId};

/// A broker that listens; it stops when this is dropped or told to.
#[derive(Debug)]
pub(super) struct Listening {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Listening {
    /// Accepts connections on `listener`, on the runtime that this is called in.
    pub(super) fn start(
        shared: Arc<Shared>,
        broker: BrokerId,
        listener: TcpListener,
        frames: FrameReader,
    ) -> Self {
        let (stop, told) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        tokio::spawn(async move {
            accept(shared, broker, listener, frames, told).await;
            let _ = done.send(());
        });
        Self { stop, stopped }
    }

    /// Closes the listener and all connections, and returns when they are closed.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

/// A listener on this port of 127.0.0.1; 0 is any that is free.
pub(super) async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await
}

async fn accept(
    shared: Arc<Shared>,
    broker: BrokerId,
    listener: TcpListener,
    frames: FrameReader,
    mut told: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let mut next_id = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut told => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                next_id += 1;
                let id = ConnectionId(next_id);
                connections.spawn(serve(shared.clone(), broker, id, stream, frames));
            }
            // Out of file descriptors, most likely: some will be free again.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn serve(
    shared: Arc<Shared>,
    broker: BrokerId,
    id: ConnectionId,
    stream: TcpStream,
    frames: FrameReader,
) {
    connection::serve(shared, broker, id, stream, frames).await;
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
