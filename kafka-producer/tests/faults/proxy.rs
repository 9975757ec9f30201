//! What stands between a client and the brokers, and cuts connections, loses answers or forgets connections.
//!
//! It reads nothing of what it carries: a connection ends after so many bytes, wherever in a request
//! or an answer that is. The brokers advertise its addresses (`cargo xtask kafka up --detour`).

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

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
    /// They are forgotten when nothing has passed for so long, as by a NAT.
    Forget { idle: Duration, then: Then },
    /// They are accepted, and nothing comes of them.
    Silent,
}

/// What comes back from a connection that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing, ever.
    Nothing,
    /// A reset, as soon as something is sent.
    Reset,
}

/// A proxy in front of several brokers, until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    listeners: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    manner: Mutex<(Manner, fastrand::Rng)>,
    broken: AtomicU64,
    /// How many connections are carried.
    open: AtomicU64,
    forgotten: AtomicU64,
    vanished: watch::Sender<bool>,
}

/// What will become of one connection.
#[derive(Clone, Copy, Debug)]
enum End {
    Natural,
    CutAfter { up: u64, down: u64 },
    AnswerLostAfter { down: u64 },
    ForgottenAfter { idle: Duration, then: Then },
    Silence,
}

impl Proxy {
    /// Listens at each address and carries to the port of this machine beside it; `seed` decides all
    /// chances.
    pub(crate) async fn start(ways: &[(SocketAddr, u16)], manner: Manner, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            manner: Mutex::new((manner, fastrand::Rng::with_seed(seed))),
            broken: AtomicU64::new(0),
            open: AtomicU64::new(0),
            forgotten: AtomicU64::new(0),
            vanished: watch::Sender::new(false),
        });
        let mut listeners = JoinSet::new();
        for (from, to) in ways {
            let listener = TcpListener::bind(from).await;
            let listener = listener.unwrap_or_else(|error| panic!("{from}: {error}"));
            listeners.spawn(serve(listener, local(*to), Arc::clone(&shared)));
        }
        Self { shared, listeners }
    }

    /// Ends it: its connections are closed, its addresses free.
    pub(crate) async fn end(mut self) {
        self.listeners.shutdown().await;
    }

    /// Treats connections that are opened from now on otherwise.
    pub(crate) fn turn(&self, manner: Manner) {
        self.shared.manner.lock().unwrap().0 = manner;
    }

    /// How many connections were cut so far.
    pub(crate) fn broken(&self) -> u64 {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// How many connections are carried now: neither ended nor forgotten.
    pub(crate) fn open(&self) -> u64 {
        self.shared.open.load(Ordering::Acquire)
    }

    /// How many connections were forgotten so far.
    pub(crate) fn forgotten(&self) -> u64 {
        self.shared.forgotten.load(Ordering::Acquire)
    }

    /// From now on nothing comes back from here, neither on old connections nor on new ones.
    pub(crate) fn vanish(&self) {
        self.turn(Manner::Silent);
        self.shared.vanished.send_replace(true);
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
            Manner::Forget { idle, then } => End::ForgottenAfter { idle, then },
            Manner::Silent => End::Silence,
        }
    }

    /// Carries a connection until it ends; one that is forgotten is held, so that nobody is told.
    async fn see_to(&self, mut client: TcpStream, mut broker: TcpStream, end: End) {
        self.open.fetch_add(1, Ordering::AcqRel);
        let mut vanished = self.vanished.subscribe();
        let ended = tokio::select! {
            ended = carry(&mut client, &mut broker, end) => ended,
            _ = vanished.wait_for(|vanished| *vanished) => Ended::Forgotten(Then::Nothing),
        };
        let counted = match ended {
            Ended::ByThem => None,
            Ended::ByUs => Some(&self.broken),
            Ended::Forgotten(_) => Some(&self.forgotten),
        };
        if let Some(counted) = counted {
            counted.fetch_add(1, Ordering::AcqRel);
        }
        self.open.fetch_sub(1, Ordering::AcqRel);
        match ended {
            Ended::Forgotten(Then::Nothing) => pending().await,
            Ended::Forgotten(Then::Reset) => reset(client).await,
            Ended::ByThem | Ended::ByUs => {}
        }
    }
}

