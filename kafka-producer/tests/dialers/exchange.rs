//! A way to brokers on which the addresses of two of them lead to each other's for a while, as where proxies are
//! mixed up. What is written on such connections is kept.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use kafka_producer::{BoxedStream, Dialer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The dialer; its clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The ports of the two brokers.
    ports: [u16; 2],
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_on: bool,
    /// How often it was turned on or off: older connections are broken.
    turns: u32,
    /// What was written on each connection that leads elsewhere.
    astray: Vec<Vec<u8>>,
}

impl Exchange {
    pub(crate) fn of(ports: [u16; 2]) -> Self {
        let state = Arc::default();
        Self { ports, state }
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on addresses are exchanged, or right again. Connections break when they are next used.
    pub(crate) fn turn(&self, is_on: bool) {
        self.with(|state| {
            state.is_on = is_on;
            state.turns += 1;
        });
    }

    /// The API keys of the requests on each connection that led elsewhere.
    pub(crate) fn asked_astray(&self) -> Vec<Vec<i16>> {
        self.with(|state| state.astray.iter().map(|written| keys(written)).collect())
    }
}

/// Of requests, each behind its length.
fn keys(mut written: &[u8]) -> Vec<i16> {
    let mut keys = Vec::new();
    while let Some((length, rest)) = written.split_first_chunk() {
        let key = rest.first_chunk().expect("a request begins with its key");
        keys.push(i16::from_be_bytes(*key));
        written = &rest[u32::from_be_bytes(*length) as usize..];
    }
    keys
}

#[async_trait::async_trait]
impl Dialer for Exchange {
    async fn dial(&self, host: &str, port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
        let [a, b] = self.ports;
        let (to, turn, astray) = self.with(|state| {
            let to = match port {
                port if !state.is_on => port,
                port if port == a => b,
                port if port == b => a,
                port => port,
            };
            let astray = (to != port).then(|| {
                state.astray.push(Vec::new());
                state.astray.len() - 1
            });
            (to, state.turns, astray)
        });
        let stream = TcpStream::connect((host, to)).await?;
        Ok(Box::new(Way {
            stream,
            exchange: self.clone(),
            turn,
            astray,
        }))
    }
}

/// One connection.
struct Way {
    stream: TcpStream,
    exchange: Exchange,
    turn: u32,
    /// Where what is written is kept.
    astray: Option<usize>,
}

impl Way {
    fn check(&self) -> io::Result<()> {
        match self.exchange.with(|state| state.turns) == self.turn {
            true => Ok(()),
            false => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl AsyncRead for Way {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Way {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let (Poll::Ready(Ok(length)), Some(index)) = (&written, self.astray) {
            let taken = &bytes[..*length];
            self.exchange
                .with(|state| state.astray[index].extend_from_slice(taken));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
