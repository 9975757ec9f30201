//! One broker: a port for as long as the cluster is, a listener and its connections, which end
//! together.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
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
    /// This port, if nobody listens on it; 0: any that is free.
    pub(super) fn take(wanted: u16) -> io::Result<Self> {
        let socket = bound(wanted)?;
        let number = socket.local_addr()?.port();
        if wanted != 0 && is_listened_on(number) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
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

/// Whether a connection is accepted there: another embedded cluster shares its ports, as [`bound`] does. To be
/// asked while the port is bound, so that the system cannot connect the socket with itself. Connections that have
/// ended do not count, so a cluster can be started again on its ports at once.
fn is_listened_on(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
        Ok(_) => true,
        // Whoever listens has more connections than it accepts.
        Err(error) => error.kind() == io::ErrorKind::TimedOut,
    }
}

/// Of this machine's own address: what takes longer is taken.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

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