/// Resets the connection as soon as something comes.
async fn reset(mut client: TcpStream) {
    if client.read(&mut [0; 1]).await.is_ok_and(|count| count > 0) {
        let _ = client.set_zero_linger();
    }
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn serve(listener: TcpListener, to: SocketAddr, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (end, shared) = (shared.draw(), Arc::clone(&shared));
        connections.spawn(async move {
            // A broker that is down refuses; the client sees its connection end.
            if let Ok(broker) = TcpStream::connect(to).await {
                shared.see_to(client, broker, end).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    ByThem,
    ByUs,
    Forgotten(Then),
}

/// Carries bytes both ways until the end.
async fn carry(client: &mut TcpStream, broker: &mut TcpStream, end: End) -> Ended {
    let (up, down) = match end {
        End::Natural => (u64::MAX, u64::MAX),
        End::CutAfter { up, down } => (up, down),
        End::AnswerLostAfter { down } => (u64::MAX, down),
        End::ForgottenAfter { idle, then } => {
            let idle = carry_until_idle(client, broker, idle).await;
            return idle.map_or(Ended::ByThem, |()| Ended::Forgotten(then));
        }
        End::Silence => return pending().await,
    };
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = broker.split();
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

/// Carries bytes both ways until none has passed for so long; `None` if one side ends before.
async fn carry_until_idle(a: &mut TcpStream, b: &mut TcpStream, idle: Duration) -> Option<()> {
    let (mut of_a, mut of_b) = (vec![0; 1 << 14], vec![0; 1 << 14]);
    loop {
        let passed = async {
            tokio::select! {
                read = a.read(&mut of_a) => pass_on(read, &of_a, b).await,
                read = b.read(&mut of_b) => pass_on(read, &of_b, a).await,
            }
        };
        match timeout(idle, passed).await {
            Ok(passed) => passed?,
            Err(_) => return Some(()),
        }
    }
}

/// Writes what was read; `None` at an end.
async fn pass_on(read: io::Result<usize>, bytes: &[u8], to: &mut TcpStream) -> Option<()> {
    let count = read.ok().filter(|count| *count > 0)?;
    to.write_all(&bytes[..count]).await.ok()
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
    use super::*;

    /// A server that tells how many bytes it got and sends as many back, and a client's connection
    /// to it with this end.
    async fn echo(end: End) -> (TcpStream, tokio::sync::mpsc::UnboundedReceiver<usize>) {
        let (client, told, _) = echo_through(end).await;
        (client, told)
    }

    /// The same, and what becomes of the connection.
    async fn echo_through(
        end: End,
    ) -> (
        TcpStream,
        tokio::sync::mpsc::UnboundedReceiver<usize>,
        Proxy,
    ) {
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
        let idle = Proxy::start(&[], Manner::Honest, 0).await;
        let shared = Arc::clone(&idle.shared);
        tokio::spawn(async move {
            let (client, _) = proxy.accept().await.unwrap();
            let broker = TcpStream::connect(to).await.unwrap();
            shared.see_to(client, broker, end).await;
        });
        (TcpStream::connect(at).await.unwrap(), told, idle)
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

    /// A connection on which nothing is sent until it is forgotten.
    async fn forgotten(then: Then) -> (TcpStream, tokio::sync::mpsc::UnboundedReceiver<usize>) {
        let idle = Duration::from_millis(10);
        let (mut client, mut told, proxy) = echo_through(End::ForgottenAfter { idle, then }).await;
        client.write_all(&[7; 100]).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        assert_eq!(told.recv().await, Some(100));
        while proxy.forgotten() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(proxy.open(), 0);
        client.write_all(&[8; 50]).await.unwrap();
        (client, told)
    }

    #[tokio::test]
    async fn nothing_comes_of_what_is_sent_on_a_forgotten_connection() {
        let (mut client, mut told) = forgotten(Then::Nothing).await;
        let back = timeout(Duration::from_millis(50), client.read(&mut [0; 1])).await;
        assert!(back.is_err() && told.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_forgotten_connection_may_be_reset_when_something_is_sent() {
        let (mut client, mut told) = forgotten(Then::Reset).await;
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(told.recv().await, None);
    }

    #[tokio::test]
    async fn nothing_comes_back_from_what_has_vanished() {
        let (mut client, _told, proxy) = echo_through(End::Natural).await;
        client.write_all(&[7; 100]).await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
        proxy.vanish();
        while proxy.forgotten() == 0 {
            tokio::task::yield_now().await;
        }
        client.write_all(&[8; 50]).await.unwrap();
        let back = timeout(Duration::from_millis(50), client.read(&mut [0; 1])).await;
        assert!(back.is_err());
    }
}
