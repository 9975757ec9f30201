//! What stands between a client and the brokers, and cuts connections or loses answers.
//!
//! It reads nothing of what it carries: a connection ends after so many bytes, wherever in a request
//! or an answer that is. The brokers advertise its ports (`cargo xtask kafka up --detour`).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How connections that are opened from now on are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// They are carried to their end.
    Honest,
    /// They are cut after some bytes, less than `within` in either direction.
    Cut { within: u64 },
    /// After some bytes of answers, less than `within`, the next answer is awaited, so that its
    /// request has been seen to, but not passed on; then the connection is cut.
    LoseAnswers { within: u64 },
}

/// A proxy in front of several brokers, until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    _listeners: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<(Manner, fastrand::Rng)>,
    broken: AtomicU64,
}

/// What will become of one connection.
#[derive(Clone, Copy, Debug)]
enum End {
    Natural,
    CutAfter { up: u64, down: u64 },
    AnswerLostAfter { down: u64 },
}

impl Proxy {
    /// Listens at the first port of each pair and carries to the second; `seed` decides all chances.
    pub(crate) async fn start(ports: &[(u16, u16)], manner: Manner, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            manner: Mutex::new((manner, fastrand::Rng::with_seed(seed))),
            broken: AtomicU64::new(0),
        });
        let mut listeners = JoinSet::new();
        for (from, to) in ports {
            let listener = TcpListener::bind(local(*from)).await;
            let listener = listener.unwrap_or_else(|error| panic!("port {from}: {error}"));
            listeners.spawn(serve(listener, local(*to), Arc::clone(&shared)));
        }
        Self {
            shared,
            _listeners: listeners,
        }
    }

    /// Treats connections that are opened from now on otherwise.
    pub(crate) fn turn(&self, manner: Manner) {
        self.shared.manner.lock().unwrap().0 = manner;
    }

    /// How many connections were cut so far.
    pub(crate) fn broken(&self) -> u64 {
        self.shared.broken.load(Ordering::Acquire)
    }
}

impl Shared {
    fn draw(&self) -> End {
        let (manner, random) = &mut *self.manner.lock().unwrap();
        match *manner {
            Manner::Honest => End::Natural,
            Manner::Cut { within } => End::CutAfter {
                up: random.u64(1..within),
                down: random.u64(1..within),
            },
            Manner::LoseAnswers { within } => End::AnswerLostAfter {
                down: random.u64(1..within),
            },
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn serve(listener: TcpListener, to: SocketAddr, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (end, shared) = (shared.draw(), Arc::clone(&shared));
        connections.spawn(async move {
            // A broker that is down refuses; the client sees its connection end.
            if let Ok(broker) = TcpStream::connect(to).await
                && carry(client, broker, end).await == Ended::ByUs
            {
                shared.broken.fetch_add(1, Ordering::AcqRel);
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByThem,
    ByUs,
}

/// Carries bytes both ways until the end; both connections are closed when this returns.
async fn carry(client: TcpStream, broker: TcpStream, end: End) -> Ended {
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let (up, down) = match end {
        End::Natural => (u64::MAX, u64::MAX),
        End::CutAfter { up, down } => (up, down),
        End::AnswerLostAfter { down } => (u64::MAX, down),
    };
    let answers = async {
        let (ended, mut from_broker) = forward(from_broker, to_client, down).await;
        if matches!(end, End::AnswerLostAfter { .. }) && ended == Ended::ByUs {
            // Whatever comes of it is lost.
            let _ = from_broker.read(&mut [0; 1 << 16]).await;
        }
        ended
    };
    tokio::select! {
        (ended, _) = forward(from_client, to_broker, up) => ended,
        ended = answers => ended,
    }
}

/// Carries exactly `limit` bytes, less if one side ends before.
async fn forward<R, W>(from: R, mut to: W, limit: u64) -> (Ended, R)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut limited = from.take(limit);
    let carried = copy(&mut limited, &mut to).await;
    let ended = match carried {
        Ok(_) if limited.limit() == 0 => Ended::ByUs,
        _ => Ended::ByThem,
    };
    (ended, limited.into_inner())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// A server that tells how many bytes it got and sends as many back, and a client's connection
    /// to it with this end.
    async fn echo(end: End) -> (TcpStream, tokio::sync::mpsc::UnboundedReceiver<usize>) {
        let server = TcpListener::bind(local(0)).await.unwrap();
        let proxy = TcpListener::bind(local(0)).await.unwrap();
        let (at, to) = (proxy.local_addr().unwrap(), server.local_addr().unwrap());
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                let _ = tell.send(count);
                let _ = stream.write_all(&bytes[..count]).await;
            }
        });
        tokio::spawn(async move {
            let (client, _) = proxy.accept().await.unwrap();
            let broker = TcpStream::connect(to).await.unwrap();
            carry(client, broker, end).await
        });
        (TcpStream::connect(at).await.unwrap(), told)
    }

    async fn all_from(stream: &mut TcpStream) -> usize {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        all.len()
    }

    #[tokio::test]
    async fn an_honest_connection_carries_everything_both_ways() {
        let (mut client, mut told) = echo(End::Natural).await;
        client.write_all(&[7; 500]).await.unwrap();
        let mut back = [0; 500];
        client.read_exact(&mut back).await.unwrap();
        assert_eq!((told.recv().await, back), (Some(500), [7; 500]));
    }

    #[tokio::test]
    async fn a_request_is_cut_at_its_byte() {
        let (mut client, mut told) = echo(End::CutAfter { up: 123, down: 999 }).await;
        client.write_all(&[7; 500]).await.unwrap();
        assert_eq!(told.recv().await, Some(123));
        assert!(all_from(&mut client).await <= 123);
    }

    #[tokio::test]
    async fn an_answer_is_cut_at_its_byte() {
        let (mut client, mut told) = echo(End::CutAfter { up: 999, down: 123 }).await;
        client.write_all(&[7; 500]).await.unwrap();
        assert_eq!(told.recv().await, Some(500));
        assert_eq!(all_from(&mut client).await, 123);
    }

    #[tokio::test]
    async fn a_lost_answer_is_to_a_request_that_the_server_has_seen() {
        let (mut client, mut told) = echo(End::AnswerLostAfter { down: 100 }).await;
        client.write_all(&[7; 100]).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        client.write_all(&[8; 50]).await.unwrap();
        assert_eq!(
            (told.recv().await, told.recv().await),
            (Some(100), Some(50))
        );
        assert_eq!(all_from(&mut client).await, 0);
    }
}
