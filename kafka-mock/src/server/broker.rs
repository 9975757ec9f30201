//! One broker: a port for as long as the cluster is, a listener and its connections, which end
//! together.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use kafka_wire::FrameReader;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::oneshot,
    task::JoinSet,
};

use super::{accept::Acceptor, connection::Served, shared::Shared};
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
        acceptor: Acceptor,
    ) -> Self {
        let (stop, told) = oneshot::channel();
        let (done, stopped) = oneshot::channel();
        tokio::spawn(async move {
            accept(shared, broker, listener, acceptor, told).await;
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

/// A port of 127.0.0.1 that stays reserved while its broker is down: connections are refused then,
/// and the system gives the port to no other socket.
#[derive(Debug)]
pub(super) struct Port {
    number: u16,
    /// Bound, and never listens. Where several sockets cannot be bound to one port, there is none.
    _held: Option<TcpSocket>,
}

impl Port {
    /// Any port that is free.
    pub(super) fn take() -> io::Result<Self> {
        Self::hold(bound(0)?)
    }

    /// This one, unless a socket of somebody else has it.
    pub(super) fn take_this(number: u16) -> io::Result<Self> {
        // Without sharing, which a socket of another program could not be seen by.
        let alone = TcpSocket::new_v4()?;
        // Connections of before, which have ended, do not count.
        #[cfg(unix)]
        alone.set_reuseaddr(true)?;
        alone.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, number)))?;
        drop(alone);
        Self::hold(bound(number)?)
    }

    fn hold(socket: TcpSocket) -> io::Result<Self> {
        let number = socket.local_addr()?.port();
        let held = cfg!(unix).then_some(socket);
        Ok(Self {
            number,
            _held: held,
        })
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}

/// A listener on this port of 127.0.0.1, which a [`Port`] reserves.
pub(super) fn listen(port: u16) -> io::Result<TcpListener> {
    bound(port)?.listen(BACKLOG)
}

/// Connections that are not accepted yet.
const BACKLOG: u32 = 1024;

/// A socket that shares its port with others like it, of which one listens.
fn bound(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

async fn accept(
    shared: Arc<Shared>,
    broker: BrokerId,
    listener: TcpListener,
    acceptor: Acceptor,
    mut told: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    let frames = FrameReader::new(shared.cluster().config().request_max_bytes);
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
                let served = Served {
                    shared: shared.clone(),
                    broker,
                    id: ConnectionId(next_id),
                    frames,
                };
                connections.spawn(acceptor.clone().serve(stream, served));
            }
            // Out of file descriptors, most likely: some will be free again.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
