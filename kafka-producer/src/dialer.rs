//! Other ways to brokers than TCP: through a proxy, a tunnel, a network of the program's own.
//!
//! A [`Dialer`] takes the place of `driver/dial.rs`: it gets the name of a broker and returns a stream of
//! bytes, over which TLS, logins and requests go as over TCP.

use std::fmt;
use std::io;
use std::time::Instant;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// Opens the connections of a producer ([`ProducerBuilder::dialer`](crate::ProducerBuilder::dialer)).
///
/// It resolves names itself, or leaves that to a proxy: `client.dns.lookup`, `bootstrap.resolve.timeout.ms`,
/// `send.buffer.bytes` and `receive.buffer.bytes` have no effect. TLS (`security.protocol`) is spoken over
/// its streams and expects a certificate for the broker's name; how a proxy is spoken to is up to the
/// dialer.
///
/// It is for brokers alone: what gives tokens (`sasl.oauthbearer.token.endpoint.url`, and what AWS credentials are
/// asked of) is connected to by TCP. Where that is not allowed, give a
/// [`TokenProvider`](crate::security::TokenProvider).
///
/// A dialer and its streams are called on the producer's own thread, where tokio's sockets and timers can be
/// used and nothing may block. Streams must not call into a producer.
///
/// An implementation needs the crate `async-trait` (0.1), for the attribute, and `tokio` (1) for its streams.
///
/// ```
/// use std::{io, time::Instant};
/// use kafka_producer::{BoxedStream, Dialer, Producer};
/// use tokio::net::TcpStream;
///
/// /// The brokers' ports are forwarded to this machine.
/// #[derive(Debug)]
/// struct Forwarded;
///
/// #[async_trait::async_trait]
/// impl Dialer for Forwarded {
///     async fn dial(&self, _host: &str, port: u16, _deadline: Instant) -> io::Result<BoxedStream> {
///         Ok(Box::new(TcpStream::connect(("127.0.0.1", port)).await?))
///     }
/// }
///
/// let builder = Producer::<str, str>::builder().dialer(Forwarded);
/// ```
#[async_trait]
pub trait Dialer: fmt::Debug + Send + Sync {
    /// Opens a stream to this host and port: those of an entry in `bootstrap.servers`, or those that a broker
    /// has told of itself. An IPv6 address comes without brackets.
    ///
    /// A call that takes longer than until `deadline` (`socket.connection.setup.timeout.ms`, which counts for
    /// TLS, too) is dropped.
    ///
    /// # Errors
    /// Whatever is in the way. It counts as a failure of the network: the broker is dialed again after
    /// `reconnect.backoff.ms`, and whoever waits for it is told these words. So is a panic.
    async fn dial(&self, host: &str, port: u16, deadline: Instant) -> io::Result<BoxedStream>;
}

/// What a [`Dialer`] opens: bytes to a broker and back, in order.
///
/// ```
/// let (here, _there) = tokio::io::duplex(1024);
/// let stream: kafka_producer::BoxedStream = Box::new(here);
/// ```
pub type BoxedStream = Box<dyn ByteStream>;

/// A stream of bytes in both directions. What implements tokio's traits implements it.
///
/// ```
/// fn is_one<T: kafka_producer::ByteStream>() {}
/// is_one::<tokio::net::TcpStream>();
/// ```
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> ByteStream for T {}
